//! Under which rules was an order priced? Its promotions, stores and gifts are kept by content hash before it is held,
//! so that a refund years later prices as the order was priced, whatever the catalogue says by then.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde_json::Value as Json;
use tokka_catalog::load::Assembly;
use tokka_catalog::{Source, encode};
use tokka_core::basket::Basket;
use tokka_core::prepare::Prepared;
use tokka_core::promotion::{Owner, Rule};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::{GiftIx, PromoIx};
use tokka_ledger::name::Name;
use tokka_ledger::{Ledger, LedgerError};
use xxhash_rust::xxh3::xxh3_128;

use crate::error::ApiError;
use crate::payload::Stored;

/// Rulebooks of stored orders that are kept compiled: orders of one sale share theirs.
const COMPILED_MAX: usize = 256;
const HASH_BYTES: usize = 16;

/// The documents of one revision that the ledger is known to keep, by what they are in its rulebook.
#[derive(Debug, Default)]
pub(crate) struct Kept(RwLock<HashMap<Part, u128>>);

/// A document that an order depends on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Part {
    Settings,
    Promotion(PromoIx),
    Gift(GiftIx),
    Store(String),
}

/// Keeps what an order depends on, and answers the hashes of it, 16 bytes each. Each document is written once a
/// revision of this process; one that the ledger has already stays as it is.
pub(crate) async fn freeze(
    ledger: &dyn Ledger,
    kept: &Kept,
    rulebook: &Rulebook,
    basket: &Basket,
    prepared: &Prepared<'_>,
) -> Result<Vec<u8>, LedgerError> {
    let mut hashes = Vec::new();
    let mut missing = Vec::new();
    {
        let known = kept.0.read().unwrap_or_else(PoisonError::into_inner);
        for part in parts(rulebook, basket, &prepared.promotions()) {
            let Some(hash) = known.get(&part).copied() else {
                missing.push(part);
                continue;
            };
            hashes.extend_from_slice(&hash.to_be_bytes());
        }
    }
    if !missing.is_empty() {
        // Boxed: it is rare.
        hashes.extend(Box::pin(write(ledger, kept, rulebook, missing)).await?);
    }
    // Equal sets are equal bytes, so that they share a compiled rulebook.
    let (chunks, _) = hashes.as_chunks_mut::<HASH_BYTES>();
    chunks.sort_unstable();
    Ok(hashes)
}

/// Writes documents that are not known to be kept, and answers their hashes.
async fn write(ledger: &dyn Ledger, kept: &Kept, rulebook: &Rulebook, missing: Vec<Part>) -> Result<Vec<u8>, LedgerError> {
    let written = missing.iter().filter_map(|part| Some((part, document(rulebook, part)?)));
    let puts = written.map(|(part, document)| async move {
        let text = encode::canonical(&document);
        let hash = xxh3_128(text.as_bytes());
        // `Moved`: it is there already, and equal, since its name is its content.
        ledger.put(&name(hash), 0, text.into_bytes()).await.map(|_| (part.clone(), hash))
    });
    let puts = futures_util::future::try_join_all(puts).await?;
    let mut known = kept.0.write().unwrap_or_else(PoisonError::into_inner);
    let mut hashes = Vec::new();
    for (part, hash) in puts {
        hashes.extend_from_slice(&hash.to_be_bytes());
        known.insert(part, hash);
    }
    Ok(hashes)
}

/// What a price and its refunds may look at: the promotions, what they give, who owns them, and who sells.
fn parts(rulebook: &Rulebook, basket: &Basket, promotions: &[PromoIx]) -> Vec<Part> {
    let mut stores: BTreeSet<&str> = basket.lines().iter().map(|line| line.store.as_str()).collect();
    let mut gifts: BTreeSet<GiftIx> = BTreeSet::new();
    for ix in promotions {
        let promotion = rulebook.promotions().at(*ix);
        if let Owner::Store(store) = &promotion.owner {
            stores.insert(store.as_str());
        }
        if let Rule::Spend(spend) = &promotion.rule {
            let options = spend.tiers.iter().flat_map(|tier| &tier.gifts).flat_map(|reward| &reward.options);
            gifts.extend(options.filter_map(|id| rulebook.find_gift(id)));
        }
    }
    let stores = stores.into_iter().filter(|store| rulebook.store(store).is_some());
    let mut parts = vec![Part::Settings];
    parts.extend(promotions.iter().copied().map(Part::Promotion));
    parts.extend(gifts.into_iter().map(Part::Gift));
    parts.extend(stores.map(|store| Part::Store(store.to_owned())));
    parts
}

