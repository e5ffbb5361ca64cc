//! Bad files, one by one: each is told with its line, its field and what is wrong.

use super::*;

/// Loads `text` as `bad.yaml` beside a catalogue in dollars, a store `shop`, a gift `mug` and a coupon `save`.
fn problems_of(text: &str) -> Problems {
    let beside = format!(
        "{HEAD}---\n{SHOP}---\nkind: gift\nid: mug\nname: Mug\n---\nkind: promotion\nid: save\nname: Save\nowner: shop\nwindow: {{end: \"2026-12-01T00:00:00Z\"}}\ncoupon: {{amount_off: 3}}\n"
    );
    match load(&[source("beside.yaml", &beside), source("bad.yaml", text)]) {
        Ok(_) => panic!("no problem in\n{text}"),
        Err(problems) => problems,
    }
}

/// The one problem of `text`.
fn one(name: &str, text: &str, line: u32, path: &str, fragment: &str) {
    let problems = problems_of(text);
    let found = problems.into_iter().find(|problem| {
        problem.file == "bad.yaml" && problem.line == line && problem.path == path && problem.to_string().contains(fragment)
    });
    assert!(found.is_some(), "{name}: expected bad.yaml:{line} {path}: …{fragment}…, got\n{problems}");
    assert_eq!(problems.len(), 1, "{name}: one mistake, one problem:\n{problems}");
}

/// A promotion whose first five lines are right; `rest` begins on line 5.
fn promotion(rest: &str) -> String {
    format!("kind: promotion\nid: p\nname: P\nowner: shop\n{rest}\n")
}

#[test]
fn what_is_not_a_document() {
    one("a text that is not YAML", "kind: store\nname: [a\n", 3, "", "is not YAML");
    one("a quote that never ends", "kind: store\nname: \"a\n", 2, "", "is not YAML");
    one("a list of documents", "- kind: store\n", 1, "", "is a list, not a map");
    one("a word", "hello\n", 1, "", "is a text, not a map");
    one("no kind", "id: a\nname: A\n", 1, "kind", "is missing");
    one("an unknown kind", "id: a\nkind: stor\n", 2, "kind", "did you mean `store`?");
    one("a kind that is a list", "kind: [store]\n", 1, "kind", "is not a kind");
    one("a second catalogue", "\n\nkind: catalogue\ncurrency: USD\n", 3, "", "the first is in beside.yaml on line 1");
    one("a field written twice", "kind: store\nid: a\nname: A\nid: b\n", 4, "", "`id` is written twice, first on line 2");
    one("an alias", "kind: store\nid: a\nname: *a\n", 3, "", "is not YAML");
    one("an anchor", "kind: store\nid: a\nname: &n A\n", 3, "", "has an anchor");
    one("a tag", "kind: store\nid: a\nname: !!str A\n", 3, "", "has a tag");
    one("too deep", &format!("kind: store\nid: {}\n", "[".repeat(65) + &"]".repeat(65)), 2, "", "nested more than 64 deep");
}

