//! Does a quote add up? Units to segments, segments to lines, lines to stores, stores to the order, payers to discounts.

use tokka_core::amount::Amount;
use tokka_core::basket::{Basket, Line};
use tokka_core::promotion::Stage;
use tokka_core::quote::{LinePrice, Payer, Quote};
use tokka_core::table::Ix;

/// Adds every column up.
pub(crate) fn check(basket: &Basket, quote: &Quote) -> Result<(), String> {
    equal("lines", count(basket.lines().len()), count(quote.lines.rows().len()))?;
    for ((_, price), line) in quote.lines.iter().zip(basket.lines()) {
        check_line(quote, line, price).map_err(|wrong| format!("line {}: {wrong}", line.line_id))?;
    }
    for (ix, store) in quote.stores.iter() {
        let lines = || quote.lines.rows().iter().filter(move |line| line.store == ix);
        equal("gross of a store", sum(lines().map(|line| line.gross)), store.gross.get().into())?;
        equal("payable of a store", sum(lines().map(|line| line.payable)), store.payable.get().into())?;
        for stage in Stage::ALL {
            let of_lines = sum(lines().map(|line| at(&line.discounts, stage)));
            equal(&format!("{} of a store", stage.name()), of_lines, at(&store.discounts, stage).get().into())?;
        }
        let platform = sum([at(&store.discounts, Stage::PlatformSpend), at(&store.discounts, Stage::PlatformCoupon)]);
        equal("subtotal of a store", i128::from(store.payable.get()) + platform, store.subtotal.get().into())?;
        let taxed = quote.tax_totals.iter().filter(|total| total.store == ix).map(|total| total.payable);
        equal("tax classes of a store", sum(taxed), store.payable.get().into())?;
    }
    equal("gross", sum(quote.stores.rows().iter().map(|store| store.gross)), quote.gross.get().into())?;
    equal("gross of the basket", basket.gross().get().into(), quote.gross.get().into())?;
    equal("payable", sum(quote.stores.rows().iter().map(|store| store.payable)), quote.payable.get().into())?;
    for stage in Stage::ALL {
        let of_stores = sum(quote.stores.rows().iter().map(|store| at(&store.discounts, stage)));
        equal(stage.name(), of_stores, at(&quote.discounts, stage).get().into())?;
    }
    let discount = sum(quote.discounts);
    equal("gross less discounts", i128::from(quote.gross.get()) - discount, quote.payable.get().into())?;
    equal("funding", sum(quote.funding.iter().map(|part| part.amount)), discount)?;
    let platform = sum(quote.funding.iter().filter(|part| part.payer == Payer::Platform).map(|part| part.amount));
    let settled = sum(quote.settlements.iter().map(|(_, amount)| *amount));
    equal("settlements", settled, i128::from(quote.payable.get()) + platform)
}

fn check_line(quote: &Quote, line: &Line, price: &LinePrice) -> Result<(), String> {
    equal("gross", i128::from(line.unit_price.get()) * i128::from(line.quantity), price.gross.get().into())?;
    equal("payable", i128::from(price.gross.get()) - sum(price.discounts), price.payable.get().into())?;
    let segments = quote.segments.get(price.segments.clone()).ok_or("has segments that are not there")?;
    equal("units", segments.iter().map(|segment| i128::from(segment.units)).sum(), line.quantity.into())?;
    equal("gross of segments", sum(segments.iter().map(|segment| segment.gross)), price.gross.get().into())?;
    equal("amounts of segments", sum(segments.iter().map(|segment| segment.amount)), price.payable.get().into())?;
    let over = segments.iter().filter(|segment| segment.over_limit).map(|segment| i128::from(segment.units)).sum();
    equal("units over a limit", over, price.over_limit.into())?;
    let mut stages = [0i128; 6];
    for segment in segments {
        let units = i128::from(segment.units);
        equal(
            "the line of a segment",
            count(segment.line.position()),
            count(quote.lines.iter().position(|(_, row)| std::ptr::eq(row, price)).unwrap_or(usize::MAX)),
        )?;
        let amount = i128::from(segment.amount.get());
        let least = i128::from(line.floor().get()) * units;
        if units < 1 || amount < least || segment.amount > segment.gross {
            return Err(format!("{units} units cost {amount}: not between {least} and {}", segment.gross.get()));
        }
        let runs: i128 = segment.runs().map(|run| i128::from(run.units) * i128::from(run.each.get())).sum();
        equal("runs of a segment", runs, amount)?;
        let mut before = segment.gross;
        for touch in &segment.chain {
            if touch.after > before {
                return Err(format!("a promotion made {} of {}", touch.after.get(), before.get()));
            }
            if let Some(stage) = stages.get_mut(touch.stage as usize) {
                *stage += i128::from(before.get()) - i128::from(touch.after.get());
            }
            before = touch.after;
        }
        equal("the end of a chain", before.get().into(), amount)?;
    }
    for stage in Stage::ALL {
        let of_segments = stages.get(stage as usize).copied().unwrap_or_default();
        equal(&format!("{} of segments", stage.name()), of_segments, at(&price.discounts, stage).get().into())?;
    }
    Ok(())
}

fn at(discounts: &[Amount; 6], stage: Stage) -> Amount {
    discounts.get(stage as usize).copied().unwrap_or_default()
}

fn sum(amounts: impl IntoIterator<Item = Amount>) -> i128 {
    amounts.into_iter().map(|amount| i128::from(amount.get())).sum()
}

fn count(of: usize) -> i128 {
    i128::try_from(of).unwrap_or(i128::MAX)
}

fn equal(what: &str, sum: i128, said: i128) -> Result<(), String> {
    if sum == said { Ok(()) } else { Err(format!("{what} come to {sum}, the quote says {said}")) }
}
