//! Do counters, records and log agree? Counted while orders go on, and exact all the same.
//!
//! Records and counters cannot be read at one moment, but the log says what moved in between. Every counter is read with
//! the position that the log had then; what records hold is taken to that same position by adding the entries behind the
//! state that was read.

use std::collections::BTreeSet;

use super::events::Logged;
use super::link::Lane;
use super::reply::Reply;
use super::{Part, Store, ask, read_number};
use crate::book::{Count, Map, differences};
use crate::ledger::LedgerError;
use crate::model::{Audit, Entry, Millis, Place};
use crate::name::Name;

/// Keys that one look at the key space brings, about.
const SCAN_COUNT: usize = 1_000;
/// Values that are read at once.
const VALUES: usize = 256;
/// What ages while it is counted is counted again, at most so often.
const TRIES_MAX: usize = 10;

/// How a record stands, or how the log tells that it did.
struct Stands {
    position: u64,
    version: u64,
    changed: Millis,
}

impl Store {
    pub(super) async fn count_all(&self) -> Result<Audit, LedgerError> {
        let mut audit = Audit::default();
        for part in &self.parts {
            self.count_part(part, &mut audit).await?;
        }
        audit.differences.sort();
        audit.versions.sort();
        Ok(audit)
    }

    async fn count_part(&self, part: &Part, audit: &mut Audit) -> Result<(), LedgerError> {
        for _ in 0..TRIES_MAX {
            let aged = self.all_aged(part).await?;
            let counted = self.count_once(part, &aged).await?;
            if self.all_aged(part).await? == aged {
                audit.held = audit.held.saturating_add(counted.held);
                audit.committed = audit.committed.saturating_add(counted.committed);
                audit.rolled_back = audit.rolled_back.saturating_add(counted.rolled_back);
                audit.expired = audit.expired.saturating_add(counted.expired);
                audit.counters = audit.counters.saturating_add(counted.counters);
                audit.entries = audit.entries.saturating_add(counted.entries);
                audit.differences.extend(counted.differences);
                audit.versions.extend(counted.versions);
                return Ok(());
            }
        }
        Err(LedgerError::Unavailable("records age faster than they are counted".to_owned()))
    }

    async fn count_once(&self, part: &Part, aged: &Map<Name, i64>) -> Result<Audit, LedgerError> {
        let shard = &part.post.shard;
        let begin = self.end_of(part).await?;
        let mut audit = Audit::default();

        // Records as each is when it is read.
        let mut held: Map<Name, i64> = Map::default();
        let mut places: Map<String, Stands> = Map::default();
        let prefix = shard.records();
        for keys in self.keys(part, &prefix).await?.chunks(VALUES) {
            let read = self.patiently(|| part.reader.read(keys.to_vec())).await?;
            for (key, bytes) in keys.iter().zip(read.values) {
                let Some(bytes) = bytes else { continue };
                let id = key.strip_prefix(prefix.as_slice()).unwrap_or_default();
                let record = ask::read_record(&String::from_utf8_lossy(id), &bytes)?;
                audit.count(&record);
                add(&mut held, record.holding.iter().map(|portion| (&portion.counter, portion.amount)));
                let stands = Stands { position: record.place.position, version: record.version, changed: record.changed };
                places.insert(record.id, stands);
            }
        }

        // Counters, each with the position of the log at which it was read.
        let mut names: BTreeSet<Name> = held.keys().chain(aged.keys()).cloned().collect();
        let prefix = shard.counters();
        for key in self.keys(part, &prefix).await? {
            names.extend(key.strip_prefix(prefix.as_slice()).map(Name::from_bytes));
        }
        let names: Vec<Name> = names.into_iter().collect();
        let mut used: Vec<(Name, i64, u64)> = Vec::with_capacity(names.len());
        for names in names.chunks(VALUES) {
            let keys: Vec<Vec<u8>> = names.iter().map(|name| shard.counter(name)).collect();
            let read = self.patiently(|| part.reader.read(keys.clone())).await?;
            for (name, value) in names.iter().zip(read.values) {
                used.push((name.clone(), read_number(value).map_err(LedgerError::from)?, read.end));
            }
        }
        let end = self.end_of(part).await?;

        // What moved since each record was read.
        let entries = self.entries_between(part, begin, end).await?;
        let mut counts = Vec::with_capacity(used.len());
        for (name, used, at) in used {
            let mut sum = held.get(&name).copied().unwrap_or(0);
            for entry in &entries {
                let seen = places.get(&entry.id).map_or(0, |stands| stands.position);
                if entry.position > seen && entry.position <= at {
                    let by = entry.moved.iter().find(|(counter, _)| *counter == name).map_or(0, |(_, by)| *by);
                    sum = sum.saturating_add(by);
                }
            }
            held.insert(name.clone(), sum);
            audit.counters = audit.counters.saturating_add(u64::from(used != 0));
            counts.push((name, used));
        }
        let count = |(name, used): &(Name, i64)| Count { used: *used, aged: aged.get(name).copied().unwrap_or(0) };
        let counts: Vec<(Name, Count)> = counts.iter().map(|both| (both.0.clone(), count(both))).collect();
        audit.differences = differences(counts.iter().map(|(name, count)| (name, *count)), &held);
        self.compare_with_log(part, begin, &places, &mut audit).await?;
        Ok(audit)
    }

