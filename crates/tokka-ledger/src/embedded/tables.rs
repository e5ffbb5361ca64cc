//! What is written where? The tables of the redb file, and what is done with them: open, recover, append a batch, look.

use std::collections::BTreeMap;
use std::sync::Arc;

use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, Table, TableDefinition, TableError, WriteTransaction};

use super::file::OpenError;
use crate::aging::{Stub, rests_since};
use crate::book::{Count, Logged, Map, Start};
use crate::ledger::LedgerError;
use crate::log::Window;
use crate::model::{Millis, Record, State, Versioned};
use crate::name::Name;
use crate::open::OpenHolds;

/// Raised by whatever makes an older tokka misread a file.
const FORMAT: u64 = 3;

/// Single numbers: format, epoch, the lowest revision that is admitted (written at once), start of the log, and up to where
/// it is folded. The tables below hold everything up
/// to there, and some of what came later: the log after it sets all of that again.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
/// (first position, batch) → the batch's effects. A batch of documents alone has the position that comes next.
const LOG: TableDefinition<'_, (u64, u64), &[u8]> = TableDefinition::new("log");
/// What is used, and what of it has aged; 0 of both is not kept.
const COUNTERS: TableDefinition<'_, &[u8], (i64, i64)> = TableDefinition::new("counters");
/// By id.
const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");
/// The deadlines of HELD records: a restart must not read every record.
const HELD: TableDefinition<'_, &str, i64> = TableDefinition::new("held");
/// Since when each record rests that is not HELD, and its id: the order in which they go.
const RESTING: TableDefinition<'_, (i64, &str), ()> = TableDefinition::new("resting");
/// What returned records have left, by id.
const STUBS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("stubs");
/// When each stub was left, and its id.
const LEFT: TableDefinition<'_, (i64, &str), ()> = TableDefinition::new("left");
/// By name.
const DOCUMENTS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("documents");
/// The last position that each registered reader has passed; written at once.
const READERS: TableDefinition<'_, &str, u64> = TableDefinition::new("readers");

/// Where a batch lies in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct BatchKey {
    /// That its first entry has, or the next one would have.
    pub(super) position: u64,
    /// Of all batches ever, rising.
    pub(super) batch: u64,
}

/// Something that moved since the last checkpoint, as it stood when the checkpoint began.
pub(super) enum Item {
    /// `None`: it went.
    Record(String, Option<Arc<Record>>),
    /// 0 is not kept.
    Counter(Name, Count),
    Stub(String, Option<Stub>),
    Document(Name, Option<Versioned>),
}

/// Up to where everything is in the tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watermark {
    pub(super) folded: BatchKey,
    pub(super) end: u64,
}

/// What one commit makes durable.
pub(super) struct Append<'a> {
    pub(super) key: BatchKey,
    pub(super) logged: &'a [Logged],
    /// Where readers are, if one moved.
    pub(super) readers: Option<&'a BTreeMap<String, u64>>,
    /// The lowest revision that is admitted, if it rose.
    pub(super) admitted: Option<u64>,
    /// The next slice of the checkpoint that is being written.
    pub(super) slice: &'a [Item],
    /// With its last slice: everything up to here is in the tables.
    pub(super) finished: Option<Watermark>,
    /// Batches up to `folded` go if all of their entries are at or below `start`.
    pub(super) folded: BatchKey,
    pub(super) start: u64,
}

/// A commit drops at most this many old batches beyond the one that it adds: it stays short, and they still get fewer.
const TRIM_MAX: usize = 8;

/// What a restart begins with, before the log is repeated.
pub(super) struct Folded {
    pub(super) counters: Map<Name, Count>,
    pub(super) start: Start,
    pub(super) open: OpenHolds,
    pub(super) window: Window,
    pub(super) folded: BatchKey,
}

#[derive(Clone)]
pub(super) struct Tables {
    db: Arc<Database>,
}

impl Tables {
    /// Makes the tables of a new file, or checks that these are ours.
    pub(super) fn open(db: Database) -> Result<Self, OpenError> {
        let tables = Self { db: Arc::new(db) };
        let found = tables.format().map_err(|error| OpenError::Store(error.to_string()))?;
        match found {
            Some(FORMAT) => {}
            Some(found) => return Err(OpenError::Format { found, known: FORMAT }),
            None => tables.initialise().map_err(|error| OpenError::Store(error.to_string()))?,
        }
        Ok(tables)
    }