#[test]
fn fields_of_documents() {
    one("an unknown field", "kind: store\nid: a\nname: A\nminimun_order: 3\n", 4, "minimun_order", "did you mean `minimum_order`?");
    one("no id", "kind: store\nname: A\n", 1, "id", "is missing");
    one("an empty name", "kind: store\nid: a\nname:\n", 3, "name", "is empty");
    one("a blank name", "kind: store\nid: a\nname: ' '\n", 3, "name", "write what shoppers read");
    one("an id with a space", "kind: store\nid: a b\nname: A\n", 2, "id", "`a b` is not an id");
    one("a reserved id", "kind: store\nid: platform\nname: A\n", 2, "id", "reserved");
    one("an id that is a number", "kind: store\nid: 12\nname: A\n", 2, "id", "quote it: \"12\"");
    one("an id of two stores", "kind: store\nid: shop\nname: A\n", 2, "id", "`shop` is the id of an earlier document");
    one("a float", "kind: store\nid: a\nname: A\nminimum_order: 19.90\n", 4, "minimum_order", "quote it: \"19.90\"");
    one("too many decimals", "kind: store\nid: a\nname: A\nminimum_order: '1.005'\n", 4, "minimum_order", "more decimals than USD");
    one("a negative amount", "kind: store\nid: a\nname: A\nminimum_order: -1\n", 4, "minimum_order", "is negative");
    one("an amount beyond 10^15", "kind: gift\nid: a\nname: A\nvalue: 10000000000001\n", 4, "value", "is too large");
    one("an amount beyond 64 bits", "kind: gift\nid: a\nname: A\nvalue: 999999999999999999999\n", 4, "value", "is too large");
    one("an inventory of decimals", "kind: gift\nid: a\nname: A\ninventory: 1.5\n", 4, "inventory", "is not a whole number");
    one("an inventory below 0", "kind: gift\nid: a\nname: A\ninventory: -1\n", 4, "inventory", "write 0 or more");
}

#[test]
fn the_catalogue_document() {
    let of = |text: &str| load(&[source("bad.yaml", text)]).unwrap_err().to_string();
    let cases = [
        ("no catalogue at all", SHOP.to_owned(), "there is no document of kind `catalogue`"),
        ("an unknown currency", "kind: catalogue\ncurrency: usd\n".into(), "bad.yaml:2:11: currency: `usd` is not a currency (did you mean `USD`?)"),
        ("no currency", "kind: catalogue\n".into(), "bad.yaml:1:1: currency: is missing"),
        ("an unknown zone", format!("{HEAD}time_zone: Asia/Tokoyo\n"), "bad.yaml:3:12: time_zone: `Asia/Tokoyo` is not a time zone (did you mean `Asia/Tokyo`?)"),
        ("an unknown rounding", format!("{HEAD}rounding: half-up\n"), "bad.yaml:3:11: rounding: `half-up` is not a rounding (did you mean `half_up`?)"),
        ("a hold that is no time", format!("{HEAD}hold: {{default: 15}}\n"), "bad.yaml:3:17: hold.default: is a number"),
        ("a hold beyond the maximum", format!("{HEAD}hold: {{default: 15d}}\n"), "bad.yaml:3:8: hold.default: is longer than `hold.max`"),
        ("a policy that is none", format!("{HEAD}refund_policy: full\n"), "bad.yaml:3:16: refund_policy: `full` is not a refund policy"),
    ];
    for (name, text, expected) in cases {
        let told = of(&text);
        assert!(told.starts_with(expected), "{name}: {told}");
        assert_eq!(told.lines().count(), 1, "{name}: {told}");
    }
}

