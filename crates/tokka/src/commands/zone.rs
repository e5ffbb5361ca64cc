//! Which products belong to a promotion? All pages of its zone, with its terms.

use clap::Args;
use tokka_client::v1;

use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::money::count;
use crate::order::{Shown, when};
use crate::output;
use crate::page::{self, Looking};
use crate::remote::{Remote, print_json};

/// The most that a page holds.
const PAGE_SIZE: i32 = 1_000;

/// Which promotion is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka zone yo-flash-pack
  tokka zone yo-flash-pack --at 2026-11-11T10:00:00+09:00 --json

A promotion that covers categories or whole stores names these: which products are in them, the product master knows.

Exit codes: 0 shown, 1 there is no such published promotion, 2 called wrongly, or no answer.")]
pub(crate) struct Zone {
    /// The promotion, or coupon
    #[arg(value_name = "PROMOTION")]
    promotion: String,
    #[command(flatten)]
    looking: Looking,
    #[command(flatten)]
    remote: Remote,
    /// Prints the API's answer as JSON, all pages as one
    #[arg(long)]
    json: bool,
}

/// Prints a zone.
pub(crate) fn run(arguments: &Zone) -> Result<(), Failure> {
    let mut whole: Option<v1::ListZoneResponse> = None;
    let mut page_token = String::new();
    loop {
        let request = v1::ListZoneRequest {
            promotion: arguments.promotion.clone(),
            page_size: PAGE_SIZE,
            page_token,
            visitor: Some(arguments.looking.visitor()),
        };
        let mut page = arguments.remote.ask(async |client| client.list_zone(request).await)?;
        page_token = std::mem::take(&mut page.next_page_token);
        match &mut whole {
            None => whole = Some(page),
            Some(whole) => whole.products.extend(page.products),
        }
        if page_token.is_empty() {
            break;
        }
    }
    let whole = whole.unwrap_or_default();
    if arguments.json {
        return print_json("ListZoneResponse", &whole);
    }
    output::print(&told(&whole))
}

fn told(answer: &v1::ListZoneResponse) -> String {
    let shown = Shown::of(&answer.currency);
    let zone = answer.zone.clone().unwrap_or_default();
    let mut lines = vec![format!("{} ({}), by {}", zone.name, zone.promotion, zone.owner)];
    if !zone.description.is_empty() {
        lines.push(zone.description.clone());
    }
    lines.extend(page::terms(&shown, zone.terms.as_ref()));
    let mut state = match zone.closed() {
        v1::OutcomeCode::Unspecified => "open".to_owned(),
        code => page::in_words(code).to_owned(),
    };
    for (word, moment) in [("from", &zone.starts_at), ("to", &zone.ends_at), ("next change", &zone.next_change_at)] {
        if let Some(moment) = moment {
            state.push_str(&format!(", {word} {}", when(Some(*moment))));
        }
    }
    lines.push(state);
    lines.extend(zone.stock.as_ref().map(page::sold));
    let stores = if zone.stores.is_empty() { "any store".to_owned() } else { zone.stores.join(", ") };
    if zone.all_products {
        lines.push(format!("all products of {stores}"));
    }
    if !zone.categories.is_empty() {
        lines.push(format!("of {stores}: all of {}", zone.categories.join(", ")));
    }
    let without: Vec<String> =
        [&zone.without_skus, &zone.without_categories, &zone.without_stores].into_iter().flatten().cloned().collect();
    if !without.is_empty() {
        lines.push(format!("but not {}", without.join(", ")));
    }
    let mut text = lines.join("\n") + "\n";
    if answer.products_total > 0 {
        let mut grid = Grid::new([("product", Side::Left), ("", Side::Left)]);
        for product in &answer.products {
            grid.row([product.sku.clone(), product.stock.as_ref().map(page::sold).unwrap_or_default()]);
        }
        text.push_str(&format!("\n{}\n{}", count(answer.products_total, "product"), grid.text()));
    }
    text
}
