//! Does every claim fit or none? Reserve, take and replace.
#![allow(missing_docs, reason = "the names of the tests say what they show")]

use futures_util::future::join_all;

use super::{assert_malformed, document, hold, lapsed, name, paid, rolled_back, taken, transitions, unexpected, used, whole};
use crate::ledger::Ledger;
use crate::model::{AMOUNT_MAX, Claim, Reserved, Shortage, State, Transition};

pub async fn every_claim_is_taken(ledger: &dyn Ledger) {
    let record = taken(ledger, "r", &[("stock", 2, 10), ("user", 1, 5)]).await;
    assert_eq!((record.state, record.version, record.tombstone), (State::Held, 1, false));
    assert_eq!(record.payload, b"priced r");
    assert_eq!(used(ledger, ["stock", "user"]).await, [2, 1]);
    assert_eq!(ledger.get("u", "r").await, Ok(Some(record)));
}

pub async fn a_limit_is_reached_exactly(ledger: &dyn Ledger) {
    taken(ledger, "a", &[("stock", 7, 10)]).await;
    taken(ledger, "b", &[("stock", 3, 10)]).await;
    let answer = ledger.reserve(hold(ledger, "c", &[("stock", 1, 10)]).await).await.unwrap();
    assert!(matches!(answer, Reserved::Refused { .. }), "{answer:?}");
    assert_eq!(used(ledger, ["stock"]).await, [10]);
}

pub async fn a_refusal_lists_every_counter_that_refused_and_takes_nothing(ledger: &dyn Ledger) {
    taken(ledger, "a", &[("stock", 8, 10), ("user", 1, 5), ("budget", 900, 1_000)]).await;
    let claims = [("stock", 3, 10), ("user", 1, 5), ("budget", 101, 1_000), ("gift", 1, 0)];
    let answer = ledger.reserve(hold(ledger, "b", &claims).await).await.unwrap();
    let short = |counter, limit, used, requested| Shortage { counter: name(counter), limit, used, requested };
    let shortages = vec![short("stock", 10, 8, 3), short("budget", 1_000, 900, 101), short("gift", 0, 0, 1)];
    assert_eq!(answer, Reserved::Refused { shortages, usage: vec![8, 1, 900, 0] });
    assert_eq!(used(ledger, ["stock", "user", "budget", "gift"]).await, [8, 1, 900, 0]);
    assert_eq!(ledger.get("u", "b").await, Ok(None));
}

pub async fn a_refusal_is_not_remembered(ledger: &dyn Ledger) {
    taken(ledger, "a", &[("stock", 10, 10)]).await;
    let wanted = hold(ledger, "b", &[("stock", 1, 10)]).await;
    assert!(matches!(ledger.reserve(wanted.clone()).await, Ok(Reserved::Refused { .. })));
    rolled_back(ledger, "a", whole("x")).await;
    assert!(matches!(ledger.reserve(wanted).await, Ok(Reserved::Taken(_))));
}

pub async fn a_refusal_counts_what_others_hold(ledger: &dyn Ledger) {
    let mut other = hold(ledger, "a", &[("stock", 6, 10)]).await;
    other.shard_key = "somebody else".to_owned();
    assert!(matches!(ledger.reserve(other).await, Ok(Reserved::Taken(_))));
    let answer = ledger.reserve(hold(ledger, "b", &[("stock", 5, 10)]).await).await.unwrap();
    assert!(matches!(answer, Reserved::Refused { .. }), "{answer:?}");
}

pub async fn raising_a_limit_needs_no_write_to_the_counter(ledger: &dyn Ledger) {
    taken(ledger, "a", &[("stock", 10, 10)]).await;
    taken(ledger, "b", &[("stock", 5, 15)]).await;
    assert_eq!(used(ledger, ["stock"]).await, [15]);
}

pub async fn usage_above_a_lowered_limit_stays_and_refuses(ledger: &dyn Ledger) {
    taken(ledger, "a", &[("stock", 10, 10)]).await;
    let answer = ledger.reserve(hold(ledger, "b", &[("stock", 1, 4)]).await).await.unwrap();
    assert!(matches!(answer, Reserved::Refused { .. }), "{answer:?}");
    assert_eq!(used(ledger, ["stock"]).await, [10]);
}

pub async fn the_same_request_again_has_the_first_answer_and_no_effect(ledger: &dyn Ledger) {
    let first = taken(ledger, "r", &[("stock", 2, 10)]).await;
    let mut again = hold(ledger, "r", &[("stock", 2, 10)]).await;
    // What was priced the second time, and until when, does not matter: the request is the same.
    again.payload = b"priced anew".to_vec();
    again.deadline += 1;
    assert_eq!(ledger.reserve(again).await, Ok(Reserved::Repeated(first)));
    assert_eq!(used(ledger, ["stock"]).await, [2]);
}

