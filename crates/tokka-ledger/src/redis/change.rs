//! How is a step told to Redis? The changes of one operation as keys and arguments of `scripts/apply.lua`, and what became
//! of them.

use std::collections::{BTreeMap, HashMap};

use redis::Value;

use super::codec;
use super::layout::{self, Shard};
use super::reply::{Reply, strange};
use crate::aging;
use crate::ledger::LedgerError;
use crate::model::{AMOUNT_MAX, Millis, Place, State, Transition};
use crate::name::Name;
use crate::transition::{Change, document_writes};

/// One operation, ready to travel.
#[derive(Debug, Clone)]
pub(crate) struct Wire {
    records: Vec<(Vec<u8>, Option<Place>, u8)>,
    /// Own before shared.
    counters: Vec<(Vec<u8>, i64, Option<i64>)>,
    /// Of the shared ones.
    grants: Vec<Vec<u8>>,
    revision: u64,
    /// Open orders and documents.
    others: Vec<Vec<u8>>,
    /// Behind the first one.
    arguments: Vec<Vec<u8>>,
    /// It gives back or settles, and is done also where the server has no memory left.
    pub(crate) frees: bool,
    shape: Shape,
}

/// How an answer is to be read.
#[derive(Debug, Clone, Copy)]
struct Shape {
    records: usize,
    counters: usize,
    shared: usize,
}

/// A counter that a change moves, with the limit that it must keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) counter: Name,
    pub(crate) by: i64,
    /// `None`: it only gives back.
    pub(crate) limit: Option<i64>,
}

/// What became of an operation.
#[derive(Debug)]
pub(crate) enum Applied {
    /// It is written; the first of its records has this position, the next one the next. Counters (by their place in
    /// [`moves`]) that are below 0 now.
    Done { epoch: u64, first: u64, broken: Vec<usize> },
    /// A record is not as it was taken for; these are the records as they are, in order.
    Differs(Vec<Option<Vec<u8>>>),
    /// What is used of each counter of [`moves`], and what is granted of each shared one.
    Refused { used: Vec<i64>, granted: Vec<i64> },
    /// The lowest revision that is admitted.
    Stale(u64),
}

/// What a step moves, each counter once: what only this customer has first, then what is shared between shards.
pub(crate) fn moves(changes: &[Change], is_shared: &dyn Fn(&Name) -> bool) -> (Vec<Move>, usize) {
    let mut sums: BTreeMap<&Name, (i64, Option<i64>)> = BTreeMap::new();
    for change in changes {
        for (counter, by) in &change.moved {
            let (sum, _) = sums.entry(counter).or_default();
            *sum = sum.saturating_add(*by);
        }
        if matches!(change.transition, Transition::Reserved | Transition::Taken | Transition::Reacquired) {
            for claim in &change.record.claims {
                let (_, limit) = sums.entry(&claim.counter).or_default();
                *limit = Some(claim.limit.min(AMOUNT_MAX));
            }
        }
    }
    let moves = sums.into_iter().map(|(counter, (by, limit))| Move { counter: counter.clone(), by, limit });
    let (shared, own): (Vec<Move>, Vec<Move>) = moves.partition(|moved| is_shared(&moved.counter));
    let first_shared = own.len();
    (own.into_iter().chain(shared).collect(), first_shared)
}

/// Writes one operation down. `before` answers where the record of an id stood, and how, when the changes were computed;
/// `moves` is [`moves`] of them.
pub(crate) fn wire(
    shard: &Shard,
    changes: &[Change],
    moves: &[Move],
    first_shared: usize,
    before: &dyn Fn(&str) -> Option<(Place, State)>,
    revision: u64,
    retention_ms: Millis,
) -> Result<Wire, LedgerError> {
    let documents: Vec<(&Name, Option<&[u8]>)> = changes.iter().flat_map(document_writes).collect();
    let shared = moves.get(first_shared..).unwrap_or_default();
    let mut others = Vec::with_capacity(changes.len().saturating_add(documents.len()));
    let mut arguments = Vec::with_capacity(changes.len().saturating_mul(3).saturating_add(documents.len().saturating_mul(2)));
    let mut records = Vec::with_capacity(changes.len());
    for change in changes {
        let record = &change.record;
        let before = before(&record.id);
        let held = before.is_some_and(|(_, state)| state == State::Held);
        let (becomes, score) = match (held, aging::rests_since(record)) {
            (false, None) => (b'H', record.deadline),
            (true, None) => (b'h', record.deadline),
            (true, Some(rests)) => (b'e', rests.saturating_add(retention_ms)),
            (false, Some(rests)) => (b'k', rests.saturating_add(retention_ms)),
        };
        records.push((shard.record(&record.id), before.map(|(place, _)| place), becomes));
        others.push(shard.open(&record.shard_key));
        arguments.push(codec::encode(record)?);
        arguments.push(score.to_string().into_bytes());
        arguments.push(codec::encode_entry(record, change.transition, &change.moved)?);
    }
    for (name, bytes) in &documents {
        others.push(shard.document(name));
        arguments.push(if bytes.is_some() { b"w".to_vec() } else { b"d".to_vec() });
        arguments.push(bytes.unwrap_or_default().to_vec());
    }
    let counters = moves.iter().map(|Move { counter, by, limit }| (shard.counter(counter), *by, *limit)).collect();
    let grants = shared.iter().map(|moved| shard.grant(&moved.counter)).collect();
    let shape = Shape { records: changes.len(), counters: moves.len(), shared: shared.len() };
    let frees = moves.iter().all(|moved| moved.limit.is_none());
    Ok(Wire { records, counters, grants, revision, others, arguments, frees, shape })
}

