//! What does the basket of a file cost, and why? Priced without a server, told in tables or JSON.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use tokka_catalog::products::Product;
use tokka_catalog::{Problems, Source};
use tokka_core::amount::Amount;
use tokka_core::basket::{Basket, CouponsOffered, LineRequest, Strategy};
use tokka_core::quote::{Counter, QuoteError, View};
use tokka_core::rulebook::Rulebook;
use tokka_core::suggest;
use tokka_scenario::read_basket;

use crate::catalogue;
use crate::failure::Failure;
use crate::output;
use crate::products::{self, Products};
use crate::report::{Report, json};

/// What is priced.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka quote examples/baskets/all-six-stages.yaml --catalogue examples/marketplace
  tokka quote basket.yaml --catalogue shop --products products.csv
  tokka quote basket.yaml --catalogue shop --at 2026-11-14T23:30 --json
  tokka quote basket.yaml --catalogue shop --strategy best --coupons auto --products products.csv --suggest tent-2

The file holds one document of `kind: basket` (`tokka schema basket`). Its `at` is the moment that it is priced for, \
else now; its `used` says what customers took of limited promotions before. The tables are in major units of the \
catalogue's currency, the JSON in minor units.

Exit codes: 0 priced, 1 the catalogue or the basket is refused, 2 called wrongly or a file cannot be read.")]
pub(crate) struct Quote {
    /// The file with the basket
    #[arg(value_name = "FILE")]
    basket: PathBuf,
    /// The folder whose files are the catalogue
    #[arg(long, value_name = "DIR")]
    catalogue: PathBuf,
    /// The range of the shops, for the names of products: sku,store,name,… (see `tokka check --help`)
    #[arg(long, value_name = "CSV")]
    products: Option<PathBuf>,
    /// Prices for this moment: with an offset, or in the catalogue's time zone
    #[arg(long, value_name = "MOMENT")]
    at: Option<Moment>,
    /// Prints JSON, amounts in minor units
    #[arg(long)]
    json: bool,
    /// Works out the price alone: no funders, no hints, no reasons
    #[arg(long)]
    basic: bool,
    /// How offers are chosen, instead of what the basket says: by the rules, or the lowest price
    #[arg(long, value_name = "STRATEGY", value_parser = ["sequential", "best"])]
    strategy: Option<String>,
    /// `auto`: the best of the basket's coupons are used, instead of the first that apply
    #[arg(long, value_name = "auto", value_parser = ["auto"])]
    coupons: Option<String>,
    /// A product that might be added: would that lower the total, or reach a tier? Sold by a store of the basket, if any
    #[arg(long, value_name = "SKU", requires = "products", conflicts_with = "basic")]
    suggest: Vec<String>,
}

/// At most so many pieces of a product are suggested.
const SUGGESTED_MAX: i64 = 99;

/// A moment, or what a clock of the shop shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    Exact(Timestamp),
    Local(DateTime),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(at) = text.parse() {
            return Ok(Self::Exact(at));
        }
        let local = text.parse().map(Self::Local);
        local.map_err(|_| "write 2026-11-11T10:00:00+09:00, or 2026-11-11T10:00 for the catalogue's time zone".to_owned())
    }
}

impl Moment {
    /// On a day on which the clock skips this time, the moment after; where it shows it twice, the first.
    fn within(self, zone: &TimeZone) -> Result<Timestamp, Failure> {
        match self {
            Self::Exact(at) => Ok(at),
            Self::Local(local) => zone.to_timestamp(local).map_err(|error| Failure::Usage(format!("`--at {local}`: {error}"))),
        }
    }
}

