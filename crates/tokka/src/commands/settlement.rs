//! Who sold what, who paid for the discounts, and what is each store due? A statement over some days.

use clap::Args;
use tokka_client::{Insight, v1};

use crate::desk::Desk;
use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::money::grouped;
use crate::order::Shown;
use crate::output;
use crate::remote::print_json;
use crate::statement::{Days, by_stage, footnote};

/// Which days.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka settlement --first 2026-11-01 --last 2026-11-30
  tokka settlement --json

A payment counts on its day, and a return on the day on which it came back: the statement of a month that is over does not \
change any more. Every column of the stores sums to the last row; what stores are due is what customers paid and what the \
platform funds. What gifts are worth stands beside it, outside every sum.

Exit codes: 0 printed, 1 refused (see the error), 2 called wrongly or no answer.")]
pub(crate) struct Settlement {
    #[command(flatten)]
    days: Days,
    #[command(flatten)]
    desk: Desk,
    /// Prints the API's answer as JSON
    #[arg(long)]
    json: bool,
}

/// Prints a statement.
pub(crate) fn run(arguments: &Settlement) -> Result<(), Failure> {
    let request = v1::SettlementRequest { first_day: arguments.days.first(), last_day: arguments.days.last() };
    let answer = arguments.desk.ask_with(Insight::new, async |client| arguments.desk.told(client.settlement(request).await))?;
    if arguments.json { print_json("SettlementResponse", &answer) } else { output::print(&text(&answer)) }
}

fn text(answer: &v1::SettlementResponse) -> String {
    let shown = Shown::of(&answer.currency);
    let foot = footnote(answer.counted.as_ref());
    if answer.sellers.is_empty() {
        return format!("nothing was paid or returned\n\n{foot}");
    }
    let mut text = format!("STORES, {}\n\n{}", answer.currency, stores(answer, &shown));
    if !answer.funders.is_empty() {
        text.push_str(&format!("\nFUNDERS\n\n{}", funders(answer, &shown)));
    }
    if !answer.given.is_empty() {
        let mut grid = Grid::new([("payer", Side::Left), ("given", Side::Right), ("came back", Side::Right)]);
        for part in &answer.given {
            grid.row([part.payer.clone(), shown.money(part.given), shown.money(part.came_back)]);
        }
        text.push_str(&format!("\nGIFTS AND FREE PIECES, what they are worth\n\n{}", grid.text()));
    }
    format!("{text}\n{foot}")
}

fn stores(answer: &v1::SettlementResponse, shown: &Shown) -> String {
    let stages = ["item", "set", "store\nspend", "store\ncoupon", "platform\nspend", "platform\ncoupon", "waived"];
    let head = [("store", Side::Left), ("", Side::Left), ("orders", Side::Right), ("gross", Side::Right)];
    let tail =
        [("paid", Side::Right), ("funded\nby others", Side::Right), ("funded\nfor others", Side::Right), ("due", Side::Right)];
    let columns = head.into_iter().chain(stages.into_iter().map(|stage| (stage, Side::Right))).chain(tail);
    let mut grid = Grid::new(columns);
    let (last, name) = (answer.total.as_slice(), |of: &v1::SellerStatement| of.store.clone());
    for (seller, is_total) in answer.sellers.iter().map(|seller| (seller, false)).chain(last.iter().map(|total| (total, true))) {
        if is_total {
            grid.rule();
        }
        let rows = [("sold", &seller.sold), ("returned", &seller.returned), ("net", &seller.net)];
        for (number, (what, column)) in rows.into_iter().enumerate() {
            let column = column.unwrap_or_default();
            let sign = |amount: i64| if amount == 0 { String::new() } else { shown.money(-amount) };
            let named = if is_total { "all".to_owned() } else { name(seller) };
            let first = [
                if number == 0 { named } else { String::new() },
                what.to_owned(),
                if number == 0 { grouped(seller.orders) } else { String::new() },
                shown.money(column.gross),
            ];
            let off = by_stage(column.discounts.as_ref()).into_iter().chain([column.waived]).map(sign);
            let last = [column.payable, column.funded_by_others, -column.funded_for_others, column.due];
            grid.row(first.into_iter().chain(off).chain(last.map(|amount| shown.money(amount))));
        }
    }
    grid.text()
}

fn funders(answer: &v1::SettlementResponse, shown: &Shown) -> String {
    let columns = [("payer", Side::Left), ("promotion", Side::Left), ("stage", Side::Left), ("for", Side::Left)];
    let amounts = [("funded", Side::Right), ("returned", Side::Right), ("net", Side::Right)];
    let mut grid = Grid::new(columns.into_iter().chain(amounts));
    let mut sums = [0; 3];
    for part in &answer.funders {
        let row = [part.funded, part.returned, part.net];
        sums.iter_mut().zip(row).for_each(|(sum, amount)| *sum += amount);
        let promotion = if part.promotion.is_empty() { "(waived)".to_owned() } else { part.promotion.clone() };
        let named = [part.payer.clone(), promotion, part.stage.replace('_', " "), part.seller.clone()];
        grid.row(named.into_iter().chain(row.map(|amount| shown.money(amount))));
    }
    let empty = || String::new();
    grid.text_with_totals(["all".to_owned(), empty(), empty(), empty()].into_iter().chain(sums.map(|sum| shown.money(sum))))
}
