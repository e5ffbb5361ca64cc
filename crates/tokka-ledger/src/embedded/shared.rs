//! What may others see of a store? What is durable: counters, the records since the last checkpoint, and the tables
//! below them. The writer alone changes it, after each fsync; readers never wait in its queue.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::tables::{Item, Tables, View};
use crate::book::{Base, Draft, Map, add_holding, differences};
use crate::joined::{EVENTS_BYTES_MAX, Joined, entry_weight, shown};
use crate::ledger::LedgerError;
use crate::log::{After, Window};
use crate::model::{Cursor, Events, Record, State, Versioned};
use crate::name::Name;
use crate::open::{OpenHolds, add_held};

pub(super) struct Shared {
    published: RwLock<Published>,
    tables: Tables,
}

struct Published {
    counters: Map<Name, i64>,
    open: OpenHolds,
    layers: Layers,
    window: Window,
}

/// What lies over the tables. A checkpoint freezes the recent one and moves it into the tables slice by slice; whoever
/// took the layers before it was done still finds everything in them.
#[derive(Clone, Default)]
struct Layers {
    /// What moved since the checkpoint began.
    recent: Arc<RwLock<Overlay>>,
    /// What the checkpoint is moving; nobody writes it any more.
    frozen: Option<Arc<RwLock<Overlay>>>,
}

#[derive(Default)]
struct Overlay {
    records: Map<String, Arc<Record>>,
    documents: Map<Name, Option<Versioned>>,
}

impl Layers {
    fn record(&self, id: &str) -> Option<Arc<Record>> {
        self.find(|overlay| overlay.records.get(id).cloned())
    }

    fn document(&self, name: &Name) -> Option<Option<Versioned>> {
        self.find(|overlay| overlay.documents.get(name).cloned())
    }

    fn find<T>(&self, f: impl Fn(&Overlay) -> Option<T>) -> Option<T> {
        let recent = f(&read(&self.recent));
        recent.or_else(|| self.frozen.as_ref().and_then(|frozen| f(&read(frozen))))
    }

    /// Every record in them, the most recent one of each id.
    fn records(&self) -> Map<String, Arc<Record>> {
        let mut records = self.frozen.as_ref().map(|frozen| read(frozen).records.clone()).unwrap_or_default();
        records.extend(read(&self.recent).records.iter().map(|(id, record)| (id.clone(), Arc::clone(record))));
        records
    }
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
    layers: Layers,
    view: View,
}

impl Moment {
    fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        let recent = self.layers.record(id);
        if recent.is_some() { Ok(recent) } else { self.view.record(id) }
    }
}

impl Shared {
    pub(super) fn new(tables: Tables, counters: Map<Name, i64>, open: OpenHolds, window: Window) -> Self {
        let published = Published { counters, open, layers: Layers::default(), window };
        Self { published: RwLock::new(published), tables }
    }

