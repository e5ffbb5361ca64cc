//! Stage 1: which price has each unit? At most one item promotion serves the lines of one sku in one store.

use smallvec::SmallVec;

use super::{Pricing, buy_get};
use crate::amount::{Amount, Exact, Overflow};
use crate::basket::Line;
use crate::outcome::{Applied, LimitUse, Shortfall, Verdict};
use crate::prepare::ItemLook;
use crate::prepare::limits::SlotIx;
use crate::prepare::select::ItemSelection;
use crate::promotion::{Basis, ItemPrice, Promotion, Rule, Stage, UnitPrice, VolumeMode, VolumePrice};
use crate::quote::{FreeUnits, Hint, Segment, Then, Touch};
use crate::rate::Rounding;
use crate::rulebook::Rulebook;
use crate::table::{Ix, LineIx, PromoIx};

/// Serves every group, and makes the first segments.
pub(crate) fn run(pricing: &mut Pricing<'_>) -> Result<(), Overflow> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut spread: SmallVec<[Spread; 4]> = SmallVec::new();
    // Only outcomes name it.
    let gross_by_group = if pricing.full { gross_by_group(pricing)? } else { Vec::new() };
    for looks in pricing.prepared.item_looks.chunk_by(|a, b| a.group == b.group) {
        let group = looks.first().and_then(|look| usize::try_from(look.group).ok());
        let gross = group.and_then(|group| gross_by_group.get(group)).copied().unwrap_or_default();
        serve(pricing, looks, gross, &mut pieces, &mut spread)?;
    }
    finish(pricing, pieces, spread, |_| true)
}

/// Makes the first segments of some lines, of what their groups took.
pub(crate) fn finish(
    pricing: &mut Pricing<'_>,
    pieces: Vec<Piece>,
    spread: SmallVec<[Spread; 4]>,
    of: impl Fn(LineIx) -> bool,
) -> Result<(), Overflow> {
    make_segments(pricing, pieces, of)?;
    // What a `buy_get` takes off is allocated over all units of its group, once these are segments.
    for Spread { promotion, look, discount } in spread {
        let lines = pricing.prepared.lines_of_look(&look).iter();
        let numbers: SmallVec<[usize; 32]> = lines.flat_map(|line| pricing.segments_of(*line)).collect();
        pricing.take_off(promotion, Stage::Item, discount, &numbers)?;
    }
    Ok(())
}

/// Equal units of a line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Piece {
    pub(crate) line: LineIx,
    pub(crate) units: i64,
    pub(crate) over_limit: bool,
    /// What each costs, and who made it cheaper.
    pub(crate) made_cheaper: Option<(PromoIx, Amount)>,
}

/// A discount to be allocated over the lines of a look.
#[derive(Debug, Clone)]
pub(crate) struct Spread {
    promotion: PromoIx,
    look: ItemLook,
    discount: Amount,
}

/// What a promotion would make of a group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offer {
    pub(crate) discount: Amount,
    pub(super) floor_cut: Amount,
    /// Units on top.
    pub(crate) free_units: i64,
    /// What it takes of its limits: units made cheaper, or free ones.
    pub(super) count: i64,
    pub(super) cut: Vec<LimitUse>,
    pub(super) hint: Option<Box<Hint>>,
    pub(crate) pieces: SmallVec<[Piece; 4]>,
}

/// Why it would make nothing of it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) verdict: Verdict,
    pub(super) hint: Option<Box<Hint>>,
    /// Limits that cut the quantity.
    pub(super) cut: Vec<LimitUse>,
}

impl From<Verdict> for Box<Refusal> {
    fn from(verdict: Verdict) -> Self {
        let cut = match verdict {
            Verdict::LimitReached(stands) => vec![stands],
            _ => Vec::new(),
        };
        Self::new(Refusal { verdict, hint: None, cut })
    }
}

/// An offer, or a refusal; the outer error is a bug of ours.
pub(crate) type Bid = Result<Result<Offer, Box<Refusal>>, Overflow>;

