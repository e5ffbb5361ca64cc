//! Does `tokka check` tell everything that is wrong with a folder, and what is in it?

use crate::process::{Folder, tokka};
use crate::shop::CATALOGUE;

#[test]
fn a_catalogue_without_problems_is_summed_up() {
    let folder = Folder::with(&[("shop/catalogue.yaml", CATALOGUE)]);
    let answer = tokka(&["check", &folder.text("shop")]).ended(0).says("has no problems: 3 promotions, 1 store, 1 gift");
    let row = |name: &str| {
        let row = answer.stdout.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        row.split_whitespace().collect::<Vec<_>>()
    };
    assert_eq!(row("coupon"), ["coupon", "1", "-", "-", "-", "1"], "{}", answer.stdout);
    assert_eq!(row("total"), ["total", "3", "-", "-", "-", "3"], "{}", answer.stdout);
}

#[test]
fn every_problem_is_told_with_its_place() {
    let broken = CATALOGUE.replace("owner: shop\nstatus: published\nspend", "owner: shop\nstatus: publised\nspend");
    let broken = broken.replace("coupon: {threshold: 3000", "coupon: {treshold: 3000");
    let folder = Folder::with(&[("catalogue.yaml", &broken)]);
    let answer = tokka(&["check", &folder.text("")]).ended(1).complains("2 problems in `");
    let file = folder.text("catalogue.yaml");
    let places: Vec<&str> = answer.stdout.lines().filter_map(|line| line.strip_prefix(&format!("{file}:"))).collect();
    assert_eq!(places.len(), 2, "{}", answer.stdout);
    let line_of = |text: &str| broken.lines().position(|line| line.contains(text)).unwrap() + 1;
    assert!(places[0].starts_with(&format!("{}:9: status: ", line_of("publised"))), "{}", answer.stdout);
    assert!(places[1].starts_with(&format!("{}:", line_of("treshold"))), "{}", answer.stdout);
    assert!(places[1].contains("threshold"), "the nearest field is named: {}", answer.stdout);
}

#[test]
fn a_folder_that_cannot_be_read_is_not_a_wrong_one() {
    let folder = Folder::with(&[("empty/notes.txt", "nothing")]);
    let answer = tokka(&["check", &folder.text("none")]).ended(2).complains("1 problem in `");
    assert!(answer.stdout.contains("none: cannot be read"), "{}", answer.stdout);
    tokka(&["check", &folder.text("empty")]).ended(1).says("there is no document of kind `catalogue`");
    tokka(&["check"]).ended(2);
}

#[test]
fn what_is_not_yaml_is_told_with_its_place() {
    let folder = Folder::with(&[("catalogue.yaml", CATALOGUE), ("bad.yaml", "kind: store\nid: [a\nname: b\n")]);
    let answer = tokka(&["check", &folder.text("")]).ended(1);
    assert!(answer.stdout.lines().all(|line| line.starts_with(&format!("{}:", folder.text("bad.yaml")))), "{}", answer.stdout);
}

#[test]
fn the_examples_have_no_problems() {
    let check = |shop: &str| {
        let products = format!("examples/{shop}.products.csv");
        tokka(&["check", &format!("examples/{shop}"), "--products", &products]).ended(0).says("has no problems")
    };
    check("us-store").says("acknowledged: ").says("[FLASH_WITHOUT_LIMIT]");
    let jelly = "promotion `tp-draft-jelly`: item_price: sells `tp-jelly-apple` of `tokyo-pharma` for 100, below its cost of 111";
    check("marketplace").says(jelly).says("docs/findings/BELOW_COST.md");
}

#[test]
fn products_show_what_promotions_name_in_vain() {
    let folder = Folder::with(&[
        ("shop/catalogue.yaml", CATALOGUE),
        ("products.csv", "sku,store,unit_price,name,categories\nmask-40,shop,1280,マスク,masks\nx,elsewhere,1,,\n"),
    ]);
    let answer = tokka(&["check", &folder.text("shop"), "--products", &folder.text("products.csv")]).ended(0);
    let answer = answer.says("2 products in 1 file").says("\n2 warnings\n");
    let csv = folder.text("products.csv");
    let answer = answer.says(&format!("warning: {csv}:3: product `x`: store: the store `elsewhere` is not in the catalogue"));
    let place = format!("{}:16", folder.text("shop/catalogue.yaml"));
    answer.says(&format!("warning: {place}: promotion `flash`: scope.include: no product of `shop` has the sku `mask-50`"));
}

