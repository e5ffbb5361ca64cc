//! What does a call make of the catalogue? From one state and what is asked to what changes, or why it may not; nothing is
//! written here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokka_catalog::{CatalogueSettings, DocumentValue, Kind, Problems, Source, read_apart};
use tokka_core::basket::FieldViolation;
use tokka_core::promotion::Status;

use super::state::{Doc, Entry, Live, Stand, State};
use super::stored::Key;
use crate::error::ApiError;
use crate::error::operator::Refused;

/// What is asked for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// One document, as text; its etag, or empty where it is new.
    Write { text: String, etag: String },
    /// A document goes.
    Delete { key: Key, etag: String },
    /// Promotions come to stand so.
    Move { to: Move, promotions: Vec<(String, String)> },
    /// The documents of files.
    Apply { files: Vec<Source>, prune: bool, etag: String },
    /// Everything as it was: what was in force then of every entry that differs now, which revision that is, and what stands
    /// for now.
    Restore { number: u64, then: Vec<(Key, Option<Live>)>, etag: String },
}

/// Where promotions go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    Publish,
    Pause,
    Resume,
    Archive,
}

/// An entry as it is to be.
#[derive(Debug, Clone)]
pub(crate) struct Next {
    pub(crate) live: Option<Live>,
    pub(crate) draft: Option<Arc<Doc>>,
}

/// What changes.
#[derive(Debug, Default)]
pub(crate) struct Edit {
    /// By key; `None`: it goes.
    pub(crate) entries: BTreeMap<Key, Option<Next>>,
    /// Documents that are so already.
    pub(crate) unchanged: usize,
    /// Keys that the call speaks of, in its order.
    pub(crate) named: Vec<Key>,
    /// Promotions that stay archived although they are to be restored.
    pub(crate) left_archived: Vec<String>,
    /// The revision that is restored, or 0.
    pub(crate) restores: u64,
}

impl Edit {
    /// Does it change what is in force?
    pub(crate) fn is_revision(&self, state: &State) -> bool {
        self.entries.iter().any(|(key, next)| changes_live(state.entries.get(key).map(|entry| &**entry), next.as_ref()))
    }
}

/// Does what is in force of an entry change?
pub(crate) fn changes_live(before: Option<&Entry>, after: Option<&Next>) -> bool {
    match (before.and_then(|entry| entry.live.as_ref()), after.and_then(|next| next.live.as_ref())) {
        (None, None) => false,
        (Some(before), Some(after)) => !before.is(&after.doc, after.stand),
        _ => true,
    }
}

/// What a call changes.
///
/// # Errors
/// Why it may not.
pub(crate) fn plan(state: &State, asked: &Asked) -> Result<Edit, ApiError> {
    match asked {
        Asked::Write { text, etag } => write(state, text, etag),
        Asked::Delete { key, etag } => delete(state, key, etag),
        Asked::Move { to, promotions } => move_all(state, *to, promotions),
        Asked::Apply { files, prune, etag } => apply(state, files, *prune, etag),
        // What has changed since then was looked at may have to go back, too.
        Asked::Restore { etag, .. } if *etag != state.etag() => Err(Refused::Etag { key: None, is: state.etag() }.into()),
        Asked::Restore { number, then, etag: _ } => Ok(restore(state, *number, then)),
    }
}

fn write(state: &State, text: &str, etag: &str) -> Result<Edit, ApiError> {
    let source = Source { name: String::new(), text: text.to_owned() };
    let documents = read(std::slice::from_ref(&source), state.settings(), "text")?;
    let mut documents = documents.into_iter();
    let (Some(doc), None) = (documents.next(), documents.next()) else {
        return Err(invalid("text", "holds no document, or several: one is written at a time, `Apply` brings many"));
    };
    let key = doc.key();
    keeps_currency(state, &doc, "text")?;
    let before = state.entries.get(&key);
    match before {
        Some(_) if etag.is_empty() => return Err(Refused::Exists { key }.into()),
        Some(entry) => has_etag(&key, entry, etag)?,
        None if !etag.is_empty() => return Err(Refused::NoDocument { key }.into()),
        None => {}
    }
    let next = match &doc.value {
        DocumentValue::Promotion(promotion) => {
            if promotion.status != Status::Draft {
                return Err(invalid(
                    "text",
                    "`status` is what Publish, Pause and Archive make of it: leave it out, or write `draft`",
                ));
            }
            drafted(&key, before, doc)?
        }
        _ => Next { live: Some(Live { doc: Arc::new(doc), stand: Stand::Published }), draft: None },
    };
    let mut edit = Edit { named: vec![key.clone()], ..Edit::default() };
    put(&mut edit, state, key, next);
    Ok(edit)
}

