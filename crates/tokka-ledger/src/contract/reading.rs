//! Does the ledger tell what happened? Usage, records, documents, the log and its readers.
#![allow(missing_docs, reason = "the names of the tests say what they show")]

use std::collections::BTreeMap;

use super::{
    HOUR, LOG_MAX, assert_malformed, events, hold, lapsed, name, paid, part, rolled_back, taken, transitions, unexpected, used,
    whole,
};
use crate::EVENTS_BYTES_MAX;
use crate::ledger::Ledger;
use crate::model::{
    Audit, Committed, Cursor, Events, Extended, Hold, IfExpired, Place, Put, Reserved, RolledBack, Transition, Versioned,
};
use crate::name::Name;

pub async fn a_counter_never_seen_is_zero(ledger: &dyn Ledger) {
    assert_eq!(used(ledger, ["stock"]).await, [0]);
    assert_eq!(ledger.usage(&[]).await, Ok(Vec::new()));
}

pub async fn usage_answers_in_the_order_asked(ledger: &dyn Ledger) {
    taken(ledger, "r", &[("a", 1, 10), ("b", 2, 10)]).await;
    assert_eq!(used(ledger, ["b", "none", "a", "b"]).await, [2, 0, 1, 2]);
}

/// What open orders of a customer hold of these.
async fn open_orders<const N: usize>(ledger: &dyn Ledger, shard_key: &str, counters: [&str; N]) -> [i64; N] {
    let names = counters.map(name);
    ledger.held(shard_key, &names).await.unwrap().try_into().unwrap()
}

pub async fn open_orders_of_a_customer_are_added_up_by_counter(ledger: &dyn Ledger) {
    assert_eq!(open_orders(ledger, "u", ["mine"]).await, [0]);
    taken(ledger, "a", &[("mine", 2, 10), ("stock", 2, 10)]).await;
    taken(ledger, "b", &[("mine", 3, 10)]).await;
    let of_another = Hold { shard_key: "v".to_owned(), ..hold(ledger, "c", &[("mine", 4, 10)]).await };
    assert!(matches!(ledger.reserve(of_another).await, Ok(Reserved::Taken(_))));
    assert_eq!(open_orders(ledger, "u", ["stock", "mine", "none", "mine"]).await, [2, 5, 0, 5]);
    assert_eq!(open_orders(ledger, "v", ["mine", "stock"]).await, [4, 0]);
    assert_eq!(open_orders(ledger, "w", ["mine"]).await, [0]);
    assert_eq!(ledger.held("u", &[]).await, Ok(Vec::new()));
}

pub async fn what_is_no_longer_held_is_no_longer_open(ledger: &dyn Ledger) {
    lapsed(ledger, "late", &[("mine", 1, 100)]).await;
    paid(ledger, "paid", &[("mine", 2, 100)]).await;
    taken(ledger, "gone", &[("mine", 4, 100)]).await;
    rolled_back(ledger, "gone", whole("x")).await;
    taken(ledger, "old", &[("mine", 8, 100)]).await;
    assert_eq!(open_orders(ledger, "u", ["mine"]).await, [8]);
    let new = hold(ledger, "new", &[("mine", 16, 100)]).await;
    assert!(matches!(ledger.replace("old", new).await, Ok(Reserved::Taken(_))));
    assert_eq!(open_orders(ledger, "u", ["mine"]).await, [16]);
    // An order that was paid late is paid, not open.
    ledger.commit("u", "late", IfExpired::Reacquire(Vec::new()), None).await.unwrap();
    assert_eq!(open_orders(ledger, "u", ["mine"]).await, [16]);
    ledger.commit("u", "new", IfExpired::Refuse, None).await.unwrap();
    assert_eq!(open_orders(ledger, "u", ["mine"]).await, [0]);
}

pub async fn an_unknown_record_is_none(ledger: &dyn Ledger) {
    assert_eq!(ledger.get("u", "r").await, Ok(None));
}

