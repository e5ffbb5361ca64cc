//! Does everything go back exactly once? Rollback, whole and in part.
#![allow(missing_docs, reason = "the names of the tests say what they show")]

use futures_util::future::join;

use super::{
    assert_malformed, document, hold, lapsed, paid, part, portions_of, rolled_back, taken, transitions, unexpected, used, whole,
};
use crate::bounds::{RETURNS_BYTES_MAX, RETURNS_MAX};
use crate::ledger::Ledger;
use crate::model::{Committed, Extent, IfExpired, Reserved, Rollback, RolledBack, State, Transition};

pub async fn a_whole_rollback_gives_everything_back(ledger: &dyn Ledger) {
    taken(ledger, "held", &[("stock", 2, 10), ("user", 1, 5)]).await;
    paid(ledger, "paid", &[("stock", 3, 10), ("user", 1, 5)]).await;
    let held = rolled_back(ledger, "held", whole("x")).await;
    assert_eq!((held.state, held.version, held.holding), (State::RolledBack, 2, Vec::new()));
    assert_eq!(used(ledger, ["stock", "user"]).await, [3, 1]);
    let paid = rolled_back(ledger, "paid", Rollback { version: Some(2), ..whole("x") }).await;
    assert_eq!((paid.state, paid.version), (State::RolledBack, 3));
    assert_eq!(paid.returns[0].portions, portions_of(&[("stock", 3), ("user", 1)]));
    assert_eq!(used(ledger, ["stock", "user"]).await, [0, 0]);
}

pub async fn a_whole_rollback_after_payment_removes_the_documents(ledger: &dyn Ledger) {
    let mut coupon = hold(ledger, "c", &[]).await;
    coupon.documents = vec![document("c-1")];
    assert!(matches!(ledger.take(coupon).await, Ok(Reserved::Taken(_))));
    let mut unpaid = hold(ledger, "unpaid", &[]).await;
    unpaid.documents = vec![document("c-1")];
    assert!(matches!(ledger.reserve(unpaid).await, Ok(Reserved::Taken(_))));
    rolled_back(ledger, "unpaid", whole("x")).await;
    assert!(ledger.document(&document("c-1").name).await.unwrap().is_some(), "a hold wrote nothing, so it removes nothing");
    rolled_back(ledger, "c", whole("x")).await;
    assert_eq!(ledger.document(&document("c-1").name).await, Ok(None));
}

pub async fn a_whole_rollback_of_an_expired_hold_gives_nothing_back_twice(ledger: &dyn Ledger) {
    taken(ledger, "other", &[("stock", 1, 10)]).await;
    lapsed(ledger, "r", &[("stock", 2, 10)]).await;
    let record = rolled_back(ledger, "r", whole("x")).await;
    assert_eq!((record.state, record.returns[0].portions.len()), (State::RolledBack, 0));
    assert_eq!(used(ledger, ["stock"]).await, [1]);
    assert!(matches!(ledger.commit("u", "r", IfExpired::Reacquire(Vec::new()), None).await, Ok(Committed::RolledBack(_))));
}

pub async fn parts_go_back_after_payment_and_add_up(ledger: &dyn Ledger) {
    paid(ledger, "r", &[("stock", 5, 10), ("budget", 700, 1_000)]).await;
    let first = rolled_back(ledger, "r", part("one", 2, &[("stock", 2), ("budget", 300)])).await;
    assert_eq!((first.state, first.version), (State::Committed, 3), "partly returned is no state of its own");
    assert_eq!(used(ledger, ["stock", "budget"]).await, [3, 400]);
    let second = rolled_back(ledger, "r", part("two", 3, &[("stock", 3)])).await;
    assert_eq!(second.holding, portions_of(&[("budget", 400)]));
    let last = rolled_back(ledger, "r", Rollback { version: Some(4), ..whole("three") }).await;
    assert_eq!(last.returns[2].portions, portions_of(&[("budget", 400)]));
    assert_eq!(used(ledger, ["stock", "budget"]).await, [0, 0]);
}

