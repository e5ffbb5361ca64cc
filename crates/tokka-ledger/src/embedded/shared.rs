//! What may others see of a store? What is durable: counters, the records since the last fold, and the tables below
//! them. The writer alone changes it, after each fsync; readers never wait in its queue.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::tables::{Tables, View};
use crate::book::{Base, Draft, Map, add_holding, differences};
use crate::ledger::LedgerError;
use crate::log::{After, Window};
use crate::model::{Cursor, Event, Events, Record, State, Versioned};
use crate::name::Name;

pub(super) struct Shared {
    published: RwLock<Published>,
    tables: Tables,
}

struct Published {
    counters: Map<Name, i64>,
    /// Replaced by an empty one at each fold; a reader that took the old one still finds everything in it.
    overlay: Arc<RwLock<Overlay>>,
    window: Window,
}

/// What moved since the last fold.
#[derive(Default)]
pub(super) struct Overlay {
    pub(super) records: Map<String, Arc<Record>>,
    pub(super) documents: Map<Name, Option<Versioned>>,
}

/// What `audit` counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// Records, by state.
    pub held: u64,
    /// Likewise.
    pub committed: u64,
    /// Likewise; tombstones too.
    pub rolled_back: u64,
    /// Likewise.
    pub expired: u64,
    /// Counters that are not 0.
    pub counters: u64,
    /// Entries of the log that are kept.
    pub entries: u64,
    /// Counters whose `used` is not what records hold: name, what it should be, what it is.
    pub differences: Vec<(Name, i64, i64)>,
    /// Records of which the log's last entry has another version, or which it knows and the records do not.
    pub versions: Vec<String>,
}

impl Audit {
    /// Do counters, records and log agree?
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && self.versions.is_empty()
    }
}

/// One durable moment: the tables, and what lies over them.
struct Moment {
    overlay: Arc<RwLock<Overlay>>,
    view: View,
}

impl Moment {
    fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        let recent = read(&self.overlay).records.get(id).cloned();
        if recent.is_some() { Ok(recent) } else { self.view.record(id) }
    }
}

impl Shared {
    pub(super) fn new(tables: Tables, counters: Map<Name, i64>, window: Window) -> Self {
        let published = Published { counters, overlay: Arc::default(), window };
        Self { published: RwLock::new(published), tables }
    }

    /// Makes a draft that is durable now part of what everybody sees; answers what moved, for the next fold.
    pub(super) fn publish(&self, draft: Draft, window: &Window) -> Map<Name, i64> {
        let mut published = write(&self.published);
        for (counter, used) in &draft.counters {
            match used {
                0 => published.counters.remove(counter),
                used => published.counters.insert(counter.clone(), *used),
            };
        }
        {
            let mut overlay = write(&published.overlay);
            overlay.records.extend(draft.records);
            overlay.documents.extend(draft.documents);
        }
        published.window.start = window.start;
        published.window.end = window.end;
        if draft.readers_moved {
            published.window.readers.clone_from(&window.readers);
        }
        draft.counters
    }

    /// What the next fold writes.
    pub(super) fn overlay(&self) -> Arc<RwLock<Overlay>> {
        Arc::clone(&read(&self.published).overlay)
    }

    /// The overlay is in the tables now.
    pub(super) fn folded(&self) {
        write(&self.published).overlay = Arc::default();
    }

    pub(super) fn usage(&self, counters: &[Name]) -> Vec<i64> {
        let published = read(&self.published);
        counters.iter().map(|counter| published.counters.get(counter).copied().unwrap_or(0)).collect()
    }

    pub(super) fn reader(&self, reader: &str) -> Option<Cursor> {
        read(&self.published).window.reader(reader)
    }

    pub(super) fn recent_record(&self, id: &str) -> Option<Arc<Record>> {
        read(&self.overlay()).records.get(id).cloned()
    }

    pub(super) fn recent_document(&self, name: &Name) -> Option<Option<Versioned>> {
        read(&self.overlay()).documents.get(name).cloned()
    }