pub async fn documents_are_written_only_over_the_version_that_was_read(ledger: &dyn Ledger) {
    let revision = Name::of(&["revision"]);
    assert_eq!(ledger.document(&revision).await, Ok(None));
    assert_eq!(ledger.put(&revision, 1, b"x".to_vec()).await, Ok(Put::Moved(0)));
    assert_eq!(ledger.put(&revision, 0, b"one".to_vec()).await, Ok(Put::Done(1)));
    assert_eq!(ledger.put(&revision, 0, b"x".to_vec()).await, Ok(Put::Moved(1)));
    assert_eq!(ledger.put(&revision, 1, b"two".to_vec()).await, Ok(Put::Done(2)));
    assert_eq!(ledger.document(&revision).await, Ok(Some(Versioned { version: 2, bytes: b"two".to_vec() })));
}

/// One of everything.
async fn a_long_day(ledger: &dyn Ledger) {
    paid(ledger, "a", &[("stock", 5, 100)]).await;
    rolled_back(ledger, "a", part("x", 2, &[("stock", 2)])).await;
    rolled_back(ledger, "a", whole("y")).await;
    lapsed(ledger, "b", &[("stock", 3, 100)]).await;
    ledger.commit("u", "b", IfExpired::Reacquire(Vec::new()), None).await.unwrap();
    let held = taken(ledger, "c", &[("stock", 4, 100)]).await;
    assert!(matches!(ledger.extend("u", "c", held.deadline + HOUR).await, Ok(Extended::Done(_))));
    let new = hold(ledger, "d", &[("stock", 1, 100)]).await;
    assert!(matches!(ledger.replace("c", new).await, Ok(Reserved::Taken(_))));
    let coupon = hold(ledger, "e", &[("issued", 1, 100)]).await;
    assert!(matches!(ledger.take(coupon).await, Ok(Reserved::Taken(_))));
    ledger.rollback("u", "f", whole("z")).await.unwrap();
}

pub async fn every_transition_is_one_entry_with_what_it_moved(ledger: &dyn Ledger) {
    a_long_day(ledger).await;
    let (events, _) = events(ledger, &Cursor::default()).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            (event.entry.id.as_str(), event.entry.version, event.entry.transition, event.entry.moved.first().map(|moved| moved.1))
        })
        .collect();
    let expected = [
        ("a", 1, Transition::Reserved, Some(5)),
        ("a", 2, Transition::Committed, None),
        ("a", 3, Transition::PartReturned, Some(-2)),
        ("a", 4, Transition::RolledBack, Some(-3)),
        ("b", 1, Transition::Reserved, Some(3)),
        ("b", 2, Transition::Expired, Some(-3)),
        ("b", 3, Transition::Reacquired, Some(3)),
        ("c", 1, Transition::Reserved, Some(4)),
        ("c", 2, Transition::Extended, None),
        ("c", 3, Transition::Replaced, Some(-4)),
        ("d", 1, Transition::Reserved, Some(1)),
        ("e", 1, Transition::Taken, Some(1)),
        ("f", 1, Transition::Tombstone, None),
    ];
    assert_eq!(told, expected);
    assert!(events.iter().all(|event| event.entry.shard_key == "u"));
    assert!(events.windows(2).all(|pair| pair[0].entry.position < pair[1].entry.position));
}

pub async fn refusals_and_repetitions_log_nothing(ledger: &dyn Ledger) {
    paid(ledger, "a", &[("stock", 5, 5)]).await;
    let before = transitions(ledger).await;
    let refused = hold(ledger, "b", &[("stock", 1, 5)]).await;
    assert!(matches!(ledger.reserve(refused).await, Ok(Reserved::Refused { .. })));
    let repeated = hold(ledger, "a", &[("stock", 5, 5)]).await;
    assert!(matches!(ledger.reserve(repeated).await, Ok(Reserved::Repeated(_))));
    ledger.commit("u", "a", IfExpired::Refuse, None).await.unwrap();
    ledger.extend("u", "a", i64::MAX).await.unwrap();
    ledger.rollback("u", "a", part("x", 9, &[("stock", 1)])).await.unwrap();
    ledger.expire(10).await.unwrap();
    ledger.put(&Name::of(&["d"]), 0, Vec::new()).await.unwrap();
    assert_eq!(transitions(ledger).await, before);
}

