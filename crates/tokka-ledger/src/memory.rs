//! How does a ledger behave that forgets everything when it is dropped? The model behind the trait, for tests and
//! simulation, with a clock that the test moves.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::aging::{Stub, rests_since};
use crate::book::{Ask, Base, Book, Count, Draft, Logged, Map, OnBroken, Reply, Start, add_holding, differences};
use crate::bounds::RETENTION;
use crate::clock::Clock;
use crate::joined::Joined;
use crate::ledger::{Ledger, LedgerError};
use crate::log::{After, Window};
use crate::model::{
    Audit, Committed, Cursor, Events, Extended, Hold, IfExpired, Millis, Put, Record, Reserved, Revived, Rollback, RolledBack,
    Versioned,
};
use crate::name::Name;
use crate::open::{OpenHolds, add_held};

/// A ledger in memory.
pub struct Memory {
    book: Mutex<Book<Shelf>>,
    clock: Clock,
}

impl Memory {
    /// An empty one. At most `log_max` entries of the log are kept, and what has rested for `retention` may go.
    #[must_use]
    pub fn new(clock: Clock, log_max: u64, retention: Duration, on_broken: OnBroken) -> Self {
        let book = Book::new(Shelf::default(), Window::new(1, log_max), Start::default(), retention, on_broken);
        Self { book: Mutex::new(book), clock }
    }

    fn run(&self, ask: &Ask) -> Result<Reply, LedgerError> {
        ask.check()?;
        let now = self.clock.now();
        self.with(|book| {
            let reply = book.run(ask, now)?;
            let draft = book.take_draft();
            book.base.settle(draft, book.window.start);
            Ok(reply)
        })
    }

