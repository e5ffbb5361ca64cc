//! Do scenarios come out as somebody worked them out? Executable examples, each run by itself.

use std::path::{Path, PathBuf};

use clap::Args;
use tokka_catalog::{Problems, read_folder};
use tokka_scenario::{Difference, Report, RunResult, run_source};

use crate::failure::Failure;
use crate::grid::{Grid, Side};
use crate::output::{self, Paint};

/// Which scenarios are run.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka test tests/scenarios
  tokka test shop/scenarios/flash-sale.yaml shop/scenarios/coupons

A scenario that fails is shown with what it expects beside what came out, in major units. Of a folder, all `*.yaml`, \
`*.yml` and `*.json` below it are looked at; files of other documents hold no scenario. The last line is always \
`N passed, N failed`.

Exit codes: 0 all passed, 1 at least one failed or could not be run, 2 a path cannot be read or holds no scenario.")]
pub(crate) struct Test {
    /// Files of scenarios, or folders of such files
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
    /// Names the scenarios that pass, too
    #[arg(short, long)]
    verbose: bool,
}

/// Runs all scenarios of the paths given.
pub(crate) fn run(arguments: &Test) -> Result<(), Failure> {
    let paint = Paint::of_stdout();
    let (mut passed, mut failed) = (0_usize, 0_usize);
    let mut unreadable: Vec<String> = Vec::new();
    for path in &arguments.paths {
        let reports = match run_path(path) {
            Ok(reports) => reports,
            Err(problems) => {
                unreadable.extend(problems.into_iter().map(ToString::to_string));
                continue;
            }
        };
        if reports.is_empty() {
            unreadable.push(format!("{}: holds no scenario", path.display()));
        }
        for report in &reports {
            if report.passed() {
                passed += 1
            } else {
                failed += 1
            }
            if arguments.verbose || !report.passed() {
                output::print(&written(report, paint))?;
            }
        }
    }
    output::print(&format!("{passed} passed, {failed} failed\n"))?;
    if !unreadable.is_empty() {
        return Err(Failure::Unreadable(unreadable));
    }
    if failed > 0 { Err(Failure::Told) } else { Ok(()) }
}

/// Runs the scenarios of a file, or of all files of a folder.
fn run_path(path: &Path) -> Result<Vec<Report>, Problems> {
    let sources = read_folder(path)?;
    let folder_of = |name: &str| Path::new(name).parent().unwrap_or(Path::new("")).to_owned();
    Ok(sources.iter().flat_map(|source| run_source(source, &folder_of(&source.name))).collect())
}

/// How one scenario ended: a line, and below it what came out otherwise.
fn written(report: &Report, paint: Paint) -> String {
    let place = format!("{}:{}", report.file, report.line);
    let name = if report.name.is_empty() { "(without a name)" } else { report.name.as_str() };
    match &report.result {
        RunResult::Passed => format!("{} {name} ({place})\n", paint.green("passed")),
        RunResult::Failed(differences) => {
            let table = side_by_side(differences);
            format!("{} {} ({place})\n{}\n", paint.red("FAILED"), paint.bold(name), indented(&table))
        }
        RunResult::Broken(problems) => {
            let head = format!("{} {} ({place}): it cannot be run", paint.red("FAILED"), paint.bold(name));
            format!("{head}\n{}\n", indented(&format!("{problems}\n")))
        }
    }
}

/// What is expected beside what came out, and how far apart amounts are.
fn side_by_side(differences: &[Difference]) -> String {
    let apart: Vec<String> = differences.iter().map(distance).collect();
    let mut columns = vec![("value", Side::Left), ("expected", Side::Right), ("came out", Side::Right)];
    if apart.iter().any(|apart| !apart.is_empty()) {
        columns.push(("apart", Side::Right));
    }
    let shown = columns.len();
    let mut grid = Grid::new(columns);
    for (difference, apart) in differences.iter().zip(apart) {
        let cells = [difference.what.clone(), difference.expected.clone(), difference.actual.clone(), apart];
        grid.row(cells.into_iter().take(shown));
    }
    grid.text()
}

/// `+1`, `-0.05`: what came out less what is expected, where both are numbers.
fn distance(difference: &Difference) -> String {
    let decimals = |text: &str| text.split_once('.').map_or(0, |(_, part)| part.len());
    let places = decimals(&difference.expected).max(decimals(&difference.actual));
    let scaled = |text: &str| -> Option<i128> {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        if part.starts_with(['+', '-']) {
            return None;
        }
        format!("{whole}{part:0<places$}").parse().ok()
    };
    let (Some(expected), Some(actual)) = (scaled(&difference.expected), scaled(&difference.actual)) else {
        return String::new();
    };
    let apart = actual - expected;
    let sign = if apart < 0 { '-' } else { '+' };
    let digits = format!("{:0>width$}", apart.unsigned_abs(), width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    if part.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part}") }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_say_how_far_they_are_apart() {
        let apart = |expected: &str, actual: &str| distance(&Difference::new("payable", expected, actual));
        assert_eq!(apart("4741", "4740"), "-1");
        assert_eq!(apart("12.50", "12.55"), "+0.05");
        assert_eq!(apart("12.5", "10"), "-2.5");
        assert_eq!(apart("0.05", "-0.10"), "-0.15");
        assert_eq!(apart("9", "1009"), "+1000");
        for (expected, actual) in [("APPLIED", "1"), ("1", "none"), ("[1, 2]", "[1, 3]"), ("", "1"), ("1.-2", "1")] {
            assert_eq!(apart(expected, actual), "", "{expected} {actual}");
        }
    }
}
