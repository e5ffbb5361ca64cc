//! Do the random cases reach every corner? Every outcome, rule, option and limit, applied and refused, is named in
//! `corners.txt`; a corner that no case reaches is a corner that no comparison guards.

use std::collections::BTreeMap;

use tokka_tests::coverage::labels;
use tokka_tests::generate::{Shape, case};
use tokka_tests::pricer::Naive;

/// The cases of the comparison begin with these.
const CASES: u64 = 4_000;

#[test]
fn random_cases_reach_every_corner() {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 1..=CASES {
        for label in labels(&case(seed, Shape::SMALL), &Naive::default()).into_iter().flatten() {
            *seen.entry(label).or_insert(0) += 1;
        }
    }
    for (label, count) in &seen {
        println!("{count:>6} {label}");
    }
    let corners: Vec<&str> = include_str!("corners.txt").lines().collect();
    let missed: Vec<&&str> = corners.iter().filter(|corner| !seen.contains_key(**corner)).collect();
    let unnamed: Vec<&String> = seen.keys().filter(|label| !corners.contains(&label.as_str())).collect();
    assert!(missed.is_empty(), "no case reached {missed:#?}");
    assert!(unnamed.is_empty(), "not named in `corners.txt`: {unnamed:#?}");
}
