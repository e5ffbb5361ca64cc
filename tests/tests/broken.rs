//! Would the checks notice? Each rule is broken once, as other shops' systems broke it, and the promise that guards it
//! must be seen to fail; with the rule whole, the same cases keep it.
#![expect(clippy::panic, reason = "a panic is a failed test")]

use std::cell::RefCell;

use tokka_tests::case::Case;
use tokka_tests::cases;
use tokka_tests::compare::differences;
use tokka_tests::fast::Fast;
use tokka_tests::generate::{Shape, case};
use tokka_tests::naive::defect::Defect;
use tokka_tests::priced::{Policy, Priced, PricedRefund, Usage};
use tokka_tests::pricer::{Naive, Pricer};
use tokka_tests::promise::{Promise, hold};

/// The promise is broken within some hundred cases, and kept until there by the pricing whose rules are whole.
fn noticed(promise: Promise, defect: Defect) {
    noticed_in(promise, &Naive::with(defect));
}

fn noticed_in(promise: Promise, pricer: &dyn Pricer) {
    let most = cases(10_000).max(10_000);
    match hold(promise, pricer, Shape::SMALL, 1, most) {
        Ok(checked) => panic!("promise {}: {} was not noticed in {checked} cases", promise.letter(), pricer.name()),
        Err(broken) => {
            println!("promise {}: {} was noticed by seed {}: {}", promise.letter(), pricer.name(), broken.seed, broken.what);
            let case = promise.case(broken.seed, Shape::SMALL);
            assert_eq!(promise.check(&Naive::default(), &case, broken.seed), Ok(()), "seed {}", broken.seed);
        }
    }
}

#[test]
fn broken_a_a_share_that_rounds_to_zero_is_dropped() {
    noticed(Promise::Sums, Defect::LeftOverDropped);
}

#[test]
fn broken_b_the_last_line_takes_the_rest() {
    noticed(Promise::Shares, Defect::LastTakesTheRest);
}

#[test]
fn broken_b_the_ratio_is_rounded_before_it_is_multiplied() {
    noticed(Promise::Shares, Defect::RatioRoundedFirst);
}

#[test]
fn broken_b_a_flat_list_instead_of_a_tree() {
    noticed(Promise::Shares, Defect::FlatInsteadOfTree);
}

#[test]
fn broken_c_floors_are_ignored() {
    noticed(Promise::Bounds, Defect::FloorIgnored);
}

#[test]
fn broken_d_a_percentage_is_rounded_for_the_line() {
    noticed(Promise::Split, Defect::PercentOfTheLine);
}

#[test]
fn broken_d_a_limit_counts_line_by_line() {
    noticed(Promise::Split, Defect::LimitByLine);
}

#[test]
fn broken_d_a_flat_list_instead_of_a_tree() {
    noticed(Promise::Split, Defect::FlatInsteadOfTree);
}

#[test]
fn broken_e_ties_by_the_order_of_the_catalogue() {
    noticed(Promise::Order, Defect::CatalogueOrder);
}

#[test]
fn broken_f_gifts_drop_above_the_maximum() {
    noticed(Promise::Grow, Defect::AboveMaximumCountsOnce);
}

#[test]
fn broken_f_a_rest_takes_free_units_away() {
    noticed(Promise::Grow, Defect::RestNeedsTheTierAlone);
}

#[test]
fn broken_g_a_returned_unit_gives_back_the_average_of_its_line() {
    noticed(Promise::Returns, Defect::AverageOfTheLine);
}

#[test]
fn broken_g_the_discount_of_a_returned_unit_moves_to_those_that_stay() {
    noticed(Promise::Returns, Defect::DiscountMovesToThoseThatStay);
}

#[test]
fn broken_g_what_was_waived_is_forgotten() {
    noticed(Promise::Returns, Defect::WaivedForgotten);
}

#[test]
fn broken_i_a_coupon_that_does_nothing_takes_the_place() {
    noticed(Promise::Idle, Defect::IdleCouponTakesThePlace);
}

/// A pricing that counts its own quotes: asking uses the stock up.
#[derive(Default)]
struct CountsQuotes {
    used: RefCell<Usage>,
}

impl Pricer for CountsQuotes {
    fn name(&self) -> String {
        "the naive pricing that counts its quotes".to_owned()
    }

    fn price(&self, case: &Case) -> Result<Priced, String> {
        let mut seen = case.clone();
        for (key, used) in self.used.borrow().iter() {
            *seen.usage.entry(key.clone()).or_insert(0) += used;
        }
        let price = Naive::default().price(&seen)?;
        for (key, amount) in &price.claims {
            *self.used.borrow_mut().entry(key.clone()).or_insert(0) += amount;
        }
        Ok(price)
    }

    fn refunds(&self, case: &Case, policy: Policy) -> Result<Vec<PricedRefund>, String> {
        Naive::default().refunds(case, policy)
    }
}

#[test]
fn broken_j_a_quote_uses_the_stock_up() {
    noticed_in(Promise::Same, &CountsQuotes::default());
}

#[test]
fn broken_every_defect_is_noticed_by_the_comparison() {
    for defect in Defect::ALL {
        let seen = (1..=5_000).find(|seed| {
            let case = case(*seed, Shape::SMALL);
            case.catalogue().is_ok()
                && !differences(&Naive::with(defect), &Fast, &case).is_empty()
                && differences(&Naive::default(), &Fast, &case).is_empty()
        });
        let seed = seen.unwrap_or_else(|| panic!("{defect:?} was not noticed"));
        println!("{defect:?} was noticed by seed {seed}");
    }
}
