//! Do the pages say what is there? The rules over documentation, pointers and reason codes.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

/// The only scripts: what a build server calls.
const SCRIPTS: [&str; 2] = [".ci/run", ".ci/delivery"];
/// Where the stable codes stand, each with its page.
const CODE_TABLES: [&str; 4] = [
    "crates/tokka-core/src/outcome.rs",
    "crates/tokka-server/src/error.rs",
    "crates/tokka-server/src/error/coupon.rs",
    "crates/tokka-server/src/error/operator.rs",
];
/// What the answer says by a field of its own, and not by a code: the file that has the field, and its page.
const SPOKEN: (&str, &str) = ("proto/tokka/v1/quote.proto", "GIFT_OUT_OF_STOCK");
const REASONS: &str = "docs/reasons/";
const MAP: &str = "ARCHITECTURE.md";

pub(super) fn outside(tree: &Tree) -> Vec<Finding> {
    // Written in two parts, or this file would break its own rule.
    let pointers = [concat!("../", "shared"), concat!("../", ".library"), concat!("/wor", "k/")];
    let mut findings = Vec::new();
    for (path, text) in tree.files() {
        for (index, line) in text.lines().enumerate() {
            if let Some(pointer) = pointers.iter().find(|pointer| line.contains(**pointer)) {
                findings.push(Finding::line(path, index, format!("`{pointer}` lies outside the project")));
            }
        }
    }
    findings
}

pub(super) fn registries(tree: &Tree) -> Vec<Finding> {
    // Written in two parts, like the pointers. The lock file is cargo's, and names where it found what it locked.
    let hosts = [concat!("crates", ".io"), concat!("pypi", ".org"), concat!("npmjs", ".com"), concat!("proxy.golang", ".org")];
    let mut findings = Vec::new();
    for (path, text) in tree.files().filter(|(path, _)| *path != "Cargo.lock") {
        for (index, line) in text.lines().enumerate() {
            if let Some(host) = hosts.iter().find(|host| line.contains(**host)) {
                findings.push(Finding::line(
                    path,
                    index,
                    format!("names the registry `{host}`: which one is the machine's to say"),
                ));
            }
        }
    }
    findings
}

/// What makes something of the API that callers read about: a type, a choice, a call, or a field with its number.
fn is_declaration(line: &str) -> bool {
    let begins = ["message ", "enum ", "service ", "rpc ", "oneof "].iter().any(|word| line.starts_with(word));
    let numbered = line.strip_suffix(';').and_then(|rest| rest.split_once(" = ")).is_some_and(|(_, number)| {
        let number = number.split_once(" [").map_or(number, |(number, _)| number);
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    begins || numbered
}

pub(super) fn api_comments(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".proto") {
        let mut above = "";
        for (index, line) in text.lines().map(str::trim).enumerate() {
            if is_declaration(line) && !above.starts_with("//") {
                findings.push(Finding::line(
                    path,
                    index,
                    format!("`{line}` has no comment: these comments are the reference of the API"),
                ));
            }
            above = line;
        }
    }
    findings
}

/// Every message is a class of its own, and the class that is left for the file has a name that no message has.
pub(super) fn java_options(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".proto") {
        let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".proto");
        let words = name.split('_').map(|word| {
            let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
            first.to_uppercase() + rest
        });
        let class = words.collect::<String>() + "Proto";
        let options = ["option java_multiple_files = true;".to_owned(), format!("option java_outer_classname = \"{class}\";")];
        for option in options {
            if !text.lines().any(|line| line == option) {
                findings.push(Finding::file(path, format!("lacks `{option}`: without it the API does not become Java")));
            }
        }
    }
    findings
}

pub(super) fn shell(tree: &Tree) -> Vec<Finding> {
    tree.files()
        .filter(|(path, text)| {
            let first = text.lines().next().unwrap_or_default();
            !SCRIPTS.contains(path) && (path.ends_with(".sh") || (first.starts_with("#!") && first.trim_end().ends_with("sh")))
        })
        .map(|(path, _)| Finding::file(path, "a shell script: write it as a chore of xtask"))
        .collect()
}

