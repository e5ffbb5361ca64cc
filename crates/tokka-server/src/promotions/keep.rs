//! How does a catalogue come out of the store, and how does it get in? Only what differs is read and written, many at a
//! time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use prost::Message;
use tokka_catalog::{CatalogueSettings, DocumentValue, Kind, Source, read_apart};
use tokka_ledger::model::Put;
use tokka_ledger::{Ledger, LedgerError};
use xxhash_rust::xxh3::xxh3_128;

use super::state::{Doc, Entry, Live, Stand, State};
use super::stored::{self, Head, Key, Part, Revision, StoredEntry, Tree, hash_of};
use crate::error::ApiError;

/// Reads and writes that are on their way at once.
const AT_ONCE: usize = 64;

/// The head with its version; both are those of an empty store where there is none.
pub(super) async fn head(ledger: &dyn Ledger) -> Result<(u64, Head), ApiError> {
    match ledger.document(&stored::head_name()).await? {
        Some(document) => Ok((document.version, Head::decode(&*document.bytes).map_err(damaged)?)),
        None => Ok((0, Head::default())),
    }
}

/// Moves the head; `None`: somebody else was quicker.
pub(super) async fn put_head(ledger: &dyn Ledger, version: u64, head: &Head) -> Result<Option<u64>, LedgerError> {
    match ledger.put(&stored::head_name(), version, head.encode_to_vec()).await? {
        Put::Done(version) => Ok(Some(version)),
        Put::Moved(_) => Ok(None),
    }
}

/// What a head says, with all that `known` has of it.
pub(super) async fn state(ledger: &dyn Ledger, head: &Head, known: &State) -> Result<State, ApiError> {
    let tree = tree(ledger, &head.tree).await?;
    let mut next = State { sequence: head.sequence, number: head.number, entries: known.entries.clone(), parts: tree };
    let other: BTreeSet<u32> = differing(&known.parts, &next.parts).collect();
    if other.is_empty() {
        return Ok(next);
    }
    next.entries.retain(|key, _| !other.contains(&key.part()));
    let parts = all(other.iter().filter_map(|part| next.parts.get(part)).copied(), |hash| part(ledger, hash)).await?;
    let entries: Vec<StoredEntry> = parts.into_iter().flat_map(|part| part.entries).collect();
    let docs = docs(ledger, &entries, known).await?;
    for entry in &entries {
        let Some(key) = Key::of_stored(entry) else { return Err(newer()) };
        next.entries.insert(key, Arc::new(entry_of(entry, &docs)?));
    }
    Ok(next)
}

/// What of two states' live entries differs: as it was in the tree `before`, and in the tree `after`.
pub(super) async fn differences(
    ledger: &dyn Ledger,
    before: &BTreeMap<u32, u128>,
    after: &BTreeMap<u32, u128>,
    known: &State,
) -> Result<Vec<(Key, Option<Live>, Option<Live>)>, ApiError> {
    let other: Vec<u32> = differing(before, after).collect();
    let of = |parts: &BTreeMap<u32, u128>| other.iter().filter_map(|part| parts.get(part)).copied().collect::<Vec<u128>>();
    let (before, after) = (of(before), of(after));
    let before = all(before, |hash| part(ledger, hash)).await?;
    let after = all(after, |hash| part(ledger, hash)).await?;
    // The same key on both sides; what is the same on both is not read.
    type Both = BTreeMap<Key, (Option<StoredEntry>, Option<StoredEntry>)>;
    let mut both = Both::new();
    for entry in before.into_iter().flat_map(|part| part.entries) {
        let key = Key::of_stored(&entry).ok_or_else(newer)?;
        both.entry(key).or_default().0 = Some(entry);
    }
    for entry in after.into_iter().flat_map(|part| part.entries) {
        let key = Key::of_stored(&entry).ok_or_else(newer)?;
        both.entry(key).or_default().1 = Some(entry);
    }
    let says =
        |entry: &Option<StoredEntry>| entry.as_ref().map(|entry| (entry.live.clone(), entry.stand)).filter(|live| live.1 > 0);
    both.retain(|_, (before, after)| says(before) != says(after));
    let entries: Vec<StoredEntry> = both.values().flat_map(|(before, after)| [before, after]).flatten().cloned().collect();
    let docs = docs(ledger, &entries, known).await?;
    let live = |entry: Option<StoredEntry>| {
        Ok::<_, ApiError>(entry.map(|entry| entry_of(&entry, &docs)).transpose()?.and_then(|e| e.live))
    };
    both.into_iter().map(|(key, (before, after))| Ok((key, live(before)?, live(after)?))).collect()
}

