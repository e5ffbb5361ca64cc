//! How do pages show a basket? Lines grouped by what holds them together, store by store.

use crate::outcome::NotCovered;
use crate::prepare::Candidate;
use crate::promotion::Stage;
use crate::quote::{Group, GroupEntry, GroupedBy, Hint, Segment};
use crate::stages::Pricing;
use crate::table::{Ix, PromoIx, StoreIx};

/// By store in request order: store spends that applied, or that a hint speaks of, in order of application; then sets;
/// then single lines. A segment stands in the first that took it; a hinted promotion shows what nobody took.
pub(crate) fn groups(pricing: &Pricing<'_>, hints: &[Hint]) -> Vec<Group> {
    let prepared = pricing.prepared;
    let mut groups = Vec::new();
    let mut of_store: Vec<Vec<&Segment>> = vec![Vec::new(); prepared.layout.stores()];
    for segment in &pricing.segments {
        if let Some(segments) = of_store.get_mut(prepared.layout.store_position(segment.line)) {
            segments.push(segment);
        }
    }
    let mut hinted: Vec<PromoIx> = hints.iter().map(|hint| hint.promotion).collect();
    hinted.sort_unstable();
    let spends = by_store(pricing, Stage::StoreSpend);
    let sets = by_store(pricing, Stage::Set);
    for (position, ((segments, spends), sets)) in of_store.into_iter().zip(&spends).zip(&sets).enumerate() {
        let store = StoreIx::new(position);
        let mut rest = segments;
        let first_touch = |segment: &Segment, stage: Stage| {
            segment.chain.iter().find(|touch| touch.stage == stage).map(|touch| touch.promotion)
        };
        // What a promotion took is its own, also where a hinted one stands before it.
        let taken: Vec<(PromoIx, Vec<&Segment>)> = spends
            .iter()
            .map(|spend| (spend.promotion, draw(&mut rest, |of| first_touch(of, Stage::StoreSpend) == Some(spend.promotion))))
            .collect();
        for (spend, (promotion, taken)) in spends.iter().zip(taken) {
            let hinted = taken.is_empty() && hinted.binary_search(&promotion).is_ok();
            let held = if hinted { draw(&mut rest, |segment| would_look_at(pricing, spend, segment)) } else { taken };
            push(pricing, spends, &mut groups, store, GroupedBy::Spend(promotion), &held);
        }
        for set in sets {
            let held = draw(&mut rest, |segment| first_touch(segment, Stage::Set) == Some(set.promotion));
            push(pricing, spends, &mut groups, store, GroupedBy::Set(set.promotion), &held);
        }
        for of_line in rest.chunk_by(|a, b| a.line == b.line) {
            push(pricing, spends, &mut groups, store, GroupedBy::Line, of_line);
        }
    }
    groups
}

/// The candidates of a stage whose promotions belong to stores, by store, each in order of application.
fn by_store<'p>(pricing: &Pricing<'p>, stage: Stage) -> Vec<Vec<&'p Candidate>> {
    let prepared = pricing.prepared;
    let mut by_store = vec![Vec::new(); prepared.layout.stores()];
    for candidate in prepared.candidates.iter().filter(|candidate| candidate.stage == stage) {
        // It covers lines of its own store only.
        let store = prepared.lines_of(candidate).first().map(|line| prepared.layout.store_position(*line));
        if let Some(candidates) = store.and_then(|store| by_store.get_mut(store)) {
            candidates.push(candidate);
        }
    }
    by_store
}

/// Moves the segments that match out of the rest.
fn draw<'s>(rest: &mut Vec<&'s Segment>, matches: impl Fn(&Segment) -> bool) -> Vec<&'s Segment> {
    let (drawn, left) = std::mem::take(rest).into_iter().partition(|segment| matches(segment));
    *rest = left;
    drawn
}

fn would_look_at(pricing: &Pricing<'_>, spend: &Candidate, segment: &Segment) -> bool {
    let prepared = pricing.prepared;
    let kept_away = prepared.selections.keeps_from(prepared.rulebook, spend.promotion, segment.line);
    covers(pricing, spend, segment) && !kept_away && pricing.closed_by(segment, Stage::StoreSpend).is_none()
}

/// Why a spend that is meant for the segment may not use it; `None`: it may, or has nothing to do with the line.
fn why_not_in(pricing: &Pricing<'_>, spend: &Candidate, segment: &Segment) -> Option<NotCovered> {
    let prepared = pricing.prepared;
    if !covers(pricing, spend, segment) {
        let line = pricing.line(segment.line)?;
        let why = prepared.rulebook.why_not_covered(spend.promotion, line);
        return why.filter(|why| *why == NotCovered::Excluded);
    }
    let closed = pricing.closed_by(segment, Stage::StoreSpend).map(NotCovered::NotStackable);
    let kept_away = || prepared.selections.keeps_from(prepared.rulebook, spend.promotion, segment.line);
    closed.or_else(|| kept_away().then_some(NotCovered::NotSelected))
}

fn covers(pricing: &Pricing<'_>, spend: &Candidate, segment: &Segment) -> bool {
    pricing.prepared.lines_of(spend).binary_search(&segment.line).is_ok()
}

fn push(
    pricing: &Pricing<'_>,
    spends: &[&Candidate],
    groups: &mut Vec<Group>,
    store: StoreIx,
    by: GroupedBy,
    segments: &[&Segment],
) {
    if segments.is_empty() {
        return;
    }
    let entry = |segment: &&Segment| {
        let in_spend = matches!(by, GroupedBy::Spend(_));
        let mark = |spend: &&Candidate| Some((spend.promotion, why_not_in(pricing, spend, segment)?));
        let not_in_spend = if in_spend { None } else { spends.iter().find_map(mark) };
        GroupEntry { line: segment.line, units: segment.units, over_limit: segment.over_limit, not_in_spend }
    };
    groups.push(Group { store, by, entries: segments.iter().map(entry).collect() });
}
