//! Do the columns of an answer add up? Nothing is taken on trust: every sum is made again from its parts.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use tokka_client::v1;

/// Adds everything up; answers how many sums there were.
pub(crate) fn check(quote: &v1::Quote) -> Result<u64> {
    let mut book = Book::default();
    let order = by_stage(quote.discounts.as_ref());
    let lines: Vec<_> = quote.lines.iter().map(|line| (line.gross, by_stage(line.discounts.as_ref()), line.payable)).collect();
    let stores: Vec<_> =
        quote.stores.iter().map(|store| (store.gross, by_stage(store.discounts.as_ref()), store.payable)).collect();
    for (level, rows) in [("the lines", lines), ("the stores", stores)] {
        let mut total = (0, [0; 6], 0);
        for (gross, discounts, payable) in rows {
            book.equal(&format!("a row of {level}"), gross - discounts.iter().sum::<i64>(), payable)?;
            total.0 += gross;
            total.2 += payable;
            for (sum, discount) in total.1.iter_mut().zip(discounts) {
                *sum += discount;
            }
        }
        book.equal(&format!("gross of {level}"), total.0, quote.gross)?;
        book.equal(&format!("payable of {level}"), total.2, quote.payable)?;
        for (sum, discount) in total.1.into_iter().zip(order) {
            book.equal(&format!("a stage of {level}"), sum, discount)?;
        }
    }
    for line in &quote.lines {
        let pieces = line.runs.iter().map(|run| run.count * run.payable).sum();
        book.equal(&format!("the pieces of line `{}`", line.line_id), pieces, line.payable)?;
    }
    funders(quote, order.iter().sum(), &mut book)?;
    Ok(book.sums)
}

/// Funders pay the discounts, whole; what stores are due is what the customer pays and what the platform adds.
fn funders(quote: &v1::Quote, discount: i64, book: &mut Book) -> Result<()> {
    let mut funders: BTreeMap<&str, i64> = BTreeMap::new();
    let mut promotions: BTreeMap<&str, i64> = BTreeMap::new();
    for part in &quote.funding {
        *funders.entry(&part.payer).or_default() += part.amount;
        *promotions.entry(&part.promotion).or_default() += part.amount;
    }
    book.equal("what the funders pay", funders.values().sum(), discount)?;
    for funder in &quote.funders {
        book.equal(
            &format!("what `{}` funds", funder.payer),
            funders.get(funder.payer.as_str()).copied().unwrap_or(0),
            funder.amount,
        )?;
    }
    for outcome in &quote.outcomes {
        if let Some(v1::outcome::Details::Applied(applied)) = &outcome.details {
            let funded = promotions.get(outcome.promotion.as_str()).copied().unwrap_or(0);
            book.equal(&format!("who funds `{}`", outcome.promotion), funded, applied.discount)?;
        }
    }
    let due = quote.settlements.iter().map(|settlement| settlement.amount).sum();
    book.equal("what the stores are due", due, quote.payable + funders.get("platform").copied().unwrap_or(0))
}

#[derive(Default)]
struct Book {
    sums: u64,
}

impl Book {
    fn equal(&mut self, what: &str, sum: i64, said: i64) -> Result<()> {
        ensure!(sum == said, "{what} come to {sum}, the answer says {said}");
        self.sums += 1;
        Ok(())
    }
}

/// A discount by stage, in the order in which they run.
pub(crate) fn by_stage(amounts: Option<&v1::StageAmounts>) -> [i64; 6] {
    let v1::StageAmounts { item, set, store_spend, store_coupon, platform_spend, platform_coupon } =
        amounts.copied().unwrap_or_default();
    [item, set, store_spend, store_coupon, platform_spend, platform_coupon]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two yen off 10, which the platform pays.
    fn quote() -> v1::Quote {
        let discounts = Some(v1::StageAmounts { platform_coupon: 2, ..v1::StageAmounts::default() });
        v1::Quote {
            gross: 10,
            payable: 8,
            discounts,
            lines: vec![v1::LinePrice {
                line_id: "a".to_owned(),
                gross: 10,
                discounts,
                payable: 8,
                runs: vec![v1::Run { count: 2, payable: 4 }],
                ..v1::LinePrice::default()
            }],
            stores: vec![v1::StorePrice { gross: 10, discounts, subtotal: 10, payable: 8, ..v1::StorePrice::default() }],
            funding: vec![v1::FundingPart {
                promotion: "p".to_owned(),
                line_id: "a".to_owned(),
                payer: "platform".to_owned(),
                amount: 2,
            }],
            funders: vec![v1::FunderTotal { payer: "platform".to_owned(), amount: 2, given_value: 0 }],
            settlements: vec![v1::Settlement { store: "s".to_owned(), amount: 10 }],
            ..v1::Quote::default()
        }
    }

    type Spoil = fn(&mut v1::Quote);

    #[test]
    fn a_yen_that_is_lost_anywhere_is_found() {
        check(&quote()).expect("it adds up");
        let spoil: [(&str, Spoil); 6] = [
            ("the order", |quote| quote.payable = 9),
            ("a line", |quote| quote.lines[0].payable = 7),
            ("a piece", |quote| quote.lines[0].runs[0].payable = 3),
            ("a store", |quote| quote.stores[0].discounts = None),
            ("a funder", |quote| quote.funding[0].amount = 1),
            ("a settlement", |quote| quote.settlements[0].amount = 9),
        ];
        for (what, spoil) in spoil {
            let mut quote = quote();
            spoil(&mut quote);
            assert!(check(&quote).is_err(), "{what}");
        }
    }
}
