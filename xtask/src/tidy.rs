//! Does the project keep its own rules? STYLE.md and ARCHITECTURE.md say them to people; this executes them.

use std::fmt;
use std::path::Path;

use anyhow::{Result, ensure};

mod documents;
mod manifests;
mod sources;
mod tree;

use tree::Tree;

/// A place that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// From the root of the project.
    path: String,
    /// From 1; `None` where the whole file is meant.
    line: Option<usize>,
    message: String,
}

impl Finding {
    fn file(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, message: message.into() }
    }

    /// `index` counts from 0, as iterators do.
    fn line(path: impl Into<String>, index: usize, message: impl Into<String>) -> Self {
        Self { path: path.into(), line: Some(index.saturating_add(1)), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.path, self.message),
            None => write!(f, "{}: {}", self.path, self.message),
        }
    }
}

/// One rule of the house: what it says, and the function that finds who breaks it.
type Rule = (&'static str, fn(&Tree) -> Vec<Finding>);

const RULES: &[Rule] = &[
    ("crates depend in one direction only", manifests::directions),
    ("the core is linked with nothing that acts", manifests::pure_core),
    ("only the ledger talks to Redis", manifests::redis),
    ("only tests start servers of others", manifests::rig),
    ("versions stand in the root manifest", manifests::versions),
    ("every crate takes the workspace's lints, licence and publish = false", manifests::inherited),
    ("a module's first line says what question it answers", sources::module_docs),
    ("a file's name says what is in it", sources::file_names),
    ("a file has at most 700 lines", sources::length),
    ("nothing is left open", sources::left_open),
    ("every test runs", sources::ignored_tests),
    ("the core has no floats", sources::floats),
    ("an exception has its reason", sources::reasons_of_exceptions),
    ("the project does not point outside itself", documents::outside),
    ("no registry is named", documents::registries),
    ("everything in the API has a comment", documents::api_comments),
    ("every file of the API becomes Java", documents::java_options),
    ("chores are Rust, not shell", documents::shell),
    ("every reason code has its page, and every page its code", documents::reason_pages),
    ("the code map names what exists", documents::code_map),
    ("links lead somewhere", documents::links),
];

/// Runs every rule over the project and prints what breaks one.
pub(crate) fn run(root: &Path) -> Result<()> {
    let (_, broken) = report(root)?;
    ensure!(broken == 0, "{broken} rules of the house are broken");
    Ok(())
}

/// Likewise; answers how many rules hold and how many do not.
pub(crate) fn report(root: &Path) -> Result<(u64, u64)> {
    let tree = Tree::read(root)?;
    let (mut held, mut broken) = (0u64, 0u64);
    for (says, rule) in RULES {
        let findings = rule(&tree);
        let count = if findings.is_empty() { &mut held } else { &mut broken };
        *count = count.saturating_add(1);
        for finding in findings {
            println!("{finding} ({says})");
        }
    }
    println!("tidy: {held} of {} rules hold over {} files", RULES.len(), tree.len());
    Ok((held, broken))
}

/// Every finding, with the rule that it breaks.
#[cfg(test)]
fn complaints(tree: &Tree) -> Vec<String> {
    RULES.iter().flat_map(|(says, rule)| rule(tree).into_iter().map(move |finding| format!("{finding} ({says})"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_project_keeps_its_own_rules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project");
        let complaints = complaints(&Tree::read(root).unwrap());
        assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    }
}
