//! How are records, entries and cursors written down? The bytes of layout 2, beside the keys.

use std::cell::RefCell;

use serde::{Deserialize, Serialize};

use crate::aging::Stub;
use crate::ledger::LedgerError;
use crate::model::{Claim, Cursor, Document, Entry, Millis, Place, Portion, Record, Return, State, Transition};
use crate::name::Name;

/// The first byte of a body is the sum of what holds: it is compressed; it holds all that it claims, which is then not
/// written a second time.
const PLAIN: u8 = 0;
const ZSTD: u8 = 1;
const HOLDS_ALL: u8 = 2;
/// A shorter body is not worth compressing, nor is one of which most was compressed by who made it.
const COMPRESS_FROM: usize = 192;
const LEVEL: i32 = 1;
const ZSTD_MARK: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

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

/// The fields of a [`Record`] in their order, as they are written.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    shard_key: &'a str,
    request_hash: u128,
    state: State,
    version: u64,
    deadline: Millis,
    created: Millis,
    changed: Millis,
    place: Place,
    claims: &'a [Claim],
    holding: &'a [Portion],
    #[serde(with = "serde_bytes")]
    payload: &'a [u8],
    #[serde(with = "serde_bytes")]
    note: Option<&'a [u8]>,
    documents: &'a [Document],
    returns: &'a [Return],
    tombstone: bool,
}

