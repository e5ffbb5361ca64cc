//! In which order do changes happen, and who hears of them? One head, moved by compare-and-set: a change that was overtaken
//! looks at the catalogue again and begins anew. Instances look at the head several times a second.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Mutex;
use tokka_catalog::{Loaded, Problems};
use tokka_core::rulebook::Rulebook;
use tokka_ledger::model::Millis;
use tokka_ledger::{Ledger, LedgerError};
use tokka_proto::v1;
use xxhash_rust::xxh3::xxh3_128;

use super::edit::{Asked, Edit, changes_live, plan};
use super::gate::{self, Terms};
use super::keep;
use super::state::{Entry, State};
use super::stored::{self, Head, Key, Recent, Revision};
use crate::catalogue::{Catalogue, Published};
use crate::coupons::Distributions;
use crate::error::ApiError;
use crate::error::operator::{Blocking, Refused};

/// Changes that are overtaken so often are `CONTENTION`.
const TRIES_MAX: usize = 8;
/// Documents that a revision names.
const NAMED_MAX: usize = 20;

/// The catalogue that the store keeps.
pub(crate) struct Line {
    pub(super) ledger: Arc<dyn Ledger>,
    catalogue: Arc<Catalogue>,
    now: ArcSwap<Known>,
    /// One change or look at a time in this process; others are told by the head.
    turn: Mutex<()>,
}

/// The store as this process saw it last.
#[derive(Debug, Default)]
pub(crate) struct Known {
    version: u64,
    pub(crate) head: Head,
    pub(crate) state: Arc<State>,
}

/// Who changes something, and why.
#[derive(Debug, Clone, Default)]
pub(crate) struct By {
    pub(crate) author: String,
    pub(crate) message: String,
    /// Hashes of the request id, and of all that is asked for.
    pub(crate) request: Option<(u128, u128)>,
}

/// What became of a change.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) before: Arc<State>,
    pub(crate) after: Arc<State>,
    /// Empty for a repetition.
    pub(crate) edit: Edit,
    /// The same call was carried out before, when this revision came into force; and whether the call made it.
    pub(crate) repeated: Option<(u64, bool)>,
    /// What is doubtful about what comes into force, at most [`gate::FINDINGS_MAX`], and whether any of it blocks.
    pub(crate) findings: Vec<v1::Finding>,
    pub(crate) blocked: bool,
}

impl Done {
    /// Nothing changed.
    fn nothing(state: &Arc<State>, edit: Edit, repeated: Option<(u64, bool)>) -> Self {
        let (before, after) = (Arc::clone(state), Arc::clone(state));
        Self { before, after, edit, repeated, findings: Vec::new(), blocked: false }
    }
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Line").field("number", &self.now.load().head.number).finish_non_exhaustive()
    }
}

impl Line {
    /// Reads what the store has.
    ///
    /// # Errors
    /// The store does not answer, or what it keeps is not readable.
    pub(crate) async fn open(ledger: Arc<dyn Ledger>, catalogue: Arc<Catalogue>) -> Result<Self, ApiError> {
        let line = Self { ledger, catalogue, now: ArcSwap::from_pointee(Known::default()), turn: Mutex::new(()) };
        line.look().await?;
        Ok(line)
    }

    /// The store as this process saw it last.
    pub(crate) fn now(&self) -> Arc<Known> {
        self.now.load_full()
    }

    /// Looks at the head, for ever: so often, and whenever somebody met a newer revision.
    pub(crate) async fn follow(self: Arc<Self>, poll: Duration) {
        let mut wanted = self.catalogue.wanted();
        let mut failed = false;
        loop {
            tokio::select! {
                () = tokio::time::sleep(poll) => {}
                // The catalogue is there as long as this is.
                _ = wanted.changed() => {}
            }
            match self.look().await {
                Ok(()) => failed = false,
                Err(error) if !failed => {
                    failed = true;
                    tracing::warn!(?error, "the catalogue in the store cannot be looked at, the old revision stays");
                }
                Err(_) => {}
            }
        }
    }

    /// Takes what others changed.
    pub(crate) async fn look(&self) -> Result<(), ApiError> {
        let _turn = self.turn.lock().await;
        self.catch_up().await
    }

    async fn catch_up(&self) -> Result<(), ApiError> {
        let known = self.now();
        let (version, head) = keep::head(&*self.ledger).await?;
        if version == known.version {
            return Ok(());
        }
        let state = Arc::new(keep::state(&*self.ledger, &head, &known.state).await?);
        if head.number > self.catalogue.current().number {
            let built = build(Arc::clone(&state)).await?;
            let published = built.map_err(|problems| ApiError::Bug(format!("the stored catalogue is refused: {problems}")))?;
            // Whoever made it may have gone before it said so.
            self.ledger.admit(head.number).await?;
            self.know(Known { version, head, state }, Some(published));
        } else {
            self.know(Known { version, head, state }, None);
        }
        Ok(())
    }

