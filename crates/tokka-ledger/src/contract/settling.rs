//! Is a hold settled once, whenever the money comes? Commit, extend and expire.
#![allow(missing_docs, reason = "the names of the tests say what they show")]

use futures_util::future::join_all;

use super::{
    HOUR, assert_malformed, document, events, hold, lapsed, name, overdue, paid, part, rolled_back, taken, unexpected, used,
    whole,
};
use crate::bounds::BYTES_MAX;
use crate::ledger::Ledger;
use crate::model::{Committed, Cursor, Extended, IfExpired, Reserved, Shortage, State};

fn reacquire(limits: &[(&str, i64)]) -> IfExpired {
    IfExpired::Reacquire(limits.iter().map(|(counter, limit)| (name(counter), *limit)).collect())
}

pub async fn a_commit_happens_once_and_answers_again(ledger: &dyn Ledger) {
    let first = paid(ledger, "r", &[("stock", 2, 10)]).await;
    assert_eq!((first.state, first.version), (State::Committed, 2));
    assert_eq!(ledger.commit("u", "r", IfExpired::Refuse, None).await, Ok(Committed::Repeated(first.clone())));
    assert_eq!(ledger.commit("u", "r", reacquire(&[]), None).await, Ok(Committed::Repeated(first)));
    assert_eq!(used(ledger, ["stock"]).await, [2]);
}

pub async fn a_note_is_kept_by_the_call_that_commits_and_no_other(ledger: &dyn Ledger) {
    let held = taken(ledger, "r", &[("stock", 2, 10)]).await;
    assert_eq!(held.note, None);
    let answer = ledger.commit("u", "r", IfExpired::Refuse, Some(b"o-1".to_vec())).await.unwrap();
    let Committed::Done(first) = answer else { return unexpected(answer) };
    assert_eq!(first.note.as_deref(), Some(&b"o-1"[..]));
    for again in [Some(b"o-2".to_vec()), None] {
        assert_eq!(ledger.commit("u", "r", IfExpired::Refuse, again).await, Ok(Committed::Repeated(first.clone())));
    }
    assert_eq!(ledger.get("u", "r").await, Ok(Some(first.clone())));
    let (told, _) = events(ledger, &Cursor::default()).await;
    assert!(told.iter().all(|event| event.record.as_ref() == Some(&first)), "{told:?}");
    let too_long = vec![0; BYTES_MAX + 1];
    assert_malformed(ledger.commit("u", "r", IfExpired::Refuse, Some(too_long)).await);
}

pub async fn a_note_comes_with_a_late_payment_and_stays(ledger: &dyn Ledger) {
    let late = lapsed(ledger, "r", &[("stock", 2, 10)]).await;
    let note = || Some(b"o-1".to_vec());
    assert_eq!(ledger.commit("u", "r", IfExpired::Refuse, note()).await, Ok(Committed::Expired(late.clone())));
    let refused = ledger.commit("u", "r", reacquire(&[("stock", 1)]), note()).await;
    assert!(matches!(refused, Ok(Committed::Refused { .. })), "{refused:?}");
    assert_eq!(ledger.get("u", "r").await, Ok(Some(late)), "a refusal notes nothing");
    let answer = ledger.commit("u", "r", reacquire(&[]), note()).await.unwrap();
    let Committed::Done(record) = answer else { return unexpected(answer) };
    assert_eq!(record.note, note());
    let returned = rolled_back(ledger, "r", part("x", record.version, &[("stock", 1)])).await;
    assert_eq!(returned.note, note());
    assert_eq!(rolled_back(ledger, "r", whole("y")).await.note, note());
}

pub async fn a_hold_past_its_deadline_is_committed_as_long_as_nobody_expired_it(ledger: &dyn Ledger) {
    assert!(matches!(ledger.reserve(overdue(ledger, "r", &[("stock", 2, 10)]).await).await, Ok(Reserved::Taken(_))));
    assert!(matches!(ledger.commit("u", "r", IfExpired::Refuse, None).await, Ok(Committed::Done(_))));
    assert_eq!(ledger.expire(10).await, Ok(0), "what is paid does not expire");
    assert_eq!(used(ledger, ["stock"]).await, [2]);
}

