//! How does a command end? In exit codes: 0 done, 1 something is wrong with what it was given, 2 it was called wrongly or
//! cannot read what it was given.

use std::fmt::Display;
use std::process::ExitCode;

use tokka_catalog::{ProblemKind, Problems};

/// Why a command did not do what it was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It was called wrongly: exit code 2.
    Usage(String),
    /// It cannot read these, one a line: exit code 2.
    Unreadable(Vec<String>),
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

    /// Everything that is wrong with files; those that cannot be read weigh more than wrong ones.
    pub(crate) fn of_files(problems: &Problems) -> Self {
        let reasons = problems.into_iter().map(ToString::to_string).collect();
        if has_unreadable(problems) { Self::Unreadable(reasons) } else { Self::Failed(reasons) }
    }

    /// Says why, one `error: …` a line, and answers the exit code.
    pub(crate) fn report(self) -> ExitCode {
        let (reasons, code) = match self {
            Self::Usage(reason) => (vec![reason], 2),
            Self::Unreadable(reasons) => (reasons, 2),
            Self::Failed(reasons) => (reasons, 1),
            Self::Told => (Vec::new(), 1),
        };
        for reason in reasons {
            eprintln!("error: {}", reason.replace('\n', " "));
        }
        ExitCode::from(code)
    }
}

/// Can some of these files not be read at all?
pub(crate) fn has_unreadable(problems: &Problems) -> bool {
    problems.into_iter().any(|problem| problem.kind == ProblemKind::Unreadable)
}
