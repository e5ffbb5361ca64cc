//! Does an amount reach a threshold, and what does that bring? What spends and coupons have in common: stages 3 to 6.

use smallvec::SmallVec;

use super::Pricing;
use crate::amount::{Amount, Exact, Overflow};
use crate::basket::FieldViolation;
use crate::id::Id;
use crate::outcome::{Applied, Shortfall, Verdict};
use crate::prepare::Candidate;
use crate::promotion::{Basis, Discount, GiftReward, Scope, SpendTier, Stage, ThresholdOn};
use crate::quote::{GiftGiven, Hint, QuoteError, Segment, Then};
use crate::rulebook::why_not_in_scope;
use crate::table::{GiftIx, LineIx, PromoIx};

/// What a promotion promises. A coupon is one tier.
#[derive(Clone, Copy)]
pub(super) struct Terms<'p> {
    /// From the lowest.
    pub(super) tiers: &'p [SpendTier],
    pub(super) basis: Basis,
    pub(super) repeat: bool,
    pub(super) max_repeats: Option<i64>,
    pub(super) threshold_on: ThresholdOn,
    pub(super) qualify: Option<&'p Scope>,
}

/// What a promotion looks at.
#[derive(Default)]
pub(super) struct Sight {
    /// Segments that it may use, by number, ascending.
    pub(super) segments: SmallVec<[usize; 32]>,
    /// Lines with segments that stacking keeps out, each with the promotion that does.
    pub(super) kept_out: Vec<(LineIx, PromoIx)>,
}

impl Sight {
    /// One entry a line: its first segment that is kept out stands for it.
    pub(super) fn keep_out(&mut self, line: LineIx, by: PromoIx) {
        if self.kept_out.last().is_none_or(|(last, _)| *last != line) {
            self.kept_out.push((line, by));
        }
    }
}

/// What it would bring.
pub(super) struct Win {
    pub(super) discount: Amount,
    floor_cut: Amount,
    gifts: Vec<GiftGiven>,
    hint: Option<Hint>,
}

/// Why it brings nothing.
pub(super) struct Refusal {
    pub(super) verdict: Verdict,
    hint: Option<Hint>,
    /// Gifts that it would give if any were left.
    missing: Vec<GiftGiven>,
}

impl From<Verdict> for Refusal {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, hint: None, missing: Vec::new() }
    }
}

impl Refusal {
    /// Coupons have no tiers, so nothing is said about a next one; their outcome says what is missing.
    pub(super) fn without_hint(self) -> Self {
        Self { hint: None, ..self }
    }
}

/// Judges a promotion by the segments that it looks at; nothing is taken yet.
pub(super) fn judge(
    pricing: &Pricing<'_>,
    candidate: &Candidate,
    terms: Terms<'_>,
    sight: &Sight,
) -> Result<Result<Win, Refusal>, QuoteError> {
    let refused = pricing.orders_refused(candidate, 1);
    if let Some(verdict) = refused.or_else(|| pricing.exhausted(candidate.limits.stock.into_iter(), 1)) {
        return Ok(Err(verdict.into()));
    }
    let measured = measure(pricing, candidate, terms, sight)?;
    let above = terms.tiers.iter().find(|tier| tier.threshold > measured);
    let Some(tier) = terms.tiers.iter().rfind(|tier| tier.threshold <= measured) else {
        let threshold = terms.tiers.first().map_or(0, |tier| tier.threshold);
        let shortfall = Shortfall {
            basis: terms.basis,
            threshold,
            actual: measured,
            missing: threshold.minus(measured)?,
            kept_out: match terms.qualify {
                None => sight.kept_out.clone(),
                Some(scope) => kept_out_of(pricing, candidate, scope),
            },
            limit: None,
        };
        let verdict = match terms.basis {
            Basis::Quantity => Verdict::BelowQuantity(shortfall),
            Basis::Amount => Verdict::BelowThreshold(shortfall),
        };
        let hint = above.filter(|_| pricing.full).map(|tier| hint(pricing, candidate, terms, tier, 1, measured)).transpose()?;
        return Ok(Err(Refusal { verdict, hint, missing: Vec::new() }));
    };

    let mut times = 1;
    if terms.repeat {
        times = measured.checked_div(tier.threshold).unwrap_or(1);
        times = terms.max_repeats.map_or(times, |most| times.min(most));
    }
    let (discount, floor_cut) = match tier.discount {
        Some(discount) => discount_on(pricing, sight, discount, times)?,
        None => (Amount::ZERO, Amount::ZERO),
    };
    let gifts = gifts(pricing, candidate.promotion, &tier.gifts, times)?;
    let next = if !pricing.full {
        None
    } else if terms.repeat {
        let more = times.plus(1)?;
        let at_most = terms.max_repeats.unwrap_or(i64::MAX);
        let reachable = more <= at_most && tier.threshold.checked_mul(more).is_some();
        reachable.then_some((tier, more))
    } else {
        above.map(|tier| (tier, 1))
    };
    let mut hint = match next {
        Some((tier, times)) => Some(self::hint(pricing, candidate, terms, tier, times, measured)?),
        None => None,
    };
    if discount.is_zero() && gifts.iter().all(|gift| gift.given == 0) {
        return Ok(Err(Refusal { verdict: Verdict::NoBenefit, hint, missing: gifts }));
    }
    if let Some(verdict) = pricing.budget_refused(candidate, discount) {
        return Ok(Err(verdict.into()));
    }
    if let (Some(hint), Some((next, _)), false) = (&mut hint, next, terms.repeat) {
        hint.loses = loses(pricing, terms, sight, (tier, next), discount, hint.missing)?;
    }
    Ok(Ok(Win { discount, floor_cut, gifts, hint }))
}

