//! Is the best choice the best? Everything is tried by the naive pricing, and the search must come to the same result;
//! and where its budget ends first, what it says must hold. `TOKKA_CASES` and `TOKKA_SEED` as everywhere.
#![expect(clippy::expect_used, reason = "a panic is a failed test")]

use std::collections::BTreeMap;

use tokka_core::basket::{Basket, CouponsOffered, Strategy};
use tokka_core::best::Certificate;
use tokka_core::promotion::{Scope, Status};
use tokka_core::quote::{Quote, View};
use tokka_core::rulebook::Rulebook;
use tokka_tests::case::Case;
use tokka_tests::dump::scenario;
use tokka_tests::fast::usage_of;
use tokka_tests::generate::{Random, Shape, case, promotion_of_nothing};
use tokka_tests::naive::choice::{Cheapest, cheapest};
use tokka_tests::naive::order::World;
use tokka_tests::priced::Key;
use tokka_tests::{cases, first_seed, proof};

/// Beyond this many choices, a case is not tried out.
const CHOICES_MAX: u64 = 2_000;

const SHAPES: [Shape; 3] = [
    Shape { lines_max: 4, promotions_max: 7, ..Shape::SMALL },
    Shape { lines_max: 3, promotions_max: 11, ..Shape::SMALL },
    Shape { lines_max: 6, promotions_max: 5, ..Shape::SMALL },
];

/// A case that leaves its choices to a search.
fn searched(seed: u64, shape: Shape) -> Option<Case> {
    let mut case = case(seed, shape);
    case.catalogue().ok()?;
    // Most of them take part, so that there is something to choose.
    let any = promotion_of_nothing(&mut Random::new(1), "any", &case.stores, case.request.at);
    for (number, promotion) in case.promotions.iter_mut().enumerate() {
        if !(seed / 4 + number as u64).is_multiple_of(4) {
            promotion.status = Status::Published;
            promotion.window = any.window;
            promotion.schedule = Vec::new();
            promotion.audience = any.audience.clone();
            if (seed / 16 + number as u64).is_multiple_of(2) {
                promotion.scope = Scope::default();
            }
        }
    }
    let auto = seed.is_multiple_of(3);
    if auto && let CouponsOffered::These(ids) = std::mem::take(&mut case.request.coupons) {
        case.request.coupons = CouponsOffered::Auto { held: ids };
    }
    if !auto || seed.is_multiple_of(2) {
        case.request.strategy = Strategy::Best;
    }
    Some(case)
}

fn quote(case: &Case, rulebook: &Rulebook, basket: &Basket, view: View, budget: u64) -> Quote {
    let prepared = rulebook.prepare(basket).expect("valid");
    let usage = usage_of(case, rulebook, basket, &prepared);
    prepared.price_within(&usage, view, budget).expect("a price")
}