fn delete(state: &State, key: &Key, etag: &str) -> Result<Edit, ApiError> {
    let entry = state.entries.get(key).ok_or_else(|| Refused::NoDocument { key: key.clone() })?;
    has_etag(key, entry, etag)?;
    let next = match (key.kind(), &entry.live, &entry.draft) {
        (Kind::Catalogue, _, _) | (Kind::Promotion, Some(_), None) => {
            return Err(Refused::NotDeletable { key: key.clone() }.into());
        }
        (Kind::Promotion, Some(live), Some(_)) => Some(Next { live: Some(live.clone()), draft: None }),
        _ => None,
    };
    Ok(Edit { entries: BTreeMap::from([(key.clone(), next)]), ..Edit::default() })
}

/// Which document a text is; `None`: it is none.
pub(super) fn first_key(source: &Source, state: &State) -> Option<Key> {
    let read = read_apart(std::slice::from_ref(source), state.settings()).ok()?;
    read.first().map(|(value, _)| Key::new(value.kind(), value.id()))
}

fn move_all(state: &State, to: Move, promotions: &[(String, String)]) -> Result<Edit, ApiError> {
    let mut edit = Edit::default();
    for (id, etag) in promotions {
        let key = Key::new(Kind::Promotion, id);
        let entry = state.entries.get(&key).ok_or_else(|| Refused::NoDocument { key: key.clone() })?;
        if !etag.is_empty() {
            has_etag(&key, entry, etag)?;
        }
        put(&mut edit, state, key.clone(), moved(&key, entry, to)?);
        edit.named.push(key);
    }
    Ok(edit)
}

fn moved(key: &Key, entry: &Entry, to: Move) -> Result<Next, ApiError> {
    let stand = entry.live.as_ref().map(|live| live.stand);
    let as_it_is = || Next { live: entry.live.clone(), draft: entry.draft.clone() };
    let live = |doc: Option<&Arc<Doc>>, stand| doc.map(|doc| Live { doc: Arc::clone(doc), stand });
    let doc = entry.live.as_ref().map(|live| &live.doc);
    Ok(match (to, stand) {
        (Move::Archive, Some(Stand::Archived)) => as_it_is(),
        (Move::Archive, _) => Next { live: live(entry.shown(), Stand::Archived), draft: None },
        (_, Some(Stand::Archived)) => return Err(Refused::Archived { key: key.clone() }.into()),
        (Move::Publish, _) => Next { live: live(entry.draft.as_ref().or(doc), Stand::Published), draft: None },
        (Move::Pause | Move::Resume, None) => return Err(Refused::NeverPublished { key: key.clone() }.into()),
        (Move::Pause, Some(_)) => Next { live: live(doc, Stand::Paused), ..as_it_is() },
        (Move::Resume, Some(_)) => Next { live: live(doc, Stand::Published), ..as_it_is() },
    })
}

fn apply(state: &State, files: &[Source], prune: bool, etag: &str) -> Result<Edit, ApiError> {
    if !etag.is_empty() && etag != state.etag() {
        return Err(Refused::Etag { key: None, is: state.etag() }.into());
    }
    let mut edit = Edit::default();
    let mut there = BTreeSet::new();
    for doc in read(files, state.settings(), "files")? {
        let key = doc.key();
        keeps_currency(state, &doc, "files")?;
        if !there.insert(key.clone()) {
            return Err(invalid("files", format!("there are two documents `{key}`")));
        }
        let before = state.entries.get(&key);
        let stand = match &doc.value {
            DocumentValue::Promotion(promotion) => match promotion.status {
                Status::Draft => None,
                Status::Published => Some(Stand::Published),
                Status::Paused => Some(Stand::Paused),
                Status::Archived => Some(Stand::Archived),
            },
            _ => Some(Stand::Published),
        };
        let next = match stand {
            None => drafted(&key, before, doc)?,
            Some(stand) => {
                let now = before.and_then(|entry| entry.live.as_ref());
                match now {
                    // A draft beside it is somebody's work that has nothing to do with these files.
                    Some(now) if now.is(&doc, stand) => {
                        Next { live: Some(now.clone()), draft: before.and_then(|entry| entry.draft.clone()) }
                    }
                    Some(Live { stand: Stand::Archived, .. }) => return Err(Refused::Archived { key }.into()),
                    _ => Next { live: Some(Live { doc: Arc::new(doc), stand }), draft: None },
                }
            }
        };
        put(&mut edit, state, key, next);
    }
    if prune {
        for (key, entry) in &state.entries {
            if there.contains(key) || key.kind() == Kind::Catalogue {
                continue;
            }
            let next = match (&entry.live, key.kind()) {
                (Some(Live { stand: Stand::Archived, .. }), _) => continue,
                (Some(live), Kind::Promotion) => {
                    Some(Next { live: Some(Live { doc: Arc::clone(&live.doc), stand: Stand::Archived }), draft: None })
                }
                _ => None,
            };
            edit.entries.insert(key.clone(), next);
        }
    }
    Ok(edit)
}