    fn with<T>(&self, f: impl FnOnce(&mut Book<Shelf>) -> T) -> T {
        f(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A million entries of the log, 7 days of retention, the wall clock, and nobody who hears of a broken invariant but `verify`.
impl Default for Memory {
    fn default() -> Self {
        Self::new(Clock::wall(), 1_000_000, RETENTION, Arc::new(|_, _| {}))
    }
}

#[derive(Default)]
struct Shelf {
    counters: Map<Name, Count>,
    records: Map<String, Arc<Record>>,
    /// Every record that is not HELD, by since when it rests.
    resting: BTreeSet<(Millis, String)>,
    stubs: Map<String, Stub>,
    /// Every stub, by when it was left.
    left: BTreeSet<(Millis, String)>,
    /// What went or came back, in order, as long as the log has the entry after which it did.
    marks: VecDeque<Mark>,
    open: OpenHolds,
    documents: Map<Name, Versioned>,
    log: VecDeque<Logged>,
}

/// A record went or came back.
struct Mark {
    /// The last entry before it.
    after: u64,
    id: String,
    /// What it came back as; `None`: it went.
    version: Option<u64>,
}

impl Shelf {
    fn mark(&mut self, id: String, version: Option<u64>) {
        if let Some(after) = self.log.back().and_then(Logged::position) {
            self.marks.push_back(Mark { after, id, version });
        }
    }

    fn settle(&mut self, draft: Draft, start: u64) {
        for (counter, count) in draft.counters {
            match count {
                Count::ZERO => self.counters.remove(&counter),
                count => self.counters.insert(counter, count),
            };
        }
        for (id, record) in draft.records {
            let before = match &record {
                Some(record) => self.records.insert(id.clone(), Arc::clone(record)),
                None => self.records.remove(&id),
            };
            if let Some(since) = before.as_deref().and_then(rests_since) {
                self.resting.remove(&(since, id.clone()));
            }
            if let Some(record) = record {
                self.open.note(&record);
                self.resting.extend(rests_since(&record).map(|since| (since, id)));
            }
        }
        for (id, stub) in draft.stubs {
            let before = match stub.clone() {
                Some(stub) => self.stubs.insert(id.clone(), stub),
                None => self.stubs.remove(&id),
            };
            if let Some(before) = before {
                self.left.remove(&(before.aged, id.clone()));
            }
            self.left.extend(stub.map(|stub| (stub.aged, id)));
        }
        for (name, document) in draft.documents {
            match document {
                Some(document) => self.documents.insert(name, document),
                None => self.documents.remove(&name),
            };
        }
        for logged in draft.logged {
            match logged {
                Logged::Change { .. } => self.log.push_back(logged),
                Logged::Aged { id, .. } => self.mark(id, None),
                Logged::Revived { record, .. } => self.mark(record.id.clone(), Some(record.version)),
                Logged::Document { .. } | Logged::Stub { .. } => {}
            }
        }
        while self.marks.front().is_some_and(|mark| mark.after <= start) {
            self.marks.pop_front();
        }
        while self.log.front().and_then(Logged::position).is_some_and(|position| position <= start) {
            self.log.pop_front();
        }
    }
}

impl Shelf {
    fn audit(&self) -> Audit {
        let mut audit = Audit { counters: to_u64(self.counters.len()), entries: to_u64(self.log.len()), ..Audit::default() };
        let mut held = Map::default();
        for record in self.records.values() {
            audit.count(record);
            add_holding(&mut held, record);
        }
        // The version of each record that the log says last; `None` where it went since.
        let mut last: Map<String, (Option<u64>, u64)> = Map::default();
        last.extend(self.log.iter().filter_map(Logged::entry).map(|entry| (entry.id, (Some(entry.version), entry.position))));
        for mark in &self.marks {
            if let Some((version, position)) = last.get_mut(&mark.id)
                && *position <= mark.after
            {
                *version = mark.version;
            }
        }
        for (id, (version, _)) in last {
            if version != self.records.get(&id).map(|record| record.version) {
                audit.versions.push(id);
            }
        }
        audit.versions.sort_unstable();
        audit.differences = differences(self.counters.iter().map(|(counter, count)| (counter, *count)), &held);
        audit
    }
}

impl Base for Shelf {
    fn count(&self, counter: &Name) -> Count {
        self.counters.get(counter).copied().unwrap_or_default()
    }

    fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        Ok(self.records.get(id).cloned())
    }

    fn stub(&self, id: &str) -> Result<Option<Stub>, LedgerError> {
        Ok(self.stubs.get(id).cloned())
    }

    fn resting(&self, until: Millis, max: usize, draft: &Draft) -> Result<Vec<(Millis, String)>, LedgerError> {
        let due = self.resting.iter().take_while(|(since, _)| *since <= until);
        Ok(due.filter(|(_, id)| !draft.records.contains_key(id)).take(max).cloned().collect())
    }

    fn stubs(&self, until: Millis, max: usize, draft: &Draft) -> Result<Vec<(Millis, String)>, LedgerError> {
        let due = self.left.iter().take_while(|(left, _)| *left <= until);
        Ok(due.filter(|(_, id)| !draft.stubs.contains_key(id)).take(max).cloned().collect())
    }

    fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        Ok(self.documents.get(name).cloned())
    }
}

#[async_trait]
impl Ledger for Memory {
    async fn reserve(&self, hold: Hold) -> Result<Reserved, LedgerError> {
        self.run(&Ask::Reserve(hold))?.reserved()
    }

    async fn take(&self, hold: Hold) -> Result<Reserved, LedgerError> {
        self.run(&Ask::Take(hold))?.reserved()
    }

    async fn commit(
        &self,
        shard_key: &str,
        id: &str,
        if_expired: IfExpired,
        note: Option<Vec<u8>>,
    ) -> Result<Committed, LedgerError> {
        self.run(&Ask::Commit { shard_key: shard_key.to_owned(), id: id.to_owned(), if_expired, note })?.committed()
    }

    async fn rollback(&self, shard_key: &str, id: &str, rollback: Rollback) -> Result<RolledBack, LedgerError> {
        self.run(&Ask::Rollback { shard_key: shard_key.to_owned(), id: id.to_owned(), rollback })?.rolled_back()
    }

