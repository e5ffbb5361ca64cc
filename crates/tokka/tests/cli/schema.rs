//! Does `tokka schema` print a schema for each kind?

use crate::process::tokka;

#[test]
fn every_kind_that_is_listed_has_a_schema() {
    let listed = tokka(&["schema"]).ended(0);
    let kinds: Vec<&str> = listed.stdout.lines().collect();
    for kind in ["catalogue", "store", "gift", "promotion", "distribution", "scenario"] {
        assert!(kinds.contains(&kind), "{}", listed.stdout);
    }
    for kind in kinds {
        let answer = tokka(&["schema", kind]).ended(0);
        let schema: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
        assert!(schema["$schema"].is_string(), "{kind}: {}", answer.stdout);
    }
}

#[test]
fn an_unknown_kind_is_a_usage_error_that_lists_them() {
    tokka(&["schema", "promo"]).ended(2).complains("`promo`").complains("`promotion`");
}
