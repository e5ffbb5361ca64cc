//! CLAWBACK: what would the rest have cost by itself? It is priced again with what the order still holds, and the
//! difference goes back; where the rest would cost more than is kept, the difference is waived.

use std::collections::BTreeMap;

use super::books::{self, Waived};
use super::{Order, Refund, RefundError, SegmentLeft, ToReturn, coupons, gives_on_top, restore};
use crate::allocate::{Leaf, allocate, split_by_weight};
use crate::amount::{Amount, Exact, Overflow};
use crate::basket::{Basket, CouponsOffered};
use crate::prepare::Prepared;
use crate::prepare::layout::Layout;
use crate::quote::{CounterKey, FreeUnits, FundingPart, GiftGiven, Payer, Quote, Segment, View, line_at};
use crate::rulebook::Rulebook;
use crate::table::{GiftIx, Ix, LineIx, PromoIx};

pub(super) fn give_back(order: &Order, rulebook: &Rulebook, returned: &[(LineIx, i64)]) -> Result<(Order, Refund), RefundError> {
    let mut left = order.clone();
    for (line, units) in returned {
        let row = left.lines.at_mut(*line);
        row.units = row.units.minus(*units)?;
    }
    let again = match what_remains(&left, rulebook)? {
        Some(basket) => Some(price_again(&left, rulebook, basket)?),
        None => None,
    };
    let mut refund = Refund::default();
    settle_lines(order, &mut left, again.as_ref(), &mut refund)?;
    settle_gifts(&mut left, again.as_ref(), &mut refund);
    settle_counters(&mut left, rulebook, again.as_ref(), &mut refund)?;
    left.coupons = again.as_ref().map_or_else(Vec::new, |again| coupons(rulebook, &again.quote));
    left.segments = Vec::new();
    left.parts = Vec::new();
    if let Some(Again { quote, original, .. }) = again {
        let to_original = |line: LineIx| original.get(line.position()).copied().unwrap_or(line);
        for as_paid in quote.segments {
            let as_paid = Segment { line: to_original(as_paid.line), ..as_paid };
            left.segments.push(SegmentLeft { left: as_paid.units, as_paid });
        }
        left.parts.extend(quote.funding.into_iter().map(|part| FundingPart { line: to_original(part.line), ..part }));
    }
    Ok((left, refund))
}

/// What remains, priced again.
struct Again {
    basket: Basket,
    quote: Quote,
    claims: Vec<(CounterKey, i64)>,
    /// Its lines, as lines of the original basket.
    original: Vec<LineIx>,
}

impl Again {
    fn original(&self, line: LineIx) -> LineIx {
        self.original.get(line.position()).copied().unwrap_or(line)
    }
}

/// The basket that is left, with the selections that still speak of it and the coupons that the order still holds.
fn what_remains(left: &Order, rulebook: &Rulebook) -> Result<Option<Basket>, RefundError> {
    let mut request = left.basket.to_request();
    let mut units = left.lines.rows().iter().map(|line| line.units);
    request.lines.retain_mut(|line| {
        line.quantity = units.next().unwrap_or(0);
        line.quantity > 0
    });
    if request.lines.is_empty() {
        return Ok(None);
    }
    let lines = &request.lines;
    request.select.retain(|sku, _| lines.iter().any(|line| line.sku == *sku));
    request.select_spend.retain(|line_id, _| lines.iter().any(|line| line.line_id == *line_id));
    let offered = match request.coupons {
        CouponsOffered::These(ids) | CouponsOffered::Auto { held: ids } => ids,
    };
    let holds = |id: &String| left.coupons.iter().any(|coupon| rulebook.promotion(*coupon).id == id.as_str());
    request.coupons = CouponsOffered::These(offered.into_iter().filter(holds).collect());
    let remains = Basket::parse(request).map_err(RefundError::Invalid)?;
    Ok(Some(remains.knowing(|id| left.basket.stage_out_of_force(id))))
}

fn price_again(left: &Order, rulebook: &Rulebook, basket: Basket) -> Result<Again, RefundError> {
    let rows = left.lines.iter();
    let original: Vec<LineIx> = rows.filter(|(_, line)| line.units > 0).map(|(ix, _)| ix).collect();
    let prepared = Prepared::new(rulebook, &basket)?;
    let keys: Vec<(CounterKey, i64)> =
        prepared.counters().rows().iter().map(|counter| (in_original(left, &original, counter.key), counter.limit)).collect();
    // Of a limited counter it may use what this order still holds, and nothing where it holds nothing.
    let held = |key: &CounterKey| left.held.iter().find(|(of, _)| of == key).map_or(0, |(_, amount)| *amount);
    let usage: Vec<i64> = keys.iter().map(|(key, limit)| limit.saturating_sub(held(key))).collect();
    let quote = prepared.price(&usage, View::Full)?;
    let key = |position: usize| keys.get(position).map(|(key, _)| *key);
    let claims = quote.claims.iter().filter_map(|claim| Some((key(claim.counter.position())?, claim.amount))).collect();
    Ok(Again { basket, quote, claims, original })
}

