//! Which promotions hold right now? The folder of files, as the last revision of it that was without errors; or what the
//! store keeps, as its latest revision.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, watch};
use tokio::time::sleep;
use tokka_catalog::money::Currency;
use tokka_catalog::{CatalogueSettings, Problem, ProblemKind, Problems, Source, content_hash, load, read_folder};
use tokka_core::basket::Basket;
use tokka_core::promotion::Stage;
use tokka_core::rate::Rounding;
use tokka_core::rulebook::Rulebook;

use crate::coupons::Distributions;
use crate::error::ApiError;
use crate::error::operator::Refused;
use crate::frozen::Kept;

mod follow;

pub(crate) use follow::Watch;

/// A copy of many files is one change: it has ended when two readings, so far apart, are the same.
const QUIET: Duration = Duration::from_millis(50);
/// A folder that is still changing after so many readings waits for the next look.
const READINGS_MAX: usize = 20;

/// A revision that is in force elsewhere comes in within this time, or the caller is told to try again.
const REACH_MAX: Duration = Duration::from_secs(2);

/// What the folder came to. A quote names the revision that priced it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueState {
    /// What is served: the number of the revision in this process, from 1, and a part of the hash of its files, `7-2f0c61a9`.
    pub revision: String,
    /// How many promotions it has, of any status.
    pub promotions: usize,
    /// Why the files as they are now are not served; empty: they are.
    pub refused: Vec<String>,
}

/// The rulebook in force. It is swapped whole: a call that began with one ends with it.
#[derive(Debug)]
pub(crate) struct Catalogue {
    /// `None`: the store keeps it.
    folder: Option<PathBuf>,
    current: ArcSwap<Published>,
    state: watch::Sender<CatalogueState>,
    /// The newest revision of the store that somebody met.
    wanted: watch::Sender<u64>,
    /// Promotions of the store that are in no revision in force: drafts, and what was archived.
    out_of_force: ArcSwap<OutOfForce>,
    /// What the last look at the folder refused. Its lock also makes looks follow one another.
    refused: Mutex<Option<Seen>>,
}

/// Promotions by id, with the stage that they would be of.
pub(crate) type OutOfForce = HashMap<String, Stage>;

/// A revision in force.
#[derive(Debug)]
pub(crate) struct Published {
    /// Its name, as quotes carry it.
    pub(crate) revision: String,
    /// What it prices by.
    pub(crate) rulebook: Rulebook,
    /// What holds for all its promotions and reservations.
    pub(crate) settings: CatalogueSettings,
    /// What of it the ledger keeps for the orders that it priced.
    pub(crate) kept: Kept,
    /// How its coupons are handed out.
    pub(crate) coupons: Distributions,
    /// In this process, or, where the store keeps the catalogue, everywhere.
    pub(crate) number: u64,
    /// What a hold is priced on, as the ledger admits it: the number of the store's revision. 0: files have no common order,
    /// each instance sells what its own folder says.
    pub(crate) admission: u64,
    /// Nothing was ever published, so that there is nothing to price with.
    is_empty: bool,
    hash: u128,
}

/// One reading of the folder, to be told from another. Files that were refused are not reported again at every look.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// The hash of all texts.
    Texts(u128),
    /// They could not even be read.
    Unreadable(Problems),
}

/// What a look at the folder changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Looked {
    /// Nothing.
    Same,
    /// There is a new revision.
    Swapped,
    /// The files have errors; the old revision stays.
    Refused,
}

impl Catalogue {
    /// Reads the folder for the first time.
    ///
    /// # Errors
    /// Everything that is wrong with its files.
    pub(crate) async fn open(folder: PathBuf) -> Result<Self, Problems> {
        let (hash, sources) = match read(&folder).await {
            (Seen::Texts(hash), sources) => (hash, sources),
            (Seen::Unreadable(problems), _) => return Err(problems),
        };
        let published = Published::new(1, hash, compile(sources).await?);
        tracing::info!(revision = published.revision, promotions = published.state().promotions, "catalogue loaded");
        Ok(Self::of(Some(folder), published))
    }