pub async fn a_part_before_payment_is_refused(ledger: &dyn Ledger) {
    let record = taken(ledger, "r", &[("stock", 5, 10)]).await;
    assert_eq!(ledger.rollback("u", "r", part("x", 1, &[("stock", 1)])).await, Ok(RolledBack::NotReturnable(record)));
    assert_eq!(used(ledger, ["stock"]).await, [5]);
}

pub async fn a_part_of_an_expired_hold_is_refused(ledger: &dyn Ledger) {
    let record = lapsed(ledger, "r", &[("stock", 5, 10)]).await;
    assert_eq!(ledger.rollback("u", "r", part("x", 2, &[("stock", 1)])).await, Ok(RolledBack::NotReturnable(record)));
    assert_eq!(used(ledger, ["stock"]).await, [0]);
}

pub async fn more_than_is_held_is_refused_whole(ledger: &dyn Ledger) {
    let record = paid(ledger, "r", &[("stock", 5, 10), ("user", 1, 5)]).await;
    let refused = Ok(RolledBack::NotReturnable(record));
    assert_eq!(ledger.rollback("u", "r", part("x", 2, &[("user", 1), ("stock", 6)])).await, refused);
    assert_eq!(ledger.rollback("u", "r", part("x", 2, &[("user", 1), ("gift", 1)])).await, refused);
    let except = Extent::Whole { except: portions_of(&[("stock", 6)]) };
    assert_eq!(ledger.rollback("u", "r", Rollback { extent: except, ..whole("x") }).await, refused);
    assert_eq!(used(ledger, ["stock", "user"]).await, [5, 1]);
}

pub async fn what_stays_out_comes_back_later(ledger: &dyn Ledger) {
    paid(ledger, "r", &[("stock", 5, 10), ("gift", 2, 5)]).await;
    let except = Extent::Whole { except: portions_of(&[("gift", 2)]) };
    let record = rolled_back(ledger, "r", Rollback { extent: except, version: Some(2), ..whole("x") }).await;
    assert_eq!((record.state, record.holding.clone()), (State::RolledBack, portions_of(&[("gift", 2)])));
    assert_eq!(used(ledger, ["stock", "gift"]).await, [0, 2], "the customer still has the gifts");
    let record = rolled_back(ledger, "r", part("one gift", 3, &[("gift", 1)])).await;
    assert_eq!((record.state, used(ledger, ["gift"]).await), (State::RolledBack, [1]));
    rolled_back(ledger, "r", part("the other", 4, &[("gift", 1)])).await;
    let answer = ledger.rollback("u", "r", part("a third", 5, &[("gift", 1)])).await.unwrap();
    assert!(matches!(answer, RolledBack::NotReturnable(_)), "{answer:?}");
    assert_eq!(used(ledger, ["gift"]).await, [0]);
}

pub async fn a_repeated_refund_has_its_stored_answer(ledger: &dyn Ledger) {
    paid(ledger, "r", &[("stock", 5, 10)]).await;
    let refund = part("x", 2, &[("stock", 2)]);
    let first = rolled_back(ledger, "r", refund.clone()).await;
    // A caller that lost the answer computes it anew, perhaps to something else: what was stored counts.
    let again = Rollback { answer: b"something else".to_vec(), ..refund };
    assert_eq!(ledger.rollback("u", "r", again.clone()).await, Ok(RolledBack::Repeated(first.clone())));
    assert_eq!(first.returns[0].answer, b"answer x");
    let later = rolled_back(ledger, "r", part("y", 3, &[("stock", 1)])).await;
    assert_eq!(ledger.rollback("u", "r", again).await, Ok(RolledBack::Repeated(later)), "also once the version moved");
    assert_eq!(used(ledger, ["stock"]).await, [2]);
}

pub async fn a_refund_id_with_other_content_is_a_conflict(ledger: &dyn Ledger) {
    paid(ledger, "r", &[("stock", 5, 10)]).await;
    rolled_back(ledger, "r", part("x", 2, &[("stock", 2)])).await;
    let other = Rollback { request_hash: 2, ..part("x", 3, &[("stock", 1)]) };
    assert_eq!(ledger.rollback("u", "r", other).await, Ok(RolledBack::Conflict));
    assert_eq!(ledger.rollback("u", "r", Rollback { request_hash: 2, ..whole("x") }).await, Ok(RolledBack::Conflict));
    assert_eq!(used(ledger, ["stock"]).await, [3]);
}

