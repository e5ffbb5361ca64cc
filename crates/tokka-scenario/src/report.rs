//! How did a scenario end?

use std::fmt;

use tokka_catalog::Problems;

/// How one scenario ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The file that holds it.
    pub file: String,
    /// The line on which it begins.
    pub line: u32,
    /// What it is called; empty where that could not be read.
    pub name: String,
    /// How it ended.
    pub result: RunResult,
}

/// Passed or not, and why not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunResult {
    /// Everything that it expects came out.
    Passed,
    /// Something else came out.
    Failed(Vec<Difference>),
    /// It could not be run: its files are not right.
    Broken(Problems),
}

impl Report {
    /// Did everything come out?
    #[must_use]
    pub fn passed(&self) -> bool {
        self.result == RunResult::Passed
    }
}

/// One value that came out differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which value, `lines.a.payable`.
    pub what: String,
    /// What the scenario expects; amounts in major units.
    pub expected: String,
    /// What came out.
    pub actual: String,
}

impl Difference {
    /// A difference in `what`.
    pub fn new(what: impl Into<String>, expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self { what: what.into(), expected: expected.into(), actual: actual.into() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.what, self.expected, self.actual)
    }
}

impl fmt::Display for Report {
    /// One line where it passed; else its differences in columns below.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.result {
            RunResult::Passed => "passed",
            RunResult::Failed(_) => "FAILED",
            RunResult::Broken(_) => "BROKEN",
        };
        write!(f, "{word} {}:{} {}", self.file, self.line, self.name)?;
        match &self.result {
            RunResult::Passed => Ok(()),
            RunResult::Broken(problems) => problems.into_iter().try_for_each(|problem| write!(f, "\n    {problem}")),
            RunResult::Failed(differences) => {
                let widest = |of: fn(&Difference) -> &String| {
                    differences.iter().map(|difference| of(difference).chars().count()).max().unwrap_or(0)
                };
                let (what, expected) = (widest(|difference| &difference.what), widest(|difference| &difference.expected));
                differences.iter().try_for_each(|difference| {
                    write!(
                        f,
                        "\n    {:what$}  expected {:>expected$}  got {}",
                        difference.what, difference.expected, difference.actual
                    )
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_stand_in_columns() {
        let result =
            RunResult::Failed(vec![Difference::new("payable", "980", "1280"), Difference::new("lines.a.item", "12300", "0")]);
        let report = Report { file: "a.yaml".into(), line: 3, name: "flash".into(), result };
        assert_eq!(
            report.to_string(),
            "FAILED a.yaml:3 flash\n    payable       expected   980  got 1280\n    lines.a.item  expected 12300  got 0"
        );
    }
}
