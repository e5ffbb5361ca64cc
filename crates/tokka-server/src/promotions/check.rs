//! What is wrong with documents before they are published? Today's rules of validation, over the catalogue as it would be.

use std::sync::Arc;

use tokka_catalog::{Problem, Problems, Source};
use tokka_proto::v1;

use super::edit::{Asked, Edit, Move, plan};
use super::line::next_state;
use super::state::State;
use crate::error::ApiError;

/// Findings that are told in one answer.
const FINDINGS_MAX: usize = 1_000;

/// Looks at files and drafts as if they were published.
pub(super) async fn check(state: Arc<State>, files: Vec<Source>, drafts: Vec<String>) -> Result<v1::CheckResponse, ApiError> {
    let found = tokio::task::spawn_blocking(move || findings(&state, files, drafts));
    let findings = found.await.map_err(|failure| ApiError::Bug(failure.to_string()))??;
    Ok(v1::CheckResponse {
        findings_total: i64::try_from(findings.len()).unwrap_or(i64::MAX),
        findings: findings.into_iter().take(FINDINGS_MAX).collect(),
    })
}

fn findings(state: &State, files: Vec<Source>, drafts: Vec<String>) -> Result<Vec<v1::Finding>, ApiError> {
    if let Err(problems) = tokka_catalog::read_apart(&files, state.settings()) {
        return Ok(of_problems(&problems));
    }
    let mut state = state.clone();
    let take = |edit: &Edit, state: &mut State| *state = next_state(state, edit, true, 0);
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
    Ok(match state.in_force() {
        Ok(_) => Vec::new(),
        Err(problems) => of_problems(&problems),
    })
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
        }
    };
    problems.into_iter().map(one).collect()
}
