//! What lies over the tables? The records, stubs and documents that moved since the last checkpoint, and those that a
//! checkpoint is moving.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::tables::{Item, View};
use crate::aging::{Stub, rests_since};
use crate::book::{Count, Draft, Map};
use crate::ledger::LedgerError;
use crate::model::{Millis, Record, Versioned};
use crate::name::Name;

/// A checkpoint freezes the recent one and moves it into the tables slice by slice; whoever took the layers before it was
/// done still finds everything in them.
#[derive(Clone, Default)]
pub(super) struct Layers {
    /// What moved since the checkpoint began.
    recent: Arc<RwLock<Overlay>>,
    /// What the checkpoint is moving; nobody writes it any more.
    frozen: Option<Arc<RwLock<Overlay>>>,
}

/// In each, `None` where it is no more.
#[derive(Default)]
pub(super) struct Overlay {
    records: InOrder<Arc<Record>>,
    stubs: InOrder<Stub>,
    documents: Map<Name, Option<Versioned>>,
}

/// By id, and in the order in which they may go.
struct InOrder<T> {
    by_id: Map<String, Option<T>>,
    order: BTreeSet<(Millis, String)>,
}

impl<T> Default for InOrder<T> {
    fn default() -> Self {
        Self { by_id: Map::default(), order: BTreeSet::new() }
    }
}

/// Something that may go once it has rested for long enough.
trait Rests {
    fn since(&self) -> Option<Millis>;
}

impl Rests for Arc<Record> {
    fn since(&self) -> Option<Millis> {
        rests_since(self)
    }
}

impl Rests for Stub {
    fn since(&self) -> Option<Millis> {
        Some(self.aged)
    }
}

impl<T: Rests> InOrder<T> {
    fn set(&mut self, id: String, now: Option<T>) {
        let since = now.as_ref().and_then(Rests::since);
        let before = self.by_id.insert(id.clone(), now).flatten();
        if let Some(before) = before.as_ref().and_then(Rests::since) {
            self.order.remove(&(before, id.clone()));
        }
        self.order.extend(since.map(|since| (since, id)));
    }
}

impl Layers {
    /// What is durable now lies over everything else.
    pub(super) fn add(&self, draft: Draft) {
        let mut overlay = write(&self.recent);
        for (id, record) in draft.records {
            overlay.records.set(id, record);
        }
        for (id, stub) in draft.stubs {
            overlay.stubs.set(id, stub);
        }
        overlay.documents.extend(draft.documents);
    }

    /// Begins a checkpoint: what is recent is frozen.
    pub(super) fn freeze(&mut self) -> Arc<RwLock<Overlay>> {
        let frozen = std::mem::take(&mut self.recent);
        self.frozen = Some(Arc::clone(&frozen));
        frozen
    }

    /// What was frozen is in the tables now.
    pub(super) fn melt(&mut self) -> Option<Arc<RwLock<Overlay>>> {
        self.frozen.take()
    }

    pub(super) fn record(&self, id: &str) -> Option<Option<Arc<Record>>> {
        self.find(|overlay| overlay.records.by_id.get(id).cloned())
    }

    pub(super) fn stub(&self, id: &str) -> Option<Option<Stub>> {
        self.find(|overlay| overlay.stubs.by_id.get(id).cloned())
    }

    pub(super) fn document(&self, name: &Name) -> Option<Option<Versioned>> {
        self.find(|overlay| overlay.documents.get(name).cloned())
    }

    fn find<T>(&self, f: impl Fn(&Overlay) -> Option<T>) -> Option<T> {
        let recent = f(&read(&self.recent));
        recent.or_else(|| self.frozen.as_ref().and_then(|frozen| f(&read(frozen))))
    }

    /// Every record in them, the most recent one of each id.
    pub(super) fn records(&self) -> Map<String, Option<Arc<Record>>> {
        let mut records = self.frozen.as_ref().map(|frozen| read(frozen).records.by_id.clone()).unwrap_or_default();
        records.extend(read(&self.recent).records.by_id.iter().map(|(id, record)| (id.clone(), record.clone())));
        records
    }
}