/// Takes what it brings off the segments, and notes it.
pub(super) fn carry_out(
    pricing: &mut Pricing<'_>,
    number: usize,
    candidate: &Candidate,
    terms: Terms<'_>,
    sight: &Sight,
    win: Win,
) -> Result<(), Overflow> {
    pricing.take_off(candidate.promotion, candidate.stage, win.discount, &sight.segments)?;
    pricing.claim(candidate, candidate.limits.stock.into_iter(), 1, win.discount)?;
    pricing.clawback_only |= terms.qualify.is_some() && win.discount.is_positive();
    let mut applied = Applied { discount: win.discount, floor_cut: win.floor_cut, ..Applied::default() };
    for gift in win.gifts {
        if gift.given > 0 {
            applied.gifts.push((gift.gift, gift.given));
        }
        pricing.give(gift)?;
    }
    pricing.hints.extend(win.hint);
    pricing.applied(number, applied)
}

/// Notes what it would bring, and takes nothing.
pub(super) fn note(pricing: &mut Pricing<'_>, number: usize, win: &Win) -> Result<(), Overflow> {
    pricing.applied(number, Applied { discount: win.discount, floor_cut: win.floor_cut, ..Applied::default() })
}

/// Notes why it brings nothing, and what is missing.
pub(super) fn refuse(pricing: &mut Pricing<'_>, number: usize, refusal: Refusal) {
    pricing.gifts.extend(refusal.missing);
    pricing.hints.extend(refusal.hint);
    if let Verdict::LimitReached(stands) = refusal.verdict {
        pricing.note_cut(&[stands]);
    }
    pricing.refused(number, refusal.verdict);
}

/// What thresholds are compared with: the segments it looks at, or, with `qualify`, all segments that this covers and
/// that stacking lets in, whoever took them.
fn measure(pricing: &Pricing<'_>, candidate: &Candidate, terms: Terms<'_>, sight: &Sight) -> Result<i64, Overflow> {
    let of_segment = |segment: &Segment| match (terms.basis, terms.threshold_on) {
        (Basis::Quantity, _) => segment.units,
        (Basis::Amount, ThresholdOn::Left) => segment.amount.get(),
        (Basis::Amount, ThresholdOn::Item) => segment.amount_after(Stage::Item).get(),
    };
    let Some(scope) = terms.qualify else {
        let looked_at = sight.segments.iter().filter_map(|number| pricing.segments.get(*number));
        return looked_at.map(of_segment).try_fold(0i64, Exact::plus);
    };
    let open = in_scope(pricing, candidate, scope).filter(|segment| pricing.closed_by(segment, candidate.stage).is_none());
    open.map(of_segment).try_fold(0i64, Exact::plus)
}

/// All segments that a scope of this promotion holds, whoever took them.
fn in_scope<'p>(
    pricing: &'p Pricing<'_>,
    candidate: &Candidate,
    scope: &'p Scope,
) -> impl Iterator<Item = &'p Segment> + use<'p> {
    let owner = &pricing.prepared.promotion_of(candidate).owner;
    let holds =
        move |segment: &Segment| pricing.line(segment.line).is_some_and(|line| why_not_in_scope(owner, scope, line).is_none());
    let by_line = pricing.segments.chunk_by(|a, b| a.line == b.line);
    by_line.filter(move |of_line| of_line.first().is_some_and(holds)).flatten()
}

/// The lines of a scope that stacking kept out, each with the promotion that did.
fn kept_out_of(pricing: &Pricing<'_>, candidate: &Candidate, scope: &Scope) -> Vec<(LineIx, PromoIx)> {
    let mut sight = Sight::default();
    for segment in in_scope(pricing, candidate, scope) {
        if let Some(by) = pricing.closed_by(segment, candidate.stage) {
            sight.keep_out(segment.line, by);
        }
    }
    sight.kept_out
}

