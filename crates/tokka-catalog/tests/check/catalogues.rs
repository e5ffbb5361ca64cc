//! Has each small catalogue exactly the findings that its first lines say? One or more a code, in `findings/`.
//!
//! `# expect: severity CODE kind id: path: message {numbers} (others)`, once for each finding, in their order. A file is
//! loaded beside `beside.yaml`, or by itself where it says `# alone`; `# products:` is a line of the products, and `# at:`
//! the moment.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use tokka_catalog::check::{Code, Finding, Number, Severity, check, percent};
use tokka_catalog::{Loaded, Problems, Products, Source, load_to_check, read_folder};
use tokka_core::amount::major;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What is told of one finding.
pub(crate) fn told(finding: &Finding, loaded: &Loaded, products: Option<&Products>) -> String {
    let id = |document: tokka_catalog::check::Document| document.id(loaded, products).unwrap_or("which is not there").to_owned();
    let exponent = loaded.settings.pricing.exponent;
    let number = |(name, number): &(&str, Number)| match number {
        Number::Amount(amount) => format!("{name} {}", major(*amount, exponent)),
        Number::Percent(micro) => format!("{name} {} %", percent(*micro)),
        Number::Count(count) => format!("{name} {count}"),
    };
    let numbers: Vec<String> = finding.numbers.iter().map(number).collect();
    let others: Vec<String> = finding.others.iter().map(|other| format!("{} {}", other.kind(), id(*other))).collect();
    let weight = if finding.acknowledged { "acknowledged" } else { finding.severity.name() };
    let (kind, document) = (finding.document.kind(), id(finding.document));
    let mut text = format!("{weight} {} {kind} {document}: {}: {}", finding.code, finding.path, finding.message);
    if !numbers.is_empty() {
        text.push_str(&format!(" {{{}}}", numbers.join(", ")));
    }
    if !others.is_empty() {
        text.push_str(&format!(" ({})", others.join(", ")));
    }
    text
}

/// All that is told of files.
fn all_told(sources: &[Source], products: Option<&Source>, at: Timestamp) -> Result<(Vec<String>, Vec<Finding>), Problems> {
    let (loaded, products) = load_to_check(sources, products)?;
    let report = check(&loaded, products.as_ref(), at);
    let texts = report.findings.iter().map(|finding| told(finding, &loaded, products.as_ref())).collect();
    Ok((texts, report.findings))
}

#[test]
fn each_catalogue_has_exactly_the_findings_that_it_says() {
    let folder = root().join("crates/tokka-catalog/tests/findings");
    let mut paths: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let beside = Source::read(&folder.join("beside.yaml")).unwrap();
    let (mut wrong, mut found) = (Vec::new(), BTreeSet::new());
    for path in paths.iter().filter(|path| !path.ends_with("beside.yaml")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(path).unwrap();
        let lines = |mark: &str| text.lines().filter_map(move |line| line.strip_prefix(mark)).collect::<Vec<_>>();
        let products = lines("# products: ").join("\n");
        let products = Source { name: "products.csv".to_owned(), text: products };
        let at = lines("# at: ").first().copied().unwrap_or("2026-11-25T00:00:00Z").parse().unwrap();
        let file = Source { name: name.clone(), text: text.clone() };
        let sources = if text.starts_with("# alone") { vec![file] } else { vec![beside.clone(), file] };
        let (told, findings) = all_told(&sources, Some(&products).filter(|products| !products.text.is_empty()), at).unwrap();
        found.extend(findings.iter().map(|finding| finding.code));
        if told != lines("# expect: ") {
            wrong.push(format!("{name}\n{}", told.iter().map(|told| format!("# expect: {told}\n")).collect::<String>()));
        }
    }
    assert!(wrong.is_empty(), "{} are told otherwise:\n{}", wrong.len(), wrong.join("\n"));
    let untold: Vec<&str> = Code::ALL.iter().filter(|code| !found.contains(code)).map(|code| code.name()).collect();
    assert!(untold.is_empty(), "no catalogue shows {untold:?}");
}

#[test]
fn the_examples_have_no_finding_but_these() {
    let mut all = Vec::new();
    for shop in ["marketplace", "us-store"] {
        let sources = read_folder(&root().join("examples").join(shop)).unwrap();
        let products = Source::read(&root().join(format!("examples/{shop}.products.csv"))).unwrap();
        let (told, findings) = all_told(&sources, Some(&products), "2026-11-25T00:00:00Z".parse().unwrap()).unwrap();
        assert!(!findings.iter().any(Finding::blocks), "{told:#?}");
        // Overlaps are what these examples are about: the customer chooses.
        let odd = findings.iter().zip(told).filter(|(finding, _)| finding.severity > Severity::Note);
        all.extend(odd.map(|(_, told)| told));
    }
    let expected = fs::read_to_string(root().join("crates/tokka-catalog/tests/check/examples.txt")).unwrap();
    assert_eq!(all, expected.lines().collect::<Vec<_>>(), "told is\n{}\n", all.join("\n"));
}
