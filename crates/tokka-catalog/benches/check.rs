//! How long does it take to read and to check 100,000 promotions beside 20,000 products?
//!
//! `cargo bench -p tokka-catalog --bench check`. A number after `--` is another number of promotions.

use std::time::Instant;

use jiff::Timestamp;
use tokka_catalog::{check, load_with_products};

#[path = "../tests/check/market.rs"]
mod market;

const SEED: u64 = 1;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let promotions = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(100_000);
    let market = market::market(promotions, SEED);
    let bytes: usize = market.files.iter().map(|file| file.text.len()).sum();
    println!("{promotions} promotions in {} files of {} kB, seed {SEED}", market.files.len(), bytes / 1_000);

    let began = Instant::now();
    let (loaded, products) = load_with_products(&market.files, &market.products)?;
    let read = began.elapsed();
    let at: Timestamp = "2026-11-25T00:00:00Z".parse()?;
    let began = Instant::now();
    let report = check(&loaded, Some(&products), at);
    let checked = began.elapsed();

    println!("read   {:>7} ms", read.as_millis());
    println!("check  {:>7} ms, {} findings beside {} products", checked.as_millis(), report.findings.len(), products.len());
    println!("both   {:>7} ms", (read + checked).as_millis());
    Ok(())
}
