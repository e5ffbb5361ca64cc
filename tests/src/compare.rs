//! Where do two pricings differ on a case? On the price, and on every step of a return under both policies.

use tokka_core::promotion::{Owner, Party};

use crate::case::Case;
use crate::priced::{Facts, Policy, Priced};
use crate::pricer::Pricer;

/// The differences, `path: left | right`; none where both give the same.
#[must_use]
pub fn differences(left: &dyn Pricer, right: &dyn Pricer, case: &Case) -> Vec<String> {
    let mut differences = match (left.price(case), right.price(case)) {
        (Ok(a), Ok(b)) => comparable(case, &a).differences(&comparable(case, &b)),
        (a, b) => vec![format!("price: {} | {}", shown(&a), shown(&b))],
    };
    if case.steps.is_empty() || !differences.is_empty() {
        return differences;
    }
    for policy in [Policy::Proportional, Policy::Clawback] {
        match (left.refunds(case, policy), right.refunds(case, policy)) {
            (Ok(a), Ok(b)) => {
                for (step, (mut a, mut b)) in a.into_iter().zip(b).enumerate() {
                    if a.waived_funding.is_none() || b.waived_funding.is_none() {
                        (a.waived_funding, b.waived_funding) = (None, None);
                    }
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

/// Without what the specification leaves open: which sellers bear a part of the value of gifts that the platform gives.
fn comparable(case: &Case, price: &Priced) -> Facts {
    let mut price = price.clone();
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
