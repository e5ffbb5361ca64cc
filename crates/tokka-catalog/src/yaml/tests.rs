use super::*;

fn documents(text: &str) -> Vec<Document> {
    Documents::new("t.yaml", text).collect()
}

fn only(text: &str) -> Node {
    let mut documents = documents(text);
    assert_eq!(documents.len(), 1, "{documents:?}");
    let document = documents.remove(0);
    assert!(document.problems.is_empty(), "{:?}", document.problems);
    document.root.unwrap()
}

fn problems(text: &str) -> Vec<String> {
    documents(text).iter().flat_map(|document| &document.problems).map(ToString::to_string).collect()
}

#[test]
fn nodes_know_their_places() {
    let root = only("a: 1\nb:\n  - x\n  - {c: \"2\"}\n");
    assert_eq!(root.entry("b").map(|entry| (entry.line, entry.column)), Some((2, 1)));
    assert_eq!(root.locate("b[0]"), (3, 5));
    assert_eq!(root.locate("b[1].c"), (4, 6));
    assert_eq!(root.locate("b[7].c"), (2, 1), "as far as there is something");
    assert_eq!(root.locate(""), (1, 1));
}

#[test]
fn a_path_finds_keys_that_hold_points_and_brackets() {
    let root = only("s:\n  a: 1\n  a.b: {c: 2}\n  x[1]: 3\n");
    assert_eq!(root.locate("s.a.b.c"), (3, 9));
    assert_eq!(root.locate("s.a"), (2, 3));
    assert_eq!(root.locate("s[x[1]]"), (4, 3));
    assert_eq!(root.locate("s[a.b].c"), (3, 9));
}

#[test]
fn scalars_resolve_as_the_core_schema_says() {
    let resolved = |text: &str| Scalar { text: text.into(), plain: true }.resolve();
    for text in ["0", "-1", "+7", "007", "0x1F", "0o17", "99999999999999999999"] {
        assert_eq!(resolved(text), Resolved::Integer, "{text}");
    }
    for text in ["1.0", ".5", "1.", "-1e3", "1E-2", ".inf", "-.INF", ".nan"] {
        assert_eq!(resolved(text), Resolved::Float, "{text}");
    }
    for text in ["yes", "on", "10:00", "1_000", "0b1", "e3", "-", ".", "1.2.3", "2026-11-11"] {
        assert_eq!(resolved(text), Resolved::Text, "{text}");
    }
    assert_eq!(resolved("~"), Resolved::Null);
    assert_eq!(resolved("True"), Resolved::Bool(true));
    assert_eq!(Scalar { text: "1".into(), plain: false }.resolve(), Resolved::Text);
}

#[test]
fn json_is_read_as_it_is_written() {
    let root = only("{\n\t\"a\": [1, 2.5, null, true, \"x\\u00e9\\n\"],\n\t\"b\": {}\n}\n");
    let expected = serde_json::json!({"a": [1, 2.5, null, true, "xé\n"], "b": {}});
    assert_eq!(root.to_json(), expected);
}

#[test]
fn several_documents_and_empty_ones() {
    let documents = documents("a: 1\n---\n---\n# nothing\n---\nb: 2\n...\n");
    let numbers: Vec<_> = documents.iter().map(|document| (document.number, document.root.as_ref().map(Node::is_null))).collect();
    assert_eq!(numbers, [(0, Some(false)), (1, Some(true)), (2, Some(true)), (3, Some(false))]);
    assert_eq!(Documents::new("t", "").count(), 0);
    assert_eq!(only("\u{feff}a: 1").locate("a"), (1, 1));
}

#[test]
fn what_is_refused_is_refused_at_its_place() {
    assert_eq!(problems("a: 1\nb: 2\na: 3\n"), ["t.yaml:3:1: `a` is written twice, first on line 1 (leave one of them out)"]);
    let many: String = (0..40).map(|i| format!("k{i}: {i}\n")).collect();
    assert_eq!(problems(&format!("{many}k7: x\n")).len(), 1);
    assert!(problems("a: &x 1\nb: *x\n").iter().any(|text| text.starts_with("t.yaml:2:4: is an alias")));
    assert!(problems("a: !!str 1\n").iter().any(|text| text.contains("has a tag")));
    assert!(problems("? [a]\n: 1\nb: 2").iter().any(|text| text.contains("cannot be the name of a field")));
    assert!(problems(&"[".repeat(100)).iter().any(|text| text.contains("nested more than 64 deep")));
}

#[test]
fn after_an_error_of_syntax_the_next_document_is_read() {
    let text = "a: [1\n---\nb: 2\n---\nc: }\n---\nd: 4\nd: 5\n";
    let found = problems(text);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("t.yaml:2:1: is not YAML"), "{found:?}");
    assert!(found[1].starts_with("t.yaml:5:4: is not YAML"), "{found:?}");
    assert!(found[2].starts_with("t.yaml:8:1: `d` is written twice"), "{found:?}");
    let readable = documents(text).iter().filter(|document| document.root.is_some()).count();
    assert_eq!(readable, 2);
}
