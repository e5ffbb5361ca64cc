//! What came out differently than expected?

use std::collections::BTreeMap;

use tokka_catalog::values::Sum;
use tokka_core::amount::{Amount, major};
use tokka_core::basket::Basket;
use tokka_core::best;
use tokka_core::promotion::Stage;
use tokka_core::quote::{Quote, Run};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::{GiftIx, Ix, LineIx, PromoIx};

use crate::expect::{ExpectDocument, LineExpectDocument};
use crate::report::Difference;

mod group;
mod hint;
mod outcome;
mod refund;

pub(crate) use self::refund::compare_refund;

/// Everything that a quote is compared by.
pub(crate) struct Comparison<'a> {
    pub(crate) rulebook: &'a Rulebook,
    pub(crate) basket: &'a Basket,
    pub(crate) exponent: u32,
    pub(crate) differences: Vec<Difference>,
}

impl Comparison<'_> {
    /// Compares a quote with what is expected of it.
    pub(crate) fn quote(&mut self, quote: &Quote, expect: &ExpectDocument) {
        if let Some(payable) = expect.payable {
            self.money("payable", payable, quote.payable);
        }
        let by_store = |of: fn(&tokka_core::quote::StorePrice) -> Amount| {
            let stores = quote.stores.rows().iter();
            stores.map(|store| (self.line(store.first_line, |line| line.store.as_str()), of(store))).collect::<BTreeMap<_, _>>()
        };
        let (subtotals, stores) = (by_store(|store| store.subtotal), by_store(|store| store.payable));
        let below_minimum = by_store(|store| store.below_minimum);
        self.sums("subtotals", &expect.subtotals, &subtotals);
        self.sums("stores", &expect.stores, &stores);
        self.sums("below_minimum", &expect.below_minimum, &below_minimum);
        for (id, line) in &expect.lines {
            self.line_price(id, line, quote);
        }
        self.gifts(quote, expect);
        let mut free_units: BTreeMap<String, i64> = BTreeMap::new();
        for free in &quote.free_units {
            *free_units.entry(self.line(free.line, |line| line.sku.as_str())).or_default() += free.units;
        }
        for (sku, expected) in &expect.free_units {
            let actual = free_units.get(sku).copied().unwrap_or(0);
            self.same(format!("free_units.{sku}"), expected.0, actual);
        }
        for (id, outcome) in &expect.outcomes {
            self.outcome(id, outcome, quote);
        }
        for (id, hint) in &expect.hints {
            self.hint(id, hint, quote);
        }
        if let Some(groups) = &expect.groups {
            self.groups(groups, quote);
        }
        if let Some(needs_user) = expect.needs_user {
            self.same("needs_user", needs_user, quote.needs_user);
        }
        let funding = quote.funding_by_payer().into_iter().map(|(payer, amount)| (payer.to_string(), amount)).collect();
        self.sums("funding", &expect.funding, &funding);
        if let Some(certificate) = expect.certificate {
            let actual = match quote.search.map(|search| search.certificate) {
                None => "none".to_owned(),
                Some(best::Certificate::Proven) => "PROVEN".to_owned(),
                Some(best::Certificate::Bound { .. }) => "BOUND".to_owned(),
            };
            self.same("certificate", format!("{certificate:?}").to_uppercase(), actual);
        }
    }

    fn line_price(&mut self, id: &str, expect: &LineExpectDocument, quote: &Quote) {
        let what = format!("lines.{id}");
        let found = self.basket.lines().iter().position(|line| line.line_id == *id).map(LineIx::new);
        let Some((ix, price)) = found.and_then(|ix| Some((ix, quote.lines.get(ix)?))) else {
            return self.differ(what, "a line", "no line of this id");
        };
        if let Some(payable) = expect.payable {
            self.money(format!("{what}.payable"), payable, price.payable);
        }
        for ((stage, expected), actual) in Stage::ALL.into_iter().zip(expect.discounts()).zip(price.discounts) {
            if let Some(expected) = expected {
                self.money(format!("{what}.{}", stage.name()), expected, actual);
            }
        }
        if let Some(over_limit) = expect.over_limit {
            self.same(format!("{what}.over_limit"), over_limit.0, price.over_limit);
        }
        let units = expect.units.iter().flatten().map(|each| Run { units: 1, each: each.0 });
        let runs = expect.runs.iter().flatten().map(|run| Run { units: run.units, each: run.each.0 });
        if expect.units.is_some() || expect.runs.is_some() {
            let (expected, actual) = (merged(units.chain(runs)), merged(quote.runs_of(ix)));
            self.same(format!("{what}.units"), self.runs(&expected), self.runs(&actual));
        }
    }

    fn gifts(&mut self, quote: &Quote, expect: &ExpectDocument) {
        if let Some(expected) = &expect.gifts {
            let expected = summed(expected.iter().map(|gift| (gift.gift.clone(), gift.quantity.0)));
            let actual = summed(quote.gifts_given().into_iter().map(|(gift, units)| (self.gift_id(gift), units)));
            self.same("gifts", counted(&expected), counted(&actual));
        }
        if let Some(expected) = &expect.missing_gifts {
            let short = quote.gifts.iter().filter(|gift| gift.given < gift.wanted);
            let actual = short.map(|gift| (self.gift_id(gift.gift), gift.wanted, gift.given));
            let expected = expected.iter().map(|gift| (gift.gift.clone(), gift.wanted.0, gift.given.0));
            self.same("missing_gifts", missing(expected), missing(actual));
        }
    }

    /// Compares a map of amounts for the keys that are expected.
    fn sums(&mut self, what: &str, expected: &BTreeMap<String, Sum>, actual: &BTreeMap<String, Amount>) {
        for (key, expected) in expected {
            self.money(format!("{what}.{key}"), *expected, actual.get(key).copied().unwrap_or(Amount::ZERO));
        }
    }

    fn money(&mut self, what: impl Into<String>, expected: Sum, actual: Amount) {
        self.same(what, self.major(expected.0), self.major(actual));
    }

    fn same<T: PartialEq + ToString>(&mut self, what: impl Into<String>, expected: T, actual: T) {
        if expected != actual {
            self.differ(what, expected.to_string(), actual.to_string());
        }
    }

    fn differ(&mut self, what: impl Into<String>, expected: impl Into<String>, actual: impl Into<String>) {
        self.differences.push(Difference::new(what, expected, actual));
    }

    fn major(&self, amount: Amount) -> String {
        major(amount, self.exponent)
    }

    fn runs(&self, runs: &[Run]) -> String {
        let texts: Vec<String> = runs.iter().map(|run| format!("{} × {}", run.units, self.major(run.each))).collect();
        or_none(texts)
    }

    fn line(&self, line: LineIx, of: fn(&tokka_core::basket::Line) -> &str) -> String {
        self.basket.lines().get(line.position()).map_or("", of).to_owned()
    }

    fn promotion_id(&self, promotion: PromoIx) -> String {
        self.rulebook.promotions().get(promotion).map_or("", |promotion| promotion.id.as_str()).to_owned()
    }

    fn gift_id(&self, gift: GiftIx) -> String {
        self.rulebook.gifts().get(gift).map_or("", |gift| gift.id.as_str()).to_owned()
    }
}