/// A counter of what remains, named by the lines of the original basket: the first that has the sku names it.
fn in_original(left: &Order, original: &[LineIx], key: CounterKey) -> CounterKey {
    let first = |line: LineIx| {
        let line = original.get(line.position()).copied().unwrap_or(line);
        let all = (0..left.basket.lines().len()).map(LineIx::new);
        all.into_iter().find(|other| left.same_sku(*other, line)).unwrap_or(line)
    };
    match key {
        CounterKey::StockBySku(promotion, line) => CounterKey::StockBySku(promotion, first(line)),
        CounterKey::UserUnitsOfSku(promotion, line, period) => CounterKey::UserUnitsOfSku(promotion, first(line), period),
        other => other,
    }
}

/// Each line gives back its old payable less its new one. Where the whole costs more than is kept, the difference is
/// waived: a discount over the lines that remain, by their new payables.
fn settle_lines(order: &Order, left: &mut Order, again: Option<&Again>, refund: &mut Refund) -> Result<(), Overflow> {
    let kept = Amount::sum(order.lines.rows().iter().map(|line| line.kept))?;
    let payable = again.map_or(Amount::ZERO, |again| again.quote.payable);
    refund.refund = kept.less_or_zero(payable);
    refund.waived = payable.less_or_zero(kept);
    for line in left.lines.rows_mut() {
        line.kept = Amount::ZERO;
    }
    let mut funding = BTreeMap::new();
    left.waived = Vec::new();
    if let Some(again) = again {
        let rows = again.quote.lines.iter();
        let leaves: Vec<Leaf> = rows.map(|(line, price)| Leaf { line, weight: price.payable }).collect();
        let shares = allocate(refund.waived, &leaves, &Layout::of(&again.basket))?;
        for (leaf, share) in leaves.iter().zip(&shares) {
            left.lines.at_mut(again.original(leaf.line)).kept = leaf.weight.minus(*share)?;
        }
        funding = again.quote.funding_by_payer();
        let waived = who_funds_the_waived(&left.funding, &funding, again, &leaves, &shares, refund.waived)?;
        refund.waived_by = by_payer(&waived)?;
        left.waived = waived.into_iter().map(|part| Waived { line: again.original(part.line), ..part }).collect();
        for (payer, amount) in &refund.waived_by {
            let sum = funding.entry(payer.clone()).or_insert(Amount::ZERO);
            *sum = sum.plus(*amount)?;
        }
    }
    left.funding = funding;
    for ((line, before), after) in order.lines.iter().zip(left.lines.rows()) {
        let amount = before.kept.minus(after.kept)?;
        if !amount.is_zero() {
            refund.lines.push((line, amount));
        }
    }
    debug_assert_eq!(Amount::sum(refund.lines.iter().map(|(_, amount)| *amount)), Ok(refund.refund));
    Ok(())
}

/// The parties that fund less than before, in proportion to how much less; or the lines' own stores if none does.
fn who_funds_the_waived(
    before: &BTreeMap<Payer, Amount>,
    now: &BTreeMap<Payer, Amount>,
    again: &Again,
    leaves: &[Leaf],
    shares: &[Amount],
    waived: Amount,
) -> Result<Vec<Waived>, Overflow> {
    if waived.is_zero() {
        return Ok(Vec::new());
    }
    let mut less: Vec<(Payer, Amount)> = before
        .iter()
        .map(|(payer, amount)| (payer.clone(), amount.less_or_zero(now.get(payer).copied().unwrap_or_default())))
        .filter(|(_, less)| less.is_positive())
        .collect();
    if less.is_empty() {
        let store_of = |line: LineIx| line_at(&again.basket, line).map(|line| line.store.clone());
        return Ok(books::waived_by_own_stores(leaves, shares, store_of));
    }
    // Ties go bytewise by name, and `platform` is a name like others.
    less.sort_by_cached_key(|(payer, _)| payer.to_string());
    let weights: Vec<Amount> = less.iter().map(|(_, less)| *less).collect();
    let parts = split_by_weight(waived, &weights)?;
    let parts: Vec<(Payer, Amount)> = less.into_iter().zip(parts).map(|((payer, _), part)| (payer, part)).collect();
    books::waived_by_line(&parts, leaves, shares, &Layout::of(&again.basket))
}

/// Bytewise by payer, where `platform` is a name like others.
fn by_payer(waived: &[Waived]) -> Result<Vec<(Payer, Amount)>, Overflow> {
    let mut sums: BTreeMap<String, (Payer, Amount)> = BTreeMap::new();
    for part in waived {
        let (_, sum) = sums.entry(part.payer.to_string()).or_insert_with(|| (part.payer.clone(), Amount::ZERO));
        *sum = sum.plus(part.amount)?;
    }
    Ok(sums.into_values().collect())
}

