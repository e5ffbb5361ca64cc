//! Do the books of an order add up after every step of a return, and are they empty once everything is back?
#![expect(clippy::panic, reason = "a panic is a failed test")]

use std::collections::BTreeMap;

use tokka_core::amount::Amount;
use tokka_core::basket::Basket;
use tokka_core::id::Id;
use tokka_core::quote::{Payer, Quote};
use tokka_core::refund::{Books, Order, RefundPolicy};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::Ix;
use tokka_tests::case::Case;
use tokka_tests::fast::prepared_price;
use tokka_tests::generate::{Shape, case};
use tokka_tests::{cases, first_seed, proof};

#[test]
fn the_books_of_what_is_left_add_up_and_end_empty() {
    let (mut checked, mut emptied, mut waived) = (0, 0, 0);
    for seed in first_seed()..first_seed() + cases(4_000) {
        let shape = if seed % 2 == 0 { Shape::SMALL } else { Shape::LARGE };
        let case = case(seed, shape);
        if case.catalogue().is_err() || case.basket().is_err() {
            continue;
        }
        for policy in [RefundPolicy::Proportional, RefundPolicy::Clawback] {
            match add_up(&case, policy) {
                Ok(seen) => {
                    checked += 1;
                    emptied += u64::from(seen.emptied);
                    waived += u64::from(seen.waived);
                }
                Err(wrong) => panic!("seed {seed}, {policy:?}: {wrong}"),
            }
        }
    }
    assert!(emptied > checked / 10 && waived > 0, "{checked} orders, {emptied} wholly returned, {waived} with a waived amount");
    proof("books that add up", checked, first_seed());
}

struct Seen {
    emptied: bool,
    waived: bool,
}

fn add_up(case: &Case, policy: RefundPolicy) -> Result<Seen, String> {
    let rulebook = Rulebook::compile(case.catalogue()?);
    let basket = case.basket()?;
    let (quote, _) = prepared_price(case)?;
    let mut order = Order::new(&rulebook, &basket, quote.clone(), policy, false).map_err(|error| format!("{error:?}"))?;
    let mut kept = quote.payable;
    let mut seen = Seen { emptied: false, waived: false };
    as_quoted(&order, &basket, &quote)?;
    for (number, step) in case.steps.iter().enumerate() {
        let units: Vec<(&str, i64)> = step.iter().map(|(line, units)| (line.as_str(), *units)).collect();
        let Ok((left, refund)) = order.give_back(&rulebook, &units) else { continue };
        order = left;
        kept = minus(kept, refund.refund);
        let books = consistent(&order, &basket).map_err(|wrong| format!("step {number}: {wrong}"))?;
        let of_lines = sum(books.lines.iter().map(|line| line.kept));
        if of_lines != kept {
            return Err(format!("step {number}: the lines keep {of_lines:?}, {kept:?} was not refunded"));
        }
        let waived: BTreeMap<String, i64> =
            books.funding.iter().filter(|part| part.of.is_none()).fold(BTreeMap::new(), |mut sums, part| {
                *sums.entry(part.payer.to_string()).or_insert(0) += part.amount.get();
                sums
            });
        let told: BTreeMap<String, i64> =
            refund.waived_by.iter().map(|(payer, amount)| (payer.to_string(), amount.get())).collect();
        if policy == RefundPolicy::Clawback && waived != told {
            return Err(format!("step {number}: waived {waived:?}, the refund says {told:?}"));
        }
        seen.waived |= !waived.is_empty();
        seen.emptied |= books.lines.is_empty();
        if books.lines.is_empty() && (books != Books::default() || kept != Amount::ZERO) {
            return Err(format!("nothing is left, and the books say {books:?}"));
        }
    }
    Ok(seen)
}

/// Before any return the books are those of the quote.
fn as_quoted(order: &Order, basket: &Basket, quote: &Quote) -> Result<(), String> {
    let books = consistent(order, basket)?;
    for (line, price) in books.lines.iter().zip(quote.lines.rows()) {
        if (line.gross, line.discounts, line.kept) != (price.gross, price.discounts, price.payable) {
            return Err(format!("line {line:?} is quoted as {price:?}"));
        }
    }
    let mut funding = BTreeMap::new();
    for part in &books.funding {
        let sum = funding.entry(part.payer.clone()).or_insert(Amount::ZERO);
        *sum = Amount::minor(sum.get() + part.amount.get());
    }
    if books.lines.len() != quote.lines.len() || funding != quote.funding_by_payer() {
        return Err(format!("funded {funding:?}, quoted {:?}", quote.funding_by_payer()));
    }
    let due = order.due(&books).map_err(|error| format!("{error:?}"))?;
    let quoted: BTreeMap<Id, Amount> = quote.settlements.iter().cloned().collect();
    if due != quoted { Err(format!("due {due:?}, quoted {quoted:?}")) } else { Ok(()) }
}

/// What holds of any books.
fn consistent(order: &Order, basket: &Basket) -> Result<Books, String> {
    let books = order.books().map_err(|error| format!("{error:?}"))?;
    for line in &books.lines {
        let off = sum(line.discounts.iter().copied().chain([line.waived]));
        let funded = sum(books.funding.iter().filter(|part| part.line == line.line).map(|part| part.amount));
        let used = sum(books.uses.iter().filter(|of| of.line == line.line).map(|of| of.discount));
        let sold = basket.lines().get(line.line.position()).ok_or("a line that the basket has not")?;
        let price = sold.unit_price;
        if minus(line.gross, off) != line.kept || funded != off || minus(off, line.waived) != used {
            return Err(format!("{line:?}: {funded:?} is funded, promotions take {used:?}"));
        }
        if line.units < 1 || line.gross.get() != price.get() * line.units || line.discounts.iter().any(|of| *of < Amount::ZERO) {
            return Err(format!("{line:?} at {price:?} a piece"));
        }
    }
    let due = sum(order.due(&books).map_err(|error| format!("{error:?}"))?.into_values());
    let platform = sum(books.funding.iter().filter(|part| part.payer == Payer::Platform).map(|part| part.amount));
    let kept = sum(books.lines.iter().map(|line| line.kept));
    if due.get() != kept.get() + platform.get() {
        return Err(format!("stores are due {due:?}, {kept:?} is kept and the platform funds {platform:?}"));
    }
    Ok(books)
}

fn sum(amounts: impl Iterator<Item = Amount>) -> Amount {
    Amount::sum(amounts).unwrap_or_else(|error| panic!("{error:?}"))
}

fn minus(a: Amount, b: Amount) -> Amount {
    Amount::minor(a.get() - b.get())
}
