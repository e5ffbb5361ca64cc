//! How many units are free when so many are bought? On top of the basket, or among its own.

use smallvec::SmallVec;

use super::Pricing;
use super::item::{Bid, Look, Offer, Refusal};
use crate::amount::{Amount, Exact, Overflow};
use crate::outcome::{Shortfall, Verdict};
use crate::promotion::{Basis, BuyGet, BuyGetMode};
use crate::quote::{Hint, Then};

/// What a tier needs and gives, from the lowest.
type Tiers = SmallVec<[(i64, i64); 8]>;

/// What a `buy_get` would make of the lines that it covers. Limits and stock count free units only, and cut them.
pub(super) fn bid(pricing: &Pricing<'_>, look: &Look<'_>, rule: &BuyGet) -> Bid {
    let mut tiers: Tiers = SmallVec::new();
    for tier in &rule.tiers {
        let needs = match rule.mode {
            BuyGetMode::Add => tier.buy,
            BuyGetMode::Include => tier.buy.plus(tier.get)?,
        };
        tiers.push((needs, tier.get));
    }
    let earned = earned(&tiers, rule.repeat, look.quantity)?;
    let free = look.let_through(pricing, earned);
    let hint = if pricing.full && free == earned { hint(look, &tiers, rule.repeat, earned)? } else { None };
    if earned == 0 {
        let threshold = tiers.first().map_or(0, |(needs, _)| *needs);
        let shortfall = Shortfall {
            basis: Basis::Quantity,
            threshold,
            actual: look.quantity,
            missing: threshold.minus(look.quantity)?,
            kept_out: Vec::new(),
            limit: None,
        };
        return Ok(Err(Box::new(Refusal { verdict: Verdict::BelowQuantity(shortfall), hint, cut: Vec::new() })));
    }
    let mut offer = Offer { count: free, cut: look.cut(pricing, earned), hint, ..Offer::default() };
    match rule.mode {
        BuyGetMode::Add => offer.free_units = free,
        BuyGetMode::Include => {
            let wanted = cheapest(look, free)?;
            let room = look
                .lines
                .iter()
                .try_fold(Amount::ZERO, |sum, (_, line)| sum.plus(line.unit_price.minus(line.floor())?.times(line.quantity)?))?;
            offer.discount = wanted.min(room);
            offer.floor_cut = wanted.less_or_zero(room);
        }
    }
    Ok(Ok(offer))
}

/// Free units for a quantity: the highest tier reached, once; or repeatedly the highest that the rest still reaches.
fn earned(tiers: &Tiers, repeat: bool, quantity: i64) -> Result<i64, Overflow> {
    let mut earned = 0i64;
    let mut rest = quantity;
    for (needs, gives) in tiers.iter().rev().filter(|(needs, _)| *needs > 0) {
        let times = rest.checked_div(*needs).unwrap_or(0);
        if times > 0 && !repeat {
            return Ok(*gives);
        }
        earned = earned.plus(gives.checked_mul(times).ok_or(Overflow)?)?;
        rest = rest.checked_rem(*needs).unwrap_or(0);
    }
    Ok(earned)
}

/// The sum of the cheapest units of the group.
fn cheapest(look: &Look<'_>, units: i64) -> Result<Amount, Overflow> {
    let mut prices: SmallVec<[(Amount, i64); 8]> = look.lines.iter().map(|(_, line)| (line.unit_price, line.quantity)).collect();
    prices.sort_unstable();
    let mut rest = units;
    let mut sum = Amount::ZERO;
    for (price, quantity) in prices {
        let taken = rest.min(quantity);
        sum = sum.plus(price.times(taken)?)?;
        rest = rest.minus(taken)?;
    }
    Ok(sum)
}

/// What is missing to the next tier, or, with `repeat`, to the next free unit.
fn hint(look: &Look<'_>, tiers: &Tiers, repeat: bool, earned_now: i64) -> Result<Option<Box<Hint>>, Overflow> {
    let quantity = look.quantity;
    let missing = if repeat {
        // More is earned first where one tier fits once more into what the tiers above it leave.
        let mut rest = quantity;
        let mut least: Option<i64> = None;
        for (needs, _) in tiers.iter().rev() {
            rest = rest.checked_rem(*needs).unwrap_or(0);
            let missing = needs.minus(rest)?;
            least = Some(least.map_or(missing, |least| least.min(missing)));
        }
        least
    } else {
        tiers.iter().map(|(needs, _)| *needs).find(|needs| *needs > quantity).map(|needs| needs.saturating_sub(quantity))
    };
    let Some(missing) = missing else { return Ok(None) };
    let threshold = quantity.plus(missing)?;
    let then = earned(tiers, repeat, threshold)?;
    Ok(Some(Box::new(Hint {
        promotion: look.promotion,
        line: look.first_line(),
        basis: Basis::Quantity,
        threshold,
        missing,
        then: Then::FreeUnits(then),
        loses: then < earned_now,
    })))
}