    /// `None` for a file without any table; one with tables that are not ours has format 0.
    fn format(&self) -> Result<Option<u64>, redb::Error> {
        let txn = self.db.begin_read()?;
        match txn.open_table(META) {
            Ok(meta) => Ok(Some(meta.get("format")?.map_or(0, |format| format.value()))),
            Err(TableError::TableDoesNotExist(_)) if txn.list_tables()?.next().is_none() => Ok(None),
            Err(TableError::TableDoesNotExist(_)) => Ok(Some(0)),
            Err(error) => Err(error.into()),
        }
    }

    fn initialise(&self) -> Result<(), redb::Error> {
        let txn = self.db.begin_write()?;
        {
            let mut meta = txn.open_table(META)?;
            meta.insert("format", FORMAT)?;
            meta.insert("epoch", random())?;
            txn.open_table(LOG)?;
            txn.open_table(COUNTERS)?;
            txn.open_table(RECORDS)?;
            txn.open_table(HELD)?;
            txn.open_table(RESTING)?;
            txn.open_table(STUBS)?;
            txn.open_table(LEFT)?;
            txn.open_table(DOCUMENTS)?;
            txn.open_table(READERS)?;
        }
        txn.commit()?;
        Ok(())
    }

    pub(super) fn folded(&self, log_max: u64, log_min: u64) -> Result<Folded, LedgerError> {
        self.read_folded(log_max, log_min).map_err(unreadable)
    }

    fn read_folded(&self, log_max: u64, log_min: u64) -> Result<Folded, redb::Error> {
        let txn = self.db.begin_read()?;
        let meta = txn.open_table(META)?;
        let number = |key: &str| -> Result<u64, redb::Error> { Ok(meta.get(key)?.map_or(0, |value| value.value())) };
        let mut window = Window::new(number("epoch")?, log_max);
        window.log_min = log_min;
        window.start = number("start")?;
        window.end = number("end")?;
        let mut readers = BTreeMap::new();
        for row in txn.open_table(READERS)?.iter()? {
            let (reader, position) = row?;
            readers.insert(reader.value().to_owned(), position.value());
        }
        window.readers = readers;
        let mut counters = Map::default();
        for row in txn.open_table(COUNTERS)?.iter()? {
            let (counter, count) = row?;
            let (used, aged) = count.value();
            counters.insert(Name::from_bytes(counter.value()), Count { used, aged });
        }
        let (mut start, mut open) = (Start { admitted: number("admitted")?, ..Start::default() }, OpenHolds::default());
        let records = txn.open_table(RECORDS)?;
        for row in txn.open_table(HELD)?.iter()? {
            let (id, deadline) = row?;
            start.deadlines.insert((deadline.value(), id.value().to_owned()));
            if let Some(record) = records.get(id.value())? {
                open.add(Head::of(record.value())?.shard_key, id.value());
            }
        }
        let folded = BatchKey { position: number("folded_position")?, batch: number("folded_batch")? };
        Ok(Folded { counters, start, open, window, folded })
    }

