//! Documents in few words.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokka_core::amount::Amount;
use tokka_core::basket::{Basket, BasketRequest, CouponsOffered, LineRequest, Strategy};
use tokka_core::catalogue::{Catalogue, Settings, Store};
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{
    Basis, Coupon, Discount, Include, Limits, Owner, Promotion, Rule, Scope, Spend, SpendTier, Status, ThresholdOn,
};
use tokka_core::rate::{Rate, Rounding};
use tokka_core::rulebook::Rulebook;

use crate::Question;

/// Numbers that only a seed decides (SplitMix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// From `least` to `most`, both included.
    pub(crate) fn from(&mut self, least: i64, most: i64) -> i64 {
        let span = u64::try_from(most - least + 1).unwrap();
        least + i64::try_from(self.next() % span).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let at = self.from(0, i64::try_from(of.len()).unwrap() - 1);
        of.get(usize::try_from(at).unwrap()).unwrap()
    }
}

pub(crate) fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

pub(crate) fn token(text: &str) -> Token {
    Token::parse(text).unwrap()
}

pub(crate) fn categories(names: &[String]) -> Include {
    let names = names.iter().map(|name| token(name)).collect();
    Include { all: false, categories: Some(names), skus: None, stores: None }
}

pub(crate) fn skus(names: &[String]) -> Include {
    let names = names.iter().map(|name| token(name)).collect();
    Include { all: false, skus: Some(names), categories: None, stores: None }
}

pub(crate) fn off(amount: i64) -> Discount {
    Discount::AmountOff(Amount::minor(amount))
}

pub(crate) fn percent(text: &str, most: Option<i64>) -> Discount {
    Discount::PercentOff { rate: Rate::percent(text).unwrap(), max_discount: most.map(Amount::minor) }
}

pub(crate) fn coupon(threshold: i64, discount: Discount) -> Rule {
    Rule::Coupon(Coupon { threshold: Amount::minor(threshold), discount, threshold_on: ThresholdOn::Left, qualify: None })
}

pub(crate) fn spend(group: &str, tiers: &[(i64, Discount)]) -> Rule {
    let tier = |(threshold, discount): &(i64, Discount)| SpendTier {
        threshold: *threshold,
        discount: Some(*discount),
        gifts: Vec::new(),
    };
    Rule::Spend(Spend {
        basis: Basis::Amount,
        repeat: false,
        max_repeats: None,
        exclusion_group: id(group),
        tiers: tiers.iter().map(tier).collect(),
        threshold_on: ThresholdOn::Left,
        qualify: None,
    })
}

pub(crate) fn promotion(name: &str, owner: Owner, include: Include, priority: i32, rule: Rule) -> Promotion {
    Promotion {
        acknowledge: Vec::new(),
        id: id(name),
        name: name.to_owned(),
        description: None,
        owner,
        status: Status::Published,
        window: Default::default(),
        schedule: Vec::new(),
        audience: Default::default(),
        scope: Scope { include, exclude: Default::default() },
        priority,
        stacking: Default::default(),
        limits: Limits::default(),
        display: Default::default(),
        funding: Vec::new(),
        rule,
    }
}

/// A line: its number, store, category, unit price and quantity.
pub(crate) fn line(number: usize, store: &str, category: &str, unit_price: i64, quantity: i64) -> LineRequest {
    LineRequest {
        line_id: format!("l{number:02}"),
        sku: format!("s{number:02}"),
        store: store.to_owned(),
        categories: vec![category.to_owned(), "all".to_owned()],
        unit_price,
        quantity,
        ..LineRequest::default()
    }
}

/// All coupons among the promotions are held.
pub(crate) fn question(name: String, stores: &[String], promotions: Vec<Promotion>, lines: Vec<LineRequest>) -> Question {
    let stores = stores.iter().map(|name| Store { id: id(name), name: name.clone(), minimum_order: None }).collect();
    let settings = Settings { currency: "JPY".to_owned(), exponent: 0, rounding: Rounding::HalfUp, time_zone: TimeZone::UTC };
    let coupons = promotions.iter().filter(|promotion| matches!(promotion.rule, Rule::Coupon(_)));
    let held = coupons.map(|promotion| promotion.id.to_string()).collect();
    let catalogue = Catalogue::new(settings, stores, Vec::new(), promotions).unwrap();
    let at: Timestamp = "2026-11-11T01:00:00Z".parse().unwrap();
    let request = BasketRequest {
        currency: "JPY".to_owned(),
        at,
        user: Some("u1".to_owned()),
        lines,
        coupons: CouponsOffered::Auto { held },
        strategy: Strategy::Best,
        ..BasketRequest::default()
    };
    Question { name, rulebook: Rulebook::compile(catalogue), basket: Basket::parse(request).unwrap() }
}