/// One entry of a tree; `None`: it is not there.
pub(super) async fn entry(
    ledger: &dyn Ledger,
    parts: &BTreeMap<u32, u128>,
    key: &Key,
    known: &State,
) -> Result<Option<Entry>, ApiError> {
    let Some(hash) = parts.get(&key.part()) else { return Ok(None) };
    let part = part(ledger, *hash).await?;
    let Some(entry) = part.entries.into_iter().find(|entry| Key::of_stored(entry).as_ref() == Some(key)) else {
        return Ok(None);
    };
    let docs = docs(ledger, std::slice::from_ref(&entry), known).await?;
    entry_of(&entry, &docs).map(Some)
}

/// The parts of a tree, by index.
pub(super) async fn tree(ledger: &dyn Ledger, hash: &[u8]) -> Result<BTreeMap<u32, u128>, ApiError> {
    let Some(hash) = hash_of(hash) else { return Ok(BTreeMap::new()) };
    let tree = Tree::decode(&*content(ledger, hash).await?).map_err(damaged)?;
    let parts = tree.parts.into_iter().map(|(part, hash)| Some((part, hash_of(&hash)?)));
    parts.collect::<Option<_>>().ok_or_else(newer)
}

/// A revision by its number; `None`: there is none such.
pub(super) async fn revision(ledger: &dyn Ledger, head: &Head, number: u64) -> Result<Option<Revision>, ApiError> {
    let Some(before) = number.checked_sub(1).filter(|_| number <= head.number) else { return Ok(None) };
    let (page, at) = (before / stored::PAGE, before % stored::PAGE);
    let hash = match stored::nth(&head.pages, page) {
        Some(page) => stored::nth(&content(ledger, page).await?, at),
        None => stored::nth(&head.tail, at),
    };
    match hash {
        Some(hash) => Ok(Some(Revision::decode(&*content(ledger, hash).await?).map_err(damaged)?)),
        None => Err(newer()),
    }
}

/// Several revisions, in the order of their numbers as given.
pub(super) async fn revisions(ledger: &dyn Ledger, head: &Head, numbers: Vec<u64>) -> Result<Vec<Revision>, ApiError> {
    let read = all(numbers, |number| revision(ledger, head, number)).await?;
    Ok(read.into_iter().flatten().collect())
}

/// Writes what is kept by its content; what is there already stays.
pub(super) async fn put_contents(ledger: &dyn Ledger, contents: Vec<(u128, Vec<u8>)>) -> Result<(), LedgerError> {
    let puts = stream::iter(
        contents.into_iter().map(|(hash, bytes)| async move { ledger.put(&stored::content_name(hash), 0, bytes).await }),
    );
    puts.buffer_unordered(AT_ONCE).try_for_each(|_| std::future::ready(Ok(()))).await
}

/// A message with the hash that it is kept by.
pub(super) fn contents(message: &impl Message) -> (u128, Vec<u8>) {
    let bytes = message.encode_to_vec();
    (xxh3_128(&bytes), bytes)
}

/// Indices of parts that two trees have otherwise.
fn differing(a: &BTreeMap<u32, u128>, b: &BTreeMap<u32, u128>) -> impl Iterator<Item = u32> {
    (0..stored::PARTS).filter(move |part| a.get(part) != b.get(part))
}

async fn part(ledger: &dyn Ledger, hash: u128) -> Result<Part, ApiError> {
    Part::decode(&*content(ledger, hash).await?).map_err(damaged)
}

async fn content(ledger: &dyn Ledger, hash: u128) -> Result<Vec<u8>, ApiError> {
    let document = ledger.document(&stored::content_name(hash)).await?;
    let bytes = document.map(|document| document.bytes);
    bytes.ok_or_else(|| ApiError::Bug(format!("the store does not have `{}` of the catalogue", stored::content_name(hash))))
}

