//! What does an order cost, line by line, and what is left of it? The sections that a price has everywhere.

use tokka_client::v1;

use super::{Shown, section, sum};
use crate::grid::{Grid, Side};
use crate::money::grouped;

/// What the column of a stage is called, and which of the six amounts stands in it.
type Column = (&'static str, fn(&v1::StageAmounts) -> i64);

const STAGES: [Column; 6] = [
    ("item\noffer", |amounts| amounts.item),
    ("set\noffer", |amounts| amounts.set),
    ("store\nspend", |amounts| amounts.store_spend),
    ("store\ncoupon", |amounts| amounts.store_coupon),
    ("platform\nspend", |amounts| amounts.platform_spend),
    ("platform\ncoupon", |amounts| amounts.platform_coupon),
];

impl Shown {
    /// Lines, discounts, gifts; `left` says what has not gone back, or is empty.
    pub(super) fn price_sections(&self, text: &mut String, quote: &v1::Quote, left: &[v1::LineLeft]) {
        section(text, "LINES", Some(self.lines(quote, left)));
        section(text, "DISCOUNTS", self.discounts(quote));
        section(text, "GIFTS AND FREE PIECES", gifts(quote));
    }

    /// Lines × stages, and beside them what is left of each.
    fn lines(&self, quote: &v1::Quote, left: &[v1::LineLeft]) -> String {
        let zero = v1::StageAmounts::default();
        let order = quote.discounts.as_ref().unwrap_or(&zero);
        let stages: Vec<_> = STAGES.into_iter().filter(|(_, amount)| amount(order) != 0).collect();
        let mut columns = vec![("line", Side::Left), ("pieces", Side::Right), ("gross", Side::Right)];
        columns.extend(stages.iter().map(|(heading, _)| (*heading, Side::Right)));
        columns.extend([("payable", Side::Right), ("piece\nby piece", Side::Right)]);
        columns.extend([("pieces\nleft", Side::Right), ("paid\nfor them", Side::Right), ("would be\nrefunded", Side::Right)]);
        let mut grid = Grid::new(columns);
        for line in &quote.lines {
            let pieces = sum(line.runs.iter().map(|run| run.count));
            let discounts = line.discounts.as_ref().unwrap_or(&zero);
            let mut row = vec![line.line_id.clone(), grouped(pieces), self.money(line.gross)];
            row.extend(stages.iter().map(|(_, amount)| self.amount(amount(discounts).saturating_neg())));
            let runs = line.runs.iter().map(|run| format!("{} × {}", grouped(run.count), self.money(run.payable)));
            row.extend([self.money(line.payable), runs.collect::<Vec<_>>().join("\n")]);
            if let Some(left) = left.iter().find(|left| left.line_id == line.line_id) {
                row.extend([grouped(left.units), self.money(left.payable), self.money(left.refundable)]);
            }
            grid.row(row);
        }
        let mut totals = vec!["all".to_owned(), String::new(), self.money(quote.gross)];
        totals.extend(stages.iter().map(|(_, amount)| self.amount(amount(order).saturating_neg())));
        totals.extend([self.money(quote.payable), String::new(), String::new()]);
        // What would be refunded together may be more or less than line by line, so that column has no sum.
        let paid = if left.is_empty() { String::new() } else { self.money(sum(left.iter().map(|left| left.payable))) };
        totals.extend([paid, String::new()]);
        grid.text_with_totals(totals)
    }

    /// What each promotion took off the order. `None` where nothing did, or only amounts were asked for.
    fn discounts(&self, quote: &v1::Quote) -> Option<String> {
        let mut grid =
            Grid::new([("promotion", Side::Left), ("id", Side::Left), ("discount", Side::Right), ("by a limit", Side::Left)]);
        let mut all = 0_i64;
        for outcome in &quote.outcomes {
            let Some(v1::outcome::Details::Applied(applied)) = &outcome.details else { continue };
            all = all.saturating_add(applied.discount);
            let cut = if applied.cut.is_empty() { String::new() } else { "cut".to_owned() };
            grid.row([outcome.name.clone(), outcome.promotion.clone(), self.amount(applied.discount), cut]);
        }
        let nothing = String::new;
        (!grid.is_empty()).then(|| grid.text_with_totals(["all".to_owned(), nothing(), self.money(all), nothing()]))
    }
}

fn gifts(quote: &v1::Quote) -> Option<String> {
    let columns = [("gift or free piece", Side::Left), ("given", Side::Right), ("missing", Side::Right), ("by", Side::Left)];
    let mut grid = Grid::new(columns);
    for gift in &quote.gifts {
        grid.row([gift.name.clone(), grouped(gift.quantity), String::new(), gift.promotion.clone()]);
    }
    for gift in &quote.missing_gifts {
        let missing = gift.wanted.saturating_sub(gift.given);
        grid.row([gift.name.clone(), String::new(), grouped(missing), gift.promotion.clone()]);
    }
    for free in &quote.free_units {
        grid.row([free.sku.clone(), grouped(free.units), String::new(), free.promotion.clone()]);
    }
    (!grid.is_empty()).then(|| grid.text())
}
