//! Which prices are still sold? The lowest revision that holds are admitted at.
#![allow(missing_docs, reason = "the names of the tests say what they show")]

use futures_util::future::join_all;

use super::{hold, lapsed, taken, transitions, used};
use crate::ledger::Ledger;
use crate::model::{Committed, Hold, IfExpired, Reserved};

async fn priced_on(ledger: &dyn Ledger, revision: u64, id: &str, claims: &[(&str, i64, i64)]) -> Hold {
    Hold { revision, ..hold(ledger, id, claims).await }
}

pub async fn a_price_of_an_older_revision_is_refused(ledger: &dyn Ledger) {
    taken(ledger, "old", &[("stock", 1, 10)]).await;
    assert_eq!(ledger.admit(7).await, Ok(7));
    let before = transitions(ledger).await;
    let stale = Ok(Reserved::Stale { admitted: 7 });
    assert_eq!(ledger.reserve(priced_on(ledger, 6, "r", &[("stock", 1, 10)]).await).await, stale);
    assert_eq!(ledger.take(priced_on(ledger, 1, "r", &[("stock", 1, 10)]).await).await, stale);
    assert_eq!(ledger.replace("old", priced_on(ledger, 6, "r", &[("stock", 1, 10)]).await).await, stale);
    // Whatever is left: the newer revision may have more.
    assert_eq!(ledger.reserve(priced_on(ledger, 6, "r", &[("stock", 99, 10)]).await).await, stale);
    assert_eq!((transitions(ledger).await, used(ledger, ["stock"]).await), (before, [1]));
    assert_eq!(ledger.get("u", "r").await, Ok(None), "a refusal is not remembered");
    assert!(matches!(ledger.replace("old", priced_on(ledger, 7, "r", &[]).await).await, Ok(Reserved::Taken(_))));
    assert!(matches!(ledger.reserve(priced_on(ledger, 8, "s", &[]).await).await, Ok(Reserved::Taken(_))));
}

pub async fn the_admitted_revision_only_rises(ledger: &dyn Ledger) {
    assert_eq!(ledger.admitted().await, Ok(0));
    assert_eq!(ledger.admit(5).await, Ok(5));
    assert_eq!(ledger.admit(3).await, Ok(5), "the one in force");
    assert_eq!(ledger.admit(0).await, Ok(5));
    assert_eq!(ledger.admitted().await, Ok(5));
    assert!(matches!(ledger.reserve(priced_on(ledger, 4, "r", &[]).await).await, Ok(Reserved::Stale { admitted: 5 })));
    let answers = join_all((4..20).map(|revision| ledger.admit(revision))).await;
    assert_eq!((answers.iter().flatten().max(), ledger.admitted().await), (Some(&19), Ok(19)));
    for (answer, revision) in answers.into_iter().zip(4..) {
        assert!(answer.unwrap() >= revision);
    }
}

pub async fn known_ids_are_answered_whatever_is_admitted(ledger: &dyn Ledger) {
    let first = priced_on(ledger, 1, "r", &[("stock", 2, 10)]).await;
    let Ok(Reserved::Taken(record)) = ledger.reserve(first.clone()).await else { panic!("not taken") };
    assert_eq!(ledger.admit(2).await, Ok(2));
    assert_eq!(ledger.reserve(first.clone()).await, Ok(Reserved::Repeated(record)));
    assert_eq!(ledger.reserve(Hold { request_hash: 1, ..first }).await, Ok(Reserved::Conflict));
    assert!(matches!(ledger.commit("u", "r", IfExpired::Refuse, None).await, Ok(Committed::Done(_))));
}

pub async fn a_catalogue_without_numbers_is_always_admitted(ledger: &dyn Ledger) {
    assert_eq!(ledger.admit(u64::MAX).await, Ok(u64::MAX));
    taken(ledger, "r", &[("stock", 1, 10)]).await;
}

pub async fn a_late_payment_is_of_no_revision(ledger: &dyn Ledger) {
    lapsed(ledger, "r", &[("stock", 1, 10)]).await;
    assert_eq!(ledger.admit(9).await, Ok(9));
    assert!(matches!(ledger.commit("u", "r", IfExpired::Reacquire(Vec::new()), None).await, Ok(Committed::Done(_))));
}
