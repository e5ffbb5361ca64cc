//! Do all scenarios of the project pass, and do they and the baskets of the examples obey their schemas?

use std::path::{Path, PathBuf};

use tokka_catalog::yaml::{Documents, Node};
use tokka_catalog::{Problems, Source, read_folder};
use tokka_scenario::{run_file, schema};

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

#[test]
fn all_scenarios_come_out_as_they_were_worked_out() {
    let (mut run, mut wrong) = (0, Vec::new());
    for source in read_folder(&folder()).unwrap() {
        for report in run_file(Path::new(&source.name)) {
            run += 1;
            if !report.passed() {
                wrong.push(report.to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {run} scenarios:\n{}", wrong.len(), wrong.join("\n"));
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
