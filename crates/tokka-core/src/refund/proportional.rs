//! PROPORTIONAL: what does each returned unit give back? What was paid for it; and with the last unit that earned
//! something, that goes back too.

use smallvec::SmallVec;

use super::{Order, Refund, RefundError, SegmentLeft, ToReturn, gives_on_top, restore};
use crate::amount::{Amount, Exact, Overflow, first_units};
use crate::promotion::Rule;
use crate::quote::{CounterKey, FreeUnits};
use crate::rulebook::Rulebook;
use crate::table::{LineIx, PromoIx};

pub(super) fn give_back(order: &Order, rulebook: &Rulebook, returned: &[(LineIx, i64)]) -> Result<(Order, Refund), RefundError> {
    let mut left = order.clone();
    let mut refund = Refund::default();
    let mut touched: SmallVec<[PromoIx; 8]> = SmallVec::new();
    for (line, units) in returned {
        let amount = take_units(&mut left, rulebook, *line, *units, &mut refund, &mut touched)?;
        refund.refund = refund.refund.plus(amount)?;
        if !amount.is_zero() {
            refund.lines.push((*line, amount));
        }
        let row = left.lines.at_mut(*line);
        row.units = row.units.minus(*units)?;
        row.kept = row.kept.minus(amount)?;
    }
    touched.sort_unstable();
    touched.dedup();
    for promotion in touched {
        end_what_is_no_longer_earned(&mut left, rulebook, promotion, &mut refund)?;
    }
    left.held.retain(|(_, amount)| *amount > 0);
    Ok((left, refund))
}

/// Takes units of a line from the highest index down, segment by segment; the units over the limit are the last.
fn take_units(
    left: &mut Order,
    rulebook: &Rulebook,
    line: LineIx,
    units: i64,
    refund: &mut Refund,
    touched: &mut SmallVec<[PromoIx; 8]>,
) -> Result<Amount, Overflow> {
    let mut rest = units;
    let mut amount = Amount::ZERO;
    // The counters are restored beside the segments, so these are taken out meanwhile.
    let mut segments = std::mem::take(&mut left.segments);
    for segment in segments.iter_mut().rev().filter(|segment| segment.as_paid.line == line && segment.left > 0) {
        if rest == 0 {
            break;
        }
        let units = rest.min(segment.left);
        let of_last = |whole: Amount| last_units(segment, whole, units);
        amount = amount.plus(of_last(segment.as_paid.amount)?)?;
        let mut before = segment.as_paid.gross;
        for touch in &segment.as_paid.chain {
            let discount = of_last(before)?.minus(of_last(touch.after)?)?;
            before = touch.after;
            touched.push(touch.promotion);
            restore(&mut left.held, &mut refund.restored, CounterKey::Budget(touch.promotion), discount.get())?;
            if matches!(rulebook.promotion(touch.promotion).rule, Rule::ItemPrice(_) | Rule::VolumePrice(_)) {
                restore_units(left, touch.promotion, line, units, refund)?;
            }
        }
        segment.left = segment.left.minus(units)?;
        rest = rest.minus(units)?;
    }
    left.segments = segments;
    Ok(amount)
}

/// What the last `units` of those that are left pay of an amount of the whole segment.
fn last_units(segment: &SegmentLeft, whole: Amount, units: i64) -> Result<Amount, Overflow> {
    let first = |k: i64| first_units(whole, segment.as_paid.units, k);
    first(segment.left).minus(first(segment.left.minus(units)?))
}

/// Restores what units of a line took of the stock and the unit limits of a promotion.
fn restore_units(order: &mut Order, promotion: PromoIx, line: LineIx, units: i64, refund: &mut Refund) -> Result<(), Overflow> {
    let counts = |key: &CounterKey| match *key {
        CounterKey::Stock(of) | CounterKey::UserUnits(of, _) => of == promotion,
        CounterKey::StockBySku(of, first) | CounterKey::UserUnitsOfSku(of, first, _) => {
            of == promotion && order.same_sku(first, line)
        }
        CounterKey::UserOrders(..) | CounterKey::Budget(_) | CounterKey::GiftInventory(_) => false,
    };
    let keys: SmallVec<[CounterKey; 4]> = order.held.iter().map(|(key, _)| *key).filter(counts).collect();
    for key in keys {
        restore(&mut order.held, &mut refund.restored, key, units)?;
    }
    Ok(())
}

/// With the last unit of a group, its free units go back; with the last unit that a promotion touched, its order, sets
/// and gifts do.
fn end_what_is_no_longer_earned(
    left: &mut Order,
    rulebook: &Rulebook,
    promotion: PromoIx,
    refund: &mut Refund,
) -> Result<(), Overflow> {
    let document = rulebook.promotion(promotion);
    let mut ended: SmallVec<[FreeUnits; 2]> = SmallVec::new();
    for free in left.free_units.iter().chain(&left.included_units).filter(|free| free.promotion == promotion) {
        if !still_touches(left, promotion, |line| left.same_group(free.line, line)) {
            ended.push(*free);
        }
    }
    for free in ended {
        let on_top = gives_on_top(document);
        if on_top {
            refund.to_return.push(ToReturn::FreeUnits { line: free.line, promotion, units: free.units });
            left.free_units.retain(|other| *other != free);
        } else {
            restore_units(left, promotion, free.line, free.units, refund)?;
            left.included_units.retain(|other| *other != free);
        }
    }
    if still_touches(left, promotion, |_| true) {
        return Ok(());
    }
    // Sets, orders: all at once. Free units on top are still with the customer.
    let keys: SmallVec<[(CounterKey, i64); 4]> = left
        .held
        .iter()
        .filter(|(key, _)| match key {
            CounterKey::UserOrders(of, _) | CounterKey::Budget(of) => *of == promotion,
            CounterKey::Stock(of)
            | CounterKey::StockBySku(of, _)
            | CounterKey::UserUnits(of, _)
            | CounterKey::UserUnitsOfSku(of, ..) => *of == promotion && !gives_on_top(document),
            CounterKey::GiftInventory(_) => false,
        })
        .copied()
        .collect();
    for (key, amount) in keys {
        restore(&mut left.held, &mut refund.restored, key, amount)?;
    }
    for gift in left.gifts.iter().filter(|gift| gift.promotion == promotion && gift.given > 0) {
        refund.to_return.push(ToReturn::Gift { gift: gift.gift, promotion, units: gift.given });
    }
    left.gifts.retain(|gift| gift.promotion != promotion);
    Ok(())
}

/// Is a unit left that the promotion touched, on a line that matters?
pub(super) fn still_touches(order: &Order, promotion: PromoIx, matters: impl Fn(LineIx) -> bool) -> bool {
    let left = order.segments.iter().filter(|segment| segment.left > 0 && matters(segment.as_paid.line));
    left.into_iter().any(|segment| segment.as_paid.chain.iter().any(|touch| touch.promotion == promotion))
}
