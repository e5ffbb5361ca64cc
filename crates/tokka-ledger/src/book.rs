//! What does a step change? The state machine that turns calls into drafts: counters, records, deadlines, documents and
//! log entries move together or not at all. Memory and embedded store run it over what they keep.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::aging::{self, Stub};
use crate::bounds;
use crate::ledger::LedgerError;
use crate::log::Window;
use crate::model::{
    Cursor, Entry, Extended, Hold, IfExpired, Millis, Place, Put, Record, Reserved, Revived, Rollback, RolledBack, State,
    Transition, Versioned,
};
use crate::name::Name;
use crate::transition::{Answer, Change, Moment, Operation, document_writes, step};

pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Hears of a counter that went below 0: a broken invariant, which an operator must see. It is not corrected.
pub type OnBroken = Arc<dyn Fn(&Name, i64) + Send + Sync>;

/// One call of `expire` or `age` takes at most this many records, so that others get their turn.
pub const EXPIRE_MAX: usize = 256;

/// A call that may write.
#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Reserve(Hold),
    Take(Hold),
    Replace { old: String, hold: Hold },
    Commit { shard_key: String, id: String, if_expired: IfExpired, note: Option<Vec<u8>> },
    Rollback { shard_key: String, id: String, rollback: Rollback },
    Extend { shard_key: String, id: String, until: Millis },
    Expire { max: usize },
    Age { max: usize },
    Revive(Box<Record>),
    Admit(u64),
    Put { name: Name, if_version: u64, bytes: Vec<u8> },
    Pass { reader: String, cursor: Cursor },
}

impl Ask {
    /// What can be refused without the store.
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        match self {
            Self::Reserve(hold) | Self::Take(hold) => bounds::hold(hold),
            Self::Replace { old, hold } if *old == hold.id => {
                Err(LedgerError::Malformed("a reservation cannot replace itself".to_owned()))
            }
            Self::Replace { hold, .. } => bounds::hold(hold),
            Self::Rollback { id, shard_key, rollback } => {
                bounds::id("reservation id", id)?;
                bounds::id("shard key", shard_key)?;
                bounds::rollback(rollback)
            }
            Self::Put { bytes, .. } => bounds::bytes("document", bytes),
            Self::Pass { reader, .. } => bounds::id("reader", reader),
            Self::Commit { note, .. } => bounds::bytes("note", note.as_deref().unwrap_or_default()),
            Self::Revive(record) => bounds::record(record),
            Self::Extend { .. } | Self::Expire { .. } | Self::Age { .. } | Self::Admit(_) => Ok(()),
        }
    }
}

/// What it answers.
#[derive(Debug)]
pub(crate) enum Reply {
    Step(Answer),
    Expired(usize),
    Aged(usize),
    Revived(Revived),
    Admitted(u64),
    Put(Put),
    Passed,
}

/// What is known of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    pub(crate) used: i64,
    /// What of it no record stands for any more.
    pub(crate) aged: i64,
}

impl Count {
    pub(crate) const ZERO: Self = Self { used: 0, aged: 0 };
}

/// What is kept below a draft: everything that earlier drafts settled.
pub(crate) trait Base {
    fn count(&self, counter: &Name) -> Count;
    fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError>;
    fn stub(&self, id: &str) -> Result<Option<Stub>, LedgerError>;
    /// The oldest records, at most `max`, that rest since `until` or longer: by since when, and id. Those that the draft
    /// has another word on are left out.
    fn resting(&self, until: Millis, max: usize, draft: &Draft) -> Result<Vec<(Millis, String)>, LedgerError>;
    /// Likewise, stubs by when they were left.
    fn stubs(&self, until: Millis, max: usize, draft: &Draft) -> Result<Vec<(Millis, String)>, LedgerError>;
    fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError>;
}

