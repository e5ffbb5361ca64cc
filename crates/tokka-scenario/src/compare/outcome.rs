//! What became of a promotion, compared number by number.

use std::collections::BTreeMap;

use tokka_core::amount::Amount;
use tokka_core::outcome::{LimitName, LimitUse, NotCovered, Outcome, Shortfall, Subject, Verdict};
use tokka_core::promotion::{Basis, Rule};
use tokka_core::quote::Quote;
use tokka_core::table::{LineIx, PromoIx};

use super::{Comparison, counted, summed};
use crate::expect::{CutExpectDocument, Figure, OutcomeExpect, OutcomeExpectDocument};

/// A number that came out, in its unit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Money(i64),
    Pieces(i64),
}

impl Number {
    pub(super) const fn by(basis: Basis, value: i64) -> Self {
        match basis {
            Basis::Amount => Self::Money(value),
            Basis::Quantity => Self::Pieces(value),
        }
    }

    const fn of_limit(limit: &LimitUse, value: i64) -> Self {
        match limit.counter {
            LimitName::Budget => Self::Money(value),
            _ => Self::Pieces(value),
        }
    }
}

impl Comparison<'_> {
    pub(super) fn outcome(&mut self, id: &str, expect: &OutcomeExpect, quote: &Quote) {
        let what = format!("outcomes.{id}");
        let is_it = |outcome: &&Outcome| match &outcome.subject {
            Subject::Promotion(ix) => self.rulebook.promotions().get(*ix).is_some_and(|promotion| promotion.id == *id),
            Subject::OutOfForce(offered) => offered == id,
        };
        let Some(outcome) = quote.outcomes.iter().find(is_it) else {
            return self.differ(what, expect.code.0, "no outcome");
        };
        let code = outcome.verdict.code();
        if code != expect.code.0 {
            return self.differ(what, expect.code.0, self.told(outcome));
        }
        if let Some(numbers) = &expect.numbers {
            self.numbers(&what, numbers, outcome);
        }
    }

    fn numbers(&mut self, what: &str, expect: &OutcomeExpectDocument, outcome: &Outcome) {
        let verdict = &outcome.verdict;
        let shortfall = shortfall_of(verdict);
        let by_basis = |of: fn(&Shortfall) -> i64| shortfall.map(|shortfall| Number::by(shortfall.basis, of(shortfall)));
        self.figure(what, "threshold", expect.threshold, by_basis(|shortfall| shortfall.threshold));
        self.figure(what, "actual", expect.actual, by_basis(|shortfall| shortfall.actual));
        self.figure(what, "missing", expect.missing, by_basis(|shortfall| shortfall.missing));
        let other = other_of(verdict);
        self.text(what, "promotion", expect.promotion.as_ref(), other.map(|ix| self.promotion_id(ix)));
        let group =
            matches!(verdict, Verdict::ExcludedBy { .. }).then(|| other.and_then(|ix| self.exclusion_group(ix))).flatten();
        self.text(what, "exclusion_group", expect.exclusion_group.as_ref(), group);
        let limit = limit_of(verdict);
        self.text(what, "counter", expect.counter.as_ref(), limit.map(|limit| limit.counter.as_str().to_owned()));
        let of_limit = |of: fn(&LimitUse) -> i64| limit.map(|limit| Number::of_limit(limit, of(limit)));
        self.figure(what, "limit", expect.limit, of_limit(|limit| limit.limit));
        self.figure(what, "used", expect.used, of_limit(|limit| limit.used));
        self.figure(what, "requested", expect.requested, of_limit(|limit| limit.requested));
        let applied = match verdict {
            Verdict::Applied(applied) => applied.clone(),
            _ => tokka_core::outcome::Applied::default(),
        };
        if let Some(discount) = expect.discount {
            self.money(format!("{what}.discount"), discount, applied.discount);
        }
        if let Some(floor_cut) = expect.floor_cut {
            self.money(format!("{what}.floor_cut"), floor_cut, applied.floor_cut);
        }
        if let Some(free_units) = expect.free_units {
            self.same(format!("{what}.free_units"), free_units.0, applied.free_units);
        }
        if let Some(gifts) = &expect.gifts {
            let expected = summed(gifts.iter().map(|gift| (gift.gift.clone(), gift.quantity.0)));
            let actual = summed(applied.gifts.iter().map(|(gift, units)| (self.gift_id(*gift), *units)));
            self.same(format!("{what}.gifts"), counted(&expected), counted(&actual));
        }
        if let Some(cut) = &expect.cut {
            self.cuts(what, cut, &applied.cut);
        }
        let (amount, winner) = match verdict {
            Verdict::BeatenBy { amount, winner, .. } => (*amount, *winner),
            _ => (None, None),
        };
        if let Some(expected) = expect.amount {
            self.money(format!("{what}.amount"), expected, amount.unwrap_or(Amount::ZERO));
        }
        if let Some(expected) = expect.winner {
            self.money(format!("{what}.winner"), expected, winner.unwrap_or(Amount::ZERO));
        }
        let lines = self.by_line(lines_of(outcome));
        self.texts(&format!("{what}.lines"), &expect.lines, &lines);
        let kept_out = shortfall.into_iter().flat_map(|shortfall| &shortfall.kept_out);
        let kept_out = self.by_line(kept_out.map(|(line, promotion)| (*line, self.promotion_id(*promotion))).collect());
        self.texts(&format!("{what}.kept_out"), &expect.kept_out, &kept_out);
    }

    fn cuts(&mut self, what: &str, expected: &[CutExpectDocument], actual: &[LimitUse]) {
        let names = |names: Vec<&str>| super::or_none(names.into_iter().map(str::to_owned).collect());
        let expected_names = names(expected.iter().map(|cut| cut.counter.as_str()).collect());
        let actual_names = names(actual.iter().map(|cut| cut.counter.as_str()).collect());
        if expected_names != actual_names {
            return self.differ(format!("{what}.cut"), expected_names, actual_names);
        }
        for (index, (expected, actual)) in expected.iter().zip(actual).enumerate() {
            let what = format!("{what}.cut[{index}]");
            self.figure(&what, "limit", expected.limit, Some(Number::of_limit(actual, actual.limit)));
            self.figure(&what, "used", expected.used, Some(Number::of_limit(actual, actual.used)));
            self.figure(&what, "requested", expected.requested, Some(Number::of_limit(actual, actual.requested)));
        }
    }

    /// Compares a number in the unit in which it came out; one that did not come out is 0.
    pub(super) fn figure(&mut self, what: &str, key: &str, expected: Option<Figure>, actual: Option<Number>) {
        let Some(Figure { money, pieces }) = expected else { return };
        let what = format!("{what}.{key}");
        match actual.unwrap_or(Number::Money(0)) {
            Number::Money(actual) => self.same(what, self.major(Amount::minor(money)), self.major(Amount::minor(actual))),
            Number::Pieces(actual) => {
                let expected = pieces.map_or_else(|| self.major(Amount::minor(money)), |pieces| pieces.to_string());
                self.same(what, expected, actual.to_string());
            }
        }
    }

    pub(super) fn text(&mut self, what: &str, key: &str, expected: Option<&String>, actual: Option<String>) {
        if let Some(expected) = expected {
            self.same(format!("{what}.{key}"), expected.clone(), actual.unwrap_or_else(|| "none".to_owned()));
        }
    }

    fn texts(&mut self, what: &str, expected: &BTreeMap<String, String>, actual: &BTreeMap<String, String>) {
        for (key, expected) in expected {
            self.text(what, key, Some(expected), actual.get(key).cloned());
        }
    }

    fn by_line(&self, lines: Vec<(LineIx, String)>) -> BTreeMap<String, String> {
        lines.into_iter().map(|(line, text)| (self.line(line, |line| line.line_id.as_str()), text)).collect()
    }

    fn exclusion_group(&self, promotion: PromoIx) -> Option<String> {
        match &self.rulebook.promotions().get(promotion)?.rule {
            Rule::Spend(spend) => Some(spend.exclusion_group.to_string()),
            _ => None,
        }
    }

    /// An outcome with its numbers, for the reader of a difference.
    fn told(&self, outcome: &Outcome) -> String {
        let verdict = &outcome.verdict;
        let mut facts: Vec<String> = Vec::new();
        if let Some(Shortfall { basis, threshold, actual, missing, .. }) = shortfall_of(verdict) {
            let number = |value: i64| match basis {
                Basis::Amount => self.major(Amount::minor(value)),
                Basis::Quantity => value.to_string(),
            };
            facts.push(format!("{} of {}, {} missing", number(*actual), number(*threshold), number(*missing)));
        }
        if let Some(limit) = limit_of(verdict) {
            let number = |value: i64| match limit.counter {
                LimitName::Budget => self.major(Amount::minor(value)),
                _ => value.to_string(),
            };
            let (used, of, requested) = (number(limit.used), number(limit.limit), number(limit.requested));
            facts.push(format!("{}: {used} of {of} used, {requested} requested", limit.counter.as_str()));
        }
        facts.extend(other_of(verdict).map(|other| self.promotion_id(other)));
        if let Verdict::Applied(applied) = verdict {
            facts.push(format!("discount {}", self.major(applied.discount)));
        }
        let code = verdict.code();
        if facts.is_empty() { code.to_owned() } else { format!("{code} ({})", facts.join("; ")) }
    }
}