fn document(rulebook: &Rulebook, part: &Part) -> Option<Json> {
    let settings = rulebook.settings();
    Some(match part {
        Part::Settings => encode::settings(settings),
        Part::Promotion(ix) => encode::promotion(rulebook.promotions().at(*ix), settings),
        Part::Gift(ix) => encode::gift(rulebook.gifts().at(*ix), settings),
        Part::Store(id) => encode::store(rulebook.store(id)?, settings),
    })
}

/// The documents that a stored order depends on.
pub(crate) fn of_order(stored: &Stored) -> Vec<Name> {
    let (hashes, _) = stored.frozen.as_chunks::<HASH_BYTES>();
    hashes.iter().map(|hash| name(u128::from_be_bytes(*hash))).collect()
}

fn name(hash: u128) -> Name {
    Name::of(&["frozen", &format!("{hash:032x}")])
}

/// Rulebooks of stored orders, compiled when they are needed.
#[derive(Default)]
pub(crate) struct Thawed(Mutex<Compiled>);

#[derive(Default)]
struct Compiled {
    by_set: HashMap<Vec<u8>, Arc<Rulebook>>,
    /// The oldest first.
    order: VecDeque<Vec<u8>>,
}

impl fmt::Debug for Thawed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Thawed")
    }
}

impl Thawed {
    /// The rulebook of a set of documents.
    ///
    /// # Errors
    /// [`ApiError::Store`] where the store does not answer; a document that is missing or refused is a bug.
    pub(crate) async fn rulebook(&self, ledger: &dyn Ledger, set: &[u8]) -> Result<Arc<Rulebook>, ApiError> {
        if let Some(known) = self.lock().by_set.get(set) {
            return Ok(Arc::clone(known));
        }
        let rulebook = Arc::new(compile(ledger, set).await?);
        let mut compiled = self.lock();
        if compiled.by_set.insert(set.to_vec(), Arc::clone(&rulebook)).is_none() {
            compiled.order.push_back(set.to_vec());
        }
        while compiled.order.len() > COMPILED_MAX {
            if let Some(oldest) = compiled.order.pop_front() {
                compiled.by_set.remove(&oldest);
            }
        }
        Ok(rulebook)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Compiled> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn compile(ledger: &dyn Ledger, set: &[u8]) -> Result<Rulebook, ApiError> {
    let (hashes, _) = set.as_chunks::<HASH_BYTES>();
    let mut sources = Vec::with_capacity(hashes.len());
    for hash in hashes {
        let name = name(u128::from_be_bytes(*hash));
        let document = ledger.document(&name).await?;
        let document = document.ok_or_else(|| ApiError::Bug(format!("document {name} of a stored order is gone")))?;
        let source = Source::from_bytes(name.to_string(), document.bytes);
        sources.push(source.map_err(|problem| ApiError::Bug(format!("a frozen document: {problem}")))?);
    }
    // A store that a scope or a funding names, and that neither owns nor sells anything here, needs no more than its id.
    let implied = Source { name: "implied".to_owned(), text: String::new() };
    let mut assembly = Assembly::new(&sources);
    assembly.find_settings();
    assembly.read_documents();
    assembly.imply_stores(&implied, 0, []);
    match assembly.finish() {
        Ok(loaded) => Ok(Rulebook::compile(loaded.catalogue)),
        Err(problems) => Err(ApiError::Bug(format!("the documents of a stored order are refused: {problems}"))),
    }
}