    /// Changes the catalogue, or says what would change.
    ///
    /// # Errors
    /// Why not, or that the store does not answer.
    pub(crate) async fn change(&self, asked: Asked, by: By, terms: Terms) -> Result<Done, ApiError> {
        let _turn = self.turn.lock().await;
        // Only these have a place for what blocks.
        let told = terms.validate_only && matches!(asked, Asked::Move { .. } | Asked::Apply { .. });
        let (asked, terms) = (Arc::new(asked), Arc::new(terms));
        for _ in 0..TRIES_MAX {
            self.catch_up().await?;
            let known = self.now();
            if let Some(done) = self.repeated(&known, &by).await? {
                return Ok(done);
            }
            let planned = {
                let (state, asked) = (Arc::clone(&known.state), Arc::clone(&asked));
                tokio::task::spawn_blocking(move || plan(&state, &asked))
            };
            let edit = planned.await.map_err(|failure| ApiError::Bug(failure.to_string()))??;
            if edit.entries.is_empty() {
                return Ok(Done::nothing(&known.state, edit, None));
            }
            let at = self.ledger.now().await?;
            let is_revision = edit.is_revision(&known.state);
            let after = Arc::new(next_state(&known.state, &edit, is_revision, at));
            let mut done = Done { after: Arc::clone(&after), ..Done::nothing(&known.state, edit, None) };
            let mut published = None;
            if is_revision {
                let asked = gate::Asked::by(&done.edit, &known.state);
                let built = checked(Arc::clone(&after), asked, Arc::clone(&terms), at).await?;
                let (mut found, built) = built?;
                done.blocked = found.blocks();
                if !told && let Some(refusal) = found.refusal() {
                    return Err(refusal);
                }
                found.findings.truncate(gate::FINDINGS_MAX);
                done.findings = found.findings;
                published = Some(built);
            }
            if terms.validate_only {
                return Ok(done);
            }
            let Some((version, head)) = self.write(&known, &done, &by, &terms, at).await? else { continue };
            let number = head.number;
            self.know(Known { version, head, state: after }, published);
            if is_revision {
                tracing::info!(revision = number, author = by.author, changes = done.edit.entries.len(), "catalogue published");
                self.admit(number).await?;
            }
            return Ok(done);
        }
        Err(ApiError::Contention)
    }

    /// Goes over to what the store has, and to the revision that it put in force.
    fn know(&self, known: Known, published: Option<Published>) {
        let out_of_force = known.state.out_of_force();
        if let Some(published) = published {
            // What leaves and what comes is known at every moment in between.
            let mut all = self.now.load().state.out_of_force();
            all.extend(out_of_force.clone());
            self.catalogue.note_out_of_force(all);
            self.catalogue.put_in_force(published);
        }
        self.catalogue.note_out_of_force(out_of_force);
        self.now.store(Arc::new(known));
    }

    /// From here on nothing is held on an older revision. It is published, whatever becomes of this.
    async fn admit(&self, number: u64) -> Result<(), ApiError> {
        match self.ledger.admit(number).await {
            Ok(_) => Ok(()),
            Err(LedgerError::Unavailable(why)) => Err(LedgerError::OutcomeUnknown(why).into()),
            Err(LedgerError::Overloaded) => Err(LedgerError::OutcomeUnknown("the store is overloaded".to_owned()).into()),
            Err(error) => Err(error.into()),
        }
    }

    async fn repeated(&self, known: &Known, by: &By) -> Result<Option<Done>, ApiError> {
        let Some((id, call)) = by.request else { return Ok(None) };
        let of = known.head.recent.iter().find(|recent| stored::hash_of(&recent.id) == Some(id));
        let Some(recent) = of else { return Ok(None) };
        if stored::hash_of(&recent.call) != Some(call) {
            return Err(ApiError::Taken { field: "change.request_id", id: "the request id".to_owned() });
        }
        // The first one may have ended in between.
        self.admit(known.head.number).await?;
        Ok(Some(Done::nothing(&known.state, Edit::default(), Some((recent.number, recent.made)))))
    }