/// What the log keeps of an effect: enough to repeat it, and to tell a reader.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Logged {
    /// A record's next version. The entry's id, shard key, version and time are the record's.
    Change { position: u64, transition: Transition, moved: Vec<Moved>, record: Arc<Record> },
    /// A document as it stands from now on. Not an entry of the log: it has no position.
    Document { name: Name, now: Option<Versioned> },
    /// A record went. No entry either. What has aged of its counters is told as it is afterwards.
    Aged { id: String, aged: Vec<(Name, i64)> },
    /// A record came back, likewise.
    Revived { record: Arc<Record>, aged: Vec<(Name, i64)> },
    /// What is left of a record from now on. No entry.
    Stub { id: String, now: Option<Stub> },
}

/// A counter that moved. What it is used afterwards is kept beside by how much: repeating an effect then sets, and does
/// not add, so that it may be repeated over tables that hold some of it already.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Moved {
    pub(crate) counter: Name,
    pub(crate) by: i64,
    pub(crate) used: i64,
}

impl Logged {
    pub(crate) fn position(&self) -> Option<u64> {
        match self {
            Self::Change { position, .. } => Some(*position),
            Self::Document { .. } | Self::Aged { .. } | Self::Revived { .. } | Self::Stub { .. } => None,
        }
    }

    pub(crate) fn entry(&self) -> Option<Entry> {
        let Self::Change { position, transition, moved, record } = self else { return None };
        Some(Entry {
            position: *position,
            id: record.id.clone(),
            shard_key: record.shard_key.clone(),
            version: record.version,
            transition: *transition,
            moved: moved.iter().map(|moved| (moved.counter.clone(), moved.by)).collect(),
            at: record.changed,
        })
    }
}

/// The effects of the calls since the last `settle`: over the base, not yet part of it.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    pub(crate) counters: Map<Name, Count>,
    /// `None` where one went.
    pub(crate) records: Map<String, Option<Arc<Record>>>,
    pub(crate) stubs: Map<String, Option<Stub>>,
    pub(crate) documents: Map<Name, Option<Versioned>>,
    pub(crate) logged: Vec<Logged>,
    pub(crate) readers_moved: bool,
    /// The lowest revision that is admitted, where it rose.
    pub(crate) admitted: Option<u64>,
}

impl Draft {
    pub(crate) fn is_empty(&self) -> bool {
        self.logged.is_empty() && !self.readers_moved && self.admitted.is_none()
    }
}

/// The state machine over a base.
pub(crate) struct Book<B> {
    pub(crate) base: B,
    pub(crate) window: Window,
    draft: Draft,
    /// Of every HELD record.
    deadlines: BTreeSet<(Millis, String)>,
    /// The lowest revision that holds are admitted at.
    admitted: u64,
    retention_ms: Millis,
    on_broken: OnBroken,
}

/// What a book begins with, beside its base and its log.
#[derive(Default)]
pub(crate) struct Start {
    pub(crate) deadlines: BTreeSet<(Millis, String)>,
    pub(crate) admitted: u64,
}

impl<B: Base> Book<B> {
    pub(crate) fn new(base: B, window: Window, start: Start, retention: Duration, on_broken: OnBroken) -> Self {
        let Start { deadlines, admitted } = start;
        let retention_ms = Millis::try_from(retention.as_millis()).unwrap_or(Millis::MAX);
        Self { base, window, draft: Draft::default(), deadlines, admitted, retention_ms, on_broken }
    }

    pub(crate) fn admitted(&self) -> u64 {
        self.admitted
    }

