//! Do all scenarios of the project pass, and do they and the baskets of the examples obey their schemas?

use std::path::{Path, PathBuf};

use tokka_catalog::yaml::{Documents, Node};
use tokka_catalog::{Problems, Source, read_folder};
use tokka_scenario::{Report, RunResult, run_file, schema};

/// Names the scenarios that need what is not built yet.
const AWAITING: &str = include_str!("../../../tests/scenarios/awaiting.txt");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios")
}

/// The path of a file below the folder of scenarios, with `/` between its parts.
fn relative(source: &Source) -> String {
    let path = Path::new(&source.name).strip_prefix(folder()).unwrap_or(Path::new(&source.name));
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The documents of a source.
fn roots(source: &Source) -> Vec<Node> {
    Documents::new(&source.name, &source.text).filter_map(|document| document.root).collect()
}

/// What a schema has to say against a document.
fn complaints(validator: &jsonschema::Validator, root: &Node) -> Vec<String> {
    validator.iter_errors(&root.to_json()).map(|error| format!("{}: {error}", error.instance_path())).collect()
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
    let awaiting: Vec<&str> = AWAITING.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).collect();
    let (mut run, mut wrong, mut awaited) = (0, Vec::new(), Vec::new());
    for source in read_folder(&folder()).unwrap() {
        let file = relative(&source);
        for report in run_file(Path::new(&source.name)) {
            run += 1;
            if awaiting.contains(&file.as_str()) {
                awaited.push(file.clone());
                if !is_unimplemented(&report) {
                    wrong.push(format!("{report}\n    (is in awaiting.txt: it must fail as UNIMPLEMENTED, or leave the list)"));
                }
            } else if !report.passed() {
                wrong.push(report.to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {run} scenarios:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(awaited, awaiting, "what awaiting.txt names is there, once and in this order");
    assert!(run >= 100, "{run} scenarios were run");
}

#[test]
fn all_scenarios_obey_the_schema() {
    let schema = schema("scenario").unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut seen = 0;
    for source in read_folder(&folder()).unwrap() {
        let file = relative(&source);
        for root in roots(&source).iter().filter(|root| root.get("kind").and_then(Node::text) == Some("scenario")) {
            // What is refused may be refused by its shape.
            let errors = complaints(&validator, root);
            assert!(errors.is_empty() || file.starts_with("error/"), "{file}: {errors:#?}");
            seen += 1;
        }
    }
    assert!(seen >= 100, "{seen} scenarios were seen");
}

#[test]
fn the_baskets_of_the_examples_are_read_and_obey_the_schema() {
    let baskets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/baskets");
    let validator = jsonschema::validator_for(&schema("basket").unwrap()).unwrap();
    let sources = read_folder(&baskets).unwrap();
    assert!(sources.len() >= 10);
    for source in &sources {
        for root in roots(source) {
            let errors = complaints(&validator, &root);
            assert!(errors.is_empty(), "{}: {errors:#?}", source.name);
        }
        let basket: Result<_, Problems> = tokka_scenario::basket::read(&source.name, &source.text);
        let basket = basket.unwrap_or_else(|problems| panic!("{problems}"));
        assert!(!basket.request.lines.is_empty() && !basket.request.currency.is_empty(), "{}", source.name);
    }
}