#[test]
fn problems_of_products_have_their_line() {
    let folder =
        Folder::with(&[("shop/catalogue.yaml", CATALOGUE), ("products.csv", "sku,store,unit_price\na,shop,12.5\nb,shop,\n")]);
    let file = folder.text("products.csv");
    let answer = tokka(&["check", &folder.text("shop"), "--products", &file]).ended(1).complains("2 problems in `");
    let answer = answer.says(&format!("{file}:2:8: unit_price: `12.5` has decimals, and JPY has none"));
    answer.says(&format!("{file}:3:8: unit_price: is empty: a product has a price"));
    tokka(&["check", &folder.text("shop"), "--products", &folder.text("none.csv")])
        .ended(2)
        .complains("none.csv: cannot be read");
}

/// Two item promotions of which one names a sku and the other a category.
const OVERLAP: &str = "kind: catalogue
currency: JPY
item_overlap: forbid
---
{kind: store, id: x, name: X}
---
{kind: promotion, id: one, name: One, owner: x, status: published, scope: {include: {skus: [bag]}}, stacking: {set: true}, item_price: {fixed: 90}}
---
{kind: promotion, id: two, name: Two, owner: x, status: published, stacking: {set: true}, scope: {include: {categories: [pens]}}, item_price: {fixed: 9}}
";

#[test]
fn products_decide_what_overlaps() {
    let folder = Folder::with(&[
        ("shop/catalogue.yaml", OVERLAP),
        ("apart.csv", "sku,store,unit_price,categories\nbag,x,100,bags\npen,x,10,pens\n"),
        ("together.csv", "sku,store,unit_price,categories\nbag,x,100,bags|pens\n"),
    ]);
    let check = |products: &[&str]| tokka(&[&["check", &folder.text("shop")][..], products].concat());
    let message = "scope: could be active for one product together with `one`";
    let answer = check(&[]).ended(1).says(message).complains("1 blocking finding in `");
    answer
        .says(&format!("blocking: {}:9: promotion `two`: {message}", folder.text("shop/catalogue.yaml")))
        .says("cannot be published");
    check(&["--products", &folder.text("apart.csv")]).ended(0).says("no findings");
    check(&["--products", &folder.text("together.csv")]).ended(1).says(message);
}

#[test]
fn products_show_what_a_shop_would_not_want() {
    let promotion = |id: &str, rest: &str| format!("---\n{{kind: promotion, id: {id}, name: P, owner: shop, {rest}}}\n");
    let catalogue = [
        "kind: catalogue\ncurrency: USD\n---\n{kind: store, id: shop, name: S}\n".to_owned(),
        promotion("dear", "scope: {include: {skus: [tea, cup]}}, stacking: {set: true}, item_price: {fixed: \"7.99\"}"),
        promotion("idle", "scope: {include: {skus: [tea]}}, stacking: {set: true}, item_price: {fixed: 12}"),
        promotion("void", "scope: {include: {skus: [tea]}, exclude: {categories: [food]}}, coupon: {amount_off: 1}"),
    ];
    let folder = Folder::with(&[
        ("shop/catalogue.yaml", &catalogue.concat()),
        ("products.csv", "sku,store,unit_price,categories,unit_cost\ntea,shop,10,food,8\ncup,shop,9,,7\n"),
    ]);
    let answer = tokka(&["check", &folder.text("shop"), "--products", &folder.text("products.csv")]).ended(0);
    let place = |line: usize| format!("warning: {}:{line}: ", folder.text("shop/catalogue.yaml"));
    answer
        .says("2 products in 1 file")
        .says("3 warnings, 1 note")
        .says(&format!("{}promotion `dear`: item_price: sells `tea` of `shop` for 7.99, below its cost of 8.00", place(6)))
        .says(&format!("{}promotion `idle`: item_price: makes none of the products cheaper", place(8)))
        .says(&format!("{}promotion `void`: scope: covers none of the products", place(10)));
}