/// The documents that entries name: those that are known, and the others read.
async fn docs(ledger: &dyn Ledger, entries: &[StoredEntry], known: &State) -> Result<HashMap<u128, Arc<Doc>>, ApiError> {
    let mut docs: HashMap<u128, Arc<Doc>> = HashMap::new();
    let mut missing: BTreeMap<u128, bool> = BTreeMap::new();
    for entry in entries {
        let of = Key::of_stored(entry).and_then(|key| known.entries.get(&key));
        let of = of.into_iter().flat_map(|entry| entry.live.iter().map(|live| &live.doc).chain(&entry.draft));
        docs.extend(of.map(|doc| (doc.hash, Arc::clone(doc))));
    }
    for entry in entries {
        for hash in [&entry.live, &entry.draft].into_iter().filter_map(|hash| hash_of(hash)) {
            if !docs.contains_key(&hash) {
                missing.insert(hash, entry.kind == stored::number_of(Kind::Catalogue));
            }
        }
    }
    if missing.is_empty() {
        return Ok(docs);
    }
    // The settings first: they say how many decimals the amounts of all others have.
    let (settings, others): (Vec<_>, Vec<_>) = missing.into_iter().partition(|(_, settings)| *settings);
    for group in [settings, others] {
        let known = known.settings();
        let own = docs.values().find_map(|doc| match &doc.value {
            DocumentValue::Catalogue(settings) => Some((**settings).clone()),
            _ => None,
        });
        let settings = own.or_else(|| known.cloned());
        let texts =
            all(group.into_iter().map(|(hash, _)| hash), |hash| async move { Ok((hash, content(ledger, hash).await?)) }).await?;
        // Reading ten thousand documents takes a while: not on the threads that answer calls.
        let read = tokio::task::spawn_blocking(move || read_all(texts, settings.as_ref()));
        docs.extend(read.await.map_err(|failure| ApiError::Bug(failure.to_string()))??);
    }
    Ok(docs)
}

fn read_all(texts: Vec<(u128, Vec<u8>)>, settings: Option<&CatalogueSettings>) -> Result<Vec<(u128, Arc<Doc>)>, ApiError> {
    let mut docs = Vec::with_capacity(texts.len());
    for (hash, bytes) in texts {
        let source = Source::from_bytes(format!("{hash:032x}"), bytes);
        let source = source.map_err(|problem| ApiError::Bug(format!("a document of the catalogue: {problem}")))?;
        let read = read_apart(std::slice::from_ref(&source), settings);
        let read = read.map_err(|problems| ApiError::Bug(format!("a document of the catalogue is refused: {problems}")))?;
        let (value, _) = read.into_iter().next().ok_or_else(newer)?;
        // As it is kept, whatever this version would write for it: its name is its content.
        docs.push((hash, Arc::new(Doc { hash, text: source.text, value })));
    }
    Ok(docs)
}

fn entry_of(entry: &StoredEntry, docs: &HashMap<u128, Arc<Doc>>) -> Result<Entry, ApiError> {
    let doc = |hash: &[u8]| hash_of(hash).map(|hash| docs.get(&hash).cloned().ok_or_else(newer)).transpose();
    let live = match doc(&entry.live)? {
        Some(doc) => Some(Live { doc, stand: Stand::of_number(entry.stand).ok_or_else(newer)? }),
        None => None,
    };
    let StoredEntry { sequence, revision, changed, .. } = *entry;
    Ok(Entry { live, draft: doc(&entry.draft)?, sequence, revision, changed })
}

async fn all<I, T, F>(of: impl IntoIterator<Item = I>, read: impl Fn(I) -> F) -> Result<Vec<T>, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    let of: Vec<F> = of.into_iter().map(read).collect();
    stream::iter(of).buffered(AT_ONCE).try_collect().await
}

fn damaged(error: prost::DecodeError) -> ApiError {
    ApiError::Bug(format!("the stored catalogue cannot be read: {error}"))
}

fn newer() -> ApiError {
    ApiError::Bug("the stored catalogue has what this version does not know".to_owned())
}
