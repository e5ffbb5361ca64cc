//! What are things called? The names of products and stores, and how this catalogue's money is written.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use tokka_catalog::money::Currency;
use tokka_catalog::{Loaded, load, read_folder};
use tokka_core::amount::{Amount, major};

/// What an answer speaks of by id.
pub(crate) struct Shop {
    pub(crate) currency: Currency,
    stores: BTreeMap<String, String>,
    /// By store and sku.
    products: BTreeMap<(String, String), String>,
}

impl Shop {
    /// Reads the catalogue and the list of its products.
    pub(crate) fn read(catalogue: &Path, products: &Path) -> Result<Self> {
        let sources = read_folder(catalogue).map_err(|problems| anyhow!("{problems}"))?;
        let Loaded { settings, catalogue, .. } = load(&sources).map_err(|problems| anyhow!("{problems}"))?;
        let stores = catalogue.stores().iter().map(|store| (store.id.to_string(), store.name.clone())).collect();
        let mut named = BTreeMap::new();
        let mut rows = csv::Reader::from_path(products).with_context(|| format!("cannot read `{}`", products.display()))?;
        for row in rows.deserialize::<BTreeMap<String, String>>() {
            let mut row = row?;
            let mut column =
                |name: &str| row.remove(name).with_context(|| format!("`{}` has no column `{name}`", products.display()));
            named.insert((column("store")?, column("sku")?), column("name")?);
        }
        Ok(Self { currency: settings.currency, stores, products: named })
    }

    pub(crate) fn store<'a>(&'a self, id: &'a str) -> &'a str {
        self.stores.get(id).map_or(id, String::as_str)
    }

    pub(crate) fn product<'a>(&'a self, store: &str, sku: &'a str) -> &'a str {
        self.products.get(&(store.to_owned(), sku.to_owned())).map_or(sku, String::as_str)
    }

    /// Minor units as people write them: `-1,990`.
    pub(crate) fn money(&self, minor: i64) -> String {
        let written = major(Amount::minor(minor), self.currency.exponent());
        let (whole, decimals) = written.split_at(written.find('.').unwrap_or(written.len()));
        let mut text = String::new();
        let digits = whole.trim_start_matches('-').len();
        for (position, character) in whole.chars().enumerate() {
            let left = whole.len().saturating_sub(position);
            if character.is_ascii_digit() && left < digits && left % 3 == 0 {
                text.push(',');
            }
            text.push(character);
        }
        text + decimals
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_separators_and_the_decimals_of_its_currency() {
        let shop = |code: &str| Shop {
            currency: Currency::from_code(code).unwrap(),
            stores: BTreeMap::new(),
            products: BTreeMap::new(),
        };
        let written: Vec<String> =
            [0, 999, 1_000, -1_990, 1_234_567, -100, -100_000].map(|minor| shop("JPY").money(minor)).into();
        assert_eq!(written, ["0", "999", "1,000", "-1,990", "1,234,567", "-100", "-100,000"]);
        assert_eq!(shop("USD").money(-123_456), "-1,234.56");
    }
}
