//! Stage 2: which units form sets, and what do the sets bring? Promotions by priority, each on the units that the ones
//! before left.

use smallvec::SmallVec;

use super::{Pricing, split_front};
use crate::amount::Overflow;
use crate::outcome::{Applied, Shortfall, Verdict};
use crate::prepare::Candidate;
use crate::prepare::limits::SlotIx;
use crate::promotion::{Basis, Stage};
use crate::quote::Segment;
use crate::table::{LineIx, PromoIx};
use form::{Formed, Pool, Shape};

mod form;

pub(crate) fn run(pricing: &mut Pricing<'_>) -> Result<(), Overflow> {
    let mut candidates = pricing.candidates(Stage::Set).peekable();
    if candidates.peek().is_none() {
        return Ok(());
    }
    // What a set could have been formed of, had no earlier promotion taken anything.
    let mut as_found: Option<Vec<Segment>> = None;
    for (number, candidate) in candidates {
        if pricing.plan.is_some_and(|plan| !plan.uses_set(number)) {
            pricing.left_out.push(number);
            continue;
        }
        let before = pricing.full.then(|| pricing.segments.clone()).filter(|_| as_found.is_none());
        match try_one(pricing, candidate)? {
            Try::Formed(formed) => {
                as_found = as_found.or(before);
                take(pricing, number, candidate, formed)?;
            }
            Try::Refused(verdict) => {
                if let Verdict::LimitReached(stands) = verdict {
                    pricing.note_cut(&[stands]);
                }
                pricing.refused(number, verdict);
            }
            Try::LacksUnits(shortfall) => {
                let beaten = match &as_found {
                    Some(segments) => beaten_by(pricing, candidate, segments)?,
                    None => None,
                };
                pricing.refused(number, beaten.unwrap_or(Verdict::BelowQuantity(shortfall)));
            }
        }
    }
    Ok(())
}

/// Forms the sets of one promotion; did it form any?
pub(crate) fn apply(pricing: &mut Pricing<'_>, number: usize, candidate: &Candidate) -> Result<bool, Overflow> {
    match try_one(pricing, candidate)? {
        Try::Formed(formed) => take(pricing, number, candidate, formed).map(|()| true),
        Try::Refused(_) | Try::LacksUnits(_) => Ok(false),
    }
}

enum Try {
    Formed(Formed),
    Refused(Verdict),
    LacksUnits(Shortfall),
}

/// The limits on sets, in the order of the reasons.
fn slots(candidate: &Candidate) -> SmallVec<[SlotIx; 4]> {
    candidate.limits.units().slots(candidate.limits.stock).collect()
}

fn try_one(pricing: &Pricing<'_>, candidate: &Candidate) -> Result<Try, Overflow> {
    let Some(shape) = Shape::of(&pricing.prepared.promotion_of(candidate).rule) else {
        return Ok(Try::Refused(Verdict::NoBenefit));
    };
    let mut kept_out: Vec<(LineIx, PromoIx)> = Vec::new();
    let mut any_open = false;
    for (_, segment) in pricing.segments_covered(candidate) {
        match pricing.closed_by(segment, Stage::Set) {
            Some(by) => kept_out.push((segment.line, by)),
            None => any_open = true,
        }
    }
    if let (false, Some((_, promotion))) = (any_open, kept_out.first()) {
        return Ok(Try::Refused(Verdict::NotStackable { promotion: *promotion }));
    }
    let slots = slots(candidate);
    let refused = pricing.orders_refused(candidate, 1).or_else(|| pricing.exhausted(slots.iter().copied(), 1));
    if let Some(verdict) = refused {
        return Ok(Try::Refused(verdict));
    }
    let at_most = slots.iter().map(|slot| pricing.left(*slot)).min();
    let mut pool = Pool::of(pricing, &shape, pricing.segments_covered(candidate));
    let formed = form::form(pricing, &mut pool, &shape, at_most)?;
    if formed.sets == 0 {
        if formed.worthless {
            return Ok(Try::Refused(Verdict::NoBenefit));
        }
        let (threshold, actual) = pool.shortfall(pricing, &shape);
        kept_out.dedup_by_key(|(line, _)| *line);
        let missing = threshold.saturating_sub(actual);
        let basis = Basis::Quantity;
        return Ok(Try::LacksUnits(Shortfall { basis, threshold, actual, missing, kept_out, limit: None }));
    }
    if let Some(verdict) = pricing.budget_refused(candidate, formed.discount) {
        return Ok(Try::Refused(verdict));
    }
    Ok(Try::Formed(formed))
}

/// A promotion that lacks units is beaten, if with the segments that stage 1 left it would have formed a set that brings
/// something, by the first promotion that took a unit that it covers.
fn beaten_by(pricing: &Pricing<'_>, candidate: &Candidate, as_found: &[Segment]) -> Result<Option<Verdict>, Overflow> {
    let took = pricing.segments_covered(candidate).flat_map(|(_, segment)| &segment.chain);
    let took = took.filter(|touch| touch.stage == Stage::Set).map(|touch| touch.promotion).min();
    let (Some(promotion), Some(shape)) = (took, Shape::of(&pricing.prepared.promotion_of(candidate).rule)) else {
        return Ok(None);
    };
    let lines = pricing.prepared.lines_of(candidate);
    let covered = as_found.iter().enumerate().filter(|(_, segment)| lines.binary_search(&segment.line).is_ok());
    let mut pool = Pool::of(pricing, &shape, covered);
    let formed = form::form(pricing, &mut pool, &shape, Some(1))?;
    Ok((formed.sets > 0).then_some(Verdict::BeatenBy { promotion, amount: None, winner: None }))
}

/// Splits the units in sets off, and takes the sum of the sets' discounts off them.
fn take(pricing: &mut Pricing<'_>, number: usize, candidate: &Candidate, formed: Formed) -> Result<(), Overflow> {
    let mut segments = Vec::with_capacity(pricing.segments.len().saturating_add(formed.taken.len()));
    let mut in_sets: SmallVec<[usize; 16]> = SmallVec::new();
    let mut taken = formed.taken.iter().peekable();
    for (position, segment) in std::mem::take(&mut pricing.segments).into_iter().enumerate() {
        let units = taken.next_if(|(of, _)| *of == position).map_or(0, |(_, units)| *units);
        if units > 0 {
            in_sets.push(segments.len());
        }
        if units > 0 && units < segment.units {
            segments.extend(split_front(segment, units)?);
        } else {
            segments.push(segment);
        }
    }
    pricing.lay_out(segments);
    pricing.take_off(candidate.promotion, Stage::Set, formed.discount, &in_sets)?;
    let slots = slots(candidate);
    let cut = slots.iter().filter(|slot| pricing.left(**slot) < formed.wanted);
    let cut = cut.filter_map(|slot| pricing.limit_use(*slot, 1)).collect();
    pricing.claim(candidate, slots.iter().copied(), formed.sets, formed.discount)?;
    let applied = Applied { discount: formed.discount, cut, floor_cut: formed.floor_cut, ..Applied::default() };
    pricing.applied(number, applied)
}