    /// Makes a draft that is durable now part of what everybody sees; answers what moved, for the next
    /// checkpoint.
    pub(super) fn publish(&self, draft: Draft, window: &Window) -> Map<Name, i64> {
        let mut published = write(&self.published);
        for (counter, used) in &draft.counters {
            match used {
                0 => published.counters.remove(counter),
                used => published.counters.insert(counter.clone(), *used),
            };
        }
        draft.records.values().for_each(|record| published.open.note(record));
        {
            let mut overlay = write(&published.layers.recent);
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

    /// Begins a checkpoint; answers what it has to move, neighbours beside each other: they share a page of the table,
    /// and it is copied once.
    pub(super) fn freeze(&self, counters: Map<Name, i64>) -> Vec<Item> {
        let frozen = {
            let layers = &mut write(&self.published).layers;
            let frozen = std::mem::take(&mut layers.recent);
            layers.frozen = Some(Arc::clone(&frozen));
            frozen
        };
        let overlay = read(&frozen);
        let mut records: Vec<Arc<Record>> = overlay.records.values().cloned().collect();
        records.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        let mut counters: Vec<(Name, i64)> = counters.into_iter().collect();
        counters.sort_unstable();
        let mut items: Vec<Item> = records.into_iter().map(Item::Record).collect();
        items.extend(counters.into_iter().map(|(counter, used)| Item::Counter(counter, used)));
        items.extend(overlay.documents.iter().map(|(name, document)| Item::Document(name.clone(), document.clone())));
        items
    }

    /// What was frozen is in the tables now. Whoever gets it frees it, away from the callers: it is large.
    pub(super) fn melt(&self) -> impl Send + 'static {
        write(&self.published).layers.frozen.take()
    }

    pub(super) fn usage(&self, counters: &[Name]) -> Vec<i64> {
        let published = read(&self.published);
        counters.iter().map(|counter| published.counters.get(counter).copied().unwrap_or(0)).collect()
    }

    pub(super) fn has_open(&self, shard_key: &str) -> bool {
        read(&self.published).open.has(shard_key)
    }

    pub(super) fn held(&self, shard_key: &str, counters: &[Name]) -> Result<Vec<i64>, LedgerError> {
        let (moment, ids) = self.moment_with(|published| published.open.of(shard_key))?;
        let mut sums = vec![0; counters.len()];
        for id in ids {
            // One that was paid since is no longer HELD, and adds nothing.
            if let Some(record) = moment.record(&id)? {
                add_held(&mut sums, counters, &record);
            }
        }
        Ok(sums)
    }

    pub(super) fn reader(&self, reader: &str) -> Option<Cursor> {
        read(&self.published).window.reader(reader)
    }

    /// Where the log ends, for a reader who has read it all.
    pub(super) fn end_for(&self, after: &Cursor) -> Option<Cursor> {
        let window = &read(&self.published).window;
        window.is_at_end(after).then(|| window.cursor(window.end))
    }

    pub(super) fn recent_record(&self, id: &str) -> Option<Arc<Record>> {
        self.layers().record(id)
    }

    pub(super) fn recent_document(&self, name: &Name) -> Option<Option<Versioned>> {
        self.layers().document(name)
    }

    pub(super) fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        self.moment()?.record(id)
    }

    pub(super) fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        let moment = self.moment()?;
        let recent = moment.layers.document(name);
        recent.map_or_else(|| moment.view.document(name), Ok)
    }

    pub(super) fn events(&self, after: &Cursor, max: usize) -> Result<Events, LedgerError> {
        let (moment, window) = self.moment_with(|published| published.window.clone())?;
        let above = match window.after(after)? {
            After::Gap(cursor) => return Ok(Events::Gap(cursor)),
            After::Position(position) => position,
        };
        let (mut entries, mut bytes) = (Vec::new(), 0_usize);
        moment.view.each_entry(above, |logged| {
            // What became durable since the moment is the next call's.
            let wanted = entries.len() < max && bytes < EVENTS_BYTES_MAX;
            let entry = logged.entry().filter(|entry| wanted && entry.position <= window.end);
            bytes = bytes.saturating_add(entry.as_ref().map_or(0, entry_weight));
            let taken = entry.is_some();
            entries.extend(entry);
            taken
        })?;
        let mut position = above;
        let mut joined = Joined::new();
        for entry in entries {
            if joined.is_full() {
                break;
            }
            position = entry.position;
            joined.push(entry, |id| Ok::<_, LedgerError>(moment.record(id)?.map(|record| shown(&record))))?;
        }
        Ok(Events::Batch(joined.into_events(), window.cursor(position)))
    }

    pub(super) fn audit(&self) -> Result<Audit, LedgerError> {
        let (moment, (counters, recent, window)) =
            self.moment_with(|published| (published.counters.clone(), published.layers.records(), published.window.clone()))?;
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

    fn layers(&self) -> Layers {
        read(&self.published).layers.clone()
    }

    /// The lock is held while the tables are looked at, so that both belong to one moment: the layers that are taken
    /// keep what a checkpoint moves into tables that this view does not see.
    fn moment_with<T>(&self, f: impl FnOnce(&Published) -> T) -> Result<(Moment, T), LedgerError> {
        let published = read(&self.published);
        let taken = f(&published);
        let moment = Moment { layers: published.layers.clone(), view: self.tables.view()? };
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
