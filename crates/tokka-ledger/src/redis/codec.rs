//! How are records, entries and cursors written down? The bytes of layout 1, beside the keys.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use crate::aging::Stub;
use crate::ledger::LedgerError;
use crate::model::{Cursor, Entry, Millis, Place, Record, Transition};
use crate::name::Name;

/// The first byte of a body.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
/// A shorter body is not worth compressing.
const COMPRESS_FROM: usize = 192;
const LEVEL: i32 = 1;

/// The first byte of a cursor: the layout of the rest. The embedded back end has another one.
const CURSOR: u8 = 2;

/// A record that was stored cannot be read: the store is damaged, or another program wrote it.
pub(crate) fn damaged(what: &str) -> LedgerError {
    LedgerError::Unavailable(format!("{what} cannot be read: the store is damaged"))
}

thread_local! {
    /// A context is a large allocation, so that each thread keeps its own.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
}

/// The body of a record. Its place is not in it: that is the stamp before it.
pub(crate) fn encode(record: &Record) -> Result<Vec<u8>, LedgerError> {
    let plain = postcard::to_extend(record, vec![PLAIN]).map_err(|error| LedgerError::Malformed(error.to_string()))?;
    if plain.len() < COMPRESS_FROM {
        return Ok(plain);
    }
    let compressed = COMPRESSOR.with(|compressor| {
        let mut compressor = compressor.borrow_mut();
        if compressor.is_none() {
            *compressor = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        let mut out = Vec::with_capacity(zstd::zstd_safe::compress_bound(plain.len()).saturating_add(1));
        out.push(ZSTD);
        let body = compressor.as_mut()?.compress(plain.get(1..)?).ok()?;
        out.extend_from_slice(&body);
        (out.len() < plain.len()).then_some(out)
    });
    Ok(compressed.unwrap_or(plain))
}

/// The record of a body.
pub(crate) fn decode(place: Place, body: &[u8]) -> Result<Record, LedgerError> {
    let unreadable = || damaged("a record");
    let (kind, rest) = body.split_first().ok_or_else(unreadable)?;
    let record: Record = match *kind {
        PLAIN => postcard::from_bytes(rest).map_err(|_| unreadable())?,
        ZSTD => {
            let plain = zstd::stream::decode_all(rest).map_err(|_| unreadable())?;
            postcard::from_bytes(&plain).map_err(|_| unreadable())?
        }
        _ => return Err(unreadable()),
    };
    Ok(Record { place, ..record })
}

/// What is left of an aged record.
pub(crate) fn encode_stub(stub: &Stub) -> Result<Vec<u8>, LedgerError> {
    postcard::to_allocvec(stub).map_err(|error| LedgerError::Malformed(error.to_string()))
}

/// Likewise, read again.
pub(crate) fn decode_stub(bytes: &[u8]) -> Result<Stub, LedgerError> {
    postcard::from_bytes(bytes).map_err(|_| damaged("a stub"))
}

/// An entry of the log without its position, which is its key.
#[derive(Serialize, Deserialize)]
struct Written {
    id: String,
    shard_key: String,
    version: u64,
    transition: Transition,
    moved: Vec<(Name, i64)>,
    at: Millis,
}

/// What the log keeps of a change.
pub(crate) fn encode_entry(record: &Record, transition: Transition, moved: &[(Name, i64)]) -> Result<Vec<u8>, LedgerError> {
    #[derive(Serialize)]
    struct Borrowed<'a> {
        id: &'a str,
        shard_key: &'a str,
        version: u64,
        transition: Transition,
        moved: &'a [(Name, i64)],
        at: Millis,
    }
    let Record { id, shard_key, version, changed, .. } = record;
    let entry = Borrowed { id, shard_key, version: *version, transition, moved, at: *changed };
    postcard::to_allocvec(&entry).map_err(|error| LedgerError::Malformed(error.to_string()))
}

/// An entry that was read at a position.
pub(crate) fn decode_entry(position: u64, bytes: &[u8]) -> Result<Entry, LedgerError> {
    let Written { id, shard_key, version, transition, moved, at } =
        postcard::from_bytes(bytes).map_err(|_| damaged("an entry of the log"))?;
    Ok(Entry { position, id, shard_key, version, transition, moved, at })
}

/// Where a reader is in each shard: the epoch that it read in, and the last position. `None` for the default cursor, which
/// stands before everything.
pub(crate) fn decode_cursor(cursor: &Cursor, store: u64, shards: u16) -> Result<Option<Vec<Place>>, LedgerError> {
    if cursor.0.is_empty() {
        return Ok(None);
    }
    let parsed = (|| {
        let rest = cursor.0.strip_prefix(&[CURSOR])?;
        let (of, rest) = rest.split_first_chunk::<8>()?;
        let (count, mut rest) = rest.split_first_chunk::<2>()?;
        let mut places = Vec::new();
        while !rest.is_empty() {
            let (epoch, after) = rest.split_first_chunk::<8>()?;
            let (position, after) = after.split_first_chunk::<8>()?;
            places.push(Place { epoch: u64::from_be_bytes(*epoch), position: u64::from_be_bytes(*position) });
            rest = after;
        }
        let fits = places.len() == usize::from(u16::from_be_bytes(*count));
        fits.then_some((u64::from_be_bytes(*of), places))
    })();
    let (of, places) = parsed.ok_or_else(|| LedgerError::Malformed("not a cursor of this store".to_owned()))?;
    // Of another store, or before it was divided anew: its places mean nothing here.
    if of != store || places.len() != usize::from(shards) {
        return Ok(Some(vec![Place { epoch: u64::MAX, position: 0 }; usize::from(shards)]));
    }
    Ok(Some(places))
}

/// The cursor of these places, one a shard.
pub(crate) fn encode_cursor(store: u64, places: &[Place]) -> Cursor {
    let mut bytes = vec![CURSOR];
    bytes.extend_from_slice(&store.to_be_bytes());
    bytes.extend_from_slice(&u16::try_from(places.len()).unwrap_or(u16::MAX).to_be_bytes());
    for place in places {
        bytes.extend_from_slice(&place.epoch.to_be_bytes());
        bytes.extend_from_slice(&place.position.to_be_bytes());
    }
    Cursor(bytes)
}
