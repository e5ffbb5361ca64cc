//! Which products are there? The range of the shops, from a CSV file that the product master exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use csv::StringRecord;
use tokka_catalog::money::{Currency, minor_units};
use tokka_core::amount::Amount;
use tokka_core::basket::UNIT_PRICE_MAX;
use tokka_core::id::{Id, Token};

use crate::failure::Failure;

/// The columns that a file may have, in any order; the first three must be there.
const COLUMNS: [&str; 9] =
    ["sku", "store", "unit_price", "name", "categories", "list_price", "floor_price", "unit_cost", "tax_class"];
const COLUMNS_REQUIRED: usize = 3;

/// A product of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Product {
    /// What shoppers read.
    pub(crate) name: Option<String>,
    /// Ancestors too.
    pub(crate) categories: Vec<Token>,
    /// The row of the file, 1-based.
    pub(crate) row: u64,
}

/// The range of all shops.
#[derive(Debug, Default)]
pub(crate) struct Products {
    by_store_and_sku: BTreeMap<(String, String), Product>,
}

impl Products {
    /// Reads a file. `currency` is the catalogue's.
    ///
    /// # Errors
    /// A file that cannot be read, or everything that is wrong with it, each as `file:line: column: message`.
    pub(crate) fn read(path: &Path, currency: Currency) -> Result<Self, Failure> {
        let shown = path.display();
        let bytes =
            std::fs::read(path).map_err(|error| Failure::Unreadable(vec![format!("{shown}: cannot be read: {error}")]))?;
        Self::parse(&bytes, currency).map_err(|problems| {
            Failure::Failed(problems.into_iter().map(|(line, what)| format!("{shown}:{line}: {what}")).collect())
        })
    }

    /// Reads the text of a file; a problem is its line and what is wrong.
    fn parse(bytes: &[u8], currency: Currency) -> Result<Self, Vec<(u64, String)>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes);
        let mut records = reader.records();
        let headings = match records.next() {
            Some(Ok(record)) => record,
            Some(Err(error)) => return Err(vec![(1, not_csv(&error))]),
            None => return Err(vec![(1, format!("the file is empty; its first line is `{}`", COLUMNS.join(",")))]),
        };
        let columns = Columns::find(&headings)?;
        let mut products = Self::default();
        let mut problems = Vec::new();
        for (index, record) in records.enumerate() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    problems.push((error.position().map_or(0, csv::Position::line), not_csv(&error)));
                    continue;
                }
            };
            let line = record.position().map_or(index as u64 + 2, csv::Position::line);
            if record.len() != headings.len() {
                let message =
                    format!("{} fields, the first line has {}; quote a field that holds a comma", record.len(), headings.len());
                problems.push((line, message));
                continue;
            }
            let mut row = Row { columns: &columns, record: &record, currency, problems: Vec::new() };
            let product = row.product(line);
            problems.extend(row.problems.into_iter().map(|problem| (line, problem)));
            let Some((key, product)) = product else { continue };
            if let Some(earlier) = products.by_store_and_sku.get(&key) {
                problems.push((line, format!("sku: `{}` of `{}` stands in line {} too", key.1, key.0, earlier.row)));
            } else {
                products.by_store_and_sku.insert(key, product);
            }
        }
        if problems.is_empty() { Ok(products) } else { Err(problems) }
    }

    /// What shoppers call a product, if the file says so.
    pub(crate) fn name(&self, store: &str, sku: &str) -> Option<&str> {
        self.by_store_and_sku.get(&(store.to_owned(), sku.to_owned()))?.name.as_deref()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_store_and_sku.len()
    }

    /// What each store sells, by its id.
    pub(crate) fn ranges(&self) -> BTreeMap<&str, Range<'_>> {
        let mut ranges: BTreeMap<&str, Range<'_>> = BTreeMap::new();
        for ((store, sku), product) in &self.by_store_and_sku {
            let range = ranges.entry(store).or_default();
            range.skus.insert(sku);
            range.categories.extend(product.categories.iter().map(Token::as_str));
        }
        ranges
    }
}

/// What one store sells.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Range<'a> {
    /// Each once.
    pub(crate) skus: BTreeSet<&'a str>,
    /// Each once, ancestors too.
    pub(crate) categories: BTreeSet<&'a str>,
}

/// Where each known column stands.
struct Columns(BTreeMap<&'static str, usize>);

impl Columns {
    fn find(headings: &StringRecord) -> Result<Self, Vec<(u64, String)>> {
        let mut found = BTreeMap::new();
        let mut problems = Vec::new();
        for (position, heading) in headings.iter().enumerate() {
            let heading = heading.trim_start_matches('\u{feff}').trim();
            match COLUMNS.iter().find(|column| **column == heading) {
                None => problems.push((1, format!("`{heading}` is not a column; the columns are {}", COLUMNS.join(", ")))),
                Some(column) => {
                    if found.insert(*column, position).is_some() {
                        problems.push((1, format!("the column `{column}` stands twice")));
                    }
                }
            }
        }
        for column in COLUMNS.iter().take(COLUMNS_REQUIRED).filter(|column| !found.contains_key(*column)) {
            problems.push((1, format!("the column `{column}` is missing")));
        }
        if problems.is_empty() { Ok(Self(found)) } else { Err(problems) }
    }
}

/// One row while it is read.
struct Row<'a> {
    columns: &'a Columns,
    record: &'a StringRecord,
    currency: Currency,
    problems: Vec<String>,
}

