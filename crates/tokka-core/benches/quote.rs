//! What does a quote cost, and does it grow with the catalogue? 20 lines, four promotions that apply, and 100 to
//! 1,000,000 in the catalogue. The same 1,000 baskets each time; every promotion beyond the first 31 covers other skus,
//! half of them in the same stores.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot be set up has nothing to say")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, Throughput};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokka_core::amount::Amount;
use tokka_core::basket::{Basket, BasketRequest, CouponsOffered, LineRequest};
use tokka_core::card::Known;
use tokka_core::catalogue::{Catalogue, Settings, Store};
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{
    Basis, Coupon, Discount, Include, ItemPrice, Limits, Owner, Promotion, Rule, Scope, Spend, SpendTier, Status, ThresholdOn,
    UnitPrice,
};
use tokka_core::quote::{Quote, View};
use tokka_core::rate::{Rate, Rounding};
use tokka_core::rulebook::Rulebook;

const SIZES: [usize; 3] = [100, 100_000, 1_000_000];
const BASKETS: usize = 1_000;
const LINES: usize = 20;
/// Stores that the baskets buy in, each with an item price, a spend and a coupon; the platform has one spend.
const STORES: usize = 10;
/// Stores of the other promotions.
const OTHER_STORES: usize = 1_000;
const APPLY: usize = 4;
/// Rounds of the comparison: each takes every catalogue once, so that a slow moment hits all of them.
const ROUNDS: usize = 31;

fn main() {
    let baskets: Vec<Basket> = (0..BASKETS).map(basket).collect();
    let mut books = Vec::new();
    for size in SIZES {
        let catalogue = catalogue(size);
        let started = now();
        let book = Rulebook::compile(catalogue);
        println!("a rulebook of {size} promotions compiles in {} ms", started.elapsed().as_millis());
        books.push(book);
    }
    for (book, view) in books.iter().zip([View::Basic; 3]) {
        let all_apply = baskets.iter().all(|basket| quote(book, basket, view).applied.len() == APPLY);
        assert!(all_apply, "a basket has not {APPLY} promotions that apply");
    }
    let mut criterion = Criterion::default().configure_from_args();
    for (name, view) in [("BASIC", View::Basic), ("FULL", View::Full)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(1));
        for (book, size) in books.iter().zip(SIZES) {
            let mut next = baskets.iter().cycle();
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter(|| quote(book, next.next().expect("a cycle goes on"), view));
            });
        }
        group.finish();
    }
    criterion.final_summary();
    for (name, view) in [("BASIC", View::Basic), ("FULL", View::Full)] {
        compare(name, &books, &baskets, view);
    }
    for (book, size) in books.iter().zip(SIZES) {
        cards(book, size);
    }
}

/// Products of a page.
const CARDS: usize = 200;

/// The cards of a page in one pass, and the same by a quote of each product alone.
fn cards(book: &Rulebook, size: usize) {
    let products: Vec<LineRequest> = (0..CARDS).flat_map(|number| basket(number).to_request().lines).step_by(LINES).collect();
    let products =
        products.into_iter().enumerate().map(|(number, line)| LineRequest { line_id: format!("p{number}"), quantity: 1, ..line });
    let page = |lines: Vec<LineRequest>| {
        let user = Some("u1".to_owned());
        Basket::parse(BasketRequest { currency: "JPY".to_owned(), at: at(), user, lines, ..BasketRequest::default() }).unwrap()
    };
    let products: Vec<LineRequest> = products.collect();
    let alone: Vec<Basket> = products.iter().map(|product| page(vec![product.clone()])).collect();
    let page = page(products);
    let median = |run: &dyn Fn()| {
        let mut nanos: Vec<u128> = (0..ROUNDS * 10)
            .map(|_| {
                let started = now();
                run();
                started.elapsed().as_nanos()
            })
            .collect();
        nanos.sort_unstable();
        nanos.get(nanos.len() / 2).copied().unwrap_or(0)
    };
    let one_pass = median(&|| {
        let shelf = book.shelf(black_box(&page)).expect("products of this currency");
        let usage = vec![0; shelf.counters().rows().len()];
        black_box(shelf.cards(&usage, Known::Usage).expect("valid products have cards"));
    });
    let quotes = median(&|| {
        for basket in &alone {
            quote(book, basket, View::Basic);
        }
    });
    println!(
        "cards: {size} promotions: {} µs for {CARDS} in one pass, {} µs by a quote of each",
        one_pass / 1_000,
        quotes / 1_000
    );
}

/// Prepares and prices, with no counter used.
fn quote(book: &Rulebook, basket: &Basket, view: View) -> Quote {
    let prepared = book.prepare(black_box(basket)).expect("the basket names nothing that is not there");
    let usage = vec![0; prepared.counters().rows().len()];
    black_box(prepared.price(&usage, view).expect("a valid basket has a price"))
}

