//! Which chore? Every chore of a developer, in Rust: `cargo xtask <chore>`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};

mod bench;
mod clients;
mod demo;
mod deny;
mod install;
mod programs;
mod test;
mod tidy;

const USAGE: &str = "\
chores:
  cargo xtask demo [--keep]                     a price, a race, a crash and a refund; with --keep the server stays
  cargo xtask test [--cases N]                  every check of the project; the last line is `N passed, N failed`
  cargo xtask install                           the servers that the tests start, where they are missing (root or sudo)
  cargo xtask clients [PART…]                   the API by buf, and clients in Go, Java, TypeScript and Python against a server;
                                                parts are api, go, java, typescript, python; `accept-api` moves what may not break
  cargo xtask tidy                              the house rules, executed
  cargo xtask fuzz [--minutes N] [--seed S]     feeds the parser and the pricing with nonsense; 10 minutes by default
  cargo xtask bench [FILTER]                    the benchmark of the core, and how it grows with the catalogue
  cargo xtask bench ledger [ROUNDS [SECONDS]] [--json FILE] [--holds N] [--parts PART,…]
                                                the table of docs/performance.md: tokka on Redis beside the plainest service,
                                                the embedded store beside its disk; 10 rounds of 3 s a cell by default
  cargo xtask bench layouts [ROUNDS [SECONDS]]  the embedded store beside the layouts that were not chosen";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let root = root()?;
    let (chore, options) = arguments.split_first().with_context(|| format!("no chore is named\n{USAGE}"))?;
    let done = match (chore.as_str(), options) {
        ("test", options) => return test::run(&root, &test::Options::parse(options)?),
        ("clients", options) => return clients::run(&root, options),
        ("demo", options) => demo::run(&root, options),
        ("tidy", []) => tidy::run(&root),
        ("install", []) => install::run(&root),
        ("bench", [part, options @ ..]) if part == "ledger" => bench::ledger(&root, options),
        ("bench", [part, options @ ..]) if part == "layouts" => {
            cargo_with(&root, &["run", "--release", "--quiet", "--package", "tokka-ledger", "--example", "rate"], options)
        }
        ("bench", options) => cargo_with(&root, &["bench", "--package", "tokka-core", "--bench", "quote"], options),
        ("fuzz", options) => cargo_with(&root, &["run", "--quiet", "--package", "tokka-fuzz"], options),
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            Ok(())
        }
        ("tidy" | "install", [option, ..]) => bail!("`{chore}` has no option `{option}`"),
        (other, _) => bail!("no chore is called `{other}`\n{USAGE}"),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// A cargo command whose program takes the options.
fn cargo_with(root: &Path, arguments: &[&str], options: &[String]) -> Result<()> {
    let status =
        Command::new(cargo()).args(arguments).arg("--").args(options).current_dir(root).status().context("cannot run cargo")?;
    ensure!(status.success(), "`cargo {}` failed", arguments.join(" "));
    Ok(())
}

/// The directory that this crate lies in: chores work from there, wherever they are called.
fn root() -> Result<PathBuf> {
    let xtask = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").context("run it by `cargo xtask`")?);
    xtask.parent().map(PathBuf::from).context("xtask has no parent directory")
}

/// The cargo that runs this binary, so that a chore uses the same toolchain.
fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}