    /// Does one call; its effects are in the draft afterwards.
    pub(crate) fn run(&mut self, ask: &Ask, now: Millis) -> Result<Reply, LedgerError> {
        match ask {
            Ask::Reserve(hold) => self.one(&hold.id, Operation::Reserve(hold), now),
            Ask::Take(hold) => self.one(&hold.id, Operation::Take(hold), now),
            Ask::Replace { old, hold } => {
                let old = self.record(old)?;
                self.one(&hold.id, Operation::Replace { old: old.as_deref(), hold }, now)
            }
            Ask::Commit { shard_key, id, if_expired, note } => {
                self.one(id, Operation::Commit { shard_key, if_expired, note: note.as_deref() }, now)
            }
            Ask::Rollback { shard_key, id, rollback } => self.one(id, Operation::Rollback { shard_key, id, rollback }, now),
            Ask::Extend { shard_key, id, until } => self.one(id, Operation::Extend { shard_key, until: *until }, now),
            Ask::Expire { max } => self.expire(*max, now),
            Ask::Age { max } => self.age((*max).min(EXPIRE_MAX), now),
            Ask::Revive(record) => self.revive(record, now),
            Ask::Admit(revision) => Ok(self.admit(*revision)),
            Ask::Put { name, if_version, bytes } => self.put(name, *if_version, bytes),
            Ask::Pass { reader, cursor } => {
                self.window.pass(reader, cursor)?;
                self.draft.readers_moved = true;
                Ok(Reply::Passed)
            }
        }
    }

    /// The effects since the last time; the caller makes them part of the base.
    pub(crate) fn take_draft(&mut self) -> Draft {
        std::mem::take(&mut self.draft)
    }

    pub(crate) fn draft(&self) -> &Draft {
        &self.draft
    }

    /// Repeats an effect that was logged.
    pub(crate) fn replay(&mut self, logged: Logged) -> Result<(), LedgerError> {
        match logged {
            Logged::Change { position, transition, moved, record } => {
                let before = self.record(&record.id)?;
                self.window.end = position;
                self.keep(before.as_deref(), position, transition, moved, record);
            }
            Logged::Document { name, now } => {
                self.draft.documents.insert(name, now);
            }
            Logged::Aged { id, aged } => self.keep_aged(id, aged),
            Logged::Revived { record, aged } => self.keep_revived(record, aged),
            Logged::Stub { id, now } => self.keep_stub(id, now),
        }
        Ok(())
    }

    fn one(&mut self, id: &str, operation: Operation<'_>, now: Millis) -> Result<Reply, LedgerError> {
        let before = self.record(id)?;
        let moment = Moment { now, admitted: self.admitted };
        let step = step(before.as_deref(), operation, moment, &|counter| self.count(counter).used);
        let mut answer = step.answer;
        for change in step.changes {
            // `replace` changes two records: the one released is not the one asked for.
            let before = if change.record.id == id { before.clone() } else { self.record(&change.record.id)? };
            let changed = change.record.id.clone();
            let place = self.apply(before.as_deref(), change)?;
            answer.place(&changed, place);
        }
        Ok(Reply::Step(answer))
    }

    fn apply(&mut self, before: Option<&Record>, mut change: Change) -> Result<Place, LedgerError> {
        for (name, bytes) in document_writes(&change) {
            let version = self.document(name)?.map_or(0, |document| document.version).saturating_add(1);
            self.write_document(name.clone(), bytes.map(|bytes| Versioned { version, bytes: bytes.to_vec() }));
        }
        let mut moved = Vec::with_capacity(change.moved.len());
        for (counter, by) in change.moved {
            // INVARIANT: at most AMOUNT_MAX is ever taken, so the sum exists; below 0 is a fault that stays to be seen.
            let used = self.count(&counter).used.saturating_add(by);
            if used < 0 {
                (self.on_broken)(&counter, used);
            }
            moved.push(Moved { counter, by, used });
        }
        let place = Place { epoch: self.window.epoch, position: self.window.advance() };
        change.record.place = place;
        self.keep(before, place.position, change.transition, moved, Arc::new(change.record));
        Ok(place)
    }

    fn keep(&mut self, before: Option<&Record>, position: u64, transition: Transition, moved: Vec<Moved>, record: Arc<Record>) {
        for Moved { counter, used, .. } in &moved {
            let aged = self.count(counter).aged;
            self.draft.counters.insert(counter.clone(), Count { used: *used, aged });
        }
        if let Some(before) = before.filter(|before| before.state == State::Held) {
            self.deadlines.remove(&(before.deadline, before.id.clone()));
        }
        if record.state == State::Held {
            self.deadlines.insert((record.deadline, record.id.clone()));
        }
        self.draft.records.insert(record.id.clone(), Some(Arc::clone(&record)));
        self.draft.logged.push(Logged::Change { position, transition, moved, record });
    }