/// A clearance that somebody has to want.
const CLEARANCE: &str = "kind: catalogue
currency: JPY
---
{kind: store, id: shop, name: S}
---
{kind: promotion, id: sale, name: P, owner: shop, status: published, coupon: {threshold: 1000, percent_off: \"80\"}}
";

#[test]
fn what_blocks_has_to_be_acknowledged() {
    let acknowledged = CLEARANCE.replace("coupon:", "acknowledge: [DISCOUNT_OVER_70], coupon:");
    let folder = Folder::with(&[("shop/c.yaml", CLEARANCE), ("meant/c.yaml", &acknowledged)]);
    let answer = tokka(&["check", &folder.text("shop")]).ended(1).complains("1 blocking finding in `");
    let told = format!("blocking: {}:6: promotion `sale`: coupon.percent_off: takes 80 % off", folder.text("shop/c.yaml"));
    answer.says("1 blocking finding\n").says(&told).says("docs/findings/DISCOUNT_OVER_70.md");
    let asked = ["check", &folder.text("shop"), "--acknowledge", "DISCOUNT_OVER_70"];
    tokka(&asked).ended(0).says("1 acknowledged\n").says("acknowledged: ").says("has no problems");
    tokka(&["check", &folder.text("meant")]).ended(0).says("1 acknowledged\n");
    let refused = |code: &str| tokka(&["check", &folder.text("shop"), "--acknowledge", code]).ended(2).stderr;
    assert!(refused("DISCOUNT").contains("no finding has the code `DISCOUNT`"));
    assert!(refused("WINDOW_PAST").contains("blocks nothing that could be acknowledged"));
}

#[test]
fn a_moment_decides_what_is_over() {
    let ended = CLEARANCE.replace("coupon:", "window: {end: \"2026-11-12T00:00:00Z\"}, coupon:");
    let folder = Folder::with(&[("shop/c.yaml", &ended)]);
    let at = |moment: &str| tokka(&["check", &folder.text("shop"), "--at", moment]);
    at("2026-11-11T23:59:59Z").ended(1).says("[DISCOUNT_OVER_70]");
    at("2026-11-12T00:00:00Z").ended(0).says("is over since 2026-11-12T00:00:00Z: archive it [WINDOW_PAST]");
    at("tomorrow").ended(2);
}

#[test]
fn programs_read_findings_and_problems_as_json() {
    let folder = Folder::with(&[("shop/c.yaml", CLEARANCE), ("bad/c.yaml", "kind: catalogue\ncurrency: XXQ\n")]);
    let answer = tokka(&["check", &folder.text("shop"), "--json"]).ended(1);
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!(json["blocked"], true);
    let finding = &json["findings"][0];
    assert_eq!((finding["code"].as_str(), finding["severity"].as_str()), (Some("DISCOUNT_OVER_70"), Some("blocking")));
    assert_eq!((finding["document"]["id"].as_str(), finding["document"]["line"].as_u64()), (Some("sale"), Some(6)));
    assert_eq!(finding["numbers"][0], serde_json::json!({"name": "off", "percent": "80"}));
    let answer = tokka(&["check", &folder.text("bad"), "--json"]).ended(1);
    let json: serde_json::Value = serde_json::from_str(&answer.stdout).unwrap();
    assert_eq!((json["problems"][0]["line"].as_u64(), json["findings"].as_array().map(Vec::len)), (Some(2), Some(0)));
}

#[test]
fn very_many_findings_of_one_code_are_counted() {
    let mut catalogue = CLEARANCE.to_owned();
    for number in 0..24 {
        catalogue.push_str(&format!(
            "---\n{{kind: promotion, id: p-{number}, name: P, owner: shop, coupon: {{percent_off: \"90\"}}}}\n"
        ));
    }
    let folder = Folder::with(&[("shop/c.yaml", &catalogue)]);
    let lines = |answer: &str| answer.lines().filter(|line| line.ends_with("[DISCOUNT_OVER_70]")).count();
    let answer = tokka(&["check", &folder.text("shop")]).ended(1).says("blocking: 5 more DISCOUNT_OVER_70; `--all` prints them");
    assert_eq!(lines(&answer.stdout), 20);
    assert_eq!(lines(&tokka(&["check", &folder.text("shop"), "--all"]).ended(1).stdout), 25);
}
