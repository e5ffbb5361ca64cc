//! Does everything hold? All checks of the project in one command: step by step, counted, and summed up at the end.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::{deny, install, tidy};

mod proofs;

use proofs::Proofs;

/// How much is tried.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Random cases a property; `None` = as each test says.
    cases: Option<u32>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--cases" => {
                    let cases = rest.next().context("`--cases` needs a number")?;
                    options.cases = Some(cases.parse().with_context(|| format!("`{cases}` is not a number of cases"))?);
                }
                other => bail!("`{other}` is not an option of test; there is `--cases N`"),
            }
        }
        Ok(options)
    }
}

/// One check.
struct Step {
    name: &'static str,
    run: Run,
    /// Without it nothing after it means anything.
    stops: bool,
}

enum Run {
    /// The servers that the tests start, installed where they are missing.
    Install,
    /// The house rules, which are executed right here.
    Tidy,
    /// Arguments of cargo.
    Cargo(&'static [&'static str]),
    /// Likewise, of a component that a minimal toolchain comes without.
    Component(&'static [&'static str]),
    /// The tests of the ledger's contract, once more, on servers of another make; where there are none, that is said.
    On(&'static str),
    /// A program that the step "build" has built, with its arguments. `cargo run` would choose other features for the
    /// crates below it, and build them all once more.
    Built(&'static str, &'static [&'static str]),
    /// `tokka test`, over every scenario that can pass.
    Scenarios,
    /// cargo-deny.
    Deny,
}

impl Step {
    const fn new(name: &'static str, run: Run) -> Self {
        Self { name, run, stops: false }
    }

    const fn that_stops(name: &'static str, run: Run) -> Self {
        Self { name, run, stops: true }
    }
}

/// In order of what fails soonest. To add a check, add a line. The bounded fuzz runs are tests of the workspace.
const STEPS: &[Step] = &[
    Step::new("install", Run::Install),
    Step::new("tidy", Run::Tidy),
    Step::new("format", Run::Component(&["fmt", "--all", "--", "--check"])),
    Step::new("clippy", Run::Component(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])),
    // Programs and tests at once: apart, each would choose other features for the crates below, and build those twice.
    Step::that_stops("build", Run::Cargo(&["build", "--workspace", "--lib", "--bins", "--tests", "--examples", "--quiet"])),
    Step::new("tests", Run::Cargo(&["test", "--workspace", "--no-fail-fast"])),
    Step::new("valkey", Run::On(proofs::VALKEY)),
    Step::new("redis 6.2", Run::On(proofs::OLDEST)),
    Step::new("scenarios", Run::Scenarios),
    Step::new("yen", Run::Built("tokka", &["check", "examples/marketplace", "--products", "examples/marketplace.products.csv"])),
    Step::new("dollars", Run::Built("tokka", &["check", "examples/us-store", "--products", "examples/us-store.products.csv"])),
    Step::new("demo", Run::Built("xtask-demo", &[])),
    Step::new("docs", Run::Cargo(&["doc", "--workspace", "--no-deps", "--quiet"])),
    Step::new("deny", Run::Deny),
];

const SCENARIOS: &str = "tests/scenarios";
/// What scenarios share is no scenario.
const SHARED: &str = "catalogues";

/// Runs every step, prints the table of proofs and, as the last line, `N passed, N failed`.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode> {
    let mut rows: Vec<Row> = Vec::new();
    let mut proofs = Proofs::default();
    let started = Instant::now();
    for step in STEPS {
        println!("\n== {}", step.name);
        let started = Instant::now();
        let counts = step.run(root, options, &mut proofs).unwrap_or_else(|error| {
            println!("{error:#}");
            Counts { passed: 0, failed: 1 }
        });
        let row = Row { name: step.name, counts, took: started.elapsed() };
        println!("== {}: {} passed, {} failed in {}", row.name, row.counts.passed, row.counts.failed, seconds(row.took));
        if let Run::Scenarios = step.run {
            proofs.add_scenarios(row.counts.passed);
        }
        let stop = step.stops && row.counts.failed > 0;
        rows.push(row);
        if stop {
            println!("nothing after this step would mean anything");
            break;
        }
    }
    print_table(&rows, started.elapsed());
    let proved = print_proofs(&proofs);
    rows.push(Row { name: "proofs", counts: proved, took: Duration::ZERO });
    let sum = |count: fn(Counts) -> u64| rows.iter().fold(0u64, |sum, row| sum.saturating_add(count(row.counts)));
    let (passed, failed) = (sum(|counts| counts.passed), sum(|counts| counts.failed));
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Step {
    fn run(&self, root: &Path, options: &Options, proofs: &mut Proofs) -> Result<Counts> {
        let command = match self.run {
            Run::Install => {
                install::run(root)?;
                return Ok(Counts { passed: 1, failed: 0 });
            }
            Run::Tidy => {
                let (held, broken) = tidy::report(root)?;
                return Ok(Counts { passed: held, failed: broken });
            }
            Run::Component(arguments) => component(arguments)?,
            Run::Cargo(arguments) => cargo(arguments),
            Run::On(server) => {
                if !install::has(root, server) {
                    println!("NOT TESTED on {server}, which is not there: see the step install");
                    proofs.not_had(server);
                    return Ok(Counts::default());
                }
                proofs.on(server);
                on(server)
            }
            Run::Built(name, arguments) => built(name, arguments)?,
            Run::Scenarios => scenarios(root)?,
            Run::Deny => deny::command(root)?,
        };
        let counts = run_counted(command, root, options, proofs);
        proofs.on(proofs::REDIS);
        counts
    }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(crate::cargo());
    // A warning of the documentation is a link to nowhere, or a bracket that hides text.
    command.args(arguments).env("RUSTDOCFLAGS", "-D warnings");
    // What only helps the next build is of no use where there is none, and fills the disk.
    if std::env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

/// All libraries are named, so that none is built with other features once more; one of them has these tests.
fn on(server: &str) -> Command {
    let mut command = cargo(&["test", "--workspace", "--lib", "--no-fail-fast", "--"]);
    command.args(proofs::AREAS.map(|(area, ..)| area)).env("TOKKA_TEST_SERVER", server);
    command
}

/// The command, if the toolchain has it; a check that is left out would look like one that passed.
fn component(arguments: &[&str]) -> Result<Command> {
    let name = arguments.first().copied().unwrap_or_default();
    let mut version = cargo(&[name, "--version"]);
    let there = version.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    ensure!(there, "this toolchain has no `cargo {name}`: `rustup component add clippy rustfmt` brings it");
    Ok(cargo(arguments))
}

/// A program that lies beside this one.
fn built(name: &str, arguments: &[&str]) -> Result<Command> {
    let us = std::env::current_exe().context("cannot tell where this program lies")?;
    let mut command = Command::new(us.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX)));
    command.args(arguments);
    Ok(command)
}

