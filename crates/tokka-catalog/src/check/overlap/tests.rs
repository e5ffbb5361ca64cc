use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use tokka_core::promotion::{Owner, Promotion};
use tokka_core::schedule::is_open;

use super::*;
use crate::money::Currency;
use crate::source::Source;
use crate::{load_text, load_with_products};

const DAY: &str = "window: {start: \"2026-11-11T00:00:00Z\", end: \"2026-11-12T00:00:00Z\"}";

/// What is told of two item promotions that say this, beside what every promotion says.
fn told(settings: &str, one: &str, other: &str) -> Vec<String> {
    let promotion = |id: &str, rest: &str| {
        let owner = if rest.contains("owner") { "" } else { "owner: shop\n" };
        let status = if rest.contains("status") { "" } else { "status: published\n" };
        format!("---\nkind: promotion\nid: {id}\nname: P\n{owner}{status}item_price: {{fixed: 1}}\n{rest}\n")
    };
    let head = format!("kind: catalogue\ncurrency: JPY\ntime_zone: Europe/Berlin\n{settings}\n");
    let stores = "---\nkind: store\nid: shop\nname: S\n---\nkind: store\nid: mart\nname: M\n";
    let text = format!("{head}{stores}{}{}", promotion("one", one), promotion("two", other));
    let problems = load_text("c.yaml", &text).err();
    problems.iter().flatten().map(ToString::to_string).collect()
}

fn meet(one: &str, other: &str) -> bool {
    let both = [told("item_overlap: forbid", one, other), told("item_overlap: forbid", other, one)];
    assert_eq!(both[0].len(), both[1].len(), "one | other is as other | one: {both:#?}");
    assert_eq!(told("", one, other), Vec::<String>::new(), "nothing is refused where it is not forbidden");
    !both[0].is_empty()
}

#[test]
fn what_meets_is_told_at_the_later_one() {
    assert_eq!(
        told("item_overlap: forbid", "", "scope: {include: {skus: [a]}}"),
        ["c.yaml:28:1: scope: could be active for one product together with `one`, which `item_overlap: forbid` refuses (the \
          other is in c.yaml on line 14: end one before the other begins, or name other products)"]
    );
}

#[test]
fn scopes_meet_by_a_sku_a_category_or_all() {
    let scope = |include: &str, exclude: &str| format!("scope: {{include: {{{include}}}, exclude: {{{exclude}}}}}");
    let a = scope("skus: [a]", "");
    assert!(meet(&a, &scope("skus: [b, a]", "")));
    assert!(!meet(&a, &scope("skus: [b]", "")));
    assert!(meet(&a, &scope("categories: [pens]", "")), "a sku and a category count as shared");
    assert!(meet(&a, ""));
    assert!(!meet(&a, &scope("all: true", "skus: [a]")));
    assert!(!meet(&a, &scope("categories: [pens]", "skus: [a]")));
    assert!(meet(&scope("categories: [pens]", ""), &scope("categories: [pens, bags]", "")));
    assert!(!meet(&scope("categories: [pens]", ""), &scope("categories: [bags]", "")));
    assert!(!meet(&scope("categories: [pens]", ""), &scope("all: true", "categories: [pens]")));
    assert!(meet("", ""));
}

#[test]
fn stores_meet_where_both_may_cover_one() {
    assert!(!meet("owner: shop", "owner: mart"));
    assert!(meet("owner: platform", "owner: mart"));
    assert!(!meet("owner: platform\nscope: {include: {stores: [shop]}}", "owner: mart"));
    assert!(!meet("owner: platform\nscope: {include: {all: true}, exclude: {stores: [mart]}}", "owner: mart"));
    assert!(meet("owner: platform\nscope: {include: {stores: [shop, mart]}}", "owner: platform"));
    assert!(!meet("owner: platform\nscope: {include: {stores: [shop]}}", "owner: platform\nscope: {include: {stores: [mart]}}"));
}

