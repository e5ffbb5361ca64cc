//! Do the two pricings agree on every field, and on every step of a return? `TOKKA_CASES` says on how many cases, and
//! `TOKKA_SEED` where they begin; a difference prints its seed and the smallest case that shows it.
#![expect(clippy::panic, reason = "a panic is a failed test")]

use tokka_tests::compare::agree;
use tokka_tests::dump::scenario;
use tokka_tests::fast::Fast;
use tokka_tests::generate::{Shape, case, spoiled};
use tokka_tests::pricer::{Naive, Pricer};
use tokka_tests::{cases, first_seed, proof};

fn compared(shape: Shape, count: u64) {
    match agree(shape, first_seed(), count) {
        Ok(compared) => proof("two pricings agree", compared, first_seed()),
        Err(difference) => panic!("{difference}"),
    }
}

#[test]
fn naive_and_fast_agree_on_many_promotions() {
    compared(Shape::SMALL, cases(4_000));
}

#[test]
fn naive_and_fast_agree_on_few_promotions() {
    compared(Shape { promotions_max: 3, lines_max: 3, ..Shape::SMALL }, cases(4_000));
}

#[test]
fn naive_and_fast_agree_on_one_promotion() {
    compared(Shape { promotions_max: 1, lines_max: 4, ..Shape::SMALL }, cases(2_000));
}

#[test]
fn naive_and_fast_agree_on_hundreds_of_units() {
    compared(Shape { quantity_max: 700, lines_max: 4, ..Shape::SMALL }, cases(4_000) / 20);
}

#[test]
fn naive_and_fast_refuse_the_same_requests() {
    let mut refused = 0;
    for seed in first_seed()..first_seed() + cases(1_000) {
        let whole = case(seed, Shape::SMALL);
        let Some(spoiled) = spoiled(&whole, seed).filter(|_| whole.catalogue().is_ok()) else { continue };
        let (naive, fast) = (Naive::default().price(&spoiled), Fast.price(&spoiled));
        assert!(naive.is_err(), "seed {seed}: {:?} {:?}", spoiled.request.select, spoiled.request.select_spend);
        assert!(fast.is_err(), "seed {seed}: priced, although {naive:?}\n{}", scenario(&spoiled, "to be refused"));
        refused += 1;
    }
    println!("{refused} requests were refused by both");
    assert!(refused > 0);
}
