//! What may others see of a store? What is durable: counters, the records since the last checkpoint, and the tables
//! below them. The writer alone changes it, after each fsync; readers never wait in its queue.

use std::sync::{Arc, RwLock};

use super::layers::{Durable, Layers, items, read, write};
use super::tables::{BatchKey, Folded, Item, Tables};
use crate::aging::Stub;
use crate::book::{Base, Count, Draft, Logged, Map, add_holding, differences};
use crate::joined::{EVENTS_BYTES_MAX, Joined, entry_weight};
use crate::ledger::LedgerError;
use crate::log::{After, Window};
use crate::model::{Audit, Cursor, Events, Millis, Record, Versioned};
use crate::name::Name;
use crate::open::{OpenHolds, add_held};

pub(super) struct Shared {
    published: RwLock<Published>,
    tables: Tables,
}

struct Published {
    counters: Map<Name, Count>,
    open: OpenHolds,
    layers: Layers,
    window: Window,
    admitted: u64,
    /// The last batch of which this is: the log may have more, which is the next moment's.
    last: BatchKey,
}

impl Shared {
    /// Takes what a restart begins with that everybody may see.
    pub(super) fn new(tables: Tables, folded: &mut Folded) -> Self {
        let published = Published {
            counters: std::mem::take(&mut folded.counters),
            open: std::mem::take(&mut folded.open),
            layers: Layers::default(),
            window: folded.window.clone(),
            admitted: folded.start.admitted,
            last: folded.folded,
        };
        Self { published: RwLock::new(published), tables }
    }

    /// Makes a draft that is durable now part of what everybody sees; answers the counters that moved, for the next
    /// checkpoint.
    pub(super) fn publish(&self, mut draft: Draft, window: &Window, last: BatchKey) -> Map<Name, Count> {
        let mut published = write(&self.published);
        published.last = last;
        for (counter, count) in &draft.counters {
            match *count {
                Count::ZERO => published.counters.remove(counter),
                count => published.counters.insert(counter.clone(), count),
            };
        }
        draft.records.values().flatten().for_each(|record| published.open.note(record));
        published.window.start = window.start;
        published.window.end = window.end;
        if draft.readers_moved {
            published.window.readers.clone_from(&window.readers);
        }
        if let Some(admitted) = draft.admitted {
            published.admitted = admitted;
        }
        let moved = std::mem::take(&mut draft.counters);
        published.layers.add(draft);
        moved
    }

    /// Begins a checkpoint; answers what it has to move.
    pub(super) fn freeze(&self, counters: Map<Name, Count>) -> Vec<Item> {
        let frozen = write(&self.published).layers.freeze();
        items(&frozen, counters)
    }

