//! What does `docs/pricing.md` §10 promise? One check for each promise, for any pricing; it answers what it saw broken.

mod grow;
mod returns;
mod shares;
mod split;
mod steady;
mod sums;

use crate::case::Case;
use crate::dump;
use crate::generate::{self, Random, Shape};
use crate::pricer::Pricer;
use crate::shrink::shrink;

/// The promises, by their letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Sums hold at every level and stage.
    Sums,
    /// Every amount handed down is ⌊x⌋ or ⌈x⌉.
    Shares,
    /// Floor ≤ payable ≤ unit price, on every segment.
    Bounds,
    /// Splitting a line changes nothing.
    Split,
    /// The order of promotions in the catalogue changes nothing.
    Order,
    /// More units never bring fewer free units or gifts.
    Grow,
    /// Returns add up to what was paid.
    Returns,
    /// A promotion that covers no line changes nothing.
    Idle,
    /// The same inputs give the same price.
    Same,
}

impl Promise {
    /// As `docs/pricing.md` names it.
    #[must_use]
    pub fn letter(self) -> char {
        match self {
            Self::Sums => 'a',
            Self::Shares => 'b',
            Self::Bounds => 'c',
            Self::Split => 'd',
            Self::Order => 'e',
            Self::Grow => 'f',
            Self::Returns => 'g',
            Self::Idle => 'i',
            Self::Same => 'j',
        }
    }

    /// A case that the promise speaks of.
    #[must_use]
    pub fn case(self, seed: u64, shape: Shape) -> Case {
        match self {
            Self::Split => split::case(seed, shape),
            Self::Grow => grow::case(seed),
            _ => generate::case(seed, shape),
        }
    }

    /// Is it kept on this case? `seed` decides what is varied.
    ///
    /// # Errors
    /// What was seen broken.
    pub fn check(self, pricer: &dyn Pricer, case: &Case, seed: u64) -> Result<(), String> {
        let mut random = Random::new(seed ^ 0xA5A5);
        match self {
            Self::Sums => sums::check(case, &pricer.price(case)?),
            Self::Shares => shares::check(case, &pricer.price(case)?),
            Self::Bounds => sums::check_bounds(&pricer.price(case)?),
            Self::Split => split::check(pricer, case, &mut random),
            Self::Order => steady::check_order(pricer, case, &mut random),
            Self::Grow => grow::check(pricer, case),
            Self::Returns => returns::check(pricer, case),
            Self::Idle => steady::check_idle(pricer, case, &mut random),
            Self::Same => steady::check_same(pricer, case),
        }
    }
}

/// A promise that was seen broken.
#[derive(Debug)]
pub struct Broken {
    /// Gives the case again.
    pub seed: u64,
    /// What was seen.
    pub what: String,
    /// A smaller case, to be read.
    pub scenario: String,
}

/// Puts a pricing to `cases` cases from `first_seed` on; the first broken one ends it, shrunk.
///
/// # Errors
/// [`Broken`]
pub fn hold(promise: Promise, pricer: &dyn Pricer, shape: Shape, first_seed: u64, cases: u64) -> Result<u64, Box<Broken>> {
    let mut checked = 0;
    for seed in first_seed..first_seed + cases {
        let case = promise.case(seed, shape);
        if case.catalogue().is_err() || case.basket().is_err() {
            continue;
        }
        checked += 1;
        if let Err(what) = promise.check(pricer, &case, seed) {
            let fails =
                |case: &Case| case.catalogue().is_ok() && case.basket().is_ok() && promise.check(pricer, case, seed).is_err();
            let small = shrink(&case, &fails);
            let what_small = promise.check(pricer, &small, seed).err().unwrap_or_else(|| what.clone());
            let name = format!("promise {} broken, seed {seed}", promise.letter());
            let scenario = dump::scenario(&small, &name);
            return Err(Box::new(Broken { seed, what: format!("{what}\nshrunk: {what_small}"), scenario }));
        }
    }
    Ok(checked)
}