    fn expire(&mut self, max: usize, now: Millis) -> Result<Reply, LedgerError> {
        let due: Vec<String> = self
            .deadlines
            .iter()
            .take_while(|(deadline, _)| *deadline <= now)
            .take(max.min(EXPIRE_MAX))
            .map(|(_, id)| id.clone())
            .collect();
        let mut expired = 0_usize;
        for id in due {
            if let Reply::Step(Answer::Expired(true)) = self.one(&id, Operation::Expire, now)? {
                expired = expired.saturating_add(1);
            }
        }
        Ok(Reply::Expired(expired))
    }

    /// Oldest first. Stubs whose time is over go with it, beside what is counted.
    fn age(&mut self, max: usize, now: Millis) -> Result<Reply, LedgerError> {
        let until = aging::goes_if_rested_since(now, self.retention_ms);
        let drafted = self.draft.records.values().flatten();
        let drafted = drafted.filter_map(|record| Some((aging::rests_since(record)?, record.id.clone())));
        let drafted = drafted.filter(|(since, _)| *since <= until).collect();
        let due = oldest(self.base.resting(until, max, &self.draft)?, drafted, max);
        let mut aged = 0_usize;
        for (_, id) in due {
            let Some(record) = self.record(&id)? else { continue };
            if let Some(stub) = aging::leaves(&record, self.stub(&id)?.as_ref(), now) {
                self.keep_stub(id.clone(), Some(stub));
            }
            let moved = record.holding.iter().map(|portion| {
                let sum = self.count(&portion.counter).aged.saturating_add(portion.amount);
                (portion.counter.clone(), sum)
            });
            let moved = moved.collect();
            self.keep_aged(id, moved);
            aged = aged.saturating_add(1);
        }

        let until = aging::stub_goes_if_left_by(now);
        let drafted = self.draft.stubs.iter().filter_map(|(id, stub)| Some((stub.as_ref()?.aged, id.clone())));
        let drafted = drafted.filter(|(left, _)| *left <= until).collect();
        for (_, id) in oldest(self.base.stubs(until, max, &self.draft)?, drafted, max) {
            self.keep_stub(id, None);
        }
        Ok(Reply::Aged(aged))
    }

    fn revive(&mut self, record: &Record, now: Millis) -> Result<Reply, LedgerError> {
        let (known, stub) = (self.record(&record.id)?, self.stub(&record.id)?);
        let aged = |counter: &Name| self.count(counter).aged;
        let answer = aging::revive(known.as_deref(), stub.as_ref(), record, now, self.retention_ms, &aged);
        if let Revived::Back(back) = &answer {
            let moved = back.holding.iter().map(|portion| {
                // INVARIANT: as much as this has aged, or the portion would have been left out.
                (portion.counter.clone(), aged(&portion.counter).saturating_sub(portion.amount))
            });
            let moved = moved.collect();
            self.keep_revived(Arc::new(back.clone()), moved);
        }
        Ok(Reply::Revived(answer))
    }

    fn admit(&mut self, revision: u64) -> Reply {
        if revision > self.admitted {
            self.admitted = revision;
            self.draft.admitted = Some(revision);
        }
        Reply::Admitted(self.admitted)
    }

    fn keep_aged(&mut self, id: String, aged: Vec<(Name, i64)>) {
        self.keep_counts(&aged);
        self.draft.records.insert(id.clone(), None);
        self.draft.logged.push(Logged::Aged { id, aged });
    }

    fn keep_revived(&mut self, record: Arc<Record>, aged: Vec<(Name, i64)>) {
        self.keep_counts(&aged);
        self.draft.records.insert(record.id.clone(), Some(Arc::clone(&record)));
        self.draft.logged.push(Logged::Revived { record, aged });
    }

