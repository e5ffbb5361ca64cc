//! Why was this one not chosen? What each alternative would have cost, all else being as chosen.

use smallvec::SmallVec;

use super::plan::Plan;
use crate::amount::Amount;
use crate::outcome::Verdict;
use crate::prepare::Candidate;
use crate::promotion::{Owner, Stage};
use crate::quote::{QuoteError, View};
use crate::stages::Pricing;
use crate::table::{LineIx, PromoIx};

/// At most so many alternatives are priced; what is left out beyond is named without amounts.
const PRICED_MAX: usize = 64;

/// Gives everything that a search left out its verdict; `chosen` is the plan of the result (`None`: the sequential one).
pub(crate) fn explain(pricing: &mut Pricing<'_>, chosen: Option<&Plan>) -> Result<(), QuoteError> {
    let payable = pricing.left_to_pay()?;
    let plan = match chosen {
        Some(plan) => plan.clone(),
        None => as_happened(pricing),
    };
    let mut left_out = std::mem::take(&mut pricing.left_out);
    // Where the sequential choice was kept, what it passed over are the coupons behind the first that applied.
    for (number, verdict) in pricing.verdicts.iter().enumerate() {
        if matches!(verdict, Some(Verdict::OnePerOrder { .. })) {
            left_out.push(number);
        }
    }
    // What one group left out may have served another.
    let applied = |number: &usize| matches!(pricing.verdicts.get(*number), Some(Some(Verdict::Applied(_))));
    left_out.retain(|number| !applied(number));
    left_out.sort_unstable();
    left_out.dedup();
    for (rank, number) in left_out.into_iter().enumerate() {
        let Some(candidate) = pricing.prepared.candidates.get(number) else { continue };
        let rival = rival(pricing, candidate, &plan);
        let mut amount = None;
        let mut refused = None;
        if rank < PRICED_MAX {
            let with = instead(pricing, number, candidate, &plan);
            let mut other = Pricing::planned(pricing.prepared, pricing.usage, View::Full, &with);
            other.stages()?;
            match other.verdicts.get_mut(number).and_then(Option::take) {
                Some(Verdict::Applied(_)) => amount = Some(other.left_to_pay()?),
                verdict => refused = verdict,
            }
        }
        let beaten = |promotion: PromoIx| {
            let winner: Option<Amount> = amount.map(|_| payable);
            Verdict::BeatenBy { promotion, amount, winner }
        };
        let verdict = refused.unwrap_or_else(|| rival.map_or(Verdict::NoBenefit, beaten));
        if let Some(slot) = pricing.verdicts.get_mut(number) {
            *slot = Some(verdict);
        }
    }
    Ok(())
}

/// The decisions behind a result.
fn as_happened(pricing: &Pricing<'_>) -> Plan {
    let prepared = pricing.prepared;
    let mut plan = Plan { coupons_only: prepared.searches() == Some(false), ..Plan::default() };
    let number_of = |promotion: PromoIx| prepared.candidates.iter().position(|candidate| candidate.promotion == promotion);
    let note_item = |plan: &mut Plan, line: LineIx, promotion: PromoIx| {
        let group = prepared.layout.group(line);
        if let (None, Some(number)) = (plan.item(group), number_of(promotion)) {
            plan.items.push((group, number));
        }
    };
    for free in &pricing.free_units {
        note_item(&mut plan, free.line, free.promotion);
    }
    for segment in &pricing.segments {
        for touch in &segment.chain {
            let Some(number) = number_of(touch.promotion) else { continue };
            match touch.stage {
                Stage::Item => note_item(&mut plan, segment.line, touch.promotion),
                Stage::Set if plan.sets.contains(&number) => {}
                Stage::Set => plan.sets.push(number),
                Stage::StoreCoupon | Stage::PlatformCoupon if plan.coupons.contains(&number) => {}
                Stage::StoreCoupon | Stage::PlatformCoupon => plan.coupons.push(number),
                Stage::StoreSpend | Stage::PlatformSpend => match plan.spends.iter_mut().find(|(of, _)| *of == number) {
                    Some((_, lines)) if lines.last() == Some(&segment.line) => {}
                    Some((_, lines)) => lines.push(segment.line),
                    None => plan.spends.push((number, SmallVec::from_iter([segment.line]))),
                },
            }
        }
    }
    plan
}

/// The plan with this one in place of what stands against it.
fn instead(pricing: &Pricing<'_>, number: usize, candidate: &Candidate, plan: &Plan) -> Plan {
    let prepared = pricing.prepared;
    let mut plan = plan.clone();
    let of = |number: usize| prepared.candidates.get(number);
    match candidate.stage {
        Stage::Item => {
            for look in prepared.item_looks.iter().filter(|look| look.candidate == number) {
                if plan.item(look.group).is_none() {
                    plan.items.push((look.group, number));
                }
            }
        }
        Stage::Set => plan.sets.push(number),
        Stage::StoreSpend | Stage::PlatformSpend => {
            let lines = prepared.lines_of(candidate);
            let group = |candidate: &Candidate| prepared.rulebook.compiled(candidate.promotion).exclusion_group;
            for (other, given) in &mut plan.spends {
                let rivals = |other: &Candidate| other.stage == candidate.stage && group(other) == group(candidate);
                if of(*other).is_some_and(rivals) {
                    given.retain(|line| lines.binary_search(line).is_err());
                }
            }
            plan.spends.push((number, lines.iter().copied().collect()));
        }
        Stage::StoreCoupon | Stage::PlatformCoupon => {
            let owner = owner(pricing, candidate);
            plan.coupons.retain(|other| of(*other).is_some_and(|other| self::owner(pricing, other) != owner));
            plan.coupons.push(number);
        }
    }
    plan
}

fn owner<'p>(pricing: &Pricing<'p>, candidate: &Candidate) -> &'p Owner {
    &pricing.prepared.promotion_of(candidate).owner
}

/// Who was chosen in its place: the coupon of its owner, else the first that took a line that it covers, else the first
/// that applied at all.
fn rival(pricing: &Pricing<'_>, candidate: &Candidate, plan: &Plan) -> Option<PromoIx> {
    let prepared = pricing.prepared;
    if matches!(candidate.stage, Stage::StoreCoupon | Stage::PlatformCoupon) {
        let chosen = plan.coupons.iter().filter_map(|number| prepared.candidates.get(*number));
        let mut same_owner = chosen.filter(|other| owner(pricing, other) == owner(pricing, candidate));
        if let Some(other) = same_owner.next() {
            return Some(other.promotion);
        }
    }
    let lines = prepared.lines_of(candidate);
    let touches = |own: bool| {
        let segments = pricing.segments.iter().filter(move |segment| !own || lines.binary_search(&segment.line).is_ok());
        segments.flat_map(|segment| &segment.chain).filter(|touch| touch.promotion != candidate.promotion)
    };
    let first = |own: bool| touches(own).map(|touch| (touch.stage, touch.promotion)).min().map(|(_, promotion)| promotion);
    first(true).or_else(|| first(false))
}
