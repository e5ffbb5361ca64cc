//! Is the code written as STYLE.md asks? The rules over every Rust file.

use super::Finding;
use super::tree::Tree;

/// A longer file has a room too many.
const LINES_MAX: usize = 700;
/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 7] = ["helper", "helpers", "util", "utils", "common", "manager", "misc"];

// The markers below are written in two parts, or this file would break its own rules.
const MARKERS: [&str; 5] =
    [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
const IGNORE: &str = concat!("#[", "ignore");

pub(super) fn module_docs(tree: &Tree) -> Vec<Finding> {
    let silent = |text: &str| !text.lines().next().is_some_and(|first| first.starts_with("//! ") && first.len() > 10);
    tree.ending(".rs")
        // A `tests.rs` beside the code asks the question of the module that it tests.
        .filter(|(path, text)| !is_generated(path) && !path.ends_with("/tests.rs") && silent(text))
        .map(|(path, _)| Finding::line(path, 0, "begins without `//!`: say what question the module answers"))
        .collect()
}

pub(super) fn file_names(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let files = tree.files().map(|(path, _)| path);
    for path in files.chain(tree.directories()) {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = name.split('.').next().unwrap_or(name);
        if EMPTY_NAMES.contains(&stem) {
            findings.push(Finding::file(path, format!("`{stem}` says nothing: name it after what is inside")));
        }
    }
    findings
}

pub(super) fn length(tree: &Tree) -> Vec<Finding> {
    tree.ending(".rs")
        .filter(|(path, _)| !is_generated(path))
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > LINES_MAX)
        .map(|(path, lines)| Finding::file(path, format!("{lines} lines, at most {LINES_MAX}: which part is a file of its own?")))
        .collect()
}

pub(super) fn left_open(tree: &Tree) -> Vec<Finding> {
    let sources =
        tree.files().filter(|(path, _)| [".rs", ".proto", ".lua", ".toml", ".yaml"].iter().any(|end| path.ends_with(end)));
    find_lines(sources, |line| {
        MARKERS.iter().find(|marker| contains_word(line, marker)).map(|marker| format!("`{marker}` is left open"))
    })
}

pub(super) fn ignored_tests(tree: &Tree) -> Vec<Finding> {
    find_lines(tree.ending(".rs"), |line| line.contains(IGNORE).then(|| "a test that never runs proves nothing".to_owned()))
}

pub(super) fn floats(tree: &Tree) -> Vec<Finding> {
    let core = tree.ending(".rs").filter(|(path, _)| path.starts_with("crates/tokka-core/"));
    find_lines(core, |line| {
        let code = line.split("//").next().unwrap_or(line);
        ["f32", "f64"].into_iter().find(|float| contains_word(code, float)).map(|float| format!("`{float}` in the core"))
    })
}

pub(super) fn reasons_of_exceptions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| !is_generated(path)) {
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_start();
            let exception = ["allow(", "expect("].iter().any(|word| {
                [format!("#[{word}"), format!("#![{word}")].iter().any(|attribute| line.starts_with(attribute.as_str()))
            });
            // An attribute may run over several lines; it ends with the first `]` at the end of one.
            let attribute = text.lines().skip(index).scan(false, |ended, line| {
                (!*ended).then(|| {
                    *ended = line.trim_end().ends_with(']');
                    line
                })
            });
            if exception && !attribute.collect::<String>().contains("reason = ") {
                findings.push(Finding::line(path, index, "an exception without `reason = \"…\"`"));
            }
        }
    }
    findings
}

/// Code that a tool wrote and that is kept with the project.
fn is_generated(path: &str) -> bool {
    path.contains("/generated/") || path.ends_with(".generated.rs")
}

/// What `complain` has to say about each line.
fn find_lines<'a>(files: impl Iterator<Item = (&'a str, &'a str)>, complain: impl Fn(&str) -> Option<String>) -> Vec<Finding> {
    files
        .flat_map(|(path, text)| text.lines().enumerate().map(move |(index, line)| (path, index, line)))
        .filter_map(|(path, index, line)| complain(line).map(|message| Finding::line(path, index, message)))
        .collect()
}

/// Does `word` stand in `line` with no letter or digit on either side?
fn contains_word(line: &str, word: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || c == '_';
    let edge = |text: &str, end: bool| if end { text.chars().next_back() } else { text.chars().next() };
    line.match_indices(word).any(|(at, found)| {
        let (before, after) =
            (line.get(..at).unwrap_or_default(), line.get(at.saturating_add(found.len())..).unwrap_or_default());
        let open_end = !word.ends_with(inner);
        !edge(before, true).is_some_and(inner) && (open_end || !edge(after, false).is_some_and(inner))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_found(rule: fn(&Tree) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
        rule(&Tree::of(&[(path, text)])).into_iter().map(|finding| finding.line.unwrap_or(0)).collect()
    }

    #[test]
    fn a_module_without_its_question_is_found() {
        assert!(lines_found(module_docs, "a.rs", "//! What is it?\n").is_empty());
        assert_eq!(lines_found(module_docs, "a.rs", "use std::fmt;\n"), [1]);
        assert_eq!(lines_found(module_docs, "a.rs", ""), [1]);
        assert!(lines_found(module_docs, "proto/generated/a.rs", "use std::fmt;\n").is_empty());
        assert!(lines_found(module_docs, "src/amount/tests.rs", "use super::*;\n").is_empty());
    }

    #[test]
    fn a_name_that_says_nothing_is_found() {
        assert_eq!(lines_found(file_names, "src/utils.rs", ""), [0]);
        assert_eq!(lines_found(file_names, "src/common/mod.rs", ""), [0]);
        assert!(lines_found(file_names, "src/uncommon.rs", "").is_empty());
    }

    #[test]
    fn a_long_file_is_found() {
        assert!(lines_found(length, "a.rs", &"x\n".repeat(LINES_MAX)).is_empty());
        assert_eq!(lines_found(length, "a.rs", &"x\n".repeat(LINES_MAX + 1)), [0]);
    }

    #[test]
    fn what_is_left_open_is_found() {
        for marker in MARKERS {
            assert_eq!(lines_found(left_open, "a.rs", &format!("fine\n  {marker} later")), [2], "{marker}");
        }
        assert!(lines_found(left_open, "a.rs", "let MAXXXL = 1; // a mastodon").is_empty());
    }

    #[test]
    fn a_test_that_is_switched_off_is_found() {
        assert_eq!(lines_found(ignored_tests, "a.rs", &format!("#[test]\n{IGNORE}]\nfn a() {{}}")), [2]);
    }

    #[test]
    fn a_float_in_the_core_is_found() {
        let path = "crates/tokka-core/src/a.rs";
        assert_eq!(lines_found(floats, path, "fn a(x: f64) {}\n// an f64 would lie\nlet buf32 = 1;"), [1]);
        assert!(lines_found(floats, "crates/tokka/src/a.rs", "fn a(x: f64) {}").is_empty());
    }

    #[test]
    fn an_exception_without_a_reason_is_found() {
        let text = "#[expect(clippy::panic)]\n#[allow(x, reason = \"y\")]\n#[expect(\n    a,\n    reason = \"b\"\n)]\n#[allow(\n a\n)]\n";
        assert_eq!(lines_found(reasons_of_exceptions, "a.rs", text), [1, 7]);
    }
}