pub async fn the_same_request_again_shows_the_present_state(ledger: &dyn Ledger) {
    let wanted = hold(ledger, "r", &[("stock", 2, 10)]).await;
    let now = paid(ledger, "r", &[("stock", 2, 10)]).await;
    assert_eq!(now.state, State::Committed);
    assert_eq!(ledger.reserve(wanted).await, Ok(Reserved::Repeated(now)));
}

pub async fn the_same_id_with_another_request_is_a_conflict(ledger: &dyn Ledger) {
    taken(ledger, "r", &[("stock", 2, 10)]).await;
    let mut other = hold(ledger, "r", &[("stock", 2, 10)]).await;
    other.request_hash += 1;
    assert_eq!(ledger.reserve(other.clone()).await, Ok(Reserved::Conflict));
    assert_eq!(ledger.take(other).await, Ok(Reserved::Conflict));
    assert_eq!(used(ledger, ["stock"]).await, [2]);
}

pub async fn an_expired_id_is_never_held_again(ledger: &dyn Ledger) {
    let record = lapsed(ledger, "r", &[("stock", 2, 10)]).await;
    let again = hold(ledger, "r", &[("stock", 2, 10)]).await;
    assert_eq!(ledger.reserve(again).await, Ok(Reserved::Ended(record)));
    assert_eq!(used(ledger, ["stock"]).await, [0]);
}

pub async fn a_rolled_back_id_is_never_held_again(ledger: &dyn Ledger) {
    taken(ledger, "r", &[("stock", 2, 10)]).await;
    let record = rolled_back(ledger, "r", whole("x")).await;
    let again = hold(ledger, "r", &[("stock", 2, 10)]).await;
    assert_eq!(ledger.reserve(again).await, Ok(Reserved::Ended(record)));
    assert_eq!(used(ledger, ["stock"]).await, [0]);
}

pub async fn a_hold_without_claims_is_a_hold(ledger: &dyn Ledger) {
    assert_eq!(taken(ledger, "r", &[]).await.state, State::Held);
}

pub async fn malformed_holds_are_refused_and_count_nothing(ledger: &dyn Ledger) {
    for claims in [&[("stock", 0, 10)][..], &[("stock", -1, 10)], &[("stock", AMOUNT_MAX + 1, i64::MAX)]] {
        assert_malformed(ledger.reserve(hold(ledger, "r", claims).await).await);
    }
    assert_malformed(ledger.take(hold(ledger, "r", &[("stock", 1, 10), ("stock", 1, 10)]).await).await);
    assert_malformed(ledger.reserve(hold(ledger, "", &[]).await).await);
    // A limit may say more than a counter can hold: the counter's bound refuses.
    taken(ledger, "most", &[("stock", AMOUNT_MAX, i64::MAX)]).await;
    let answer = ledger.reserve(hold(ledger, "more", &[("stock", 1, i64::MAX)]).await).await.unwrap();
    assert!(matches!(answer, Reserved::Refused { .. }), "{answer:?}");
}

pub async fn fifty_buyers_race_for_ten_units(ledger: &dyn Ledger) {
    let buyers = (0..50).map(|buyer| async move {
        let mut wanted = hold(ledger, &format!("r{buyer}"), &[("stock", 1, 10), ("user", 1, 50)]).await;
        wanted.shard_key = format!("u{buyer}");
        ledger.reserve(wanted).await.unwrap()
    });
    let answers = join_all(buyers).await;
    let sold = answers.iter().filter(|answer| matches!(answer, Reserved::Taken(_))).count();
    let refused = answers.iter().filter(|answer| matches!(answer, Reserved::Refused { .. })).count();
    assert_eq!((sold, refused), (10, 40));
    assert_eq!(used(ledger, ["stock", "user"]).await, [10, 10]);
}

pub async fn a_request_sent_many_times_at_once_is_held_once(ledger: &dyn Ledger) {
    let wanted = hold(ledger, "r", &[("stock", 2, 100)]).await;
    let answers = join_all((0..20).map(|_| ledger.reserve(wanted.clone()))).await;
    let taken = answers.iter().filter(|answer| matches!(answer, Ok(Reserved::Taken(_)))).count();
    let repeated = answers.iter().filter(|answer| matches!(answer, Ok(Reserved::Repeated(_)))).count();
    assert_eq!((taken, repeated), (1, 19));
    assert_eq!(used(ledger, ["stock"]).await, [2]);
}

pub async fn taking_settles_and_writes_documents_in_one_step(ledger: &dyn Ledger) {
    let mut coupon = hold(ledger, "c", &[("issued", 1, 10), ("user", 1, 1)]).await;
    coupon.documents = vec![document("c-1")];
    let answer = ledger.take(coupon.clone()).await.unwrap();
    let Reserved::Taken(record) = answer else { return unexpected(answer) };
    assert_eq!((record.state, record.version), (State::Committed, 1));
    assert_eq!(ledger.document(&document("c-1").name).await.unwrap().unwrap().bytes, b"c-1");
    assert_eq!(transitions(ledger).await, [("c".to_owned(), 1, Transition::Taken)]);
    assert_eq!(ledger.take(coupon).await, Ok(Reserved::Repeated(record)));
    assert_eq!(used(ledger, ["issued", "user"]).await, [1, 1]);
}