/// One durable moment: the tables, and what lies over them.
pub(super) struct Durable {
    pub(super) layers: Layers,
    pub(super) view: View,
}

impl Durable {
    pub(super) fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        self.layers.record(id).map_or_else(|| self.view.record(id), Ok)
    }

    pub(super) fn stub(&self, id: &str) -> Result<Option<Stub>, LedgerError> {
        self.layers.stub(id).map_or_else(|| self.view.stub(id), Ok)
    }

    pub(super) fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        self.layers.document(name).map_or_else(|| self.view.document(name), Ok)
    }

    /// The oldest records that rest since `until` or longer, without these.
    pub(super) fn resting(
        &self,
        until: Millis,
        max: usize,
        without: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(Millis, String)>, LedgerError> {
        self.due(until, max, without, |overlay| &overlay.records, |each| self.view.each_resting(until, each))
    }

    /// The oldest stubs that were left at `until` or before, without these.
    pub(super) fn stubs(
        &self,
        until: Millis,
        max: usize,
        without: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(Millis, String)>, LedgerError> {
        self.due(until, max, without, |overlay| &overlay.stubs, |each| self.view.each_stub(until, each))
    }

    /// Each layer hides what those below it say of an id, and none is asked for more than is wanted in all.
    fn due<T>(
        &self,
        until: Millis,
        max: usize,
        without: &dyn Fn(&str) -> bool,
        of: impl Fn(&Overlay) -> &InOrder<T>,
        of_tables: impl FnOnce(&mut dyn FnMut(Millis, &str) -> bool) -> Result<(), LedgerError>,
    ) -> Result<Vec<(Millis, String)>, LedgerError> {
        let recent = read(&self.layers.recent);
        let frozen = self.layers.frozen.as_ref().map(|frozen| read(frozen));
        let in_recent = |id: &str| without(id) || of(&recent).by_id.contains_key(id);
        let hidden = |id: &str| in_recent(id) || frozen.as_ref().is_some_and(|frozen| of(frozen).by_id.contains_key(id));
        let due = |(since, _): &&(Millis, String)| *since <= until;
        let mut found: Vec<(Millis, String)> = Vec::new();
        let order = &of(&recent).order;
        found.extend(order.iter().take_while(due).filter(|(_, id)| !without(id)).take(max).cloned());
        if let Some(frozen) = &frozen {
            let order = &of(frozen).order;
            found.extend(order.iter().take_while(due).filter(|(_, id)| !in_recent(id)).take(max).cloned());
        }
        let mut more = max;
        if more > 0 {
            of_tables(&mut |since, id| {
                if !hidden(id) {
                    found.push((since, id.to_owned()));
                    more = more.saturating_sub(1);
                }
                more > 0
            })?;
        }
        found.sort_unstable();
        found.truncate(max);
        Ok(found)
    }
}

/// What a checkpoint has to move, neighbours beside each other: they share a page of the table, and it is copied once.
pub(super) fn items(frozen: &RwLock<Overlay>, counters: Map<Name, Count>) -> Vec<Item> {
    let overlay = read(frozen);
    let mut records: Vec<(&String, &Option<Arc<Record>>)> = overlay.records.by_id.iter().collect();
    records.sort_unstable_by_key(|(id, _)| *id);
    let mut counters: Vec<(Name, Count)> = counters.into_iter().collect();
    counters.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    let mut items: Vec<Item> = records.into_iter().map(|(id, record)| Item::Record(id.clone(), record.clone())).collect();
    items.extend(counters.into_iter().map(|(counter, count)| Item::Counter(counter, count)));
    items.extend(overlay.stubs.by_id.iter().map(|(id, stub)| Item::Stub(id.clone(), stub.clone())));
    items.extend(overlay.documents.iter().map(|(name, document)| Item::Document(name.clone(), document.clone())));
    items
}

/// A lock is poisoned only by a panic of the writer, which ends the store; readers see what was durable before.
pub(super) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