pub async fn the_log_adds_up_to_the_counters(ledger: &dyn Ledger) {
    a_long_day(ledger).await;
    let mut sums: BTreeMap<Name, i64> = BTreeMap::new();
    for event in events(ledger, &Cursor::default()).await.0 {
        for (counter, moved) in event.entry.moved {
            *sums.entry(counter).or_default() += moved;
        }
    }
    assert_eq!(sums, BTreeMap::from([(name("stock"), 4), (name("issued"), 1)]));
    assert_eq!(used(ledger, ["stock", "issued"]).await, [4, 1]);
}

pub async fn a_cursor_goes_on_where_it_stopped(ledger: &dyn Ledger) {
    a_long_day(ledger).await;
    let (all, end) = events(ledger, &Cursor::default()).await;
    let mut bites = Vec::new();
    let mut cursor = Cursor::default();
    loop {
        let answer = ledger.events(&cursor, 3).await.unwrap();
        let Events::Batch(events, next) = answer else { return unexpected(answer) };
        assert!(events.len() <= 3);
        cursor = next;
        if events.is_empty() {
            break;
        }
        bites.extend(events);
    }
    assert_eq!((bites, cursor.clone()), (all, end));
    taken(ledger, "later", &[]).await;
    let (more, _) = events(ledger, &cursor).await;
    assert_eq!(more.iter().map(|event| event.entry.id.as_str()).collect::<Vec<_>>(), ["later"]);
}

pub async fn an_event_shows_the_record(ledger: &dyn Ledger) {
    let record = paid(ledger, "r", &[("stock", 5, 10)]).await;
    let (events, _) = events(ledger, &Cursor::default()).await;
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event.record.as_ref() == Some(&record)), "as it stands now: {events:?}");
    assert_eq!(events[1].entry.at, record.changed);
}

pub async fn an_event_tells_what_was_answered_to_the_return_that_made_it_and_to_no_other(ledger: &dyn Ledger) {
    let record = paid(ledger, "r", &[("stock", 5, 10)]).await;
    let kept = rolled_back(ledger, "r", part("x", record.version, &[("stock", 2)])).await;
    let kept = rolled_back(ledger, "r", part("y", kept.version, &[("stock", 1)])).await;
    let answers = |record: &crate::model::Record| record.returns.iter().map(|step| step.answer.clone()).collect::<Vec<_>>();
    assert_eq!(answers(&kept), [b"answer x", b"answer y"]);
    let (told, _) = events(ledger, &Cursor::default()).await;
    let shown: Vec<_> = told.iter().filter_map(|event| event.record.as_ref()).map(answers).collect();
    let none = Vec::new();
    let (x, y) = (b"answer x".to_vec(), b"answer y".to_vec());
    assert_eq!(shown, [[none.clone(), none.clone()], [none.clone(), none.clone()], [x, none.clone()], [none, y]]);
    let without = |record: &crate::model::Record| {
        let mut record = record.clone();
        record.returns.iter_mut().for_each(|step| step.answer.clear());
        record
    };
    assert!(told.iter().all(|event| event.record.as_ref().map(without) == Some(without(&kept))), "{told:?}");
    assert_eq!(ledger.get("u", "r").await, Ok(Some(kept)), "the record itself keeps them");
}

