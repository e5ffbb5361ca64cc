//! Who pays for it? Parts of each discount, sums by payer, and what each store is due.

use std::collections::BTreeMap;

use tokka_core::amount::Amount;
use tokka_core::quote::{self, Payer, Quote};
use tokka_proto::v1;

use super::Names;

pub(super) fn part(names: &Names<'_>, part: &quote::FundingPart) -> v1::FundingPart {
    v1::FundingPart {
        promotion: names.promotion(part.promotion),
        line_id: names.line(part.line),
        payer: part.payer.to_string(),
        amount: part.amount.get(),
    }
}

/// Who pays how much in all; a payer who only gives gifts is one too.
pub(super) fn funders(quote: &Quote) -> Vec<v1::FunderTotal> {
    let mut totals: BTreeMap<Payer, (Amount, i64)> = BTreeMap::new();
    for (payer, amount) in quote.funding_by_payer() {
        totals.entry(payer).or_default().0 = amount;
    }
    for (payer, value) in &quote.given_value {
        let (_, given) = totals.entry(payer.clone()).or_default();
        *given = given.saturating_add(value.get());
    }
    let total = |(payer, (amount, given_value)): (Payer, (Amount, i64))| v1::FunderTotal {
        payer: payer.to_string(),
        amount: amount.get(),
        given_value,
    };
    totals.into_iter().map(total).collect()
}

/// Stores that sell, in the basket's order, then those that only fund.
pub(super) fn settlements(quote: &Quote) -> Vec<v1::Settlement> {
    let due = quote.settlements.iter();
    due.map(|(store, amount)| v1::Settlement { store: store.as_str().to_owned(), amount: amount.get() }).collect()
}
