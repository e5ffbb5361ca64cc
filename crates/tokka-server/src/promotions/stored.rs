//! Which bytes is a catalogue kept in? Documents, parts and trees by what they hold, revisions by number, and one head that
//! is written only where it is as it was read: so changes are a line, and none rewrites more than its own part.
//!
//! ```text
//! head ── the state ──> tree ──> 256 parts ──> documents     what stands now, drafts too
//!   └──── revisions ──> revision ──> tree                    what was in force, when, by whom
//! ```
//!
//! All are messages of protobuf, which may gain fields, so that what an old server wrote is read by a new one.

use prost::Message;
use tokka_catalog::Kind;
use tokka_ledger::name::Name;
use xxhash_rust::xxh3::xxh3_128;

/// Entries are spread over so many parts: a change rewrites one of them.
pub(super) const PARTS: u32 = 256;
/// So many revisions are named in the head, then they become a page of their own.
pub(super) const PAGE: u64 = 256;
/// So many calls are remembered with their request ids.
pub(super) const RECENT_MAX: usize = 256;

const SPACE: &str = "catalogue";

/// Where everything begins.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Head {
    /// One more with each change, drafts too.
    #[prost(uint64, tag = "1")]
    pub(crate) sequence: u64,
    /// The revision in force; 0: none.
    #[prost(uint64, tag = "2")]
    pub(crate) number: u64,
    /// The hash of the tree of what stands now.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) tree: Vec<u8>,
    /// The hashes of full pages of revisions.
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) pages: Vec<u8>,
    /// The hashes of the revisions after these.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) tail: Vec<u8>,
    /// The latest calls, the oldest first.
    #[prost(message, repeated, tag = "6")]
    pub(crate) recent: Vec<Recent>,
}

/// A call that was carried out.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Recent {
    /// The hash of its request id.
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) id: Vec<u8>,
    /// The hash of all that it asked for.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) call: Vec<u8>,
    /// The revision in force after it.
    #[prost(uint64, tag = "3")]
    pub(crate) number: u64,
    /// It made that revision.
    #[prost(bool, tag = "4")]
    pub(crate) made: bool,
}

/// A state of all entries: the hashes of its parts, by index; a part without entries is not there.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Tree {
    /// By index.
    #[prost(btree_map = "uint32, bytes", tag = "1")]
    pub(crate) parts: std::collections::BTreeMap<u32, Vec<u8>>,
}

/// A part of the entries, by kind and id.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Part {
    /// In order.
    #[prost(message, repeated, tag = "1")]
    pub(crate) entries: Vec<StoredEntry>,
}

/// A document, by hash, and where it stands.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct StoredEntry {
    /// Its kind, by [`number_of`].
    #[prost(uint32, tag = "1")]
    pub(crate) kind: u32,
    /// Its id.
    #[prost(string, tag = "2")]
    pub(crate) id: String,
    /// The hash of what is in force, or was last; empty: it never was.
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) live: Vec<u8>,
    /// 1 published, 2 paused, 3 archived.
    #[prost(uint32, tag = "4")]
    pub(crate) stand: u32,
    /// The hash of the draft; empty: there is none.
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) draft: Vec<u8>,
    /// The [`Head::sequence`] that changed it last.
    #[prost(uint64, tag = "6")]
    pub(crate) sequence: u64,
    /// The revision that changed last what is in force of it.
    #[prost(uint64, tag = "7")]
    pub(crate) revision: u64,
    /// When it changed last, by the store's clock.
    #[prost(int64, tag = "8")]
    pub(crate) changed: i64,
}

