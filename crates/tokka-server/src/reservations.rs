//! How is an order held, paid, returned and looked at? One file a call; here is what they share.

use std::future::Future;
use std::sync::Arc;

use prost::Message;
use tokka_ledger::model::{Claim, Record, State};
use tokka_ledger::{Ledger, LedgerError};
use tokka_proto::v1;

use crate::catalogue::Catalogue;
use crate::coupons::Coupons;
use crate::error::{ApiError, Forbidden, Stands};
use crate::frozen::Thawed;
use crate::payload::{Stored, Unreadable};
use crate::receipt::Receipts;
use crate::request::reservation::Target;
use crate::{claims, response};

mod extend;
mod lookup;
pub(crate) mod order;
mod price_change;
mod reserve;
mod rollback;
mod settle;

pub(crate) use reserve::Scarce;

/// Calls that lose a race so often in a row are answered `CONTENTION`.
const TRIES_MAX: usize = 5;

/// Reservations over a ledger.
pub(crate) struct Reservations {
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) coupons: Arc<Coupons>,
    pub(crate) receipts: Receipts,
    pub(crate) thawed: Thawed,
    pub(crate) scarce: Scarce,
}

impl std::fmt::Debug for Reservations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reservations").field("receipts", &self.receipts).finish_non_exhaustive()
    }
}

/// Runs a call to its end, whether or not its caller still waits: a handler is dropped at its caller's deadline, and may
/// not leave half of an operation.
pub(crate) async fn to_the_end<T: Send + 'static>(
    call: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::spawn(call).await {
        Ok(answer) => answer,
        Err(failure) => Err(ApiError::Bug(failure.to_string())),
    }
}

impl Reservations {
    /// The record of a reservation, as far as this user may see it.
    async fn record(&self, target: &Target) -> Result<Record, ApiError> {
        let record = self.found(target).await?;
        record.ok_or_else(|| ApiError::NotFound { reservation: target.id.clone() })
    }

    /// Likewise, where there is one. What a fail-over has lost comes back first, if the caller brings its receipt.
    async fn found(&self, target: &Target) -> Result<Option<Record>, ApiError> {
        let found = self.ledger.get(target.shard_key(), &target.id).await;
        let Some(receipt) = &target.receipt else { return Ok(found?) };
        let stands = match found {
            Ok(stands) if may_be_lost(receipt, stands.as_ref()) => stands,
            Ok(stands) => return Ok(stands),
            // Perhaps since what a fail-over lost is not back yet, which this receipt brings.
            Err(error @ LedgerError::Unavailable(_)) => {
                return match self.ledger.recover(Record::clone(receipt)).await {
                    Ok(Some(back)) => Ok(Some(back)),
                    Ok(None) | Err(_) => Err(error.into()),
                };
            }
            Err(error) => return Err(error.into()),
        };
        let back = self.ledger.recover(Record::clone(receipt)).await?;
        if let Some(Record { id, state, version, .. }) = &back {
            tracing::warn!(reservation_id = id, ?state, version, "what a fail-over had lost is back, by its receipt");
        }
        Ok(back.or(stands))
    }

    /// A reservation as it stands, with its receipt.
    fn head(&self, record: &Record) -> Result<v1::Reservation, ApiError> {
        let (stored, order) = named(record)?;
        self.head_of(record, stored.as_ref(), order)
    }

    fn head_of(
        &self,
        record: &Record,
        stored: Option<&Stored>,
        order: Option<v1::OrderReference>,
    ) -> Result<v1::Reservation, ApiError> {
        let receipt = self.receipts.write(record);
        Ok(response::reservation::head(record, stored, order, receipt)?)
    }
}

/// Was the state that a receipt vouches for perhaps lost? It is certainly not where the record has it in the same epoch, or
/// went on from it. The ledger knows; it is asked only where it may be so.
fn may_be_lost(receipt: &Record, stands: Option<&Record>) -> bool {
    stands.is_none_or(|stands| stands.version < receipt.version || stands.place.epoch > receipt.place.epoch)
}

/// The stored order of a record, and what the caller calls it by now.
pub(crate) fn named(record: &Record) -> Result<(Option<Stored>, Option<v1::OrderReference>), ApiError> {
    let stored = stored(record)?;
    let said = record.note.as_deref().map(v1::OrderReference::decode).transpose();
    let said = said.map_err(|error| ApiError::Bug(format!("an order reference cannot be read: {error}")))?;
    let order = merged(stored.as_ref().and_then(|stored| stored.order.clone()), said);
    Ok((stored, order))
}

/// The stored order of a record; a tombstone has none.
pub(crate) fn stored(record: &Record) -> Result<Option<Stored>, ApiError> {
    if record.tombstone { Ok(None) } else { Ok(Some(Stored::from_bytes(&record.payload)?)) }
}

/// What a record took of limited quantities, and what it still has of it.
fn claims_of(record: &Record) -> Vec<v1::Claim> {
    let held = |claim: &Claim| record.holding.iter().find(|portion| portion.counter == claim.counter);
    let one = |claim: &Claim| v1::Claim {
        counter: Some(claims::to_wire(&claim.counter)),
        amount: claim.amount,
        limit: claim.limit,
        holding: held(claim).map_or(0, |portion| portion.amount),
    };
    record.claims.iter().filter(|claim| claims::is_told(&claim.counter)).map(one).collect()
}

/// What was said of an order, field by field: the later word stands.
fn merged(before: Option<v1::OrderReference>, after: Option<v1::OrderReference>) -> Option<v1::OrderReference> {
    let (Some(before), Some(after)) = (&before, &after) else { return after.or(before) };
    let or = |after: &std::collections::BTreeMap<String, String>, before| if after.is_empty() { before } else { after.clone() };
    Some(v1::OrderReference {
        order_id: after.order_id.clone().or_else(|| before.order_id.clone()),
        store_order_ids: or(&after.store_order_ids, before.store_order_ids.clone()),
        labels: or(&after.labels, before.labels.clone()),
    })
}

/// Why a reservation that has ended cannot be had any more.
fn ended(record: &Record) -> ApiError {
    let stands = stands(record);
    let expired = record.state == State::Expired;
    ApiError::Forbidden(if expired { Forbidden::Expired(stands) } else { Forbidden::RolledBack(stands) })
}

/// How a reservation stands that a call cannot be had of.
fn stands(record: &Record) -> Stands {
    Stands { id: record.id.clone(), state: record.state, version: record.version }
}

/// Answers that an operation does not have: a defect.
fn unexpected(answer: impl std::fmt::Debug) -> ApiError {
    ApiError::Store(LedgerError::Malformed(format!("an answer that this call does not have: {answer:?}")))
}

impl From<Unreadable> for ApiError {
    fn from(error: Unreadable) -> Self {
        Self::Bug(error.to_string())
    }
}

#[cfg(test)]
mod tests;