/// Keys of a batch, each with its number.
#[derive(Default)]
struct Numbers<'a> {
    keys: Vec<&'a [u8]>,
    by_key: HashMap<&'a [u8], u16, foldhash::fast::RandomState>,
}

impl<'a> Numbers<'a> {
    /// INVARIANT: a batch names far fewer keys than two bytes tell apart (`COUNTERS_MAX`, and of one operation `CLAIMS_MAX`).
    fn of(&mut self, key: &'a [u8]) -> [u8; 2] {
        let keys = &mut self.keys;
        let number = self.by_key.entry(key).or_insert_with(|| {
            keys.push(key);
            u16::try_from(keys.len()).unwrap_or(u16::MAX)
        });
        number.to_be_bytes()
    }
}

/// Operations that travel together, as `scripts/apply.lua` reads them behind its head.
pub(crate) struct Batch<'a> {
    /// Those that every batch names, then the strings, each once, then the others.
    pub(crate) keys: Vec<&'a [u8]>,
    wires: &'a [&'a Wire],
    packed: Vec<Vec<u8>>,
    strings: Vec<u8>,
}

impl<'a> Batch<'a> {
    pub(crate) fn of(shared: &'a [Vec<u8>; 3], wires: &'a [&'a Wire]) -> Self {
        let mut numbers = Numbers::default();
        let packed = wires.iter().map(|wire| pack(wire, &mut numbers)).collect();
        let strings = numbers.keys.len().to_string().into_bytes();
        let mut keys: Vec<&[u8]> = shared.iter().map(Vec::as_slice).collect();
        keys.extend(numbers.keys);
        keys.extend(wires.iter().flat_map(|wire| &wire.others).map(Vec::as_slice));
        Self { keys, wires, packed, strings }
    }

    /// With the row that the batch is: instance, number, and how much of the log is kept.
    pub(crate) fn arguments<'b>(&'b self, row: [&'b [u8]; 3]) -> Vec<&'b [u8]> {
        let mut arguments = row.to_vec();
        arguments.push(&self.strings);
        for (wire, packed) in self.wires.iter().zip(&self.packed) {
            arguments.push(packed);
            arguments.extend(wire.arguments.iter().map(Vec::as_slice));
        }
        arguments
    }
}

/// The first argument of an operation.
fn pack<'a>(wire: &'a Wire, numbers: &mut Numbers<'a>) -> Vec<u8> {
    let Shape { records, counters, shared } = wire.shape;
    let documents = wire.others.len().saturating_sub(records);
    let bytes = records.saturating_add(counters).saturating_add(shared).saturating_mul(20).saturating_add(32);
    let mut packed = Vec::with_capacity(bytes);
    for count in [records, counters.saturating_sub(shared), shared, documents] {
        packed.extend(u16::try_from(count).unwrap_or(u16::MAX).to_be_bytes());
    }
    for (key, place, becomes) in &wire.records {
        packed.extend(numbers.of(key));
        packed.push(u8::from(place.is_some()));
        packed.extend(layout::stamp(place.unwrap_or_default()));
        packed.push(*becomes);
    }
    for (key, by, limit) in &wire.counters {
        packed.extend(numbers.of(key));
        packed.extend(by.to_be_bytes());
        // Below 0 says that there is none; nothing fits below either.
        packed.extend(limit.map_or(-1, |limit| limit.max(0)).to_be_bytes());
    }
    for key in &wire.grants {
        packed.extend(numbers.of(key));
    }
    if wire.revision > 0 {
        packed.extend(wire.revision.to_string().as_bytes());
    }
    packed
}

impl Wire {
    /// Changes nothing, and is written all the same: what waits for it waits for all that was written before.
    pub(crate) fn nothing() -> Self {
        let shape = Shape { records: 0, counters: 0, shared: 0 };
        Self {
            records: Vec::new(),
            counters: Vec::new(),
            grants: Vec::new(),
            revision: 0,
            others: Vec::new(),
            arguments: Vec::new(),
            frees: true,
            shape,
        }
    }

    /// How many counters it names: what a script costs.
    pub(crate) fn counters(&self) -> usize {
        self.shape.counters
    }

    /// Reads the part of an answer that is this operation's.
    pub(crate) fn read(&self, epoch: u64, answer: Value) -> Result<Applied, LedgerError> {
        if let Value::Int(first) = answer {
            return Ok(Applied::Done { epoch, first: u64::try_from(first).unwrap_or(0), broken: Vec::new() });
        }
        let mut answer = Reply::of(answer)?;
        match answer.text()?.as_str() {
            "b" => {
                let first = answer.unsigned()?;
                let mut broken = Vec::new();
                while !answer.is_empty() {
                    broken.push(usize::try_from(answer.number()?).unwrap_or(usize::MAX));
                }
                Ok(Applied::Done { epoch, first, broken })
            }
            "r" => (0..self.shape.records).map(|_| answer.bytes()).collect::<Result<_, _>>().map(Applied::Differs),
            "c" => {
                let mut numbers = |count: usize| (0..count).map(|_| answer.number()).collect::<Result<Vec<i64>, _>>();
                Ok(Applied::Refused { used: numbers(self.shape.counters)?, granted: numbers(self.shape.shared)? })
            }
            "s" => answer.unsigned().map(Applied::Stale),
            _ => Err(strange(&Value::Nil)),
        }
    }
}
