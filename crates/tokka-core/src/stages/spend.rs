//! Stages 3 and 5: spend and save, or get a gift. Within a stage and exclusion group, one promotion takes a segment.

use smallvec::SmallVec;

use super::Pricing;
use super::reward::{self, Sight, Terms};
use crate::outcome::Verdict;
use crate::prepare::Candidate;
use crate::promotion::{Rule, Stage};
use crate::quote::{QuoteError, Segment};
use crate::table::{LineIx, PromoIx};

pub(crate) fn run(pricing: &mut Pricing<'_>, stage: Stage) -> Result<(), QuoteError> {
    for (number, candidate) in pricing.candidates(stage) {
        let Some(terms) = terms(pricing, candidate) else { continue };
        let given = pricing.plan.filter(|plan| plan.all_stages()).map(|plan| plan.given(number));
        let look = look(pricing, candidate, given);
        if look.sight.segments.is_empty() {
            nothing_left(pricing, number, candidate, terms, &look)?;
            continue;
        }
        match reward::judge(pricing, candidate, terms, &look.sight)? {
            Ok(win) => reward::carry_out(pricing, number, candidate, terms, &look.sight, win)?,
            Err(refusal) => reward::refuse(pricing, number, refusal),
        }
    }
    Ok(())
}

fn terms<'p>(pricing: &Pricing<'p>, candidate: &'p Candidate) -> Option<Terms<'p>> {
    let Rule::Spend(rule) = &pricing.prepared.promotion_of(candidate).rule else { return None };
    Some(Terms {
        tiers: &rule.tiers,
        basis: rule.basis,
        repeat: rule.repeat,
        max_repeats: rule.max_repeats,
        threshold_on: rule.threshold_on,
        qualify: rule.qualify.as_ref(),
    })
}

/// The lines that a promotion may take, if it is given them, in request order: open, not taken by its group, and not
/// kept from it by the request.
pub(crate) fn may_take(pricing: &Pricing<'_>, candidate: &Candidate) -> SmallVec<[LineIx; 32]> {
    let look = look(pricing, candidate, None);
    let numbers = look.sight.segments.iter().filter_map(|number| pricing.segments.get(*number));
    let mut lines: SmallVec<[LineIx; 32]> = numbers.map(|segment| segment.line).collect();
    lines.dedup();
    lines
}

/// Gives these lines (ascending) to a promotion; did it apply?
pub(crate) fn apply(
    pricing: &mut Pricing<'_>,
    number: usize,
    candidate: &Candidate,
    given: &[LineIx],
) -> Result<bool, QuoteError> {
    let Some(terms) = terms(pricing, candidate) else { return Ok(false) };
    let look = look(pricing, candidate, Some(given));
    if look.sight.segments.is_empty() {
        return Ok(false);
    }
    match reward::judge(pricing, candidate, terms, &look.sight)? {
        Ok(win) => reward::carry_out(pricing, number, candidate, terms, &look.sight, win).map(|()| true).map_err(Into::into),
        Err(_) => Ok(false),
    }
}

/// What a spend promotion sees of the segments that it covers.
struct Look {
    sight: Sight,
    /// What the request keeps for another, or out.
    given_away: Sight,
    /// The first other promotion of its group that took one.
    taken_by: Option<PromoIx>,
}

/// `given`: the lines (ascending) that a search gives it.
fn look(pricing: &Pricing<'_>, candidate: &Candidate, given: Option<&[LineIx]>) -> Look {
    let prepared = pricing.prepared;
    let mut look = Look { sight: Sight::default(), given_away: Sight::default(), taken_by: None };
    for (number, segment) in pricing.segments_covered(candidate) {
        if let Some(by) = pricing.closed_by(segment, candidate.stage) {
            look.sight.keep_out(segment.line, by);
        } else if let Some(by) = taken_by(pricing, candidate, segment) {
            look.taken_by = look.taken_by.or(Some(by));
        } else if given.is_some_and(|given| given.binary_search(&segment.line).is_err())
            || prepared.selections.keeps_from(prepared.rulebook, candidate.promotion, segment.line)
        {
            look.given_away.segments.push(number);
        } else {
            look.sight.segments.push(number);
        }
    }
    look
}

/// Who took the segment in this stage and exclusion group?
fn taken_by(pricing: &Pricing<'_>, candidate: &Candidate, segment: &Segment) -> Option<PromoIx> {
    let group = |promotion: PromoIx| pricing.compiled(promotion).exclusion_group;
    let own = group(candidate.promotion);
    let touches = segment.chain.iter().rev().take_while(|touch| touch.stage >= candidate.stage);
    touches.map(|touch| touch.promotion).find(|promotion| group(*promotion) == own)
}

/// No segment is left: its group took one, or stacking keeps one out. Where the request alone gave all of them away, it
/// was not selected if it would have applied with them, else it says why it would not have.
fn nothing_left(
    pricing: &mut Pricing<'_>,
    number: usize,
    candidate: &Candidate,
    terms: Terms<'_>,
    look: &Look,
) -> Result<(), QuoteError> {
    let verdict = match (look.taken_by, look.sight.kept_out.first()) {
        (Some(promotion), _) => Verdict::ExcludedBy { promotion },
        (None, Some((_, promotion))) => Verdict::NotStackable { promotion: *promotion },
        (None, None) => match reward::judge(pricing, candidate, terms, &look.given_away)? {
            Ok(_) if pricing.plan.is_some() => {
                pricing.left_out.push(number);
                return Ok(());
            }
            Ok(_) => Verdict::NotSelected,
            Err(refusal) => refusal.verdict,
        },
    };
    if let Verdict::LimitReached(stands) = verdict {
        pricing.note_cut(&[stands]);
    }
    pricing.refused(number, verdict);
    Ok(())
}