pub async fn two_part_refunds_at_once_one_computes_again(ledger: &dyn Ledger) {
    paid(ledger, "r", &[("stock", 5, 10)]).await;
    let (one, two) = (part("one", 2, &[("stock", 3)]), part("two", 2, &[("stock", 3)]));
    let (first, second) = join(ledger.rollback("u", "r", one), ledger.rollback("u", "r", two)).await;
    let (mut done, mut moved) = (0, 0);
    for answer in [first.unwrap(), second.unwrap()] {
        match answer {
            RolledBack::Done(_) => done += 1,
            RolledBack::VersionMoved(record) => {
                assert_eq!((record.version, record.holding), (3, portions_of(&[("stock", 2)])));
                moved += 1;
            }
            other => return unexpected(other),
        }
    }
    assert_eq!((done, moved, used(ledger, ["stock"]).await), (1, 1, [2]));
}

pub async fn a_stale_version_is_refused_also_for_a_whole_rollback(ledger: &dyn Ledger) {
    let record = paid(ledger, "r", &[("stock", 5, 10)]).await;
    let stale = Rollback { version: Some(1), ..whole("x") };
    assert_eq!(ledger.rollback("u", "r", stale).await, Ok(RolledBack::VersionMoved(record)));
    assert_eq!(used(ledger, ["stock"]).await, [5]);
}

pub async fn a_part_names_its_version(ledger: &dyn Ledger) {
    paid(ledger, "r", &[("stock", 5, 10)]).await;
    assert_malformed(ledger.rollback("u", "r", Rollback { version: None, ..part("x", 2, &[("stock", 2)]) }).await);
    assert_malformed(ledger.rollback("u", "r", part("x", 2, &[("stock", 1), ("stock", 1)])).await);
    assert_malformed(ledger.rollback("u", "r", part("x", 2, &[("stock", 0)])).await);
    assert_malformed(ledger.rollback("u", "r", part("", 2, &[("stock", 1)])).await);
    assert_eq!(used(ledger, ["stock"]).await, [5]);
}

pub async fn the_new_payload_is_written_in_the_same_step(ledger: &dyn Ledger) {
    paid(ledger, "r", &[("stock", 5, 10)]).await;
    let with = |rollback, payload: &[u8]| Rollback { payload: Some(payload.to_vec()), ..rollback };
    let record = rolled_back(ledger, "r", with(part("x", 2, &[("stock", 1)]), b"four left")).await;
    assert_eq!(record.payload, b"four left");
    let refused = ledger.rollback("u", "r", with(part("y", 2, &[("stock", 1)]), b"never")).await.unwrap();
    assert!(matches!(refused, RolledBack::VersionMoved(_)), "{refused:?}");
    assert_eq!(ledger.get("u", "r").await.unwrap().unwrap().payload, b"four left");
}

pub async fn a_second_whole_rollback_finds_the_end(ledger: &dyn Ledger) {
    paid(ledger, "r", &[("stock", 5, 10)]).await;
    let record = rolled_back(ledger, "r", whole("x")).await;
    assert_eq!(ledger.rollback("u", "r", whole("x")).await, Ok(RolledBack::Repeated(record.clone())));
    assert_eq!(ledger.rollback("u", "r", whole("y")).await, Ok(RolledBack::Ended(record)));
    assert_eq!(used(ledger, ["stock"]).await, [0]);
}