/// Prices a basket and prints the price.
pub(crate) fn run(arguments: &Quote) -> Result<(), Failure> {
    let (_, loaded) = catalogue::load(&arguments.catalogue).map_err(|problems| Failure::of_files(&problems))?;
    let currency = loaded.settings.currency;
    let products = match &arguments.products {
        Some(path) => products::read(path, currency)?,
        None => Products::default(),
    };
    let rulebook = Rulebook::compile(loaded.catalogue);
    let source = Source::read(&arguments.basket).map_err(|problem| Failure::of_files(&Problems::from(problem)))?;
    let mut file = read_basket(&source, currency, Timestamp::now()).map_err(|problems| Failure::of_files(&problems))?;
    if let Some(moment) = arguments.at {
        file.request.at = moment.within(&rulebook.settings().time_zone)?;
    }
    match arguments.strategy.as_deref() {
        Some("best") => file.request.strategy = Strategy::Best,
        Some(_) => file.request.strategy = Strategy::Sequential,
        None => {}
    }
    if arguments.coupons.is_some()
        && let CouponsOffered::These(held) = std::mem::take(&mut file.request.coupons)
    {
        file.request.coupons = CouponsOffered::Auto { held };
    }
    let basket = file.check(&rulebook).map_err(|problems| Failure::of_files(&problems))?;
    let view = if arguments.basic { View::Basic } else { View::Full };
    let refused = |error: QuoteError| match error {
        QuoteError::Invalid(violations) => Failure::of_files(&file.problems(&violations)),
        QuoteError::Overflow => Failure::because(format!("{}: a sum left 64 bits, which is a defect of tokka", source.name)),
    };
    let prepared = rulebook.prepare(&basket).map_err(refused)?;
    let counters = prepared.counters().rows().iter();
    let usage: Vec<i64> = counters.map(|counter| file.used.of(&rulebook, &basket, counter)).collect();
    let quote = prepared.price(&usage, view).map_err(refused)?;
    let additions = arguments.suggest.iter().map(|sku| addition(sku, &products, &basket)).collect::<Result<Vec<_>, _>>()?;
    let used = |with: &Basket, counter: &Counter| file.used.of(&rulebook, with, counter);
    let suggestions = suggest::suggest(&rulebook, &basket, &quote, &additions, used).map_err(refused)?;
    let report = Report {
        rulebook: &rulebook,
        basket: &basket,
        quote: &quote,
        products: &products,
        view,
        counters: prepared.counters(),
        usage: &usage,
        additions: &additions,
        suggestions: &suggestions,
    };
    output::print(&if arguments.json { format!("{:#}\n", json(&report)) } else { report.tables() })
}

/// A product of the range as a line that might be added, of a store that the basket buys from, if one sells it.
fn addition(sku: &str, products: &Products, basket: &Basket) -> Result<LineRequest, Failure> {
    let mut sold: Vec<&Product> = products.of_sku(sku).collect();
    sold.sort_by_key(|product| !basket.lines().iter().any(|line| line.store == product.store));
    let Some(product) = sold.first() else {
        return Err(Failure::Usage(format!("`--suggest {sku}`: the products have no such sku")));
    };
    let amount = |amount: Option<Amount>| amount.map(Amount::get);
    Ok(LineRequest {
        line_id: format!("+{sku}"),
        sku: sku.to_owned(),
        store: product.store.as_str().to_owned(),
        categories: product.categories.iter().map(|category| category.as_str().to_owned()).collect(),
        unit_price: product.unit_price.get(),
        quantity: SUGGESTED_MAX,
        list_price: amount(product.list_price),
        floor_price: amount(product.floor_price),
        tax_class: product.tax_class.as_ref().map(|class| class.as_str().to_owned()),
        tags: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_exact_or_in_the_shops_time() {
        let tokyo = TimeZone::fixed(jiff::tz::offset(9));
        let at = |text: &str| text.parse::<Moment>().unwrap().within(&tokyo).unwrap().to_string();
        assert_eq!(at("2026-11-11T10:00:00+09:00"), "2026-11-11T01:00:00Z");
        assert_eq!(at("2026-11-11T10:00"), "2026-11-11T01:00:00Z");
        assert_eq!(at("2026-11-11T10:00:00Z"), "2026-11-11T10:00:00Z");
        assert_eq!(at("2026-11-11"), "2026-11-10T15:00:00Z");
        assert!("yesterday".parse::<Moment>().is_err());
    }
}