#[test]
fn windows_and_schedules_meet_at_a_moment() {
    assert!(!meet(DAY, "window: {start: \"2026-11-12T00:00:00Z\"}"), "the end is not in the window");
    assert!(meet(DAY, "window: {start: \"2026-11-11T23:59:59Z\"}"));
    assert!(!meet("window: {end: \"2026-11-12T00:00:00Z\"}", "window: {start: \"2026-11-12T00:00:00Z\"}"));
    let at = |days: &str, from: &str, to: &str| format!("schedule: [{{days: [{days}], from: \"{from}\", to: \"{to}\"}}]");
    assert!(!meet(&at("", "10:00", "12:00"), &at("", "12:00", "14:00")));
    assert!(meet(&at("", "10:00", "12:01"), &at("", "12:00", "14:00")));
    assert!(!meet(&at("mon", "10:00", "12:00"), &at("tue", "10:00", "12:00")));
    assert!(meet(&at("mon", "22:00", "02:00"), &at("tue", "01:00", "03:00")), "past midnight");
    assert!(!meet(&format!("{DAY}\n{}", at("mon", "10:00", "12:00")), DAY), "that day is a Wednesday");
    assert!(meet(&format!("{DAY}\n{}", at("wed", "10:00", "12:00")), DAY));
}

#[test]
fn only_published_item_promotions_count() {
    assert!(!meet("status: draft", ""));
    assert!(!meet("status: paused", ""));
}

/// What is told beside these products.
fn told_beside(products: &str, one: &str, other: &str) -> Vec<String> {
    let promotion = |id: &str, rest: &str| {
        format!("---\n{{kind: promotion, id: {id}, name: P, status: published, item_price: {{fixed: 1}}, {rest}}}\n")
    };
    let head = "kind: catalogue\ncurrency: JPY\nitem_overlap: forbid\n---\nkind: store\nid: shop\nname: S\n---\nkind: store\nid: mart\nname: M\n";
    let text = format!("{head}{}{}", promotion("one", one), promotion("two", other));
    let sources = [Source { name: "c.yaml".to_owned(), text }];
    let products = Source { name: "p.csv".to_owned(), text: format!("sku,store,unit_price,categories\n{products}") };
    load_with_products(&sources, &products).err().iter().flatten().map(ToString::to_string).collect()
}

#[test]
fn products_decide_whether_a_sku_is_in_a_category() {
    let (bag, pens) = ("owner: shop, scope: {include: {skus: [bag]}}", "owner: shop, scope: {include: {categories: [pens]}}");
    let meet = |products: &str, one: &str, other: &str| {
        let both = [told_beside(products, one, other), told_beside(products, other, one)];
        assert_eq!(both[0].len(), both[1].len(), "{both:#?}");
        !both[0].is_empty()
    };
    assert!(!meet("bag,shop,9,bags\n", bag, pens));
    assert!(meet("bag,shop,9,bags|pens\n", bag, pens));
    assert!(!meet("bag,mart,9,pens\n", bag, pens), "another shop's bag is another product");
    assert!(!meet("", bag, pens), "what nobody sells is in no category");
    assert!(meet("", bag, bag), "and has a name all the same");
    assert!(meet(
        "bag,mart,9,pens\n",
        "owner: platform, scope: {include: {skus: [bag]}}",
        "owner: platform, scope: {include: {categories: [pens]}}"
    ));
    let others = "owner: shop, scope: {include: {all: true}, exclude: {categories: [pens]}}";
    assert!(meet("bag,shop,9,bags\n", bag, others));
    assert!(!meet("bag,shop,9,pens\n", bag, others));
}

#[test]
fn products_that_cannot_be_read_decide_nothing() {
    let (bag, pens) = ("owner: shop, scope: {include: {skus: [bag]}}", "owner: shop, scope: {include: {categories: [pens]}}");
    assert_eq!(told_beside("bag,shop,9.5,pens\n", bag, pens), ["p.csv:2:10: unit_price: `9.5` has decimals, and JPY has none"]);
    let found = told_beside("bag,shop,9.5,pens\n", bag, "owner: nobody");
    assert_eq!(found.len(), 2, "what is wrong with the catalogue is told along: {found:#?}");
}

