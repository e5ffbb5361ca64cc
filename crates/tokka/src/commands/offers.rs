//! What can a product get? Its own price, sets, spends, and the coupons that cover it, with what is missing to each.

use clap::Args;
use tokka_client::v1;

use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::money::count;
use crate::order::Shown;
use crate::output;
use crate::page::{self, Looking, Range};
use crate::remote::{Remote, print_json};

/// Which product is asked about.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka offers yo-chair-low-khaki --products examples/marketplace.products.csv
  tokka offers mask-50 --products products.csv --quantity 10 --user u-tanaka --json

What is said of each promotion holds where so many pieces are bought alone; of a coupon, where it is the only one.

Exit codes: 0 shown, 1 the file or the request is refused, 2 called wrongly, or no answer.")]
pub(crate) struct Offers {
    /// The product
    #[arg(value_name = "SKU")]
    sku: String,
    /// Pieces
    #[arg(long, value_name = "PIECES", default_value_t = 1)]
    quantity: i64,
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

/// Prints the offers of a product.
pub(crate) fn run(arguments: &Offers) -> Result<(), Failure> {
    let products = arguments.range.read()?;
    let mut of_sku = products.of_sku(&arguments.sku).filter(|product| arguments.range.holds(product));
    let product = match (of_sku.next(), of_sku.next()) {
        (None, _) => return Err(Failure::Usage(format!("the file has no product `{}`", arguments.sku))),
        (Some(_), Some(_)) => {
            return Err(Failure::Usage(format!("several stores sell `{}`: name one with --store", arguments.sku)));
        }
        (Some(product), None) => product,
    };
    let request = v1::GetProductOffersRequest {
        currency: arguments.range.currency.clone(),
        product: Some(page::product(product)),
        quantity: arguments.quantity,
        visitor: Some(arguments.looking.visitor()),
    };
    let answer = arguments.remote.ask(async |client| client.product_offers(request).await)?;
    if arguments.json {
        return print_json("GetProductOffersResponse", &answer);
    }
    let name = product.name.as_deref().unwrap_or(product.sku.as_str());
    output::print(&told(&answer, name, arguments.quantity))
}

fn told(answer: &v1::GetProductOffersResponse, name: &str, quantity: i64) -> String {
    let shown = Shown::of(&answer.currency);
    let card = answer.card.clone().unwrap_or_default();
    let mut grid = Grid::new([("promotion", Side::Left), ("by", Side::Left), ("it gives", Side::Left), ("", Side::Left)]);
    for offer in &answer.offers {
        let outcome = offer.outcome.clone().unwrap_or_default();
        let mut notes = vec![page::in_words(outcome.code()).to_owned()];
        if let Some(v1::outcome::Details::Applied(applied)) = &outcome.details
            && applied.discount > 0
        {
            notes = vec![format!("{}: {} off", page::in_words(outcome.code()), shown.money(applied.discount))];
        }
        if let Some(hint) = &offer.hint {
            let missing = match hint.basis() {
                v1::Basis::Quantity => count(hint.missing, "more piece"),
                _ => format!("{} more", shown.money(hint.missing)),
            };
            notes.push(format!("{missing} to the next tier"));
        }
        notes.extend(offer.ends_at.as_ref().map(|ends_at| format!("until {}", crate::order::when(Some(*ends_at)))));
        let terms = page::terms(&shown, offer.terms.as_ref()).join("\n");
        grid.row([format!("{}\n{}", outcome.name, outcome.promotion), outcome.owner, terms, notes.join("\n")]);
    }
    let price = format!("{name}: {} {}", page::price(&shown, &card), answer.currency);
    let alone = format!("{} alone: {}", count(quantity, "piece"), shown.price(answer.payable));
    if grid.is_empty() {
        format!("{price}\n{alone}\n\nNo promotion covers it.\n")
    } else {
        format!("{price}\n{alone}\n\n{}", grid.text())
    }
}