    async fn extend(&self, shard_key: &str, id: &str, until: Millis) -> Result<Extended, LedgerError> {
        self.run(&Ask::Extend { shard_key: shard_key.to_owned(), id: id.to_owned(), until })?.extended()
    }

    async fn replace(&self, old: &str, hold: Hold) -> Result<Reserved, LedgerError> {
        self.run(&Ask::Replace { old: old.to_owned(), hold })?.reserved()
    }

    async fn expire(&self, max: usize) -> Result<usize, LedgerError> {
        self.run(&Ask::Expire { max })?.expired()
    }

    async fn age(&self, max: usize) -> Result<usize, LedgerError> {
        self.run(&Ask::Age { max })?.aged()
    }

    async fn revive(&self, record: Record) -> Result<Revived, LedgerError> {
        self.run(&Ask::Revive(Box::new(record)))?.revived()
    }

    async fn admit(&self, revision: u64) -> Result<u64, LedgerError> {
        self.run(&Ask::Admit(revision))?.admitted()
    }

    async fn admitted(&self) -> Result<u64, LedgerError> {
        Ok(self.with(|book| book.admitted()))
    }

    async fn usage(&self, counters: &[Name]) -> Result<Vec<i64>, LedgerError> {
        Ok(self.with(|book| counters.iter().map(|counter| book.base.count(counter).used).collect()))
    }

    async fn held(&self, shard_key: &str, counters: &[Name]) -> Result<Vec<i64>, LedgerError> {
        Ok(self.with(|book| {
            let mut sums = vec![0; counters.len()];
            for record in book.base.open.of(shard_key).iter().filter_map(|id| book.base.records.get(id)) {
                add_held(&mut sums, counters, record);
            }
            sums
        }))
    }

    async fn get(&self, shard_key: &str, id: &str) -> Result<Option<Record>, LedgerError> {
        let record = self.with(|book| book.base.record(id))?;
        Ok(record.filter(|record| record.shard_key == shard_key).map(|record| Record::clone(&record)))
    }

    async fn put(&self, name: &Name, if_version: u64, bytes: Vec<u8>) -> Result<Put, LedgerError> {
        self.run(&Ask::Put { name: name.clone(), if_version, bytes })?.put()
    }

    async fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        self.with(|book| book.base.document(name))
    }

    async fn events(&self, after: &Cursor, max: usize) -> Result<Events, LedgerError> {
        self.with(|book| {
            let mut position = match book.window.after(after)? {
                After::Gap(cursor) => return Ok(Events::Gap(cursor)),
                After::Position(position) => position,
            };
            let mut joined = Joined::new();
            let from = position.saturating_sub(book.window.start);
            for entry in book.base.log.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)).take(max) {
                if joined.is_full() {
                    break;
                }
                let Some(entry) = entry.entry() else { continue };
                position = entry.position;
                joined.push(entry, |id| Ok::<_, LedgerError>(book.base.records.get(id).cloned()))?;
            }
            Ok(Events::Batch(joined.into_events(), book.window.cursor(position)))
        })
    }

    async fn pass(&self, reader: &str, cursor: &Cursor) -> Result<(), LedgerError> {
        self.run(&Ask::Pass { reader: reader.to_owned(), cursor: cursor.clone() })?.passed()
    }

    async fn reader(&self, reader: &str) -> Result<Option<Cursor>, LedgerError> {
        Ok(self.with(|book| book.window.reader(reader)))
    }

    fn ids(&self) -> Vec<String> {
        vec![self.with(|book| book.window.id())]
    }

    async fn now(&self) -> Result<Millis, LedgerError> {
        Ok(self.clock.now())
    }

    async fn audit(&self) -> Result<Audit, LedgerError> {
        Ok(self.with(|book| book.base.audit()))
    }
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod contract {
    use super::*;
    use crate::contract::Settings;

    async fn open(Settings { log_max, retention }: Settings) -> (Memory, ()) {
        (Memory::new(Clock::wall(), log_max, retention, Arc::new(|_, _| {})), ())
    }

    crate::ledger_contract!(super::open);
}