    /// One that the store keeps, before it was read: nothing can be priced.
    pub(crate) fn stored() -> Self {
        Self::of(None, Published::nothing())
    }

    fn of(folder: Option<PathBuf>, published: Published) -> Self {
        let state = watch::Sender::new(published.state());
        let wanted = watch::Sender::new(0);
        let current = ArcSwap::from_pointee(published);
        Self { folder, current, state, wanted, out_of_force: ArcSwap::default(), refused: Mutex::new(None) }
    }

    /// Takes note of what the store knows and does not have in force.
    pub(crate) fn note_out_of_force(&self, promotions: OutOfForce) {
        self.out_of_force.store(Arc::new(promotions));
    }

    /// The basket, with what is known of the promotions that it names.
    pub(crate) fn told(&self, basket: Basket) -> Basket {
        let known = self.out_of_force.load();
        if known.is_empty() { basket } else { basket.knowing(|id| known.get(id).copied()) }
    }

    /// Swaps a revision of the store in.
    pub(crate) fn put_in_force(&self, next: Published) {
        tracing::info!(revision = next.revision, "catalogue in force");
        let state = next.state();
        // First in force, then announced: who hears of a revision is priced by it.
        self.current.store(Arc::new(next));
        self.state.send_replace(state);
    }

    /// The newest revision of the store that somebody met, to be waited for.
    pub(crate) fn wanted(&self) -> watch::Receiver<u64> {
        self.wanted.subscribe()
    }

    /// Waits until this revision of the store, or a newer one, is in force here; a while at most, so that a store that does
    /// not answer costs a refusal and no hanging call.
    pub(crate) async fn reach(&self, number: u64) {
        let mut state = self.state.subscribe();
        self.wanted.send_if_modified(|wanted| {
            let newer = number > *wanted;
            *wanted = number.max(*wanted);
            newer
        });
        let reached = async { while self.current().number < number && state.changed().await.is_ok() {} };
        if tokio::time::timeout(REACH_MAX, reached).await.is_err() {
            tracing::warn!(number, "a newer revision of the catalogue is in force and does not come in");
        }
    }

    /// The revision in force.
    pub(crate) fn current(&self) -> Arc<Published> {
        self.current.load_full()
    }

    /// What the folder came to, now and after each look that changed it.
    pub(crate) fn state(&self) -> watch::Receiver<CatalogueState> {
        self.state.subscribe()
    }

    /// Looks at the folder again. Other texts than before are the next revision, all or nothing: with an error anywhere
    /// the old one stays, and the log and the state say why.
    pub(crate) async fn look(&self) -> Looked {
        let Some(folder) = &self.folder else { return Looked::Same };
        let mut refused = self.refused.lock().await;
        let in_force = Seen::Texts(self.current().hash);
        let known = |seen: &Seen| *seen == in_force || refused.as_ref() == Some(seen);
        let Some((seen, sources)) = settled(known, QUIET, || read(folder)).await else { return Looked::Same };
        if refused.as_ref() == Some(&seen) {
            return Looked::Same;
        }
        let hash = match &seen {
            Seen::Texts(hash) => *hash,
            Seen::Unreadable(problems) => return self.refuse(&mut refused, seen.clone(), problems),
        };
        let current = self.current();
        if hash == current.hash {
            if refused.take().is_some() {
                tracing::info!(revision = current.revision, "catalogue is as before its errors");
                self.state.send_replace(current.state());
            }
            return Looked::Same;
        }
        let compiled = match compile(sources).await {
            Ok(compiled) => compiled,
            Err(problems) => return self.refuse(&mut refused, seen, &problems),
        };
        let next = Published::new(current.number.saturating_add(1), hash, compiled);
        *refused = None;
        tracing::info!(revision = next.revision, before = current.revision, "catalogue reloaded");
        let state = next.state();
        // First in force, then announced: who hears of a revision is priced by it.
        self.current.store(Arc::new(next));
        self.state.send_replace(state);
        Looked::Swapped
    }

