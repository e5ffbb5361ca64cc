//! Does `tokka quote` price a basket, explain it and refuse wrong ones?

use serde_json::Value;

use crate::process::{Answer, Folder, tokka};
use crate::shop::{BASKET, CATALOGUE};

const AT: &str = "2026-11-11T10:00:00+09:00";

/// What a shopkeeper reads of the small basket, worked out by hand: 2 of 3 masks at 980 are 600 off; the coupon's 500 over
/// 3,240 and 2,000 are 309 and 191; 309 over 1,960 and 1,280 are 187 and 122; so two masks pay 1,773 and one 1,158.
const TABLES: &str = include_str!("small-basket.txt");

fn files() -> Folder {
    Folder::with(&[
        ("shop/catalogue.yaml", CATALOGUE),
        ("basket.yaml", BASKET),
        ("products.csv", "sku,store,unit_price,name\nmask-50,shop,1280,サージカルマスク 50枚\n"),
    ])
}

fn quote(folder: &Folder, more: &[&str]) -> Answer {
    let (file, catalogue) = (folder.text("basket.yaml"), folder.text("shop"));
    let mut arguments = vec!["quote", &file, "--catalogue", &catalogue];
    arguments.extend(more);
    tokka(&arguments)
}

fn json(folder: &Folder, more: &[&str]) -> Value {
    let answer = quote(folder, &[&["--json"], more].concat()).ended(0);
    serde_json::from_str(&answer.stdout).unwrap()
}

#[test]
fn a_basket_is_priced_and_explained() {
    let folder = files();
    let answer = quote(&folder, &["--at", AT, "--products", &folder.text("products.csv")]).ended(0);
    assert!(answer.stdout == TABLES, "it says\n{}\ninstead of\n{TABLES}", answer.stdout);
    assert_eq!(answer.stderr, "");
}

/// The rows of a section, each as the numbers of its cells; words are left out, an empty cell is one column less.
fn section(text: &str, title: &str) -> Vec<Vec<i64>> {
    let (_, rest) = text.split_once(&format!("\n{title}\n\n")).unwrap_or_else(|| panic!("no section {title} in\n{text}"));
    let body = rest.split("\n\n").next().unwrap();
    let number = |cell: &str| cell.trim().replace(',', "").parse().ok();
    body.lines().map(|row| row.split("  ").filter_map(number).collect()).filter(|row: &Vec<i64>| row.len() > 1).collect()
}

#[test]
fn the_columns_of_the_tables_add_up() {
    // As printed, so that the golden text cannot hold a wrong sum: by line and order, by seller, by funder.
    let lines = section(TABLES, "LINES");
    assert_eq!(lines.len(), 3);
    for row in &lines {
        let (payable, parts) = row.split_last().unwrap();
        assert_eq!(parts.iter().sum::<i64>(), *payable, "{row:?}");
    }
    let column = |at: fn(&Vec<i64>) -> i64| (at(&lines[0]) + at(&lines[1]), at(&lines[2]));
    for (sum, total) in [column(|row| row[0]), column(|row| row[row.len() - 2]), column(|row| row[row.len() - 1])] {
        assert_eq!(sum, total, "{lines:?}");
    }
    let sellers = section(TABLES, "SELLERS");
    let [gross, own, subtotal, platform, payable, by_others, due] = sellers[0][..] else { panic!("{sellers:?}") };
    assert_eq!((gross + own, subtotal + platform, payable + by_others), (subtotal, payable, due));
    let funders = section(TABLES, "FUNDERS");
    let of = |row: usize, at: usize| funders[row][funders[row].len() - 1 - at];
    assert_eq!(of(0, 0) + of(1, 0), of(2, 0), "{funders:?}");
    assert_eq!(of(2, 0), -lines[2][1] - lines[2][2]);
    assert_eq!(lines[2][0] - of(2, 0), payable);
}