const fn shortfall_of(verdict: &Verdict) -> Option<&Shortfall> {
    match verdict {
        Verdict::BelowQuantity(shortfall) | Verdict::BelowThreshold(shortfall) => Some(shortfall),
        _ => None,
    }
}

const fn limit_of(verdict: &Verdict) -> Option<&LimitUse> {
    match verdict {
        Verdict::LimitReached(limit) | Verdict::StockExhausted(limit) | Verdict::BudgetExhausted(limit) => Some(limit),
        Verdict::BelowQuantity(shortfall) | Verdict::BelowThreshold(shortfall) => shortfall.limit.as_ref(),
        _ => None,
    }
}

const fn other_of(verdict: &Verdict) -> Option<PromoIx> {
    match verdict {
        Verdict::OnePerOrder { promotion }
        | Verdict::ExcludedBy { promotion }
        | Verdict::NotStackable { promotion }
        | Verdict::BeatenBy { promotion, .. } => Some(*promotion),
        _ => None,
    }
}

/// Lines and why they were not looked at.
fn lines_of(outcome: &Outcome) -> Vec<(LineIx, String)> {
    let code = |why: Option<NotCovered>| why.map_or("COVERED", NotCovered::code).to_owned();
    match &outcome.verdict {
        Verdict::NotCovered { lines } if outcome.coverage.is_empty() => {
            lines.iter().map(|(line, why)| (*line, code(Some(*why)))).collect()
        }
        _ => outcome.coverage.iter().map(|coverage| (coverage.line, code(coverage.why_not))).collect(),
    }
}