pub async fn a_bite_of_the_log_is_bounded_in_bytes(ledger: &dyn Ledger) {
    let long = Hold { payload: vec![7; EVENTS_BYTES_MAX / 2], ..hold(ledger, "r", &[("stock", 5, 10)]).await };
    assert!(matches!(ledger.reserve(long).await, Ok(Reserved::Taken(_))));
    let answer = ledger.commit("u", "r", IfExpired::Refuse, None).await.unwrap();
    let Committed::Done(mut record) = answer else { return unexpected(answer) };
    for rollback_id in ["x", "y", "z"] {
        record = rolled_back(ledger, "r", part(rollback_id, record.version, &[("stock", 1)])).await;
    }
    let (mut cursor, mut versions) = (Cursor::default(), Vec::new());
    loop {
        let answer = ledger.events(&cursor, 1_000).await.unwrap();
        let Events::Batch(bite, next) = answer else { return unexpected(answer) };
        if bite.is_empty() {
            break;
        }
        assert!(bite.len() <= 2, "{} events of half a bite each", bite.len());
        versions.extend(bite.iter().map(|event| event.entry.version));
        cursor = next;
    }
    assert_eq!(versions, [1, 2, 3, 4, 5]);
}

pub async fn entries_wait_for_registered_readers(ledger: &dyn Ledger) {
    assert_eq!(ledger.reader("erp").await, Ok(None));
    ledger.pass("erp", &Cursor::default()).await.unwrap();
    let start = ledger.reader("erp").await.unwrap().unwrap();
    taken(ledger, "a", &[]).await;
    taken(ledger, "b", &[]).await;
    let answer = ledger.events(&start, 1).await.unwrap();
    let Events::Batch(first, after_a) = answer else { return unexpected(answer) };
    assert_eq!(first[0].entry.id, "a");
    ledger.pass("erp", &after_a).await.unwrap();
    assert_eq!(ledger.reader("erp").await, Ok(Some(after_a.clone())));
    assert_eq!(events(ledger, &after_a).await.0[0].entry.id, "b");
}

pub async fn a_reader_too_far_behind_is_told(ledger: &dyn Ledger) {
    ledger.pass("slow", &Cursor::default()).await.unwrap();
    let start = ledger.reader("slow").await.unwrap().unwrap();
    let made = LOG_MAX + 5;
    for number in 0..made {
        taken(ledger, &format!("r{number}"), &[]).await;
    }
    let answer = ledger.events(&start, 10).await.unwrap();
    let Events::Gap(resume) = answer else { return unexpected(answer) };
    let (kept, _) = events(ledger, &resume).await;
    assert_eq!(kept.len() as u64, LOG_MAX, "a bound, whoever has not read");
    assert_eq!(kept[0].entry.id, "r5");
    assert_eq!(events(ledger, &Cursor::default()).await.0, kept, "a reader without a cursor begins with what is kept");
}

pub async fn a_cursor_that_is_none_is_refused(ledger: &dyn Ledger) {
    taken(ledger, "r", &[]).await;
    assert_malformed(ledger.events(&Cursor(b"rubbish".to_vec()), 1).await);
    assert_malformed(ledger.pass("erp", &Cursor(b"rubbish".to_vec())).await);
    assert_malformed(ledger.pass("", &Cursor::default()).await);
    assert_eq!(ledger.reader("erp").await, Ok(None));
}

pub async fn a_reader_never_goes_back(ledger: &dyn Ledger) {
    taken(ledger, "a", &[]).await;
    let (_, early) = events(ledger, &Cursor::default()).await;
    taken(ledger, "b", &[]).await;
    let (_, late) = events(ledger, &Cursor::default()).await;
    ledger.pass("erp", &late).await.unwrap();
    ledger.pass("erp", &early).await.unwrap();
    assert_eq!(ledger.reader("erp").await, Ok(Some(late)));
}

pub async fn the_clock_never_goes_back(ledger: &dyn Ledger) {
    let mut latest = ledger.now().await.unwrap();
    for number in 0..5 {
        let record = taken(ledger, &format!("r{number}"), &[]).await;
        assert!(record.created >= latest);
        latest = ledger.now().await.unwrap();
        assert!(latest >= record.created);
    }
}