#[test]
fn json_is_in_minor_units() {
    let folder = files();
    let full = json(&folder, &["--at", AT]);
    assert_eq!(full["payable"], 4740);
    assert_eq!(full["at"], "2026-11-11T01:00:00Z");
    assert_eq!(full["lines"][0]["over_limit"], 1);
    assert_eq!(full["stores"][0]["settlement"], 5240);
    assert_eq!(full["settlements"], serde_json::json!([{"store": "shop", "amount": 5240}]));
    let codes: Vec<&str> = full["outcomes"].as_array().unwrap().iter().map(|o| o["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"UNKNOWN_COUPON") && codes.contains(&"BELOW_THRESHOLD"), "{codes:?}");
    let basic = json(&folder, &["--at", AT, "--basic"]);
    assert_eq!(basic["payable"], 4740);
    assert_eq!(basic["outcomes"], serde_json::json!([]));
    assert!(basic["stores"][0]["settlement"].is_null());
}

#[test]
fn the_basic_view_has_neither_funders_nor_reasons() {
    let folder = files();
    let answer = quote(&folder, &["--at", AT, "--basic"]).ended(0).says("payable 4,740 JPY").says("LINES");
    for title in ["FUNDERS", "WHY NOT", "A LITTLE MORE", "due to"] {
        assert!(!answer.stdout.contains(title), "{title} in\n{}", answer.stdout);
    }
}

#[test]
fn the_moment_is_that_of_the_option_then_of_the_file_then_now() {
    let folder = files();
    let dated = BASKET.replace("user: u1", "user: u1\nat: \"2026-03-01T00:00:00Z\"");
    assert_eq!(json(&folder, &["--at", "2026-11-11T10:00"])["at"], "2026-11-11T01:00:00Z");
    let now: jiff::Timestamp = json(&folder, &[])["at"].as_str().unwrap().parse().unwrap();
    assert!(now <= jiff::Timestamp::now());
    folder.write("basket.yaml", &dated);
    assert_eq!(json(&folder, &[])["at"], "2026-03-01T00:00:00Z");
    assert_eq!(json(&folder, &["--at", AT])["at"], "2026-11-11T01:00:00Z");
}

#[test]
fn what_was_used_before_is_counted() {
    let folder = files();
    folder.write("basket.yaml", &(BASKET.to_owned() + "used: {flash/user/u1: {units: 1}}\n"));
    let answer = json(&folder, &["--at", AT]);
    assert_eq!((&answer["payable"], &answer["lines"][0]["over_limit"]), (&5040.into(), &2.into()));
    let limit = answer["limits"].as_array().unwrap().iter().find(|limit| limit["of"] == "flash").unwrap();
    assert_eq!((&limit["limit"], &limit["used"], &limit["taken"]), (&2.into(), &1.into(), &1.into()));
    folder.write("basket.yaml", &(BASKET.to_owned() + "used: {flahs/user/u1: {units: 1}}\n"));
    quote(&folder, &[]).ended(1).complains("did you mean `flash`?");
}

#[test]
fn wrong_baskets_are_refused_with_their_fields() {
    let folder = files();
    folder.write("basket.yaml", &BASKET.replace("quantity: 3", "quantity: 0").replace("quantity: 1", "quantity: 1000000"));
    let answer =
        quote(&folder, &[]).ended(1).complains("basket.yaml:5:").complains("lines[0].quantity: `0` is not between 1 and 999999");
    answer.complains("lines[1].quantity: `1000000` is not between 1 and 999999");
    folder.write("basket.yaml", &BASKET.replace("JPY", "USD"));
    quote(&folder, &[]).ended(1).complains("USD");
    folder.write("basket.yaml", "kind: store\nid: a\nname: a\n");
    quote(&folder, &[]).ended(1).complains("write `kind: basket`");
    folder.write("basket.yaml", "lines: [");
    quote(&folder, &[]).ended(1).complains("basket.yaml:");
    folder.write("basket.yaml", &BASKET.replace("quantity: 3", "quantty: 3"));
    quote(&folder, &[]).ended(1).complains("did you mean `quantity`?");
    folder.write("shop/catalogue.yaml", &CATALOGUE.replace("percent_off", "percent_of"));
    quote(&folder, &[]).ended(1).complains("catalogue.yaml:");
}

#[test]
fn what_cannot_be_read_and_wrong_arguments_end_with_2() {
    let folder = files();
    let (file, catalogue) = (folder.text("basket.yaml"), folder.text("shop"));
    tokka(&["quote", &file]).ended(2);
    assert!(quote(&folder, &["--at", "yesterday"]).ended(2).stderr.contains("yesterday"));
    tokka(&["quote", &folder.text("none.yaml"), "--catalogue", &catalogue]).ended(2).complains("none.yaml: cannot be read");
    tokka(&["quote", &catalogue, "--catalogue", &catalogue]).ended(2).complains("shop: cannot be read");
    tokka(&["quote", &file, "--catalogue", &folder.text("none")]).ended(2).complains("none: cannot be read");
    quote(&folder, &["--products", &folder.text("none.csv")]).ended(2).complains("none.csv: cannot be read");
}

/// What the head of each example says that it costs, in the currency's major units.
const EXAMPLES: [(&str, &str, &str); 17] = [
    ("all-six-stages", "marketplace", "26,630 JPY"),
    ("below-minimum", "marketplace", "5,054 JPY"),
    ("best-choice", "marketplace", "56,295 JPY"),
    ("big-basket", "marketplace", "50,205 JPY"),
    ("bundle", "marketplace", "42,662 JPY"),
    ("coupons-auto", "marketplace", "10,714 JPY"),
    ("flash-sale-buyer", "marketplace", "6,296 JPY"),
    ("floor-price", "marketplace", "18,243 JPY"),
    ("gift-choice", "marketplace", "56,966 JPY"),
    ("guest", "marketplace", "11,710 JPY"),
    ("night-sale", "marketplace", "21,131 JPY"),
    ("three-for-two", "marketplace", "13,231 JPY"),
    ("wholesale-order", "marketplace", "145,189 JPY"),
    ("why-not", "marketplace", "34,139 JPY"),
    ("us-cents", "us-store", "150.22 USD"),
    ("us-kitchen", "us-store", "151.46 USD"),
    ("us-pantry", "us-store", "171.09 USD"),
];

#[test]
fn every_example_costs_what_its_head_says() {
    for (basket, shop, payable) in EXAMPLES {
        let (file, catalogue) = (format!("examples/baskets/{basket}.yaml"), format!("examples/{shop}"));
        let head = std::fs::read_to_string(crate::process::repository().join(&file)).unwrap();
        let amount = payable.split(' ').next().unwrap();
        assert!(head.lines().any(|line| line.starts_with('#') && line.contains(amount)), "{file} does not say {amount}");
        // Most are for any day from October 2026 on; three bring their own moment.
        let mut arguments = vec!["quote", &file, "--catalogue", &catalogue];
        if !head.contains("\nat: ") {
            arguments.extend(["--at", "2026-11-25T12:00"]);
        }
        let answer = tokka(&arguments).ended(0).says(&format!("payable {payable}\n"));
        assert!(!answer.stdout.contains("DOES NOT ADD UP"), "{}", answer.stdout);
    }
    let files = std::fs::read_dir(crate::process::repository().join("examples/baskets")).unwrap();
    let yaml = files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "yaml"));
    assert_eq!(yaml.count(), EXAMPLES.len(), "every basket of the examples is priced here");
}