/// What a look at a group asks about.
pub(super) struct Look<'p> {
    pub(super) promotion: PromoIx,
    pub(super) document: &'p Promotion,
    pub(super) lines: SmallVec<[(LineIx, &'p Line); 8]>,
    /// Their units.
    pub(super) quantity: i64,
    /// The limits on units, in the order of the reasons.
    pub(super) slots: SmallVec<[SlotIx; 4]>,
}

/// Chooses the promotion of one group, which costs `gross` without any.
fn serve(
    pricing: &mut Pricing<'_>,
    looks: &[ItemLook],
    gross: Amount,
    pieces: &mut Vec<Piece>,
    spread: &mut SmallVec<[Spread; 4]>,
) -> Result<(), Overflow> {
    let prepared = pricing.prepared;
    let Some(line) = looks.first().and_then(|look| prepared.lines_of_look(look).first()) else { return Ok(()) };
    let selection = prepared.selections.item(*line);
    // What a higher priority beats need not be priced, unless somebody reads why it was beaten, or it may need a user.
    let plan = pricing.plan.filter(|plan| plan.all_stages());
    let winner_only = !pricing.full && plan.is_none() && selection.is_none() && prepared.basket.user().is_some();

    let mut offers: SmallVec<[(&ItemLook, PromoIx, Offer); 4]> = SmallVec::new();
    for look in looks {
        let Some(candidate) = prepared.candidates.get(look.candidate) else { continue };
        let promotion = candidate.promotion;
        let priority = |promotion: PromoIx| prepared.rulebook.promotion(promotion).priority;
        if winner_only && offers.iter().any(|(_, earlier, _)| priority(*earlier) > priority(promotion)) {
            break;
        }
        match bid(pricing, look)? {
            Ok(offer) => offers.push((look, promotion, offer)),
            Err(refusal) => {
                let Refusal { verdict, hint, cut } = *refusal;
                pricing.note_cut(&cut);
                pricing.hints.extend(hint.map(|hint| *hint));
                pricing.refused(look.candidate, verdict);
            }
        }
    }

    let is_selected = |promotion: PromoIx| selection == Some(ItemSelection::One(promotion));
    let selected = offers.iter().position(|(_, promotion, _)| is_selected(*promotion));
    let by_default = || best_of(prepared.rulebook, offers.iter().map(|(_, promotion, offer)| (*promotion, offer)));
    let planned = plan.map(|plan| {
        let group = looks.first().map_or(0, |look| look.group);
        offers.iter().position(|(look, ..)| Some(look.candidate) == plan.item(group))
    });
    let chosen = match selection {
        Some(ItemSelection::None) => None,
        _ => planned.unwrap_or_else(|| selected.or_else(by_default)),
    };

    let winner = chosen.and_then(|chosen| offers.get(chosen)).map(|(_, promotion, offer)| (*promotion, offer.discount));
    for (position, (look, promotion, offer)) in offers.into_iter().enumerate() {
        if Some(position) == chosen {
            take(pricing, look, promotion, offer, pieces, spread)?;
        } else if let (Some((winner, discount)), true) = (winner, selected.is_none()) {
            let (amount, winner_amount) = (gross.less_or_zero(offer.discount), gross.less_or_zero(discount));
            let verdict = Verdict::BeatenBy { promotion: winner, amount: Some(amount), winner: Some(winner_amount) };
            pricing.refused(look.candidate, verdict);
        } else if plan.is_some() && selected.is_none() && selection != Some(ItemSelection::None) {
            // A reason that an earlier group gave stands.
            if pricing.verdicts.get(look.candidate).is_some_and(Option::is_none) {
                pricing.left_out.push(look.candidate);
            }
        } else {
            pricing.refused(look.candidate, Verdict::NotSelected);
        }
    }
    Ok(())
}

/// The default choice: highest priority, lowest amount of the group, most free units on top, smallest id. Offers stand in
/// order of priority, then id, so the first of equals wins.
pub(crate) fn best_of<'o>(rulebook: &Rulebook, offers: impl Iterator<Item = (PromoIx, &'o Offer)>) -> Option<usize> {
    let priced = offers.map(|(promotion, offer)| (rulebook.promotion(promotion).priority, (offer.discount, offer.free_units)));
    let best = priced.enumerate().reduce(|best, other| {
        let ((_, (priority, brings)), (_, (other_priority, other_brings))) = (best, other);
        if other_priority == priority && other_brings > brings { other } else { best }
    });
    best.map(|(position, _)| position)
}

