//! How does a ledger behave that forgets everything when it is dropped? The model behind the trait, for tests and
//! simulation, with a clock that the test moves.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::book::{Ask, Base, Book, Draft, Logged, Map, OnBroken, Reply, add_holding, differences};
use crate::clock::Clock;
use crate::joined::{Joined, shown};
use crate::ledger::{Ledger, LedgerError};
use crate::log::{After, Window};
use crate::model::{
    Committed, Cursor, Events, Extended, Hold, IfExpired, Millis, Put, Record, Reserved, Rollback, RolledBack, Versioned,
};
use crate::name::Name;
use crate::open::{OpenHolds, add_held};

/// A ledger in memory.
pub struct Memory {
    book: Mutex<Book<Shelf>>,
    clock: Clock,
}

impl Memory {
    /// An empty one. At most `log_max` entries of the log are kept.
    #[must_use]
    pub fn new(clock: Clock, log_max: u64, on_broken: OnBroken) -> Self {
        let book = Book::new(Shelf::default(), Window::new(1, log_max), BTreeSet::new(), on_broken);
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

/// A million entries of the log, the wall clock, and nobody who hears of a broken invariant but `verify`.
impl Default for Memory {
    fn default() -> Self {
        Self::new(Clock::wall(), 1_000_000, Arc::new(|_, _| {}))
    }
}

#[derive(Default)]
struct Shelf {
    counters: Map<Name, i64>,
    records: Map<String, Arc<Record>>,
    open: OpenHolds,
    documents: Map<Name, Versioned>,
    log: VecDeque<Logged>,
}

impl Shelf {
    fn settle(&mut self, draft: Draft, start: u64) {
        for (counter, used) in draft.counters {
            match used {
                0 => self.counters.remove(&counter),
                used => self.counters.insert(counter, used),
            };
        }
        draft.records.values().for_each(|record| self.open.note(record));
        self.records.extend(draft.records);
        for (name, document) in draft.documents {
            match document {
                Some(document) => self.documents.insert(name, document),
                None => self.documents.remove(&name),
            };
        }
        self.log.extend(draft.logged.into_iter().filter(|logged| logged.position().is_some()));
        while self.log.front().and_then(Logged::position).is_some_and(|position| position <= start) {
            self.log.pop_front();
        }
    }
}

impl Base for Shelf {
    fn used(&self, counter: &Name) -> i64 {
        self.counters.get(counter).copied().unwrap_or(0)
    }

    fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        Ok(self.records.get(id).cloned())
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

    async fn usage(&self, counters: &[Name]) -> Result<Vec<i64>, LedgerError> {
        Ok(self.with(|book| counters.iter().map(|counter| book.base.used(counter)).collect()))
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
                joined.push(entry, |id| Ok::<_, LedgerError>(book.base.records.get(id).map(|record| shown(record))))?;
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

    async fn now(&self) -> Result<Millis, LedgerError> {
        Ok(self.clock.now())
    }

    async fn verify(&self) -> Result<Vec<(Name, i64, i64)>, LedgerError> {
        Ok(self.with(|book| {
            let mut held = Map::default();
            for record in book.base.records.values() {
                add_holding(&mut held, record);
            }
            differences(book.base.counters.iter().map(|(counter, used)| (counter, *used)), &held)
        }))
    }
}

#[cfg(test)]
mod contract {
    use super::*;

    async fn open(log_max: u64) -> (Memory, ()) {
        (Memory::new(Clock::wall(), log_max, Arc::new(|_, _| {})), ())
    }

    crate::ledger_contract!(super::open);
}
