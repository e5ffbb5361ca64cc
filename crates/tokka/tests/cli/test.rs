//! Does `tokka test` count scenarios, and show what came out otherwise?

use crate::process::{Folder, tokka};
use crate::shop::{CATALOGUE, scenario};

/// 5840 gross, 600 off two masks, 500 by the coupon.
const PAYABLE: i64 = 4740;

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
}

fn words(row: &str) -> Vec<&str> {
    row.split_whitespace().collect()
}

#[test]
fn scenarios_that_pass_are_counted() {
    let folder = Folder::with(&[
        ("catalogue.yaml", CATALOGUE),
        ("one.yaml", &scenario("one", PAYABLE)),
        ("deeper/two.yml", &scenario("two", PAYABLE).replace("[catalogue.yaml]", "[../catalogue.yaml]")),
        ("notes.txt", "not a scenario"),
    ]);
    let answer = tokka(&["test", &folder.text("")]).ended(0);
    assert_eq!(answer.stdout, "2 passed, 0 failed\n");
    let answer = tokka(&["test", &folder.text("one.yaml"), &folder.text("deeper")]).ended(0);
    assert_eq!(answer.stdout, "2 passed, 0 failed\n");
    let answer = tokka(&["test", "--verbose", &folder.text("one.yaml")]).ended(0).says("passed one (");
    assert_eq!(last_line(&answer.stdout), "1 passed, 0 failed");
}

#[test]
fn a_difference_is_shown_side_by_side() {
    let text = scenario("dear", PAYABLE + 1) + "  subtotals: {shop: 5240}\n  lines: {a: {payable: 2931, item: 599}}\n";
    let folder = Folder::with(&[("catalogue.yaml", CATALOGUE), ("s.yaml", &text)]);
    let answer = tokka(&["test", &folder.text("s.yaml")]).ended(1).says("FAILED dear (").says("s.yaml:1)");
    let rows: Vec<&str> = answer.stdout.lines().collect();
    let of = |name: &str| rows.iter().find(|row| row.trim_start().starts_with(name)).map(|row| words(row));
    assert_eq!(of("value"), Some(vec!["value", "expected", "came", "out", "apart"]), "{}", answer.stdout);
    assert_eq!(of("payable"), Some(vec!["payable", "4741", "4740", "-1"]), "{}", answer.stdout);
    assert_eq!(of("lines.a.item"), Some(vec!["lines.a.item", "599", "600", "+1"]), "{}", answer.stdout);
    assert_eq!(of("lines.a.payable"), None, "what came out as expected is not shown: {}", answer.stdout);
    assert_eq!(last_line(&answer.stdout), "0 passed, 1 failed");
    assert!(!answer.stdout.contains('\u{1b}'), "no colours in a pipe: {}", answer.stdout);
    assert_eq!(answer.stderr, "");
}

#[test]
fn a_broken_scenario_fails_with_its_place() {
    let text = scenario("broken", PAYABLE).replace("quantity: 3", "quantty: 3");
    let folder = Folder::with(&[("catalogue.yaml", CATALOGUE), ("s.yaml", &text), ("t.yaml", &scenario("fine", PAYABLE))]);
    let answer = tokka(&["test", &folder.text("")]).ended(1).says("s.yaml:8:").says("did you mean `quantity`?");
    assert_eq!(last_line(&answer.stdout), "1 passed, 1 failed");
    folder.write("s.yaml", "kind: scenario\nname: [");
    let answer = tokka(&["test", &folder.text("")]).ended(1).says("s.yaml:");
    assert_eq!(last_line(&answer.stdout), "1 passed, 1 failed");
}

#[test]
fn what_cannot_be_read_ends_with_2_and_the_rest_is_run() {
    let folder = Folder::with(&[("catalogue.yaml", CATALOGUE), ("t.yaml", &scenario("fine", PAYABLE))]);
    let answer =
        tokka(&["test", &folder.text("none.yaml"), &folder.text("t.yaml")]).ended(2).complains("none.yaml: cannot be read");
    assert_eq!(answer.stdout, "1 passed, 0 failed\n");
    let answer = tokka(&["test", &folder.text("catalogue.yaml")]).ended(2).complains("catalogue.yaml: holds no scenario");
    assert_eq!(answer.stdout, "0 passed, 0 failed\n");
    std::fs::write(folder.path("latin.yaml"), b"kind: scenario\nname: caf\xe9\n").unwrap();
    tokka(&["test", &folder.text("latin.yaml")]).ended(2).complains("latin.yaml:2:10: is not UTF-8 text");
    tokka(&["test"]).ended(2);
}