pub async fn a_refused_taking_writes_nothing(ledger: &dyn Ledger) {
    let mut coupon = hold(ledger, "c", &[("issued", 1, 10), ("user", 1, 0)]).await;
    coupon.documents = vec![document("c-1")];
    assert!(matches!(ledger.take(coupon).await, Ok(Reserved::Refused { .. })));
    assert_eq!(ledger.document(&document("c-1").name).await, Ok(None));
    assert_eq!(used(ledger, ["issued", "user"]).await, [0, 0]);
}

pub async fn replacing_releases_and_takes_in_one_step(ledger: &dyn Ledger) {
    taken(ledger, "old", &[("stock", 8, 10), ("gift", 1, 1)]).await;
    // 9 of 10 fit only because the 8 go.
    let answer = ledger.replace("old", hold(ledger, "new", &[("stock", 9, 10)]).await).await.unwrap();
    assert!(matches!(&answer, Reserved::Taken(record) if record.id == "new"), "{answer:?}");
    assert_eq!(used(ledger, ["stock", "gift"]).await, [9, 0]);
    let old = ledger.get("u", "old").await.unwrap().unwrap();
    assert_eq!((old.state, old.version, old.holding), (State::RolledBack, 2, Vec::new()));
    let entry = |id: &str, version, transition| (id.to_owned(), version, transition);
    let told =
        [entry("old", 1, Transition::Reserved), entry("old", 2, Transition::Replaced), entry("new", 1, Transition::Reserved)];
    assert_eq!(transitions(ledger).await, told);
}

pub async fn a_refused_replacement_changes_nothing(ledger: &dyn Ledger) {
    let old = taken(ledger, "old", &[("stock", 8, 10)]).await;
    let answer = ledger.replace("old", hold(ledger, "new", &[("stock", 11, 10)]).await).await.unwrap();
    let shortages = vec![Shortage { counter: name("stock"), limit: 10, used: 0, requested: 11 }];
    assert_eq!(answer, Reserved::Refused { shortages, usage: vec![0] }, "measured without what the old one holds");
    assert_eq!(used(ledger, ["stock"]).await, [8]);
    assert_eq!(ledger.get("u", "old").await, Ok(Some(old)));
    assert_eq!(ledger.get("u", "new").await, Ok(None));
}

pub async fn only_a_held_reservation_of_the_same_customer_is_replaced(ledger: &dyn Ledger) {
    let wanted = hold(ledger, "new", &[("stock", 1, 10)]).await;
    assert_eq!(ledger.replace("nothing", wanted.clone()).await, Ok(Reserved::NotReplaceable(None)));
    paid(ledger, "paid", &[("stock", 1, 10)]).await;
    assert_eq!(ledger.replace("paid", wanted.clone()).await, Ok(Reserved::NotReplaceable(Some(State::Committed))));
    lapsed(ledger, "lapsed", &[("stock", 1, 10)]).await;
    assert_eq!(ledger.replace("lapsed", wanted.clone()).await, Ok(Reserved::NotReplaceable(Some(State::Expired))));
    taken(ledger, "held", &[("stock", 1, 10)]).await;
    let other = crate::model::Hold { shard_key: "v".to_owned(), ..wanted };
    assert_eq!(ledger.replace("held", other).await, Ok(Reserved::NotReplaceable(None)));
    assert_eq!(used(ledger, ["stock"]).await, [2]);
}

pub async fn a_replacement_sent_again_has_the_first_answer(ledger: &dyn Ledger) {
    taken(ledger, "old", &[("stock", 8, 10)]).await;
    let wanted = hold(ledger, "new", &[("stock", 9, 10)]).await;
    let first = ledger.replace("old", wanted.clone()).await.unwrap();
    let Reserved::Taken(record) = first else { return unexpected(first) };
    assert_eq!(ledger.replace("old", wanted.clone()).await, Ok(Reserved::Repeated(record)));
    let mut other = wanted;
    other.request_hash += 1;
    assert_eq!(ledger.replace("old", other).await, Ok(Reserved::Conflict));
    assert_eq!(used(ledger, ["stock"]).await, [9]);
}

pub async fn nothing_replaces_itself(ledger: &dyn Ledger) {
    taken(ledger, "r", &[("stock", 8, 10)]).await;
    let mut again = hold(ledger, "r", &[]).await;
    again.claims = vec![Claim { counter: name("stock"), amount: 1, limit: 10 }];
    assert_malformed(ledger.replace("r", again).await);
    assert_eq!(used(ledger, ["stock"]).await, [8]);
}