/// Round by round, all baskets under each catalogue: medians, and how they relate.
fn compare(name: &str, books: &[Rulebook], baskets: &[Basket], view: View) {
    let mut nanos: Vec<Vec<u128>> = vec![Vec::new(); books.len()];
    for _ in 0..ROUNDS {
        for (book, nanos) in books.iter().zip(&mut nanos) {
            for basket in baskets {
                quote(book, basket, view);
            }
            let started = now();
            for basket in baskets {
                quote(book, basket, view);
            }
            nanos.push(started.elapsed().as_nanos() / baskets.len() as u128);
        }
    }
    let medians: Vec<u128> = nanos
        .into_iter()
        .map(|mut nanos| {
            nanos.sort_unstable();
            nanos.get(nanos.len() / 2).copied().unwrap_or(0)
        })
        .collect();
    let first = medians.first().copied().unwrap_or(1).max(1);
    for (median, size) in medians.iter().zip(SIZES) {
        println!(
            "{name}: {size} promotions: {median} ns a quote, {} % of that with {}",
            median * 100 / first,
            SIZES.first().unwrap_or(&0)
        );
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has a clock; what it measures has none")]
fn now() -> Instant {
    Instant::now()
}

fn basket(number: usize) -> Basket {
    let store = number % STORES;
    let lines = (0..LINES).map(|line| LineRequest {
        line_id: format!("l{line}"),
        sku: format!("s{store}-{}", (number * 7 + line * 11) % 200),
        store: format!("store-{store}"),
        // One line in five is on offer.
        categories: vec![if line % 5 == 0 { format!("offer-{store}") } else { format!("plain-{store}") }, "all".to_owned()],
        unit_price: 500 + i64::try_from((number * 31 + line * 97) % 2_000).unwrap(),
        quantity: 1 + i64::try_from((number + line) % 5).unwrap(),
        list_price: None,
        floor_price: None,
        tax_class: Some("standard".to_owned()),
        tags: Vec::new(),
    });
    let request = BasketRequest {
        currency: "JPY".to_owned(),
        at: at(),
        user: Some(format!("u{number}")),
        lines: lines.collect(),
        coupons: CouponsOffered::These(vec![format!("coupon-{store}")]),
        ..BasketRequest::default()
    };
    Basket::parse(request).unwrap()
}

fn catalogue(size: usize) -> Catalogue {
    let store = |name: String| Store { id: id(&name), name, minimum_order: None };
    let stores = (0..STORES).map(|n| store(format!("store-{n}"))).chain((0..OTHER_STORES).map(|n| store(format!("other-{n}"))));
    let mut promotions = vec![platform_spend()];
    for number in 0..STORES {
        promotions.extend(of_store(number));
    }
    for number in promotions.len()..size {
        promotions.push(other(number));
    }
    let settings = Settings { currency: "JPY".to_owned(), exponent: 0, rounding: Rounding::HalfUp, time_zone: TimeZone::UTC };
    Catalogue::new(settings, stores.collect(), Vec::new(), promotions).unwrap()
}

fn platform_spend() -> Promotion {
    promotion("platform-spend", Owner::Platform, Include { categories: Some(vec![token("all")]), ..none() }, spend(3_000, 200))
}

/// What applies to the baskets of one store.
fn of_store(number: usize) -> [Promotion; 3] {
    let owner = || Owner::Store(id(&format!("store-{number}")));
    let offer = Include { categories: Some(vec![token(&format!("offer-{number}"))]), ..none() };
    let price = Rule::ItemPrice(ItemPrice { price: UnitPrice::PercentOff(Rate::percent("12.5").unwrap()), flash: true });
    let mut item = promotion(&format!("item-{number}"), owner(), offer, price);
    item.limits = Limits { stock: Some(1_000_000), units_per_user: Some(50), ..Limits::default() };
    let coupon = Rule::Coupon(Coupon {
        threshold: Amount::minor(1_000),
        discount: Discount::AmountOff(Amount::minor(300)),
        threshold_on: ThresholdOn::Left,
        qualify: None,
    });
    [
        item,
        promotion(&format!("spend-{number}"), owner(), Include::default(), spend(2_000, 150)),
        promotion(&format!("coupon-{number}"), owner(), Include::default(), coupon),
    ]
}

/// One of the many that cover nothing of a basket: other skus of its store, other stores, other skus of the platform's.
fn other(number: usize) -> Promotion {
    let skus = vec![token(&format!("x{number}-a")), token(&format!("x{number}-b"))];
    let include = Include { skus: Some(skus), ..none() };
    let price = Rule::ItemPrice(ItemPrice { price: UnitPrice::AmountOff(Amount::minor(10)), flash: false });
    let name = format!("p{number}");
    match number % 10 {
        0..5 => promotion(&name, Owner::Store(id(&format!("store-{}", number % STORES))), include, price),
        5..8 => {
            let owner = Owner::Store(id(&format!("other-{}", number % OTHER_STORES)));
            promotion(&name, owner, Include::default(), spend(2_000, 150))
        }
        _ => promotion(&name, Owner::Platform, include, price),
    }
}

fn spend(threshold: i64, off: i64) -> Rule {
    let tier = |times: i64| SpendTier {
        threshold: threshold * times,
        discount: Some(Discount::AmountOff(Amount::minor(off * times))),
        gifts: Vec::new(),
    };
    Rule::Spend(Spend {
        basis: Basis::Amount,
        repeat: false,
        max_repeats: None,
        exclusion_group: id("spend"),
        tiers: vec![tier(1), tier(3), tier(10)],
        threshold_on: ThresholdOn::Left,
        qualify: None,
    })
}

fn promotion(name: &str, owner: Owner, include: Include, rule: Rule) -> Promotion {
    Promotion {
        id: id(name),
        name: name.to_owned(),
        description: None,
        owner,
        status: Status::Published,
        window: Default::default(),
        schedule: Vec::new(),
        audience: Default::default(),
        scope: Scope { include, exclude: Default::default() },
        priority: 0,
        stacking: Default::default(),
        limits: Limits::default(),
        display: Default::default(),
        funding: Vec::new(),
        acknowledge: Vec::new(),
        rule,
    }
}

fn none() -> Include {
    Include { all: false, ..Include::default() }
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn token(text: &str) -> Token {
    Token::parse(text).unwrap()
}

fn at() -> Timestamp {
    "2026-11-11T01:00:00Z".parse().unwrap()
}