/// A discount on what is left of the segments now, cut to their room; and what that cut.
fn discount_on(pricing: &Pricing<'_>, sight: &Sight, discount: Discount, times: i64) -> Result<(Amount, Amount), Overflow> {
    let (mut left, mut room) = (Amount::ZERO, Amount::ZERO);
    for segment in sight.segments.iter().filter_map(|number| pricing.segments.get(*number)) {
        left = left.plus(segment.amount)?;
        room = room.plus(pricing.room(segment)?)?;
    }
    let wanted = wanted(pricing, discount, left, times);
    Ok((wanted.min(room), wanted.less_or_zero(room)))
}

/// A discount on this amount, before floors.
fn wanted(pricing: &Pricing<'_>, discount: Discount, amount: Amount, times: i64) -> Amount {
    match discount {
        // What does not fit into 64 bits is above the amount all the more.
        Discount::AmountOff(off) => Amount::minor(off.get().saturating_mul(times)).min(amount),
        Discount::PercentOff { rate, max_discount } => {
            let part = rate.of(amount, pricing.prepared.rulebook.settings().rounding);
            max_discount.map_or(part, |most| part.min(most))
        }
    }
}

/// The gifts of a reward that counts so many times. A choice is the one that the request picked, else the first with
/// any left, else the first.
fn gifts(pricing: &Pricing<'_>, promotion: PromoIx, rewards: &[GiftReward], times: i64) -> Result<Vec<GiftGiven>, QuoteError> {
    let rulebook = pricing.prepared.rulebook;
    let mut gifts: Vec<GiftGiven> = Vec::with_capacity(rewards.len());
    for reward in rewards {
        let left = |gift: GiftIx, gifts: &[GiftGiven]| {
            let here = gifts.iter().filter(|given| given.gift == gift).map(|given| given.given);
            let here = here.fold(0i64, i64::saturating_add);
            pricing.gift_left(gift).map(|left| left.saturating_sub(here).max(0))
        };
        let options = || reward.options.iter().filter_map(|id| rulebook.find_gift(id));
        let picked = pricing.prepared.selections.gift(promotion).filter(|picked| options().any(|gift| gift == *picked));
        let any_left = |gift: &GiftIx| left(*gift, &gifts).is_none_or(|left| left > 0);
        let Some(gift) = picked.or_else(|| options().find(any_left)).or_else(|| options().next()) else { continue };
        let wanted = reward.quantity.checked_mul(times).ok_or_else(|| {
            let id = &rulebook.promotion(promotion).id;
            let description = format!("`{id}` would give more gifts than fit into 64 bits");
            QuoteError::Invalid(vec![FieldViolation::new("lines", description)])
        })?;
        let given = left(gift, &gifts).map_or(wanted, |left| left.min(wanted));
        gifts.push(GiftGiven { promotion, gift, wanted, given });
    }
    Ok(gifts)
}

/// What is missing to a tier, or to its next multiple.
fn hint(
    pricing: &Pricing<'_>,
    candidate: &Candidate,
    terms: Terms<'_>,
    tier: &SpendTier,
    times: i64,
    measured: i64,
) -> Result<Hint, Overflow> {
    let threshold = tier.threshold.checked_mul(times).ok_or(Overflow)?;
    let gifts = if pricing.full { tier.gifts.clone() } else { Vec::new() };
    Ok(Hint {
        promotion: candidate.promotion,
        line: None,
        basis: terms.basis,
        threshold,
        missing: threshold.minus(measured)?,
        then: Then::Reward { discount: tier.discount, gifts, times },
        loses: false,
    })
}

/// Does reaching the next tier take away what the one reached gives: a larger discount, or a gift?
fn loses(
    pricing: &Pricing<'_>,
    terms: Terms<'_>,
    sight: &Sight,
    (reached, next): (&SpendTier, &SpendTier),
    discount: Amount,
    missing: i64,
) -> Result<bool, Overflow> {
    let looked_at = sight.segments.iter().filter_map(|number| pricing.segments.get(*number));
    let left = Amount::sum(looked_at.map(|segment| segment.amount))?;
    let then = match terms.basis {
        Basis::Amount => Amount::minor(left.get().saturating_add(missing)),
        Basis::Quantity => left,
    };
    let next_discount = next.discount.map_or(Amount::ZERO, |discount| wanted(pricing, discount, then, 1));
    let count = |tier: &SpendTier, options: &[Id]| {
        let same = tier.gifts.iter().filter(|reward| reward.options == options);
        same.fold(0i64, |sum, reward| sum.saturating_add(reward.quantity))
    };
    let keeps = |reward: &GiftReward| count(next, &reward.options) >= count(reached, &reward.options);
    Ok(next_discount < discount || !reached.gifts.iter().all(keeps))
}
