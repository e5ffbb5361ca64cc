//! What did this process acknowledge lately? Its last word on each record and document, as long as a fail-over may have lost
//! it; and a good guess at what a record is when the next call comes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::joined::weight;
use crate::model::{Place, Record, Versioned};
use crate::name::Name;

/// So long, …
const KEPT_FOR: Duration = Duration::from_secs(60);
/// … and at most so much of it in all shards, about.
const BYTES_MAX: usize = 64 << 20;
/// What a record costs to be kept, beside itself.
const FIXED_BYTES: usize = 64;

/// Records by id and documents by name. Older ones give way to newer ones.
pub(crate) struct Recent {
    kept: Mutex<Kept>,
    bytes_max: usize,
}

#[derive(Default)]
struct Kept {
    records: HashMap<String, (Record, u64), foldhash::fast::RandomState>,
    /// In the order in which they were kept; one that was kept again stands here twice, and its first place means nothing.
    order: VecDeque<(Instant, u64, String)>,
    documents: VecDeque<(Instant, Name, Versioned)>,
    bytes: usize,
    number: u64,
}

impl Recent {
    /// For one of so many shards.
    pub(crate) fn new(shards: u16) -> Self {
        let bytes_max = BYTES_MAX.checked_div(usize::from(shards)).unwrap_or(BYTES_MAX);
        Self { kept: Mutex::default(), bytes_max }
    }

    /// Keeps a record as it is now.
    pub(crate) fn keep(&self, record: Record) {
        let mut kept = self.lock();
        // Answers of two calls may come in another order than their effects.
        if kept.records.get(&record.id).is_some_and(|(known, _)| known.place > record.place) {
            return;
        }
        kept.number = kept.number.saturating_add(1);
        let (id, number) = (record.id.clone(), kept.number);
        let added = weight(&record).saturating_add(order_weight(&id));
        kept.order.push_back((Instant::now(), number, id.clone()));
        if let Some((before, _)) = kept.records.insert(id, (record, number)) {
            kept.bytes = kept.bytes.saturating_sub(weight(&before));
        }
        kept.bytes = kept.bytes.saturating_add(added);
        kept.drop_while(|kept, _| kept.bytes > self.bytes_max);
    }

    /// Keeps a document as it was put.
    pub(crate) fn keep_document(&self, name: &Name, document: Versioned) {
        let mut kept = self.lock();
        kept.documents.retain(|(_, known, before)| known != name || before.version > document.version);
        if kept.documents.iter().any(|(_, known, _)| known == name) {
            return;
        }
        kept.documents.push_back((Instant::now(), name.clone(), document));
        let mut bytes = 0_usize;
        let fitting = kept.documents.iter().rev().take_while(|(_, _, document)| {
            bytes = bytes.saturating_add(document.bytes.len());
            bytes <= self.bytes_max
        });
        let excess = kept.documents.len().saturating_sub(fitting.count().max(1));
        kept.documents.drain(..excess);
    }

    /// The shard is whole: what is older than the window is safe by now, or was lost before. Not called while it is not
    /// heard of, however long that takes.
    pub(crate) fn settle(&self) {
        let mut kept = self.lock();
        kept.drop_while(|_, at| at.elapsed() > KEPT_FOR);
        kept.documents.retain(|(at, _, _)| at.elapsed() <= KEPT_FOR);
    }

    pub(crate) fn get(&self, id: &str) -> Option<Record> {
        self.lock().records.get(id).map(|(record, _)| record.clone())
    }

    /// It has aged out.
    pub(crate) fn forget(&self, id: &str) {
        let mut kept = self.lock();
        if let Some((gone, _)) = kept.records.remove(id) {
            kept.bytes = kept.bytes.saturating_sub(weight(&gone));
        }
    }

    /// Those whose last transition was lost.
    pub(crate) fn lost(&self, is_lost: impl Fn(Place) -> bool) -> Vec<Record> {
        let kept = self.lock();
        kept.records.values().filter(|(record, _)| is_lost(record.place)).map(|(record, _)| record.clone()).collect()
    }

    /// All documents.
    pub(crate) fn documents(&self) -> Vec<(Name, Versioned)> {
        self.lock().documents.iter().map(|(_, name, document)| (name.clone(), document.clone())).collect()
    }

    /// How far back it reaches: what was acknowledged before cannot be brought back by this process.
    pub(crate) fn covers(&self) -> Option<Duration> {
        self.lock().order.front().map(|(at, _, _)| at.elapsed())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    /// Drops from the oldest on; places in the order that mean nothing go in any case.
    fn drop_while(&mut self, too_much: impl Fn(&Self, Instant) -> bool) {
        while let Some((at, number, id)) = self.order.front() {
            let (at, number) = (*at, *number);
            let is_newest = self.records.get(id).is_some_and(|(_, newest)| *newest == number);
            if is_newest && !too_much(self, at) {
                return;
            }
            let Some((_, _, id)) = self.order.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(order_weight(&id));
            if is_newest && let Some((gone, _)) = self.records.remove(&id) {
                self.bytes = self.bytes.saturating_sub(weight(&gone));
            }
        }
    }
}

fn order_weight(id: &str) -> usize {
    FIXED_BYTES.saturating_add(id.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::State;

    fn record(id: &str, position: u64, payload: usize) -> Record {
        Record {
            id: id.to_owned(),
            shard_key: "u".to_owned(),
            request_hash: 1,
            state: State::Held,
            version: position,
            deadline: 0,
            created: 0,
            changed: 0,
            place: Place { epoch: 1, position },
            claims: Vec::new(),
            holding: Vec::new(),
            payload: vec![0; payload],
            note: None,
            documents: Vec::new(),
            returns: Vec::new(),
            tombstone: false,
        }
    }

    #[test]
    fn the_latest_word_on_a_record_counts_in_whatever_order_it_comes() {
        let recent = Recent::new(1);
        for position in [2, 5, 3] {
            recent.keep(record("r", position, 0));
        }
        assert_eq!(recent.get("r").map(|record| record.version), Some(5));
        assert_eq!(recent.lost(|place| place.position > 4).len(), 1);
        assert_eq!(recent.lost(|place| place.position > 5).len(), 0);
    }

    #[test]
    fn what_is_kept_is_bounded_in_all_shards_together() {
        let recent = Recent::new(64);
        for number in 0..100 {
            recent.keep(record(&format!("r{number}"), number, 100_000));
        }
        assert!(recent.lock().bytes <= 1 << 20, "{}", recent.lock().bytes);
        assert!(recent.get("r99").is_some() && recent.get("r80").is_none());
        // One that changes all the time leaves nothing behind but itself.
        for number in 100..10_000 {
            recent.keep(record("r99", number, 100));
        }
        assert!(recent.lock().order.len() < 20_000 && recent.lock().bytes <= 1 << 20);
        for number in 0..10_000 {
            recent.keep(record("one", number, 100));
        }
        let kept = recent.lock();
        let order: usize = kept.order.iter().map(|(_, _, id)| order_weight(id)).sum();
        let records: usize = kept.records.values().map(|(record, _)| weight(record)).sum();
        assert_eq!(kept.bytes, order + records);
    }

    #[test]
    fn of_a_document_the_highest_version_is_kept() {
        let recent = Recent::new(1);
        let name = Name::of(&["catalogue"]);
        for version in [1, 3, 2] {
            recent.keep_document(&name, Versioned { version, bytes: vec![0; 10] });
        }
        let versions: Vec<u64> = recent.documents().iter().map(|(_, document)| document.version).collect();
        assert_eq!(versions, [3]);
    }
}