fn catalogue(text: &str) -> Catalogue {
    load_text("c.yaml", text).unwrap_or_else(|problems| panic!("{problems}")).catalogue
}

#[test]
fn two_stores_are_never_compared() {
    let mut text = "kind: catalogue\ncurrency: JPY\n".to_owned();
    let promotion = |store: usize, id: &str, rest: &str| {
        format!(
            "---\n{{kind: promotion, id: {id}-{store}, name: P, status: published, owner: s{store}, item_price: {{fixed: 1}}, {rest}}}\n"
        )
    };
    for store in 0..500 {
        text.push_str(&format!("---\n{{kind: store, id: s{store}, name: S}}\n"));
        text.push_str(&promotion(store, "a", "scope: {include: {skus: [a]}}"));
        text.push_str(&promotion(store, "b", "scope: {include: {skus: [b]}}"));
        text.push_str(&promotion(store, "c", "scope: {include: {categories: [c]}, exclude: {skus: [a, b]}}"));
    }
    let search = Search::of(&catalogue(&text), None, |_| true, |_| true, usize::MAX);
    assert_eq!(search.pairs, []);
    assert_eq!(search.compared, 500 * 2, "the category of a store with each of its two skus, and nothing else");
}

/// A thousand promotions of one sku, with the rest of each.
fn of_one_sku(rest: impl Fn(usize) -> String) -> Catalogue {
    let mut text = "kind: catalogue\ncurrency: JPY\n---\n{kind: store, id: shop, name: S}\n".to_owned();
    for number in 0..1_000 {
        text.push_str(&format!(
            "---\n{{kind: promotion, id: p-{number}, name: P, status: published, owner: shop, scope: {{include: {{skus: [a]}}}}, \
             item_price: {{fixed: 1}}, {}}}\n",
            rest(number)
        ));
    }
    catalogue(&text)
}

#[test]
fn what_is_over_is_never_compared_with_what_comes_after() {
    let moment = |day: usize| format!("{}-{:02}-{:02}T00:00:00Z", 2026 + day / 336, 1 + day % 336 / 28, 1 + day % 28);
    let days = of_one_sku(|day| format!("window: {{start: \"{}\", end: \"{}\"}}", moment(day), moment(day + 1)));
    let search = Search::of(&days, None, |_| true, |_| true, usize::MAX);
    assert_eq!((search.pairs, search.compared), (Vec::new(), 0));
}

#[test]
fn schedules_that_never_meet_are_never_compared() {
    let hours = of_one_sku(|number| {
        let hour = if number < 500 { 8 } else { 20 };
        format!("schedule: [{{from: \"{hour:02}:00\", to: \"{:02}:00\"}}]", hour + 1)
    });
    let search = Search::of(&hours, None, |_| true, |_| true, usize::MAX);
    assert_eq!((search.pairs.len(), search.compared), (998, 998), "each with one of its own hour");
}

/// The same answer, found by asking of every pair, every store, every product that may be and every hour.
fn naive(catalogue: &Catalogue, products: Option<&Products>) -> (Vec<usize>, BTreeSet<(usize, usize)>) {
    let zone = &catalogue.settings().time_zone;
    let all = catalogue.promotions();
    let begin: Timestamp = "2026-10-20T00:00:00Z".parse().unwrap();
    let hours: Vec<Timestamp> = (0..51 * 24).map(|hour| begin + SignedDuration::from_hours(hour)).collect();
    let active = |one: &Promotion, at: Timestamp| {
        let window = one.window.start.is_none_or(|start| start <= at) && one.window.end.is_none_or(|end| at < end);
        window && is_open(&one.schedule, zone, at)
    };
    let meet = |one: &Promotion, other: &Promotion| {
        naive_share_a_product(one, other, products) && hours.iter().any(|at| active(one, *at) && active(other, *at))
    };
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| (all[*at].window.start, *at));
    let (mut found, mut pairs) = (Vec::new(), BTreeSet::new());
    for (number, at) in order.iter().enumerate() {
        let met = order[..number].iter().filter(|before| meet(&all[*at], &all[**before]));
        let before = pairs.len();
        pairs.extend(met.map(|other| (*at.max(other), *at.min(other))));
        if pairs.len() > before {
            found.push(*at);
        }
    }
    (found, pairs)
}

