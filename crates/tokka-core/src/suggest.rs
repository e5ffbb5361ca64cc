//! What would it take? Of given products, the cheapest addition to a basket that lowers its total, or reaches a tier that
//! a hint speaks of.
//!
//! Every addition is tried: the basket with it is priced as any other, so what is promised is what it costs.

use crate::amount::Amount;
use crate::basket::{Basket, FieldViolation, LineRequest, QUANTITY_MAX};
use crate::best;
use crate::promotion::Basis;
use crate::quote::{Counter, Hint, Quote, QuoteError, View};
use crate::rulebook::Rulebook;
use crate::table::PromoIx;

/// At most this many products may be tried.
pub const PRODUCTS_MAX: usize = 20;
/// At most this many quantities of each.
const QUANTITIES_MAX: usize = 6;
/// Searches for additions share this many times the work of one.
const BUDGETS: u64 = 2;

/// An addition that is worth its price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// Its number among the products.
    pub product: usize,
    /// Pieces, at least 1.
    pub quantity: i64,
    /// What the basket costs with it.
    pub payable: Amount,
    /// Promotions whose next tier it reaches, in order of application.
    pub reaches: Vec<PromoIx>,
}

impl Suggestion {
    /// Does the basket cost less with it?
    #[must_use]
    pub fn lowers(&self, now: Amount) -> bool {
        self.payable < now
    }
}

/// The basket with some pieces of a product, as its last line.
///
/// # Errors
/// Every bound that it breaks, at `suggest[…]`.
pub fn with(basket: &Basket, product: usize, line: &LineRequest, quantity: i64) -> Result<Basket, Vec<FieldViolation>> {
    let mut request = basket.to_request();
    let at = format!("lines[{}]", request.lines.len());
    request.lines.push(LineRequest { quantity, ..line.clone() });
    let more = Basket::parse(request).map(|more| more.knowing(|id| basket.stage_out_of_force(id)));
    more.map_err(|violations| {
        let at_product = |violation: FieldViolation| match violation.field.strip_prefix(&at) {
            Some(rest) => FieldViolation::new(format!("suggest[{product}]{rest}"), violation.description),
            None => FieldViolation::new(format!("suggest[{product}]"), violation.description),
        };
        violations.into_iter().map(at_product).collect()
    })
}

/// The additions that are worth their price: those that lower the total, the lowest first, then those that reach a tier,
/// the cheapest first; one for each product. `products` bring the most pieces of each as their quantity; `quote` is the
/// price of the basket now, of view FULL; `usage` answers for the basket with an addition.
///
/// # Errors
/// [`QuoteError::Invalid`] at `suggest`.
pub fn suggest(
    rulebook: &Rulebook,
    basket: &Basket,
    quote: &Quote,
    products: &[LineRequest],
    usage: impl Fn(&Basket, &Counter) -> i64,
) -> Result<Vec<Suggestion>, QuoteError> {
    if products.len() > PRODUCTS_MAX {
        let description = format!("{} products, at most {PRODUCTS_MAX} are allowed", products.len());
        return Err(QuoteError::Invalid(vec![FieldViolation::new("suggest", description)]));
    }
    let mut trials: Vec<(usize, i64, Basket)> = Vec::new();
    for (number, product) in products.iter().enumerate() {
        let whole = with(basket, number, product, product.quantity).map_err(QuoteError::Invalid)?;
        for quantity in quantities(rulebook, &whole, &quote.hints, product) {
            trials.push((number, quantity, with(basket, number, product, quantity).map_err(QuoteError::Invalid)?));
        }
    }
    let count = u64::try_from(trials.len()).unwrap_or(1).max(1);
    let budget = best::BUDGET.saturating_mul(BUDGETS).checked_div(count).unwrap_or(0).min(best::BUDGET);
    let mut found: Vec<Suggestion> = Vec::new();
    for (product, quantity, with) in trials {
        let prepared = rulebook.prepare(&with)?;
        let used: Vec<i64> = prepared.counters().rows().iter().map(|counter| usage(&with, counter)).collect();
        let then = prepared.price_within(&used, View::Full, budget)?;
        let mut reaches: Vec<PromoIx> =
            quote.hints.iter().filter(|hint| reached(hint, &then)).map(|hint| hint.promotion).collect();
        reaches.sort_unstable();
        reaches.dedup();
        let suggestion = Suggestion { product, quantity, payable: then.payable, reaches };
        if !suggestion.lowers(quote.payable) && suggestion.reaches.is_empty() {
            continue;
        }
        match found.iter_mut().find(|other| other.product == product) {
            Some(other) if suggestion.payable < other.payable => *other = suggestion,
            Some(_) => {}
            None => found.push(suggestion),
        }
    }
    // What lowers the total costs less than what does not, so one order serves both.
    found.sort_by_key(|suggestion| (suggestion.payable, suggestion.product));
    Ok(found)
}

/// Is the tier of a hint reached, and does it bring something?
fn reached(hint: &Hint, then: &Quote) -> bool {
    let still = |other: &&Hint| other.promotion == hint.promotion && other.line == hint.line && other.threshold <= hint.threshold;
    then.applied.contains(&hint.promotion) && !then.hints.iter().any(|other| still(&other))
}

