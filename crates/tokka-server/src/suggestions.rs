//! What would it take to pay less? The additions that a request asks about, priced with one read of their counters.

use std::collections::BTreeMap;

use tokka_core::basket::{Basket, LineRequest};
use tokka_core::quote::{Counter, Quote};
use tokka_core::rulebook::Rulebook;
use tokka_core::suggest;
use tokka_ledger::name::Name;
use tokka_proto::v1;

use crate::claims;
use crate::counters::{self, Counters};
use crate::error::ApiError;
use crate::response;

/// The additions that are worth their price; `quote` is the basket's, of view FULL.
pub(crate) async fn of(
    counters: &dyn Counters,
    rulebook: &Rulebook,
    basket: &Basket,
    quote: &Quote,
    products: &[LineRequest],
) -> Result<Vec<v1::Suggestion>, ApiError> {
    if products.is_empty() {
        return Ok(Vec::new());
    }
    let known = usage(counters, rulebook, basket, products).await;
    // What was not read counts as used up: nothing is promised that may not be there.
    let used = |with: &Basket, counter: &Counter| {
        known.get(&claims::name(rulebook, with, counter.key)).copied().unwrap_or(counter.limit)
    };
    let found = suggest::suggest(rulebook, basket, quote, products, used)?;
    Ok(found.iter().filter_map(|found| response::suggestion(rulebook, quote, products, found)).collect())
}

/// The usage of every counter that the basket asks about with all products at once.
async fn usage(counters: &dyn Counters, rulebook: &Rulebook, basket: &Basket, products: &[LineRequest]) -> BTreeMap<Name, i64> {
    let mut known = BTreeMap::new();
    let mut all = basket.clone();
    for (number, product) in products.iter().enumerate().take(suggest::PRODUCTS_MAX) {
        // One that is no line is refused by name where it is tried.
        if let Ok(with) = suggest::with(&all, number, product, 1) {
            all = with;
        }
    }
    let Ok(prepared) = rulebook.prepare(&all) else { return known };
    let used = counters::read(counters, rulebook, &all, prepared.counters()).await;
    for (counter, used) in prepared.counters().rows().iter().zip(used.used) {
        known.insert(claims::name(rulebook, &all, counter.key), used);
    }
    known
}
