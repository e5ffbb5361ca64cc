//! Does the schema of each kind say what its decoding does?

use std::path::Path;

use super::*;
use crate::documents::schema;

fn validator(kind: &str) -> jsonschema::Validator {
    let schema = schema(kind).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn roots(source: &Source) -> Vec<Node> {
    Documents::new(&source.name, &source.text).filter_map(|document| document.root).filter(|root| !root.is_null()).collect()
}

#[test]
fn every_kind_has_a_schema_that_names_all_its_fields() {
    for kind in Kind::ALL {
        validator(kind.name());
        let schema = schema(kind.name()).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        // Each field of the schema is known to the decoder: a document of them all has no unknown field.
        let text: String = properties.keys().map(|field| format!("{field}: []\n")).collect();
        let problems = load(&[source("a.yaml", &text.replace("kind: []", &format!("kind: {}", kind.name())))]).unwrap_err();
        let unknown = problems.into_iter().find(|problem| problem.kind == ProblemKind::UnknownField);
        assert_eq!(unknown, None);
        assert_eq!(schema["additionalProperties"], false);
    }
    assert_eq!(schema("scenery"), None);
}

#[test]
fn the_examples_obey_the_schemas_and_load() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for folder in ["marketplace", "us-store"] {
        let sources = crate::source::read_folder(&examples.join(folder)).unwrap_or_else(|problems| panic!("{problems}"));
        let of_catalogue =
            |root: &Node| root.get("kind").and_then(Node::text).is_some_and(|kind| Kind::from_name(kind).is_some());
        for root in sources.iter().flat_map(roots).filter(of_catalogue) {
            let kind = root.get("kind").and_then(Node::text).unwrap();
            let errors: Vec<String> =
                validator(kind).iter_errors(&root.to_json()).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{folder}: {:?}: {errors:#?}", root.get("id").and_then(Node::text));
            seen += 1;
        }
        load(&sources).unwrap_or_else(|problems| panic!("{folder}: {problems}"));
    }
    assert!(seen > 50, "{seen}");
}

#[test]
fn what_decoding_refuses_by_its_shape_the_schema_refuses_too() {
    let promotion = |rest: &str| format!("kind: promotion\nid: p\nname: P\nowner: shop\n{rest}\n");
    let refused = [
        promotion("item_price: {fixed: 1}\nspend: {tiers: []}"),
        promotion("item_price: {fixed: 1, amount_off: 2}"),
        promotion("item_price: {}"),
        promotion("item_price: {fixed: 1.5}"),
        promotion("item_price: {percent_off: 5}"),
        promotion("item_price: {fixed: 1}\nstatus: open"),
        promotion("item_price: {fixed: 1}\npriority: high"),
        promotion("item_price: {fixed: 1}\ncolour: red"),
        promotion("item_price: {fixed: 1}\nschedule: [{from: '9:00', to: '10:00'}]"),
        promotion("coupon: {amount_off: 3, max_discount: 5}"),
        promotion("bundle: {components: [{skus: [a], categories: [b], quantity: 1}], fixed_total: 5}"),
        "kind: promotion\nname: P\nowner: shop\nitem_price: {fixed: 1}\n".to_owned(),
    ];
    let validator = validator("promotion");
    for text in refused {
        let root = roots(&source("a", &text)).remove(0);
        assert!(!validator.is_valid(&root.to_json()), "{text}");
        let problems = load(&[source("h", HEAD), source("s", SHOP), source("a", &text)]).unwrap_err();
        assert!(problems.into_iter().any(|problem| problem.file == "a"), "{text}");
    }
    let accepted = roots(&source("a", PROMOTION)).remove(0);
    assert!(validator.is_valid(&accepted.to_json()));
}
