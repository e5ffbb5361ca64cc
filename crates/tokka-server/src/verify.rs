//! Does the store agree with itself? `StoreService.Verify`, while orders go on.

use std::fmt;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokka_ledger::model::Audit;
use tokka_ledger::{Ledger, LedgerError};
use tokka_proto::v1;
use tokka_proto::v1::store_service_server::StoreService;
use tonic::{Request, Response, Status};

use crate::claims;
use crate::error::ApiError;
use crate::reservations::to_the_end;

/// Differences that are named in one answer.
const NAMED_MAX: usize = 1_000;

/// The service.
pub(crate) struct Verifier {
    store: Arc<dyn Ledger>,
    /// An audit reads every record: one at a time leaves the disk to the orders.
    turn: Arc<Semaphore>,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    pub(crate) fn new(store: Arc<dyn Ledger>) -> Self {
        Self { store, turn: Arc::new(Semaphore::new(1)) }
    }
}

#[tonic::async_trait]
impl StoreService for Verifier {
    async fn verify(&self, _: Request<v1::VerifyRequest>) -> Result<Response<v1::VerifyResponse>, Status> {
        let turn = Arc::clone(&self.turn).try_acquire_owned();
        let turn = turn.map_err(|_| ApiError::Store(LedgerError::Overloaded))?;
        let store = Arc::clone(&self.store);
        // The turn ends with the audit, also where its caller has gone before.
        let audit = to_the_end(async move {
            let audit = store.audit().await?;
            drop(turn);
            if !audit.is_clean() {
                let (counters, reservations) = (audit.differences.len(), audit.versions.len());
                tracing::error!(counters, reservations, "the store does not agree with itself");
            }
            Ok(audit)
        });
        Ok(Response::new(told(audit.await?)))
    }
}

/// What was counted, as `StoreService` tells it.
#[must_use]
pub fn told(audit: Audit) -> v1::VerifyResponse {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let many = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let clean = audit.is_clean();
    let difference = |(name, should, is): &(tokka_ledger::name::Name, i64, i64)| v1::CounterDifference {
        counter: Some(claims::to_wire(name)),
        user: claims::user_of(name).unwrap_or_default().to_owned(),
        held_by_reservations: *should,
        counted: *is,
    };
    v1::VerifyResponse {
        clean,
        held: number(audit.held),
        committed: number(audit.committed),
        rolled_back: number(audit.rolled_back),
        expired: number(audit.expired),
        counters: number(audit.counters),
        log_entries: number(audit.entries),
        differences: audit.differences.iter().take(NAMED_MAX).map(difference).collect(),
        differences_total: many(audit.differences.len()),
        versions_total: many(audit.versions.len()),
        versions: audit.versions.into_iter().take(NAMED_MAX).collect(),
    }
}

#[cfg(test)]
mod tests {
    use tokka_ledger::name::Name;

    use super::*;

    #[test]
    fn what_differs_is_named_and_counted() {
        let name = |n: usize| Name::of(&["user_units", "flash", "", &format!("u{n}")]);
        let differences = (0..1_500).map(|n| (name(n), 2, 5)).collect();
        let audit = Audit { held: 7, differences, versions: vec!["r-7".to_owned()], ..Audit::default() };
        let answer = told(audit);
        assert!(!answer.clean);
        assert_eq!((answer.held, answer.differences.len(), answer.differences_total), (7, NAMED_MAX, 1_500));
        assert_eq!((answer.versions, answer.versions_total), (vec!["r-7".to_owned()], 1));
        let first = &answer.differences[0];
        assert_eq!((first.user.as_str(), first.held_by_reservations, first.counted), ("u0", 2, 5));
        assert_eq!(first.counter.as_ref().expect("a counter").kind(), v1::CounterKind::UnitsPerUser);
    }
}
