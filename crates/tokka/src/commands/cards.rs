//! What do the cards of products show? The price of one piece now, what is struck through, and the promotion behind it.

use clap::Args;
use tokka_client::v1;

use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::order::Shown;
use crate::output;
use crate::page::{self, Looking, Range};
use crate::products::Products;
use crate::remote::{Remote, print_json};

/// So many products fit into one call.
const PRODUCTS_MAX: usize = 200;

/// Which products are shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka cards --products examples/marketplace.products.csv
  tokka cards yo-chair-low-khaki --products examples/marketplace.products.csv --user u-tanaka
  tokka cards --products products.csv --store hinata-living --at 2026-11-11T10:00:00+09:00 --json

The prices are what one piece costs in a basket of it alone, before spends and coupons.

Exit codes: 0 shown, 1 the file or the request is refused, 2 called wrongly, or no answer.")]
pub(crate) struct Cards {
    /// Only these products
    #[arg(value_name = "SKU")]
    skus: Vec<String>,
    #[command(flatten)]
    range: Range,
    #[command(flatten)]
    looking: Looking,
    #[command(flatten)]
    remote: Remote,
    /// Prints the API's answer as JSON, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// Prints the cards.
pub(crate) fn run(arguments: &Cards) -> Result<(), Failure> {
    let products = arguments.range.read()?;
    for sku in &arguments.skus {
        if products.of_sku(sku).next().is_none() {
            return Err(Failure::Usage(format!("the file has no product `{sku}`")));
        }
    }
    let wanted = |sku: &str| arguments.skus.is_empty() || arguments.skus.iter().any(|wanted| wanted == sku);
    let chosen: Vec<v1::Product> = products
        .all()
        .iter()
        .filter(|product| arguments.range.holds(product) && wanted(product.sku.as_str()))
        .map(page::product)
        .collect();
    let mut answer = v1::PriceCardsResponse::default();
    // A file without products is for the server to refuse.
    let pages = if chosen.is_empty() { vec![chosen.as_slice()] } else { chosen.chunks(PRODUCTS_MAX).collect() };
    for page in pages {
        let request = v1::PriceCardsRequest {
            currency: arguments.range.currency.clone(),
            products: page.to_vec(),
            visitor: Some(arguments.looking.visitor()),
        };
        let cards = std::mem::take(&mut answer.cards);
        answer = arguments.remote.ask(async |client| client.price_cards(request).await)?;
        answer.cards.splice(0..0, cards);
    }
    if arguments.json {
        return print_json("PriceCardsResponse", &answer);
    }
    output::print(&table(&answer, &products))
}

fn table(answer: &v1::PriceCardsResponse, products: &Products) -> String {
    let shown = Shown::of(&answer.currency);
    let heading = format!("price, {}", answer.currency);
    let columns = [
        ("product", Side::Left),
        ("store", Side::Left),
        (heading.as_str(), Side::Right),
        ("before", Side::Right),
        ("promotion", Side::Left),
        ("", Side::Left),
    ];
    let mut grid = Grid::new(columns);
    for card in &answer.cards {
        let promotion = card.promotion.as_ref();
        let label = |promotion: &v1::CardPromotion| match promotion.label.as_str() {
            "" => promotion.name.clone(),
            label => format!("[{label}] {}", promotion.name),
        };
        grid.row([
            products.name(&card.store, &card.sku).unwrap_or(&card.sku).to_owned(),
            card.store.clone(),
            page::price(&shown, card),
            card.original_price.map(|price| shown.money(price)).unwrap_or_default(),
            promotion.map(label).unwrap_or_default(),
            promotion.map(|promotion| page::notes(promotion).join("\n")).unwrap_or_default(),
        ]);
    }
    let unknown = answer.counters() == v1::CounterState::Unknown;
    let note = if unknown { "\nThe store does not answer: nothing that is limited is shown.\n" } else { "" };
    format!("{}{note}", grid.text())
}
