//! How many different people? Exactly up to [`EXACT_MAX`], and by a sketch of fixed size beyond.
//!
//! The sketch is a HyperLogLog of Apache DataSketches with 2^14 registers: its relative standard error is 0.8125 % (1.04/√m),
//! and its hash is fixed. It is read by its registers alone (the "composite" estimate), so that the same people give the same
//! number in whatever order they came, and in every process.

use std::collections::BTreeSet;

use datasketches::hll::{HllSketch, HllType, HllUnion};
use xxhash_rust::xxh3::xxh3_128;

/// So many are counted one by one.
pub(crate) const EXACT_MAX: usize = 10_000;
/// 2^14 registers.
const LG_REGISTERS: u8 = 14;

/// Two standard errors of the sketch: 2 × 1.04/√2^14.
const DEVIATION: f64 = 0.016_25;

/// A person, without a name.
pub(crate) type Person = u128;

/// Who a user is, here.
pub(crate) fn person(user: &str) -> Person {
    xxh3_128(user.as_bytes())
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Count {
    pub(crate) count: i64,
    /// Of an estimate: with a probability of 95 % the true number lies between these.
    pub(crate) between: Option<(i64, i64)>,
}

/// A set of people that grows.
#[derive(Debug, Clone)]
pub(crate) enum People {
    /// All of them.
    Exact(BTreeSet<Person>),
    /// Too many to name.
    Sketch(Box<HllUnion>),
}

impl Default for People {
    fn default() -> Self {
        Self::Exact(BTreeSet::new())
    }
}

impl People {
    pub(crate) fn add(&mut self, person: Person) {
        match self {
            Self::Exact(people) => {
                people.insert(person);
                if people.len() > EXACT_MAX {
                    *self = Self::Sketch(Box::new(sketch_of(people)));
                }
            }
            Self::Sketch(sketch) => sketch.update_value(person),
        }
    }

    /// Adds all people of a sketch that [`People::sketched`] wrote.
    ///
    /// # Errors
    /// Why its bytes are none.
    pub(crate) fn add_sketch(&mut self, bytes: &[u8]) -> Result<(), String> {
        let other = HllSketch::deserialize(bytes).map_err(|error| error.to_string())?;
        if let Self::Exact(people) = self {
            *self = Self::Sketch(Box::new(sketch_of(people)));
        }
        if let Self::Sketch(sketch) = self {
            sketch.update(&other);
        }
        Ok(())
    }

    /// Its bytes, where it is a sketch.
    pub(crate) fn sketched(&self) -> Option<Vec<u8>> {
        match self {
            Self::Exact(_) => None,
            Self::Sketch(sketch) => Some(sketch.to_sketch(HllType::Hll8).serialize()),
        }
    }

    pub(crate) fn count(&self) -> Count {
        match self {
            Self::Exact(people) => Count { count: i64::try_from(people.len()).unwrap_or(i64::MAX), between: None },
            Self::Sketch(sketch) => {
                let estimate = sketch.composite_estimate();
                let (low, high) = (estimate / (1.0 + DEVIATION), estimate / (1.0 - DEVIATION));
                Count { count: whole(estimate), between: Some((whole(low), whole(high))) }
            }
        }
    }
}

#[expect(clippy::expect_used, reason = "the number of registers is a constant that every sketch may have")]
fn sketch_of(people: &BTreeSet<Person>) -> HllUnion {
    let mut sketch = HllUnion::new(LG_REGISTERS).expect("between 4 and 21");
    for person in people {
        sketch.update_value(*person);
    }
    sketch
}

#[expect(clippy::cast_possible_truncation, reason = "an estimate is a count, far below 2^53")]
fn whole(estimate: f64) -> i64 {
    estimate.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people(numbers: impl Iterator<Item = usize>) -> People {
        let mut people = People::default();
        numbers.for_each(|number| people.add(person(&format!("u-{number}"))));
        people
    }

    #[test]
    fn ten_thousand_are_counted_one_by_one() {
        let exact = people((0..EXACT_MAX).chain(0..500));
        assert_eq!(exact.count(), Count { count: 10_000, between: None });
        assert_eq!(exact.sketched(), None);
    }

    #[test]
    fn beyond_that_the_true_number_lies_between_the_bounds() {
        for true_count in [EXACT_MAX + 1, 20_000, 100_000] {
            let Count { count, between } = people(0..true_count).count();
            let (low, high) = between.expect("an estimate");
            let true_count = i64::try_from(true_count).unwrap();
            assert!(low <= true_count && true_count <= high, "{true_count} is not in {low}..{high}");
            assert!((count - true_count).abs() * 100 <= true_count * 3, "{count} for {true_count}");
        }
    }

    #[test]
    fn the_order_in_which_people_come_and_sketches_are_joined_changes_nothing() {
        let up = people(0..30_000);
        let down = people((0..30_000).rev());
        assert_eq!(up.count(), down.count());
        let mut joined = people(0..15_000);
        joined.add_sketch(&people(10_000..30_000).sketched().expect("a sketch")).expect("one of ours");
        assert_eq!(joined.count(), up.count());
        let mut few = people(0..5);
        few.add_sketch(&people(0..30_000).sketched().expect("a sketch")).expect("one of ours");
        assert_eq!(few.count(), up.count());
        assert!(few.add_sketch(b"no sketch").is_err());
    }
}