    /// What was frozen is in the tables now. Whoever gets it frees it, away from the callers: it is large.
    pub(super) fn melt(&self) -> impl Send + 'static {
        write(&self.published).layers.melt()
    }

    pub(super) fn usage(&self, counters: &[Name]) -> Vec<i64> {
        let published = read(&self.published);
        counters.iter().map(|counter| published.counters.get(counter).map_or(0, |count| count.used)).collect()
    }

    pub(super) fn has_open(&self, shard_key: &str) -> bool {
        read(&self.published).open.has(shard_key)
    }

    pub(super) fn held(&self, shard_key: &str, counters: &[Name]) -> Result<Vec<i64>, LedgerError> {
        let (durable, ids) = self.durable_with(|published| published.open.of(shard_key))?;
        let mut sums = vec![0; counters.len()];
        for id in ids {
            // One that was paid since is no longer HELD, and adds nothing.
            if let Some(record) = durable.record(&id)? {
                add_held(&mut sums, counters, &record);
            }
        }
        Ok(sums)
    }

    pub(super) fn id(&self) -> String {
        read(&self.published).window.id()
    }

    pub(super) fn admitted(&self) -> u64 {
        read(&self.published).admitted
    }

    pub(super) fn reader(&self, reader: &str) -> Option<Cursor> {
        read(&self.published).window.reader(reader)
    }

    /// Where the log ends, for a reader who has read it all.
    pub(super) fn end_for(&self, after: &Cursor) -> Option<Cursor> {
        let window = &read(&self.published).window;
        window.is_at_end(after).then(|| window.cursor(window.end))
    }

    pub(super) fn recent_record(&self, id: &str) -> Option<Option<Arc<Record>>> {
        self.layers().record(id)
    }

    pub(super) fn recent_document(&self, name: &Name) -> Option<Option<Versioned>> {
        self.layers().document(name)
    }

    pub(super) fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        self.durable()?.record(id)
    }

    pub(super) fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        self.durable()?.document(name)
    }

    pub(super) fn events(&self, after: &Cursor, max: usize) -> Result<Events, LedgerError> {
        let (durable, (window, last)) = self.durable_with(|published| (published.window.clone(), published.last))?;
        let above = match window.after(after)? {
            After::Gap(cursor) => return Ok(Events::Gap(cursor)),
            After::Position(position) => position,
        };
        let (mut entries, mut bytes) = (Vec::new(), 0_usize);
        durable.view.each_effect(above, last, |logged| {
            let Some(entry) = logged.entry() else { return true };
            let wanted = entries.len() < max && bytes < EVENTS_BYTES_MAX;
            if wanted {
                bytes = bytes.saturating_add(entry_weight(&entry));
                entries.push(entry);
            }
            wanted
        })?;
        let mut position = above;
        let mut joined = Joined::new();
        for entry in entries {
            if joined.is_full() {
                break;
            }
            position = entry.position;
            joined.push(entry, |id| durable.record(id))?;
        }
        Ok(Events::Batch(joined.into_events(), window.cursor(position)))
    }

    pub(super) fn audit(&self) -> Result<Audit, LedgerError> {
        let (durable, (counters, recent, start, upto)) = self.durable_with(|published| {
            (published.counters.clone(), published.layers.records(), published.window.start, published.last)
        })?;
        let mut audit = Audit { counters: to_u64(counters.len()), ..Audit::default() };
        // The version of each record that the log says last; `None` where it went since.
        let mut last: Map<String, Option<u64>> = Map::default();
        durable.view.each_effect(start, upto, |logged| {
            match &logged {
                Logged::Change { record, .. } => {
                    audit.entries = audit.entries.saturating_add(1);
                    last.insert(record.id.clone(), Some(record.version));
                }
                // Of a record without an entry that is kept there is nothing to compare.
                Logged::Aged { id, .. } => {
                    last.entry(id.clone()).and_modify(|version| *version = None);
                }
                Logged::Revived { record, .. } => {
                    last.entry(record.id.clone()).and_modify(|version| *version = Some(record.version));
                }
                Logged::Document { .. } | Logged::Stub { .. } => {}
            }
            true
        })?;
        let mut held = Map::default();
        let mut count = |record: &Record| {
            audit.count(record);
            if last.remove(&record.id).is_some_and(|version| version != Some(record.version)) {
                audit.versions.push(record.id.clone());
            }
            add_holding(&mut held, record);
        };
        durable.view.each_record(|record| {
            if !recent.contains_key(&record.id) {
                count(&record);
            }
        })?;
        recent.values().flatten().for_each(|record| count(record));
        audit.versions.extend(last.into_iter().filter_map(|(id, version)| version.map(|_| id)));
        audit.versions.sort_unstable();
        audit.differences = differences(counters.iter().map(|(counter, count)| (counter, *count)), &held);
        Ok(audit)
    }

    fn durable(&self) -> Result<Durable, LedgerError> {
        self.durable_with(|_| ()).map(|(durable, ())| durable)
    }

    fn layers(&self) -> Layers {
        read(&self.published).layers.clone()
    }

    /// The lock is held while the tables are looked at, so that both belong to one moment: the layers that are taken
    /// keep what a checkpoint moves into tables that this view does not see.
    fn durable_with<T>(&self, f: impl FnOnce(&Published) -> T) -> Result<(Durable, T), LedgerError> {
        let published = read(&self.published);
        let taken = f(&published);
        let durable = Durable { layers: published.layers.clone(), view: self.tables.view()? };
        Ok((durable, taken))
    }
}

impl Base for Arc<Shared> {
    fn count(&self, counter: &Name) -> Count {
        read(&self.published).counters.get(counter).copied().unwrap_or_default()
    }

    fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        match self.recent_record(id) {
            Some(record) => Ok(record),
            None => Shared::record(self, id),
        }
    }

    fn stub(&self, id: &str) -> Result<Option<Stub>, LedgerError> {
        match self.layers().stub(id) {
            Some(stub) => Ok(stub),
            None => self.durable()?.stub(id),
        }
    }

    fn resting(&self, until: Millis, max: usize, draft: &Draft) -> Result<Vec<(Millis, String)>, LedgerError> {
        self.durable()?.resting(until, max, &|id| draft.records.contains_key(id))
    }

    fn stubs(&self, until: Millis, max: usize, draft: &Draft) -> Result<Vec<(Millis, String)>, LedgerError> {
        self.durable()?.stubs(until, max, &|id| draft.stubs.contains_key(id))
    }

    fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        match self.recent_document(name) {
            Some(document) => Ok(document),
            None => Shared::document(self, name),
        }
    }
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
