//! Do the random cases reach every corner? Every outcome, rule, option and limit, applied and refused; a corner that no
//! case reaches is a corner that no comparison guards.

use std::collections::BTreeMap;

use tokka_tests::cases;
use tokka_tests::coverage::labels;
use tokka_tests::generate::{Shape, case};
use tokka_tests::pricer::Naive;

#[test]
fn random_cases_reach_every_corner() {
    let most = cases(3_000).max(3_000);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 1..=most {
        let case = case(seed, Shape::SMALL);
        for label in labels(&case, &Naive::default()).into_iter().flatten() {
            *seen.entry(label).or_insert(0) += 1;
        }
    }
    for (label, count) in &seen {
        println!("{count:>6} {label}");
    }
}