#[test]
fn promotions() {
    let bad = |name: &str, rest: &str, line: u32, path: &str, fragment: &str| one(name, &promotion(rest), line, path, fragment);
    bad("no rule", "priority: 1", 1, "", "has none of `item_price`");
    bad("two rules", "item_price: {fixed: 1}\nspend: {tiers: [{threshold: 1, amount_off: 1}]}", 6, "spend", "stands beside `item_price`");
    bad("two prices", "item_price: {fixed: 1, amount_off: 2}", 5, "item_price.amount_off", "stands beside `fixed`");
    bad("no price", "item_price: {flash: true}", 5, "item_price", "has none of `fixed`");
    bad("a percentage without quotes", "item_price: {percent_off: 15}", 5, "item_price.percent_off", "quote it: \"15\"");
    bad("a percentage above 100", "item_price: {percent_off: '101'}", 5, "item_price.percent_off", "at most 100");
    bad("nothing off", "item_price: {amount_off: 0}", 5, "item_price.amount_off", "takes nothing off");
    bad("an unknown status", "item_price: {fixed: 1}\nstatus: live", 6, "status", "`live` is not a status");
    bad("a window that ends before it starts", "item_price: {fixed: 1}\nwindow:\n  start: 2026-11-11T00:00:00Z\n  end: 2026-11-10T00:00:00Z", 8, "window.end", "is not after");
    bad("a moment without an offset", "item_price: {fixed: 1}\nwindow: {start: '2026-11-11T00:00:00'}", 6, "window.start", "is not a moment");
    bad("a day that is none", "item_price: {fixed: 1}\nschedule: [{days: [monday], from: '10:00', to: '12:00'}]", 6, "schedule[0].days[0]", "`monday` is not a day");
    bad("a session from 24:00", "item_price: {fixed: 1}\nschedule: [{from: '24:00', to: '12:00'}]", 6, "schedule[0].from", "00:00 to 23:59");
    bad("a session without an end", "item_price: {fixed: 1}\nschedule: [{from: '10:00'}]", 6, "schedule[0].to", "is missing");
    bad("all and skus", "item_price: {fixed: 1}\nscope: {include: {all: true, skus: [a]}}", 6, "scope.include", "`all` already includes");
    bad("an empty scope", "item_price: {fixed: 1}\nscope: {include: {}}", 6, "scope.include", "includes nothing");
    bad("an empty list of skus", "item_price: {fixed: 1}\nscope: {include: {skus: []}}", 6, "scope.include.skus", "is an empty list");
    bad("a store that is not there", "item_price: {fixed: 1}\nscope: {exclude: {stores: [shopp]}}", 6, "scope.exclude.stores[0]", "did you mean `shop`?");
    bad("stacking without effect", "item_price: {fixed: 1}\nstacking: {sets: true}", 6, "stacking.sets", "did you mean `set`?");
    bad("stacking of a coupon", "coupon: {amount_off: 1}\nstacking: {platform: true}", 6, "stacking.platform", "cannot have an effect");
    bad("a limit of items on a spend", "spend: {tiers: [{threshold: 1, amount_off: 1}]}\nlimits: {units_per_user: 1}", 6, "limits.units_per_user", "leave it out");
    bad("a stock below 0", "item_price: {fixed: 1}\nlimits: {stock_by_sku: {a.b: -1}}", 6, "limits.stock_by_sku.a.b", "write 0 or more");
    bad("funding short of 100", "item_price: {fixed: 1}\nfunding: [{party: platform, percent: '40'}]", 6, "funding", "sum to 40 %");
    bad("funding named twice", "item_price: {fixed: 1}\nfunding: [{party: shop, percent: '40'}, {party: shop, percent: '60'}]", 6, "funding[1].party", "named twice");
}

