//! Which orders of a customer are open? The ids of HELD records by shard key, beside what a store keeps of them.

use std::collections::BTreeSet;

use crate::book::Map;
use crate::model::{Record, State};
use crate::name::Name;

/// The ids of every HELD record, by shard key. A shard key without one costs nothing.
#[derive(Debug, Default)]
pub(crate) struct OpenHolds(Map<String, BTreeSet<String>>);

impl OpenHolds {
    /// A record as it stands now. Noting it again changes nothing.
    pub(crate) fn note(&mut self, record: &Record) {
        match record.state {
            State::Held => self.add(&record.shard_key, &record.id),
            State::Committed | State::RolledBack | State::Expired => self.remove(&record.shard_key, &record.id),
        }
    }

    pub(crate) fn add(&mut self, shard_key: &str, id: &str) {
        match self.0.get_mut(shard_key) {
            Some(ids) => {
                ids.insert(id.to_owned());
            }
            None => {
                self.0.insert(shard_key.to_owned(), BTreeSet::from([id.to_owned()]));
            }
        }
    }

    fn remove(&mut self, shard_key: &str, id: &str) {
        let Some(ids) = self.0.get_mut(shard_key) else { return };
        ids.remove(id);
        if ids.is_empty() {
            self.0.remove(shard_key);
        }
    }

    pub(crate) fn has(&self, shard_key: &str) -> bool {
        self.0.contains_key(shard_key)
    }

    pub(crate) fn of(&self, shard_key: &str) -> Vec<String> {
        self.0.get(shard_key).map(|ids| ids.iter().cloned().collect()).unwrap_or_default()
    }
}

/// Adds what a record holds of these counters, if it is HELD.
pub(crate) fn add_held(sums: &mut [i64], counters: &[Name], record: &Record) {
    if record.state != State::Held {
        return;
    }
    for (sum, counter) in sums.iter_mut().zip(counters) {
        let held = record.holding.iter().find(|portion| portion.counter == *counter).map_or(0, |portion| portion.amount);
        *sum = sum.saturating_add(held);
    }
}
