//! What did each promotion do? What it took off and who paid, what it gave, why it did nothing, what it asks for.

use std::collections::BTreeMap;

use tokka_core::amount::Amount;
use tokka_core::outcome::{NotCovered, Outcome, Subject, Verdict};
use tokka_core::quote::Payer;
use tokka_core::table::PromoIx;

use super::{Report, sum};
use crate::grid::{Grid, Side};
use crate::money::{count, grouped};

impl Report<'_> {
    /// What applied, in order of application. `None` where nothing did.
    pub(crate) fn discounts(&self) -> Option<String> {
        let mut grid = Grid::new([
            ("promotion", Side::Left),
            ("id", Side::Left),
            ("stage", Side::Left),
            ("discount", Side::Right),
            ("paid by", Side::Left),
            ("notes", Side::Left),
        ]);
        let by_promotion = self.discount_by_promotion();
        for (ix, discount) in &by_promotion {
            let promotion = self.promotion(*ix);
            grid.row([
                promotion.name.clone(),
                promotion.id.to_string(),
                promotion.stage().name().replace('_', " "),
                self.amount(*discount),
                self.paid_by(*ix),
                self.notes_of(*ix).join("\n"),
            ]);
        }
        if grid.is_empty() {
            return None;
        }
        let total = sum(by_promotion.iter().map(|(_, discount)| *discount));
        Some(grid.text_with_totals(["all".to_owned(), String::new(), String::new(), self.money(total)]))
    }

    /// Who pays a promotion's discount: a name, or a line each with its part.
    fn paid_by(&self, promotion: PromoIx) -> String {
        let mut parts: BTreeMap<&Payer, Amount> = BTreeMap::new();
        for part in self.quote.funding.iter().filter(|part| part.promotion == promotion && part.amount.is_positive()) {
            let entry = parts.entry(&part.payer).or_default();
            *entry = sum([*entry, part.amount]);
        }
        let alone = parts.len() == 1;
        let parts: Vec<(String, &str)> =
            parts.into_iter().map(|(payer, amount)| (self.money(amount), self.payer(payer))).collect();
        let widest = parts.iter().map(|(amount, _)| amount.len()).max().unwrap_or(0);
        let texts: Vec<String> = parts
            .into_iter()
            .map(|(amount, name)| if alone { name.to_owned() } else { format!("{amount:>widest$}  {name}") })
            .collect();
        texts.join("\n")
    }

    /// What is worth knowing of a promotion that applied.
    fn notes_of(&self, promotion: PromoIx) -> Vec<String> {
        let outcome = self.quote.outcomes.iter().find(|outcome| outcome.subject == Subject::Promotion(promotion));
        let mut notes = match outcome {
            Some(Outcome { verdict: Verdict::Applied(applied), coverage, .. }) => {
                let mut notes = self.applied(Some(promotion), applied);
                // That a store's coupon is not for other stores goes without saying.
                let left_out = coverage.iter().filter_map(|line| Some((line.line, line.why_not?)));
                let left_out: Vec<_> = left_out.filter(|(_, why)| *why != NotCovered::OtherStore).collect();
                if !left_out.is_empty() {
                    notes.push(format!("not for {}", self.not_covered(&left_out)));
                }
                notes
            }
            _ => Vec::new(),
        };
        for free in self.quote.included_units.iter().filter(|free| free.promotion == promotion) {
            notes.push(format!("{} among those bought", count(free.units, "free piece")));
        }
        notes
    }

    /// What comes on top of what is bought. `None` where nothing does.
    pub(crate) fn gifts(&self) -> Option<String> {
        let mut grid = Grid::new([
            ("gift or free piece", Side::Left),
            ("given", Side::Right),
            ("missing", Side::Right),
            ("worth", Side::Right),
            ("by", Side::Left),
        ]);
        for gift in &self.quote.gifts {
            let value = self.rulebook.gifts().get(gift.gift).and_then(|entry| entry.value);
            let worth = value.and_then(|value| value.times(gift.given).ok()).unwrap_or_default();
            let missing = gift.wanted.saturating_sub(gift.given);
            grid.row([
                self.gift(gift.gift).to_owned(),
                grouped(gift.given),
                if missing > 0 { grouped(missing) } else { String::new() },
                self.amount(worth),
                self.promotion(gift.promotion).name.clone(),
            ]);
        }
        for free in &self.quote.free_units {
            let Some(line) = self.line(free.line) else { continue };
            grid.row([
                self.product(line),
                grouped(free.units),
                String::new(),
                self.amount(line.unit_price.times(free.units).unwrap_or_default()),
                self.promotion(free.promotion).name.clone(),
            ]);
        }
        (!grid.is_empty()).then(|| grid.text())
    }

    /// What did not apply, and why. `None` where everything did.
    pub(crate) fn why_nots(&self) -> Option<String> {
        let mut grid = Grid::new([("promotion", Side::Left), ("id", Side::Left), ("code", Side::Left), ("why", Side::Left)]);
        for outcome in self.quote.outcomes.iter().filter(|outcome| !outcome.verdict.is_applied()) {
            let (promotion, name, id) = match &outcome.subject {
                Subject::Promotion(ix) => {
                    let promotion = self.promotion(*ix);
                    (Some(*ix), promotion.name.clone(), promotion.id.to_string())
                }
                Subject::OutOfForce(id) => (None, String::new(), id.clone()),
            };
            grid.row([name, id, outcome.verdict.code().to_owned(), self.why_not(promotion, &outcome.verdict)]);
        }
        (!grid.is_empty()).then(|| grid.text())
    }

    /// What a little more would bring. `None` where nothing is near.
    pub(crate) fn hints(&self) -> Option<String> {
        let mut grid = Grid::new([("promotion", Side::Left), ("what it takes", Side::Left)]);
        for hint in &self.quote.hints {
            grid.row([self.promotion(hint.promotion).name.clone(), self.hint(hint)]);
        }
        (!grid.is_empty()).then(|| grid.text())
    }
}