    pub(super) fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        self.moment()?.record(id)
    }

    pub(super) fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        let moment = self.moment()?;
        let recent = read(&moment.overlay).documents.get(name).cloned();
        recent.map_or_else(|| moment.view.document(name), Ok)
    }

    pub(super) fn events(&self, after: &Cursor, max: usize) -> Result<Events, LedgerError> {
        let (moment, window) = self.moment_with(|published| published.window.clone())?;
        let above = match window.after(after)? {
            After::Gap(cursor) => return Ok(Events::Gap(cursor)),
            After::Position(position) => position,
        };
        let mut entries = Vec::new();
        moment.view.each_entry(above, |logged| {
            // What became durable since the moment is the next call's.
            let wanted = entries.len() < max && logged.position().is_some_and(|position| position <= window.end);
            if wanted {
                entries.extend(logged.entry());
            }
            wanted
        })?;
        let mut position = above;
        let mut events = Vec::with_capacity(entries.len());
        for entry in entries {
            position = entry.position;
            let record = moment.record(&entry.id)?.map(|record| Record::clone(&record));
            events.push(Event { entry, record });
        }
        Ok(Events::Batch(events, window.cursor(position)))
    }

    pub(super) fn audit(&self) -> Result<Audit, LedgerError> {
        let (moment, (counters, recent, window)) = self.moment_with(|published| {
            let recent = read(&published.overlay).records.clone();
            (published.counters.clone(), recent, published.window.clone())
        })?;
        let mut versions: Map<String, u64> = Map::default();
        let mut audit = Audit { counters: to_u64(counters.len()), ..Audit::default() };
        moment.view.each_entry(window.start, |logged| {
            let entry = logged.entry().filter(|entry| entry.position <= window.end);
            audit.entries = audit.entries.saturating_add(u64::from(entry.is_some()));
            entry.map(|entry| versions.insert(entry.id, entry.version)).is_some()
        })?;
        let mut held = Map::default();
        let mut count = |record: &Record| {
            let of_state = match record.state {
                State::Held => &mut audit.held,
                State::Committed => &mut audit.committed,
                State::RolledBack => &mut audit.rolled_back,
                State::Expired => &mut audit.expired,
            };
            *of_state = of_state.saturating_add(1);
            if versions.remove(&record.id).is_some_and(|version| version != record.version) {
                audit.versions.push(record.id.clone());
            }
            add_holding(&mut held, record);
        };
        moment.view.each_record(|record| {
            if !recent.contains_key(&record.id) {
                count(&record);
            }
        })?;
        recent.values().for_each(|record| count(record));
        audit.versions.extend(versions.into_keys());
        audit.versions.sort_unstable();
        audit.differences = differences(counters.iter().map(|(counter, used)| (counter, *used)), &held);
        Ok(audit)
    }

    fn moment(&self) -> Result<Moment, LedgerError> {
        self.moment_with(|_| ()).map(|(moment, ())| moment)
    }

    /// The lock is held while the tables are looked at, so that both belong to one moment: the overlay that is taken
    /// keeps what a later fold moves into tables that this view does not see.
    fn moment_with<T>(&self, f: impl FnOnce(&Published) -> T) -> Result<(Moment, T), LedgerError> {
        let published = read(&self.published);
        let taken = f(&published);
        let moment = Moment { overlay: Arc::clone(&published.overlay), view: self.tables.view()? };
        Ok((moment, taken))
    }
}

impl Base for Arc<Shared> {
    fn used(&self, counter: &Name) -> i64 {
        read(&self.published).counters.get(counter).copied().unwrap_or(0)
    }

    fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        match self.recent_record(id) {
            Some(record) => Ok(Some(record)),
            None => Shared::record(self, id),
        }
    }

    fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        match self.recent_document(name) {
            Some(document) => Ok(document),
            None => Shared::document(self, name),
        }
    }
}

/// A lock is poisoned only by a panic of the writer, which ends the store; readers see what was durable before.
fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
