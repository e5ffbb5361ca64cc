//! Do any bytes have a price that adds up, or none? A catalogue and a basket, priced and given back to the last unit.

use jiff::Timestamp;
use tokka_catalog::{Source, load};
use tokka_core::amount::Amount;
use tokka_core::basket::Basket;
use tokka_core::quote::{Counter, Quote, QuoteError, View, quote as price};
use tokka_core::refund::{Order, RefundPolicy};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::Ix;
use tokka_scenario::read_basket;
use tokka_tests::generate::Random;

use crate::case::{self, CASE};
use crate::parser::told_well;
use crate::sums;

/// Between the documents of a catalogue and a basket.
const BASKET: &str = "\n---\nkind: basket\n";

/// A catalogue and a basket, in one of two writings: as text, the documents of the catalogue and then one of kind
/// `basket`; or, behind the word `case:`, eight bytes that a made-up case grows from, and four for each change of it.
pub fn quote(data: &[u8]) {
    match data.strip_prefix(CASE) {
        Some(seeds) => assert_eq!(made_up(seeds), Ok(())),
        None => written(&String::from_utf8_lossy(data)),
    }
}

/// Of a case that is refused there is nothing to check.
fn made_up(seeds: &[u8]) -> Result<(), String> {
    priced(seeds).unwrap_or(Ok(()))
}

/// `None`: the case is refused.
fn priced(seeds: &[u8]) -> Option<Result<(), String>> {
    let (case, mut random) = case::grow(seeds);
    let (catalogue, basket) = (case.catalogue().ok()?, case.basket().ok()?);
    let rulebook = Rulebook::compile(catalogue);
    let prepared = rulebook.prepare(&basket).ok()?;
    let used: Vec<(Counter, i64)> =
        prepared.counters().rows().iter().map(|counter| (counter.clone(), some_use(counter.limit, &mut random))).collect();
    let usage = |counter: &Counter| used.iter().find(|(known, _)| known == counter).map_or(0, |(_, units)| *units);
    Some(settle(&rulebook, &basket, usage, &mut random))
}

/// Nothing, all, nearly all, more than all.
fn some_use(limit: i64, random: &mut Random) -> i64 {
    let some = random.from(0, limit.clamp(0, 1_000_000));
    *random.pick(&[0, 0, some, limit.saturating_sub(1).max(0), limit, limit.saturating_add(1), i64::MAX])
}

fn written(text: &str) {
    let Some((catalogue, basket)) = text.split_once(BASKET) else { return };
    let Ok(loaded) = load(&[Source { name: "catalogue.yaml".to_owned(), text: catalogue.to_owned() }]) else { return };
    let source = Source { name: "basket.yaml".to_owned(), text: format!("kind: basket\n{basket}") };
    let lines = source.text.lines().count();
    let now: Timestamp = Timestamp::UNIX_EPOCH;
    let file = match read_basket(&source, loaded.settings.currency, now) {
        Ok(file) => file,
        Err(problems) => return told_well(&problems, lines),
    };
    let rulebook = Rulebook::compile(loaded.catalogue);
    match file.check(&rulebook) {
        Ok(basket) => {
            let usage = |counter: &Counter| file.used.of(&rulebook, &basket, counter);
            assert_eq!(settle(&rulebook, &basket, usage, &mut Random::new(text.len() as u64)), Ok(()));
        }
        Err(problems) => told_well(&problems, lines),
    }
}

/// Prices, adds up, gives everything back.
fn settle(rulebook: &Rulebook, basket: &Basket, usage: impl Fn(&Counter) -> i64, random: &mut Random) -> Result<(), String> {
    let full = match price(rulebook, basket, &usage, View::Full) {
        Ok(full) => full,
        Err(QuoteError::Invalid(violations)) if !violations.is_empty() => return Ok(()),
        Err(error) => return Err(format!("no price: {error:?}")),
    };
    sums::check(basket, &full)?;
    if price(rulebook, basket, &usage, View::Full).as_ref() != Ok(&full) {
        return Err("the same inputs have another price".to_owned());
    }
    let basic = price(rulebook, basket, &usage, View::Basic).map_err(|error| format!("no price in BASIC: {error:?}"))?;
    let amounts = |quote: &Quote| (quote.payable, quote.discounts, quote.fingerprint);
    if amounts(&basic) != amounts(&full) || (&basic.lines, &basic.claims) != (&full.lines, &full.claims) {
        return Err("BASIC has another price than FULL".to_owned());
    }
    for policy in [RefundPolicy::Proportional, RefundPolicy::Clawback] {
        give_back(rulebook, basket, &full, policy, random).map_err(|wrong| format!("{policy:?}: {wrong}"))?;
    }
    Ok(())
}

/// Gives all units back, in steps of random lines and sizes: what comes back is what was paid, by line.
fn give_back(
    rulebook: &Rulebook,
    basket: &Basket,
    quote: &Quote,
    policy: RefundPolicy,
    random: &mut Random,
) -> Result<(), String> {
    let mut order = Order::new(rulebook, basket, quote.clone(), policy, false).map_err(|error| format!("{error:?}"))?;
    let mut left: Vec<(&str, i64)> = basket.lines().iter().map(|line| (line.line_id.as_str(), line.quantity)).collect();
    let mut due: Vec<i64> = quote.lines.rows().iter().map(|line| line.payable.get()).collect();
    let mut steps = 0;
    while !left.is_empty() {
        steps += 1;
        let mut step: Vec<(&str, i64)> = Vec::new();
        for (line, units) in &mut left {
            if steps > 4 || random.chance(50) {
                let back = if steps > 4 || random.chance(40) { *units } else { random.from(1, *units) };
                step.push((line, back));
                *units -= back;
            }
        }
        left.retain(|(_, units)| *units > 0);
        if step.is_empty() {
            continue;
        }
        let (rest, refund) = order.give_back(rulebook, &step).map_err(|error| format!("step {steps}: {error:?}"))?;
        let of_lines: i128 = refund.lines.iter().map(|(_, amount)| i128::from(amount.get())).sum();
        if refund.refund < Amount::ZERO || of_lines != i128::from(refund.refund.get()) {
            return Err(format!("step {steps}: the lines come to {of_lines}, the refund is {}", refund.refund.get()));
        }
        for (line, amount) in &refund.lines {
            let due = due.get_mut(line.position()).ok_or("a refund of a line that is not there")?;
            *due = due.checked_sub(amount.get()).ok_or("a refund out of all proportion")?;
        }
        order = rest;
    }
    match due.iter().position(|due| *due != 0) {
        Some(line) => Err(format!("{:?} is still due for line {line} when everything is back", due.get(line))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_taken() {
        let short = "kind: catalogue\ncurrency: JPY\n---\nkind: store\nid: s\nname: s\n---\nkind: basket\nlines: []";
        for data in [&b""[..], b"case:", b"case:\x01\x02\x03", b"\xff\xff", BASKET.as_bytes(), short.as_bytes()] {
            quote(data);
        }
    }
    /// A hunt whose inputs are all refused would find nothing, too.
    #[test]
    fn most_made_up_cases_have_a_price() {
        let mut random = Random::new(1);
        let cases: Vec<Vec<u8>> = (0..200).map(|_| crate::corpus::made_up(&mut random)).collect();
        let with_price = cases.iter().filter(|data| data.strip_prefix(CASE).and_then(priced).is_some()).count();
        assert!(with_price >= 100, "{with_price} of {}", cases.len());
    }
}