pub(super) fn reason_pages(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut codes = BTreeSet::new();
    for table in CODE_TABLES {
        match tree.text(table) {
            Some(text) => codes.extend(codes_in(text).map(|code| (code, table))),
            None => findings.push(Finding::file(table, "is not there: tell xtask where the codes stand now")),
        }
    }
    let (file, code) = SPOKEN;
    if tree.text(file).is_some_and(|text| text.contains(code)) {
        codes.insert((code, file));
    }
    for (code, table) in &codes {
        let page = format!("{REASONS}{code}.md");
        match tree.text(&page) {
            None => findings.push(Finding::file(*table, format!("`{code}` has no page `{page}`"))),
            Some(text) if text.lines().next() != Some(&format!("# {code}")) => {
                findings.push(Finding::line(page, 0, format!("does not begin with `# {code}`")));
            }
            Some(_) => {}
        }
    }
    for (path, _) in tree.ending(".md") {
        let code = path.strip_prefix(REASONS).and_then(|name| name.strip_suffix(".md")).filter(|name| *name != "README");
        if code.is_some_and(|code| !codes.iter().any(|(known, _)| *known == code)) {
            findings.push(Finding::file(path, "explains a code that nothing gives"));
        }
    }
    findings
}

/// The codes that a file gives: string literals of capitals, outside its tests.
fn codes_in(text: &str) -> impl Iterator<Item = &str> {
    let given = text.split("#[cfg(test)]").next().unwrap_or(text);
    let code = given.lines().filter(|line| !line.trim_start().starts_with("//"));
    let literals = code.flat_map(|line| line.split('"').skip(1).step_by(2));
    literals.filter(|literal| {
        literal.len() > 2
            && literal.starts_with(|first: char| first.is_ascii_uppercase())
            && literal.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    })
}

pub(super) fn code_map(tree: &Tree) -> Vec<Finding> {
    let Some(map) = tree.text(MAP) else {
        return vec![Finding::file(MAP, "is not there")];
    };
    let mut findings = Vec::new();
    let directories = tree.directories();
    let tops: BTreeSet<&str> = directories.iter().copied().filter(|path| !path.contains('/')).collect();
    let mut named = BTreeSet::new();
    for (index, line) in map.lines().enumerate() {
        // What stands between backticks and begins with a directory of the project is a path.
        for path in line.split('`').skip(1).step_by(2).filter(|text| !text.contains([' ', '<', '*', '{'])) {
            let inside = path.split_once('/').is_some_and(|(top, _)| tops.contains(top) || top.starts_with('.'));
            if inside && !tree.has(path) {
                findings.push(Finding::line(MAP, index, format!("`{path}` does not exist")));
            }
            if path.ends_with('/') {
                named.insert(path.trim_end_matches('/'));
            }
        }
    }
    for directory in directories {
        if on_the_map(directory) && !named.contains(directory) {
            findings.push(Finding::file(MAP, format!("the code map does not name `{directory}/`")));
        }
    }
    findings
}

/// A directory that a newcomer has to know: the first two levels, but for those that cargo names in every crate. What
/// lies deeper is told by the first lines of its modules, and by the pages of the directory that it lies in.
fn on_the_map(directory: &str) -> bool {
    match directory.split('/').collect::<Vec<_>>().as_slice() {
        [_] => true,
        [_, inside] => !["src", "tests", "benches"].contains(inside),
        _ => false,
    }
}

pub(super) fn links(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.ending(".md") {
        let from = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        for (index, line) in text.lines().enumerate() {
            for target in line.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = target.split('#').next().unwrap_or(target);
                let elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
                if !elsewhere && !resolve(from, target).is_some_and(|path| path.is_empty() || tree.has(&path)) {
                    findings.push(Finding::line(path, index, format!("links to `{target}`, which is not there")));
                }
            }
        }
    }
    findings
}

