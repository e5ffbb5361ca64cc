//! Are the promises of `docs/pricing.md` §10 kept? Each over random cases; `TOKKA_CASES` says how many, and a failure
//! prints the seed, what was seen broken, and a small scenario that shows it.
#![expect(clippy::panic, reason = "a panic is a failed test")]

use tokka_tests::dump::scenario;
use tokka_tests::fast::{Fast, prepared_price, views};
use tokka_tests::generate::{Shape, case};
use tokka_tests::pricer::{Naive, Pricer};
use tokka_tests::promise::{Promise, hold};
use tokka_tests::{cases, first_seed, proof};

/// The fast pricing keeps it with few units and with very many, the naive one with few.
fn promise(promise: Promise, count: u64) {
    keeps(promise, &Fast, Shape::SMALL, count);
    keeps(promise, &Fast, Shape::LARGE, count);
    keeps(promise, &Naive::default(), Shape::SMALL, count / 8);
}

fn keeps(promise: Promise, pricer: &dyn Pricer, shape: Shape, count: u64) {
    match hold(promise, pricer, shape, first_seed(), count) {
        Ok(checked) => proof(&format!("promise {}", promise.letter()), checked, first_seed()),
        Err(broken) => panic!(
            "promise {} broken by {}, seed {}\n{}\n{}",
            promise.letter(),
            pricer.name(),
            broken.seed,
            broken.what,
            broken.scenario
        ),
    }
}

#[test]
fn a_sums_hold_at_every_level_and_stage() {
    promise(Promise::Sums, cases(4_000));
}

#[test]
fn b_every_share_is_the_exact_one_rounded_down_or_up() {
    promise(Promise::Shares, cases(4_000));
}

#[test]
fn c_every_segment_stays_between_floor_and_unit_price() {
    promise(Promise::Bounds, cases(4_000));
}

#[test]
fn d_splitting_a_line_changes_nothing() {
    promise(Promise::Split, cases(4_000));
}

#[test]
fn e_the_order_of_the_catalogue_changes_nothing() {
    promise(Promise::Order, cases(2_000));
}

#[test]
fn f_more_units_never_take_a_free_unit_or_gift_away() {
    promise(Promise::Grow, cases(1_000));
}

#[test]
fn g_returns_add_up_to_what_was_paid() {
    promise(Promise::Returns, cases(4_000));
}

#[test]
fn i_a_promotion_that_covers_no_line_changes_nothing() {
    promise(Promise::Idle, cases(2_000));
}

#[test]
fn j_the_same_inputs_give_the_same_price() {
    promise(Promise::Same, cases(2_000));
}

#[test]
fn j_reserve_takes_the_price_that_the_quote_gave() {
    for seed in first_seed()..first_seed() + cases(2_000) {
        let case = case(seed, Shape::LARGE);
        if case.catalogue().is_err() || case.basket().is_err() {
            continue;
        }
        let (reserved, quoted) = prepared_price(&case).unwrap();
        assert_eq!(reserved, quoted, "seed {seed}");
    }
}

#[test]
fn j_both_views_give_the_same_amounts() {
    for seed in first_seed()..first_seed() + cases(4_000) {
        let case = case(seed, Shape::LARGE);
        if case.catalogue().is_err() || case.basket().is_err() {
            continue;
        }
        let (basic, full) = views(&case).unwrap();
        let differences = basic.differences(&full);
        assert!(differences.is_empty(), "seed {seed}: basic | full\n{}\n{}", differences.join("\n"), scenario(&case, "views"));
    }
}
