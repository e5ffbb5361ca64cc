//! What does a quote look like on a screen? Lines, stores, discounts with their funders, gifts, and why not.

use std::collections::BTreeMap;

use tokka_core::amount::Amount;
use tokka_core::outcome::{Subject, Verdict};
use tokka_core::promotion::Stage;
use tokka_core::quote::{Payer, View};
use tokka_core::table::{LineIx, PromoIx};

use super::{Report, of_stage, sum};
use crate::grid::{Grid, Side};
use crate::money::grouped;

/// What a stage is called at the head of a column.
const fn heading(stage: Stage) -> &'static str {
    match stage {
        Stage::Item => "item\noffer",
        Stage::Set => "set\noffer",
        Stage::StoreSpend => "store\nspend",
        Stage::StoreCoupon => "store\ncoupon",
        Stage::PlatformSpend => "platform\nspend",
        Stage::PlatformCoupon => "platform\ncoupon",
    }
}

impl Report<'_> {
    /// Everything, for people: what is bought, who sells it, what took how much off and who pays for it, what comes on
    /// top, what did not apply and why.
    pub(crate) fn tables(&self) -> String {
        let mut text = self.title();
        let mut section = |title: &str, body: Option<String>| {
            if let Some(body) = body {
                text.push_str(&format!("\n{title}\n\n{body}"));
            }
        };
        section("LINES", Some(self.lines()));
        section("STORES", Some(self.stores()));
        section("DISCOUNTS", self.discounts());
        section("GIFTS AND FREE PIECES", self.gifts());
        section("WHY NOT", self.why_nots());
        section("A LITTLE MORE", self.hints());
        section("NOTES", self.notes());
        section("SUMS", Some(self.sums()));
        text
    }

    fn title(&self) -> String {
        let settings = self.rulebook.settings();
        let zone = settings.time_zone.iana_name().map_or_else(|| self.offset(), ToOwned::to_owned);
        let mut parts = vec![
            format!("{} ({zone})", self.when(self.basket.at())),
            self.basket.user().map_or("a guest".to_owned(), |user| format!("customer {user}")),
        ];
        if !self.basket.user_tags().is_empty() {
            let tags: Vec<&str> = self.basket.user_tags().iter().map(|tag| tag.as_str()).collect();
            parts.push(format!("tagged {}", tags.join(", ")));
        }
        parts.extend(self.basket.channel().map(|channel| format!("channel {channel}")));
        parts.extend(self.basket.region().map(|region| format!("region {region}")));
        format!(
            "{}\ngross {} - discounts {} = payable {} {}\n",
            parts.join(" · "),
            self.money(self.quote.gross),
            self.money(self.quote.discount()),
            self.money(self.quote.payable),
            settings.currency,
        )
    }

    /// The stages in which something was taken off: only these have columns.
    fn stages(&self) -> Vec<Stage> {
        Stage::ALL.into_iter().filter(|stage| !of_stage(&self.quote.discounts, *stage).is_zero()).collect()
    }

    /// A discount as it stands in a column that is added up: negative, or nothing at all.
    fn taken(&self, amount: Amount) -> String {
        if amount.is_zero() { String::new() } else { self.money(Amount::minor(amount.get().saturating_neg())) }
    }

    fn lines(&self) -> String {
        let stages = self.stages();
        let mut columns = vec![
            ("line", Side::Left),
            ("item", Side::Left),
            ("store", Side::Left),
            ("quantity\n× price", Side::Right),
            ("gross", Side::Right),
        ];
        columns.extend(stages.iter().map(|stage| (heading(*stage), Side::Right)));
        columns.extend([("payable", Side::Right), ("piece\nby piece", Side::Right), ("marks", Side::Left)]);
        let mut grid = Grid::new(columns);
        for ((ix, price), line) in self.quote.lines.iter().zip(self.basket.lines()) {
            let mut row = vec![
                line.line_id.to_string(),
                self.product(line),
                self.store_name(line.store.as_str()).to_owned(),
                format!("{} × {}", grouped(line.quantity), self.money(line.unit_price)),
                self.money(price.gross),
            ];
            row.extend(stages.iter().map(|stage| self.taken(of_stage(&price.discounts, *stage))));
            let runs: Vec<String> = self
                .quote
                .runs_of(ix)
                .iter()
                .map(|run| format!("{} × {}", grouped(run.units), self.money(run.each)))
                .collect();
            row.extend([self.money(price.payable), runs.join("\n"), self.marks(ix).join("\n")]);
            grid.row(row);
        }
        let mut totals = vec![String::new(), "total".to_owned(), String::new(), String::new(), self.money(self.quote.gross)];
        totals.extend(stages.iter().map(|stage| self.taken(of_stage(&self.quote.discounts, *stage))));
        totals.extend([self.money(self.quote.payable), String::new(), String::new()]);
        grid.text_with_totals(totals)
    }

    fn marks(&self, ix: LineIx) -> Vec<String> {
        let mut marks = Vec::new();
        let over = self.quote.lines[ix].over_limit;
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

    fn stores(&self) -> String {
        let full = self.view == View::Full;
        let share = [Stage::PlatformSpend, Stage::PlatformCoupon];
        let mut columns = vec![
            ("store", Side::Left),
            ("gross", Side::Right),
            ("store's\noffers", Side::Right),
            ("subtotal", Side::Right),
            ("platform's\noffers", Side::Right),
            ("payable", Side::Right),
        ];
        if full {
            columns.push(("due to\nthe store", Side::Right));
        }
        columns.push(("minimum order", Side::Left));
        let mut grid = Grid::new(columns);
        let row = |name: String, gross: Amount, discounts: &[Amount; 6], payable: Amount, due: Amount, minimum: String| {
            let platform = sum(share.map(|stage| of_stage(discounts, stage)));
            let own = sum([sum(*discounts), Amount::minor(platform.get().saturating_neg())]);
            let subtotal = Amount::minor(gross.get().saturating_sub(own.get()));
            let mut row = vec![name, self.money(gross), self.taken(own), self.money(subtotal), self.taken(platform)];
            row.push(self.money(payable));
            row.extend(full.then(|| self.money(due)));
            row.push(minimum);
            row
        };
        for (ix, store) in self.quote.stores.iter() {
            let id = self.store_id(ix);
            let minimum = match self.rulebook.store(id).and_then(|store| store.minimum_order) {
                Some(minimum) if store.below_minimum.is_positive() => {
                    format!("{} short of {}", self.money(store.below_minimum), self.money(minimum))
                }
                Some(minimum) => format!("{} reached", self.money(minimum)),
                None => String::new(),
            };
            grid.row(row(
                self.store_name(id).to_owned(),
                store.gross,
                &store.discounts,
                store.payable,
                store.settlement,
                minimum,
            ));
        }
        let due = sum(self.quote.stores.rows().iter().map(|store| store.settlement));
        grid.text_with_totals(row(
            "total".to_owned(),
            self.quote.gross,
            &self.quote.discounts,
            self.quote.payable,
            due,
            String::new(),
        ))
    }

    fn discounts(&self) -> Option<String> {
        let payers: Vec<Payer> = self.quote.funding_by_payer().into_keys().collect();
        let headings: Vec<String> = payers.iter().map(|payer| format!("paid by\n{}", self.payer(payer))).collect();
        let mut columns =
            vec![("promotion", Side::Left), ("id", Side::Left), ("stage", Side::Left), ("discount", Side::Right)];
        columns.extend(headings.iter().map(|heading| (heading.as_str(), Side::Right)));
        columns.push(("notes", Side::Left));
        let mut grid = Grid::new(columns);

        let mut paid: BTreeMap<(PromoIx, &Payer), Amount> = BTreeMap::new();
        for part in &self.quote.funding {
            let entry = paid.entry((part.promotion, &part.payer)).or_default();
            *entry = sum([*entry, part.amount]);
        }
        let by_promotion = self.discount_by_promotion();
        for (ix, discount) in &by_promotion {
            let promotion = self.promotion(*ix);
            let mut row = vec![
                promotion.name.clone(),
                promotion.id.to_string(),
                promotion.stage().name().replace('_', " "),
                if discount.is_zero() { String::new() } else { self.money(*discount) },
            ];
            row.extend(payers.iter().map(|payer| {
                paid.get(&(*ix, payer)).filter(|amount| !amount.is_zero()).map_or_else(String::new, |amount| self.money(*amount))
            }));
            let notes = self.quote.outcomes.iter().find_map(|outcome| match (&outcome.subject, &outcome.verdict) {
                (Subject::Promotion(subject), Verdict::Applied(applied)) if subject == ix => {
                    Some(self.applied(Some(*ix), applied))
                }
                _ => None,
            });
            row.push(notes.unwrap_or_default().join("\n"));
            grid.row(row);
        }
        if grid.is_empty() {
            return None;
        }
        let mut totals = vec![
            "total".to_owned(),
            String::new(),
            String::new(),
            self.money(sum(by_promotion.iter().map(|(_, discount)| *discount))),
        ];
        totals.extend(payers.iter().map(|payer| {
            self.money(sum(paid.iter().filter(|((_, other), _)| *other == payer).map(|(_, amount)| *amount)))
        }));
        totals.push(String::new());
        Some(grid.text_with_totals(totals))
    }

    fn gifts(&self) -> Option<String> {
        let mut grid = Grid::new([
            ("gift or free piece", Side::Left),
            ("given", Side::Right),
            ("missing", Side::Right),
            ("worth", Side::Right),
            ("by", Side::Left),
        ]);
        for gift in &self.quote.gifts {
            let worth = self.rulebook.gifts()[gift.gift].value.and_then(|value| value.times(gift.given).ok());
            let missing = gift.wanted.saturating_sub(gift.given);
            grid.row([
                self.gift(gift.gift).to_owned(),
                grouped(gift.given),
                if missing > 0 { grouped(missing) } else { String::new() },
                worth.filter(|worth| worth.is_positive()).map(|worth| self.money(worth)).unwrap_or_default(),
                self.promotion(gift.promotion).name.clone(),
            ]);
        }
        for free in &self.quote.free_units {
            let Some(line) = self.line(free.line) else { continue };
            let worth = line.unit_price.times(free.units).unwrap_or_default();
            grid.row([
                self.product(line),
                grouped(free.units),
                String::new(),
                self.money(worth),
                self.promotion(free.promotion).name.clone(),
            ]);
        }
        if grid.is_empty() {
            return None;
        }
        let mut text = grid.text();
        let worth: Vec<String> = self
            .quote
            .given_value
            .iter()
            .filter(|(_, amount)| amount.is_positive())
            .map(|(payer, amount)| format!("{} {}", self.payer(payer), self.money(*amount)))
            .collect();
        if !worth.is_empty() {
            text.push_str(&format!("worth in all, by who pays, outside every sum: {}\n", worth.join(", ")));
        }
        Some(text)
    }

    fn why_nots(&self) -> Option<String> {
        let mut grid =
            Grid::new([("promotion", Side::Left), ("id", Side::Left), ("code", Side::Left), ("why", Side::Left)]);
        for outcome in self.quote.outcomes.iter().filter(|outcome| !outcome.verdict.is_applied()) {
            let (promotion, name, id) = match &outcome.subject {
                Subject::Promotion(ix) => {
                    let promotion = self.promotion(*ix);
                    (Some(*ix), promotion.name.clone(), promotion.id.to_string())
                }
                Subject::UnknownCoupon(id) => (None, String::new(), id.clone()),
            };
            grid.row([name, id, outcome.verdict.code().to_owned(), self.why_not(promotion, &outcome.verdict)]);
        }
        (!grid.is_empty()).then(|| grid.text())
    }

    fn hints(&self) -> Option<String> {
        let mut grid = Grid::new([("promotion", Side::Left), ("what it would bring", Side::Left)]);
        for hint in &self.quote.hints {
            grid.row([self.promotion(hint.promotion).name.clone(), self.hint(hint)]);
        }
        (!grid.is_empty()).then(|| grid.text())
    }

    fn notes(&self) -> Option<String> {
        let mut notes = Vec::new();
        if self.quote.needs_user {
            notes.push("a promotion counts what each customer takes: an order needs a signed-in customer".to_owned());
        }
        if self.quote.clawback_only {
            notes.push("what remains after a return is priced again: other items counted towards a threshold".to_owned());
        }
        for (ix, _) in self.quote.stores.iter().filter(|(_, store)| store.below_minimum.is_positive()) {
            notes.push(format!("{} takes no order below its minimum", self.store_name(self.store_id(ix))));
        }
        if let Some(next) = self.quote.next_change_at {
            notes.push(format!("the next promotion of these items starts or ends on {}", self.when(next)));
        }
        if self.quote.tax_totals.iter().any(|total| total.tax_class.is_some()) {
            let mut by_class: BTreeMap<&str, Amount> = BTreeMap::new();
            for total in &self.quote.tax_totals {
                let entry = by_class.entry(total.tax_class.as_ref().map_or("none", |class| class.as_str())).or_default();
                *entry = sum([*entry, total.payable]);
            }
            let classes: Vec<String> =
                by_class.iter().map(|(class, amount)| format!("{class} {}", self.money(*amount))).collect();
            notes.push(format!("payable by tax class: {}", classes.join(", ")));
        }
        if notes.is_empty() { None } else { Some(notes.join("\n") + "\n") }
    }
}