pub async fn a_cancellation_that_overtakes_its_reserve_leaves_no_hold_to_make(ledger: &dyn Ledger) {
    let answer = ledger.rollback("u", "r", whole("x")).await.unwrap();
    let RolledBack::Unknown(record) = answer else { return unexpected(answer) };
    assert!(record.tombstone);
    assert_eq!((record.state, record.version), (State::RolledBack, 1));
    let reserve = hold(ledger, "r", &[("stock", 1, 10)]).await;
    assert_eq!(ledger.reserve(reserve.clone()).await, Ok(Reserved::Ended(record.clone())));
    assert_eq!(ledger.take(reserve).await, Ok(Reserved::Ended(record.clone())));
    assert_eq!(ledger.commit("u", "r", IfExpired::Reacquire(Vec::new()), None).await, Ok(Committed::RolledBack(record)));
    assert_eq!(used(ledger, ["stock"]).await, [0]);
    assert_eq!(transitions(ledger).await, [("r".to_owned(), 1, Transition::Tombstone)]);
}

pub async fn a_repeated_overtaking_cancellation_has_its_first_answer(ledger: &dyn Ledger) {
    let first = ledger.rollback("u", "r", whole("x")).await.unwrap();
    let RolledBack::Unknown(record) = first else { return unexpected(first) };
    assert_eq!(ledger.rollback("u", "r", whole("x")).await, Ok(RolledBack::Repeated(record.clone())));
    assert_eq!(ledger.rollback("u", "r", Rollback { request_hash: 2, ..whole("x") }).await, Ok(RolledBack::Conflict));
    assert_eq!(ledger.rollback("u", "r", whole("y")).await, Ok(RolledBack::Ended(record.clone())));
    assert_eq!(ledger.rollback("u", "r", part("z", 1, &[])).await, Ok(RolledBack::NotReturnable(record)));
}

pub async fn a_version_of_an_unknown_id_is_not_found_and_leaves_nothing(ledger: &dyn Ledger) {
    // Its caller has seen a record that has aged since: no Reserve is on its way that must be stopped.
    let seen = Rollback { version: Some(2), ..whole("x") };
    assert_eq!(ledger.rollback("u", "r", seen).await, Ok(RolledBack::NotFound));
    assert_eq!(ledger.get("u", "r").await, Ok(None));
    let nothing_there = Rollback { version: Some(0), ..whole("x") };
    assert!(matches!(ledger.rollback("u", "r", nothing_there).await, Ok(RolledBack::Unknown(_))));
}

pub async fn a_part_of_an_unknown_id_is_not_found_and_leaves_nothing(ledger: &dyn Ledger) {
    assert_eq!(ledger.rollback("u", "r", part("x", 1, &[("stock", 1)])).await, Ok(RolledBack::NotFound));
    taken(ledger, "r", &[("stock", 1, 10)]).await;
}

pub async fn parts_are_bounded_and_the_rest_still_goes_back_whole(ledger: &dyn Ledger) {
    let mut record = paid(ledger, "r", &[("stock", 2_000, 2_000)]).await;
    for number in 0..RETURNS_MAX {
        record = rolled_back(ledger, "r", part(&format!("x{number}"), record.version, &[("stock", 1)])).await;
    }
    let one_more = part("more", record.version, &[("stock", 1)]);
    assert_eq!(ledger.rollback("u", "r", one_more).await, Ok(RolledBack::TooManyReturns(record.clone())));
    let again = part("x7", record.version, &[("stock", 1)]);
    assert_eq!(ledger.rollback("u", "r", again).await, Ok(RolledBack::Repeated(record)));
    let ended = rolled_back(ledger, "r", whole("end")).await;
    assert_eq!((ended.state, ended.returns.len()), (State::RolledBack, RETURNS_MAX + 1));
}

pub async fn what_is_kept_of_parts_is_bounded_in_bytes(ledger: &dyn Ledger) {
    let record = paid(ledger, "r", &[("stock", 5, 10)]).await;
    let long = || vec![0; RETURNS_BYTES_MAX / 2];
    let first = Rollback { answer: long(), ..part("x", record.version, &[("stock", 1)]) };
    let record = rolled_back(ledger, "r", first).await;
    let second = Rollback { answer: long(), ..part("y", record.version, &[("stock", 1)]) };
    assert_eq!(ledger.rollback("u", "r", second).await, Ok(RolledBack::TooManyReturns(record.clone())));
    rolled_back(ledger, "r", part("z", record.version, &[("stock", 1)])).await;
    rolled_back(ledger, "r", Rollback { answer: long(), ..whole("end") }).await;
}
