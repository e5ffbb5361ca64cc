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
fn json_escapes_a_character_in_two_halves() {
    // 𠮷 and 😀, as many a writer of JSON escapes them.
    let text = r#"{"a": "\ud842\udfb7\u91ce \uD83D\uDE00", "b": {"\ud842\udfb7": 1, "c": 2}}"#;
    let root = only(text);
    assert_eq!(root.to_json(), serde_json::from_str::<serde_json::Value>(text).unwrap());
    assert_eq!(root.locate("b.c"), (1, 67), "as written");
    assert_eq!(only(r#"a: '\ud842\udfb7'"#).to_json(), serde_json::json!({"a": r"\ud842\udfb7"}), "no escape in single quotes");
    assert_eq!(only(r#"a: "\\ud842\\udfb7""#).to_json(), serde_json::json!({"a": r"\ud842\udfb7"}), "an escaped backslash");
    assert_eq!(only(r#"a: "\\\ud842\udfb7""#).to_json(), serde_json::json!({"a": "\\\u{20bb7}"}));

    let found = problems("a: \"\\ud842\\udfb7\"\n---\n{b: \"\\ud842\\udfb7\", b: 1}\n");
    assert_eq!(found, ["t.yaml:3:21: `b` is written twice, first on line 3 (leave one of them out)"]);
    for half in [r#"a: "\ud842""#, r#"a: "\ud842\u0041""#, r#"a: "\udfb7\ud842""#, r#"a: "\ud842 \udfb7""#, r#"a: "\ud842\udfb""#]
    {
        assert!(problems(half)[0].contains("is not YAML"), "{half}");
    }
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
    assert!(problems("a: !!str 1\n").iter().any(|text| text.contains("has a tag")));
    assert!(problems("? [a]\n: 1\nb: 2").iter().any(|text| text.contains("cannot be the name of a field")));
    assert!(problems(&"[".repeat(100)).iter().any(|text| text.contains("nested more than 64 deep")));
}

#[test]
fn an_alias_is_what_its_anchor_stands_for() {
    let root = only("a: &x {b: [1, two], c: &y \"3\"}\nd: *x\ne: [*y, *x]\n*y : f\n&k g: h\ni: *k\n");
    let map = serde_json::json!({"b": [1, "two"], "c": "3"});
    assert_eq!(root.to_json(), serde_json::json!({"a": map, "d": map, "e": ["3", map], "3": "f", "g": "h", "i": "g"}));
    assert_eq!(root.locate("a.b[1]"), (1, 15));
    assert_eq!(root.locate("d.b[1]"), (2, 4), "an error within it is told where it is used");
    assert_eq!(root.locate("e[1].c"), (3, 9));
    assert_eq!(only("a: &x 1\nb: *x\nc: &x 2\nd: *x\n").to_json(), serde_json::json!({"a": 1, "b": 1, "c": 2, "d": 2}));
    assert_eq!(only("a: &x\nb: *x\n").to_json(), serde_json::json!({"a": null, "b": null}));
}

#[test]
fn an_alias_needs_an_anchor_before_it_in_its_document() {
    let told = "is an alias (`*`) of an anchor that is not there";
    assert!(problems("a: *x\nb: &x 1\n")[0].starts_with(&format!("t.yaml:1:4: {told}")));
    let found = problems("a: &x 1\n---\nb: *x\n---\nc: 1\nc: 2\n");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with(&format!("t.yaml:3:4: {told}")), "{found:?}");
    let found = problems("a: &x [1, *x]\n");
    assert!(found[0].starts_with("t.yaml:1:11: is an alias (`*`) of what it stands in"), "{found:?}");
}

#[test]
fn fields_are_not_merged() {
    let found = problems("a: &x {b: 1}\nc: {<<: *x, d: 2}\n");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("t.yaml:2:5: `<<` merges fields in YAML 1.1"), "{found:?}");
    assert_eq!(only("{\"<<\": 1}").to_json(), serde_json::json!({"<<": 1}), "a text in quotes is a text");
}

#[test]
fn what_aliases_copy_is_bounded_for_the_whole_file() {
    // Ten times ten times …: 200 bytes that stand for 10^9 values.
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..9 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let told = "anchors (`&`) and aliases (`*`) copy more than 1000000 values in one file";
    let found = problems(&format!("{text}---\nb: 1\nb: 2\n"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains(told), "{found:?}");
    assert!(found[1].contains("`b` is written twice"), "the next document is read: {found:?}");

    let list = format!("a: &a [{}]\n", vec!["x"; 1_000].join(", "));
    let half = format!("{list}b: [{}]\n", vec!["*a"; 600].join(", "));
    assert!(problems(&half).is_empty());
    assert!(problems(&format!("{half}---\n{half}"))[0].contains(told), "documents of one file share the bound");
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(64_000), vec!["*a"; 1_000].join(", "));
    assert!(problems(&long)[0].contains(told), "a long text counts for what it is");

    let mut deep = "- &a0 [x]\n".to_owned();
    (1..100).for_each(|level| deep.push_str(&format!("- &a{level} [*a{}]\n", level - 1)));
    let found = problems(&deep);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("is nested more than 64 deep, with what its alias stands for"), "{found:?}");
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
