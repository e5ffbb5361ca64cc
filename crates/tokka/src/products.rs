//! Which products are there? Those of a CSV file, or why it cannot be read.

use std::path::Path;

use tokka_catalog::money::Currency;
use tokka_catalog::{Problems, Source};

pub(crate) use tokka_catalog::Products;

use crate::failure::Failure;

/// Reads a file. `currency` is the catalogue's.
///
/// # Errors
/// A file that cannot be read, or everything that is wrong with it, each as `file:line:column: field: message`.
pub(crate) fn read(path: &Path, currency: Currency) -> Result<Products, Failure> {
    let source = Source::read(path).map_err(|problem| Failure::of_files(&Problems::from(problem)))?;
    Products::parse(&source, Some(currency)).map_err(|problems| Failure::of_files(&problems))
}