fn tried_out<T>(case: &Case, then: impl FnOnce(&Cheapest<'_>) -> T) -> Option<T> {
    let (catalogue, basket) = (case.catalogue().ok()?, case.basket().ok()?);
    let used = |key: &Key, _limit: i128| i128::from(case.usage.get(key).copied().unwrap_or(0));
    let world = World { catalogue: &catalogue, basket: &basket, used: &used, defect: None };
    cheapest(world, CHOICES_MAX).map(|found| then(&found))
}

#[test]
fn what_is_proven_is_what_trying_everything_finds() {
    let (mut compared, mut better, mut choices) = (0u64, 0u64, 0u64);
    for seed in first_seed()..first_seed() + cases(2_500) {
        let shape = SHAPES[(seed % 3) as usize];
        let Some(case) = searched(seed, shape) else { continue };
        let told = || scenario(&case, &format!("best, seed {seed}"));
        let rulebook = Rulebook::compile(case.catalogue().unwrap());
        let basket = case.basket().unwrap();
        let Some(()) = tried_out(&case, |naive| {
            let fast = quote(&case, &rulebook, &basket, View::Basic, u64::MAX);
            let search = fast.search.expect("it was searched");
            assert_eq!(search.certificate, Certificate::Proven, "seed {seed}\n{}", told());
            assert_eq!(i128::from(search.sequential.get()), naive.sequential, "seed {seed}\n{}", told());
            assert_eq!(i128::from(fast.payable.get()), naive.payable, "seed {seed}: {} tried\n{}", naive.tried, told());
            let lines: Vec<i128> = naive.order.lines.iter().map(|units| units.iter().map(|unit| unit.pay).sum()).collect();
            let fast_lines: Vec<i128> = fast.lines.rows().iter().map(|line| i128::from(line.payable.get())).collect();
            assert_eq!(fast_lines, lines, "seed {seed}: of equal results the first\n{}", told());
            let mut applied: Vec<&str> = naive.order.applied.iter().map(|(_, promo, _)| naive.order.id(*promo)).collect();
            applied.sort_unstable();
            applied.dedup();
            let mut fast_applied: Vec<&str> = fast.applied.iter().map(|ix| rulebook.promotions()[*ix].id.as_str()).collect();
            fast_applied.sort_unstable();
            assert_eq!(fast_applied, applied, "seed {seed}: of equal results the first\n{}", told());
            // What explains the result does not change it, and every discount of it is funded.
            let full = quote(&case, &rulebook, &basket, View::Full, u64::MAX);
            let result = |quote: &Quote| (quote.applied.clone(), quote.claims.clone(), quote.fingerprint);
            assert_eq!(result(&full), result(&fast), "seed {seed}: told in full\n{}", told());
            let funded: i64 = full.funding.iter().map(|part| part.amount.get()).sum();
            let discount: i64 = full.discounts.iter().map(|discount| discount.get()).sum();
            assert_eq!(funded, discount, "seed {seed}: who funds it\n{}", told());
            better += u64::from(naive.payable < naive.sequential);
            choices += naive.tried;
        }) else {
            continue;
        };
        compared += 1;
    }
    println!("{compared} baskets, {better} of them better than sequential, {choices} choices tried");
    proof("best prices tried out", compared, first_seed());
    assert!(compared > 0 && better > 0);
}

#[test]
fn a_budget_that_ends_first_leaves_a_bound_that_holds() {
    let mut bounds: BTreeMap<bool, u64> = BTreeMap::new();
    for seed in first_seed()..first_seed() + cases(1_500) {
        let Some(case) = searched(seed, SHAPES[(seed % 3) as usize]) else { continue };
        let told = || scenario(&case, &format!("best, seed {seed}"));
        let rulebook = Rulebook::compile(case.catalogue().unwrap());
        let basket = case.basket().unwrap();
        tried_out(&case, |naive| {
            for budget in [0, 1, 5, 20, 80, 300] {
                let fast = quote(&case, &rulebook, &basket, View::Basic, budget);
                let payable = i128::from(fast.payable.get());
                let search = fast.search.expect("it was searched");
                assert!(payable >= naive.payable && payable <= naive.sequential, "seed {seed}, budget {budget}\n{}", told());
                match search.certificate {
                    Certificate::Proven => assert_eq!(payable, naive.payable, "seed {seed}, budget {budget}\n{}", told()),
                    Certificate::Bound { lower_bound } => {
                        let lower_bound = i128::from(lower_bound.get());
                        assert!(lower_bound <= naive.payable, "seed {seed}, budget {budget}: {lower_bound}\n{}", told());
                    }
                }
                *bounds.entry(search.certificate == Certificate::Proven).or_default() += 1;
                let again = quote(&case, &rulebook, &basket, View::Basic, budget);
                assert_eq!(fast, again, "seed {seed}, budget {budget}: the same twice");
            }
        });
    }
    println!("proven or not: {bounds:?}");
    assert!(bounds.len() == 2);
}

#[test]
fn best_is_never_above_sequential_and_ends_within_its_budget() {
    let mut searches = 0u64;
    for seed in first_seed()..first_seed() + cases(2_000) {
        for shape in [Shape::SMALL, Shape::LARGE] {
            let Some(case) = searched(seed, shape) else { continue };
            let rulebook = Rulebook::compile(case.catalogue().unwrap());
            let basket = case.basket().unwrap();
            let budget = 3_000;
            let best = quote(&case, &rulebook, &basket, View::Full, budget);
            let Some(search) = best.search else { continue };
            let told = || scenario(&case, &format!("best, seed {seed}"));
            assert!(best.payable <= search.sequential, "seed {seed}\n{}", told());
            if let Certificate::Bound { lower_bound } = search.certificate {
                assert!(lower_bound <= best.payable, "seed {seed}\n{}", told());
            }
            // One node more than the budget, and a part of it for ties.
            assert!(search.work <= budget * 2, "seed {seed}: {} units of work\n{}", search.work, told());
            searches += 1;
        }
    }
    assert!(searches > 0);
}