/// All scenarios.
fn scenarios(root: &Path) -> Result<Command> {
    let mut files = Vec::new();
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(root.join(SCENARIOS).join(&folder)).with_context(|| format!("cannot list `{SCENARIOS}`"))?
        {
            let entry = entry?;
            let path = format!("{folder}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() && path != SHARED {
                folders.push(format!("{path}/"));
            } else if path.ends_with(".yaml") {
                files.push(format!("{SCENARIOS}/{path}"));
            }
        }
    }
    ensure!(!files.is_empty(), "`{SCENARIOS}` has no scenario");
    files.sort();
    let mut command = built("tokka", &["test"])?;
    command.args(files);
    Ok(command)
}

/// Runs a command, passes its output on as it comes, and reads counts and proofs out of it.
fn run_counted(mut command: Command, root: &Path, options: &Options, proofs: &mut Proofs) -> Result<Counts> {
    command.current_dir(root).stdin(Stdio::null()).stdout(Stdio::piped());
    if let Some(cases) = options.cases {
        command.env("TOKKA_CASES", cases.to_string());
    }
    let mut child = command.spawn().with_context(|| format!("cannot run {}", command.get_program().to_string_lossy()))?;
    let output = child.stdout.take().context("the output of the step cannot be read")?;
    let mut counts = Counts::default();
    for line in BufReader::new(output).lines() {
        let line = line?;
        println!("{line}");
        counts.add_line(&line);
        proofs.add_line(&line);
    }
    Ok(counts.closed(child.wait()?.success()))
}

