//! Stages 4 and 6: the coupons offered, tried in order. One of an owner applies; one that does not leaves its place
//! free.

use smallvec::SmallVec;

use super::Pricing;
use super::reward::{self, Sight, Terms};
use crate::amount::Amount;
use crate::outcome::{LineCoverage, NotCovered, Verdict};
use crate::prepare::Candidate;
use crate::promotion::{Basis, Coupon, Owner, Rule, SpendTier, Stage};
use crate::quote::QuoteError;
use crate::table::{Ix, LineIx, PromoIx};

pub(crate) fn run(pricing: &mut Pricing<'_>, stage: Stage) -> Result<(), QuoteError> {
    let mut places: SmallVec<[(&Owner, PromoIx); 4]> = SmallVec::new();
    for (number, candidate) in pricing.candidates(stage) {
        let document = pricing.prepared.promotion_of(candidate);
        let Rule::Coupon(rule) = &document.rule else { continue };
        let sight = look(pricing, candidate);
        if pricing.full {
            let coverage = coverage(pricing, candidate, &sight);
            pricing.coverage.resize_with(pricing.prepared.candidates.len(), Vec::new);
            if let Some(slot) = pricing.coverage.get_mut(number) {
                *slot = coverage;
            }
        }
        if pricing.plan.is_some_and(|plan| !plan.uses_coupon(number)) {
            pricing.left_out.push(number);
            continue;
        }
        if let Some((_, promotion)) = places.iter().find(|(owner, _)| **owner == document.owner) {
            pricing.refused(number, Verdict::OnePerOrder { promotion: *promotion });
            continue;
        }
        if let (true, Some((_, promotion))) = (sight.segments.is_empty(), sight.kept_out.first()) {
            pricing.refused(number, Verdict::NotStackable { promotion: *promotion });
            continue;
        }
        let tier = tier(rule);
        let terms = terms(rule, &tier);
        match reward::judge(pricing, candidate, terms, &sight)? {
            Ok(win) if pricing.coupons_apart => reward::note(pricing, number, &win)?,
            Ok(win) => {
                reward::carry_out(pricing, number, candidate, terms, &sight, win)?;
                places.push((&document.owner, candidate.promotion));
            }
            Err(refusal) => reward::refuse(pricing, number, refusal.without_hint()),
        }
    }
    Ok(())
}

/// A coupon is one tier.
fn tier(rule: &Coupon) -> [SpendTier; 1] {
    [SpendTier { threshold: rule.threshold.get(), discount: Some(rule.discount), gifts: Vec::new() }]
}

fn terms<'p>(rule: &'p Coupon, tier: &'p [SpendTier; 1]) -> Terms<'p> {
    Terms {
        tiers: tier,
        basis: Basis::Amount,
        repeat: false,
        max_repeats: None,
        threshold_on: rule.threshold_on,
        qualify: rule.qualify.as_ref(),
    }
}

/// Uses one coupon; did it apply?
pub(crate) fn apply(pricing: &mut Pricing<'_>, number: usize, candidate: &Candidate) -> Result<bool, QuoteError> {
    let Rule::Coupon(rule) = &pricing.prepared.promotion_of(candidate).rule else { return Ok(false) };
    let tier = tier(rule);
    let terms = terms(rule, &tier);
    let sight = look(pricing, candidate);
    match reward::judge(pricing, candidate, terms, &sight)? {
        Ok(win) => reward::carry_out(pricing, number, candidate, terms, &sight, win).map(|()| true).map_err(Into::into),
        Err(_) => Ok(false),
    }
}

/// What one coupon would take off; nothing where it would not apply.
pub(crate) fn worth(pricing: &Pricing<'_>, candidate: &Candidate) -> Result<Amount, QuoteError> {
    let Rule::Coupon(rule) = &pricing.prepared.promotion_of(candidate).rule else { return Ok(Amount::ZERO) };
    let tier = tier(rule);
    let judged = reward::judge(pricing, candidate, terms(rule, &tier), &look(pricing, candidate))?;
    Ok(judged.map_or(Amount::ZERO, |win| win.discount))
}

/// The segments that it covers and that stacking lets in.
fn look(pricing: &Pricing<'_>, candidate: &Candidate) -> Sight {
    let mut sight = Sight::default();
    for (number, segment) in pricing.segments_covered(candidate) {
        match pricing.closed_by(segment, candidate.stage) {
            Some(by) => sight.keep_out(segment.line, by),
            None => sight.segments.push(number),
        }
    }
    sight
}

/// Each line, and why it is not looked at.
fn coverage(pricing: &Pricing<'_>, candidate: &Candidate, sight: &Sight) -> Vec<LineCoverage> {
    let looked_at = |line: LineIx| {
        sight.segments.iter().filter_map(|number| pricing.segments.get(*number)).any(|segment| segment.line == line)
    };
    let lines = pricing.prepared.basket.lines().iter().enumerate();
    let lines = lines.map(|(position, row)| (LineIx::new(position), row));
    lines
        .map(|(line, row)| {
            let why_not = pricing.prepared.rulebook.why_not_covered(candidate.promotion, row).or_else(|| {
                let kept_out = sight.kept_out.iter().find(|(of, _)| *of == line).filter(|_| !looked_at(line));
                kept_out.map(|(_, by)| NotCovered::NotStackable(*by))
            });
            LineCoverage { line, why_not }
        })
        .collect()
}
