//! What changes in a catalogue, field by field?

use std::collections::BTreeSet;

use serde_json::Value as Json;
use tokka_client::v1;

use crate::desk::{called, stands};
use crate::output::Paint;

/// All changes, each with its fields, and how many there are.
pub(crate) fn text(changes: &[v1::DocumentChange], unchanged: Option<i64>, paint: Paint) -> String {
    let mut text = String::new();
    let mut numbers = [0_i64; 3];
    for change in changes {
        let (sign, at) = match change.r#type() {
            v1::ChangeType::Added => (paint.green("+"), 0),
            v1::ChangeType::Changed | v1::ChangeType::Unspecified => (paint.bold("~"), 1),
            v1::ChangeType::Removed => (paint.red("-"), 2),
        };
        if let Some(number) = numbers.get_mut(at) {
            *number += 1;
        }
        text.push_str(&format!("{sign} {}  {}\n", called(change.kind(), &change.id), becomes(change)));
        // What is new, or ends, is there to be read as a whole.
        if change.r#type() == v1::ChangeType::Changed {
            for line in fields(&change.before, &change.after) {
                text.push_str(&format!("    {line}\n"));
            }
        }
    }
    let [added, changed, removed] = numbers;
    let as_they_are = unchanged.map(|unchanged| format!(", {unchanged} as before")).unwrap_or_default();
    let sum = if changes.is_empty() {
        format!("nothing changes{as_they_are}\n")
    } else {
        format!("{added} new, {changed} changed, {removed} removed{as_they_are}\n")
    };
    text + &sum
}

fn becomes(change: &v1::DocumentChange) -> String {
    let (before, after) = (stands(change.state_before()), stands(change.state_after()));
    match (change.draft, change.r#type()) {
        (true, v1::ChangeType::Added) => "new draft".to_owned(),
        (true, v1::ChangeType::Removed) => "draft removed".to_owned(),
        (true, _) if before == "draft" => "draft".to_owned(),
        (true, _) => format!("draft beside what is {before}"),
        (false, v1::ChangeType::Added) => format!("new, {after}"),
        (false, v1::ChangeType::Removed) if after.is_empty() => "removed".to_owned(),
        (false, _) if before == after => after.to_owned(),
        (false, _) => format!("{before} → {after}"),
    }
}

/// The fields in which two documents differ, as `limits.stock: 100 → 200`.
fn fields(before: &str, after: &str) -> Vec<String> {
    let read = |text: &str| serde_json::from_str::<Json>(text).unwrap_or(Json::Null);
    let mut lines = Vec::new();
    compare("", &read(before), &read(after), &mut lines);
    lines
}

fn compare(path: &str, before: &Json, after: &Json, lines: &mut Vec<String>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Json::Object(a), Json::Object(b)) => {
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                compare(&path, a.get(key).unwrap_or(&Json::Null), b.get(key).unwrap_or(&Json::Null), lines);
            }
        }
        (Json::Array(a), Json::Array(b)) if a.iter().chain(b).any(Json::is_object) => {
            for at in 0..a.len().max(b.len()) {
                let of = |list: &[Json]| list.get(at).cloned().unwrap_or(Json::Null);
                compare(&format!("{path}[{at}]"), &of(a), &of(b), lines);
            }
        }
        (Json::Array(a), Json::Array(b)) => {
            let missing = |of: &[Json], from: &[Json]| of.iter().filter(|one| !from.contains(one)).map(shown).collect::<Vec<_>>();
            let (gone, new) = (missing(a, b), missing(b, a));
            let part = |sign: &str, of: &[String]| if of.is_empty() { String::new() } else { format!(" {sign} {}", few(of)) };
            if gone.is_empty() && new.is_empty() {
                lines.push(format!("{path}: in another order"));
            } else {
                lines.push(format!("{path}:{}{}", part("+", &new), part("-", &gone)));
            }
        }
        (Json::Null, after) => lines.push(format!("{path}: + {}", shown(after))),
        (before, Json::Null) => lines.push(format!("{path}: - {}", shown(before))),
        (before, after) => lines.push(format!("{path}: {} → {}", shown(before), shown(after))),
    }
}

/// The first of many.
fn few(of: &[String]) -> String {
    const FEW: usize = 10;
    let named: Vec<&str> = of.iter().take(FEW).map(String::as_str).collect();
    let more = match of.len().saturating_sub(FEW) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    named.join(", ") + &more
}

fn shown(value: &Json) -> String {
    match value {
        Json::String(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_by_their_path() {
        let before = r#"{"name":"a","limits":{"stock":100},"scope":{"skus":["x","y"]},"tiers":[{"n":1},{"n":2}],"old":true}"#;
        let after =
            r#"{"name":"b","limits":{"stock":200},"scope":{"skus":["y","z"]},"tiers":[{"n":1},{"n":3},{"n":4}],"new":"1"}"#;
        let expected = [
            "limits.stock: 100 → 200",
            "name: a → b",
            "new: + 1",
            "old: - true",
            "scope.skus: + z - x",
            "tiers[1].n: 2 → 3",
            "tiers[2]: + {\"n\":4}",
        ];
        assert_eq!(fields(before, after), expected);
        assert_eq!(fields(before, before), Vec::<String>::new());
        assert_eq!(fields(r#"{"a":[1,2]}"#, r#"{"a":[2,1]}"#), ["a: in another order"]);
    }

    #[test]
    fn changes_are_told_with_where_they_stand() {
        let change = |kind: v1::ChangeType, before: v1::DocumentState, after: v1::DocumentState, draft| v1::DocumentChange {
            kind: v1::DocumentKind::Promotion.into(),
            id: "flash".to_owned(),
            r#type: kind.into(),
            state_before: before.into(),
            state_after: after.into(),
            before: r#"{"a":1}"#.to_owned(),
            after: r#"{"a":2}"#.to_owned(),
            draft,
        };
        use v1::{ChangeType as T, DocumentState as S};
        let changes = [
            change(T::Added, S::Unspecified, S::Published, false),
            change(T::Changed, S::Published, S::Paused, false),
            change(T::Removed, S::Paused, S::Archived, false),
            change(T::Changed, S::Published, S::Published, true),
        ];
        let expected = "+ promotion/flash  new, published\n~ promotion/flash  published → paused\n    a: 1 → 2\n\
            - promotion/flash  paused → archived\n~ promotion/flash  draft beside what is published\n    a: 1 → 2\n\
            1 new, 2 changed, 1 removed, 7 as before\n";
        assert_eq!(text(&changes, Some(7), Paint::Plain), expected);
        assert_eq!(text(&[], Some(7), Paint::Plain), "nothing changes, 7 as before\n");
    }
}