pub async fn a_late_payment_takes_its_claims_again(ledger: &dyn Ledger) {
    lapsed(ledger, "r", &[("stock", 2, 10), ("user", 1, 1)]).await;
    assert_eq!(used(ledger, ["stock", "user"]).await, [0, 0]);
    let answer = ledger.commit("u", "r", reacquire(&[]), None).await.unwrap();
    let Committed::Done(record) = answer else { return unexpected(answer) };
    assert_eq!((record.state, record.version, record.payload.as_slice()), (State::Committed, 3, &b"priced r"[..]));
    assert_eq!(used(ledger, ["stock", "user"]).await, [2, 1]);
    assert_eq!(ledger.commit("u", "r", reacquire(&[]), None).await, Ok(Committed::Repeated(record)));
}

pub async fn a_late_payment_that_does_not_fit_is_refused_with_the_counters(ledger: &dyn Ledger) {
    let record = lapsed(ledger, "r", &[("stock", 2, 10), ("gift", 1, 5), ("user", 1, 1)]).await;
    taken(ledger, "other", &[("stock", 9, 10), ("user", 1, 1)]).await;
    let answer = ledger.commit("u", "r", reacquire(&[]), None).await.unwrap();
    let short = |counter, limit, used, requested| Shortage { counter: name(counter), limit, used, requested };
    assert_eq!(answer, Committed::Refused { record, shortages: vec![short("stock", 10, 9, 2), short("user", 1, 1, 1)] });
    assert_eq!(used(ledger, ["stock", "gift", "user"]).await, [9, 0, 1]);
}

pub async fn a_late_payment_meets_the_newest_limits(ledger: &dyn Ledger) {
    lapsed(ledger, "r", &[("stock", 2, 10)]).await;
    lapsed(ledger, "s", &[("stock", 2, 10)]).await;
    taken(ledger, "other", &[("stock", 9, 10)]).await;
    assert!(matches!(ledger.commit("u", "r", reacquire(&[("stock", 11)]), None).await, Ok(Committed::Done(_))));
    assert!(matches!(ledger.commit("u", "s", reacquire(&[("stock", 12)]), None).await, Ok(Committed::Refused { .. })));
    assert_eq!(used(ledger, ["stock"]).await, [11]);
}

pub async fn a_late_payment_is_refused_where_that_was_asked_for(ledger: &dyn Ledger) {
    let record = lapsed(ledger, "r", &[("stock", 2, 10)]).await;
    assert_eq!(ledger.commit("u", "r", IfExpired::Refuse, None).await, Ok(Committed::Expired(record)));
    assert_eq!(used(ledger, ["stock"]).await, [0]);
}

pub async fn a_rolled_back_reservation_is_not_committed(ledger: &dyn Ledger) {
    taken(ledger, "r", &[("stock", 2, 10)]).await;
    let record = rolled_back(ledger, "r", whole("x")).await;
    assert_eq!(ledger.commit("u", "r", reacquire(&[]), None).await, Ok(Committed::RolledBack(record)));
    assert_eq!(used(ledger, ["stock"]).await, [0]);
}

pub async fn an_unknown_reservation_is_not_committed(ledger: &dyn Ledger) {
    assert_eq!(ledger.commit("u", "r", reacquire(&[]), None).await, Ok(Committed::NotFound));
    taken(ledger, "r", &[]).await;
    assert_eq!(ledger.commit("somebody else", "r", reacquire(&[]), None).await, Ok(Committed::NotFound));
}

pub async fn documents_come_with_the_commit_not_with_the_hold(ledger: &dyn Ledger) {
    let mut wanted = hold(ledger, "r", &[]).await;
    wanted.documents = vec![document("c-1")];
    assert!(matches!(ledger.reserve(wanted).await, Ok(Reserved::Taken(_))));
    assert_eq!(ledger.document(&document("c-1").name).await, Ok(None));
    assert!(matches!(ledger.commit("u", "r", IfExpired::Refuse, None).await, Ok(Committed::Done(_))));
    assert_eq!(ledger.document(&document("c-1").name).await.unwrap().unwrap().bytes, b"c-1");
}