fn naive_share_a_product(one: &Promotion, other: &Promotion, products: Option<&Products>) -> bool {
    let sold_in = |promotion: &Promotion, store: &str| {
        let scope = &promotion.scope;
        let owned = match &promotion.owner {
            Owner::Platform => true,
            Owner::Store(owner) => *owner == *store,
        };
        let named = scope.include.stores.as_ref().is_none_or(|stores| stores.iter().any(|id| *id == *store));
        owned && named && !scope.exclude.stores.iter().any(|id| *id == *store)
    };
    let holds = |promotion: &Promotion, sku: &str, categories: &[&str]| {
        let scope = &promotion.scope;
        let lists = |list: &[Token], text: &str| list.iter().any(|token| *token == *text);
        let lists_one = |list: &[Token]| categories.iter().any(|category| lists(list, category));
        let (skus, named) = (scope.include.skus.as_deref(), scope.include.categories.as_deref());
        let included =
            (skus.is_none() && named.is_none()) || skus.is_some_and(|skus| lists(skus, sku)) || named.is_some_and(lists_one);
        included && !lists(&scope.exclude.skus, sku) && !lists_one(&scope.exclude.categories)
    };
    // Of some stores and products nothing at all is known.
    let stores = ["s0", "s1", "s2", "other"].into_iter().filter(|store| sold_in(one, store) && sold_in(other, store));
    let stores: Vec<&str> = stores.collect();
    let anything: [&[&str]; 4] = [&[], &["p"], &["q"], &["r"]];
    // Two categories do not meet by a product that is in both: only what is named with its sku is looked up.
    let names = |promotion: &Promotion, sku: &str| promotion.scope.include.skus.iter().flatten().any(|token| *token == *sku);
    let skus = ["a", "b", "c", "other"].into_iter().filter(|sku| *sku == "other" || names(one, sku) || names(other, sku));
    !stores.is_empty()
        && skus.into_iter().any(|sku| {
            let may_be: Vec<Vec<&str>> = match products {
                Some(products) if sku != "other" => {
                    let sold = products.of_sku(sku).filter(|product| stores.contains(&product.store.as_str()));
                    let sold: Vec<_> = sold.map(|product| product.categories.iter().map(Token::as_str).collect()).collect();
                    if sold.is_empty() { vec![Vec::new()] } else { sold }
                }
                _ => anything.iter().map(|categories| categories.to_vec()).collect(),
            };
            may_be.iter().any(|categories| holds(one, sku, categories) && holds(other, sku, categories))
        })
}

fn some(random: &mut fastrand::Rng, words: &[&str]) -> String {
    let mut words = words.to_vec();
    random.shuffle(&mut words);
    words.truncate(random.usize(1..=words.len()));
    words.join(", ")
}

