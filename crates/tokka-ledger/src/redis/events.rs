//! What happened? The logs of all shards as one: in order by shard and so by reservation, not between shards.

use std::sync::Arc;

use super::lane::{Trouble, digits};
use super::link::Lane;
use super::reply::Reply;
use super::{Part, Store, ask, codec, scripts};
use crate::bounds;
use crate::joined::Joined;
use crate::ledger::LedgerError;
use crate::model::{Cursor, Entry, Events, Place, Record};

/// Entries that one script reads.
const ENTRIES_MAX: usize = 1_000;

/// Records that are read at once to join them.
const RECORDS_MAX: usize = 64;

/// What a shard's log holds after a place.
pub(super) enum Logged {
    /// Entries, and the place that they come after, in the epoch that is.
    Entries(Vec<Entry>, Place),
    /// Some are gone; what is kept begins after this place.
    Gap(Place),
}

impl Store {
    pub(super) async fn read_events(&self, after: &Cursor, max: usize) -> Result<Events, LedgerError> {
        let before = codec::decode_cursor(after, self.number, self.shards())?;
        let mut joined = Joined::new();
        let (mut left, mut gap) = (max, false);
        let mut places = Vec::with_capacity(self.parts.len());
        for (index, part) in self.parts.iter().enumerate() {
            let place = before.as_ref().and_then(|places| places.get(index)).copied();
            // A batch that is full has to name a place in every shard all the same.
            let wanted = if gap || joined.is_full() { 0 } else { left.min(ENTRIES_MAX) };
            places.push(match self.log_after(part, place, wanted).await? {
                Logged::Gap(from) => {
                    gap = true;
                    (from, from)
                }
                Logged::Entries(entries, begin) => {
                    let (taken, last) = self.join(part, entries, &mut joined).await?;
                    left = left.saturating_sub(taken);
                    (begin, Place { position: last.unwrap_or(begin.position), ..begin })
                }
            });
        }
        if gap {
            // What was gathered in other shards is read again: their places stay as they were.
            let places: Vec<Place> = places.into_iter().map(|(begin, _)| begin).collect();
            return Ok(Events::Gap(codec::encode_cursor(self.number, &places)));
        }
        let places: Vec<Place> = places.into_iter().map(|(_, end)| end).collect();
        Ok(Events::Batch(joined.into_events(), codec::encode_cursor(self.number, &places)))
    }

    /// Joins entries with their records, as many as fit into a batch; answers how many, and the position of the last.
    async fn join(&self, part: &Part, entries: Vec<Entry>, joined: &mut Joined) -> Result<(usize, Option<u64>), LedgerError> {
        let (mut taken, mut last) = (0_usize, None);
        for some in entries.chunks(RECORDS_MAX) {
            if joined.is_full() {
                break;
            }
            let keys: Vec<Vec<u8>> = some.iter().map(|entry| part.post.shard.record(&entry.id)).collect();
            let read = self.patiently(|| part.reader.read(keys.clone())).await?;
            for (entry, bytes) in some.iter().zip(read.values) {
                if joined.is_full() {
                    break;
                }
                last = Some(entry.position);
                taken = taken.saturating_add(1);
                let record =
                    |id: &str| -> Result<Option<Arc<Record>>, LedgerError> { Ok(ask::read_if(id, bytes)?.map(Arc::new)) };
                joined.push(entry.clone(), record)?;
            }
        }
        Ok((taken, last))
    }

    /// Reads the log of one shard; from where it begins, where no place is given.
    pub(super) async fn log_after(&self, part: &Part, place: Option<Place>, max: usize) -> Result<Logged, LedgerError> {
        let post = &part.post;
        let read = || async {
            let keys = vec![post.shard.log()];
            let (epoch, position) = match place {
                Some(place) => (digits(place.epoch), digits(place.position)),
                None => (Vec::new(), b"0".to_vec()),
            };
            let arguments = vec![digits(self.config.log_max), epoch, position, digits(max)];
            let value = post.run_in(Lane::Admin, &scripts::LOG, b"r", keys, arguments, None).await?;
            entries(value).map_err(Trouble::Never)
        };
        self.patiently(read).await
    }

    pub(super) async fn pass_reader(&self, reader: &str, cursor: &Cursor) -> Result<(), LedgerError> {
        bounds::id("reader", reader)?;
        let places = codec::decode_cursor(cursor, self.number, self.shards())?;
        for (index, part) in self.parts.iter().enumerate() {
            let post = &part.post;
            let place = places.as_ref().and_then(|places| places.get(index)).copied();
            let (epoch, position) = match place {
                Some(place) => (digits(place.epoch), digits(place.position)),
                None => (Vec::new(), b"0".to_vec()),
            };
            let passed = || async {
                let keys = vec![post.shard.readers(), post.shard.log()];
                let [log_max, log_min] = [self.config.log_max, self.config.log_min].map(digits);
                let arguments = vec![reader.as_bytes().to_vec(), log_max, log_min, epoch.clone(), position.clone()];
                post.run_in(Lane::Admin, &scripts::PASS, b"r", keys, arguments, None).await
            };
            match self.patiently(passed).await? {
                redis::Value::BulkString(said) if said == b"ok" => {}
                redis::Value::BulkString(_) => return Err(LedgerError::Malformed("a cursor of another store".to_owned())),
                other => return Err(super::reply::strange(&other)),
            }
        }
        Ok(())
    }

    pub(super) async fn cursor_of(&self, reader: &str) -> Result<Option<Cursor>, LedgerError> {
        let mut places = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            let post = &part.post;
            let command = redis::cmd("HGET").arg(post.shard.readers()).arg(reader).to_owned();
            let found = self.patiently(|| async { Ok(post.link.command(Lane::Read, post.shard.slot, &command).await?) }).await?;
            let redis::Value::BulkString(position) = found else { return Ok(None) };
            let position = super::reply::number(&redis::Value::BulkString(position))?;
            // Where it stands is kept by position; it is a place of the epoch that is.
            match self.log_after(part, None, 0).await? {
                Logged::Gap(begin) | Logged::Entries(_, begin) => {
                    places.push(Place { epoch: begin.epoch, position: u64::try_from(position).unwrap_or(0) });
                }
            }
        }
        Ok(Some(codec::encode_cursor(self.number, &places)))
    }
}

fn entries(value: redis::Value) -> Result<Logged, LedgerError> {
    let mut reply = Reply::of(value)?;
    let gap = match reply.text()?.as_str() {
        "ok" => false,
        "gap" => true,
        _ => return Err(super::reply::strange(&redis::Value::Nil)),
    };
    let place = Place { epoch: reply.unsigned()?, position: reply.unsigned()? };
    if gap {
        return Ok(Logged::Gap(place));
    }
    let mut entries = Vec::new();
    while !reply.is_empty() {
        let position = reply.unsigned()?;
        entries.push(codec::decode_entry(position, &reply.bytes()?.unwrap_or_default())?);
    }
    Ok(Logged::Entries(entries, place))
}
