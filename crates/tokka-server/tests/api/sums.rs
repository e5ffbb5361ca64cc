//! Do the columns of an answer add up? Asked of every quote that any of these tests gets.

use std::collections::BTreeMap;

use tokka_proto::v1;

/// Panics with the sum that does not hold.
pub(crate) fn hold(quote: &v1::Quote) {
    for line in &quote.lines {
        assert_eq!(line.payable, line.gross - total(&line.discounts), "line `{}`", line.line_id);
        let runs: i64 = line.runs.iter().map(|run| run.count * run.payable).sum();
        assert_eq!(runs, line.payable, "the runs of line `{}`", line.line_id);
        if !line.segments.is_empty() {
            segments_hold(line);
        }
    }
    for store in &quote.stores {
        let [item, set, spend, coupon, platform_spend, platform_coupon] = stages(&store.discounts);
        assert_eq!(store.subtotal, store.gross - item - set - spend - coupon, "store `{}`", store.store);
        assert_eq!(store.payable, store.subtotal - platform_spend - platform_coupon, "store `{}`", store.store);
        let taxed: i64 = store.tax_totals.iter().map(|total| total.payable).sum();
        assert_eq!(taxed, store.payable, "the tax classes of store `{}`", store.store);
    }
    assert_eq!(quote.payable, quote.gross - total(&quote.discounts), "the order");
    let order = (quote.gross, stages(&quote.discounts), quote.payable);
    let lines = quote.lines.iter().map(|line| (line.gross, stages(&line.discounts), line.payable));
    assert_eq!(lines.fold((0, [0; 6], 0), plus), order, "lines to the order");
    let stores = quote.stores.iter().map(|store| (store.gross, stages(&store.discounts), store.payable));
    assert_eq!(stores.fold((0, [0; 6], 0), plus), order, "stores to the order");
    if !quote.settlements.is_empty() {
        funding_holds(quote);
    }
}

fn segments_hold(line: &v1::LinePrice) {
    let sum = |of: fn(&v1::Segment) -> i64| line.segments.iter().map(of).sum::<i64>();
    assert_eq!(sum(|segment| segment.gross), line.gross, "the segments of line `{}`", line.line_id);
    assert_eq!(sum(|segment| segment.payable), line.payable, "the segments of line `{}`", line.line_id);
    let count: i64 = line.runs.iter().map(|run| run.count).sum();
    assert_eq!(sum(|segment| segment.units), count, "the pieces of line `{}`", line.line_id);
    for segment in &line.segments {
        let taken: i64 = segment.touches.iter().map(|touch| touch.discount).sum();
        assert_eq!(segment.payable, segment.gross - taken, "a segment of line `{}`", line.line_id);
    }
}

/// What is funded is the discounts, line by line, and what is settled is what was paid and what the platform funded.
fn funding_holds(quote: &v1::Quote) {
    let mut by_line: BTreeMap<&str, i64> = quote.lines.iter().map(|line| (line.line_id.as_str(), 0)).collect();
    for part in &quote.funding {
        *by_line.get_mut(part.line_id.as_str()).expect("a line of the quote") += part.amount;
    }
    for line in &quote.lines {
        assert_eq!(by_line[line.line_id.as_str()], total(&line.discounts), "the funding of line `{}`", line.line_id);
    }
    let funded: i64 = quote.funders.iter().map(|funder| funder.amount).sum();
    assert_eq!(funded, total(&quote.discounts), "funders");
    let platform: i64 = quote.funders.iter().filter(|funder| funder.payer == "platform").map(|funder| funder.amount).sum();
    let settled: i64 = quote.settlements.iter().map(|settlement| settlement.amount).sum();
    assert_eq!(settled, quote.payable + platform, "settlements");
}

type Column = (i64, [i64; 6], i64);

fn plus(sum: Column, row: Column) -> Column {
    (sum.0 + row.0, std::array::from_fn(|stage| sum.1[stage] + row.1[stage]), sum.2 + row.2)
}

fn stages(discounts: &Option<v1::StageAmounts>) -> [i64; 6] {
    let v1::StageAmounts { item, set, store_spend, store_coupon, platform_spend, platform_coupon } =
        discounts.unwrap_or_default();
    [item, set, store_spend, store_coupon, platform_spend, platform_coupon]
}

fn total(discounts: &Option<v1::StageAmounts>) -> i64 {
    stages(discounts).iter().sum()
}
