use serde_json::Value;

use crate::{Answer, BASKET, CATALOGUE, Folder, scenario, tokka};

const AT: &str = "2026-11-11T10:00:00+09:00";

fn files() -> Folder {
    Folder::with(&[
        ("shop/catalogue.yaml", CATALOGUE),
        ("basket.yaml", BASKET),
        ("products.csv", "sku,store,unit_price,name\nmask-50,shop,1280,サージカルマスク 50枚\n"),
    ])
}

fn quote(folder: &Folder, more: &[&str]) -> Answer {
    let (file, catalogue) = (folder.text("basket.yaml"), folder.text("shop"));
    let mut arguments = vec!["quote", &file, "--catalogue", &catalogue, "--at", AT];
    arguments.extend(more);
    tokka(&arguments)
}

#[test]
fn a_basket_is_priced_and_explained() {
    let folder = files();
    let answer = quote(&folder, &["--products", &folder.text("products.csv")]).ended(0);
    for expected in [
        "payable 4,740 JPY",
        "サージカルマスク 50枚",
        "3 × 1,280",
        "1 over the limit",
        "1,760 short of 7,000",
        "1,760 more: 10 % off and トートバッグ × 1",
        "this catalogue has no such coupon",
        "funders 1,100 = discounts 1,100",
    ] {
        assert!(answer.stdout.contains(expected), "no `{expected}` in\n{}", answer.stdout);
    }
}

#[test]
fn json_is_in_minor_units() {
    let folder = files();
    let answer = quote(&folder, &["--format", "json"]).ended(0);
    let json: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(json["payable"], 4740);
    assert_eq!(json["lines"][0]["over_limit"], 1);
    assert_eq!(json["stores"][0]["settlement"], 5240);
    let codes: Vec<&str> = json["outcomes"].as_array().unwrap().iter().map(|o| o["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"UNKNOWN_COUPON") && codes.contains(&"BELOW_THRESHOLD"), "{codes:?}");
    let basic: Value =
        serde_json::from_str(&quote(&folder, &["--format", "json", "--view", "basic"]).ended(0).stdout).unwrap();
    assert_eq!(basic["payable"], 4740);
    assert_eq!(basic["outcomes"], serde_json::json!([]));
}

#[test]
fn another_customer_and_what_was_used_before() {
    let folder = files();
    // u2 has taken one of two flash masks today.
    let answer = quote(&folder, &["--user", "u2", "--used", "flash/user/u2:units=1", "--format", "json"]).ended(0);
    let json: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!((&json["user"], &json["payable"]), (&"u2".into(), &5040.into()));
    assert_eq!(json["limits"][0]["used"], 1);
}

#[test]
fn the_basket_of_a_scenario_is_priced_too() {
    let folder = files();
    folder.write("catalogue.yaml", CATALOGUE);
    folder.write("basket.yaml", &scenario("any", 1));
    quote(&folder, &[]).ended(0).says("payable 4,740 JPY");
}

#[test]
fn wrong_baskets_are_refused_with_their_fields() {
    let folder = files();
    folder.write("basket.yaml", &BASKET.replace("quantity: 3", "quantity: 0").replace("quantity: 1", "quantity: 1000000"));
    let answer = quote(&folder, &[]).ended(1).complains("`0` is not between 1 and 999999");
    answer.complains("`1000000` is not between 1 and 999999");
    folder.write("basket.yaml", &BASKET.replace("JPY", "USD"));
    quote(&folder, &[]).ended(1).complains("USD");
    folder.write("basket.yaml", "kind: store\nid: a\nname: a\n");
    quote(&folder, &[]).ended(1).complains("basket");
    folder.write("basket.yaml", "lines: [");
    quote(&folder, &[]).ended(1).complains("basket.yaml:");
}

#[test]
fn wrong_arguments_are_usage_errors() {
    let folder = files();
    let (file, catalogue) = (folder.text("basket.yaml"), folder.text("shop"));
    tokka(&["quote", &file]).ended(2);
    for wrong in [["--at", "yesterday"], ["--used", "flash"], ["--used", "flash:stock=many"], ["--used", "flash:colour=1"]] {
        let answer = tokka(&["quote", &file, "--catalogue", &catalogue, wrong[0], wrong[1]]).ended(2);
        assert!(answer.stderr.contains(wrong[1]), "{}", answer.stderr);
    }
    tokka(&["quote", &folder.text("none.yaml"), "--catalogue", &catalogue]).ended(1).complains("none.yaml: ");
    quote(&folder, &["--products", &folder.text("none.csv")]).ended(1).complains("none.csv: ");
}
