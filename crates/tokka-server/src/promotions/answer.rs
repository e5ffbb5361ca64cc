//! How is a document told, and what became of it?

use std::sync::Arc;

use serde_json::Value as Json;
use tokka_catalog::DocumentValue;
use tokka_core::promotion::Promotion;
use tokka_ledger::model::Millis;
use tokka_proto::v1;

use super::edit::changes_live;
use super::line::Done;
use super::state::{Doc, Entry, Live, Stand};
use super::stored::{self, Key};
use crate::response;

/// A document as it stands.
pub(super) fn document(key: &Key, entry: &Entry, texts: bool) -> v1::Document {
    let state = state_of(entry.live.as_ref());
    let text = |doc: &Arc<Doc>, state| if texts { with_status(&doc.text, &doc.value, state) } else { String::new() };
    let shown = entry.shown();
    let draft = entry.draft.as_ref().filter(|_| entry.live.is_some());
    v1::Document {
        kind: i32::try_from(key.kind_number()).unwrap_or(0),
        id: key.id.clone(),
        state: state.into(),
        text: shown.map(|doc| text(doc, state)).unwrap_or_default(),
        draft: draft.map(|doc| text(doc, v1::DocumentState::Draft)).unwrap_or_default(),
        etag: entry.etag(),
        revision: number(entry.revision),
        changed_at: Some(at(entry.changed)),
        promotion: shown.and_then(|doc| summary(&doc.value)),
        has_draft: draft.is_some(),
    }
}

pub(super) fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn at(at: Millis) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.div_euclid(1_000),
        nanos: i32::try_from(at.rem_euclid(1_000)).unwrap_or(0).saturating_mul(1_000_000),
    }
}

pub(super) fn revision(revision: stored::Revision) -> v1::Revision {
    v1::Revision {
        number: number(revision.number),
        author: revision.author,
        at: Some(at(revision.at)),
        message: revision.message,
        changes: number(revision.changes),
        changed: revision.changed,
        restores: number(revision.restores),
        acknowledged: revision.acknowledged,
    }
}

/// What changed, by kind and id: what is in force, and drafts.
pub(super) fn changes(done: &Done) -> Vec<v1::DocumentChange> {
    let mut changes = Vec::new();
    for (key, next) in &done.edit.entries {
        let before = done.before.entries.get(key).map(|entry| &**entry);
        let live_before = before.and_then(|entry| entry.live.as_ref());
        if changes_live(before, next.as_ref()) {
            changes.extend(change(key, live_before, next.as_ref().and_then(|next| next.live.as_ref())));
            continue;
        }
        let draft_before = before.and_then(|entry| entry.draft.as_ref());
        let draft_after = next.as_ref().and_then(|next| next.draft.as_ref());
        let text = |doc: Option<&Arc<Doc>>| doc.map(|doc| doc.text.clone()).unwrap_or_default();
        // A first draft is shown as what it makes of what is in force.
        let beside = draft_before.or(live_before.map(|live| &live.doc));
        let state_before = before.map_or(v1::DocumentState::Unspecified, |entry| state_of(entry.live.as_ref()));
        let state_after = match next {
            Some(next) => state_of(next.live.as_ref()),
            None => v1::DocumentState::Unspecified,
        };
        let kind = match (draft_before.is_some() || live_before.is_some(), draft_after.is_some()) {
            (false, _) => v1::ChangeType::Added,
            (true, true) => v1::ChangeType::Changed,
            (true, false) => v1::ChangeType::Removed,
        };
        changes.push(v1::DocumentChange {
            kind: i32::try_from(key.kind_number()).unwrap_or(0),
            id: key.id.clone(),
            r#type: kind.into(),
            state_before: state_before.into(),
            state_after: state_after.into(),
            before: text(beside),
            after: text(draft_after),
            draft: true,
        });
    }
    changes
}

/// What became of what is in force; `None`: nothing.
pub(super) fn change(key: &Key, before: Option<&Live>, after: Option<&Live>) -> Option<v1::DocumentChange> {
    let text = |live: Option<&Live>| live.map(|live| live.doc.text.clone()).unwrap_or_default();
    let state = |live: Option<&Live>| live.map_or(v1::DocumentState::Unspecified, |live| state_of(Some(live)));
    let kind = match (before, after) {
        (None, None) => return None,
        (None, Some(_)) => v1::ChangeType::Added,
        (Some(_), None | Some(Live { stand: Stand::Archived, .. })) => v1::ChangeType::Removed,
        (Some(_), Some(_)) => v1::ChangeType::Changed,
    };
    Some(v1::DocumentChange {
        kind: i32::try_from(key.kind_number()).unwrap_or(0),
        id: key.id.clone(),
        r#type: kind.into(),
        state_before: state(before).into(),
        state_after: state(after).into(),
        before: text(before),
        after: text(after),
        draft: false,
    })
}

fn state_of(live: Option<&Live>) -> v1::DocumentState {
    match live.map(|live| live.stand) {
        None => v1::DocumentState::Draft,
        Some(Stand::Published) => v1::DocumentState::Published,
        Some(Stand::Paused) => v1::DocumentState::Paused,
        Some(Stand::Archived) => v1::DocumentState::Archived,
    }
}

/// The text of a promotion with where it stands, so that a file of it comes to stand so again.
fn with_status(text: &str, value: &DocumentValue, state: v1::DocumentState) -> String {
    let DocumentValue::Promotion(_) = value else { return text.to_owned() };
    let status = match state {
        v1::DocumentState::Unspecified | v1::DocumentState::Draft => "draft",
        v1::DocumentState::Published => "published",
        v1::DocumentState::Paused => "paused",
        v1::DocumentState::Archived => "archived",
    };
    match serde_json::from_str::<Json>(text) {
        Ok(Json::Object(mut fields)) => {
            fields.insert("status".to_owned(), Json::from(status));
            tokka_catalog::encode::canonical(&Json::Object(fields))
        }
        // INVARIANT: documents are kept as maps.
        _ => text.to_owned(),
    }
}

fn summary(value: &DocumentValue) -> Option<v1::PromotionSummary> {
    let DocumentValue::Promotion(promotion) = value else { return None };
    let Promotion { name, owner, window, priority, rule, .. } = &**promotion;
    Some(v1::PromotionSummary {
        name: name.clone(),
        owner: owner.to_string(),
        rule: rule.block().to_owned(),
        starts_at: window.start.map(response::timestamp),
        ends_at: window.end.map(response::timestamp),
        priority: *priority,
    })
}
