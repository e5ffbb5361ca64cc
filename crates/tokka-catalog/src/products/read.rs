//! What does the CSV of the product master say? Rows as products, and everything that is wrong with them.

use std::collections::{BTreeMap, HashMap};

use csv::StringRecord;
use tokka_core::amount::Amount;
use tokka_core::basket::UNIT_PRICE_MAX;
use tokka_core::id::{Id, Token};

use super::Product;
use crate::money::{Currency, minor_units};
use crate::problem::{Problem, ProblemKind, Problems, did_you_mean, listed, shown};
use crate::source::Source;

/// The columns that a file may have, in any order; the first three must be there.
const COLUMNS: [&str; 9] =
    ["sku", "store", "unit_price", "name", "categories", "list_price", "floor_price", "unit_cost", "tax_class"];
const COLUMNS_REQUIRED: usize = 3;

/// Reads all rows.
pub(super) fn all(source: &Source, currency: Option<Currency>) -> Result<Vec<Product>, Problems> {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut rows = reader.records();
    let mut report = Report { file: &source.name, text, problems: Vec::new() };
    let headings = match rows.next() {
        Some(Ok(headings)) => headings,
        Some(Err(error)) => return report.only(ProblemKind::Syntax, not_csv(&error)),
        None => return report.only(ProblemKind::Syntax, format!("is empty; its first line is `{}`", COLUMNS.join(","))),
    };
    let columns = Columns::find(&headings, &mut report);
    if !report.problems.is_empty() {
        return Err(Problems::new(report.problems));
    }
    let mut products = Vec::new();
    let mut lines: HashMap<(Id, Token), u32> = HashMap::new();
    for row in rows {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let start = error.position().map_or_else(Place::default, |position| Place::of(position, text));
                report.add(start, "", ProblemKind::Syntax, not_csv(&error), None);
                continue;
            }
        };
        let start = row.position().map_or_else(Place::default, |position| Place::of(position, text));
        if row.len() != headings.len() {
            let message = format!("has {} fields, and the first line has {}", row.len(), headings.len());
            report.add(start, "", ProblemKind::Syntax, message, Some("quote a field that holds a comma".to_owned()));
            continue;
        }
        let Some(product) = Row { columns: &columns, fields: &row, start, currency, report: &mut report }.product() else {
            continue;
        };
        if let Some(earlier) = lines.insert((product.store.clone(), product.sku.clone()), start.line) {
            let message = format!("`{}` of `{}` stands on line {earlier} too", product.sku, product.store);
            let place = start.field(text, columns.position("sku"));
            report.add(place, "sku", ProblemKind::Rule, message, Some("leave one of them out".to_owned()));
        }
        products.push(product);
    }
    if report.problems.is_empty() { Ok(products) } else { Err(Problems::new(report.problems)) }
}

/// A place of the text.
#[derive(Debug, Clone, Copy)]
struct Place {
    byte: usize,
    line: u32,
    column: u32,
}

impl Default for Place {
    fn default() -> Self {
        Self { byte: 0, line: 1, column: 1 }
    }
}

impl Place {
    /// Where a row begins: the reader counts the empty lines before it as its own.
    fn of(position: &csv::Position, text: &str) -> Self {
        let byte = usize::try_from(position.byte()).unwrap_or(usize::MAX);
        let line = u32::try_from(position.line()).unwrap_or(u32::MAX);
        let mut place = Self { byte, line, column: 1 };
        for c in text.get(byte..).unwrap_or_default().chars().take_while(|c| matches!(c, '\n' | '\r')) {
            place.byte += 1;
            place.line += u32::from(c == '\n');
        }
        place
    }

    /// Where a field of the row begins that begins here.
    fn field(mut self, text: &str, field: usize) -> Self {
        let mut before = field;
        let mut quoted = false;
        for c in text.get(self.byte..).unwrap_or_default().chars() {
            if before == 0 {
                break;
            }
            self.byte += c.len_utf8();
            self.column += 1;
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => before -= 1,
                '\n' => (self.line, self.column) = (self.line + 1, 1),
                _ => {}
            }
        }
        self
    }
}

/// What is wrong with a file.
struct Report<'a> {
    file: &'a str,
    text: &'a str,
    problems: Vec<Problem>,
}

impl Report<'_> {
    fn add(&mut self, place: Place, column: &str, kind: ProblemKind, message: String, hint: Option<String>) {
        let whole = Problem::of_file(self.file, kind, message, hint);
        self.problems.push(Problem { line: place.line, column: place.column, path: column.to_owned(), ..whole });
    }

    fn only(mut self, kind: ProblemKind, message: String) -> Result<Vec<Product>, Problems> {
        self.add(Place::default(), "", kind, message, None);
        Err(Problems::new(self.problems))
    }
}

