//! What goes, what is left of it, and what brings it back? Age and revive, in stores that let everything go at once.
#![allow(missing_docs, reason = "the names of the tests say what they show")]

use futures_util::future::join_all;

use super::{
    assert_malformed, document, events, hold, lapsed, name, overdue, paid, part, portions_of, rolled_back, taken, transitions,
    unexpected, used, whole,
};
use crate::EXPIRE_MAX;
use crate::ledger::Ledger;
use crate::model::{Committed, Cursor, Extended, Hold, IfExpired, Portion, Record, Reserved, Revived, RolledBack, State};

/// Paid, with a deadline that has passed: it rests.
async fn paid_long_ago(ledger: &dyn Ledger, id: &str, claims: &[(&str, i64, i64)]) -> Record {
    assert!(matches!(ledger.reserve(overdue(ledger, id, claims).await).await, Ok(Reserved::Taken(_))));
    match ledger.commit("u", id, IfExpired::Refuse, None).await.unwrap() {
        Committed::Done(record) => record,
        other => unexpected(other),
    }
}

/// Expects the record of a receipt to come back, as the receipt has it.
async fn back(ledger: &dyn Ledger, receipt: &Record) -> Record {
    match ledger.revive(receipt.clone()).await.unwrap() {
        Revived::Back(record) => {
            assert!(record.changed >= receipt.changed);
            assert_eq!(Record { changed: receipt.changed, ..record.clone() }, *receipt);
            assert_eq!(ledger.get("u", &receipt.id).await, Ok(Some(record.clone())));
            record
        }
        other => unexpected(other),
    }
}

pub async fn what_has_rested_for_long_enough_goes(ledger: &dyn Ledger) {
    paid_long_ago(ledger, "paid", &[("stock", 1, 10)]).await;
    lapsed(ledger, "expired", &[("stock", 2, 10)]).await;
    paid_long_ago(ledger, "returned", &[("stock", 4, 10)]).await;
    rolled_back(ledger, "returned", whole("x")).await;
    assert_eq!(ledger.age(10).await, Ok(3));
    for id in ["paid", "expired", "returned"] {
        assert_eq!(ledger.get("u", id).await, Ok(None), "{id}");
    }
    assert_eq!(used(ledger, ["stock"]).await, [1], "as before");
    assert_eq!(ledger.age(10).await, Ok(0));
}

pub async fn what_is_held_never_goes(ledger: &dyn Ledger) {
    let late = overdue(ledger, "r", &[("stock", 1, 10)]).await;
    assert!(matches!(ledger.reserve(late).await, Ok(Reserved::Taken(_))));
    assert_eq!(ledger.age(10).await, Ok(0));
    assert!(ledger.get("u", "r").await.unwrap().is_some());
}

pub async fn an_order_rests_from_its_deadline_if_that_is_later(ledger: &dyn Ledger) {
    let young = paid(ledger, "r", &[("stock", 1, 10)]).await;
    assert_eq!(ledger.age(10).await, Ok(0));
    assert_eq!(ledger.get("u", "r").await, Ok(Some(young)));
}

pub async fn the_oldest_go_first_and_in_bounded_bites(ledger: &dyn Ledger) {
    for id in ["a", "b", "c"] {
        paid_long_ago(ledger, id, &[]).await;
    }
    assert_eq!(ledger.age(0).await, Ok(0));
    assert_eq!(ledger.age(1).await, Ok(1));
    assert_eq!(ledger.get("u", "a").await, Ok(None));
    assert_eq!(ledger.age(1).await, Ok(1));
    assert_eq!(ledger.get("u", "b").await, Ok(None));
    assert!(ledger.get("u", "c").await.unwrap().is_some());

    let mut holds = Vec::new();
    for number in 0..EXPIRE_MAX {
        holds.push(overdue(ledger, &format!("r{number}"), &[("stock", 1, 1_000)]).await);
    }
    join_all(holds.into_iter().map(|hold| ledger.reserve(hold))).await;
    assert_eq!(ledger.expire(usize::MAX).await, Ok(EXPIRE_MAX));
    assert_eq!(ledger.age(usize::MAX).await, Ok(EXPIRE_MAX), "`c` and all but one of the others");
    assert_eq!(ledger.get("u", "c").await, Ok(None));
    assert_eq!(ledger.age(usize::MAX).await, Ok(1));
}