impl<'a> Row<'a> {
    fn product(&mut self, line: u64) -> Option<((String, String), Product)> {
        let sku = self.field("sku");
        if let Err(error) = Token::parse(sku) {
            self.problems.push(format!("sku: `{sku}`: {error}"));
        }
        let store = self.field("store");
        if let Err(error) = Id::parse(store) {
            self.problems.push(format!("store: `{store}`: {error}"));
        }
        if self.field("unit_price").is_empty() {
            self.problems.push("unit_price: a product has a price".to_owned());
        }
        for column in ["unit_price", "list_price", "floor_price", "unit_cost"] {
            let text = self.field(column);
            if let Err(message) = price(text, self.currency) {
                self.problems.push(format!("{column}: {message}"));
            }
        }
        let mut categories = Vec::new();
        for text in self.field("categories").split('|').filter(|text| !text.is_empty()) {
            match Token::parse(text) {
                Ok(category) => categories.push(category),
                Err(error) => self.problems.push(format!("categories: `{text}`: {error}")),
            }
        }
        let tax_class = self.field("tax_class");
        if !tax_class.is_empty()
            && let Err(error) = Token::parse(tax_class)
        {
            self.problems.push(format!("tax_class: `{tax_class}`: {error}"));
        }
        let name = Some(self.field("name").to_owned()).filter(|name| !name.is_empty());
        self.problems.is_empty().then(|| ((store.to_owned(), sku.to_owned()), Product { name, categories, row: line }))
    }

    fn field(&self, column: &str) -> &'a str {
        self.columns.0.get(column).and_then(|position| self.record.get(*position)).unwrap_or_default().trim()
    }
}

/// A price in major units, with no more decimals than the currency has. Nothing is no price.
fn price(text: &str, currency: Currency) -> Result<Option<Amount>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let minor = minor_units(text, Some(currency)).map_err(|error| format!("`{text}` {error}"))?;
    if !(0..=UNIT_PRICE_MAX).contains(&minor) {
        return Err(format!("`{text}` is not between 0 and {UNIT_PRICE_MAX} minor units"));
    }
    Ok(Some(Amount::minor(minor)))
}

/// What the CSV reader found.
fn not_csv(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Utf8 { .. } => "the row is not UTF-8; save the file as UTF-8".to_owned(),
        _ => format!("not a row of CSV: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn currency(code: &str) -> Currency {
        Currency::from_code(code).unwrap()
    }

    fn problems(text: &str) -> Vec<(u64, String)> {
        Products::parse(text.as_bytes(), currency("USD")).unwrap_err()
    }

    #[test]
    fn a_range_of_two_shops() {
        let text = "\u{feff}store,sku,name,categories,unit_price\nshop,tea,\"緑茶, 100g\",food|food.tea,12.50\nother,tea,,,3\n";
        let products = Products::parse(text.as_bytes(), currency("USD")).unwrap();
        assert_eq!(products.len(), 2);
        assert_eq!(products.name("shop", "tea"), Some("緑茶, 100g"));
        assert_eq!(products.name("other", "tea"), None);
        let ranges = products.ranges();
        assert_eq!(ranges.keys().copied().collect::<Vec<_>>(), ["other", "shop"]);
        assert_eq!(ranges["shop"].categories, BTreeSet::from(["food", "food.tea"]));
        assert_eq!(ranges["other"], Range { skus: BTreeSet::from(["tea"]), categories: BTreeSet::new() });
    }

    #[test]
    fn every_problem_of_a_file_is_told_with_its_line() {
        let text = "sku,store,unit_price,floor_price\ntea,shop,1.999,\ntea 2,shop,,\nok,shop,1,\nok,shop,1,\nfew,shop\nx,platform,1e3,-1\n";
        let found = problems(text);
        let lines: Vec<u64> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 3, 5, 6, 7, 7, 7], "{found:#?}");
        assert!(found[0].1.contains("unit_price: `1.999` has more decimals than USD has"), "{found:#?}");
        assert!(found[1].1.starts_with("sku: `tea 2`"), "{found:#?}");
        assert!(found[3].1.contains("stands in line 4 too"), "{found:#?}");
        assert!(found[4].1.contains("2 fields, the first line has 4"), "{found:#?}");
    }

    #[test]
    fn headings_are_checked_first() {
        assert_eq!(problems("").len(), 1);
        assert!(problems("sku,store\na,b\n")[0].1.contains("`unit_price` is missing"));
        assert!(problems("sku,store,unit_price,colour\n")[0].1.contains("`colour` is not a column"));
        assert!(problems("sku,store,unit_price,sku\n")[0].1.contains("`sku` stands twice"));
    }

    #[test]
    fn prices_within_bounds() {
        let [yen, dollars] = ["JPY", "USD"].map(currency);
        assert_eq!(price("1980", yen), Ok(Some(Amount::minor(1980))));
        assert_eq!(price("19.8", dollars), Ok(Some(Amount::minor(1980))));
        assert_eq!(price("", dollars), Ok(None));
        for wrong in ["19.", "-1", "1000000000001", "99999999999999999999999", "1,980", "1e3"] {
            assert!(price(wrong, yen).is_err(), "{wrong}");
        }
    }
}
