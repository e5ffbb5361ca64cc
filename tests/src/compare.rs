//! Where do two pricings differ on a case? On the price, and on every step of a return under both policies.

use tokka_core::promotion::{Owner, Party};

use crate::case::Case;
use crate::dump;
use crate::fast::Fast;
use crate::generate::{self, Shape};
use crate::priced::{Facts, Policy, Priced};
use crate::pricer::{Naive, Pricer};
use crate::shrink::shrink;

/// Puts both pricings to `count` cases from `first_seed` on; the first difference ends it, shrunk.
///
/// # Errors
/// The seed, the differences of the smallest case that shows one, and that case as a scenario.
pub fn agree(shape: Shape, first_seed: u64, count: u64) -> Result<u64, String> {
    let (naive, fast) = (Naive::default(), Fast);
    let mut compared = 0;
    for seed in first_seed..first_seed + count {
        let case = generate::case(seed, shape);
        if case.catalogue().is_err() || case.basket().is_err() {
            continue;
        }
        compared += 1;
        let found = differences(&naive, &fast, &case);
        if found.is_empty() {
            continue;
        }
        // A smaller case shows the same difference, in the same field.
        let field = |difference: &String| difference.split(['.', ':']).next().unwrap_or("").to_owned();
        let wanted = field(&found[0]);
        let fails = |case: &Case| {
            let valid = case.catalogue().is_ok() && case.basket().is_ok();
            valid && differences(&naive, &fast, case).iter().any(|difference| field(difference) == wanted)
        };
        let small = shrink(&case, &fails);
        let shown = differences(&naive, &fast, &small).join("\n  ");
        let scenario = dump::scenario(&small, &format!("a difference, seed {seed}"));
        return Err(format!("seed {seed} of {shape:?}: naive | fast\n  {shown}\n{scenario}"));
    }
    Ok(compared)
}

/// The differences, `path: left | right`; none where both give the same.
#[must_use]
pub fn differences(left: &dyn Pricer, right: &dyn Pricer, case: &Case) -> Vec<String> {
    let mut differences = differences_of_prices(left, right, case);
    if differences.is_empty() && !case.steps.is_empty() {
        differences.extend(differences_of_refunds(left, right, case));
    }
    differences
}

/// Those of the price alone.
#[must_use]
pub fn differences_of_prices(left: &dyn Pricer, right: &dyn Pricer, case: &Case) -> Vec<String> {
    match (left.price(case), right.price(case)) {
        (Ok(a), Ok(b)) => comparable(case, &a).differences(&comparable(case, &b)),
        // What is refused is refused by both; the words may differ.
        (Err(_), Err(_)) => Vec::new(),
        (a, b) => vec![format!("price: {} | {}", shown(&a), shown(&b))],
    }
}

/// Those of every step of a return, under both policies.
fn differences_of_refunds(left: &dyn Pricer, right: &dyn Pricer, case: &Case) -> Vec<String> {
    let mut differences = Vec::new();
    for policy in [Policy::Proportional, Policy::Clawback] {
        match (left.refunds(case, policy), right.refunds(case, policy)) {
            (Ok(a), Ok(b)) => {
                for (step, (a, b)) in a.into_iter().zip(b).enumerate() {
                    let found = a.facts().differences(&b.facts());
                    differences.extend(found.into_iter().map(|difference| format!("{policy:?} step {step}: {difference}")));
                }
            }
            (a, b) => differences.push(format!("{policy:?}: {} | {}", shown(&a), shown(&b))),
        }
    }
    differences
}

fn shown<T>(answer: &Result<T, String>) -> String {
    match answer {
        Ok(_) => "an answer".to_owned(),
        Err(error) => error.clone(),
    }
}

/// Without what only one pricing answers (a fingerprint), and what the specification leaves open: which sellers bear a part of the value of gifts that the platform gives.
fn comparable(case: &Case, price: &Priced) -> Facts {
    let mut price = price.clone();
    price.fingerprint = None;
    let shared = |id: &String| {
        case.promotion(id).is_some_and(|promotion| {
            promotion.owner == Owner::Platform && promotion.funding.iter().any(|part| part.party == Party::Seller)
        })
    };
    let gives = price.gifts.iter().map(|gift| &gift.promotion).chain(price.free_units.iter().map(|(id, ..)| id));
    if gives.into_iter().any(shared) {
        let total = price.given_value.values().sum();
        price.given_value = std::iter::once(("all".to_owned(), total)).collect();
    }
    price.facts()
}
