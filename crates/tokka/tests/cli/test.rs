use crate::{CATALOGUE, Folder, scenario, tokka};

/// 5840 gross, 600 off two masks, 500 by the coupon.
const PAYABLE: i64 = 4740;

fn last_line(text: &str) -> &str {
    text.lines().last().unwrap_or_default()
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
    let answer = tokka(&["test", "--verbose", &folder.text("one.yaml")]).ended(0).says("one.yaml");
    assert_eq!(last_line(&answer.stdout), "1 passed, 0 failed");
}

#[test]
fn a_difference_is_shown_side_by_side() {
    let folder = Folder::with(&[("catalogue.yaml", CATALOGUE), ("s.yaml", &scenario("dear", PAYABLE + 1))]);
    let answer = tokka(&["test", &folder.text("s.yaml")]).ended(1).says("dear").says("s.yaml");
    let row = answer.stdout.lines().find(|line| line.trim_start().starts_with("payable")).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>(), ["payable", "4741", "4740"], "{}", answer.stdout);
    assert_eq!(last_line(&answer.stdout), "0 passed, 1 failed");
    assert!(!answer.stdout.contains('\u{1b}'), "no colours in a pipe: {}", answer.stdout);
}

#[test]
fn a_broken_scenario_fails_with_its_place() {
    let text = scenario("broken", PAYABLE).replace("quantity: 3", "quantty: 3");
    let folder = Folder::with(&[("catalogue.yaml", CATALOGUE), ("s.yaml", &text), ("t.yaml", &scenario("fine", PAYABLE))]);
    let answer = tokka(&["test", &folder.text("")]).ended(1).says("s.yaml:8:").says("quantity");
    assert_eq!(last_line(&answer.stdout), "1 passed, 1 failed");
}

#[test]
fn nothing_to_run_is_an_error() {
    let folder = Folder::with(&[("catalogue.yaml", CATALOGUE)]);
    tokka(&["test", &folder.text("none.yaml")]).ended(1).complains("none.yaml");
    tokka(&["test", &folder.text("")]).ended(1).complains("no scenario");
    tokka(&["test"]).ended(2);
}