pub async fn what_aged_stays_used_and_is_no_longer_held(ledger: &dyn Ledger) {
    paid_long_ago(ledger, "a", &[("stock", 2, 10), ("user", 1, 5)]).await;
    paid_long_ago(ledger, "b", &[("stock", 3, 10)]).await;
    assert_eq!(ledger.age(10).await, Ok(2));
    assert_eq!(used(ledger, ["stock", "user"]).await, [5, 1]);
    assert_eq!(ledger.held("u", &[name("stock"), name("user")]).await, Ok(vec![0, 0]));
    let too_much = hold(ledger, "c", &[("stock", 6, 10)]).await;
    assert!(matches!(ledger.reserve(too_much).await, Ok(Reserved::Refused { .. })));
    taken(ledger, "c", &[("stock", 5, 10)]).await;
    rolled_back(ledger, "c", whole("x")).await;
    assert_eq!(used(ledger, ["stock"]).await, [5]);
    let audit = ledger.audit().await.unwrap();
    assert!(audit.is_clean(), "{audit:?}");
    assert_eq!((audit.committed, audit.rolled_back, audit.counters), (0, 1, 2));
}

pub async fn an_aged_id_is_unknown(ledger: &dyn Ledger) {
    for id in ["a", "b"] {
        paid_long_ago(ledger, id, &[("stock", 1, 10)]).await;
    }
    assert_eq!(ledger.age(10).await, Ok(2));
    assert_eq!(ledger.commit("u", "a", IfExpired::Refuse, None).await, Ok(Committed::NotFound));
    assert_eq!(ledger.extend("u", "a", i64::MAX).await, Ok(Extended::NotFound));
    assert_eq!(ledger.rollback("u", "a", part("x", 2, &[("stock", 1)])).await, Ok(RolledBack::NotFound));
    // Who does not bring the receipt has no money to get back.
    assert!(matches!(ledger.rollback("u", "a", whole("x")).await, Ok(RolledBack::Unknown(_))));
    let again = taken(ledger, "b", &[("stock", 1, 10)]).await;
    assert_eq!((again.version, used(ledger, ["stock"]).await), (1, [3]));
}

pub async fn the_log_says_nothing_of_aging_and_keeps_what_it_told(ledger: &dyn Ledger) {
    let receipt = paid_long_ago(ledger, "r", &[("stock", 1, 10)]).await;
    let before = transitions(ledger).await;
    assert_eq!(ledger.age(10).await, Ok(1));
    let (told, _) = events(ledger, &Cursor::default()).await;
    assert!(told.iter().all(|event| event.record.is_none()), "{told:?}");
    assert_eq!(transitions(ledger).await, before);
    let back = back(ledger, &receipt).await;
    let (told, _) = events(ledger, &Cursor::default()).await;
    assert!(told.iter().all(|event| event.record.as_ref() == Some(&back)), "{told:?}");
    assert_eq!(transitions(ledger).await, before);
}

pub async fn documents_outlive_the_record_that_wrote_them(ledger: &dyn Ledger) {
    let coupon = Hold { documents: vec![document("c-1")], ..overdue(ledger, "c", &[("issued", 1, 10)]).await };
    let Reserved::Taken(receipt) = ledger.take(coupon).await.unwrap() else { panic!("not taken") };
    assert_eq!(ledger.age(10).await, Ok(1));
    let kept = ledger.document(&document("c-1").name).await.unwrap();
    assert_eq!(kept.map(|kept| kept.bytes), Some(document("c-1").bytes));
    back(ledger, &receipt).await;
    rolled_back(ledger, "c", whole("x")).await;
    assert_eq!(ledger.document(&document("c-1").name).await, Ok(None), "they go as they would have gone");
}

