//! What is bought, and what does each piece cost? Lines by seller, with a column for each stage that took something off.

use tokka_core::amount::Amount;
use tokka_core::table::{Ix, LineIx, PromoIx, StoreIx};

use super::tables::heading;
use super::{Report, of_stage};
use crate::grid::{Grid, Side};
use crate::money::grouped;

impl Report<'_> {
    /// Lines × stages: each row adds up to its payable, each column to its seller's sum and to the order's.
    pub(crate) fn lines(&self) -> String {
        let stages = self.stages();
        let mut columns =
            vec![("line", Side::Left), ("item", Side::Left), ("quantity\n× price", Side::Right), ("gross", Side::Right)];
        columns.extend(stages.iter().map(|stage| (heading(*stage), Side::Right)));
        columns.extend([("payable", Side::Right), ("piece\nby piece", Side::Right), ("marks", Side::Left)]);
        let mut grid = Grid::new(columns);
        let row = |first: [String; 3], gross: Amount, discounts: &[Amount; 6], payable: Amount, last: [String; 2]| {
            let mut row = Vec::from(first);
            row.push(self.money(gross));
            row.extend(stages.iter().map(|stage| self.taken(of_stage(discounts, *stage))));
            row.push(self.money(payable));
            row.extend(last);
            row
        };
        let sums = |name: &str| [String::new(), name.to_owned(), String::new()];
        let nothing = || [String::new(), String::new()];

        let several = self.quote.stores.len() > 1;
        for (store, total) in self.quote.stores.iter() {
            if several && store != StoreIx::new(0) {
                grid.rule();
            }
            for (ix, price) in self.quote.lines.iter().filter(|(_, price)| price.store == store) {
                let Some(line) = self.line(ix) else { continue };
                let quantity = format!("{} × {}", grouped(line.quantity), self.money(line.unit_price));
                let first = [line.line_id.to_string(), self.product(line), quantity];
                let last = [self.piece_by_piece(ix), self.marks(ix).join("\n")];
                grid.row(row(first, price.gross, &price.discounts, price.payable, last));
            }
            if several {
                grid.rule();
                let name = self.store_name(self.store_id(store));
                grid.row(row(sums(name), total.gross, &total.discounts, total.payable, nothing()));
            }
        }
        let all = match self.quote.stores.iter().next() {
            Some((only, _)) if !several => format!("the whole order ({})", self.store_name(self.store_id(only))),
            _ => "the whole order".to_owned(),
        };
        grid.text_with_totals(row(sums(&all), self.quote.gross, &self.quote.discounts, self.quote.payable, nothing()))
    }

    /// What equal pieces pay, a run a line.
    fn piece_by_piece(&self, ix: LineIx) -> String {
        let runs = self.quote.runs_of(ix);
        let texts: Vec<String> = runs.iter().map(|run| format!("{} × {}", grouped(run.units), self.money(run.each))).collect();
        texts.join("\n")
    }

    fn marks(&self, ix: LineIx) -> Vec<String> {
        let mut marks = Vec::new();
        let over = self.quote.lines.get(ix).map_or(0, |price| price.over_limit);
        if over > 0 {
            marks.push(format!("{} over the limit", grouped(over)));
        }
        let mut outside: Vec<(PromoIx, i64)> = Vec::new();
        for entry in self.quote.groups.iter().flat_map(|group| &group.entries).filter(|entry| entry.line == ix) {
            let Some((promotion, _)) = entry.not_in_spend else { continue };
            match outside.iter_mut().find(|(other, _)| *other == promotion) {
                Some((_, units)) => *units = units.saturating_add(entry.units),
                None => outside.push((promotion, entry.units)),
            }
        }
        for (promotion, units) in outside {
            marks.push(format!("{} not in “{}”", grouped(units), self.promotion(promotion).name));
        }
        marks
    }
}