/// A numbered revision.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Revision {
    /// From 1.
    #[prost(uint64, tag = "1")]
    pub(crate) number: u64,
    /// The hash of the one before, or of the page that ends with it; empty: it is the first.
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) parent: Vec<u8>,
    /// Who.
    #[prost(string, tag = "3")]
    pub(crate) author: String,
    /// When, by the store's clock.
    #[prost(int64, tag = "4")]
    pub(crate) at: i64,
    /// Why.
    #[prost(string, tag = "5")]
    pub(crate) message: String,
    /// The hash of its tree, with the drafts of that moment, which are none of its.
    #[prost(bytes = "vec", tag = "6")]
    pub(crate) tree: Vec<u8>,
    /// How many documents changed.
    #[prost(uint64, tag = "7")]
    pub(crate) changes: u64,
    /// The first of them, in words.
    #[prost(string, repeated, tag = "8")]
    pub(crate) changed: Vec<String>,
    /// The revision that it restores, or 0.
    #[prost(uint64, tag = "9")]
    pub(crate) restores: u64,
    /// Codes of findings that were taken as meant.
    #[prost(string, repeated, tag = "10")]
    pub(crate) acknowledged: Vec<String>,
}

/// A document of the catalogue, by kind and id; in the order in which they are listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    kind: u32,
    /// Empty for the settings of the catalogue.
    pub(crate) id: String,
}

impl Key {
    pub(crate) fn new(kind: Kind, id: impl Into<String>) -> Self {
        Self { kind: number_of(kind), id: id.into() }
    }

    /// As stored; `None`: a kind that only newer servers know.
    pub(super) fn of_stored(entry: &StoredEntry) -> Option<Self> {
        kind_of(entry.kind)?;
        Some(Self { kind: entry.kind, id: entry.id.clone() })
    }

    pub(crate) fn kind(&self) -> Kind {
        // INVARIANT: made of a kind, or checked by `of_stored`.
        kind_of(self.kind).unwrap_or(Kind::Catalogue)
    }

    pub(crate) const fn kind_number(&self) -> u32 {
        self.kind
    }

    /// In which part its entry stands.
    pub(super) fn part(&self) -> u32 {
        let mut bytes = self.kind.to_be_bytes().to_vec();
        bytes.extend_from_slice(self.id.as_bytes());
        u32::try_from(xxh3_128(&bytes) % u128::from(PARTS)).unwrap_or(0)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.id.as_str() {
            "" => f.write_str(self.kind().name()),
            id => write!(f, "{}/{id}", self.kind().name()),
        }
    }
}

/// The number of a kind, as stored and on the wire.
pub(crate) const fn number_of(kind: Kind) -> u32 {
    match kind {
        Kind::Catalogue => 1,
        Kind::Store => 2,
        Kind::Gift => 3,
        Kind::Promotion => 4,
        Kind::Distribution => 5,
    }
}

/// The way back.
pub(crate) fn kind_of(number: u32) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| number_of(*kind) == number)
}

/// The name of the head.
pub(super) fn head_name() -> Name {
    Name::of(&[SPACE, "head"])
}

/// The name of what is kept by its content.
pub(super) fn content_name(hash: u128) -> Name {
    Name::of(&[SPACE, "content", &format!("{hash:032x}")])
}

/// The hash of a revision that a page or the tail of a head names; `None`: it names no such number.
pub(super) fn nth(hashes: &[u8], at: u64) -> Option<u128> {
    let at = usize::try_from(at).ok()?;
    let (hashes, _) = hashes.as_chunks::<16>();
    hashes.get(at).map(|hash| u128::from_be_bytes(*hash))
}

/// A hash as stored; `None`: there is none.
pub(super) fn hash_of(bytes: &[u8]) -> Option<u128> {
    Some(u128::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_found_again_by_every_later_server() {
        let key = Key::new(Kind::Promotion, "flash-1");
        assert_eq!(key.to_string(), "promotion/flash-1");
        assert!(key.part() < PARTS && key.part() == Key::new(Kind::Promotion, "flash-1").part());
        assert_eq!(Key::new(Kind::Catalogue, "").to_string(), "catalogue");
        assert_eq!(head_name().to_string(), "catalogue/head");
        for kind in Kind::ALL {
            assert_eq!(kind_of(number_of(kind)), Some(kind));
        }
        assert_eq!(kind_of(6), None);
    }

    #[test]
    fn hashes_stand_one_behind_the_other() {
        let two = [1_u128.to_be_bytes(), 2_u128.to_be_bytes()].concat();
        assert_eq!([0, 1, 2].map(|at| nth(&two, at)), [Some(1), Some(2), None]);
        assert_eq!((hash_of(&[]), hash_of(&two[..16])), (None, Some(1)));
    }
}
