//! What is wrong with documents, and what is doubtful about them, before they are published? Over the catalogue as it would
//! be.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokka_catalog::{Kind, Problem, Problems, Source};
use tokka_ledger::model::Millis;
use tokka_proto::v1;

use super::edit::{Asked, Edit, Move, plan};
use super::gate::{self, FINDINGS_MAX, Terms};
use super::line::next_state;
use super::state::State;
use super::stored::Key;
use crate::error::ApiError;

/// Looks at files and drafts as if they were published, or, where there are none, at what is in force.
pub(super) async fn check(
    state: Arc<State>,
    files: Vec<Source>,
    drafts: Vec<String>,
    terms: Terms,
    at: Millis,
) -> Result<v1::CheckResponse, ApiError> {
    let found = tokio::task::spawn_blocking(move || findings(&state, files, drafts, &terms, at));
    let findings = found.await.map_err(|failure| ApiError::Bug(failure.to_string()))??;
    Ok(v1::CheckResponse {
        findings_total: i64::try_from(findings.len()).unwrap_or(i64::MAX),
        findings: findings.into_iter().take(FINDINGS_MAX).collect(),
    })
}

fn findings(
    state: &State,
    files: Vec<Source>,
    drafts: Vec<String>,
    terms: &Terms,
    at: Millis,
) -> Result<Vec<v1::Finding>, ApiError> {
    let mut asked: BTreeSet<Key> = drafts.iter().map(|id| Key::new(Kind::Promotion, id)).collect();
    match tokka_catalog::read_apart(&files, state.settings()) {
        Ok(documents) => asked.extend(documents.iter().map(|(value, _)| Key::new(value.kind(), value.id()))),
        Err(problems) => return Ok(of_problems(&problems)),
    }
    let mut state = state.clone();
    let take = |edit: &Edit, state: &mut State| *state = next_state(state, edit, true, at);
    if !files.is_empty() {
        let edit = plan(&state, &Asked::Apply { files, prune: false, etag: String::new() })?;
        let drafted = edit.entries.iter().filter(|(_, next)| next.as_ref().is_some_and(|next| next.draft.is_some()));
        let drafted: Vec<(String, String)> = drafted.map(|(key, _)| (key.id.clone(), String::new())).collect();
        take(&edit, &mut state);
        if !drafted.is_empty() {
            let edit = plan(&state, &Asked::Move { to: Move::Publish, promotions: drafted })?;
            take(&edit, &mut state);
        }
    }
    if !drafts.is_empty() {
        let promotions = drafts.into_iter().map(|id| (id, String::new())).collect();
        let edit = plan(&state, &Asked::Move { to: Move::Publish, promotions })?;
        take(&edit, &mut state);
    }
    let loaded = match state.in_force() {
        Ok(loaded) => loaded,
        Err(problems) => return Ok(of_problems(&problems)),
    };
    let asked = if asked.is_empty() { None } else { Some(gate::Asked::about(asked)) };
    Ok(gate::look(&loaded, asked.as_ref(), terms, at)?.findings)
}

fn of_problems(problems: &Problems) -> Vec<v1::Finding> {
    let one = |problem: &Problem| {
        let place = if problem.line > 1 { format!(":{}:{}", problem.line, problem.column) } else { String::new() };
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        v1::Finding {
            code: String::new(),
            blocking: true,
            document: format!("{}{place}", problem.file),
            field: problem.path.clone(),
            message: format!("{}{hint}", problem.message),
            severity: v1::FindingSeverity::Blocking.into(),
            ..Default::default()
        }
    };
    problems.into_iter().map(one).collect()
}
