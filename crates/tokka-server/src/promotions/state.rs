//! What does the catalogue hold at one moment? Every document with its draft and where it stands; immutable, so that whoever
//! looks at it sees one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokka_catalog::{CatalogueSettings, DocumentValue, Kind, Loaded, Problems, Source, encode, put_together};
use tokka_core::promotion::Status;
use tokka_ledger::model::Millis;
use xxhash_rust::xxh3::xxh3_128;

use super::stored::{Key, Part, StoredEntry};
use crate::catalogue::OutOfForce;

/// A document, read.
#[derive(Debug)]
pub(crate) struct Doc {
    /// Over its text: what it is kept by.
    pub(crate) hash: u128,
    /// The one form of it, without a status.
    pub(crate) text: String,
    /// What it says.
    pub(crate) value: DocumentValue,
}

impl Doc {
    /// A document in its one form.
    pub(crate) fn new(value: DocumentValue, settings: &CatalogueSettings) -> Self {
        let mut json = encode::document(&value, settings);
        if let Some(fields) = json.as_object_mut() {
            // Where it stands is no part of what it says.
            fields.remove("status");
        }
        let text = encode::canonical(&json);
        Self { hash: xxh3_128(text.as_bytes()), text, value }
    }

    pub(crate) fn key(&self) -> Key {
        Key::new(self.value.kind(), self.value.id())
    }
}

/// Where a document stands that is, or was, in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stand {
    Published,
    Paused,
    Archived,
}

impl Stand {
    pub(super) const fn number(self) -> u32 {
        match self {
            Self::Published => 1,
            Self::Paused => 2,
            Self::Archived => 3,
        }
    }

    pub(super) fn of_number(number: u32) -> Option<Self> {
        [Self::Published, Self::Paused, Self::Archived].into_iter().find(|stand| stand.number() == number)
    }

    const fn status(self) -> Status {
        match self {
            Self::Published => Status::Published,
            Self::Paused => Status::Paused,
            Self::Archived => Status::Archived,
        }
    }
}

/// What is in force of a document, or was last.
#[derive(Debug, Clone)]
pub(crate) struct Live {
    pub(crate) doc: Arc<Doc>,
    pub(crate) stand: Stand,
}

impl Live {
    pub(crate) fn is(&self, doc: &Doc, stand: Stand) -> bool {
        self.doc.hash == doc.hash && self.stand == stand
    }
}

/// A document with its draft. At least one of both is there.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) live: Option<Live>,
    pub(crate) draft: Option<Arc<Doc>>,
    pub(crate) sequence: u64,
    pub(crate) revision: u64,
    pub(crate) changed: Millis,
}

impl Entry {
    /// Stands for all of it, and for no earlier or later state of it.
    pub(crate) fn etag(&self) -> String {
        let stored = StoredEntry { kind: 0, id: String::new(), ..self.stored(None) };
        let hash = xxh3_128(&prost::Message::encode_to_vec(&stored));
        format!("{:x}-{:08x}", self.sequence, hash >> 96)
    }

    /// The document that stands for it: what is in force, or else the draft.
    pub(crate) fn shown(&self) -> Option<&Arc<Doc>> {
        self.live.as_ref().map(|live| &live.doc).or(self.draft.as_ref())
    }

    fn stored(&self, key: Option<&Key>) -> StoredEntry {
        let hash = |doc: Option<&Arc<Doc>>| doc.map(|doc| doc.hash.to_be_bytes().to_vec()).unwrap_or_default();
        StoredEntry {
            kind: key.map_or(0, Key::kind_number),
            id: key.map(|key| key.id.clone()).unwrap_or_default(),
            live: hash(self.live.as_ref().map(|live| &live.doc)),
            stand: self.live.as_ref().map_or(0, |live| live.stand.number()),
            draft: hash(self.draft.as_ref()),
            sequence: self.sequence,
            revision: self.revision,
            changed: self.changed,
        }
    }
}

/// All of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct State {
    /// One more with each change, drafts too.
    pub(crate) sequence: u64,
    /// The revision in force; 0: none.
    pub(crate) number: u64,
    pub(crate) entries: BTreeMap<Key, Arc<Entry>>,
    /// The hashes of its parts, by index.
    pub(crate) parts: BTreeMap<u32, u128>,
}

impl State {
    pub(crate) fn get(&self, kind: Kind, id: &str) -> Option<&Arc<Entry>> {
        self.entries.get(&Key::new(kind, id))
    }

    /// What holds for the whole catalogue; `None` before there is any.
    pub(crate) fn settings(&self) -> Option<&CatalogueSettings> {
        match &self.get(Kind::Catalogue, "")?.live.as_ref()?.doc.value {
            DocumentValue::Catalogue(settings) => Some(settings),
            _ => None,
        }
    }

    /// Stands for all of it, drafts too.
    pub(crate) fn etag(&self) -> String {
        let hashes: Vec<u8> =
            self.parts.iter().flat_map(|(at, hash)| [u128::from(*at), *hash]).flat_map(u128::to_be_bytes).collect();
        format!("{:x}-{:08x}", self.sequence, xxh3_128(&hashes) >> 96)
    }

    /// The entries of one part, as stored.
    pub(super) fn part(&self, part: u32) -> Part {
        let of = self.entries.iter().filter(|(key, _)| key.part() == part);
        Part { entries: of.map(|(key, entry)| entry.stored(Some(key))).collect() }
    }

    /// Promotions that are not in force: drafts that never were, and what was archived.
    pub(crate) fn out_of_force(&self) -> OutOfForce {
        let mut promotions = OutOfForce::new();
        for entry in self.entries.values() {
            if entry.live.as_ref().is_none_or(|live| live.stand == Stand::Archived)
                && let Some(DocumentValue::Promotion(promotion)) = entry.shown().map(|doc| &doc.value)
            {
                promotions.insert(promotion.id.as_str().to_owned(), promotion.stage());
            }
        }
        promotions
    }

    /// What is in force, put together and checked: what is published and paused. Drafts and what is archived are not there.
    ///
    /// # Errors
    /// Every rule that it breaks, with documents called as [`Key`] shows them.
    pub(crate) fn in_force(&self) -> Result<Loaded, Problems> {
        let live = self.entries.iter().filter_map(|(key, entry)| Some((key, entry.live.as_ref()?)));
        put_in_force(live.filter(|(_, live)| live.stand != Stand::Archived))
    }
}

fn put_in_force<'s>(live: impl Iterator<Item = (&'s Key, &'s Live)>) -> Result<Loaded, Problems> {
    let (mut sources, mut values) = (Vec::new(), Vec::new());
    for (key, live) in live {
        sources.push(Source { name: key.to_string(), text: live.doc.text.clone() });
        let mut value = live.doc.value.clone();
        if let DocumentValue::Promotion(promotion) = &mut value {
            promotion.status = live.stand.status();
        }
        values.push(value);
    }
    put_together(&sources, values)
}