pub async fn counters_are_what_records_hold(ledger: &dyn Ledger) {
    a_long_day(ledger).await;
    assert_eq!(ledger.verify().await, Ok(Vec::new()));
}

pub async fn a_record_says_where_its_last_transition_stands(ledger: &dyn Ledger) {
    a_long_day(ledger).await;
    let (events, _) = events(ledger, &Cursor::default()).await;
    let mut last: BTreeMap<&str, (u64, Place)> = BTreeMap::new();
    for event in &events {
        let record = event.record.as_ref().unwrap();
        assert!(event.entry.position <= record.place.position, "{event:?}");
        last.insert(&record.id, (event.entry.position, record.place));
    }
    assert_eq!(last.len(), 6);
    assert!(last.values().all(|(position, place)| *position == place.position), "{last:?}");
    let epochs: Vec<u64> = last.values().map(|(_, place)| place.epoch).collect();
    assert!(epochs.iter().all(|epoch| *epoch != 0 && Some(epoch) == epochs.first()), "{epochs:?}");
}

pub async fn the_place_is_in_the_answer_and_in_the_store(ledger: &dyn Ledger) {
    let mut places = Vec::new();
    let held = taken(ledger, "a", &[("stock", 5, 100)]).await;
    let Ok(Extended::Done(longer)) = ledger.extend("u", "a", held.deadline + HOUR).await else { panic!("not extended") };
    let Ok(Committed::Done(settled)) = ledger.commit("u", "a", IfExpired::Refuse, None).await else { panic!("not paid") };
    let less = rolled_back(ledger, "a", part("x", 3, &[("stock", 1)])).await;
    assert_eq!(ledger.get("u", "a").await, Ok(Some(less.clone())));
    let Ok(Committed::Repeated(again)) = ledger.commit("u", "a", IfExpired::Refuse, None).await else { panic!("not paid") };
    assert_eq!(again, less);
    places.extend([held, longer, settled, less].map(|record| record.place));

    taken(ledger, "old", &[]).await;
    let Ok(Reserved::Taken(new)) = ledger.replace("old", hold(ledger, "new", &[]).await).await else { panic!("not taken") };
    let old = ledger.get("u", "old").await.unwrap().unwrap();
    assert_eq!(ledger.get("u", "new").await, Ok(Some(new.clone())));
    let late = lapsed(ledger, "late", &[]).await;
    let Ok(Committed::Done(reacquired)) = ledger.commit("u", "late", IfExpired::Reacquire(Vec::new()), None).await else {
        panic!("not paid")
    };
    let Ok(RolledBack::Unknown(tombstone)) = ledger.rollback("u", "none", whole("x")).await else { panic!("no tombstone") };
    assert_eq!(ledger.get("u", "none").await, Ok(Some(tombstone.clone())));
    places.extend([old, new, late, reacquired, tombstone].map(|record| record.place));
    assert!(places[0].position > 0 && places.is_sorted_by(|a, b| a < b), "{places:?}");
}

pub async fn an_audit_counts_what_there_is(ledger: &dyn Ledger) {
    taken(ledger, "held", &[("stock", 1, 100)]).await;
    paid(ledger, "paid", &[("stock", 1, 100), ("user", 1, 5)]).await;
    paid(ledger, "also paid", &[]).await;
    lapsed(ledger, "expired", &[("gift", 1, 100)]).await;
    rolled_back(ledger, "expired", whole("x")).await;
    lapsed(ledger, "late", &[("gift", 1, 100)]).await;
    let audit = ledger.audit().await.unwrap();
    let entries = transitions(ledger).await.len() as u64;
    assert_eq!(audit, Audit { held: 1, committed: 2, rolled_back: 1, expired: 1, counters: 2, entries, ..Audit::default() });
    assert!(audit.is_clean());
}
