//! Does the fingerprint change with what a customer would notice, and with nothing else?
#![expect(clippy::unwrap_used, reason = "helpers of a test: what cannot be made fails it")]

use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokka_core::amount::Amount;
use tokka_core::basket::{Basket, BasketRequest, CouponsOffered, LineRequest};
use tokka_core::catalogue::{Catalogue, Gift, Settings, Store};
use tokka_core::id::Id;
use tokka_core::promotion::{
    Audience, Basis, BuyGet, BuyGetMode, BuyGetTier, Coupon, Discount, Display, GiftReward, Include, ItemPrice, Limits, Owner,
    Promotion, Rule, Scope, Spend, SpendTier, Stacking, Status, ThresholdOn, UnitPrice, Window,
};
use tokka_core::quote::{Quote, View, quote};
use tokka_core::rate::Rounding;
use tokka_core::rulebook::Rulebook;

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn promotion(name: &str, rule: Rule, include: Include) -> Promotion {
    Promotion {
        id: id(name),
        name: name.to_owned(),
        description: None,
        owner: Owner::Store(id("shop")),
        status: Status::Published,
        window: Window::default(),
        schedule: Vec::new(),
        audience: Audience::default(),
        scope: Scope { include, ..Scope::default() },
        priority: 0,
        stacking: Stacking::default(),
        limits: Limits::default(),
        display: Display::default(),
        funding: Vec::new(),
        acknowledge: Vec::new(),
        rule,
    }
}

fn only(sku: &str) -> Include {
    Include { all: false, skus: Some(vec![tokka_core::id::Token::parse(sku).unwrap()]), ..Include::default() }
}

/// A flash price on soap with a stock of 5, a free tea for two, a tote bag from 500, and a coupon.
fn rulebook(extra: Option<Promotion>) -> Rulebook {
    let flash = Rule::ItemPrice(ItemPrice { price: UnitPrice::Fixed(Amount::minor(80)), flash: true });
    let mut flash = promotion("flash", flash, only("soap"));
    flash.limits.stock = Some(5);
    let tiers = vec![BuyGetTier { buy: 2, get: 1 }];
    let tea = Rule::BuyGet(BuyGet { mode: BuyGetMode::Add, repeat: false, tiers });
    let bag = GiftReward { options: vec![id("bag")], choose: false, quantity: 1 };
    let spend = Rule::Spend(Spend {
        basis: Basis::Amount,
        repeat: false,
        max_repeats: None,
        exclusion_group: id("spend"),
        tiers: vec![SpendTier { threshold: 500, discount: None, gifts: vec![bag] }],
        threshold_on: ThresholdOn::Left,
        qualify: None,
    });
    let coupon = Rule::Coupon(Coupon {
        threshold: Amount::ZERO,
        discount: Discount::AmountOff(Amount::minor(10)),
        threshold_on: ThresholdOn::Left,
        qualify: None,
    });
    let mut promotions = vec![
        flash,
        promotion("tea", tea, only("tea")),
        promotion("bag-from-500", spend, Include::default()),
        promotion("ten", coupon, Include::default()),
    ];
    promotions.extend(extra);
    let settings = Settings { currency: "JPY".to_owned(), exponent: 0, rounding: Rounding::HalfUp, time_zone: TimeZone::UTC };
    let store = Store { id: id("shop"), name: "shop".to_owned(), minimum_order: None };
    let gift = Gift { id: id("bag"), name: "bag".to_owned(), sku: None, erp_sku: None, inventory: Some(3), value: None };
    Rulebook::compile(Catalogue::new(settings, vec![store], vec![gift], promotions).unwrap())
}

fn request() -> BasketRequest {
    let line = |line_id: &str, sku: &str, unit_price: i64, quantity: i64| LineRequest {
        line_id: line_id.to_owned(),
        sku: sku.to_owned(),
        store: "shop".to_owned(),
        unit_price,
        quantity,
        ..LineRequest::default()
    };
    BasketRequest {
        currency: "JPY".to_owned(),
        at: "2026-11-11T10:00:00Z".parse::<Timestamp>().unwrap(),
        user: Some("u1".to_owned()),
        lines: vec![line("a", "soap", 100, 2), line("b", "tea", 200, 2), line("c", "rice", 300, 1)],
        coupons: CouponsOffered::These(vec!["ten".to_owned()]),
        ..BasketRequest::default()
    }
}

fn priced(rulebook: &Rulebook, request: BasketRequest, used: i64, view: View) -> Quote {
    quote(rulebook, &Basket::parse(request).unwrap(), |_| used, view).unwrap()
}

#[test]
fn the_view_the_moment_the_usage_and_what_did_not_apply_change_nothing() {
    let book = rulebook(None);
    let first = priced(&book, request(), 0, View::Full);
    assert_eq!(first.payable.get(), 2 * 80 + 400 + 300 - 10);
    assert_eq!((first.gifts.len(), first.free_units.len(), first.applied.len()), (1, 1, 4));
    let same = |quote: Quote, what: &str| assert_eq!(quote.fingerprint, first.fingerprint, "{what}");
    same(priced(&book, request(), 0, View::Basic), "view");
    same(priced(&book, request(), 1, View::Full), "usage that leaves enough");
    let mut later = request();
    later.at = "2026-11-12T10:00:00Z".parse().unwrap();
    same(priced(&book, later, 0, View::Full), "moment");
    let never = Rule::ItemPrice(ItemPrice { price: UnitPrice::Fixed(Amount::minor(9_999)), flash: false });
    same(priced(&rulebook(Some(promotion("never", never, Include::default()))), request(), 0, View::Full), "no benefit");
}

#[test]
fn whatever_a_customer_would_notice_changes_it() {
    let book = rulebook(None);
    let first = priced(&book, request(), 0, View::Full).fingerprint;
    type Edit = fn(&mut BasketRequest);
    let edits: [(&str, Edit); 8] = [
        ("user", |request| request.user = Some("u2".to_owned())),
        ("no user", |request| request.user = None),
        ("line id", |request| request.lines[2].line_id = "d".to_owned()),
        ("sku", |request| request.lines[2].sku = "noodles".to_owned()),
        ("quantity", |request| request.lines[2].quantity = 2),
        ("unit price", |request| request.lines[2].unit_price = 301),
        ("coupon", |request| request.coupons = CouponsOffered::default()),
        ("order of lines", |request| request.lines.swap(0, 1)),
    ];
    for (what, edit) in edits {
        let mut request = request();
        edit(&mut request);
        assert_ne!(priced(&book, request, 0, View::Full).fingerprint, first, "{what}");
    }
    // A gift that is gone is noticed, though no amount changes.
    let no_bag = priced(&book, request(), 3, View::Full);
    assert_eq!(no_bag.gifts.iter().map(|gift| gift.given).sum::<i64>(), 0);
    assert_ne!(no_bag.fingerprint, first, "gift");
}
