//! What stays where it is for now? Age and revive, in stores that keep everything for longer than a test.
#![allow(missing_docs, reason = "the names of the tests say what they show")]

use super::{lapsed, overdue, paid, rolled_back, taken, unexpected, used, whole};
use crate::ledger::Ledger;
use crate::model::{Committed, IfExpired, Record, Reserved, Revived, RolledBack};

pub async fn nothing_goes_before_its_time(ledger: &dyn Ledger) {
    taken(ledger, "held", &[("stock", 1, 100)]).await;
    paid(ledger, "paid", &[("stock", 1, 100)]).await;
    lapsed(ledger, "expired", &[("stock", 1, 100)]).await;
    taken(ledger, "returned", &[("stock", 1, 100)]).await;
    rolled_back(ledger, "returned", whole("x")).await;
    assert!(matches!(ledger.rollback("u", "tombstone", whole("x")).await, Ok(RolledBack::Unknown(_))));
    assert_eq!(ledger.age(usize::MAX).await, Ok(0));
    for id in ["held", "paid", "expired", "returned", "tombstone"] {
        assert!(ledger.get("u", id).await.unwrap().is_some(), "{id}");
    }
    assert_eq!(used(ledger, ["stock"]).await, [2]);
}

pub async fn a_receipt_of_a_young_order_that_is_not_there_brings_nothing_back(ledger: &dyn Ledger) {
    assert!(matches!(ledger.reserve(overdue(ledger, "r", &[("stock", 1, 10)]).await).await, Ok(Reserved::Taken(_))));
    let answer = ledger.commit("u", "r", IfExpired::Refuse, None).await.unwrap();
    let Committed::Done(record) = answer else { return unexpected(answer) };
    // Had it been here, it would be here.
    let elsewhere = Record { id: "elsewhere".to_owned(), ..record };
    assert_eq!(ledger.revive(elsewhere).await, Ok(Revived::NotFound));
    assert_eq!(ledger.get("u", "elsewhere").await, Ok(None));
    assert_eq!(used(ledger, ["stock"]).await, [1]);
}
