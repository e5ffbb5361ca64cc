//! Does a price hold until the moment that it names? Between `at` and `next_change_at` nothing changes; and PROPORTIONAL,
//! asked for by name, is refused where a `qualify` lowered the order.

use jiff::{SignedDuration, Timestamp};
use tokka_core::quote::{View, quote};
use tokka_core::refund::{Order, RefundError, RefundPolicy};
use tokka_core::rulebook::Rulebook;
use tokka_tests::case::Case;
use tokka_tests::dump::scenario;
use tokka_tests::fast::{Fast, next_change_at};
use tokka_tests::generate::{Random, Shape, case};
use tokka_tests::priced::Facts;
use tokka_tests::pricer::Pricer;
use tokka_tests::{cases, first_seed};

/// What is paid and given; the reasons of what did not apply may change at any moment.
fn amounts(case: &Case, at: Timestamp) -> Result<Facts, String> {
    let mut moved = case.clone();
    moved.request.at = at;
    let mut facts = Fast.price(&moved)?.facts();
    facts.0.retain(|path, _| !path.starts_with("outcomes.") && !path.starts_with("periods."));
    Ok(facts)
}

#[test]
fn a_price_holds_until_the_moment_that_it_names() {
    let (mut seen, mut changed) = (0, 0);
    for seed in first_seed()..first_seed() + cases(6_000) {
        let mut case = case(seed, Shape::SMALL);
        case.steps.clear();
        if case.catalogue().is_err() || case.basket().is_err() {
            continue;
        }
        let at = case.request.at;
        let Some(next) = next_change_at(&case).unwrap() else { continue };
        assert!(next > at, "seed {seed}: {next} is not after {at}");
        seen += 1;
        let seconds = next.duration_since(at).as_secs();
        let mut random = Random::new(seed ^ 0x77);
        let last = next - SignedDuration::from_nanos(1);
        let before = amounts(&case, at).unwrap();
        changed += u64::from(!before.differences(&amounts(&case, next).unwrap()).is_empty());
        for moment in [
            last,
            at + SignedDuration::from_secs(random.from(0, seconds.max(1) - 1)),
            at + SignedDuration::from_secs(seconds / 2),
        ] {
            let differences = before.differences(&amounts(&case, moment).unwrap());
            let shown = scenario(&case, "a price that changes before its time");
            assert!(differences.is_empty(), "seed {seed}: at {moment}, before {next}\n{}\n{shown}", differences.join("\n"));
        }
    }
    // A moment that came too late would be seen, since many prices do change then.
    println!("{seen} prices named a moment, {changed} changed then");
    assert!(changed > 0);
}

#[test]
fn proportional_by_name_is_refused_where_a_qualify_lowered_the_order() {
    let mut seen = [0, 0];
    for seed in first_seed()..first_seed() + cases(1_000) {
        let case = case(seed, Shape::SMALL);
        let (Ok(catalogue), Ok(basket)) = (case.catalogue(), case.basket()) else { continue };
        let rulebook = Rulebook::compile(catalogue);
        let price = quote(&rulebook, &basket, |_| 0, View::Full).unwrap();
        let forced = price.clawback_only;
        let order = |named: bool| Order::new(&rulebook, &basket, price.clone(), RefundPolicy::Proportional, named);
        if forced {
            assert!(matches!(order(true), Err(RefundError::ClawbackOnly)), "seed {seed}");
            assert_eq!(order(false).unwrap().policy(), RefundPolicy::Clawback, "seed {seed}");
        } else {
            assert_eq!(order(true).unwrap().policy(), RefundPolicy::Proportional, "seed {seed}");
        }
        seen[usize::from(forced)] += 1;
    }
    println!("{} orders of either kind, {} of CLAWBACK only", seen[0], seen[1]);
    assert!(seen.iter().all(|count| *count > 0));
}
