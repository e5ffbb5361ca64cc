//! Can this catalogue be published? Everything that is wrong with its files, or what they hold.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use tokka_catalog::{Loaded, Source};
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{Owner, Promotion, Rule, Scope, Status};

use crate::catalogue;
use crate::failure::{Failure, has_unreadable};
use crate::grid::{Grid, Side};
use crate::money::{count, grouped};
use crate::output;
use crate::products::{Products, Range};

/// What is checked.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka check examples/marketplace
  tokka check examples/marketplace --products examples/marketplace.products.csv

Problems are printed as `file:line:column: field: what is wrong (what to write)`, all at once. With products, what a \
promotion names and no product has is a warning.

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
    let (sources, loaded) = match catalogue::load(&arguments.catalogue) {
        Ok(loaded) => loaded,
        Err(problems) => {
            let reasons = problems.into_iter().map(ToString::to_string).collect();
            return Err(told(reasons, &shown, has_unreadable(&problems))?);
        }
    };
    output::print(&summary(&shown, &loaded))?;
    let Some(path) = &arguments.products else { return Ok(()) };
    match Products::read(path, loaded.settings.currency) {
        Ok(products) => output::print(&beside(&sources, &loaded, &products)),
        Err(Failure::Failed(problems)) => Err(told(problems, &path.display().to_string(), false)?),
        Err(other) => Err(other),
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

/// What promotions name and no product has.
fn beside(sources: &[Source], loaded: &Loaded, products: &Products) -> String {
    let catalogue = &loaded.catalogue;
    let ranges = products.ranges();
    let mut warnings: Vec<String> = Vec::new();
    for store in ranges.keys().filter(|id| !catalogue.stores().iter().any(|store| store.id == **id)) {
        warnings.push(format!("products: the store `{store}` is not in the catalogue"));
    }
    for (promotion, place) in catalogue.promotions().iter().zip(&loaded.promotion_places) {
        let file = sources.get(place.source).map_or("", |source| source.name.as_str());
        let unknown = Unknown::of(promotion, &ranges).into_iter();
        warnings.extend(unknown.map(|what| format!("{file}:{}: promotion `{}`: {what}", place.line, promotion.id)));
    }
    let mut text = format!("\n{}, {}\n", count(products.len() as i64, "product"), count(warnings.len() as i64, "warning"));
    text.extend(warnings.into_iter().map(|warning| format!("warning: {warning}\n")));
    text
}

/// The skus and categories that a promotion names and that no product of the stores it could cover has.
struct Unknown<'a> {
    ranges: &'a BTreeMap<&'a str, Range<'a>>,
    owner: &'a Owner,
    found: Vec<String>,
}

impl<'a> Unknown<'a> {
    fn of(promotion: &'a Promotion, ranges: &'a BTreeMap<&'a str, Range<'a>>) -> Vec<String> {
        let mut unknown = Self { ranges, owner: &promotion.owner, found: Vec::new() };
        unknown.scope("scope", &promotion.scope);
        if let Some(qualify) = promotion.qualify() {
            unknown.scope("qualify", qualify);
        }
        for sku in promotion.limits.stock_by_sku.keys() {
            unknown.sku("limits.stock_by_sku", None, sku);
        }
        if let Rule::Bundle(bundle) = &promotion.rule {
            for (index, component) in bundle.components.iter().enumerate() {
                let path = format!("bundle.components[{index}]");
                component.skus.iter().for_each(|sku| unknown.sku(&path, None, sku));
                component.categories.iter().for_each(|category| unknown.category(&path, None, category));
            }
        }
        unknown.found
    }

    fn scope(&mut self, path: &str, scope: &Scope) {
        let stores = scope.include.stores.as_deref();
        let (include, exclude) = (format!("{path}.include"), format!("{path}.exclude"));
        scope.include.skus.iter().flatten().for_each(|sku| self.sku(&include, stores, sku));
        scope.include.categories.iter().flatten().for_each(|category| self.category(&include, stores, category));
        scope.exclude.skus.iter().for_each(|sku| self.sku(&exclude, stores, sku));
        scope.exclude.categories.iter().for_each(|category| self.category(&exclude, stores, category));
    }

    fn sku(&mut self, path: &str, stores: Option<&[Id]>, sku: &Token) {
        if !self.sold(stores, |range| range.skus.contains(sku.as_str())) {
            self.found.push(format!("{path}: no product{} has the sku `{sku}`", self.whose(stores)));
        }
    }

    fn category(&mut self, path: &str, stores: Option<&[Id]>, category: &Token) {
        if !self.sold(stores, |range| range.categories.contains(category.as_str())) {
            self.found.push(format!("{path}: no product{} has the category `{category}`", self.whose(stores)));
        }
    }

    /// Does a store that the promotion could cover sell such a thing?
    fn sold(&self, stores: Option<&[Id]>, such: impl Fn(&Range<'_>) -> bool) -> bool {
        let listed = |store: &str| stores.is_none_or(|stores| stores.iter().any(|id| *id == *store));
        let owned = |store: &str| match self.owner {
            Owner::Platform => true,
            Owner::Store(id) => *id == *store,
        };
        self.ranges.iter().any(|(store, range)| owned(store) && listed(store) && such(range))
    }

    fn whose(&self, stores: Option<&[Id]>) -> String {
        match self.owner {
            Owner::Store(id) => format!(" of `{id}`"),
            Owner::Platform if stores.is_some() => " of the stores named".to_owned(),
            Owner::Platform => String::new(),
        }
    }
}
