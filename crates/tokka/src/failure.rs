//! How does a command end? In exit codes: 0 done, 1 something is wrong with what it was given, 2 it was called wrongly.

use std::fmt::Display;
use std::process::ExitCode;

/// Why a command did not do what it was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It was called wrongly: exit code 2.
    Usage(String),
    /// It failed for these reasons, one a line: exit code 1.
    Failed(Vec<String>),
    /// It failed and has said why in its output: exit code 1.
    Told,
}

impl Failure {
    /// A failure for one reason.
    pub(crate) fn because(reason: impl Display) -> Self {
        Self::Failed(vec![reason.to_string()])
    }

    /// A failure for each of these reasons.
    pub(crate) fn for_each<T: Display>(reasons: impl IntoIterator<Item = T>) -> Self {
        Self::Failed(reasons.into_iter().map(|reason| reason.to_string()).collect())
    }

    /// Says why, one `error: …` a line, and answers the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (reasons, code) = match self {
            Self::Usage(reason) => (vec![reason], 2),
            Self::Failed(reasons) => (reasons, 1),
            Self::Told => (Vec::new(), 1),
        };
        for reason in reasons {
            eprintln!("error: {}", reason.replace('\n', " "));
        }
        ExitCode::from(code)
    }
}
