//! Do all scenarios of the project pass, and do they obey the schema?

use std::fs;
use std::path::{Path, PathBuf};

use tokka_catalog::yaml::{Documents, Node};
use tokka_scenario::{Report, RunResult, run_file, schema};

/// They need `strategy: best` or `coupons: auto`, and fail as `UNIMPLEMENTED` until the search is built.
const WAITING: [&str; 4] = [
    "best/coupons-auto-two-owners.yaml",
    "best/coupons-auto.yaml",
    "best/gives-up-the-flash-price.yaml",
    "best/line-by-line.yaml",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios")
}

/// Paths of the files below a folder, relative to it.
fn files() -> Vec<String> {
    let mut files = Vec::new();
    let mut folders = vec![folder()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "yaml") {
                files.push(path.strip_prefix(folder()).unwrap().to_string_lossy().into_owned());
            }
        }
    }
    files.sort();
    files
}

/// Does it fail because something is not built yet, and for nothing else?
fn is_unimplemented(report: &Report) -> bool {
    match &report.result {
        RunResult::Failed(differences) => {
            differences.iter().all(|difference| difference.what == "error" && difference.actual.starts_with("UNIMPLEMENTED"))
        }
        _ => false,
    }
}

#[test]
fn all_scenarios_come_out_as_they_were_worked_out() {
    let (mut run, mut wrong, mut waiting) = (0, Vec::new(), Vec::new());
    for file in files() {
        for report in run_file(&folder().join(&file)) {
            run += 1;
            if WAITING.contains(&file.as_str()) {
                waiting.push(file.clone());
                if !is_unimplemented(&report) {
                    wrong.push(format!("{report}\n    (is named in WAITING: it must fail as UNIMPLEMENTED, or leave the list)"));
                }
            } else if !report.passed() {
                wrong.push(report.to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {run} scenarios:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(waiting, WAITING);
    assert!(run >= 64, "{run} scenarios were run");
}

#[test]
fn all_scenarios_obey_the_schema() {
    let schema = schema("scenario").unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut seen = 0;
    for file in files() {
        let text = fs::read_to_string(folder().join(&file)).unwrap();
        for root in Documents::new(&file, &text).filter_map(|document| document.root) {
            if root.get("kind").and_then(Node::text) == Some("scenario") {
                let errors: Vec<String> =
                    validator.iter_errors(&root.to_json()).map(|error| format!("{}: {error}", error.instance_path())).collect();
                // What is refused may be refused by its shape.
                assert!(errors.is_empty() || file.starts_with("error/"), "{file}: {errors:#?}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 64, "{seen} scenarios were seen");
}

#[test]
fn the_baskets_of_the_examples_obey_the_schema() {
    let baskets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/baskets");
    let validator = jsonschema::validator_for(&schema("basket").unwrap()).unwrap();
    let sources = tokka_catalog::read_folder(&baskets).unwrap();
    assert!(sources.len() >= 10);
    for source in &sources {
        for root in Documents::new(&source.name, &source.text).filter_map(|document| document.root) {
            let errors: Vec<String> =
                validator.iter_errors(&root.to_json()).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{}: {errors:#?}", source.name);
        }
        let currency = tokka_catalog::money::Currency::from_code("JPY").unwrap();
        let basket = tokka_scenario::read_basket(source, currency, jiff::Timestamp::UNIX_EPOCH);
        basket.unwrap_or_else(|problems| panic!("{problems}"));
    }
}