pub async fn extending_moves_the_deadline_later_only(ledger: &dyn Ledger) {
    let held = taken(ledger, "r", &[]).await;
    let later = held.deadline + HOUR;
    let answer = ledger.extend("u", "r", later).await.unwrap();
    let Extended::Done(record) = answer else { return unexpected(answer) };
    assert_eq!((record.deadline, record.version), (later, 2));
    assert_eq!(ledger.extend("u", "r", later).await, Ok(Extended::Done(record.clone())), "again: no effect");
    assert_eq!(ledger.extend("u", "r", later - HOUR).await, Ok(Extended::Done(record)), "never shorter");
}

pub async fn only_a_held_reservation_is_extended(ledger: &dyn Ledger) {
    assert_eq!(ledger.extend("u", "nothing", HOUR).await, Ok(Extended::NotFound));
    let settled = paid(ledger, "paid", &[]).await;
    assert_eq!(ledger.extend("u", "paid", i64::MAX).await, Ok(Extended::NotHeld(settled)));
    let lapsed = lapsed(ledger, "lapsed", &[]).await;
    assert_eq!(ledger.extend("u", "lapsed", i64::MAX).await, Ok(Extended::NotHeld(lapsed)));
    taken(ledger, "held", &[]).await;
    assert_eq!(ledger.extend("somebody else", "held", i64::MAX).await, Ok(Extended::NotFound));
}

pub async fn expiry_takes_due_holds_alone(ledger: &dyn Ledger) {
    taken(ledger, "later", &[("stock", 1, 10)]).await;
    assert!(matches!(ledger.reserve(overdue(ledger, "due", &[("stock", 2, 10)]).await).await, Ok(Reserved::Taken(_))));
    assert_eq!(used(ledger, ["stock"]).await, [3], "a due hold still holds");
    assert_eq!(ledger.expire(10).await, Ok(1));
    assert_eq!(used(ledger, ["stock"]).await, [1]);
    let due = ledger.get("u", "due").await.unwrap().unwrap();
    assert_eq!((due.state, due.version, due.holding.len(), due.claims.len()), (State::Expired, 2, 0, 1));
    assert_eq!(ledger.get("u", "later").await.unwrap().unwrap().state, State::Held);
}

pub async fn expiry_takes_each_hold_once(ledger: &dyn Ledger) {
    lapsed(ledger, "r", &[("stock", 2, 10)]).await;
    assert_eq!(ledger.expire(10).await, Ok(0));
    assert_eq!(used(ledger, ["stock"]).await, [0]);
}

pub async fn expiry_is_bounded_and_takes_the_oldest_first(ledger: &dyn Ledger) {
    for (id, older_ms) in [("a", 10), ("b", 30), ("c", 20)] {
        let mut due = overdue(ledger, id, &[("stock", 1, 10)]).await;
        due.deadline -= older_ms * HOUR;
        assert!(matches!(ledger.reserve(due).await, Ok(Reserved::Taken(_))));
    }
    assert_eq!(ledger.expire(0).await, Ok(0));
    let mut gone = Vec::new();
    for _ in 0..3 {
        assert_eq!(ledger.expire(1).await, Ok(1));
        for id in ["a", "b", "c"] {
            let state = ledger.get("u", id).await.unwrap().unwrap().state;
            if state == State::Expired && !gone.contains(&id) {
                gone.push(id);
            }
        }
    }
    assert_eq!(gone, ["b", "c", "a"]);
}

pub async fn an_extended_hold_is_not_due(ledger: &dyn Ledger) {
    let due = overdue(ledger, "r", &[("stock", 2, 10)]).await;
    let until = due.deadline + HOUR;
    assert!(matches!(ledger.reserve(due).await, Ok(Reserved::Taken(_))));
    assert!(matches!(ledger.extend("u", "r", until).await, Ok(Extended::Done(_))));
    assert_eq!(ledger.expire(10).await, Ok(0));
    assert_eq!(used(ledger, ["stock"]).await, [2]);
}

pub async fn two_sweepers_at_once_expire_each_hold_once(ledger: &dyn Ledger) {
    for number in 0..8 {
        let due = overdue(ledger, &format!("r{number}"), &[("stock", 1, 10)]).await;
        assert!(matches!(ledger.reserve(due).await, Ok(Reserved::Taken(_))));
    }
    let expired = join_all((0..4).map(|_| ledger.expire(5))).await;
    assert_eq!(expired.into_iter().map(Result::unwrap).sum::<usize>(), 8);
    assert_eq!(used(ledger, ["stock"]).await, [0]);
}
