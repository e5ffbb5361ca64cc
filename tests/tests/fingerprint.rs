//! Does a fingerprint guard what the customer agreed to, and nothing else? It changes with currency, user, lines, gifts, free
//! units and applied ids; not with the moment, counters, or what did not apply.
#![expect(clippy::indexing_slicing, reason = "a panic is a failed test, and a basket has a first line")]

use jiff::SignedDuration;
use tokka_tests::case::Case;
use tokka_tests::fast::Fast;
use tokka_tests::generate::{Shape, case};
use tokka_tests::priced::Priced;
use tokka_tests::pricer::Pricer;
use tokka_tests::{cases, first_seed};

/// What a fingerprint is made of, in the words of `docs/design.md`.
fn guarded(case: &Case, price: &Priced) -> String {
    let request = &case.request;
    let lines = request.lines.iter().zip(&price.lines);
    let lines = lines.map(|(asked, line)| {
        (&asked.line_id, &asked.sku, &asked.store, asked.quantity, asked.unit_price, line.discounts, line.payable)
    });
    let lines: Vec<_> = lines.collect();
    let gifts = price.gifts_given();
    let applied: std::collections::BTreeSet<&String> = price.applied.iter().collect();
    format!("{} {:?} {lines:?} {gifts:?} {:?} {applied:?}", request.currency, request.user, price.free_units)
}

type Change = (&'static str, fn(&mut Case));
const CHANGES: [Change; 11] = [
    ("another user", |case| case.request.user = Some("u2".to_owned())),
    ("no user", |case| case.request.user = None),
    ("one unit more", |case| case.request.lines[0].quantity += 1),
    ("a unit price", |case| case.request.lines[0].unit_price += 1),
    ("a line id", |case| case.request.lines[0].line_id = "other".to_owned()),
    ("a sku", |case| case.request.lines[0].sku = "k9".to_owned()),
    ("no coupons", |case| case.request.coupons = tokka_core::basket::CouponsOffered::default()),
    ("a later moment", |case| case.request.at += SignedDuration::from_mins(50)),
    ("counters", |case| case.usage.values_mut().for_each(|used| *used += 1)),
    ("tags and channel", |case| (case.request.user_tags, case.request.channel) = (vec!["x".to_owned()], None)),
    ("list price, floor, tax class", |case| {
        let line = &mut case.request.lines[0];
        (line.list_price, line.tax_class) = (Some(1), Some("other".to_owned()));
    }),
];

#[test]
fn a_fingerprint_changes_with_what_it_guards_and_with_nothing_else() {
    let (mut same, mut different) = (0, 0);
    for seed in first_seed()..first_seed() + cases(1_500) {
        let mut case = case(seed, Shape::SMALL);
        (case.request.select, case.request.select_spend) = Default::default();
        if case.catalogue().is_err() || case.basket().is_err() {
            continue;
        }
        let before = Fast.price(&case).unwrap();
        for (what, change) in CHANGES {
            let mut changed = case.clone();
            change(&mut changed);
            let Ok(after) = Fast.price(&changed) else { continue };
            let guarded_same = guarded(&case, &before) == guarded(&changed, &after);
            let fingerprint_same = before.fingerprint == after.fingerprint;
            assert_eq!(guarded_same, fingerprint_same, "seed {seed}: {what}");
            if guarded_same { same += 1 } else { different += 1 }
        }
    }
    println!("{same} changes left the fingerprint, {different} changed it");
    assert!(same > 100 && different > 100);
}
