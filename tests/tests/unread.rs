//! May an order be priced before anybody has looked at what is used? Priced as if nothing were: where that has the fingerprint
//! that the customer agreed to, it is the price that was quoted, line by line, with its gifts and free units.

use tokka_core::quote::{Quote, View};
use tokka_core::rulebook::Rulebook;
use tokka_tests::dump::scenario;
use tokka_tests::generate::{Random, Shape, case};
use tokka_tests::{cases, first_seed};

#[test]
fn a_price_without_looking_that_bears_the_fingerprint_of_a_quote_is_that_quote() {
    let (mut same, mut used_up, mut others) = (0, 0, 0);
    for seed in first_seed()..first_seed() + cases(5_000) {
        let case = case(seed, if seed % 2 == 0 { Shape::SMALL } else { Shape::LARGE });
        let (Ok(catalogue), Ok(basket)) = (case.catalogue(), case.basket()) else { continue };
        let rulebook = Rulebook::compile(catalogue);
        let prepared = rulebook.prepare(&basket).unwrap();
        let limits: Vec<i64> = prepared.counters().rows().iter().map(|counter| counter.limit).collect();
        let unread = prepared.price(&vec![0; limits.len()], View::Basic).unwrap();
        if unread.claims.is_empty() {
            continue;
        }
        let mut random = Random::new(seed ^ 0x5eed);
        for _ in 0..6 {
            let usage: Vec<i64> = limits.iter().map(|limit| random.from(0, *limit)).collect();
            let quoted = prepared.price(&usage, View::Basic).unwrap();
            if quoted.fingerprint != unread.fingerprint {
                others += 1;
                continue;
            }
            same += 1;
            used_up += usize::from(usage.iter().any(|used| *used > 0));
            let shown = || scenario(&case, "a fingerprint of two prices");
            assert_eq!(quoted.payable, unread.payable, "seed {seed}, used {usage:?} of {limits:?}\n{}", shown());
            let lines =
                |quote: &Quote| -> Vec<_> { quote.lines.rows().iter().map(|line| (line.discounts, line.payable)).collect() };
            assert_eq!(lines(&quoted), lines(&unread), "seed {seed}, used {usage:?} of {limits:?}\n{}", shown());
            let given = |quote: &Quote| -> Vec<_> {
                let given = quote.gifts.iter().filter(|gift| gift.given > 0);
                given.map(|gift| (gift.promotion, gift.gift, gift.given)).collect()
            };
            assert_eq!(given(&quoted), given(&unread), "seed {seed}, used {usage:?} of {limits:?}\n{}", shown());
            assert_eq!(quoted.free_units, unread.free_units, "seed {seed}, used {usage:?} of {limits:?}\n{}", shown());
        }
    }
    println!("{same} quotes are priced without looking, {used_up} of them with something used; {others} have to be looked at");
    assert!(same > 0 && used_up > 0 && others > 0);
}
