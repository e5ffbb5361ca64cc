//! Does it work? Starts a server with the example marketplace, asks it for a basket's price, prints the answer as
//! tables, and adds every column up once more. `cargo xtask demo` builds what this needs and runs it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

mod ask;
mod server;
mod shop;
mod sums;
mod tables;

use server::Server;
use shop::Shop;

const CATALOGUE: &str = "examples/marketplace";
const PRODUCTS: &str = "examples/marketplace.products.csv";
const BASKET: &str = "examples/baskets/all-six-stages.yaml";
/// Where the server stays with `--keep`: its own default. Without it any free port does.
const KEPT_AT: &str = "127.0.0.1:7070";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let keep = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => false,
        ["--keep"] => true,
        _ => bail!("demo has one option, `--keep`: the server stays"),
    };
    let shop = Shop::read(Path::new(CATALOGUE), Path::new(PRODUCTS))?;
    let request = ask::request(Path::new(BASKET), &shop)?;
    let started = Instant::now();
    let mut server = Server::start(&beside_us("tokka")?, CATALOGUE, if keep { KEPT_AT } else { "127.0.0.1:0" })?;
    println!("$ tokka serve --catalogue {CATALOGUE}\n{}\n", server.announced());
    let quote = ask::quote(server.address(), request.clone())?;
    println!(
        "{BASKET}, priced by tokka.v1.PricingService/Quote, {} ms after the server was started:\n",
        started.elapsed().as_millis()
    );
    print!("{}", tables::answer(&shop, &request, &quote)?);
    let columns = sums::check(&quote)?;
    println!("\n{columns} sums were added up once more from the answer: lines, stores, stages, pieces, funders. All are right.");
    if keep {
        println!("\nThe server stays until you press Ctrl-C. To call it:\n");
        println!("  grpcurl -plaintext {} list", server.address());
        println!("  grpcurl -plaintext -d '{}' {} tokka.v1.PricingService/Quote", ask::EXAMPLE, server.address());
        server.wait()?;
    }
    Ok(())
}

/// A program that cargo built into the same directory.
fn beside_us(name: &str) -> Result<PathBuf> {
    let us = std::env::current_exe().context("cannot tell where this program lies")?;
    let program = us.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    ensure!(program.is_file(), "`{}` is not built: run `cargo xtask demo`", program.display());
    Ok(program)
}
