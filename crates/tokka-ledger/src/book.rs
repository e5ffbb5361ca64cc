//! What does a step change? The state machine that turns calls into drafts: counters, records, deadlines, documents and
//! log entries move together or not at all. Memory and embedded store run it over what they keep.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bounds;
use crate::ledger::LedgerError;
use crate::log::Window;
use crate::model::{
    Cursor, Entry, Extended, Hold, IfExpired, Millis, Put, Record, Reserved, Rollback, RolledBack, State, Transition, Versioned,
};
use crate::name::Name;
use crate::transition::{Answer, Change, Operation, document_writes, step};

pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;

/// Hears of a counter that went below 0: a broken invariant, which an operator must see. It is not corrected.
pub type OnBroken = Arc<dyn Fn(&Name, i64) + Send + Sync>;

/// One call of `expire` looks at most at this many holds, so that others get their turn.
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
            Self::Extend { .. } | Self::Expire { .. } => Ok(()),
        }
    }
}

/// What it answers.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly every reply is a step; a box would cost each of them an allocation")]
pub(crate) enum Reply {
    Step(Answer),
    Expired(usize),
    Put(Put),
    Passed,
}

/// What is kept below a draft: everything that earlier drafts settled.
pub(crate) trait Base {
    fn used(&self, counter: &Name) -> i64;
    fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError>;
    fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError>;
}

/// What the log keeps of an effect: enough to repeat it, and to tell a reader.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Logged {
    /// A record's next version. The entry's id, shard key, version and time are the record's.
    Change { position: u64, transition: Transition, moved: Vec<Moved>, record: Arc<Record> },
    /// A document as it stands from now on. Not an entry of the log: it has no position.
    Document { name: Name, now: Option<Versioned> },
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
            Self::Document { .. } => None,
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
    pub(crate) counters: Map<Name, i64>,
    pub(crate) records: Map<String, Arc<Record>>,
    pub(crate) documents: Map<Name, Option<Versioned>>,
    pub(crate) logged: Vec<Logged>,
    pub(crate) readers_moved: bool,
}

impl Draft {
    pub(crate) fn is_empty(&self) -> bool {
        self.logged.is_empty() && !self.readers_moved
    }
}

/// The state machine over a base.
pub(crate) struct Book<B> {
    pub(crate) base: B,
    pub(crate) window: Window,
    draft: Draft,
    /// Of every HELD record.
    deadlines: BTreeSet<(Millis, String)>,
    on_broken: OnBroken,
}

impl<B: Base> Book<B> {
    pub(crate) fn new(base: B, window: Window, deadlines: BTreeSet<(Millis, String)>, on_broken: OnBroken) -> Self {
        Self { base, window, draft: Draft::default(), deadlines, on_broken }
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
        }
        Ok(())
    }

    fn one(&mut self, id: &str, operation: Operation<'_>, now: Millis) -> Result<Reply, LedgerError> {
        let before = self.record(id)?;
        let step = step(before.as_deref(), operation, now, &|counter| self.used(counter));
        for change in step.changes {
            // `replace` changes two records: the one released is not the one asked for.
            let before = if change.record.id == id { before.clone() } else { self.record(&change.record.id)? };
            self.apply(before.as_deref(), change)?;
        }
        Ok(Reply::Step(step.answer))
    }

    fn apply(&mut self, before: Option<&Record>, change: Change) -> Result<(), LedgerError> {
        for (name, bytes) in document_writes(&change) {
            let version = self.document(name)?.map_or(0, |document| document.version).saturating_add(1);
            self.write_document(name.clone(), bytes.map(|bytes| Versioned { version, bytes: bytes.to_vec() }));
        }
        let mut moved = Vec::with_capacity(change.moved.len());
        for (counter, by) in change.moved {
            // INVARIANT: at most AMOUNT_MAX is ever taken, so the sum exists; below 0 is a fault that stays to be seen.
            let used = self.used(&counter).saturating_add(by);
            if used < 0 {
                (self.on_broken)(&counter, used);
            }
            moved.push(Moved { counter, by, used });
        }
        let position = self.window.advance();
        self.keep(before, position, change.transition, moved, Arc::new(change.record));
        Ok(())
    }

    fn keep(&mut self, before: Option<&Record>, position: u64, transition: Transition, moved: Vec<Moved>, record: Arc<Record>) {
        for Moved { counter, used, .. } in &moved {
            self.draft.counters.insert(counter.clone(), *used);
        }
        if let Some(before) = before.filter(|before| before.state == State::Held) {
            self.deadlines.remove(&(before.deadline, before.id.clone()));
        }
        if record.state == State::Held {
            self.deadlines.insert((record.deadline, record.id.clone()));
        }
        self.draft.records.insert(record.id.clone(), Arc::clone(&record));
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

    fn used(&self, counter: &Name) -> i64 {
        self.draft.counters.get(counter).copied().unwrap_or_else(|| self.base.used(counter))
    }

    fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        match self.draft.records.get(id) {
            Some(record) => Ok(Some(Arc::clone(record))),
            None => self.base.record(id),
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

/// The counters whose `used` is not the sum of what records hold: name, what it should be, what it is.
pub(crate) fn differences<'a>(counters: impl Iterator<Item = (&'a Name, i64)>, held: &Map<Name, i64>) -> Vec<(Name, i64, i64)> {
    let mut differ = Vec::new();
    let mut known: Map<&Name, ()> = Map::default();
    for (counter, used) in counters {
        let should = held.get(counter).copied().unwrap_or(0);
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
        fn used(&self, _: &Name) -> i64 {
            0
        }

        fn record(&self, _: &str) -> Result<Option<Arc<Record>>, LedgerError> {
            Ok(Some(Arc::clone(&self.0)))
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
            claims: Vec::new(),
            holding: vec![Portion { counter: stock.clone(), amount: 2 }],
            payload: Vec::new(),
            note: None,
            documents: Vec::new(),
            returns: Vec::new(),
            tombstone: false,
            created: 0,
            changed: 0,
        };
        let told = Arc::new(Mutex::new(Vec::new()));
        let on_broken: OnBroken = {
            let told = Arc::clone(&told);
            Arc::new(move |counter, used| told.lock().unwrap().push((counter.clone(), used)))
        };
        let deadlines = BTreeSet::from([(5, "r".to_owned())]);
        let mut book = Book::new(Damaged(Arc::new(record)), Window::new(1, 10), deadlines, on_broken);
        assert_eq!(book.run(&Ask::Expire { max: 9 }, 5).unwrap().expired(), Ok(1));
        assert_eq!(*told.lock().unwrap(), [(stock.clone(), -2)]);
        assert_eq!(book.draft().counters.get(&stock), Some(&-2), "not clamped");
    }
}