    fn keep_counts(&mut self, aged: &[(Name, i64)]) {
        for (counter, aged) in aged {
            let used = self.count(counter).used;
            self.draft.counters.insert(counter.clone(), Count { used, aged: *aged });
        }
    }

    fn keep_stub(&mut self, id: String, now: Option<Stub>) {
        self.draft.stubs.insert(id.clone(), now.clone());
        self.draft.logged.push(Logged::Stub { id, now });
    }

    fn put(&mut self, name: &Name, if_version: u64, bytes: &[u8]) -> Result<Reply, LedgerError> {
        let version = self.document(name)?.map_or(0, |document| document.version);
        if version != if_version {
            return Ok(Reply::Put(Put::Moved(version)));
        }
        let version = version.saturating_add(1);
        self.write_document(name.clone(), Some(Versioned { version, bytes: bytes.to_vec() }));
        Ok(Reply::Put(Put::Done(version)))
    }

    fn write_document(&mut self, name: Name, now: Option<Versioned>) {
        self.draft.documents.insert(name.clone(), now.clone());
        self.draft.logged.push(Logged::Document { name, now });
    }

    fn count(&self, counter: &Name) -> Count {
        self.draft.counters.get(counter).copied().unwrap_or_else(|| self.base.count(counter))
    }

    fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        match self.draft.records.get(id) {
            Some(record) => Ok(record.clone()),
            None => self.base.record(id),
        }
    }

    fn stub(&self, id: &str) -> Result<Option<Stub>, LedgerError> {
        match self.draft.stubs.get(id) {
            Some(stub) => Ok(stub.clone()),
            None => self.base.stub(id),
        }
    }

    fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        match self.draft.documents.get(name) {
            Some(document) => Ok(document.clone()),
            None => self.base.document(name),
        }
    }
}

/// What a reply must be for its call. Another one would be a bug of the state machine, and is answered as such.
impl Reply {
    pub(crate) fn reserved(self) -> Result<Reserved, LedgerError> {
        if let Self::Step(Answer::Reserved(answer)) = self { Ok(answer) } else { Err(mixed_up()) }
    }

    pub(crate) fn committed(self) -> Result<crate::model::Committed, LedgerError> {
        if let Self::Step(Answer::Committed(answer)) = self { Ok(answer) } else { Err(mixed_up()) }
    }

    pub(crate) fn rolled_back(self) -> Result<RolledBack, LedgerError> {
        if let Self::Step(Answer::RolledBack(answer)) = self { Ok(answer) } else { Err(mixed_up()) }
    }

    pub(crate) fn extended(self) -> Result<Extended, LedgerError> {
        if let Self::Step(Answer::Extended(answer)) = self { Ok(answer) } else { Err(mixed_up()) }
    }

    pub(crate) fn expired(self) -> Result<usize, LedgerError> {
        if let Self::Expired(expired) = self { Ok(expired) } else { Err(mixed_up()) }
    }

    pub(crate) fn aged(self) -> Result<usize, LedgerError> {
        if let Self::Aged(aged) = self { Ok(aged) } else { Err(mixed_up()) }
    }

    pub(crate) fn revived(self) -> Result<Revived, LedgerError> {
        if let Self::Revived(answer) = self { Ok(answer) } else { Err(mixed_up()) }
    }

    pub(crate) fn admitted(self) -> Result<u64, LedgerError> {
        if let Self::Admitted(admitted) = self { Ok(admitted) } else { Err(mixed_up()) }
    }

    pub(crate) fn put(self) -> Result<Put, LedgerError> {
        if let Self::Put(answer) = self { Ok(answer) } else { Err(mixed_up()) }
    }

    pub(crate) fn passed(self) -> Result<(), LedgerError> {
        if let Self::Passed = self { Ok(()) } else { Err(mixed_up()) }
    }
}