/// What each group costs before any promotion, by its number, with the lines that none of its promotions covers.
fn gross_by_group(pricing: &Pricing<'_>) -> Result<Vec<Amount>, Overflow> {
    let mut gross: Vec<Amount> = Vec::new();
    for (position, line) in pricing.prepared.basket.lines().iter().enumerate() {
        let group = pricing.prepared.layout.group(LineIx::new(position));
        let of_line = line.unit_price.times(line.quantity)?;
        // Groups are numbered in order of their first line.
        match usize::try_from(group).ok().and_then(|group| gross.get_mut(group)) {
            Some(sum) => *sum = sum.plus(of_line)?,
            None => gross.push(of_line),
        }
    }
    Ok(gross)
}

/// What one promotion would make of the lines that it covers.
pub(crate) fn bid(pricing: &Pricing<'_>, item_look: &ItemLook) -> Bid {
    let lines = pricing.prepared.lines_of_look(item_look).iter();
    bid_for(pricing, item_look.candidate, lines.filter_map(|line| Some((*line, pricing.line(*line)?))).collect())
}

/// Likewise, for lines that may be written differently.
pub(crate) fn bid_for<'l>(pricing: &'l Pricing<'_>, candidate: usize, lines: SmallVec<[(LineIx, &'l Line); 8]>) -> Bid {
    let prepared = pricing.prepared;
    let Some(candidate) = prepared.candidates.get(candidate) else { return Ok(Err(Verdict::NoBenefit.into())) };
    let quantity = lines.iter().try_fold(0i64, |sum, (_, line)| sum.plus(line.quantity))?;
    let units = match lines.first() {
        Some((first, _)) => candidate.limits.units_of(&prepared.layout, *first),
        None => candidate.limits.units(),
    };
    let look = Look {
        promotion: candidate.promotion,
        document: prepared.promotion_of(candidate),
        lines,
        quantity,
        slots: units.slots(candidate.limits.stock).collect(),
    };
    let refused = pricing.orders_refused(candidate, quantity);
    if let Some(verdict) = refused.or_else(|| pricing.exhausted(look.slots.iter().copied(), quantity)) {
        return Ok(Err(verdict.into()));
    }
    let offer = match &look.document.rule {
        Rule::ItemPrice(rule) => item_price(pricing, &look, *rule)?,
        Rule::VolumePrice(rule) => volume_price(pricing, &look, rule)?,
        Rule::BuyGet(rule) => buy_get::bid(pricing, &look, rule)?,
        Rule::MixMatch(_) | Rule::Bundle(_) | Rule::Spend(_) | Rule::Coupon(_) => Err(Verdict::NoBenefit.into()),
    };
    Ok(offer.and_then(|offer| {
        if offer.discount.is_zero() && offer.free_units == 0 {
            let Offer { hint, .. } = offer;
            return Err(Box::new(Refusal { verdict: Verdict::NoBenefit, hint, cut: Vec::new() }));
        }
        match pricing.budget_refused(candidate, offer.discount) {
            Some(verdict) => Err(verdict.into()),
            None => Ok(offer),
        }
    }))
}

impl Look<'_> {
    /// Units that every limit still lets through.
    pub(super) fn let_through(&self, pricing: &Pricing<'_>, wanted: i64) -> i64 {
        self.slots.iter().map(|slot| pricing.left(*slot)).fold(wanted, i64::min)
    }

    /// The limits of which less is left than wanted.
    pub(super) fn cut(&self, pricing: &Pricing<'_>, wanted: i64) -> Vec<LimitUse> {
        let below = self.slots.iter().filter(|slot| pricing.left(**slot) < wanted);
        below.filter_map(|slot| pricing.limit_use(*slot, self.quantity)).collect()
    }

    pub(super) fn first_line(&self) -> Option<LineIx> {
        self.lines.first().map(|(line, _)| *line)
    }
}