/// The body of a record. Its place is that of its stamp; the one that stands here means nothing.
pub(crate) fn encode(record: &Record) -> Result<Vec<u8>, LedgerError> {
    let holds_all = holds_all(record);
    let body = Body {
        id: &record.id,
        shard_key: &record.shard_key,
        request_hash: record.request_hash,
        state: record.state,
        version: record.version,
        deadline: record.deadline,
        created: record.created,
        changed: record.changed,
        place: record.place,
        claims: &record.claims,
        holding: if holds_all { &[] } else { &record.holding },
        payload: &record.payload,
        note: record.note.as_deref(),
        documents: &record.documents,
        returns: &record.returns,
        tombstone: record.tombstone,
    };
    let mark = if holds_all { HOLDS_ALL } else { 0 };
    let plain = Vec::with_capacity(record.payload.len().saturating_add(256));
    let plain =
        postcard::to_extend(&body, started(plain, PLAIN | mark)).map_err(|error| LedgerError::Malformed(error.to_string()))?;
    let rest = plain.len().saturating_sub(record.payload.len());
    if plain.len() < COMPRESS_FROM || rest < record.payload.len() && is_compressed(&record.payload) {
        return Ok(plain);
    }
    let compressed = COMPRESSOR.with(|compressor| {
        let mut compressor = compressor.borrow_mut();
        if compressor.is_none() {
            *compressor = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        let mut out = Vec::with_capacity(zstd::zstd_safe::compress_bound(plain.len()).saturating_add(1));
        out.push(ZSTD | mark);
        let body = compressor.as_mut()?.compress(plain.get(1..)?).ok()?;
        out.extend_from_slice(&body);
        (out.len() < plain.len()).then_some(out)
    });
    Ok(compressed.unwrap_or(plain))
}

fn started(mut bytes: Vec<u8>, first: u8) -> Vec<u8> {
    bytes.push(first);
    bytes
}

/// By how zstd begins, behind what else a payload begins with.
fn is_compressed(payload: &[u8]) -> bool {
    payload.get(..16).is_some_and(|first| first.windows(ZSTD_MARK.len()).any(|bytes| bytes == ZSTD_MARK))
}

/// Nothing of it was given back yet, as of nearly all that are written.
fn holds_all(record: &Record) -> bool {
    let mut pairs = record.claims.iter().zip(&record.holding);
    record.claims.len() == record.holding.len()
        && pairs.all(|(claim, portion)| claim.counter == portion.counter && claim.amount == portion.amount)
}

/// The record of a body.
pub(crate) fn decode(place: Place, body: &[u8]) -> Result<Record, LedgerError> {
    let unreadable = || damaged("a record");
    let (kind, rest) = body.split_first().ok_or_else(unreadable)?;
    let mut record: Record = match *kind & !HOLDS_ALL {
        PLAIN => postcard::from_bytes(rest).map_err(|_| unreadable())?,
        ZSTD => {
            let plain = zstd::stream::decode_all(rest).map_err(|_| unreadable())?;
            postcard::from_bytes(&plain).map_err(|_| unreadable())?
        }
        _ => return Err(unreadable()),
    };
    if *kind & HOLDS_ALL != 0 {
        let held = |claim: &Claim| Portion { counter: claim.counter.clone(), amount: claim.amount };
        record.holding = record.claims.iter().map(held).collect();
    }
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

#[cfg(test)]
mod tests {
    use super::super::layout::{split_stamp, split_version, stamp};
    use super::*;

    fn record() -> Record {
        let stock = Name::of(&["stock", "flash-1"]);
        Record {
            id: "r-1".to_owned(),
            shard_key: "u-1".to_owned(),
            request_hash: 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
            state: State::Committed,
            version: 3,
            deadline: 1_700_000_600_000,
            created: 1_700_000_000_000,
            changed: 1_700_000_300_000,
            place: Place { epoch: 7, position: 300 },
            claims: vec![Claim { counter: stock.clone(), amount: 2, limit: 1_000_000_000_000_000 }],
            holding: vec![Portion { counter: stock.clone(), amount: 1 }],
            payload: b"priced".to_vec(),
            note: Some(b"order 7".to_vec()),
            documents: vec![Document { name: Name::of(&["wallet", "u-1"]), bytes: b"coupon".to_vec() }],
            returns: vec![Return {
                rollback_id: "x-1".to_owned(),
                request_hash: 5,
                portions: vec![Portion { counter: stock, amount: 1 }],
                answer: b"refund".to_vec(),
                version: 3,
                at: 1_700_000_300_000,
            }],
            tombstone: false,
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What is stored in these bytes is read from these bytes, by every later version.
    #[test]
    fn the_bytes_of_layout_2_never_change() {
        let body = encode(&record()).unwrap();
        assert_eq!(
            hex(&body),
            concat!(
                "0003722d3103752d31909eb8e8c0e1828589909cb0d080c1818202010380bff4fef96280a0abfef962c0efcffef96207ac02",
                "010e0573746f636b07666c6173682d31048080b4ccd4dfc603010e0573746f636b07666c6173682d31020670726963656401",
                "076f726465722037010b0677616c6c657403752d3106636f75706f6e0103782d3105010e0573746f636b07666c6173682d31",
                "0206726566756e6403c0efcffef96200",
            )
        );
        assert_eq!(decode(record().place, &body).unwrap(), record());

        let moved = [(Name::of(&["stock", "flash-1"]), -1)];
        let entry = encode_entry(&record(), Transition::PartReturned, &moved).unwrap();
        assert_eq!(hex(&entry), "03722d3103752d310304010e0573746f636b07666c6173682d3101c0efcffef962");
        let read = decode_entry(300, &entry).unwrap();
        let at = record().changed;
        assert_eq!((read.position, read.id.as_str(), read.shard_key.as_str(), read.version, read.at), (300, "r-1", "u-1", 3, at));
        assert_eq!((read.transition, &read.moved[..]), (Transition::PartReturned, &moved[..]));

        let stub = Stub { shard_key: "u-1".to_owned(), version: 3, aged: 1_700_000_900_000 };
        let bytes = encode_stub(&stub).unwrap();
        assert_eq!(hex(&bytes), "03752d3103c08e99fff962");
        assert_eq!(decode_stub(&bytes).unwrap(), stub);

        let places = [Place { epoch: 7, position: 300 }, Place { epoch: 8, position: 1 }];
        let cursor = encode_cursor(0x0102_0304_0506_0708, &places);
        assert_eq!(hex(&cursor.0), "02010203040506070800020000000000000007000000000000012c00000000000000080000000000000001");
        assert_eq!(decode_cursor(&cursor, 0x0102_0304_0506_0708, 2).unwrap(), Some(places.to_vec()));

        // As `scripts/apply.lua` writes them: a stamp before a record, a version before a document.
        let stored = [&[0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 1, 44][..], &body].concat();
        assert_eq!(stamp(record().place), stored[..16]);
        assert_eq!(split_stamp(&stored), Some((record().place, &body[..])));
        assert_eq!(split_version(b"\0\0\0\0\0\0\x01\x02coupon"), Some((258, &b"coupon"[..])));
    }

    /// What is compressed may be compressed otherwise by a later version, but what was compressed is read.
    #[test]
    fn a_long_body_is_compressed_and_read_again() {
        let long = Record { payload: b"20 lines of the same basket, ".repeat(40), ..record() };
        let body = encode(&long).unwrap();
        assert_eq!(body[0], ZSTD);
        assert!(body.len() < 400, "{} bytes", body.len());
        assert_eq!(decode(long.place, &body).unwrap(), long);
        let random: Vec<u8> = (0..400_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let odd = Record { payload: random, ..record() };
        assert_eq!(decode(odd.place, &encode(&odd).unwrap()).unwrap(), odd);
        let stored = concat!(
            "0128b52ffd602804650500c40903722d3103752d31909eb8e8c0e1828589909cb0d080c1818202010380bff4fef96280a0ab",
            "fef962c0efcffef96207ac02010e0573746f636b07666c6173682d31048080b4ccd4dfc6030288093230206c696e6573206f",
            "66207468652073616d65206261736b65742c2001076f726465722037010b0677616c6c657403752d3106636f75706f6e0103",
            "782d310506726566756e6403c0efcffef9620003000b26cf0f6800f5bfc2c83403",
        );
        let bytes: Vec<u8> =
            (0..stored.len() / 2).map(|at| u8::from_str_radix(&stored[2 * at..2 * at + 2], 16).unwrap()).collect();
        assert_eq!(decode(long.place, &bytes).unwrap(), long);
    }

    #[test]
    fn what_holds_all_that_it_claims_says_so_once_and_what_is_compressed_stays_as_it_is() {
        let whole = Record { holding: vec![Portion { counter: record().claims[0].counter.clone(), amount: 2 }], ..record() };
        let body = encode(&whole).unwrap();
        assert_eq!(body[0], HOLDS_ALL);
        assert!(body.len() + 15 < encode(&record()).unwrap().len(), "the counter is written once");
        assert_eq!(decode(whole.place, &body).unwrap(), whole);
        let payload = [&[2, 0, 4, 0, 0][..], &ZSTD_MARK, &b"the same, ".repeat(40)].concat();
        let compressed = Record { payload, ..whole };
        let body = encode(&compressed).unwrap();
        assert_eq!(body[0], HOLDS_ALL);
        assert_eq!(decode(compressed.place, &body).unwrap(), compressed);
    }

    #[test]
    fn what_is_damaged_is_told() {
        let body = encode(&record()).unwrap();
        for bytes in [&b""[..], &[9, 1, 2], &body[..body.len() - 1], &[ZSTD, 1, 2, 3]] {
            assert!(matches!(decode(record().place, bytes), Err(LedgerError::Unavailable(_))), "{bytes:?}");
        }
        for bytes in [&b"\x02"[..], &[CURSOR, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 7], &[9; 27]] {
            assert!(matches!(decode_cursor(&Cursor(bytes.to_vec()), 1, 1), Err(LedgerError::Malformed(_))), "{bytes:?}");
        }
        // Of another store, or divided otherwise: a place that is nowhere.
        let elsewhere = encode_cursor(2, &[Place { epoch: 1, position: 1 }]);
        assert_eq!(decode_cursor(&elsewhere, 1, 1).unwrap().unwrap()[0].epoch, u64::MAX);
        assert_eq!(decode_cursor(&elsewhere, 2, 3).unwrap().unwrap().len(), 3);
    }
}
