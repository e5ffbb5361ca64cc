//! Do `tokka cards`, `offers` and `zone` show what a server's pages show?

use crate::process::tokka;
use crate::running::{Server, files};

const MARKETPLACE: &str = "examples/marketplace";
const PRODUCTS: &str = "examples/marketplace.products.csv";

fn marketplace() -> (crate::process::Folder, Server) {
    let folder = files();
    let server = Server::over(MARKETPLACE, &folder);
    (folder, server)
}

#[test]
fn cards_are_a_table_or_json() {
    let (_folder, server) = marketplace();
    let one = ["cards", "yo-pack-20", "yo-chair-low-khaki", "--products", PRODUCTS, "--user", "u-1"];
    let answer = server.tokka(&one).ended(0).says("price, JPY").says("3,980").says("[先着10個] 先着10個 バックパック 20L");
    answer.says("0 % sold (0 of 10)").says("1 left for this customer");
    let json = server.json(&one);
    let cards = json["cards"].as_array().unwrap();
    assert_eq!(cards.len(), 2);
    let pack = cards.iter().find(|card| card["sku"] == "yo-pack-20").unwrap();
    assert_eq!((&pack["price"], &pack["promotion"]["limit_left"]), (&3_980.into(), &1.into()));

    // More products than one call takes.
    let all = server.json(&["cards", "--products", PRODUCTS]);
    assert!(all["cards"].as_array().unwrap().len() > 200, "{}", all["cards"].as_array().unwrap().len());
}

#[test]
fn offers_say_what_a_product_can_get() {
    let (_folder, server) = marketplace();
    let chair = ["offers", "yo-chair-low-khaki", "--products", PRODUCTS, "--quantity", "2"];
    let answer = server.tokka(&chair).ended(0).says("ローチェア カーキ: 5,083 JPY").says("2 pieces alone:");
    answer.says("yo-chair-weekly").says("15 % off each").says("yo-coupon-1000").says("1,000 off");
    let offers = server.json(&chair);
    assert_eq!(offers["card"]["price"], 5_083);
    let missing = server.tokka(&["offers", "nothing", "--products", PRODUCTS]);
    missing.ended(2).complains("the file has no product `nothing`");
}

#[test]
fn a_zone_lists_its_products() {
    let (_folder, server) = marketplace();
    let answer = server.tokka(&["zone", "yo-chair-weekly"]).ended(0).says("今週のローチェア").says("3 products");
    answer.says("yo-chair-low-black").says("15 % off each");
    let zone = server.json(&["zone", "yo-flash-pack"]);
    assert_eq!((&zone["products_total"], &zone["zone"]["stock"]["limit"]), (&1.into(), &10.into()));
    server.tokka(&["zone", "nothing"]).ended(1).complains("PROMOTION_NOT_FOUND");
}

#[test]
fn what_is_written_wrongly_is_a_usage_error() {
    tokka(&["cards", "--products", PRODUCTS, "--currency", "yen"]).ended(2).complains("`yen` is not a currency of ISO 4217");
    tokka(&["cards", "nothing", "--products", PRODUCTS]).ended(2).complains("the file has no product `nothing`");
    assert_eq!(tokka(&["cards", "--products", PRODUCTS, "--at", "tomorrow"]).code, Some(2));
}
