//! When does a record go, what is left of it, and what brings it back? Pure functions beside [`crate::transition::step`],
//! for every back end: aging is no transition, has no log entry, and moves nothing that is used.
//!
//! What a record holds when it goes is kept as what has *aged* of its counters, so that `used = aged + Σ held or settled −
//! returned` stays true. A record that had returns leaves a [`Stub`]: without it, an older receipt could give back a second
//! time what has gone back already.

use serde::{Deserialize, Serialize};

use crate::bounds::STUB_KEPT_MS;
use crate::model::{Millis, Record, Revived, State};
use crate::name::Name;

/// What is left of a record with returns: which receipts of it are too old.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stub {
    /// Where the record lived.
    pub shard_key: String,
    /// The last one that it had.
    pub version: u64,
    /// When it went.
    pub aged: Millis,
}

/// Since when a record has rested: its last transition or its deadline, whichever is later. A HELD one does not rest.
#[must_use]
pub fn rests_since(record: &Record) -> Option<Millis> {
    (record.state != State::Held).then_some(record.changed.max(record.deadline))
}

/// What has rested since this moment or longer goes now.
#[must_use]
pub const fn goes_if_rested_since(now: Millis, retention_ms: Millis) -> Millis {
    now.saturating_sub(retention_ms)
}

/// What is left of a record that goes now, given what an earlier record of this id has left. A tombstone leaves nothing:
/// there was never anything to give back.
#[must_use]
pub fn leaves(record: &Record, before: Option<&Stub>, now: Millis) -> Option<Stub> {
    if record.tombstone || record.returns.is_empty() {
        return None;
    }
    let version = record.version.max(before.map_or(0, |before| before.version));
    Some(Stub { shard_key: record.shard_key.clone(), version, aged: now })
}

/// Stubs that were left at this moment or before go now.
#[must_use]
pub const fn stub_goes_if_left_by(now: Millis) -> Millis {
    now.saturating_sub(STUB_KEPT_MS)
}

/// Decides whether the record of a receipt comes back. `known` and `stub` are what the store has under its id, and `aged`
/// answers what has aged of a counter; [`Revived::Back`] alone changes anything: the record is written as it is there, and
/// what it holds is no longer aged.
#[must_use]
pub fn revive(
    known: Option<&Record>,
    stub: Option<&Stub>,
    record: &Record,
    now: Millis,
    retention_ms: Millis,
    aged: &dyn Fn(&Name) -> i64,
) -> Revived {
    if let Some(known) = known {
        return if known.shard_key == record.shard_key { Revived::Known(known.clone()) } else { Revived::NotFound };
    }
    if let Some(stub) = stub {
        if stub.shard_key != record.shard_key {
            return Revived::NotFound;
        }
        if stub.version > record.version {
            return Revived::Superseded;
        }
    }
    let has_gone = rests_since(record).is_some_and(|since| since <= goes_if_rested_since(now, retention_ms));
    if record.state != State::Committed || !has_gone {
        return Revived::NotFound;
    }
    let mut back = record.clone();
    // A counter that was forgotten has nothing to give back to.
    back.holding.retain(|portion| portion.amount <= aged(&portion.counter));
    // It must not go again before its caller has done what it was brought back for.
    back.changed = now;
    Revived::Back(back)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Place, Portion, Return};

    const RETENTION: Millis = 100;

    fn record() -> Record {
        let portion = |name: &str, amount| Portion { counter: Name::of(&[name]), amount };
        Record {
            id: "r".to_owned(),
            shard_key: "u".to_owned(),
            request_hash: 1,
            state: State::Committed,
            version: 2,
            deadline: 50,
            created: 10,
            changed: 20,
            place: Place { epoch: 1, position: 2 },
            claims: Vec::new(),
            holding: vec![portion("stock", 3), portion("gone", 1)],
            payload: Vec::new(),
            note: None,
            documents: Vec::new(),
            returns: Vec::new(),
            tombstone: false,
        }
    }

    fn returned() -> Record {
        let step =
            Return { rollback_id: "x".to_owned(), request_hash: 1, portions: Vec::new(), answer: Vec::new(), version: 3, at: 20 };
        Record { version: 3, returns: vec![step], ..record() }
    }

    fn aged(counter: &Name) -> i64 {
        if *counter == Name::of(&["stock"]) { 3 } else { 0 }
    }

    #[test]
    fn a_record_rests_from_its_last_change_or_its_deadline_on_whichever_is_later() {
        assert_eq!(rests_since(&record()), Some(50));
        assert_eq!(rests_since(&Record { changed: 70, ..record() }), Some(70));
        assert_eq!(rests_since(&Record { state: State::Held, ..record() }), None);
        for state in [State::Expired, State::RolledBack] {
            assert_eq!(rests_since(&Record { state, ..record() }), Some(50));
        }
    }

    #[test]
    fn only_what_was_returned_leaves_a_stub_and_it_never_falls_behind() {
        assert_eq!(leaves(&record(), None, 200), None);
        assert_eq!(leaves(&Record { tombstone: true, ..returned() }, None, 200), None);
        let stub = Stub { shard_key: "u".to_owned(), version: 3, aged: 200 };
        assert_eq!(leaves(&returned(), None, 200), Some(stub.clone()));
        let higher = Stub { version: 9, ..stub };
        assert_eq!(leaves(&returned(), Some(&Stub { aged: 10, ..higher.clone() }), 200), Some(higher));
    }

    #[test]
    fn a_stub_is_small() {
        let longest = Stub { shard_key: "u".repeat(24), version: u64::from(u32::MAX), aged: 1 << 41 };
        let bytes = "r-0123456789abcdef".len() + postcard::to_allocvec(&longest).unwrap().len();
        assert!(bytes <= 64, "{bytes} bytes");
    }

    #[test]
    fn a_receipt_brings_back_what_has_aged_and_nothing_else() {
        let ask = |known: Option<&Record>, stub: Option<&Stub>, record: &Record, now| {
            revive(known, stub, record, now, RETENTION, &aged)
        };
        assert_eq!(ask(None, None, &record(), 149), Revived::NotFound, "it would still be there");
        let Revived::Back(back) = ask(None, None, &record(), 150) else { panic!("not back") };
        assert_eq!(back.holding, record().holding[..1], "what a forgotten counter gave is left out");
        assert_eq!(Record { holding: record().holding, changed: 20, ..back.clone() }, record());
        assert_eq!(back.changed, 150, "or it would go again at once");

        for state in [State::Held, State::Expired, State::RolledBack] {
            assert_eq!(ask(None, None, &Record { state, ..record() }, 900), Revived::NotFound);
        }
        assert_eq!(ask(Some(&returned()), None, &record(), 900), Revived::Known(returned()));
        let of_another = Record { shard_key: "v".to_owned(), ..returned() };
        assert_eq!(ask(Some(&of_another), None, &record(), 900), Revived::NotFound);

        let stub = Stub { shard_key: "u".to_owned(), version: 3, aged: 200 };
        assert_eq!(ask(None, Some(&stub), &record(), 900), Revived::Superseded);
        assert!(matches!(ask(None, Some(&stub), &returned(), 900), Revived::Back(_)), "the last receipt");
        assert_eq!(ask(None, Some(&Stub { shard_key: "v".to_owned(), ..stub }), &record(), 900), Revived::NotFound);
    }
}