pub async fn a_receipt_brings_an_aged_order_back_to_be_returned(ledger: &dyn Ledger) {
    let receipt = paid_long_ago(ledger, "r", &[("stock", 5, 10), ("user", 1, 5)]).await;
    paid_long_ago(ledger, "other", &[("stock", 2, 10)]).await;
    assert_eq!(ledger.age(10).await, Ok(2));
    let record = back(ledger, &receipt).await;
    assert_eq!(used(ledger, ["stock", "user"]).await, [7, 1], "nothing is claimed again");
    let returned = rolled_back(ledger, "r", part("x", record.version, &[("stock", 3)])).await;
    assert_eq!((returned.version, returned.holding), (3, portions_of(&[("stock", 2), ("user", 1)])));
    assert!(returned.place > receipt.place, "a transition like any other");
    rolled_back(ledger, "r", whole("y")).await;
    assert_eq!(used(ledger, ["stock", "user"]).await, [2, 0]);
}

pub async fn a_receipt_brings_back_each_order_once(ledger: &dyn Ledger) {
    let receipt = paid_long_ago(ledger, "r", &[("stock", 5, 10)]).await;
    assert_eq!(ledger.age(10).await, Ok(1));
    let all = join_all((0..8).map(|_| ledger.revive(receipt.clone()))).await;
    let of = |wanted: fn(&Revived) -> bool| all.iter().flatten().filter(|answer| wanted(answer)).count();
    assert_eq!(of(|answer| matches!(answer, Revived::Back(_))), 1, "{all:?}");
    assert_eq!(of(|answer| matches!(answer, Revived::Known(_))), 7, "{all:?}");
    rolled_back(ledger, "r", whole("x")).await;
    assert_eq!(used(ledger, ["stock"]).await, [0]);
}

pub async fn what_came_back_goes_again(ledger: &dyn Ledger) {
    let receipt = paid_long_ago(ledger, "r", &[("stock", 5, 10)]).await;
    assert_eq!(ledger.age(10).await, Ok(1));
    back(ledger, &receipt).await;
    assert_eq!(ledger.age(10).await, Ok(1));
    assert_eq!((ledger.get("u", "r").await, used(ledger, ["stock"]).await), (Ok(None), [5]));
    back(ledger, &receipt).await;
    rolled_back(ledger, "r", whole("x")).await;
    assert_eq!(ledger.age(10).await, Ok(1));
    assert_eq!(used(ledger, ["stock"]).await, [0]);
    assert_eq!(ledger.revive(receipt).await, Ok(Revived::Superseded));
}

pub async fn parts_that_went_back_before_do_not_go_back_again(ledger: &dyn Ledger) {
    paid_long_ago(ledger, "r", &[("stock", 5, 10)]).await;
    let receipt = rolled_back(ledger, "r", part("x", 2, &[("stock", 2)])).await;
    assert_eq!(ledger.age(10).await, Ok(1));
    let record = back(ledger, &receipt).await;
    assert_eq!(ledger.rollback("u", "r", part("x", 2, &[("stock", 2)])).await, Ok(RolledBack::Repeated(record)));
    assert_eq!(used(ledger, ["stock"]).await, [3]);
    rolled_back(ledger, "r", whole("y")).await;
    assert_eq!(used(ledger, ["stock"]).await, [0]);
}

pub async fn an_older_receipt_than_the_last_return_is_superseded(ledger: &dyn Ledger) {
    let first = paid_long_ago(ledger, "r", &[("stock", 5, 10)]).await;
    let second = rolled_back(ledger, "r", part("x", 2, &[("stock", 2)])).await;
    let ended = paid_long_ago(ledger, "ended", &[("stock", 1, 10)]).await;
    rolled_back(ledger, "ended", whole("x")).await;
    assert_eq!(ledger.age(10).await, Ok(2));
    assert_eq!(ledger.revive(first.clone()).await, Ok(Revived::Superseded));
    assert_eq!(ledger.revive(ended).await, Ok(Revived::Superseded));
    assert_eq!(ledger.get("u", "r").await, Ok(None));
    back(ledger, &second).await;
    let third = rolled_back(ledger, "r", part("y", 3, &[("stock", 1)])).await;
    assert_eq!(ledger.age(10).await, Ok(1));
    for older in [first, second] {
        assert_eq!(ledger.revive(older).await, Ok(Revived::Superseded));
    }
    back(ledger, &third).await;
    assert_eq!(used(ledger, ["stock"]).await, [2]);
}

