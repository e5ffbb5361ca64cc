//! Does the customer need more time? ExtendReservation, once for each request id.

use prost::Message;
use tokka_ledger::model::{Extended, Put, Record, State};
use tokka_ledger::name::Name;
use tokka_proto::v1;

use super::{Reservations, TRIES_MAX, stands};
use crate::claims;
use crate::error::{ApiError, Forbidden};
use crate::request::reservation::{self as request, Target};

/// What a request id stands for. It lies beside the record: first what was asked, then what was answered.
#[derive(Clone, PartialEq, Message)]
struct Extension {
    #[prost(message, optional, tag = "1")]
    until: Option<prost_types::Timestamp>,
    /// The first answer; none yet where the call was cut short, and then it is done again.
    #[prost(message, optional, tag = "2")]
    answer: Option<v1::Reservation>,
}

impl Reservations {
    /// See `PricingService.ExtendReservation`.
    pub(crate) async fn extend(&self, request: v1::ExtendReservationRequest) -> Result<v1::ExtendReservationResponse, ApiError> {
        let mut wrong = Vec::new();
        let v1::ExtendReservationRequest { reservation_id, user, receipt, request_id, until: asked } = request;
        let target = request::target(&self.receipts, reservation_id, user, &receipt, &mut wrong);
        request::token("request_id", &request_id, &mut wrong);
        let now = self.ledger.now().await?;
        // What is answered already was asked for on another day, under other settings.
        let (mut unfit, longest) = (Vec::new(), self.catalogue.current().settings.hold_max);
        let until = request::until(asked, now, longest, &mut unfit);
        if !wrong.is_empty() {
            wrong.extend(unfit);
            return Err(ApiError::Invalid(wrong));
        }
        let record = self.record(&target).await?;
        let name = claims::extension(target.shard_key(), &target.id, &request_id);
        for _ in 0..TRIES_MAX {
            let (version, before) = self.extension(&name).await?;
            let version = match before {
                Some(Extension { until, .. }) if until != asked => {
                    return Err(ApiError::Taken { field: "request_id", id: request_id });
                }
                Some(Extension { answer: Some(first), .. }) => {
                    return Ok(v1::ExtendReservationResponse { reservation: Some(first) });
                }
                Some(Extension { answer: None, .. }) => version,
                None => {
                    if !unfit.is_empty() {
                        return Err(ApiError::Invalid(unfit));
                    }
                    if record.state != State::Held {
                        return Err(not_held(&record));
                    }
                    let asked = Extension { until: asked, answer: None };
                    match self.ledger.put(&name, version, asked.encode_to_vec()).await? {
                        Put::Done(version) => version,
                        Put::Moved(_) => continue,
                    }
                }
            };
            let answer = self.extended(&target, until).await?;
            let done = Extension { until: asked, answer: Some(answer) };
            // Where the same call was quicker, the next round finds its answer.
            if let Put::Done(_) = self.ledger.put(&name, version, done.encode_to_vec()).await? {
                return Ok(v1::ExtendReservationResponse { reservation: done.answer });
            }
        }
        Err(ApiError::Contention)
    }

    async fn extension(&self, name: &Name) -> Result<(u64, Option<Extension>), ApiError> {
        let Some(document) = self.ledger.document(name).await? else { return Ok((0, None)) };
        let read = Extension::decode(document.bytes.as_slice());
        let extension = read.map_err(|error| ApiError::Bug(format!("an extension cannot be read: {error}")))?;
        Ok((document.version, Some(extension)))
    }

    async fn extended(&self, target: &Target, until: i64) -> Result<v1::Reservation, ApiError> {
        match self.ledger.extend(target.shard_key(), &target.id, until).await? {
            Extended::Done(record) => self.head(&record),
            Extended::NotFound => Err(ApiError::NotFound { reservation: target.id.clone() }),
            Extended::NotHeld(record) => Err(not_held(&record)),
        }
    }
}

fn not_held(record: &Record) -> ApiError {
    ApiError::Forbidden(Forbidden::NotHeld(stands(record)))
}
