use super::*;

mod schemas;

pub(super) const HEAD: &str = "kind: catalogue\ncurrency: USD\n";
pub(super) const SHOP: &str = "kind: store\nid: shop\nname: Shop\n";
pub(super) const PROMOTION: &str = "kind: promotion\nid: p\nname: P\nowner: shop\nitem_price: {fixed: \"9.50\"}\n";

pub(super) fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

/// Documents in one file each: `1.yaml`, `2.yaml`, …
fn load_texts(texts: &[&str]) -> Result<Loaded, Problems> {
    let sources: Vec<Source> =
        texts.iter().enumerate().map(|(index, text)| source(&format!("{}.yaml", index + 1), text)).collect();
    load(&sources)
}

fn loaded(texts: &[&str]) -> Loaded {
    load_texts(texts).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_catalogue_document_may_stand_in_any_file() {
    let loaded = loaded(&[PROMOTION, &format!("{SHOP}---\n{HEAD}time_zone: Asia/Tokyo\nhold: {{max: 7d}}\n")]);
    assert_eq!(loaded.counts, Counts { files: 2, stores: 1, promotions: 1, ..Counts::default() });
    let settings = &loaded.settings;
    assert_eq!((settings.pricing.currency.as_str(), settings.pricing.exponent), ("USD", 2));
    assert_eq!(settings.hold_default.as_secs(), 900);
    assert_eq!(settings.hold_max.as_secs(), 7 * 86_400);
    let promotion = &loaded.catalogue.promotions()[0];
    assert_eq!(promotion.status, Status::Draft);
    assert!(format!("{:?}", promotion.rule).contains("Fixed(Amount(950))"), "{:?}", promotion.rule);
    assert_eq!(loaded.promotion_places, [DocumentPlace { source: 0, document: 0, inline: None, line: 1 }]);
}

#[test]
fn json_and_yaml_are_one_format() {
    let json = r#"{"kind": "promotion", "id": "p", "name": "P", "owner": "shop", "item_price": {"fixed": "9.50"}}"#;
    let (from_yaml, from_json) = (loaded(&[HEAD, SHOP, PROMOTION]), loaded(&[HEAD, SHOP, json]));
    assert_eq!(from_yaml.catalogue.promotions(), from_json.catalogue.promotions());
    assert_ne!(from_yaml.revision, from_json.revision);
}

#[test]
fn scenarios_and_baskets_may_stand_beside_a_catalogue() {
    let loaded = loaded(&[HEAD, "kind: scenario\nanything: goes\n---\nkind: basket\n---\n---\n# nothing\n"]);
    assert_eq!(loaded.counts.files, 2);
}

#[test]
fn every_field_of_the_format_is_read() {
    let text = r#"
kind: promotion
id: full
name: Full
description: all of it
owner: shop
status: published
window: {start: "2026-11-11T00:00:00+09:00", end: "2026-11-12T00:00:00+09:00"}
schedule: [{days: [mon, fri], from: "10:00", to: "24:00"}, {from: "22:00", to: "02:00"}]
audience: {tags_any: [a], tags_none: [b], channels: [c], regions: [d]}
scope: {include: {skus: [x], categories: [y], stores: [shop]}, exclude: {skus: [z], categories: [q], stores: []}}
priority: -3
stacking: {set: true, spend: false, store_coupon: false, platform: true}
limits: {stock: 1000, stock_by_sku: {x: 800}, units_per_order: 4, units_per_user: 2, orders_per_user: 1, per_sku: true, period: week, budget: "5000.25"}
display: {original_price: "19.80", label: now}
funding: [{party: platform, percent: "40"}, {party: seller, percent: "60"}]
volume_price: {mode: graduated, tiers: [{min_quantity: 10, percent_off: "5"}, {min_quantity: 50, fixed: 8}, {min_quantity: 60, amount_off: 1}]}
"#;
    let loaded = loaded(&[HEAD, SHOP, text]);
    let shown = format!("{:#?}", loaded.catalogue.promotions());
    for part in [
        "2026-11-10T15:00:00Z",
        "to: 1440",
        "from: 1320",
        "priority: -3",
        "500025",
        "period: Week",
        "per_sku: true",
        "Graduated",
        "AmountOff",
        "Seller",
    ] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}

#[test]
fn each_rule_block_is_read() {
    let blocks = [
        ("ItemPrice", "item_price: {amount_off: 1, flash: true}"),
        ("VolumePrice", "volume_price: {mode: all_units, tiers: [{min_quantity: 10, percent_off: \"5\"}]}"),
        ("BuyGet", "buy_get: {mode: add, repeat: true, tiers: [{buy: 10, get: 1}, {buy: 50, get: 8}]}"),
        ("MixMatch", "mix_match: {pick: 3, cheapest: {count: 1, percent_off: \"100\"}, max_sets: 2}"),
        ("Bundle", "bundle: {components: [{skus: [a], quantity: 1}, {categories: [b], quantity: 1, percent_off: \"100\"}]}"),
        (
            "Spend",
            "spend: {basis: quantity, tiers: [{threshold: 3, percent_off: \"12\", max_discount: 30, gifts: [{gift: g, quantity: 1}, {choose: [g], quantity: 2}]}]}",
        ),
        ("Coupon", "coupon: {threshold: 30, amount_off: 3, threshold_on: item, qualify: {include: {skus: [a]}}}"),
    ];
    for (rule, block) in blocks {
        let text = format!("kind: promotion\nid: p\nname: P\nowner: shop\n{block}\n");
        let loaded = loaded(&[HEAD, SHOP, "kind: gift\nid: g\nname: G\n", &text]);
        let shown = format!("{:?}", loaded.catalogue.promotions()[0].rule);
        assert!(shown.starts_with(rule), "{shown}");
    }
}

#[test]
fn a_threshold_counts_what_its_basis_says() {
    let threshold = |basis: &str| {
        let text = format!(
            "kind: promotion\nid: p\nname: P\nowner: shop\nspend: {{basis: {basis}, tiers: [{{threshold: 3, amount_off: 1}}]}}\n"
        );
        format!("{:?}", loaded(&[HEAD, SHOP, &text]).catalogue.promotions()[0].rule)
    };
    assert!(threshold("amount").contains("threshold: 300"));
    assert!(threshold("quantity").contains("threshold: 3,"));
}

#[test]
fn distributions_are_read() {
    let coupon = "kind: promotion\nid: c\nname: C\nowner: shop\ncoupon: {amount_off: 3}\n";
    let distribution = "kind: distribution\nid: d\ncoupon: c\nchannel: email\nvisible: true\nissued: 100\nper_user: 2\nvalid_for: 14d\ncodes: {shared: SAVE3, uses: 50}\n";
    let loaded = loaded(&[HEAD, SHOP, coupon, distribution, "kind: distribution\nid: e\ncoupon: c\ncodes: {count: 0}\n"]);
    assert_eq!(loaded.counts.distributions, 2);
    assert_eq!(loaded.distributions[0].codes, crate::Codes::Shared { code: "SAVE3".parse_token(), uses: 50 });
    assert_eq!(loaded.distributions[1].codes, crate::Codes::None);
    assert!(!loaded.distributions[1].visible);
}

#[test]
fn a_distribution_may_end_before_it_begins() {
    let coupon = "kind: promotion\nid: c\nname: C\nowner: shop\ncoupon: {amount_off: 3}\n";
    let distribution = |rest: &str| format!("kind: distribution\nid: d\ncoupon: c\n{rest}\n");
    let read = |rest: &str| loaded(&[HEAD, SHOP, coupon, &distribution(rest)]).distributions.remove(0);
    assert_eq!(read("issued: 1\nper_user: 2").per_user, Some(2));
    assert_eq!(read("issued: 0").issued, Some(0));
    let shared = read("codes: {count: 0, shared: SAVE3, uses: 50}");
    assert_eq!(shared.codes, crate::Codes::Shared { code: "SAVE3".parse_token(), uses: 50 });
    for refused in
        ["issued: -1", "per_user: 0", "codes: {count: 0, uses: 5}", "issued: 0\ncodes: {count: 1}", "codes: {count: 16777217}"]
    {
        assert!(load_texts(&[HEAD, SHOP, coupon, &distribution(refused)]).is_err(), "{refused}");
    }
}

trait ParseToken {
    fn parse_token(&self) -> tokka_core::id::Token;
}

impl ParseToken for str {
    fn parse_token(&self) -> tokka_core::id::Token {
        tokka_core::id::Token::parse(self).unwrap()
    }
}

#[test]
fn all_problems_of_all_files_are_told_at_once() {
    let problems = load_texts(&[
        "kind: catalogue\ncurrency: YEN\n",
        "kind: store\nid: shop\nnam: Shop\n",
        "a: [1\n",
        "kind: promotion\nid: p\nname: ''\nowner: shop\nitem_price: {fixed: 9.5}\n---\nkind: promotion\nid: q\nname: ''\nowner: nobody\nitem_price: {fixed: 1}\n",
    ])
    .unwrap_err();
    let told: Vec<String> = problems.into_iter().map(ToString::to_string).collect();
    let expected = [
        "1.yaml:2:11: currency: `YEN` is not a currency",
        "2.yaml:1:1: name: is missing",
        "2.yaml:3:1: nam: there is no such field (did you mean `name`?)",
        "3.yaml:2:1: is not YAML",
        "4.yaml:5:21: item_price.fixed: `9.5` is a float",
        "4.yaml:9:1: name: is empty",
        "4.yaml:10:1: owner: no store is called `nobody`",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told} should start with {expected}");
    }
}

#[test]
fn many_documents_are_read_in_one_pass() {
    let mut text = format!("{HEAD}---\n{SHOP}");
    for index in 0..20_000 {
        text.push_str(&format!("---\nkind: promotion\nid: p{index}\nname: P\nowner: shop\nitem_price: {{fixed: 1}}\n"));
    }
    let loaded = loaded(&[&text]);
    assert_eq!(loaded.counts.promotions, 20_000);
    assert_eq!(loaded.promotion_places[19_999].document, 20_001);
    // As many problems in as many documents: they are found in one pass too.
    let broken = text.replace("name: P\n", "name: ' '\n");
    let problems = load_texts(&[&broken]).unwrap_err();
    assert_eq!(problems.len(), 1_001);
    assert_eq!(problems.as_slice()[1].line, 10 + 6);
}
