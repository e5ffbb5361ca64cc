//! What a little more would bring, compared.

use tokka_catalog::values::Sum;
use tokka_core::amount::Amount;
use tokka_core::promotion::{Basis, Discount, GiftReward, UnitPrice};
use tokka_core::quote::{Quote, Then};
use tokka_core::rate::Rate;

use super::Comparison;
use super::outcome::Number;
use crate::expect::{HintExpectDocument, ThenExpectDocument};

impl Comparison<'_> {
    pub(super) fn hint(&mut self, id: &str, expect: &HintExpectDocument, quote: &Quote) {
        let what = format!("hints.{id}");
        let of_it = self.rulebook.find(id);
        let Some(hint) = quote.hints.iter().find(|hint| Some(hint.promotion) == of_it) else {
            return self.differ(what, "a hint", "no hint");
        };
        self.figure(&what, "missing", expect.missing, Some(Number::by(hint.basis, hint.missing)));
        self.figure(&what, "threshold", expect.threshold, Some(Number::by(hint.basis, hint.threshold)));
        let basis = match hint.basis {
            Basis::Amount => "amount",
            Basis::Quantity => "quantity",
        };
        self.text(&what, "basis", expect.basis.as_ref(), Some(basis.to_owned()));
        let line = hint.line.map(|line| self.line(line, |line| line.line_id.as_str()));
        self.text(&what, "line", expect.line.as_ref(), line);
        if let Some(loses) = expect.loses {
            self.same(format!("{what}.loses"), loses, hint.loses);
        }
        if let Some(then) = &expect.then {
            self.then(&format!("{what}.then"), then, &hint.then);
        }
    }

    fn then(&mut self, what: &str, expect: &ThenExpectDocument, then: &Then) {
        let brings = Brings::of(then);
        let amounts = [
            ("fixed", expect.fixed, brings.fixed),
            ("amount_off", expect.amount_off, brings.amount_off),
            ("max_discount", expect.max_discount, brings.max_discount),
        ];
        for (key, expected, actual) in amounts {
            if let Some(Sum(expected)) = expected {
                self.money(format!("{what}.{key}"), Sum(expected), actual.unwrap_or(Amount::ZERO));
            }
        }
        let percent = |rate: Rate| rate.to_string();
        self.text(what, "percent_off", expect.percent_off.map(percent).as_ref(), brings.percent_off.map(percent));
        if let Some(free_units) = expect.free_units {
            self.same(format!("{what}.free_units"), free_units.0, brings.free_units);
        }
        if let Some(times) = expect.times {
            self.same(format!("{what}.times"), times.0, brings.times);
        }
        if let Some(gifts) = &expect.gifts {
            self.same(format!("{what}.gifts"), rewards(gifts), rewards(&brings.gifts));
        }
    }
}

/// What a tier brings, by the fields of an expectation.
#[derive(Default)]
struct Brings {
    fixed: Option<Amount>,
    amount_off: Option<Amount>,
    percent_off: Option<Rate>,
    max_discount: Option<Amount>,
    free_units: i64,
    times: i64,
    gifts: Vec<GiftReward>,
}

impl Brings {
    fn of(then: &Then) -> Self {
        let mut brings = Self::default();
        match then {
            Then::Price(UnitPrice::Fixed(amount)) => brings.fixed = Some(*amount),
            Then::Price(UnitPrice::AmountOff(amount)) => brings.amount_off = Some(*amount),
            Then::Price(UnitPrice::PercentOff(rate)) => brings.percent_off = Some(*rate),
            Then::FreeUnits(units) => brings.free_units = *units,
            Then::Reward { discount, gifts, times } => {
                brings.times = *times;
                brings.gifts.clone_from(gifts);
                match discount {
                    Some(Discount::AmountOff(amount)) => brings.amount_off = Some(*amount),
                    Some(Discount::PercentOff { rate, max_discount }) => {
                        brings.percent_off = Some(*rate);
                        brings.max_discount = *max_discount;
                    }
                    None => {}
                }
            }
        }
        brings
    }
}

fn rewards(gifts: &[GiftReward]) -> String {
    let one = |reward: &GiftReward| {
        let options: Vec<&str> = reward.options.iter().map(|id| id.as_str()).collect();
        format!("{} × {}", reward.quantity, options.join(" or "))
    };
    super::or_none(gifts.iter().map(one).collect())
}