fn item_price(pricing: &Pricing<'_>, look: &Look<'_>, rule: ItemPrice) -> Bid {
    let eligible = look.let_through(pricing, look.quantity);
    Ok(Ok(price_units(pricing, look, eligible, &[(eligible, Some(rule.price))])?))
}

fn volume_price(pricing: &Pricing<'_>, look: &Look<'_>, rule: &VolumePrice) -> Bid {
    let eligible = look.let_through(pricing, look.quantity);
    let reached = rule.tiers.iter().rposition(|tier| tier.min_quantity <= eligible);
    let hint = next_tier(pricing, look, rule, eligible, reached)?;
    let Some(reached) = reached else {
        let threshold = rule.tiers.first().map_or(0, |tier| tier.min_quantity);
        let cut = look.cut(pricing, look.quantity);
        // Of the limits that cut the quantity, the one that leaves least.
        let binding = cut.iter().min_by_key(|stands| stands.limit.saturating_sub(stands.used)).copied();
        let shortfall = Shortfall {
            basis: Basis::Quantity,
            threshold,
            actual: eligible,
            missing: threshold.minus(eligible)?,
            kept_out: Vec::new(),
            limit: binding,
        };
        return Ok(Err(Box::new(Refusal { verdict: Verdict::BelowQuantity(shortfall), hint, cut })));
    };
    let mut runs: SmallVec<[(i64, Option<UnitPrice>); 8]> = SmallVec::new();
    match rule.mode {
        VolumeMode::AllUnits => runs.push((eligible, rule.tiers.get(reached).map(|tier| tier.price))),
        VolumeMode::Graduated => {
            let mut below = None;
            for tier in rule.tiers.iter().take(reached.saturating_add(1)) {
                runs.push((tier.min_quantity.minus(1)?, below));
                below = Some(tier.price);
            }
            runs.push((eligible, below));
        }
    }
    let mut offer = price_units(pricing, look, eligible, &runs)?;
    offer.hint = hint;
    Ok(Ok(offer))
}

/// The tier above, unless a limit cut the quantity: then buying more would not reach it.
fn next_tier(
    pricing: &Pricing<'_>,
    look: &Look<'_>,
    rule: &VolumePrice,
    eligible: i64,
    reached: Option<usize>,
) -> Result<Option<Box<Hint>>, Overflow> {
    if !pricing.full || eligible < look.quantity {
        return Ok(None);
    }
    let next = reached.map_or(0, |reached| reached.saturating_add(1));
    let Some(tier) = rule.tiers.get(next) else { return Ok(None) };
    let rounding = pricing.prepared.rulebook.settings().rounding;
    // A tier that makes units dearer than the one below takes away what is given now.
    let price = |tier: usize, line: &Line| rule.tiers.get(tier).map(|tier| target(line.unit_price, tier.price, rounding));
    let dearer = |reached: usize| look.lines.iter().any(|(_, line)| price(next, line) > price(reached, line));
    Ok(Some(Box::new(Hint {
        promotion: look.promotion,
        line: look.first_line(),
        basis: Basis::Quantity,
        threshold: tier.min_quantity,
        missing: tier.min_quantity.minus(eligible)?,
        then: Then::Price(tier.price),
        loses: rule.mode == VolumeMode::AllUnits && reached.is_some_and(dearer),
    })))
}

/// Prices the first `eligible` units in request order; a run reaches up to its number of units, each at its price or,
/// without one, at p. The units behind are over the limit.
fn price_units(
    pricing: &Pricing<'_>,
    look: &Look<'_>,
    eligible: i64,
    runs: &[(i64, Option<UnitPrice>)],
) -> Result<Offer, Overflow> {
    let rounding = pricing.prepared.rulebook.settings().rounding;
    let mut offer = Offer { cut: look.cut(pricing, look.quantity), ..Offer::default() };
    let mut runs = runs.iter().copied().chain(std::iter::once((i64::MAX, None)));
    let mut run = runs.next();
    let mut number = 0i64; // units so far
    for (line, row) in &look.lines {
        let mut rest = row.quantity;
        while rest > 0 {
            let Some((until, price)) = run else { break };
            let units = rest.min(until.minus(number)?);
            if units <= 0 {
                run = runs.next();
                continue;
            }
            let over_limit = number >= eligible;
            let mut made_cheaper = None;
            if let Some(price) = price {
                let (p, floor) = (row.unit_price, row.floor());
                let target = target(p, price, rounding);
                let after = target.max(floor);
                offer.floor_cut = offer.floor_cut.plus(floor.less_or_zero(target).times(units)?)?;
                if after < p {
                    made_cheaper = Some((look.promotion, after));
                    offer.discount = offer.discount.plus(p.minus(after)?.times(units)?)?;
                    offer.count = offer.count.plus(units)?;
                }
            }
            offer.pieces.push(Piece { line: *line, units, over_limit, made_cheaper });
            number = number.plus(units)?;
            rest = rest.minus(units)?;
        }
    }
    Ok(offer)
}

