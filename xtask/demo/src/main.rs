//! Does it work? Starts a server with the example marketplace, asks it for a basket's price, prints the same price as
//! tables, and checks that both are one. `cargo xtask demo` builds what this needs and runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

mod ask;
mod server;

use server::Server;

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
    let tokka = beside_us("tokka")?;
    let mut server = Server::start(&tokka, CATALOGUE, if keep { KEPT_AT } else { "127.0.0.1:0" })?;
    println!("The server says: {}\n", server.announced());

    // The same moment for both, so that they cannot fall on two sides of an offer's first second.
    let answer = ask::quote(server.address(), Path::new(BASKET))?;
    println!("$ tokka quote {BASKET} --catalogue {CATALOGUE}\n");
    print!("{}", tables(&tokka, &answer.at)?);
    let file: Value = serde_json::from_str(&quoted(&tokka, &answer.at, &["--format", "json"])?).context("not JSON")?;

    println!("\nOver gRPC: {}", answer.summary());
    let by_file = (file.get("payable").and_then(Value::as_i64), file.get("fingerprint").and_then(Value::as_str));
    let by_call = (Some(answer.quote.payable), Some(answer.quote.fingerprint.as_str()));
    ensure!(by_file == by_call, "the server and the command line disagree: {by_call:?} and {by_file:?}");
    println!("The same payable and the same fingerprint as the tables above.");
    answer.check_sums()?;
    println!("Lines, stores, stages and funders were added up once more from the message: every column is right.");

    if keep {
        println!("\nThe server stays until you press Ctrl-C. To call it:\n");
        println!("  grpcurl -plaintext {} list", server.address());
        println!("  grpcurl -plaintext -d '{}' {} tokka.v1.PricingService/Quote", ask::EXAMPLE, server.address());
        server.wait()?;
    }
    Ok(())
}

/// The tables that `tokka quote` prints for people.
fn tables(tokka: &Path, at: &str) -> Result<String> {
    quoted(tokka, at, &["--products", PRODUCTS])
}

fn quoted(tokka: &Path, at: &str, options: &[&str]) -> Result<String> {
    let output = Command::new(tokka)
        .args(["quote", BASKET, "--catalogue", CATALOGUE, "--at", at])
        .args(options)
        .output()
        .context("cannot run `tokka quote`")?;
    ensure!(output.status.success(), "`tokka quote` failed: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).context("`tokka quote` printed something that is not UTF-8")
}

/// A program that cargo built into the same directory.
fn beside_us(name: &str) -> Result<PathBuf> {
    let us = std::env::current_exe().context("cannot tell where this program lies")?;
    let program = us.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    ensure!(program.is_file(), "`{}` is not built: run `cargo xtask demo`", program.display());
    Ok(program)
}