/// The path that `target` means in a page of the directory `from`; `None` where it leaves the project.
fn resolve(from: &str, target: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(findings: Vec<Finding>) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_pointer_out_of_the_project_is_found() {
        let pointer = concat!("see ../", "shared/x");
        assert_eq!(outside(&Tree::of(&[("a.md", pointer), ("b.md", "see ./b")])).len(), 1);
    }

    #[test]
    fn a_registry_that_is_named_is_found() {
        let named = concat!("see https://crates", ".io/crates/x");
        assert_eq!(registries(&Tree::of(&[("a.md", named), ("Cargo.lock", named), ("b.md", "a crate, io and all")])).len(), 1);
    }

    #[test]
    fn a_field_without_a_comment_is_found() {
        let good = "syntax = \"proto3\";\n\n// A.\nmessage A {\n  // B.\n  int64 b = 1;\n  // C.\n  oneof c {\n    // D.\n    string d = 2;\n  }\n}\n";
        assert!(api_comments(&Tree::of(&[("proto/a.proto", good)])).is_empty());
        let bad =
            "// A.\nmessage A {\n  int64 b = 1;\n  // C.\n  int64 c = 2;\n  int64 d = 3 [deprecated = true];\n}\n\nenum E {\n}\n";
        assert_eq!(api_comments(&Tree::of(&[("proto/a.proto", bad)])).len(), 3);
    }

    #[test]
    fn a_file_that_does_not_become_java_is_found() {
        let whole = "option java_multiple_files = true;\noption java_outer_classname = \"PriceTagProto\";\n";
        assert!(java_options(&Tree::of(&[("proto/price_tag.proto", whole)])).is_empty());
        assert_eq!(java_options(&Tree::of(&[("proto/tag.proto", whole), ("proto/a.proto", "")])).len(), 3);
    }

    #[test]
    fn another_script_is_found() {
        let tree = Tree::of(&[(SCRIPTS[0], "#!/usr/bin/env bash\n"), ("x/run", "#!/bin/sh\n"), ("y.sh", ""), ("z.rs", "#![x]")]);
        assert_eq!(shell(&tree).len(), 2);
    }

    #[test]
    fn codes_and_pages_answer_each_other() {
        let outcome = "Self::A => \"AUDIENCE\",\n// \"NO_CODE\"\nSelf::Stock => \"stock\",\n#[cfg(test)]\n\"TEST_ONLY\"";
        let tree = Tree::of(&[
            (CODE_TABLES[0], outcome),
            (CODE_TABLES[1], "reason: \"ETAG\""),
            (CODE_TABLES[2], ""),
            (CODE_TABLES[3], ""),
            ("docs/reasons/AUDIENCE.md", "# AUDIENCE\n"),
            ("docs/reasons/GONE.md", "# GONE\n"),
            ("docs/reasons/README.md", "# Reasons\n"),
        ]);
        assert_eq!(
            messages(reason_pages(&tree)),
            [
                "crates/tokka-server/src/error.rs: `ETAG` has no page `docs/reasons/ETAG.md`",
                "docs/reasons/GONE.md: explains a code that nothing gives",
            ]
        );
        let moved = Tree::of(&[(CODE_TABLES[0], outcome), ("docs/reasons/AUDIENCE.md", "# Audience\n")]);
        assert_eq!(reason_pages(&moved).len(), 3);
    }

    #[test]
    fn the_map_names_what_exists_and_nothing_else() {
        let map = "`crates/`, `crates/a/` and `crates/gone/`; `x/y` is no path of ours; `crates/a/src/lib.rs` is";
        let tree = Tree::of(&[(MAP, map), ("crates/a/src/lib.rs", ""), ("crates/b/src/set.rs", ""), ("k8s/base.yaml", "")]);
        assert_eq!(
            messages(code_map(&tree)),
            [
                "ARCHITECTURE.md:1: `crates/gone/` does not exist",
                "ARCHITECTURE.md: the code map does not name `crates/b/`",
                "ARCHITECTURE.md: the code map does not name `k8s/`",
            ]
        );
    }

    #[test]
    fn a_link_to_nowhere_is_found() {
        let page = "[a](../README.md#top) [b](x.md) [c](https://example.org) [d](../../out.md) [e](#here)";
        let tree = Tree::of(&[("README.md", ""), ("docs/page.md", page)]);
        assert_eq!(
            messages(links(&tree)),
            [
                "docs/page.md:1: links to `x.md`, which is not there",
                "docs/page.md:1: links to `../../out.md`, which is not there"
            ]
        );
    }
}