pub async fn a_receipt_of_an_order_that_is_there_changes_nothing(ledger: &dyn Ledger) {
    let receipt = paid(ledger, "r", &[("stock", 5, 10)]).await;
    let now = rolled_back(ledger, "r", part("x", 2, &[("stock", 2)])).await;
    assert_eq!(ledger.revive(receipt.clone()).await, Ok(Revived::Known(now.clone())));
    let of_another = Record { shard_key: "somebody else".to_owned(), ..receipt };
    assert_eq!(ledger.revive(of_another).await, Ok(Revived::NotFound));
    assert_eq!(ledger.get("u", "r").await, Ok(Some(now)));
    assert_eq!(used(ledger, ["stock"]).await, [3]);
}

pub async fn only_paid_orders_that_have_aged_come_back(ledger: &dyn Ledger) {
    let held = overdue(ledger, "r", &[("stock", 1, 10)]).await;
    let Reserved::Taken(held) = ledger.reserve(held).await.unwrap() else { panic!("not taken") };
    assert_eq!(ledger.expire(10).await, Ok(1));
    let expired = ledger.get("u", "r").await.unwrap().unwrap();
    paid_long_ago(ledger, "returned", &[("stock", 1, 10)]).await;
    let returned = rolled_back(ledger, "returned", whole("x")).await;
    assert_eq!(ledger.age(10).await, Ok(2));
    for receipt in [held, expired, returned] {
        assert_eq!(ledger.revive(receipt.clone()).await, Ok(Revived::NotFound), "{}", receipt.state.name());
    }
    // Its deadline has not passed: it cannot have aged.
    let young = paid(ledger, "young", &[("stock", 1, 10)]).await;
    assert_eq!(ledger.revive(Record { id: "elsewhere".to_owned(), ..young }).await, Ok(Revived::NotFound));
}

pub async fn a_forgotten_counter_gives_nothing_back(ledger: &dyn Ledger) {
    let receipt = paid_long_ago(ledger, "r", &[("stock", 5, 10)]).await;
    assert_eq!(ledger.age(10).await, Ok(1));
    let more = Record { holding: portions_of(&[("stock", 5), ("forgotten", 2)]), ..receipt };
    let Revived::Back(record) = ledger.revive(more).await.unwrap() else { panic!("not back") };
    assert_eq!(record.holding, portions_of(&[("stock", 5)]));
    assert_eq!(ledger.get("u", "r").await, Ok(Some(record)));
    rolled_back(ledger, "r", whole("x")).await;
    assert_eq!(used(ledger, ["stock", "forgotten"]).await, [0, 0]);
}

pub async fn a_tombstone_goes_too(ledger: &dyn Ledger) {
    assert!(matches!(ledger.rollback("u", "r", whole("x")).await, Ok(RolledBack::Unknown(_))));
    assert_eq!(ledger.age(10).await, Ok(1));
    assert_eq!(ledger.get("u", "r").await, Ok(None));
    let record = taken(ledger, "r", &[("stock", 1, 10)]).await;
    assert_eq!((record.state, record.version), (State::Held, 1));
}

pub async fn a_receipt_must_be_well_formed(ledger: &dyn Ledger) {
    let receipt = paid_long_ago(ledger, "r", &[("stock", 5, 10)]).await;
    assert_eq!(ledger.age(10).await, Ok(1));
    assert_malformed(ledger.revive(Record { id: String::new(), ..receipt.clone() }).await);
    assert_malformed(ledger.revive(Record { shard_key: "x".repeat(256), ..receipt.clone() }).await);
    let none = Portion { counter: name("stock"), amount: 0 };
    assert_malformed(ledger.revive(Record { holding: vec![none], ..receipt.clone() }).await);
    let twice = portions_of(&[("stock", 1), ("stock", 1)]);
    assert_malformed(ledger.revive(Record { holding: twice, ..receipt }).await);
    assert_eq!(ledger.get("u", "r").await, Ok(None));
}