    /// The batches after one, each with its effects.
    pub(super) fn batches_after(
        &self,
        folded: BatchKey,
        mut each: impl FnMut(BatchKey, Vec<Logged>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        let view = self.view()?;
        let log = view.log()?;
        let first = (folded.position, folded.batch.saturating_add(1));
        for row in log.range(first..).map_err(unreadable)? {
            let (key, blob) = row.map_err(unreadable)?;
            let (position, batch) = key.value();
            each(BatchKey { position, batch }, decode(blob.value())?)?;
        }
        Ok(())
    }

    /// Writes a batch; it is durable when this returns.
    pub(super) fn append(&self, append: &Append<'_>, scratch: &mut Vec<u8>) -> Result<(), redb::Error> {
        let txn = self.db.begin_write()?;
        {
            let mut log = txn.open_table(LOG)?;
            if !append.logged.is_empty() {
                let blob = encode(append.logged, scratch)?;
                log.insert((append.key.position, append.key.batch), blob)?;
            }
            if trim(&mut log, append.folded, append.start)? {
                // Beside the trimming: what is gone must be known to be gone, whichever reader registers next.
                txn.open_table(META)?.insert("start", append.start)?;
            }
        }
        if let Some(readers) = append.readers {
            let mut table = txn.open_table(READERS)?;
            for (reader, position) in readers {
                table.insert(reader.as_str(), *position)?;
            }
        }
        if let Some(admitted) = append.admitted {
            txn.open_table(META)?.insert("admitted", admitted)?;
        }
        if !append.slice.is_empty() {
            fold(&txn, append.slice, scratch)?;
        }
        if let Some(Watermark { folded, end }) = append.finished {
            let mut meta = txn.open_table(META)?;
            meta.insert("end", end)?;
            meta.insert("folded_position", folded.position)?;
            meta.insert("folded_batch", folded.batch)?;
        }
        txn.commit()?;
        Ok(())
    }

    pub(super) fn view(&self) -> Result<View, LedgerError> {
        Ok(View { txn: self.db.begin_read().map_err(unreadable)? })
    }
}

/// Moves a slice of what the log has told into the tables. It may come again after a crash: it sets, it does not add.
fn fold(txn: &WriteTransaction, slice: &[Item], scratch: &mut Vec<u8>) -> Result<(), redb::Error> {
    let (mut records, mut held, mut resting) = (txn.open_table(RECORDS)?, txn.open_table(HELD)?, txn.open_table(RESTING)?);
    let (mut counters, mut documents) = (txn.open_table(COUNTERS)?, txn.open_table(DOCUMENTS)?);
    let (mut stubs, mut left) = (txn.open_table(STUBS)?, txn.open_table(LEFT)?);
    for item in slice {
        match item {
            Item::Record(id, record) => {
                let id = id.as_str();
                let before = match record {
                    Some(record) => records.insert(id, encode(&**record, scratch)?)?,
                    None => records.remove(id)?,
                };
                if let Some(since) = before.map(|before| Head::of(before.value()).map(|head| head.rests_since())).transpose()? {
                    since.map(|since| resting.remove((since, id))).transpose()?;
                }
                match record.as_ref().filter(|record| record.state == State::Held) {
                    Some(record) => held.insert(id, record.deadline)?,
                    None => held.remove(id)?,
                };
                if let Some(since) = record.as_deref().and_then(rests_since) {
                    resting.insert((since, id), ())?;
                }
            }
            Item::Counter(counter, Count::ZERO) => {
                counters.remove(counter.as_bytes())?;
            }
            Item::Counter(counter, Count { used, aged }) => {
                counters.insert(counter.as_bytes(), (*used, *aged))?;
            }
            Item::Stub(id, stub) => {
                let id = id.as_str();
                let before = match stub {
                    Some(stub) => stubs.insert(id, encode(stub, scratch)?)?,
                    None => stubs.remove(id)?,
                };
                if let Some(before) = before {
                    left.remove((postcard::from_bytes::<Stub>(before.value()).map_err(corrupted)?.aged, id))?;
                }
                if let Some(stub) = stub {
                    left.insert((stub.aged, id), ())?;
                }
            }
            Item::Document(name, Some(document)) => {
                documents.insert(name.as_bytes(), encode(document, scratch)?)?;
            }
            Item::Document(name, None) => {
                documents.remove(name.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// Drops the oldest batches that are folded and of which every entry is at or below `start`: those before the one that
/// the next entry above `start` is in. Answers whether there were any.
fn trim(log: &mut Table<'_, (u64, u64), &'static [u8]>, folded: BatchKey, start: u64) -> Result<bool, redb::Error> {
    let mut dropped = false;
    for _ in 0..TRIM_MAX {
        let mut oldest = log.iter()?.map(|row| row.map(|(key, _)| key.value()));
        let (Some(first), Some(second)) = (oldest.next().transpose()?, oldest.next().transpose()?) else { break };
        drop(oldest);
        if first > (folded.position, folded.batch) || second.0 > start.saturating_add(1) {
            break;
        }
        log.remove(first)?;
        dropped = true;
    }
    Ok(dropped)
}

/// The tables as they stood at one moment; all of it is durable.
pub(super) struct View {
    txn: ReadTransaction,
}

type Log = redb::ReadOnlyTable<(u64, u64), &'static [u8]>;

impl View {
    pub(super) fn record(&self, id: &str) -> Result<Option<Arc<Record>>, LedgerError> {
        let table = self.txn.open_table(RECORDS).map_err(unreadable)?;
        let found = table.get(id).map_err(unreadable)?;
        found.map(|bytes| decode(bytes.value()).map(Arc::new)).transpose()
    }

    pub(super) fn stub(&self, id: &str) -> Result<Option<Stub>, LedgerError> {
        let table = self.txn.open_table(STUBS).map_err(unreadable)?;
        let found = table.get(id).map_err(unreadable)?;
        found.map(|bytes| decode(bytes.value())).transpose()
    }

    /// Records that rest since `until` or longer, oldest first, until `each` says that it has enough.
    pub(super) fn each_resting(&self, until: Millis, each: &mut dyn FnMut(Millis, &str) -> bool) -> Result<(), LedgerError> {
        each_due(&self.txn.open_table(RESTING).map_err(unreadable)?, until, each)
    }

    /// Likewise, stubs by when they were left.
    pub(super) fn each_stub(&self, until: Millis, each: &mut dyn FnMut(Millis, &str) -> bool) -> Result<(), LedgerError> {
        each_due(&self.txn.open_table(LEFT).map_err(unreadable)?, until, each)
    }

    pub(super) fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        let table = self.txn.open_table(DOCUMENTS).map_err(unreadable)?;
        let found = table.get(name.as_bytes()).map_err(unreadable)?;
        found.map(|bytes| decode(bytes.value())).transpose()
    }

    pub(super) fn each_record(&self, mut each: impl FnMut(Record)) -> Result<(), LedgerError> {
        let table = self.txn.open_table(RECORDS).map_err(unreadable)?;
        for row in table.iter().map_err(unreadable)? {
            let (_, bytes) = row.map_err(unreadable)?;
            each(decode(bytes.value())?);
        }
        Ok(())
    }

    /// Entries above a position and what lies between them, up to a batch, in order, until `each` says that it has enough.
    pub(super) fn each_effect(
        &self,
        above: u64,
        upto: BatchKey,
        mut each: impl FnMut(Logged) -> bool,
    ) -> Result<(), LedgerError> {
        let log = self.log()?;
        let next = above.saturating_add(1);
        let first = log.range(..=(next, u64::MAX)).map_err(unreadable)?.next_back().transpose().map_err(unreadable)?;
        let first = first.map_or((next, 0), |(key, _)| key.value());
        let last = (upto.position, upto.batch);
        if first > last {
            return Ok(());
        }
        for row in log.range(first..=last).map_err(unreadable)? {
            let (_, blob) = row.map_err(unreadable)?;
            for logged in decode::<Vec<Logged>>(blob.value())? {
                if logged.position().is_none_or(|position| position > above) && !each(logged) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn log(&self) -> Result<Log, LedgerError> {
        self.txn.open_table(LOG).map_err(unreadable)
    }
}

fn each_due(
    table: &redb::ReadOnlyTable<(i64, &'static str), ()>,
    until: Millis,
    each: &mut dyn FnMut(Millis, &str) -> bool,
) -> Result<(), LedgerError> {
    for row in table.iter().map_err(unreadable)? {
        let (key, ()) = row.map(|(key, _)| (key, ())).map_err(unreadable)?;
        let (since, id) = key.value();
        if since > until || !each(since, id) {
            break;
        }
    }
    Ok(())
}

/// Into a buffer that is kept: a blob is large enough that a new one each time costs page faults.
fn encode<'a, T: serde::Serialize + ?Sized>(value: &T, scratch: &'a mut Vec<u8>) -> Result<&'a [u8], redb::Error> {
    scratch.clear();
    let filled = postcard::to_extend(value, std::mem::take(scratch));
    *scratch = filled.map_err(corrupted)?;
    Ok(scratch)
}

/// The first fields of an encoded record, in their order: nobody waits for the rest.
#[derive(serde::Deserialize)]
struct Head<'a> {
    _id: &'a str,
    shard_key: &'a str,
    _request_hash: u128,
    state: State,
    _version: u64,
    deadline: Millis,
    _created: Millis,
    changed: Millis,
}

impl<'a> Head<'a> {
    fn of(record: &'a [u8]) -> Result<Self, redb::Error> {
        postcard::take_from_bytes(record).map(|(head, _)| head).map_err(corrupted)
    }

    /// As `aging::rests_since` has it.
    fn rests_since(&self) -> Option<Millis> {
        (self.state != State::Held).then_some(self.changed.max(self.deadline))
    }
}

fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, LedgerError> {
    postcard::from_bytes(bytes).map_err(unreadable)
}

fn corrupted(error: impl std::fmt::Display) -> redb::Error {
    redb::Error::Corrupted(error.to_string())
}

fn unreadable(error: impl std::fmt::Display) -> LedgerError {
    LedgerError::Unavailable(format!("the store's file cannot be read: {error}"))
}

/// For the epoch: two stores must not have the same, nothing more.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::hash::RandomState::new().build_hasher().finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Claim, Place, Portion, Return, Transition};

    fn hex(value: &(impl serde::Serialize + ?Sized)) -> String {
        encode(value, &mut Vec::new()).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A file that was written by one version is read by the next: a change here is a new `FORMAT`.
    #[test]
    fn the_format_never_changes() {
        let stock = || Name::of(&["stock"]);
        let record = Record {
            id: "r".to_owned(),
            shard_key: "u".to_owned(),
            request_hash: 300,
            state: State::Expired,
            version: 2,
            deadline: 1_000,
            created: 5,
            changed: 7,
            place: Place { epoch: 300, position: 9 },
            claims: vec![Claim { counter: stock(), amount: 2, limit: -1 }],
            holding: vec![Portion { counter: stock(), amount: 2 }],
            payload: vec![0xaa, 0xbb],
            note: Some(vec![0xee]),
            documents: Vec::new(),
            returns: vec![Return {
                rollback_id: "x".to_owned(),
                request_hash: 1,
                portions: Vec::new(),
                answer: vec![0xcc],
                version: 2,
                at: 7,
            }],
            tombstone: false,
        };
        let bytes = "01720175ac020302d00f0a0eac020901060573746f636b040101060573746f636b0402aabb0101ee00010178010001cc020e00";
        assert_eq!(hex(&record), bytes);
        let moved = crate::book::Moved { counter: stock(), by: -2, used: 1 };
        let change =
            Logged::Change { position: 9, transition: Transition::Expired, moved: vec![moved], record: Arc::new(record.clone()) };
        assert_eq!(hex(&[change][..]), format!("0100090601060573746f636b0302{bytes}"));
        let document = Versioned { version: 1, bytes: vec![0xdd] };
        assert_eq!(hex(&document), "0101dd");
        let written = [Logged::Document { name: stock(), now: Some(document) }, Logged::Document { name: stock(), now: None }];
        assert_eq!(hex(&written[..]), "0201060573746f636b010101dd01060573746f636b00");
        let aged = [Logged::Aged { id: "r".to_owned(), aged: vec![(stock(), 2)] }];
        assert_eq!(hex(&aged[..]), "0102017201060573746f636b04");
        let head = encode(&record, &mut Vec::new()).map(|bytes| Head::of(bytes).unwrap().rests_since()).unwrap();
        assert_eq!(head, rests_since(&record));
        let revived = [Logged::Revived { record: Arc::new(record), aged: vec![(stock(), 0)] }];
        assert_eq!(hex(&revived[..]), format!("0103{bytes}01060573746f636b00"));
        let stub = Stub { shard_key: "u".to_owned(), version: 3, aged: 7 };
        assert_eq!(hex(&stub), "0175030e");
        let left = [Logged::Stub { id: "r".to_owned(), now: Some(stub) }, Logged::Stub { id: "r".to_owned(), now: None }];
        assert_eq!(hex(&left[..]), "02040172010175030e04017200");
    }
}