/// What the new price no longer takes of a counter is restored at once. Of gifts and free units on top the order keeps
/// what it neither was asked to send back nor gave up: their counters are restored when they come back.
fn settle_counters(left: &mut Order, rulebook: &Rulebook, again: Option<&Again>, refund: &mut Refund) -> Result<(), Overflow> {
    let claims: &[(CounterKey, i64)] = again.map_or(&[], |again| &again.claims);
    let now = |key: &CounterKey| claims.iter().find(|(of, _)| of == key).map_or(0, |(_, amount)| *amount);
    let mut held = left.held.clone();
    let mut kept: Vec<(CounterKey, i64)> = Vec::with_capacity(claims.len());
    for (key, before) in &left.held {
        let given = match *key {
            CounterKey::GiftInventory(_) => true,
            CounterKey::UserOrders(..) | CounterKey::Budget(_) => false,
            CounterKey::Stock(promotion)
            | CounterKey::StockBySku(promotion, _)
            | CounterKey::UserUnits(promotion, _)
            | CounterKey::UserUnitsOfSku(promotion, ..) => gives_on_top(rulebook.promotion(promotion)),
        };
        let amount = if given {
            now(key).min(before.saturating_sub(asked_back(left, &refund.to_return, *key)))
        } else {
            restore(&mut held, &mut refund.restored, *key, before.saturating_sub(now(key)))?;
            now(key)
        };
        if amount > 0 {
            kept.push((*key, amount));
        }
    }
    left.held = kept;
    Ok(())
}

/// What is to come back of what a counter of gifts or free units counts.
fn asked_back(left: &Order, to_return: &[ToReturn], key: CounterKey) -> i64 {
    let units = to_return.iter().map(|asked| match (*asked, key) {
        (ToReturn::Gift { gift, units, .. }, CounterKey::GiftInventory(of)) if gift == of => units,
        (ToReturn::FreeUnits { promotion, units, .. }, CounterKey::Stock(of) | CounterKey::UserUnits(of, _))
            if promotion == of =>
        {
            units
        }
        (
            ToReturn::FreeUnits { promotion, line, units },
            CounterKey::StockBySku(of, first) | CounterKey::UserUnitsOfSku(of, first, _),
        ) if promotion == of && left.same_sku(line, first) => units,
        _ => 0,
    });
    units.fold(0i64, i64::saturating_add)
}

/// What the customer has and the new price no longer gives is to come back. What only the new price gives was never
/// sent: it is not counted as something that the customer has.
fn settle_gifts(left: &mut Order, again: Option<&Again>, refund: &mut Refund) {
    let quoted: &[GiftGiven] = again.map_or(&[], |again| &again.quote.gifts);
    let count = |gifts: &[GiftGiven], gift: GiftIx, promotion: Option<PromoIx>| {
        let of = gifts.iter().filter(|given| given.gift == gift && promotion.is_none_or(|of| given.promotion == of));
        of.fold(0i64, |sum, given| sum.saturating_add(given.given))
    };
    // By gift; of the promotions that gave it, first by those that give fewer now.
    let had = left.gifts.clone();
    for position in 0..left.gifts.len() {
        let Some(GiftGiven { gift, promotion, .. }) = left.gifts.get(position).copied() else { continue };
        let over = count(&left.gifts, gift, None).saturating_sub(count(quoted, gift, None));
        let fewer = count(&had, gift, Some(promotion)).saturating_sub(count(quoted, gift, Some(promotion)));
        let Some(has) = left.gifts.get_mut(position) else { continue };
        let units = has.given.min(over).min(fewer).max(0);
        if units > 0 {
            has.given = has.given.saturating_sub(units);
            refund.to_return.push(ToReturn::Gift { gift, promotion, units });
        }
    }
    left.gifts.retain(|gift| gift.given > 0);

    let mut kept: Vec<FreeUnits> = Vec::with_capacity(left.free_units.len());
    for free in &left.free_units {
        // A group has one item promotion, so what it gives now is all that counts.
        let now = again.map_or(0, |again| {
            let units = again.quote.free_units.iter();
            let of_group = units.filter(|now| left.same_group(again.original(now.line), free.line)).map(|now| now.units);
            of_group.fold(0i64, i64::saturating_add)
        });
        let stays = free.units.min(now);
        if stays > 0 {
            kept.push(FreeUnits { units: stays, ..*free });
        }
        if stays < free.units {
            let units = free.units.saturating_sub(stays);
            refund.to_return.push(ToReturn::FreeUnits { line: free.line, promotion: free.promotion, units });
        }
    }
    left.free_units = kept;
}
