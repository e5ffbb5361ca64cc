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
    check("us-store").says(", 0 warnings");
    let jelly = "promotion `tp-draft-jelly`: item_price: sells `tp-jelly-apple` of `tokyo-pharma` for 100, below its cost of 111";
    check("marketplace").says(", 1 warning\n").says(jelly);
}

#[test]
fn products_show_what_promotions_name_in_vain() {
    let folder = Folder::with(&[
        ("shop/catalogue.yaml", CATALOGUE),
        ("products.csv", "sku,store,unit_price,name,categories\nmask-40,shop,1280,マスク,masks\nx,elsewhere,1,,\n"),
    ]);
    let answer = tokka(&["check", &folder.text("shop"), "--products", &folder.text("products.csv")]).ended(0);
    let answer = answer.says("2 products, 2 warnings").says("warning: products: the store `elsewhere` is not in the catalogue");
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
{kind: promotion, id: one, name: One, owner: x, status: published, scope: {include: {skus: [bag]}}, item_price: {fixed: 90}}
---
{kind: promotion, id: two, name: Two, owner: x, status: published, scope: {include: {categories: [pens]}}, item_price: {fixed: 9}}
";

#[test]
fn products_decide_what_overlaps() {
    let folder = Folder::with(&[
        ("shop/catalogue.yaml", OVERLAP),
        ("apart.csv", "sku,store,unit_price,categories\nbag,x,1000,bags\npen,x,100,pens\n"),
        ("together.csv", "sku,store,unit_price,categories\nbag,x,1000,bags|pens\n"),
    ]);
    let check = |products: &[&str]| tokka(&[&["check", &folder.text("shop")][..], products].concat());
    let message = "scope: could be active for one product together with `one`";
    check(&[]).ended(1).says(message);
    check(&["--products", &folder.text("apart.csv")]).ended(0).says("2 products, 0 warnings");
    check(&["--products", &folder.text("together.csv")]).ended(1).says(message);
}

#[test]
fn products_show_what_a_shop_would_not_want() {
    let promotion = |id: &str, rest: &str| format!("---\n{{kind: promotion, id: {id}, name: P, owner: shop, {rest}}}\n");
    let catalogue = [
        "kind: catalogue\ncurrency: USD\n---\n{kind: store, id: shop, name: S}\n".to_owned(),
        promotion("dear", "item_price: {fixed: \"7.99\"}"),
        promotion("idle", "scope: {include: {skus: [tea]}}, item_price: {fixed: 12}"),
        promotion("void", "scope: {include: {skus: [tea]}, exclude: {categories: [food]}}, coupon: {amount_off: 1}"),
    ];
    let folder = Folder::with(&[
        ("shop/catalogue.yaml", &catalogue.concat()),
        ("products.csv", "sku,store,unit_price,categories,unit_cost\ntea,shop,10,food,8\ncup,shop,9,,7\n"),
    ]);
    let answer = tokka(&["check", &folder.text("shop"), "--products", &folder.text("products.csv")]).ended(0);
    let place = |line: usize| format!("warning: {}:{line}: ", folder.text("shop/catalogue.yaml"));
    answer
        .says("2 products, 3 warnings")
        .says(&format!("{}promotion `dear`: item_price: sells `tea` of `shop` for 7.99, below its cost of 8.00", place(6)))
        .says(&format!("{}promotion `idle`: item_price: makes none of the products cheaper", place(8)))
        .says(&format!("{}promotion `void`: scope: covers none of the products", place(10)));
}