    /// Writes contents, then the head; `None`: somebody else moved the head.
    async fn write(
        &self,
        known: &Known,
        done: &Done,
        by: &By,
        terms: &Terms,
        at: Millis,
    ) -> Result<Option<(u64, Head)>, ApiError> {
        let (before, after) = (&known.head, &done.after);
        let mut contents: Vec<(u128, Vec<u8>)> = Vec::new();
        for next in done.edit.entries.values().flatten() {
            let docs = next.live.iter().map(|live| &live.doc).chain(&next.draft);
            contents.extend(docs.map(|doc| (doc.hash, doc.text.clone().into_bytes())));
        }
        for (part, hash) in &after.parts {
            if done.before.parts.get(part) != Some(hash) {
                contents.push(keep::contents(&after.part(*part)));
            }
        }
        let parts = after.parts.iter().map(|(part, hash)| (*part, hash.to_be_bytes().to_vec())).collect();
        let tree = keep::contents(&stored::Tree { parts });
        let tree_hash = tree.0.to_be_bytes().to_vec();
        contents.push(tree);
        let mut head = Head { sequence: after.sequence, number: after.number, tree: tree_hash.clone(), ..before.clone() };
        let made = after.number != before.number;
        if made {
            let changed = done
                .edit
                .entries
                .iter()
                .filter(|(key, next)| changes_live(done.before.entries.get(*key).map(|entry| &**entry), next.as_ref()));
            let changed: Vec<&Key> = changed.map(|(key, _)| key).collect();
            let parent = before.tail.last_chunk::<16>().or_else(|| before.pages.last_chunk());
            let revision = keep::contents(&Revision {
                number: after.number,
                parent: parent.map(|hash| hash.to_vec()).unwrap_or_default(),
                author: by.author.clone(),
                at,
                message: by.message.clone(),
                tree: tree_hash,
                changes: u64::try_from(changed.len()).unwrap_or(u64::MAX),
                changed: changed.iter().take(NAMED_MAX).map(ToString::to_string).collect(),
                restores: done.edit.restores,
                acknowledged: terms.acknowledge.iter().map(|code| code.name().to_owned()).collect(),
            });
            head.tail.extend_from_slice(&revision.0.to_be_bytes());
            contents.push(revision);
            if after.number.is_multiple_of(stored::PAGE) {
                let page = std::mem::take(&mut head.tail);
                let hash = xxh3_128(&page);
                head.pages.extend_from_slice(&hash.to_be_bytes());
                contents.push((hash, page));
            }
        }
        if let Some((id, call)) = by.request {
            let [id, call] = [id, call].map(|hash| hash.to_be_bytes().to_vec());
            head.recent.push(Recent { id, call, number: after.number, made });
            let over = head.recent.len().saturating_sub(stored::RECENT_MAX);
            head.recent.drain(..over);
        }
        keep::put_contents(&*self.ledger, contents).await?;
        let version = keep::put_head(&*self.ledger, known.version, &head).await?;
        Ok(version.map(|version| (version, head)))
    }
}

/// The state that an edit makes.
pub(super) fn next_state(state: &State, edit: &Edit, is_revision: bool, at: Millis) -> State {
    let mut next = state.clone();
    next.sequence = state.sequence.saturating_add(1);
    next.number = state.number.saturating_add(u64::from(is_revision));
    for (key, entry) in &edit.entries {
        let Some(entry) = entry else {
            next.entries.remove(key);
            continue;
        };
        let before = state.entries.get(key);
        let live_changes = changes_live(before.map(|entry| &**entry), Some(entry));
        let revision = if live_changes { next.number } else { before.map_or(0, |before| before.revision) };
        let (live, draft) = (entry.live.clone(), entry.draft.clone());
        next.entries.insert(key.clone(), Arc::new(Entry { live, draft, sequence: next.sequence, revision, changed: at }));
    }
    let touched: BTreeSet<u32> = edit.entries.keys().map(Key::part).collect();
    for part in touched {
        let stored = next.part(part);
        if stored.entries.is_empty() {
            next.parts.remove(&part);
        } else {
            next.parts.insert(part, keep::contents(&stored).0);
        }
    }
    next
}

/// The rulebook of a state: a large one takes a while, and not on the threads that answer calls.
async fn build(state: Arc<State>) -> Result<Result<Published, Problems>, ApiError> {
    apart(move || Ok(compiled(state.number, state.in_force()?))).await
}

/// Likewise, after a look at what comes into force with it.
async fn checked(
    state: Arc<State>,
    asked: gate::Asked,
    terms: Arc<Terms>,
    at: Millis,
) -> Result<Result<(gate::Found, Published), ApiError>, ApiError> {
    apart(move || {
        let loaded = state.in_force().map_err(|problems| refused(&problems))?;
        let found = gate::look(&loaded, Some(&asked), &terms, at)?;
        Ok((found, compiled(state.number, loaded)))
    })
    .await
}

fn compiled(number: u64, loaded: Loaded) -> Published {
    let Loaded { settings, catalogue, distributions, .. } = loaded;
    Published::of_store(number, (settings, Rulebook::compile(catalogue), Distributions::new(distributions)))
}

async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work).await.map_err(|failure| ApiError::Bug(failure.to_string()))
}

/// Documents that may not stand together, each with what is wrong.
pub(super) fn refused(problems: &Problems) -> ApiError {
    let one = |problem: &tokka_catalog::Problem| {
        let document = if problem.file.is_empty() { "catalogue".to_owned() } else { problem.file.clone() };
        let shown = tokka_catalog::Problem { file: String::new(), line: 0, column: 0, ..problem.clone() };
        Blocking { code: String::new(), document, words: shown.to_string() }
    };
    Refused::Check { findings: problems.into_iter().map(one).collect() }.into()
}
