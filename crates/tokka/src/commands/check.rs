//! Can this catalogue be published? Everything that is wrong with its files, what is odd about them, and what they hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use tokka_catalog::check::{Code, Report, check};
use tokka_catalog::{Loaded, Problems, Products, Source, load_to_check, read_folder};
use tokka_core::promotion::Status;

use crate::failure::{Failure, has_unreadable};
use crate::grid::{Grid, Side};
use crate::money::{count, grouped};
use crate::output;

use self::findings::Told;

mod findings;

/// What is checked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka check examples/marketplace
  tokka check examples/marketplace --products examples/marketplace.products.csv
  tokka check shop --acknowledge DISCOUNT_OVER_70 --at 2026-11-11T00:00:00Z
  tokka check shop --json

Problems are printed as `file:line:column: field: what is wrong (what to write)`, all at once. A catalogue without \
problems is looked at for what is hardly meant: each finding has a severity, a code with a page in docs/findings/, and \
the document that it is about. With products, they decide whether a sku is in a category, and prices and costs are \
looked at too. docs/checks.md has all codes.

Exit codes: 0 nothing blocks (notes and warnings do not), 1 problems, or a blocking finding that nobody acknowledges, \
2 called wrongly or a file cannot be read.")]
pub(crate) struct Check {
    /// The folder whose files are the catalogue
    #[arg(value_name = "DIR")]
    catalogue: PathBuf,
    /// The range of the shops: sku,store,name,categories,unit_price,list_price,floor_price,unit_cost,tax_class
    #[arg(long, value_name = "CSV")]
    products: Option<PathBuf>,
    /// Takes findings of this code as meant, on top of what the documents acknowledge; may be given several times
    #[arg(long, value_name = "CODE", value_parser = Code::acknowledgeable)]
    acknowledge: Vec<Code>,
    /// Checks as of this moment, else now
    #[arg(long, value_name = "MOMENT")]
    at: Option<Timestamp>,
    /// Prints every finding, also where one code has very many
    #[arg(long)]
    all: bool,
    /// Prints JSON, amounts in minor units
    #[arg(long)]
    json: bool,
}

/// Checks a folder, and the products where they are given.
pub(crate) fn run(arguments: &Check) -> Result<(), Failure> {
    let shown = arguments.catalogue.display().to_string();
    let csv = match &arguments.products {
        Some(path) => Some(Source::read(path).map_err(|problem| Failure::of_files(&Problems::from(problem)))?),
        None => None,
    };
    let read = read_folder(&arguments.catalogue).and_then(|sources| {
        let (loaded, products) = load_to_check(&sources, csv.as_ref())?;
        Ok((sources, loaded, products))
    });
    let (sources, loaded, products) = match read {
        Ok(read) => read,
        Err(problems) => return Err(refused(&problems, &shown, arguments.json)?),
    };
    let mut report = check(&loaded, products.as_ref(), arguments.at.unwrap_or_else(Timestamp::now));
    report.acknowledge(&arguments.acknowledge);
    let csv = csv.as_ref().map(|csv| csv.name.as_str());
    let told = Told { report: &report, loaded: &loaded, products: products.as_ref(), sources: &sources, csv };
    if arguments.json {
        output::print(&format!("{:#}\n", told.json()))?;
    } else {
        output::print(&summary(&shown, &loaded, products.as_ref(), &report))?;
        output::print(&told.text(arguments.all))?;
    }
    match report.findings.iter().filter(|finding| finding.blocks()).count() {
        0 => Ok(()),
        blocking => Err(Failure::because(format!("{} in `{shown}`", count(blocking as i64, "blocking finding")))),
    }
}

/// Prints problems, which are the answer of this command; how many there are is the reason of its failure.
fn refused(problems: &Problems, of: &str, json: bool) -> Result<Failure, Failure> {
    let reason = format!("{} in `{of}`", count(problems.len() as i64, "problem"));
    if json {
        output::print(&format!("{:#}\n", findings::problems_json(problems)))?;
    } else {
        output::print(&format!("{problems}\n"))?;
    }
    Ok(if has_unreadable(problems) { Failure::Unreadable(vec![reason]) } else { Failure::because(reason) })
}

const STATUSES: [(Status, &str); 4] =
    [(Status::Published, "published"), (Status::Draft, "draft"), (Status::Paused, "paused"), (Status::Archived, "archived")];

/// What a catalogue without problems holds.
fn summary(shown: &str, loaded: &Loaded, products: Option<&Products>, report: &Report) -> String {
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
        (Some(counts.promotions), "promotion"),
        (Some(counts.stores), "store"),
        (Some(counts.gifts), "gift"),
        (Some(counts.distributions), "distribution"),
        (products.map(Products::len), "product"),
    ];
    let counted: Vec<String> = counted.iter().filter_map(|(number, noun)| Some(count((*number)? as i64, noun))).collect();
    let holds = if report.blocks() { "cannot be published as it is" } else { "has no problems" };
    format!(
        "`{shown}` {holds}: {} in {}; prices in {}, hours in {}\n\n{}",
        counted.join(", "),
        count(counts.files as i64, "file"),
        loaded.settings.currency.code(),
        zone.iana_name().unwrap_or("UTC"),
        grid.text_with_totals(row("total", &totals)),
    )
}