    fn refuse(&self, refused: &mut Option<Seen>, why: Seen, problems: &Problems) -> Looked {
        *refused = Some(why);
        let kept = &self.current().revision;
        tracing::error!(kept, problems = problems.len(), "catalogue has errors, the old revision stays");
        for problem in problems {
            tracing::error!(%problem, "catalogue error");
        }
        self.state.send_modify(|state| state.refused = problems.into_iter().map(Problem::to_string).collect());
        Looked::Refused
    }
}

impl Published {
    fn new(number: u64, hash: u128, (settings, rulebook, coupons): Compiled) -> Self {
        let revision = Revision { number, hash }.to_string();
        let of_files = Self::of_store(number, (settings, rulebook, coupons));
        Self { revision, admission: 0, hash, ..of_files }
    }

    /// A revision of the store; quotes name its number.
    pub(crate) fn of_store(number: u64, (settings, rulebook, coupons): Compiled) -> Self {
        let (revision, kept) = (number.to_string(), Kept::default());
        Self { revision, rulebook, settings, kept, coupons, number, admission: number, is_empty: false, hash: 0 }
    }

    /// Before anything was ever published.
    fn nothing() -> Self {
        let zone = jiff::tz::TimeZone::UTC;
        let settings = CatalogueSettings::of(Currency::NONE, Rounding::default(), zone);
        let rulebook = Rulebook::compile(tokka_core::catalogue::Catalogue::empty(settings.pricing.clone()));
        Self { is_empty: true, ..Self::of_store(0, (settings, rulebook, Distributions::default())) }
    }

    /// Is there anything to price with?
    ///
    /// # Errors
    /// `NO_CATALOGUE`.
    pub(crate) fn ready(&self) -> Result<(), ApiError> {
        if self.is_empty { Err(Refused::NoCatalogue.into()) } else { Ok(()) }
    }

    fn state(&self) -> CatalogueState {
        let promotions = self.rulebook.promotions().len();
        CatalogueState { revision: self.revision.clone(), promotions, refused: Vec::new() }
    }
}

/// The number orders revisions within this process; the hash tells instances with the same files by the same end.
struct Revision {
    number: u64,
    hash: u128,
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{:08x}", self.number, self.hash >> 96)
    }
}

/// What lies in the folder once it holds still: two readings in a row are the same, or the first is known already.
/// `None` if it goes on changing.
async fn settled<T, Reading>(
    known: impl Fn(&Seen) -> bool,
    quiet: Duration,
    mut read: impl FnMut() -> Reading,
) -> Option<(Seen, T)>
where
    Reading: Future<Output = (Seen, T)>,
{
    let mut last = read().await;
    for _ in 1..READINGS_MAX {
        if known(&last.0) {
            return Some(last);
        }
        sleep(quiet).await;
        let next = read().await;
        if next.0 == last.0 {
            return Some(next);
        }
        last = next;
    }
    None
}

/// One reading, with its texts where there are any.
async fn read(folder: &Path) -> (Seen, Vec<Source>) {
    let folder = folder.to_owned();
    match apart(move || read_folder(&folder)).await {
        Ok(sources) => (Seen::Texts(content_hash(&sources)), sources),
        Err(problems) => (Seen::Unreadable(problems), Vec::new()),
    }
}

/// The settings, the rulebook, and how coupons are handed out.
type Compiled = (CatalogueSettings, Rulebook, Distributions);

/// A large catalogue takes seconds: not on the threads that answer calls.
async fn compile(sources: Vec<Source>) -> Result<Compiled, Problems> {
    apart(move || {
        let loaded = load(&sources)?;
        let coupons = Distributions::new(loaded.distributions);
        Ok((loaded.settings, Rulebook::compile(loaded.catalogue), coupons))
    })
    .await
}

/// Runs work on a thread of its own; a panic there is one more problem of the files, and the old revision stays.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, Problems> + Send + 'static) -> Result<T, Problems> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failure) => {
            let message = format!("reading it failed: {failure}");
            Err(Problems::from(Problem::of_all(ProblemKind::Rule, message, "this is a bug of tokka, please report it")))
        }
    }
}

#[cfg(test)]
mod tests;
