//! How was the choice searched for, and what would be worth adding?

use serde_json::{Value, json};
use tokka_core::best::Certificate;
use tokka_core::suggest::Suggestion;

use super::Report;

impl Report<'_> {
    /// What is known about the price; nothing where the rules of choice decided.
    pub(super) fn searched(&self) -> Option<String> {
        let search = self.quote.search?;
        let payable = self.quote.payable;
        let saved = search.sequential.less_or_zero(payable);
        let mut text = match search.certificate {
            Certificate::Proven => format!("{}: no choice of these offers costs less", self.money(payable)),
            Certificate::Bound { lower_bound } => format!(
                "{}: a choice may cost less, but none less than {}; the search ended at its budget",
                self.money(payable),
                self.money(lower_bound)
            ),
        };
        if saved.is_positive() {
            let [sequential, saved] = [search.sequential, saved].map(|amount| self.money(amount));
            text.push_str(&format!("\nThe rules of choice alone come to {sequential}, {saved} more\n"));
        } else {
            text.push_str("\nThe rules of choice alone come to the same\n");
        }
        Some(text)
    }

    /// Additions that are worth their price.
    pub(super) fn worth_adding(&self) -> Option<String> {
        let mut text = String::new();
        for found in self.suggestions {
            let Some(product) = self.additions.get(found.product) else { continue };
            let name = self.products.name(&product.store, &product.sku).unwrap_or(&product.sku);
            let now = self.quote.payable;
            let difference = if found.lowers(now) {
                format!("{} less", self.money(now.less_or_zero(found.payable)))
            } else {
                format!("{} more", self.money(found.payable.less_or_zero(now)))
            };
            let names: Vec<&str> = found.reaches.iter().map(|ix| self.promotion(*ix).name.as_str()).collect();
            let reaches = if names.is_empty() { String::new() } else { format!(", reaches {}", names.join(", ")) };
            let payable = self.money(found.payable);
            text.push_str(&format!("{} × {name}: {payable} to pay with it, {difference}{reaches}\n", found.quantity));
        }
        if text.is_empty() && !self.additions.is_empty() {
            text.push_str("none of what was asked about lowers the total or reaches a tier\n");
        }
        (!text.is_empty()).then_some(text)
    }

    pub(super) fn json_search(&self) -> Value {
        let Some(search) = self.quote.search else { return Value::Null };
        let (certificate, lower_bound) = match search.certificate {
            Certificate::Proven => ("PROVEN", self.quote.payable),
            Certificate::Bound { lower_bound } => ("BOUND", lower_bound),
        };
        json!({
            "certificate": certificate, "lower_bound": lower_bound.get(),
            "sequential_payable": search.sequential.get(), "work": search.work,
        })
    }

    pub(super) fn json_suggestions(&self) -> Value {
        let one = |found: &Suggestion| {
            let product = self.additions.get(found.product);
            json!({
                "sku": product.map(|product| &product.sku), "store": product.map(|product| &product.store),
                "quantity": found.quantity, "payable": found.payable.get(),
                "difference": found.payable.get().saturating_sub(self.quote.payable.get()),
                "reaches": found.reaches.iter().map(|ix| self.promotion(*ix).id.as_str()).collect::<Vec<_>>(),
            })
        };
        self.suggestions.iter().map(one).collect()
    }
}
