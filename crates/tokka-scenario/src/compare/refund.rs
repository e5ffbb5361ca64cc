//! What goes back, step by step, compared.

use std::collections::BTreeMap;

use tokka_core::amount::Amount;
use tokka_core::quote::Quote;
use tokka_core::refund::{Order, Refund, RefundError, RefundPolicy, ToReturn};

use super::{Comparison, counted, summed};
use crate::document::{RefundDocument, StepDocument};
use crate::expect::{ErrorCode, FAILED_PRECONDITION, INTERNAL, INVALID_ARGUMENT};

/// Gives units of an order back, step by step, and compares what comes out.
pub(crate) fn compare_refund(compare: &mut Comparison<'_>, quote: Quote, expect: &RefundDocument, usual: RefundPolicy) {
    let (policy, named) = (expect.policy.unwrap_or(usual), expect.policy.is_some());
    let order = match Order::new(compare.rulebook, compare.basket, quote, policy, named) {
        Ok(order) => order,
        Err(error) => return compare.status("refund.error", expect.error, Some(&error)),
    };
    compare.status("refund.error", expect.error, None);
    let mut order = order;
    for (index, step) in expect.steps.iter().enumerate() {
        let what = format!("refund.steps[{index}]");
        let units: Vec<(&str, i64)> = step.units.iter().map(|(line, units)| (line.as_str(), units.0)).collect();
        match order.give_back(compare.rulebook, &units) {
            Ok((left, refund)) => {
                compare.status(&format!("{what}.error"), step.error, None);
                compare.step(&what, step, &refund);
                order = left;
            }
            // Nothing went back: the next step starts from the same order.
            Err(error) => compare.status(&format!("{what}.error"), step.error, Some(&error)),
        }
    }
}

impl Comparison<'_> {
    fn status(&mut self, what: &str, expected: Option<ErrorCode>, error: Option<&RefundError>) {
        let actual = error.map(|error| match error {
            RefundError::Invalid(_) => INVALID_ARGUMENT,
            RefundError::ClawbackOnly => FAILED_PRECONDITION,
            RefundError::Overflow => INTERNAL,
        });
        if expected != actual {
            let code = |code: Option<ErrorCode>| code.map_or("none", |code| code.0).to_owned();
            let why = match error {
                Some(RefundError::Invalid(violations)) => {
                    let texts: Vec<String> = violations.iter().map(ToString::to_string).collect();
                    format!(": {}", texts.join("; "))
                }
                _ => String::new(),
            };
            self.differ(what, code(expected), code(actual) + &why);
        }
    }

    fn step(&mut self, what: &str, expect: &StepDocument, refund: &Refund) {
        if let Some(expected) = expect.refund {
            self.money(format!("{what}.refund"), expected, refund.refund);
        }
        if let Some(expected) = expect.waived {
            self.money(format!("{what}.waived"), expected, refund.waived);
        }
        let lines: BTreeMap<String, Amount> =
            refund.lines.iter().map(|(line, amount)| (self.line(*line, |line| line.line_id.as_str()), *amount)).collect();
        self.sums(&format!("{what}.lines"), &expect.lines, &lines);
        if let Some(expected) = &expect.to_return {
            let of = |gift: &Option<String>, sku: &Option<String>| match (gift, sku) {
                (Some(gift), _) => format!("gift {gift}"),
                (None, sku) => format!("sku {}", sku.as_deref().unwrap_or_default()),
            };
            let expected = summed(expected.iter().map(|back| (of(&back.gift, &back.sku), back.quantity.0)));
            let actual = summed(refund.to_return.iter().map(|back| match *back {
                ToReturn::Gift { gift, units, .. } => (format!("gift {}", self.gift_id(gift)), units),
                ToReturn::FreeUnits { line, units, .. } => (format!("sku {}", self.line(line, |line| line.sku.as_str())), units),
            }));
            self.same(format!("{what}.to_return"), counted(&expected), counted(&actual));
        }
    }
}
