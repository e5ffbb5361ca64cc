//! What does a reader of the log see of a record, and how much at once? Entries joined with their records, in bites that
//! are bounded by bytes whatever the records hold.

use std::collections::hash_map::Entry as Place;
use std::sync::Arc;

use crate::book::Map;
use crate::model::{Entry, Event, Portion, Record, Return};

/// A bite ends with the event that brings it to this many bytes or more, about; it has one event at least.
pub const EVENTS_BYTES_MAX: usize = 4 << 20;

/// Records that were read for a bite, with all answers that no event of it shows, end it too.
const SEEN_BYTES_MAX: usize = 4 * EVENTS_BYTES_MAX;

/// Of an entry, a record, a return or a portion, beside its bytes of other length.
const FIXED_BYTES: usize = 64;

/// Events as they are gathered.
#[derive(Debug)]
pub(crate) struct Joined {
    events: Vec<Event>,
    bytes: usize,
    /// Bytes of the records in `seen`.
    seen_bytes: usize,
    /// An order that is returned often is read once a bite, not once an entry.
    seen: Map<String, Option<Arc<Record>>>,
}

impl Joined {
    pub(crate) fn new() -> Self {
        Self { events: Vec::new(), bytes: 0, seen_bytes: 0, seen: Map::default() }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= EVENTS_BYTES_MAX || self.seen_bytes >= SEEN_BYTES_MAX
    }

    /// Adds an entry with its record, which is asked for, as it is kept, where it was not seen yet.
    pub(crate) fn push<E>(&mut self, entry: Entry, record: impl FnOnce(&str) -> Result<Option<Arc<Record>>, E>) -> Result<(), E> {
        let seen = match self.seen.entry(entry.id.clone()) {
            Place::Occupied(seen) => seen.into_mut(),
            Place::Vacant(place) => {
                let record = record(&entry.id)?;
                self.seen_bytes = self.seen_bytes.saturating_add(record.as_deref().map_or(0, weight));
                place.insert(record)
            }
        };
        let record = seen.as_ref().map(|record| shown(record, entry.version));
        let weight = record.as_ref().map_or(0, weight);
        self.bytes = self.bytes.saturating_add(entry_weight(&entry)).saturating_add(weight);
        self.events.push(Event { entry, record });
        Ok(())
    }

    pub(crate) fn into_events(self) -> Vec<Event> {
        self.events
    }
}

/// A record as the event of one of its versions shows it. Of its returns only the one that made this version has its
/// answer: whoever reads every event learns each answer once, and a much returned order stays small in each of them.
pub(crate) fn shown(record: &Record, version: u64) -> Record {
    let as_shown = |step: &Return| Return {
        rollback_id: step.rollback_id.clone(),
        request_hash: step.request_hash,
        portions: step.portions.clone(),
        answer: if step.version == version { step.answer.clone() } else { Vec::new() },
        version: step.version,
        at: step.at,
    };
    Record {
        id: record.id.clone(),
        shard_key: record.shard_key.clone(),
        request_hash: record.request_hash,
        state: record.state,
        version: record.version,
        deadline: record.deadline,
        created: record.created,
        changed: record.changed,
        place: record.place,
        claims: record.claims.clone(),
        holding: record.holding.clone(),
        payload: record.payload.clone(),
        note: record.note.clone(),
        documents: record.documents.clone(),
        returns: record.returns.iter().map(as_shown).collect(),
        tombstone: record.tombstone,
    }
}

/// The bytes of an entry, about.
pub(crate) fn entry_weight(entry: &Entry) -> usize {
    let moved = sum(entry.moved.iter().map(|(counter, _)| counter.as_bytes().len().saturating_add(FIXED_BYTES)));
    sum([FIXED_BYTES, entry.id.len(), entry.shard_key.len(), moved])
}

/// The bytes of a return, about.
pub(crate) fn return_weight(step: &Return) -> usize {
    sum([FIXED_BYTES, step.rollback_id.len(), step.answer.len(), portions_weight(&step.portions)])
}

/// The bytes of some portions, about.
pub(crate) fn portions_weight(portions: &[Portion]) -> usize {
    sum(portions.iter().map(|portion| portion.counter.as_bytes().len().saturating_add(FIXED_BYTES)))
}

/// The bytes of a record, about.
pub(crate) fn weight(record: &Record) -> usize {
    sum([
        FIXED_BYTES,
        record.id.len(),
        record.shard_key.len(),
        record.payload.len(),
        record.note.as_ref().map_or(0, Vec::len),
        sum(record.claims.iter().map(|claim| claim.counter.as_bytes().len().saturating_add(FIXED_BYTES))),
        portions_weight(&record.holding),
        sum(record.documents.iter().map(|document| document.name.as_bytes().len().saturating_add(document.bytes.len()))),
        sum(record.returns.iter().map(return_weight)),
    ])
}

fn sum(bytes: impl IntoIterator<Item = usize>) -> usize {
    bytes.into_iter().fold(0, usize::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::RETURNS_BYTES_MAX;
    use crate::contract::{hold, part, rolled_back};
    use crate::model::{Committed, Cursor, Events, Hold, IfExpired, Reserved, Rollback};
    use crate::{Ledger, Memory};

    /// A thousand lines, each with a counter; what each of 200 returns was answered names them all.
    #[tokio::test]
    async fn a_much_returned_order_is_told_in_bounded_bites() {
        let ledger = Memory::default();
        let names: Vec<String> = (0..1_000).map(|line| format!("stock of sku-{line}")).collect();
        let claims: Vec<(&str, i64, i64)> = names.iter().map(|name| (name.as_str(), 1, 1)).collect();
        let order = Hold { payload: vec![7; 100_000], ..hold(&ledger, "r", &claims).await };
        assert!(matches!(ledger.reserve(order).await, Ok(Reserved::Taken(_))));
        let Ok(Committed::Done(mut record)) = ledger.commit("u", "r", IfExpired::Refuse, None).await else { panic!("not paid") };
        for (number, name) in names.iter().enumerate().take(200) {
            let one = part(&format!("x{number}"), record.version, &[(name, 1)]);
            record = rolled_back(&ledger, "r", Rollback { answer: vec![9; 40_000], ..one }).await;
        }
        let answers: usize = record.returns.iter().map(return_weight).sum();
        assert!((4_000_000..=RETURNS_BYTES_MAX).contains(&answers), "{answers} bytes of answers");

        let (mut cursor, mut told, mut bites) = (Cursor::default(), 0, 0);
        loop {
            let Ok(Events::Batch(events, next)) = ledger.events(&cursor, 1_000).await else { panic!("no batch") };
            let bytes: usize = events.iter().map(|event| postcard::to_allocvec(event).unwrap().len()).sum();
            assert!(bytes <= EVENTS_BYTES_MAX, "a bite of {bytes} bytes");
            if events.is_empty() {
                break;
            }
            (cursor, told, bites) = (next, told + events.len(), bites + 1);
        }
        assert_eq!(told, 202);
        assert!(bites < 30, "{bites} bites");
    }
}
