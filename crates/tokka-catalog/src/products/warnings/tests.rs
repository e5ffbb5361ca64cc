use super::*;
use crate::load_with_products;
use crate::source::Source;

const CSV: &str = "sku,store,unit_price,categories,floor_price,unit_cost
tea,shop,100,food,,80
cup,shop,50,,45,40
pot,shop,300,,,
tea,mart,90,food,,85
";

/// What is odd about one promotion of the shop beside the products.
fn odd(rest: &str) -> Vec<String> {
    let owner = if rest.contains("owner") { "" } else { "owner: shop, " };
    let head = "kind: catalogue\ncurrency: JPY\n---\n{kind: store, id: shop, name: S}\n---\n{kind: store, id: mart, name: M}\n";
    let text = format!("{head}---\n{{kind: promotion, id: p, name: P, {owner}{rest}}}\n");
    let csv = Source { name: "p.csv".to_owned(), text: CSV.to_owned() };
    let (loaded, products) =
        load_with_products(&[Source { name: "c.yaml".to_owned(), text }], &csv).unwrap_or_else(|problems| panic!("{problems}"));
    warnings(&loaded, &products).into_iter().map(|warning| warning.message).collect()
}

const NOTHING: [&str; 0] = [];

#[test]
fn an_item_price_below_cost() {
    assert_eq!(odd("item_price: {percent_off: \"20\"}"), NOTHING, "at cost, and the cup at its floor");
    let told = odd("item_price: {percent_off: \"21\"}");
    assert_eq!(told, ["item_price: sells `tea` of `shop` for 79, below its cost of 80"]);
    let told = odd("owner: platform, item_price: {percent_off: \"21\"}");
    assert_eq!(told, ["item_price: sells `tea` of `shop` for 79, below its cost of 80, and 1 more of the products below theirs"]);
    assert_eq!(odd("status: archived, item_price: {fixed: 1}"), NOTHING);
    assert_eq!(odd("limits: {stock: 0}, item_price: {fixed: 1}"), NOTHING, "none is sold so");
    assert_eq!(odd("limits: {budget: 20}, item_price: {fixed: 1}"), NOTHING, "no unit is within its budget");
    let open = "window: {end: \"2020-01-01T00:00:00Z\"}, audience: {tags_any: [vip]}, item_price: {fixed: 79}";
    assert_eq!(odd(open).len(), 1, "whenever and for whomever it is");
}

#[test]
fn a_tier_that_can_be_reached_below_cost() {
    let tiers = "tiers: [{min_quantity: 2, fixed: 90}, {min_quantity: 10, fixed: 70}]";
    for mode in ["all_units", "graduated"] {
        let told = odd(&format!("volume_price: {{mode: {mode}, {tiers}}}"));
        assert_eq!(told, ["volume_price: sells `tea` of `shop` for 70, below its cost of 80"], "{mode}");
        let limited = odd(&format!("limits: {{units_per_order: 9}}, volume_price: {{mode: {mode}, {tiers}}}"));
        assert_eq!(limited, NOTHING, "{mode}: the lower tier is not reached");
    }
}

#[test]
fn free_units_below_cost() {
    let buy_get =
        |mode: &str, tiers: &str| odd(&format!("scope: {{include: {{skus: [tea]}}}}, buy_get: {{mode: {mode}, {tiers}}}"));
    assert_eq!(buy_get("add", "tiers: [{buy: 4, get: 1}]"), NOTHING, "five for 400 are 80 each");
    let told = buy_get("add", "tiers: [{buy: 3, get: 1}]");
    assert_eq!(told, ["buy_get: sells 4 pieces of `tea` of `shop` for 300 in all, below its cost of 80"]);
    let told = buy_get("include", "tiers: [{buy: 3, get: 1}, {buy: 4, get: 2}]");
    assert_eq!(told, ["buy_get: sells 6 pieces of `tea` of `shop` for 400 in all, below its cost of 80"]);
}

#[test]
fn an_item_price_that_makes_nothing_cheaper() {
    let told = ["item_price: makes none of the products cheaper"];
    assert_eq!(odd("item_price: {fixed: 300}"), told);
    assert_eq!(odd("scope: {include: {skus: [cup]}}, item_price: {fixed: 50}"), told);
    assert_eq!(odd("item_price: {fixed: 299}"), NOTHING);
    assert_eq!(odd("scope: {include: {skus: [pot]}}, limits: {stock: 0}, item_price: {fixed: 1}"), NOTHING, "another reason");
}

#[test]
fn what_covers_nothing() {
    let coupon = |scope: &str| odd(&format!("{scope}coupon: {{amount_off: 1}}"));
    let spend = |qualify: &str| odd(&format!("spend: {{tiers: [{{threshold: 5, amount_off: 1}}], qualify: {qualify}}}"));
    let none = ["scope: covers none of the products"];
    assert_eq!(coupon(""), NOTHING);
    assert_eq!(coupon("scope: {include: {skus: [tea]}, exclude: {categories: [food]}}, "), none);
    assert_eq!(coupon("owner: platform, scope: {include: {all: true}, exclude: {stores: [shop, mart]}}, "), none);
    let word = ["scope.include: no product of `shop` has the sku `tae`"];
    assert_eq!(coupon("scope: {include: {skus: [tae]}}, "), word, "which says it already");
    let nothing_counts = ["qualify: none of the products counts towards the threshold"];
    assert_eq!(spend("{include: {skus: [tea]}, exclude: {skus: [tea]}}"), nothing_counts);
    assert_eq!(spend("{include: {skus: [tea]}}"), NOTHING);
}
