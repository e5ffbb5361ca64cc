//! Is a scenario or basket that cannot be run told as it should be, and does one that comes out otherwise say how?

use std::path::Path;

use tokka_catalog::Source;
use tokka_scenario::{Report, RunResult, basket, run_source};

/// A scenario of 15 lines that is right.
const RIGHT: &str = r#"kind: scenario
name: ten off
currency: USD
promotions:
  - {id: ten, name: ten, owner: shop, limits: {stock: 5}, item_price: {percent_off: "10"}}
used:
  ten: {stock: 1}
basket:
  at: "2026-11-11T10:00:00Z"
  lines:
    - {line_id: a, sku: pen, store: shop, unit_price: "1.05", quantity: 2}
expect:
  payable: "1.88"
  lines:
    a: {item: "0.22", units: ["0.94", "0.94"]}
"#;

fn run(text: &str) -> Report {
    let source = Source { name: "s.yaml".to_owned(), text: text.to_owned() };
    let mut reports = run_source(&source, Path::new("nowhere"));
    assert_eq!(reports.len(), 1, "{reports:#?}");
    reports.remove(0)
}

/// What is told of the right scenario with one change.
fn told(from: &str, to: &str) -> Vec<String> {
    assert_eq!(RIGHT.matches(from).count(), 1, "`{from}` stands once in the scenario");
    match run(&RIGHT.replace(from, to)).result {
        RunResult::Passed => vec!["passed".to_owned()],
        RunResult::Failed(differences) => differences.iter().map(ToString::to_string).collect(),
        RunResult::Broken(problems) => problems.into_iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_right_one_passes() {
    let report = run(RIGHT);
    assert!(report.passed(), "{report}");
    assert_eq!(report.to_string(), "passed s.yaml:1 ten off");
}

#[test]
fn what_cannot_be_run_is_told_at_its_line() {
    let cases = [
        (
            "quantity: 2",
            "quantty: 2",
            &[
                "s.yaml:11:7: basket.lines[0].quantity: is missing (write `quantity: …`)",
                "s.yaml:11:63: basket.lines[0].quantty: there is no such field (did you mean `quantity`?)",
            ][..],
        ),
        (
            "payable: \"1.88\"",
            "payable: 1.88",
            &["s.yaml:13:12: expect.payable: `1.88` is a float, which is not exact (quote it: \"1.88\")"],
        ),
        (
            "payable: \"1.88\"",
            "payable: \"1.885\"",
            &["s.yaml:13:12: expect.payable: `1.885` has more decimals than USD has, which is 2 (write major units of the \
             catalogue's currency, such as 1980 or \"12.50\")"],
        ),
        (
            "  at: \"2026-11-11T10:00:00Z\"\n",
            "",
            &["s.yaml:9:3: basket.at: is missing (a scenario has a moment: write `at: \"2026-11-11T10:00:00+09:00\"`)"],
        ),
        (
            "currency: USD\n",
            "",
            &["s.yaml:1:1: currency: is missing (write it, or name a catalogue that has a document of kind `catalogue`)"],
        ),
        ("  ten: {stock: 1}", "  tn: {stock: 1}", &["s.yaml:7:3: used.tn: no promotion is called `tn` (did you mean `ten`?)"]),
        (
            "  ten: {stock: 1}",
            "  ten: {units: 1}",
            &[
                "s.yaml:7:9: used.ten.units: is not counted here, but stock or budget is (write it under the key that it belongs to)",
            ],
        ),
        (
            "  ten: {stock: 1}",
            "  ten/pen: {stock: 1}",
            &["s.yaml:7:3: used.ten/pen: is not the key of a counter (write `<promotion>`, `<promotion>/sku/<sku>`, \
             `<promotion>/user/<user>` or `gift/<gift>`)"],
        ),
        ("name: ten off\n", "", &["s.yaml:1:1: name: is missing (write `name: …`)"]),
        (
            "currency: USD\n",
            "currency: USD\ncatalogue: [c.yaml]\n",
            &["s.yaml:4:13: catalogue[0]: `nowhere/c.yaml` cannot be read: No such file or directory (os error 2)"],
        ),
        (
            "  payable: \"1.88\"",
            "  error: INVALID_ARGUMENT\n  payable: \"1.88\"",
            &["s.yaml:13:3: expect.error: stands beside other expectations (an error comes instead of all others)"],
        ),
        (
            "  payable: \"1.88\"",
            "  outcomes: {ten: APLIED}",
            &["s.yaml:13:19: expect.outcomes.ten: `APLIED` is not an outcome (did you mean `APPLIED`?)"],
        ),
        (
            "percent_off: \"10\"",
            "percent_off: \"110\"",
            &[
                "s.yaml:5:85: promotions[0].item_price.percent_off: `110` is not a percentage (a percentage is above 0 and at most 100)",
            ],
        ),
        (
            "owner: shop, ",
            "owner: shop, stacking: {sett: true}, ",
            &["s.yaml:5:50: promotions[0].stacking.sett: there is no such field (did you mean `set`?)"],
        ),
        ("quantity: 2", "quantity: 0", &["s.yaml:11:63: basket.lines[0].quantity: `0` is not between 1 and 999999"]),
        (
            "kind: scenario",
            "kind: scenery",
            &["s.yaml:1:1: kind: is not `kind: scenario` (a file of scenarios holds these, and documents of their catalogue)"],
        ),
    ];
    let wrong: Vec<_> = cases
        .iter()
        .map(|(from, to, expected)| (told(from, to), expected, to))
        .filter(|(told, expected, _)| told != *expected)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_comes_out_otherwise_is_told_with_both_sides() {
    let cases = [
        ("payable: \"1.88\"", "payable: \"1.89\"", &["payable: expected 1.89, got 1.88"][..]),
        ("[\"0.94\", \"0.94\"]", "[\"0.95\", \"0.94\"]", &["lines.a.units: expected 1 × 0.95, 1 × 0.94, got 2 × 0.94"]),
        ("    a: {", "    b: {", &["lines.b: expected a line, got no line of this id"]),
        ("  payable: \"1.88\"", "  subtotals: {mart: 1}", &["subtotals.mart: expected 1.00, got 0.00"]),
        (
            "  payable: \"1.88\"",
            "  outcomes: {ten: NO_BENEFIT}",
            &["outcomes.ten: expected NO_BENEFIT, got APPLIED (discount 0.22)"],
        ),
        ("  payable: \"1.88\"", "  gifts: [{gift: mug, quantity: 1}]", &["gifts: expected 1 × mug, got none"]),
        ("  payable: \"1.88\"", "  hints: {ten: {missing: 1}}", &["hints.ten: expected a hint, got no hint"]),
        ("  payable: \"1.88\"", "  certificate: PROVEN", &["certificate: expected PROVEN, got none"]),
        (
            "stock: 1}",
            "stock: 5}",
            &[
                "payable: expected 1.88, got 2.10",
                "lines.a.item: expected 0.22, got 0.00",
                "lines.a.units: expected 2 × 0.94, got 2 × 1.05",
            ],
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(told(from, to), expected, "{from} -> {to}");
    }
}

#[test]
fn a_refusal_that_is_expected_passes_and_a_wrong_field_is_none() {
    let expect_error = |text: &str| {
        let head = text.split("expect:").next().unwrap_or_default();
        run(&format!("{head}expect:\n  error: INVALID_ARGUMENT\n")).result
    };
    assert_eq!(expect_error(&RIGHT.replace("quantity: 2", "quantity: 0")), RunResult::Passed);
    assert_eq!(expect_error(&RIGHT.replace("percent_off: \"10\"", "percent_off: \"110\"")), RunResult::Passed);
    assert!(matches!(expect_error(&RIGHT.replace("quantity", "quantty")), RunResult::Broken(_)), "a slip is no refusal");
    let RunResult::Failed(differences) = expect_error(RIGHT) else { panic!("it is priced") };
    assert_eq!(differences[0].to_string(), "error: expected INVALID_ARGUMENT, got none");
}

/// What comes of the right scenario beside other documents.
fn beside(others: &str) -> Vec<String> {
    let source = Source { name: "s.yaml".to_owned(), text: format!("{RIGHT}---\n{others}") };
    run_source(&source, Path::new("nowhere")).iter().map(ToString::to_string).collect()
}

#[test]
fn documents_beside_scenarios_are_of_the_catalogue_of_each() {
    assert_eq!(beside(RIGHT), ["passed s.yaml:1 ten off", "passed s.yaml:17 ten off"]);
    let promotion = "kind: promotion\nid: more\nname: more\nowner: shop\nspend: {tiers: [{threshold: 1, amount_off: 1}]}\n";
    let store = "kind: store\nid: shop\nname: Shop\n";
    let draft = beside(&format!("{store}---\n{promotion}"));
    assert_eq!(draft, ["passed s.yaml:1 ten off"], "a document is a draft, as in every catalogue");
    let live = beside(&format!("{promotion}status: published\n---\n{RIGHT}"));
    assert_eq!(live.len(), 2);
    for told in live {
        assert!(told.contains("payable        expected     1.88  got 0.88"), "{told}");
    }
    let settings = beside("kind: catalogue\ncurrency: JPY\n");
    assert_eq!(settings.len(), 1);
    assert!(settings[0].contains("s.yaml:3:1: currency: is not what the catalogue document says"), "{settings:?}");
    let wrong = beside("kind: store\nid: shop\nnam: Shop\n");
    assert_eq!(wrong.len(), 1);
    assert!(wrong[0].contains("s.yaml:19:1: nam: there is no such field (did you mean `name`?)"), "{wrong:?}");
}

#[test]
fn what_no_scenario_uses_is_told() {
    let told = beside("kind: basket\ncurrency: JPY\nlines: []\n");
    let expected = "BROKEN s.yaml:17 \n    s.yaml:17:1: kind: is a basket, which no scenario uses (write it as `basket` of a scenario, or in a file of its own)";
    assert_eq!(told, ["passed s.yaml:1 ten off", expected]);
    for alone in ["kind: store\nid: shop\nname: Shop\n", "kind: basket\nlines: []\n"] {
        let alone = Source { name: "c.yaml".to_owned(), text: alone.to_owned() };
        assert!(run_source(&alone, Path::new("nowhere")).is_empty(), "a file of another kind holds no scenario");
    }
}

#[test]
fn a_file_that_names_its_own_folder_is_not_read_twice() {
    let folder = tempfile::tempdir().unwrap();
    let text = RIGHT.replace("promotions:\n  - {", "catalogue: [.]\npromotions:\n  - {");
    std::fs::write(folder.path().join("s.yaml"), format!("{text}---\nkind: store\nid: shop\nname: Shop\n")).unwrap();
    let reports = tokka_scenario::run_file(&folder.path().join("s.yaml"));
    assert_eq!(reports.len(), 1);
    assert!(reports[0].passed(), "{}", reports[0]);
}

#[test]
fn a_basket_says_its_currency_or_why_it_is_none() {
    let text = "kind: basket\ncurrency: JPY\nuser: u1\nlines: [{line_id: a, sku: pen, store: shop, unit_price: 100, quantity: 1}]\n\
                used: {ten/user/u1: {units: 1}}\n";
    let read = basket::read("b.yaml", text).unwrap();
    assert_eq!((read.request.currency.as_str(), read.request.lines[0].unit_price, read.at_written), ("JPY", 100, false));
    let told = |text: &str| basket::read("b.yaml", text).unwrap_err().to_string();
    let cases = [
        ("currency: JPY\n", "", "b.yaml:1:1: currency: is missing (write a code of ISO 4217: `currency: JPY`)"),
        (
            "currency: JPY",
            "currency: YEN",
            "b.yaml:2:11: currency: `YEN` is not a currency (write a code of ISO 4217 that has a minor unit, such as `JPY`, `USD`, `EUR`)",
        ),
        ("kind: basket", "kind: scenario", "b.yaml:1:1: kind: is not a basket (write `kind: basket`)"),
        ("100", "100.5", "b.yaml:4:57: lines[0].unit_price: `100.5` is a float, which is not exact (quote it: \"100.5\")"),
        ("user: u1", "usr: u1", "b.yaml:3:1: usr: there is no such field (did you mean `user`?)"),
        ("user: u1", "held: [x]", "b.yaml:3:1: held: goes with `coupons: auto` only (leave it out, or offer the coupons)"),
        ("user: u1", "coupons: save", "b.yaml:3:10: coupons: is neither a list of ids nor `auto` (write `[…]` or `auto`)"),
        (
            "{units: 1}",
            "{inventory: 1}",
            "b.yaml:5:22: used.ten/user/u1.inventory: is not counted here, but units or orders is (write it under the key that it belongs to)",
        ),
    ];
    for (from, to, expected) in cases {
        assert_eq!(told(&text.replace(from, to)), expected, "{from} -> {to}");
    }
    assert_eq!(told(""), "b.yaml: holds no basket (write `kind: basket` and its `lines`)");
    assert_eq!(told(&format!("{text}---\n{text}")), "b.yaml:7:1: is a second basket (write one basket a file)");
}
