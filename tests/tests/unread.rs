//! May an order be priced before anybody has looked at what is used? Priced as if nothing were: where each limited quantity
//! that it asks about is claimed and fits, it is the price of what is really used.

use tokka_core::prepare::Prepared;
use tokka_core::quote::{Quote, View};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::Ix;
use tokka_tests::dump::scenario;
use tokka_tests::generate::{Random, Shape, case};
use tokka_tests::{cases, first_seed};

/// What is asked for of each counter, in their order; 0 where nothing is.
fn claimed(prepared: &Prepared<'_>, quote: &Quote) -> Vec<i64> {
    let mut claimed = vec![0; prepared.counters().len()];
    for claim in &quote.claims {
        if let Some(claimed) = claimed.get_mut(claim.counter.position()) {
            *claimed = claim.amount;
        }
    }
    claimed
}

#[test]
fn a_price_without_looking_is_the_price_where_all_that_it_asks_about_is_claimed_and_fits() {
    let (mut seen, mut used_up) = (0, 0);
    for seed in first_seed()..first_seed() + cases(20_000) {
        let case = case(seed, if seed % 2 == 0 { Shape::SMALL } else { Shape::LARGE });
        let (Ok(catalogue), Ok(basket)) = (case.catalogue(), case.basket()) else { continue };
        let rulebook = Rulebook::compile(catalogue);
        let prepared = rulebook.prepare(&basket).unwrap();
        let limits: Vec<i64> = prepared.counters().rows().iter().map(|counter| counter.limit).collect();
        let unread = prepared.price(&vec![0; limits.len()], View::Basic).unwrap();
        let claims = claimed(&prepared, &unread);
        if claims.is_empty() || claims.contains(&0) {
            continue;
        }
        seen += 1;
        let mut random = Random::new(seed ^ 0x5eed);
        for turn in 0..4 {
            let most = limits.iter().zip(&claims).map(|(limit, claim)| limit - claim);
            // At first all that may be used is.
            let usage: Vec<i64> = most.map(|most| if turn == 0 { most } else { random.from(0, most) }).collect();
            used_up += usize::from(turn == 0 && usage.iter().any(|used| *used > 0));
            let read = prepared.price(&usage, View::Basic).unwrap();
            let shown = || scenario(&case, "a price that depends on what nobody has read");
            assert_eq!(read.payable, unread.payable, "seed {seed}, used {usage:?} of {limits:?}\n{}", shown());
            assert_eq!(read.fingerprint, unread.fingerprint, "seed {seed}, used {usage:?} of {limits:?}\n{}", shown());
            assert_eq!(claimed(&prepared, &read), claims, "seed {seed}, used {usage:?} of {limits:?}\n{}", shown());
        }
    }
    println!("{seen} prices rest on what they claim alone, {used_up} of them with something used");
    assert!(seen > 0 && used_up > 0);
}