fn mixed_up() -> LedgerError {
    LedgerError::OutcomeUnknown("the store gave the answer of another call".to_owned())
}

/// The oldest of what a base and its draft have, at most `max`.
fn oldest(mut of_base: Vec<(Millis, String)>, of_draft: Vec<(Millis, String)>, max: usize) -> Vec<(Millis, String)> {
    of_base.extend(of_draft);
    of_base.sort_unstable();
    of_base.truncate(max);
    of_base
}

/// The counters whose `used` is not what aged and what records hold: name, what it should be, what it is.
pub(crate) fn differences<'a>(counters: impl Iterator<Item = (&'a Name, Count)>, held: &Map<Name, i64>) -> Vec<(Name, i64, i64)> {
    let mut differ = Vec::new();
    let mut known: Map<&Name, ()> = Map::default();
    for (counter, Count { used, aged }) in counters {
        let should = held.get(counter).copied().unwrap_or(0).saturating_add(aged);
        if should != used {
            differ.push((counter.clone(), should, used));
        }
        known.insert(counter, ());
    }
    for (counter, should) in held {
        if *should != 0 && !known.contains_key(counter) {
            differ.push((counter.clone(), *should, 0));
        }
    }
    differ.sort();
    differ
}

/// Adds what a record holds.
pub(crate) fn add_holding(held: &mut Map<Name, i64>, record: &Record) {
    for portion in &record.holding {
        let sum = held.entry(portion.counter.clone()).or_insert(0);
        *sum = sum.saturating_add(portion.amount);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::model::Portion;

    /// A base that has lost a counter: the record holds 2 of it, and nothing is used.
    struct Damaged(Arc<Record>);

    impl Base for Damaged {
        fn count(&self, _: &Name) -> Count {
            Count::ZERO
        }

        fn record(&self, _: &str) -> Result<Option<Arc<Record>>, LedgerError> {
            Ok(Some(Arc::clone(&self.0)))
        }

        fn stub(&self, _: &str) -> Result<Option<Stub>, LedgerError> {
            Ok(None)
        }

        fn resting(&self, _: Millis, _: usize, _: &Draft) -> Result<Vec<(Millis, String)>, LedgerError> {
            Ok(Vec::new())
        }

        fn stubs(&self, _: Millis, _: usize, _: &Draft) -> Result<Vec<(Millis, String)>, LedgerError> {
            Ok(Vec::new())
        }

        fn document(&self, _: &Name) -> Result<Option<Versioned>, LedgerError> {
            Ok(None)
        }
    }

    #[test]
    fn a_counter_that_goes_below_zero_is_told_and_stays_to_be_seen() {
        let stock = Name::of(&["stock"]);
        let record = Record {
            id: "r".to_owned(),
            shard_key: "u".to_owned(),
            request_hash: 1,
            state: State::Held,
            version: 1,
            deadline: 5,
            created: 0,
            changed: 0,
            place: Place::default(),
            claims: Vec::new(),
            holding: vec![Portion { counter: stock.clone(), amount: 2 }],
            payload: Vec::new(),
            note: None,
            documents: Vec::new(),
            returns: Vec::new(),
            tombstone: false,
        };
        let told = Arc::new(Mutex::new(Vec::new()));
        let on_broken: OnBroken = {
            let told = Arc::clone(&told);
            Arc::new(move |counter, used| told.lock().unwrap().push((counter.clone(), used)))
        };
        let start = Start { deadlines: BTreeSet::from([(5, "r".to_owned())]), admitted: 0 };
        let mut book = Book::new(Damaged(Arc::new(record)), Window::new(1, 10), start, bounds::RETENTION, on_broken);
        assert_eq!(book.run(&Ask::Expire { max: 9 }, 5).unwrap().expired(), Ok(1));
        assert_eq!(*told.lock().unwrap(), [(stock.clone(), -2)]);
        assert_eq!(book.draft().counters.get(&stock).map(|count| count.used), Some(-2), "not clamped");
    }
}
