//! Whose is an id? What a store promises whose records all lie in one place.
#![allow(missing_docs, reason = "the names of the tests say what they show")]

use super::{hold, paid, part, taken, whole};
use crate::ledger::Ledger;
use crate::model::{Reserved, RolledBack};

pub async fn an_id_belongs_to_the_shard_key_that_reserved_it(ledger: &dyn Ledger) {
    taken(ledger, "r", &[("stock", 2, 10)]).await;
    assert_eq!(ledger.get("v", "r").await, Ok(None));
    let mut other = hold(ledger, "r", &[("stock", 2, 10)]).await;
    other.shard_key = "v".to_owned();
    assert_eq!(ledger.reserve(other).await, Ok(Reserved::Conflict));
}

pub async fn another_customers_record_is_not_found(ledger: &dyn Ledger) {
    let record = paid(ledger, "r", &[("stock", 5, 10)]).await;
    assert_eq!(ledger.rollback("v", "r", part("x", 2, &[("stock", 1)])).await, Ok(RolledBack::NotFound));
    assert_eq!(ledger.rollback("v", "r", whole("x")).await, Ok(RolledBack::NotFound));
    assert_eq!(ledger.get("u", "r").await, Ok(Some(record)));
}