/// Where each known column stands.
struct Columns(BTreeMap<&'static str, usize>);

impl Columns {
    fn find(headings: &StringRecord, report: &mut Report<'_>) -> Self {
        let start = headings.position().map_or_else(Place::default, |position| Place::of(position, report.text));
        let mut found = BTreeMap::new();
        for (position, heading) in headings.iter().enumerate() {
            let heading = heading.trim();
            let place = start.field(report.text, position);
            match COLUMNS.iter().find(|column| **column == heading) {
                None => {
                    let hint = did_you_mean(heading, &COLUMNS);
                    let message = format!("`{}` is not a column", shown(heading));
                    report.add(place, "", ProblemKind::UnknownField, message, hint);
                }
                Some(column) => {
                    if found.insert(*column, position).is_some() {
                        report.add(place, column, ProblemKind::Rule, "is a second column of this name".to_owned(), None);
                    }
                }
            }
        }
        for column in COLUMNS.iter().take(COLUMNS_REQUIRED).filter(|column| !found.contains_key(*column)) {
            let hint = Some(format!("the columns are {}", listed(&COLUMNS)));
            report.add(start, column, ProblemKind::MissingField, "is missing".to_owned(), hint);
        }
        Self(found)
    }

    fn position(&self, column: &str) -> usize {
        self.0.get(column).copied().unwrap_or(0)
    }
}

/// One row while it is read.
struct Row<'a, 'r> {
    columns: &'a Columns,
    fields: &'a StringRecord,
    start: Place,
    currency: Option<Currency>,
    report: &'a mut Report<'r>,
}

impl Row<'_, '_> {
    /// Everything is read, so that all that is wrong is told; what is missing of the answer was told.
    fn product(mut self) -> Option<Product> {
        let sku = self.read("sku", |sku| Token::parse(sku).map_err(|error| format!("`{}`: {error}", shown(sku))));
        let store = self.read("store", |store| Id::parse(store).map_err(|error| format!("`{}`: {error}", shown(store))));
        let unit_price = self.price("unit_price");
        if self.text("unit_price").is_empty() {
            self.fail("unit_price", "is empty: a product has a price".to_owned());
        }
        let [list_price, floor_price, unit_cost] = ["list_price", "floor_price", "unit_cost"].map(|column| self.price(column));
        let token = |text: &str| Token::parse(text).map_err(|error| format!("`{}`: {error}", shown(text)));
        let categories = self.read("categories", |texts| texts.split('|').filter(|text| !text.is_empty()).map(token).collect());
        let optional = |text: &str| if text.is_empty() { Ok(None) } else { token(text).map(Some) };
        let tax_class = self.read("tax_class", optional);
        let name = Some(self.text("name").to_owned()).filter(|name| !name.is_empty());
        Some(Product {
            sku: sku?,
            store: store?,
            name,
            categories: categories?,
            unit_price: unit_price??,
            list_price: list_price?,
            floor_price: floor_price?,
            unit_cost: unit_cost?,
            tax_class: tax_class?,
            line: self.start.line,
        })
    }

    /// The outer `None` was told.
    fn price(&mut self, column: &'static str) -> Option<Option<Amount>> {
        let currency = self.currency;
        self.read(column, |text| price(text, currency))
    }

    fn read<T>(&mut self, column: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        match read(self.text(column)) {
            Ok(value) => Some(value),
            Err(message) => {
                self.fail(column, message);
                None
            }
        }
    }

    fn fail(&mut self, column: &'static str, message: String) {
        let place = self.start.field(self.report.text, self.columns.position(column));
        self.report.add(place, column, ProblemKind::Value, message, None);
    }

    fn text(&self, column: &str) -> &str {
        self.columns.0.get(column).and_then(|position| self.fields.get(*position)).unwrap_or_default().trim()
    }
}

/// A price in major units, with no more decimals than the currency has. Nothing is no price.
pub(super) fn price(text: &str, currency: Option<Currency>) -> Result<Option<Amount>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let minor = minor_units(text, currency).map_err(|error| format!("`{}` {error}", shown(text)))?;
    if !(0..=UNIT_PRICE_MAX).contains(&minor) && currency.is_some() {
        return Err(format!("`{}` is not between 0 and {UNIT_PRICE_MAX} minor units", shown(text)));
    }
    Ok(Some(Amount::minor(minor)))
}

/// What the CSV reader found.
fn not_csv(error: &csv::Error) -> String {
    format!("is not a row of CSV: {}", shown(&error.to_string()))
}