/// One piece, and as many as the hints about it ask for, ascending.
fn quantities(rulebook: &Rulebook, whole: &Basket, hints: &[Hint], product: &LineRequest) -> Vec<i64> {
    let mut quantities = vec![1];
    let most = product.quantity.clamp(1, QUANTITY_MAX);
    for hint in hints {
        let covers = whole.lines().last().is_some_and(|line| rulebook.why_not_covered(hint.promotion, line).is_none());
        if !covers {
            continue;
        }
        let pieces = match hint.basis {
            Basis::Quantity => hint.missing,
            // Up: what is not a whole piece is one more.
            Basis::Amount => {
                let price = product.unit_price.max(1);
                hint.missing.saturating_add(price.saturating_sub(1)).checked_div(price).unwrap_or(1)
            }
        };
        if (1..=most).contains(&pieces) {
            quantities.push(pieces);
        }
    }
    quantities.sort_unstable();
    quantities.dedup();
    quantities.truncate(QUANTITIES_MAX);
    quantities
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::basket::{BasketRequest, CouponsOffered, Strategy};
    use crate::catalogue::{Catalogue, Settings, Store};
    use crate::id::Id;
    use crate::promotion::{Discount, Include, Limits, Owner, Promotion, Rule, Scope, Spend, SpendTier, Status, ThresholdOn};
    use crate::quote::quote;
    use crate::rate::Rounding;

    fn id(text: &str) -> Id {
        Id::parse(text).unwrap()
    }

    fn rulebook() -> Rulebook {
        let tier = |threshold: i64, off: i64| SpendTier {
            threshold,
            discount: Some(Discount::AmountOff(Amount::minor(off))),
            gifts: Vec::new(),
        };
        let spend = Promotion {
            acknowledge: Vec::new(),
            id: id("from-1000"),
            name: "from 1000".to_owned(),
            description: None,
            owner: Owner::Store(id("shop")),
            status: Status::Published,
            window: Default::default(),
            schedule: Vec::new(),
            audience: Default::default(),
            scope: Scope { include: Include::default(), exclude: Default::default() },
            priority: 0,
            stacking: Default::default(),
            limits: Limits::default(),
            display: Default::default(),
            funding: Vec::new(),
            rule: Rule::Spend(Spend {
                basis: Basis::Amount,
                repeat: false,
                max_repeats: None,
                exclusion_group: id("spend"),
                tiers: vec![tier(1_000, 200), tier(3_000, 700)],
                threshold_on: ThresholdOn::Left,
                qualify: None,
            }),
        };
        let settings =
            Settings { currency: "JPY".to_owned(), exponent: 0, rounding: Rounding::HalfUp, time_zone: jiff::tz::TimeZone::UTC };
        let store = Store { id: id("shop"), name: "shop".to_owned(), minimum_order: None };
        Rulebook::compile(Catalogue::new(settings, vec![store], Vec::new(), vec![spend]).unwrap())
    }

    fn line(name: &str, unit_price: i64, quantity: i64) -> LineRequest {
        LineRequest {
            line_id: name.to_owned(),
            sku: name.to_owned(),
            store: "shop".to_owned(),
            unit_price,
            quantity,
            ..LineRequest::default()
        }
    }

    fn asked(strategy: Strategy, products: &[LineRequest]) -> Result<(Amount, Vec<Suggestion>), QuoteError> {
        let rulebook = rulebook();
        let request = BasketRequest {
            currency: "JPY".to_owned(),
            lines: vec![line("a", 900, 1)],
            coupons: CouponsOffered::default(),
            strategy,
            ..BasketRequest::default()
        };
        let basket = Basket::parse(request).unwrap();
        let now = quote(&rulebook, &basket, |_| 0, View::Full)?;
        suggest(&rulebook, &basket, &now, products, |_, _| 0).map(|found| (now.payable, found))
    }

    #[test]
    fn an_addition_that_lowers_the_total_comes_first() {
        // 900 + 120 − 200 = 820 < 900; 900 + 2 × 60 − 200 = 820 too; 900 + 2,100 − 700 = 2,300; 900 + 40 reaches nothing.
        let products = [line("dear", 2_100, 1), line("pair", 60, 2), line("one", 120, 1), line("small", 40, 1)];
        for strategy in [Strategy::Sequential, Strategy::Best] {
            let (now, found) = asked(strategy, &products).unwrap();
            let shown: Vec<(usize, i64, i64)> =
                found.iter().map(|found| (found.product, found.quantity, found.payable.get())).collect();
            assert_eq!(shown, [(1, 2, 820), (2, 1, 820), (0, 1, 2_300)]);
            assert!(found[0].lowers(now) && !found[2].lowers(now));
            assert!(found.iter().all(|found| found.reaches.len() == 1));
        }
    }

    #[test]
    fn a_product_that_is_no_line_is_named() {
        let broken = [line("fine", 10, 1), line("a", 10, 1)];
        let Err(QuoteError::Invalid(violations)) = asked(Strategy::Sequential, &broken) else { panic!("refused") };
        assert_eq!(violations[0].field, "suggest[1].line_id");
        let many: Vec<LineRequest> = (0..21).map(|number| line(&format!("p{number}"), 1, 1)).collect();
        assert!(matches!(asked(Strategy::Sequential, &many), Err(QuoteError::Invalid(_))));
    }
}