/// How many checks passed and failed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
}

impl Counts {
    /// Reads `test result: ok. 3 passed; 0 failed; …` of cargo's tests and `3 passed, 0 failed` of ours.
    fn add_line(&mut self, line: &str) {
        let counted =
            line.strip_prefix("test result:").map_or(line, |rest| rest.split_once(". ").map_or("", |(_, counts)| counts));
        let mut parts = counted.split([';', ',']).map(str::trim);
        let number = |part: Option<&str>, word: &str| part?.strip_suffix(word)?.trim_end().parse::<u64>().ok();
        if let (Some(passed), Some(failed)) = (number(parts.next(), "passed"), number(parts.next(), "failed")) {
            self.passed = self.passed.saturating_add(passed);
            self.failed = self.failed.saturating_add(failed);
        }
    }

    /// A step that counts nothing is one check itself; one that broke off without counting a failure failed all the same.
    fn closed(mut self, succeeded: bool) -> Self {
        if succeeded && self == Self::default() {
            self.passed = 1;
        }
        if !succeeded && self.failed == 0 {
            self.failed = 1;
        }
        self
    }
}

/// A line of the table of steps.
struct Row {
    name: &'static str,
    counts: Counts,
    took: Duration,
}

fn print_table(rows: &[Row], took: Duration) {
    println!("\n{:<12} {:>8} {:>8} {:>8}", "step", "cases", "failures", "took");
    for row in rows {
        let cases = row.counts.passed.saturating_add(row.counts.failed);
        println!("{:<12} {cases:>8} {:>8} {:>8}", row.name, row.counts.failed, seconds(row.took));
    }
    println!("{:<12} {:>8} {:>8} {:>8}", "in all", "", "", seconds(took));
}

/// What was proved; a row that does not hold is a failure.
fn print_proofs(proofs: &Proofs) -> Counts {
    let mut counts = Counts::default();
    println!("\nproofs of this run");
    for proof in proofs.table() {
        let count = if proof.holds { &mut counts.passed } else { &mut counts.failed };
        *count = count.saturating_add(1);
        let mark = if proof.holds { "" } else { "   DOES NOT HOLD" };
        println!("  {:<32} {}{mark}", proof.what, proof.found);
    }
    println!();
    counts
}

fn seconds(took: Duration) -> String {
    format!("{} s", took.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(lines: &[&str]) -> (u64, u64) {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts.add_line(line));
        (counts.passed, counts.failed)
    }

    #[test]
    fn both_ways_of_counting_are_read() {
        assert_eq!(
            counts(&[
                "test result: ok. 17 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.09s",
                "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.09s",
                "152 passed, 1 failed",
                "test store::two passed, and one failed ... ok",
                "running 5 tests",
            ]),
            (172, 3)
        );
    }

    #[test]
    fn a_step_that_breaks_off_has_failed() {
        let after = |passed, failed, succeeded| Counts { passed, failed }.closed(succeeded);
        assert_eq!(after(0, 0, true), Counts { passed: 1, failed: 0 });
        assert_eq!(after(7, 0, true), Counts { passed: 7, failed: 0 });
        assert_eq!(after(7, 0, false), Counts { passed: 7, failed: 1 });
        assert_eq!(after(7, 2, false), Counts { passed: 7, failed: 2 });
    }

    #[test]
    fn options_are_read_or_refused() {
        let parse = |words: &[&str]| Options::parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(parse(&["--cases", "500"]).unwrap(), Options { cases: Some(500) });
        assert!(parse(&["--cases"]).is_err());
        assert!(parse(&["--cases", "many"]).is_err());
        assert!(parse(&["--fast"]).is_err());
    }
}
