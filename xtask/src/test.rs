//! Does everything hold? All checks of the project in one command: step by step, counted, and summed up at the end.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::deny;

/// How much is tried.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Searches for minutes where a bounded run takes seconds.
    long: bool,
    /// Random cases a property; `None` = as each test says.
    cases: Option<u32>,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--long" => options.long = true,
                "--cases" => {
                    let cases = rest.next().context("`--cases` needs a number")?;
                    options.cases = Some(cases.parse().with_context(|| format!("`{cases}` is not a number of cases"))?);
                }
                other => bail!("`{other}` is not an option of test; there are `--long` and `--cases N`"),
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
    /// Arguments of cargo.
    Cargo(&'static [&'static str]),
    /// Likewise, of a component that a minimal toolchain comes without.
    Component(&'static [&'static str]),
    /// cargo-deny.
    Deny,
}

impl Step {
    const fn new(name: &'static str, run: Run) -> Self {
        Self { name, run, stops: false }
    }
}

/// In order of what fails soonest. To add a check, add a line.
const STEPS: &[Step] = &[
    Step::new("format", Run::Component(&["fmt", "--all", "--", "--check"])),
    Step::new("clippy", Run::Component(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])),
    Step { name: "build", run: Run::Cargo(&["test", "--workspace", "--no-run", "--quiet"]), stops: true },
    Step::new("tests", Run::Cargo(&["test", "--workspace", "--no-fail-fast"])),
    Step::new("scenarios", Run::Cargo(&["run", "--quiet", "--package", "tokka", "--", "test", "tests/scenarios"])),
    Step::new("examples", Run::Cargo(&["run", "--quiet", "--package", "tokka", "--", "check", "examples/marketplace"])),
    Step::new("demo", Run::Cargo(&["run", "--quiet", "--package", "xtask", "--", "demo"])),
    Step::new("deny", Run::Deny),
];

/// Runs every step, prints the table of proofs and, as the last line, `N passed, N failed`.
pub(crate) fn run(root: &Path, options: &Options) -> Result<ExitCode> {
    let mut rows: Vec<Row> = Vec::new();
    for step in STEPS {
        println!("\n== {}", step.name);
        let started = Instant::now();
        let Some(counts) = step.run(root, options) else {
            println!("== {}: left out, this machine has no tool for it", step.name);
            continue;
        };
        let row = Row { name: step.name, counts, took: started.elapsed() };
        println!("== {}: {} passed, {} failed in {}", row.name, row.counts.passed, row.counts.failed, seconds(row.took));
        let stop = step.stops && row.counts.failed > 0;
        rows.push(row);
        if stop {
            println!("nothing after this step would mean anything");
            break;
        }
    }
    print_table(&rows);
    let sum = |count: fn(Counts) -> u64| rows.iter().fold(0u64, |sum, row| sum.saturating_add(count(row.counts)));
    let (passed, failed) = (sum(|counts| counts.passed), sum(|counts| counts.failed));
    println!("{passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Step {
    /// What the step counted; `None` where it cannot run on this machine.
    fn run(&self, root: &Path, options: &Options) -> Option<Counts> {
        let command = match self.run {
            Run::Component(arguments) if !is_there(arguments) => return None,
            Run::Component(arguments) | Run::Cargo(arguments) => Ok(Some(cargo(arguments))),
            Run::Deny => deny::command(root),
        };
        let counted = command.and_then(|command| command.map(|command| run_counted(command, root, options)).transpose());
        counted.unwrap_or_else(|error| {
            println!("{error:#}");
            Some(Counts { passed: 0, failed: 1 })
        })
    }
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(crate::cargo());
    command.args(arguments);
    command
}

/// Does the toolchain have this subcommand?
fn is_there(arguments: &[&str]) -> bool {
    let mut command = cargo(arguments.get(..1).unwrap_or_default());
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Runs a command, passes its output on as it comes, and reads the counts out of it.
fn run_counted(mut command: Command, root: &Path, options: &Options) -> Result<Counts> {
    command.current_dir(root).stdin(Stdio::null()).stdout(Stdio::piped());
    if options.long {
        command.env("TOKKA_LONG", "1");
    }
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

/// A line of the table of proofs.
struct Row {
    name: &'static str,
    counts: Counts,
    took: Duration,
}

fn print_table(rows: &[Row]) {
    println!("\n{:<12} {:>8} {:>8} {:>8}", "step", "cases", "failures", "took");
    for row in rows {
        let cases = row.counts.passed.saturating_add(row.counts.failed);
        println!("{:<12} {cases:>8} {:>8} {:>8}", row.name, row.counts.failed, seconds(row.took));
    }
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
        assert_eq!(parse(&["--cases", "500", "--long"]).unwrap(), Options { long: true, cases: Some(500) });
        assert!(parse(&["--cases"]).is_err());
        assert!(parse(&["--cases", "many"]).is_err());
        assert!(parse(&["--fast"]).is_err());
    }
}