#[test]
fn rules() {
    let bad = |name: &str, rest: &str, line: u32, path: &str, fragment: &str| one(name, &promotion(rest), line, path, fragment);
    bad("no mode", "volume_price: {tiers: [{min_quantity: 1, fixed: 1}]}", 5, "volume_price.mode", "is missing");
    bad("no tier", "volume_price: {mode: all_units, tiers: []}", 5, "volume_price.tiers", "has no tier");
    bad("equal tiers", "volume_price:\n  mode: all_units\n  tiers:\n    - {min_quantity: 2, fixed: 1}\n    - {min_quantity: 2, fixed: 2}", 9, "volume_price.tiers[1].min_quantity", "another tier");
    bad("free units that fall", "buy_get: {mode: add, tiers: [{buy: 2, get: 2}, {buy: 3, get: 1}]}", 5, "buy_get.tiers[1].get", "fewer than buying 2");
    bad("nothing to buy", "buy_get: {mode: add, tiers: [{buy: 0, get: 2}]}", 5, "buy_get.tiers[0].buy", "between 1 and 999999");
    bad("a set of one", "mix_match: {pick: 1, fixed_total: 1}", 5, "mix_match.pick", "between 2 and");
    bad("more cheapest than picked", "mix_match: {pick: 2, cheapest: {count: 3, percent_off: '50'}}", 5, "mix_match.cheapest.count", "more than the 2");
    bad("a component of both", "bundle: {fixed_total: 1, components: [{skus: [a], categories: [b], quantity: 1}]}", 5, "bundle.components[0].categories", "stands beside `skus`");
    bad("percentages on all components", "bundle: {components: [{skus: [a], quantity: 1, percent_off: '50'}]}", 5, "bundle.components", "all carry");
    bad("max_discount alone", "coupon: {amount_off: 1, max_discount: 1}", 5, "coupon.max_discount", "goes with `percent_off` only");
    bad("max_repeats alone", "spend: {max_repeats: 2, tiers: [{threshold: 1, amount_off: 1}]}", 5, "spend.max_repeats", "goes with `repeat`");
    bad("a percentage that repeats", "spend: {repeat: true, tiers: [{threshold: 1, percent_off: '1'}]}", 5, "spend.tiers[0].percent_off", "cannot repeat");
    bad("a threshold of 0", "spend: {tiers: [{threshold: 0, amount_off: 1}]}", 5, "spend.tiers[0].threshold", "not between 1");
    bad("pieces with decimals", "spend: {basis: quantity, tiers: [{threshold: '1.5', amount_off: 1}]}", 5, "spend.tiers[0].threshold", "is not a whole number");
    bad("pieces and threshold_on", "spend: {basis: quantity, threshold_on: item, tiers: [{threshold: 1, amount_off: 1}]}", 5, "spend.threshold_on", "says nothing");
    bad("a gift that is not there", "spend: {tiers: [{threshold: 1, gifts: [{gift: mugg, quantity: 1}]}]}", 5, "spend.tiers[0].gifts[0]", "did you mean `mug`?");
    bad("a gift and a choice", "spend: {tiers: [{threshold: 1, gifts: [{gift: mug, choose: [mug], quantity: 1}]}]}", 5, "spend.tiers[0].gifts[0].choose", "stands beside `gift`");
    bad("a tier without reward", "spend: {tiers: [{threshold: 1}]}", 5, "spend.tiers[0]", "has no reward");
    one("a set of the platform", "kind: promotion\nid: p\nname: P\nowner: platform\nmix_match: {pick: 2, fixed_total: 1}\n", 4, "owner", "belongs to a store");
    one("an owner that is not there", "kind: promotion\nid: p\nname: P\nowner: shap\nitem_price: {fixed: 1}\n", 4, "owner", "did you mean `shop`?");
}

#[test]
fn distributions() {
    let bad = |name: &str, rest: &str, line: u32, path: &str, fragment: &str| {
        one(name, &format!("kind: distribution\nid: d\n{rest}\n"), line, path, fragment);
    };
    bad("no coupon", "channel: email", 1, "coupon", "is missing");
    bad("a coupon that is not there", "coupon: safe", 3, "coupon", "no promotion is called `safe`");
    bad("more a user than there are", "coupon: save\nissued: 1\nper_user: 2", 5, "per_user", "more than the 1");
    bad("more codes than there are", "coupon: save\nissued: 1\ncodes: {count: 2}", 5, "codes.count", "more than the 1");
    bad("a shared code without uses", "coupon: save\ncodes: {shared: A}", 4, "codes.shared", "goes with `uses` only");
    bad("both sorts of codes", "coupon: save\ncodes: {shared: A, uses: 1, count: 1}", 4, "codes.count", "stands beside `shared`");
    bad("a window after the coupon's", "coupon: save\nwindow: {start: '2026-12-01T00:00:00Z'}", 4, "window.start", "is over");
    bad("an empty window", "coupon: save\nwindow: {start: '2026-11-01T00:00:00Z', end: '2026-11-01T00:00:00Z'}", 4, "window.end", "is not after");
    bad("no time to use it", "coupon: save\nvalid_for: 0d", 4, "valid_for", "could not be used");
    one("a promotion that is no coupon", &format!("{PROMOTION}---\nkind: distribution\nid: d\ncoupon: p\n"), 9, "coupon", "is not a coupon");
}