/// What a unit of price p would cost, were there no floor.
pub(crate) fn target(p: Amount, price: UnitPrice, rounding: Rounding) -> Amount {
    match price {
        UnitPrice::Fixed(fixed) => fixed,
        UnitPrice::AmountOff(off) => p.less_or_zero(off),
        UnitPrice::PercentOff(rate) => p.less_or_zero(rate.of(p, rounding)),
    }
}

/// Takes an offer: its limits, its pieces, and its discount where that is spread over a group.
pub(crate) fn take(
    pricing: &mut Pricing<'_>,
    look: &ItemLook,
    promotion: PromoIx,
    offer: Offer,
    pieces: &mut Vec<Piece>,
    spread: &mut SmallVec<[Spread; 4]>,
) -> Result<(), Overflow> {
    let prepared = pricing.prepared;
    let Some(candidate) = prepared.candidates.get(look.candidate) else { return Ok(()) };
    let Some(first_line) = prepared.lines_of_look(look).first().copied() else { return Ok(()) };
    let slots = candidate.limits.units_of(&prepared.layout, first_line).slots(candidate.limits.stock);
    pricing.claim(candidate, slots, offer.count, offer.discount)?;
    if let Rule::BuyGet(_) = prepared.promotion_of(candidate).rule {
        let of_group = |units: i64| FreeUnits { promotion, line: first_line, units };
        if offer.free_units > 0 {
            pricing.free_units.push(of_group(offer.free_units));
        } else {
            pricing.included_units.push(of_group(offer.count));
        }
        spread.push(Spread { promotion, look: look.clone(), discount: offer.discount });
    }
    pieces.extend(offer.pieces);
    pricing.hints.extend(offer.hint.map(|hint| *hint));
    let applied = Applied {
        discount: offer.discount,
        free_units: offer.free_units,
        gifts: Vec::new(),
        cut: offer.cut,
        floor_cut: offer.floor_cut,
    };
    pricing.applied(look.candidate, applied)
}

/// Makes the segments of all lines: those that were made, else one a line.
fn make_segments(pricing: &mut Pricing<'_>, mut pieces: Vec<Piece>, of: impl Fn(LineIx) -> bool) -> Result<(), Overflow> {
    pieces.sort_by_key(|piece| piece.line);
    let mut pieces = pieces.into_iter().peekable();
    let mut segments = Vec::with_capacity(pricing.prepared.basket.lines().len());
    for (position, row) in pricing.prepared.basket.lines().iter().enumerate() {
        let line = LineIx::new(position);
        if !of(line) {
            continue;
        }
        let whole = Piece { line, units: row.quantity, over_limit: false, made_cheaper: None };
        let mut next = pieces.next_if(|piece| piece.line == line).or(Some(whole));
        while let Some(piece) = next {
            let gross = row.unit_price.times(piece.units)?;
            let mut segment =
                Segment { line, units: piece.units, over_limit: piece.over_limit, gross, amount: gross, chain: SmallVec::new() };
            if let Some((promotion, each)) = piece.made_cheaper {
                segment.amount = each.times(piece.units)?;
                segment.chain.push(Touch { promotion, stage: Stage::Item, after: segment.amount });
            }
            segments.push(segment);
            next = pieces.next_if(|piece| piece.line == line);
        }
    }
    pricing.lay_out(segments);
    Ok(())
}