    /// Does the log's last entry of a record have the version that the record has?
    async fn compare_with_log(
        &self,
        part: &Part,
        begin: u64,
        places: &Map<String, Stands>,
        audit: &mut Audit,
    ) -> Result<(), LedgerError> {
        let mut place: Option<Place> = None;
        let mut last: Map<String, Stands> = Map::default();
        'log: loop {
            let (entries, from) = match self.log_after(part, place, VALUES).await? {
                Logged::Entries(entries, from) => (entries, from),
                Logged::Gap(from) => (Vec::new(), from),
            };
            let Some(newest) = entries.last().map(|entry| entry.position) else {
                if place == Some(from) || place.is_some_and(|place| place.position >= from.position) {
                    break;
                }
                place = Some(from);
                continue;
            };
            for entry in entries {
                // What was logged since the count began has records that were not read yet, or were read before.
                if entry.position > begin {
                    break 'log;
                }
                audit.entries = audit.entries.saturating_add(1);
                let Entry { id, position, version, at, .. } = entry;
                last.insert(id, Stands { position, version, changed: at });
            }
            place = Some(Place { position: newest, ..from });
        }
        for (id, told) in last {
            let Some(found) = places.get(&id).filter(|found| found.position <= begin) else { continue };
            // What aged and came back by an older receipt, after its id had been used again, is logged nowhere.
            let came_back = found.position < told.position && found.changed >= told.changed;
            if found.version != told.version && !came_back {
                audit.versions.push(id);
            }
        }
        Ok(())
    }

    async fn end_of(&self, part: &Part) -> Result<u64, LedgerError> {
        Ok(self.patiently(|| part.reader.read(Vec::new())).await?.end)
    }

    async fn entries_between(&self, part: &Part, begin: u64, end: u64) -> Result<Vec<Entry>, LedgerError> {
        let mut entries = Vec::new();
        let mut at = begin;
        while at < end {
            let epoch = match self.log_after(part, None, 0).await? {
                Logged::Entries(_, from) | Logged::Gap(from) => from.epoch,
            };
            match self.log_after(part, Some(Place { epoch, position: at }), VALUES).await? {
                Logged::Entries(read, _) => {
                    let Some(last) = read.last().map(|entry| entry.position) else { break };
                    at = last;
                    entries.extend(read.into_iter().filter(|entry| entry.position <= end));
                }
                Logged::Gap(_) => {
                    return Err(LedgerError::Unavailable(
                        "the log dropped what moved while it was counted: count again with fewer orders".to_owned(),
                    ));
                }
            }
        }
        Ok(entries)
    }

    async fn all_aged(&self, part: &Part) -> Result<Map<Name, i64>, LedgerError> {
        let command = redis::cmd("HGETALL").arg(part.post.shard.aged()).to_owned();
        let read = || async { Ok(part.post.link.command(Lane::Admin, part.post.shard.slot, &command).await?) };
        let mut reply = Reply::of(self.patiently(read).await?)?;
        let mut aged = Map::default();
        while !reply.is_empty() {
            let name = reply.bytes()?.unwrap_or_default();
            aged.insert(Name::from_bytes(&name), reply.number()?);
        }
        Ok(aged)
    }

    /// Every key of this shard that begins so.
    pub(super) async fn keys(&self, part: &Part, prefix: &[u8]) -> Result<Vec<Vec<u8>>, LedgerError> {
        let mut found: BTreeSet<Vec<u8>> = BTreeSet::new();
        let pattern = [&escaped(prefix)[..], b"*"].concat();
        let mut cursor = 0_u64;
        loop {
            let mut command = redis::cmd("SCAN");
            command.arg(cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(SCAN_COUNT);
            let read = || async { Ok(part.post.link.command(Lane::Admin, part.post.shard.slot, &command).await?) };
            let mut reply = Reply::of(self.patiently(read).await?)?;
            cursor = reply.unsigned()?;
            let mut keys = Reply::of(reply.next()?)?;
            while !keys.is_empty() {
                found.extend(keys.bytes()?.filter(|key| key.starts_with(prefix)));
            }
            if cursor == 0 {
                return Ok(found.into_iter().collect());
            }
        }
    }
}

/// A pattern that means these bytes and nothing else.
fn escaped(bytes: &[u8]) -> Vec<u8> {
    let mut pattern = Vec::with_capacity(bytes.len());
    for byte in bytes {
        if matches!(byte, b'*' | b'?' | b'[' | b']' | b'\\') {
            pattern.push(b'\\');
        }
        pattern.push(*byte);
    }
    pattern
}

fn add<'a>(sums: &mut Map<Name, i64>, amounts: impl Iterator<Item = (&'a Name, i64)>) {
    for (name, amount) in amounts {
        let sum = sums.entry(name.clone()).or_insert(0);
        *sum = sum.saturating_add(amount);
    }
}
