//! What did this process acknowledge lately? Its last word on each record, as long as a fail-over may have lost it; and a
//! good guess at what a record is when the next call comes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::model::Record;

/// So long, …
const KEPT_FOR: Duration = Duration::from_secs(60);
/// … and at most so much of it, about.
const BYTES_MAX: usize = 64 << 20;

/// Records by id. Older ones give way to newer ones.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    records: HashMap<String, (Record, u64), foldhash::fast::RandomState>,
    /// In the order in which they were kept; one that was kept again stands here twice, and its first place means nothing.
    order: VecDeque<(Instant, u64, String)>,
    bytes: usize,
    number: u64,
}

impl Recent {
    /// Keeps a record as it is now.
    pub(crate) fn keep(&self, record: Record) {
        let now = Instant::now();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Answers of two calls may come in another order than their effects.
        if kept.records.get(&record.id).is_some_and(|(known, _)| known.place > record.place) {
            return;
        }
        kept.number = kept.number.saturating_add(1);
        let number = kept.number;
        let (id, weight) = (record.id.clone(), weight(&record));
        kept.order.push_back((now, number, id.clone()));
        if let Some((before, _)) = kept.records.insert(id, (record, number)) {
            kept.bytes = kept.bytes.saturating_sub(self::weight(&before));
        }
        kept.bytes = kept.bytes.saturating_add(weight);
        while let Some((at, number, _)) = kept.order.front() {
            let number = *number;
            if kept.bytes <= BYTES_MAX && now.duration_since(*at) <= KEPT_FOR {
                break;
            }
            let Some((_, _, id)) = kept.order.pop_front() else { break };
            if kept.records.get(&id).is_some_and(|(_, newest)| *newest == number)
                && let Some((gone, _)) = kept.records.remove(&id)
            {
                kept.bytes = kept.bytes.saturating_sub(self::weight(&gone));
            }
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).records.get(id).map(|(record, _)| record.clone())
    }

    /// It has aged out.
    pub(crate) fn forget(&self, id: &str) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((gone, _)) = kept.records.remove(id) {
            kept.bytes = kept.bytes.saturating_sub(weight(&gone));
        }
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).records.values().map(|(record, _)| record.clone()).collect()
    }
}

fn weight(record: &Record) -> usize {
    crate::joined::weight(record)
}