fn restore(state: &State, number: u64, then: &[(Key, Option<Live>)]) -> Edit {
    let mut edit = Edit { restores: number, ..Edit::default() };
    for (key, was) in then {
        let before = state.entries.get(key);
        let now = before.and_then(|entry| entry.live.as_ref());
        let draft = before.and_then(|entry| entry.draft.clone());
        let promotion = key.kind() == Kind::Promotion;
        let live = match (now, was) {
            (Some(Live { stand: Stand::Archived, .. }), Some(was)) if promotion => {
                if was.stand != Stand::Archived {
                    edit.left_archived.push(key.id.clone());
                }
                continue;
            }
            // It came later: stopped, so that it can go on, and not ended for good.
            (Some(Live { stand: Stand::Published, doc }), None) if promotion => {
                Some(Live { doc: Arc::clone(doc), stand: Stand::Paused })
            }
            (Some(_), None) if promotion => continue,
            (_, was) => was.clone(),
        };
        if live.is_none() && draft.is_none() {
            if before.is_some() {
                edit.entries.insert(key.clone(), None);
            }
            continue;
        }
        put(&mut edit, state, key.clone(), Next { live, draft });
    }
    edit
}

/// A draft, beside what is in force where there is something; one that says the same needs none.
fn drafted(key: &Key, before: Option<&Arc<Entry>>, doc: Doc) -> Result<Next, ApiError> {
    let live = before.and_then(|entry| entry.live.clone());
    match &live {
        Some(Live { stand: Stand::Archived, .. }) => Err(Refused::Archived { key: key.clone() }.into()),
        Some(live) if live.doc.hash == doc.hash => Ok(Next { live: Some(live.clone()), draft: None }),
        _ => Ok(Next { live, draft: Some(Arc::new(doc)) }),
    }
}

fn put(edit: &mut Edit, state: &State, key: Key, next: Next) {
    let hash = |doc: &Option<Arc<Doc>>| doc.as_ref().map(|doc| doc.hash);
    let before = state.entries.get(&key);
    let drafts = before.map(|entry| hash(&entry.draft));
    if drafts == Some(hash(&next.draft)) && !changes_live(before.map(|entry| &**entry), Some(&next)) {
        edit.unchanged = edit.unchanged.saturating_add(1);
    } else {
        edit.entries.insert(key, Some(next));
    }
}

/// The documents of texts in their one form.
fn read(sources: &[Source], settings: Option<&CatalogueSettings>, field: &str) -> Result<Vec<Doc>, ApiError> {
    let values = read_apart(sources, settings).map_err(|problems| unreadable(&problems, field))?;
    let own = values.iter().find_map(|(value, _)| match value {
        DocumentValue::Catalogue(settings) => Some((**settings).clone()),
        _ => None,
    });
    let Some(settings) = own.as_ref().or(settings) else {
        return Err(invalid(field, "no document of kind `catalogue` says yet which currency amounts are in: bring it first"));
    };
    Ok(values.into_iter().map(|(value, _)| Doc::new(value, settings)).collect())
}

/// What is wrong with texts, as fields of the request.
pub(super) fn unreadable(problems: &Problems, field: &str) -> ApiError {
    let one = |problem: &tokka_catalog::Problem| FieldViolation::new(field, problem.to_string());
    ApiError::Invalid(problems.into_iter().map(one).collect())
}

pub(super) fn invalid(field: &str, description: impl Into<String>) -> ApiError {
    ApiError::Invalid(vec![FieldViolation::new(field, description)])
}

fn has_etag(key: &Key, entry: &Entry, etag: &str) -> Result<(), ApiError> {
    let is = entry.etag();
    if etag == is { Ok(()) } else { Err(Refused::Etag { key: Some(key.clone()), is }.into()) }
}

/// Amounts are kept in major units, and budgets are counted in minor ones: another currency would be another catalogue.
fn keeps_currency(state: &State, doc: &Doc, field: &str) -> Result<(), ApiError> {
    let DocumentValue::Catalogue(next) = &doc.value else { return Ok(()) };
    let Some(now) = state.settings() else { return Ok(()) };
    let (now, next) = (&now.pricing.currency, &next.pricing.currency);
    if now == next {
        Ok(())
    } else {
        Err(invalid(field, format!("the currency is `{now}` and stays so: `{next}` is another one")))
    }
}