/// Runs of which no neighbours are equal, and none is empty.
fn merged(runs: impl IntoIterator<Item = Run>) -> Vec<Run> {
    let mut merged: Vec<Run> = Vec::new();
    for run in runs.into_iter().filter(|run| run.units != 0) {
        match merged.last_mut() {
            Some(last) if last.each == run.each => last.units = last.units.saturating_add(run.units),
            _ => merged.push(run),
        }
    }
    merged
}

/// Units by name, where there are any.
fn summed(units: impl Iterator<Item = (String, i64)>) -> BTreeMap<String, i64> {
    let mut sums: BTreeMap<String, i64> = BTreeMap::new();
    for (name, units) in units {
        let sum = sums.entry(name).or_default();
        *sum = sum.saturating_add(units);
    }
    sums.retain(|_, units| *units != 0);
    sums
}

fn counted(units: &BTreeMap<String, i64>) -> String {
    or_none(units.iter().map(|(name, units)| format!("{units} × {name}")).collect())
}

/// Gifts of which too few were left, by gift: earned and given are summed over promotions.
fn missing(gifts: impl Iterator<Item = (String, i64, i64)>) -> String {
    let mut sums: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for (gift, wanted, given) in gifts {
        let sum = sums.entry(gift).or_default();
        *sum = (sum.0.saturating_add(wanted), sum.1.saturating_add(given));
    }
    or_none(sums.iter().map(|(gift, (wanted, given))| format!("{given} of {wanted} × {gift}")).collect())
}

fn or_none(texts: Vec<String>) -> String {
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}