fn random_promotion(random: &mut fastrand::Rng, id: usize) -> String {
    let (stores, skus, categories) = (["s0", "s1", "s2"], ["a", "b", "c"], ["p", "q", "r"]);
    let owner = *random.choice(["platform", "s0", "s1", "s2"].iter()).unwrap();
    let mut include = match random.u8(0..4) {
        0 => "all: true".to_owned(),
        1 => format!("categories: [{}]", some(random, &categories)),
        2 => format!("skus: [{}]", some(random, &skus)),
        _ => format!("skus: [{}], categories: [{}]", some(random, &skus[..1]), some(random, &categories[1..])),
    };
    if random.u8(0..4) == 0 {
        include.push_str(&format!(", stores: [{}]", some(random, &stores)));
    }
    let mut exclude: Vec<String> = Vec::new();
    for (field, words) in [("skus", &skus[..]), ("categories", &categories[..]), ("stores", &stores[..])] {
        if random.u8(0..4) == 0 {
            exclude.push(format!("{field}: [{}]", some(random, words)));
        }
    }
    let day = |random: &mut fastrand::Rng| random.u8(1..=9);
    let window = match random.u8(0..4) {
        0 => String::new(),
        1 => format!("window: {{start: \"2026-11-0{}T00:00:00Z\"}}, ", day(random)),
        2 => format!("window: {{end: \"2026-11-0{}T06:00:00Z\"}}, ", day(random)),
        _ => {
            let start = day(random);
            let end = start + random.u8(1..=4);
            format!("window: {{start: \"2026-11-0{start}T00:00:00Z\", end: \"2026-11-{end:02}T00:00:00Z\"}}, ")
        }
    };
    let schedule = if random.bool() {
        let days = some(random, &["mon", "wed", "fri", "sat", "sun"]);
        format!("schedule: [{{days: [{days}], from: \"{:02}:00\", to: \"{:02}:00\"}}], ", random.u8(0..24), random.u8(1..=24))
    } else {
        String::new()
    };
    format!(
        "---\n{{kind: promotion, id: p{id}, name: P, status: published, owner: {owner}, {window}{schedule}scope: {{include: {{{include}}}, exclude: {{{}}}}}, item_price: {{fixed: 1}}}}\n",
        exclude.join(", ")
    )
}

#[test]
fn the_index_finds_what_a_comparison_of_all_pairs_finds() {
    let mut found = [0, 0];
    for seed in 0..150 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut text = "kind: catalogue\ncurrency: JPY\ntime_zone: Europe/Berlin\n".to_owned();
        (0..3).for_each(|store| text.push_str(&format!("---\n{{kind: store, id: s{store}, name: S}}\n")));
        (0..10).for_each(|id| text.push_str(&random_promotion(&mut random, id)));
        let catalogue = catalogue(&text);
        let mut csv = "sku,store,unit_price,categories\n".to_owned();
        for (sku, store) in ["a", "b", "c"].into_iter().flat_map(|sku| ["s0", "s1", "s2"].map(|store| (sku, store))) {
            if random.bool() {
                let categories =
                    if random.bool() { some(&mut random, &["p", "q", "r"]).replace(", ", "|") } else { String::new() };
                csv.push_str(&format!("{sku},{store},9,{categories}\n"));
            }
        }
        let csv = Source { name: "p.csv".to_owned(), text: csv };
        let products = Products::parse(&csv, Currency::from_code("JPY")).unwrap_or_else(|problems| panic!("{problems}"));
        let mut without: Vec<usize> = Vec::new();
        for (number, products) in [None, Some(&products)].into_iter().enumerate() {
            let pairs = Search::of(&catalogue, products, |_| true, |_| true, usize::MAX).pairs;
            let mut told: Vec<usize> = pairs.iter().map(|(later, _)| *later).collect();
            told.sort_unstable();
            let (mut expected, meet) = naive(&catalogue, products);
            expected.sort_unstable();
            assert_eq!(told, expected, "seed {seed}, products {}:\n{text}\n{}", number == 1, csv.text);
            assert!(pairs.iter().all(|(a, b)| meet.contains(&(*a.max(b), *a.min(b)))), "seed {seed}: {pairs:?}");
            match number {
                0 => without = told,
                _ => assert!(told.iter().all(|one| without.contains(one)), "seed {seed}: products only ever acquit"),
            }
            found[number] += pairs.len();
        }
    }
    assert!(found.iter().all(|found| *found > 150), "{found:?}");
}
