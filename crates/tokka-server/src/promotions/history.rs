//! What was in force when, and what did a revision change?

use tokka_proto::v1;

use super::line::Line;
use super::state::Live;
use super::stored::{Key, Revision};
use super::{answer, keep};
use crate::error::ApiError;
use crate::error::operator::Refused;

/// A document as it stands, or as it was in a revision.
pub(super) async fn document(line: &Line, key: &Key, revision: i64) -> Result<v1::Document, ApiError> {
    let known = line.now();
    if revision == 0 {
        let entry = known.state.entries.get(key).ok_or_else(|| Refused::NoDocument { key: key.clone() })?;
        return Ok(answer::document(key, entry, true));
    }
    let then = of_number(line, revision).await?;
    let parts = keep::tree(&*line.ledger, &then.tree).await?;
    let entry = keep::entry(&*line.ledger, &parts, key, &known.state).await?;
    let mut entry = entry.filter(|entry| entry.live.is_some()).ok_or_else(|| Refused::NoDocument { key: key.clone() })?;
    entry.draft = None;
    let document = answer::document(key, &entry, true);
    // It stands for how it is now, which this may not be.
    Ok(v1::Document { etag: String::new(), ..document })
}

/// A revision, and what is other than in the one before it or in another one.
pub(super) async fn revision(line: &Line, number: i64, against: i64) -> Result<v1::GetRevisionResponse, ApiError> {
    let known = line.now();
    let number = if number == 0 { answer::number(known.head.number) } else { number };
    let revision = of_number(line, number).await?;
    let before = if against == 0 { number.saturating_sub(1) } else { against };
    let before = if before == 0 { Vec::new() } else { of_number(line, before).await?.tree };
    let changes = between(line, &before, &revision.tree).await?;
    Ok(v1::GetRevisionResponse { revision: Some(answer::revision(revision)), changes })
}

/// What a revision changed.
pub(super) async fn changes_of(line: &Line, number: u64) -> Result<Vec<v1::DocumentChange>, ApiError> {
    Ok(revision(line, answer::number(number), 0).await?.changes)
}

/// What was in force in a revision of every document that is otherwise now, and what stands for now.
pub(super) async fn then(line: &Line, number: i64) -> Result<(Vec<(Key, Option<Live>)>, String), ApiError> {
    let revision = of_number(line, number).await?;
    let then = keep::tree(&*line.ledger, &revision.tree).await?;
    let known = line.now();
    let differences = keep::differences(&*line.ledger, &then, &known.state.parts, &known.state).await?;
    Ok((differences.into_iter().map(|(key, then, _)| (key, then)).collect(), known.state.etag()))
}

async fn between(line: &Line, before: &[u8], after: &[u8]) -> Result<Vec<v1::DocumentChange>, ApiError> {
    let ledger = &*line.ledger;
    let (before, after) = (keep::tree(ledger, before).await?, keep::tree(ledger, after).await?);
    let differences = keep::differences(ledger, &before, &after, &line.now().state).await?;
    let changes = differences.iter().filter_map(|(key, before, after)| answer::change(key, before.as_ref(), after.as_ref()));
    Ok(changes.collect())
}

async fn of_number(line: &Line, number: i64) -> Result<Revision, ApiError> {
    let known = line.now();
    let none = || Refused::NoRevision { number };
    let wanted = u64::try_from(number).ok().filter(|number| *number > 0).ok_or_else(none)?;
    Ok(keep::revision(&*line.ledger, &known.head, wanted).await?.ok_or_else(none)?)
}
