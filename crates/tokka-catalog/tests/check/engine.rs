//! Is what promotions leave together, as a check tells it, what a basket would really pay?

use tokka_catalog::check::{Code, Number, check};
use tokka_catalog::{Source, load_to_check};
use tokka_core::basket::{Basket, BasketRequest, CouponsOffered, LineRequest};
use tokka_core::quote::{View, quote};
use tokka_core::rulebook::Rulebook;

const CATALOGUE: &str = "kind: catalogue
currency: JPY
---
{kind: store, id: shop, name: S}
---
kind: promotion
id: item
name: P
owner: shop
status: published
scope: {include: {skus: [tea]}}
stacking: {set: false, spend: true, store_coupon: true, platform: true}
item_price: {percent_off: \"10\"}
---
{kind: promotion, id: spend, name: P, owner: shop, status: published, spend: {tiers: [{threshold: 2000, amount_off: 200}]}}
---
{kind: promotion, id: coupon, name: P, owner: shop, status: published, coupon: {threshold: 1000, percent_off: \"5\"}}
---
kind: promotion
id: shared
name: P
owner: platform
status: published
funding: [{party: platform, percent: \"40\"}, {party: seller, percent: \"60\"}]
coupon: {threshold: 1000, percent_off: \"10\"}
";

#[test]
fn the_worst_that_is_told_happens_in_a_basket() {
    let files = [Source { name: "shop.yaml".to_owned(), text: CATALOGUE.to_owned() }];
    let csv = Source { name: "p.csv".to_owned(), text: "sku,store,unit_price,unit_cost\ntea,shop,1000,730\n".to_owned() };
    let at = "2026-11-25T00:00:00Z".parse().unwrap();
    let (loaded, products) = load_to_check(&files, Some(&csv)).unwrap();
    let report = check(&loaded, products.as_ref(), at);
    let [finding] = report.findings.as_slice() else { panic!("{:#?}", report.findings) };
    assert_eq!((finding.code, finding.others.len()), (Code::StacksBelowCost, 4), "all four, and the product");
    let number = |name: &str| match finding.numbers.iter().find(|(known, _)| *known == name) {
        Some((_, Number::Amount(amount))) => amount.get(),
        other => panic!("{name} is {other:?}"),
    };

    // The tea at 900 and something for 1,100: a sum that has just reached the threshold of the spend.
    let line = |sku: &str, unit_price| LineRequest {
        line_id: sku.to_owned(),
        sku: sku.to_owned(),
        store: "shop".to_owned(),
        unit_price,
        quantity: 1,
        ..LineRequest::default()
    };
    let basket = Basket::parse(BasketRequest {
        currency: "JPY".to_owned(),
        at,
        lines: vec![line("tea", 1_000), line("cup", 1_100)],
        coupons: CouponsOffered::These(vec!["coupon".to_owned(), "shared".to_owned()]),
        ..BasketRequest::default()
    });
    let rulebook = Rulebook::compile(loaded.catalogue.clone());
    let quote = quote(&rulebook, &basket.unwrap(), |_| 0, View::Full).unwrap();
    // 900 less 90 of the spend is 810, less 40.5 of the coupon 770, less a tenth 693.
    let paid: i64 = quote.segments.iter().filter(|tea| tea.gross.get() == 1_000).map(|tea| tea.amount.get()).sum();
    assert!((number("paid") - paid).abs() <= 1, "told {}, paid {paid}", number("paid"));
    // Of the 77 of the platform's coupon 60 % are the store's.
    assert_eq!((number("paid"), number("left")), (693, 723));
}
