//! Can this catalogue be published? Everything that is wrong with its files, or what they hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use tokka_catalog::{Loaded, Problems, Products, Source, load, load_with_products, read_folder, warnings};
use tokka_core::promotion::Status;

use crate::failure::{Failure, has_unreadable};
use crate::grid::{Grid, Side};
use crate::money::{count, grouped};
use crate::output;

/// What is checked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka check examples/marketplace
  tokka check examples/marketplace --products examples/marketplace.products.csv

Problems are printed as `file:line:column: field: what is wrong (what to write)`, all at once. With products, they \
decide whether a sku is in a category, and what a shop would hardly want is a warning: names that no product has, \
promotions that cover nothing or make nothing cheaper, and units sold below their cost.

Exit codes: 0 no problem (warnings are none), 1 problems, 2 called wrongly or a file cannot be read.")]
pub(crate) struct Check {
    /// The folder whose files are the catalogue
    #[arg(value_name = "DIR")]
    catalogue: PathBuf,
    /// The range of the shops: sku,store,name,categories,unit_price,list_price,floor_price,unit_cost,tax_class
    #[arg(long, value_name = "CSV")]
    products: Option<PathBuf>,
}

/// Checks a folder, and the products where they are given.
pub(crate) fn run(arguments: &Check) -> Result<(), Failure> {
    let shown = arguments.catalogue.display().to_string();
    let csv = match &arguments.products {
        Some(path) => Some(Source::read(path).map_err(|problem| Failure::of_files(&Problems::from(problem)))?),
        None => None,
    };
    let read = read_folder(&arguments.catalogue).and_then(|sources| {
        let loaded = match &csv {
            Some(csv) => load_with_products(&sources, csv).map(|(loaded, products)| (loaded, Some(products))),
            None => load(&sources).map(|loaded| (loaded, None)),
        };
        loaded.map(|(loaded, products)| (sources, loaded, products))
    });
    let (sources, loaded, products) = match read {
        Ok(read) => read,
        Err(problems) => {
            let reasons = problems.into_iter().map(ToString::to_string).collect();
            return Err(told(reasons, &shown, has_unreadable(&problems))?);
        }
    };
    output::print(&summary(&shown, &loaded))?;
    match products {
        Some(products) => output::print(&beside(&sources, &loaded, &products)),
        None => Ok(()),
    }
}

/// Prints problems, which are the answer of this command; how many there are is the reason of its failure.
fn told(problems: Vec<String>, of: &str, unreadable: bool) -> Result<Failure, Failure> {
    let reason = format!("{} in `{of}`", count(problems.len() as i64, "problem"));
    output::print(&(problems.join("\n") + "\n"))?;
    Ok(if unreadable { Failure::Unreadable(vec![reason]) } else { Failure::because(reason) })
}

const STATUSES: [(Status, &str); 4] =
    [(Status::Published, "published"), (Status::Draft, "draft"), (Status::Paused, "paused"), (Status::Archived, "archived")];

/// What a catalogue without problems holds.
fn summary(shown: &str, loaded: &Loaded) -> String {
    let mut by_kind: BTreeMap<&str, [i64; STATUSES.len()]> = BTreeMap::new();
    for promotion in loaded.catalogue.promotions() {
        let counts = by_kind.entry(promotion.rule.block()).or_default();
        for (number, (status, _)) in counts.iter_mut().zip(STATUSES) {
            *number += i64::from(promotion.status == status);
        }
    }
    let mut grid = Grid::new(
        [("promotions", Side::Left)]
            .into_iter()
            .chain(STATUSES.map(|(_, name)| (name, Side::Right)))
            .chain([("in all", Side::Right)]),
    );
    let mut totals = [0; STATUSES.len()];
    let row = |name: &str, counts: &[i64]| {
        let shown = |number: i64| if number == 0 { "-".to_owned() } else { grouped(number) };
        let all = grouped(counts.iter().sum());
        [name.to_owned()].into_iter().chain(counts.iter().map(|number| shown(*number))).chain([all]).collect::<Vec<_>>()
    };
    for (kind, counts) in &by_kind {
        grid.row(row(kind, counts));
        for (total, number) in totals.iter_mut().zip(counts) {
            *total += number;
        }
    }
    let zone = &loaded.settings.pricing.time_zone;
    let counts = &loaded.counts;
    let counted = [
        (counts.promotions, "promotion"),
        (counts.stores, "store"),
        (counts.gifts, "gift"),
        (counts.distributions, "distribution"),
    ];
    let counted: Vec<String> = counted.map(|(number, noun)| count(number as i64, noun)).into();
    format!(
        "`{shown}` has no problems: {} in {}; prices in {}, hours in {}\n\n{}",
        counted.join(", "),
        count(counts.files as i64, "file"),
        loaded.settings.currency.code(),
        zone.iana_name().unwrap_or("UTC"),
        grid.text_with_totals(row("total", &totals)),
    )
}

/// What is odd about the catalogue beside the products.
fn beside(sources: &[Source], loaded: &Loaded, products: &Products) -> String {
    let warnings = warnings(loaded, products);
    let mut text = format!("\n{}, {}\n", count(products.len() as i64, "product"), count(warnings.len() as i64, "warning"));
    for warning in warnings {
        let promotion = warning.promotion.and_then(|at| {
            let (promotion, place) = (loaded.catalogue.promotions().get(at)?, loaded.promotion_places.get(at)?);
            let file = sources.get(place.source).map_or("", |source| source.name.as_str());
            Some(format!("{file}:{}: promotion `{}`: ", place.line, promotion.id))
        });
        text.push_str(&format!("warning: {}{}\n", promotion.unwrap_or_default(), warning.message));
    }
    text
}
