//! Is it paid? Commit.

use prost::Message;
use tokka_ledger::model::{Committed, IfExpired, Record, State};
use tokka_proto::v1;

use super::{Reservations, ended, stored};
use crate::error::ApiError;
use crate::payload::Stored;
use crate::request::reservation as request;
use crate::{claims, open_orders};

impl Reservations {
    /// See `PricingService.Commit`.
    pub(crate) async fn commit(&self, request: v1::CommitRequest) -> Result<v1::CommitResponse, ApiError> {
        use tokka_core::basket::FieldViolation;
        let mut wrong = Vec::new();
        let v1::CommitRequest { reservation_id, user, receipt, if_expired, order } = request;
        let target = request::target(&self.receipts, reservation_id, user, &receipt, &mut wrong);
        let reacquire = match v1::IfExpired::try_from(if_expired) {
            Ok(v1::IfExpired::Unspecified | v1::IfExpired::Reacquire) => true,
            Ok(v1::IfExpired::Refuse) => false,
            Err(_) => {
                let known = "there are `IF_EXPIRED_REACQUIRE` and `IF_EXPIRED_REFUSE`";
                wrong.push(FieldViolation::new("if_expired", format!("`{if_expired}` is none: {known}")));
                true
            }
        };
        if !wrong.is_empty() {
            return Err(ApiError::Invalid(wrong));
        }
        let record = self.record(&target).await?;
        if record.state == State::RolledBack {
            return Err(ended(&record));
        }
        let note = match order {
            Some(order) => Some(note(&record, &order)?),
            None => None,
        };
        let if_expired = if reacquire {
            let published = self.catalogue.current();
            let limit = |claim: &tokka_ledger::model::Claim| {
                Some((claim.counter.clone(), claims::limit_now(&published, &claim.counter)?))
            };
            IfExpired::Reacquire(record.claims.iter().filter_map(limit).collect())
        } else {
            IfExpired::Refuse
        };
        match self.ledger.commit(target.shard_key(), &target.id, if_expired, note).await? {
            Committed::Done(record) | Committed::Repeated(record) => {
                Ok(v1::CommitResponse { reservation: Some(self.head(&record)?) })
            }
            Committed::NotFound => Err(ApiError::NotFound { reservation: target.id }),
            Committed::RolledBack(record) | Committed::Expired(record) => Err(ended(&record)),
            Committed::Refused { shortages, .. } => {
                let names: Vec<_> = shortages.iter().map(|shortage| shortage.counter.clone()).collect();
                let mut told: Vec<_> = shortages.iter().map(claims::shortage).collect();
                open_orders::say_of_shortages(&*self.ledger, target.shard_key(), &names, &mut told).await;
                Err(ApiError::ReacquireRefused(told))
            }
        }
    }
}

/// What the record keeps of the order's names. They are looked at before anything is done, also where a repeated Commit
/// then has no use for them.
fn note(record: &Record, order: &v1::OrderReference) -> Result<Vec<u8>, ApiError> {
    let stored = stored(record)?;
    let basket = stored.as_ref().map(Stored::request).transpose()?.and_then(|request| request.basket);
    let stores: Vec<&str> = basket.iter().flat_map(|basket| &basket.lines).map(|line| line.store.as_str()).collect();
    let mut wrong = Vec::new();
    request::reference(order, &stores, &mut wrong);
    if wrong.is_empty() { Ok(order.encode_to_vec()) } else { Err(ApiError::Invalid(wrong)) }
}
