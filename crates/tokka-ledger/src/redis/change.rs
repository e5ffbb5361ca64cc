//! How is a step told to Redis? The changes of one operation as keys and arguments of `scripts/apply.lua`, and what became
//! of them.

use std::collections::BTreeMap;

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
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) arguments: Vec<Vec<u8>>,
    /// It gives back or settles, and is done also where the server has no memory left.
    pub(crate) frees: bool,
    /// How many counters it names: what a script costs.
    pub(crate) counters: usize,
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
    let mut keys = Vec::with_capacity(changes.len().saturating_mul(2).saturating_add(moves.len()));
    let mut arguments = Vec::with_capacity(keys.capacity().saturating_mul(3).saturating_add(8));
    let mut bodies = Vec::with_capacity(5);

    for number in [changes.len(), first_shared.min(moves.len()), shared.len(), documents.len()] {
        arguments.push(number.to_string().into_bytes());
    }
    arguments.push(revision.to_string().into_bytes());
    for change in changes {
        let record = &change.record;
        keys.push(shard.record(&record.id));
        keys.push(shard.open(&record.shard_key));
        let before = before(&record.id);
        arguments.push(before.map_or_else(Vec::new, |(place, _)| layout::stamp(place).to_vec()));
        let held = before.is_some_and(|(_, state)| state == State::Held);
        let (becomes, score) = match (held, aging::rests_since(record)) {
            (false, None) => ("H", record.deadline),
            (true, None) => ("h", record.deadline),
            (true, Some(rests)) => ("e", rests.saturating_add(retention_ms)),
            (false, Some(rests)) => ("k", rests.saturating_add(retention_ms)),
        };
        bodies.push(codec::encode(record)?);
        bodies.push(becomes.as_bytes().to_vec());
        bodies.push(score.to_string().into_bytes());
        bodies.push(record.id.as_bytes().to_vec());
        bodies.push(codec::encode_entry(record, change.transition, &change.moved)?);
    }
    for Move { counter, by, limit } in moves {
        keys.push(shard.counter(counter));
        arguments.push(by.to_string().into_bytes());
        arguments.push(limit.map_or_else(Vec::new, |limit| limit.to_string().into_bytes()));
    }
    keys.extend(shared.iter().map(|moved| shard.grant(&moved.counter)));
    arguments.extend(bodies);
    for (name, bytes) in &documents {
        keys.push(shard.document(name));
        arguments.push(if bytes.is_some() { b"w".to_vec() } else { b"d".to_vec() });
        arguments.push(bytes.unwrap_or_default().to_vec());
    }
    let shape = Shape { records: changes.len(), counters: moves.len(), shared: shared.len() };
    let frees = moves.iter().all(|moved| moved.limit.is_none());
    Ok(Wire { keys, arguments, frees, counters: moves.len(), shape })
}

impl Wire {
    /// Changes nothing, and is written all the same: what waits for it waits for all that was written before.
    pub(crate) fn nothing() -> Self {
        let arguments = vec![b"0".to_vec(); 5];
        let shape = Shape { records: 0, counters: 0, shared: 0 };
        Self { keys: Vec::new(), arguments, frees: true, counters: 0, shape }
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
