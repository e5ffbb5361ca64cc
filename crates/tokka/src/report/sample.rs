//! A quote worked out by hand, for the tests of what is printed.
//!
//! item: 2 of 3 masks at 980: 1960 + 1280, 600 off. platform coupon: 500 over 3240 and 2000: 309 and 191; the masks'
//! 309 over 1960 and 1280: 187 and 122. 1773 + 1158 + 1809 = 4740.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use smallvec::smallvec;
use tokka_core::amount::Amount;
use tokka_core::basket::{Basket, BasketRequest, CouponsOffered, LineRequest, Strategy};
use tokka_core::catalogue::{Catalogue, Gift, Settings, Store};
use tokka_core::id::{Id, Token};
use tokka_core::outcome::{Applied, LimitName, LimitUse, NotCovered, Outcome, Shortfall, Subject, Verdict};
use tokka_core::promotion::*;
use tokka_core::quote::*;
use tokka_core::rate::{Rate, Rounding};
use tokka_core::rulebook::Rulebook;
use tokka_core::schedule::{Days, Session};
use tokka_core::table::{CounterIx, GiftIx, Ix, LineIx, PromoIx, StoreIx, Table};

use super::Report;
use crate::products::Products;

/// Everything that a report borrows.
pub(crate) struct Sample {
    pub(crate) rulebook: Rulebook,
    pub(crate) basket: Basket,
    pub(crate) quote: Quote,
    products: Products,
    counters: Table<CounterIx, Counter>,
}

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn promotion(name: &str, owner: Option<&str>, shown: &str, rule: Rule) -> Promotion {
    Promotion {
        id: id(name),
        name: shown.to_owned(),
        description: None,
        owner: owner.map_or(Owner::Platform, |store| Owner::Store(id(store))),
        status: Status::Published,
        window: Window::default(),
        schedule: vec![Session { days: Days::of([jiff::civil::Weekday::Monday]), from: 600, to: 720 }],
        audience: Audience { tags_any: vec![Token::parse("vip").unwrap()], ..Audience::default() },
        scope: Scope::default(),
        priority: 0,
        stacking: Stacking::default(),
        limits: Limits { units_per_user: Some(2), period: Period::Day, ..Limits::default() },
        display: Display::default(),
        funding: Vec::new(),
        acknowledge: Vec::new(),
        rule,
    }
}

fn spend(tiers: Vec<SpendTier>) -> Rule {
    Rule::Spend(Spend {
        basis: Basis::Amount,
        repeat: false,
        max_repeats: None,
        exclusion_group: id("spend"),
        tiers,
        threshold_on: ThresholdOn::Left,
        qualify: None,
    })
}

fn rulebook() -> Rulebook {
    let off = |amount| Discount::AmountOff(Amount::minor(amount));
    let coupon = |amount| {
        Rule::Coupon(Coupon { threshold: Amount::ZERO, discount: off(amount), threshold_on: ThresholdOn::Left, qualify: None })
    };
    let item = |price| Rule::ItemPrice(ItemPrice { price: UnitPrice::Fixed(Amount::minor(price)), flash: true });
    let mut flash = promotion("flash", Some("shop"), "マスク タイムセール", item(980));
    flash.stacking.store_coupon = Some(true);
    let set = MixMatch { pick: 3, reward: MixMatchReward::Set(SetReward::FixedTotal(Amount::minor(990))), max_sets: None };
    let mut autumn = promotion(
        "autumn",
        Some("shop"),
        "秋の感謝祭",
        spend(vec![SpendTier {
            threshold: 7000,
            discount: Some(Discount::PercentOff { rate: Rate::percent("10").unwrap(), max_discount: Some(Amount::minor(3000)) }),
            gifts: vec![GiftReward { options: vec![id("tote"), id("lamp")], choose: true, quantity: 1 }],
        }]),
    );
    autumn.limits = Limits::default();
    let mut coupons = [("welcome", None, "ようこそ", 500), ("shop-300", Some("shop"), "300円引き", 300)]
        .map(|(name, owner, shown, amount)| promotion(name, owner, shown, coupon(amount)));
    for coupon in &mut coupons {
        coupon.limits = Limits::default();
    }
    let [welcome, shop_300] = coupons;
    let promotions =
        vec![flash, autumn, welcome, shop_300, promotion("any-three", Some("shop"), "よりどり3点", Rule::MixMatch(set))];
    let gift = |name: &str, shown: &str| Gift {
        id: id(name),
        name: shown.to_owned(),
        sku: None,
        erp_sku: None,
        inventory: Some(1),
        value: Some(Amount::minor(300)),
    };
    let settings = Settings {
        currency: "JPY".to_owned(),
        exponent: 0,
        rounding: Rounding::HalfUp,
        time_zone: TimeZone::fixed(jiff::tz::offset(9)),
    };
    let shop = Store { id: id("shop"), name: "東京ファーマ".to_owned(), minimum_order: Some(Amount::minor(10_000)) };
    let gifts = vec![gift("tote", "トートバッグ"), gift("lamp", "ランプ")];
    Rulebook::compile(Catalogue::new(settings, vec![shop], gifts, promotions).unwrap())
}

fn basket() -> Basket {
    let line = |line_id: &str, sku: &str, unit_price, quantity| LineRequest {
        line_id: line_id.to_owned(),
        sku: sku.to_owned(),
        store: "shop".to_owned(),
        unit_price,
        quantity,
        ..LineRequest::default()
    };
    Basket::parse(BasketRequest {
        currency: "JPY".to_owned(),
        at: "2026-11-11T01:30:00Z".parse::<Timestamp>().unwrap(),
        user: Some("u1".to_owned()),
        user_tags: Vec::new(),
        channel: None,
        region: None,
        lines: vec![line("a", "mask-50", 1280, 3), line("b", "lamp", 2000, 1)],
        coupons: CouponsOffered::These(vec!["welcome".to_owned()]),
        select: Default::default(),
        select_spend: Default::default(),
        select_gift: Default::default(),
        strategy: Strategy::Sequential,
    })
    .unwrap()
}

fn amounts(amounts: [i64; 6]) -> [Amount; 6] {
    amounts.map(Amount::minor)
}

impl Sample {
    pub(crate) fn new() -> Self {
        let rulebook = rulebook();
        let [flash, autumn, welcome] = ["flash", "autumn", "welcome"].map(|name| rulebook.find(name).unwrap());
        let tote = rulebook.find_gift("tote").unwrap();
        let [a, b] = [0, 1].map(LineIx::new);
        let touch = |promotion, stage, after| Touch { promotion, stage, after: Amount::minor(after) };
        let segment = |line, units, over_limit, gross, amount, chain| Segment {
            line,
            units,
            over_limit,
            gross: Amount::minor(gross),
            amount: Amount::minor(amount),
            chain,
        };
        let coupon = Stage::PlatformCoupon;
        let segments = vec![
            segment(a, 2, false, 2560, 1773, smallvec![touch(flash, Stage::Item, 1960), touch(welcome, coupon, 1773)]),
            segment(a, 1, true, 1280, 1158, smallvec![touch(welcome, coupon, 1158)]),
            segment(b, 1, false, 2000, 1809, smallvec![touch(welcome, coupon, 1809)]),
        ];
        let line = |gross, discounts, payable, over_limit, segments| LinePrice {
            store: StoreIx::new(0),
            gross: Amount::minor(gross),
            discounts: amounts(discounts),
            payable: Amount::minor(payable),
            over_limit,
            segments,
        };
        let shop = Payer::Store(id("shop"));
        let part = |promotion, line, payer: &Payer, amount| FundingPart {
            promotion,
            line,
            payer: payer.clone(),
            amount: Amount::minor(amount),
        };
        let applied = |discount, cut| Verdict::Applied(Applied { discount: Amount::minor(discount), cut, ..Applied::default() });
        let outcome = |promotion, verdict| Outcome { subject: Subject::Promotion(promotion), verdict, coverage: Vec::new() };
        let limit = LimitUse { counter: LimitName::UnitsPerUser, limit: 2, used: 0, requested: 3 };
        let short =
            Shortfall { basis: Basis::Amount, threshold: 7000, actual: 5240, missing: 1760, kept_out: Vec::new(), limit: None };
        let then = Then::Reward {
            discount: Some(Discount::PercentOff { rate: Rate::percent("10").unwrap(), max_discount: Some(Amount::minor(3000)) }),
            gifts: vec![GiftReward { options: vec![id("tote"), id("lamp")], choose: true, quantity: 1 }],
            times: 1,
        };
        let quote = Quote {
            lines: [line(3840, [600, 0, 0, 0, 0, 309], 2931, 1, 0..2), line(2000, [0, 0, 0, 0, 0, 191], 1809, 0, 2..3)]
                .into_iter()
                .collect(),
            segments,
            stores: [StorePrice {
                first_line: a,
                gross: Amount::minor(5840),
                discounts: amounts([600, 0, 0, 0, 0, 500]),
                subtotal: Amount::minor(5240),
                payable: Amount::minor(4740),
                below_minimum: Amount::minor(4760),
                settlement: Amount::minor(5240),
            }]
            .into_iter()
            .collect(),
            tax_totals: Vec::new(),
            gross: Amount::minor(5840),
            discounts: amounts([600, 0, 0, 0, 0, 500]),
            payable: Amount::minor(4740),
            gifts: vec![GiftGiven { promotion: welcome, gift: tote, wanted: 2, given: 1 }],
            free_units: vec![FreeUnits { promotion: flash, line: b, units: 1 }],
            included_units: Vec::new(),
            applied: vec![flash, welcome],
            claims: vec![Claim { counter: CounterIx::new(0), amount: 2 }],
            needs_user: true,
            search: None,
            clawback_only: false,
            next_change_at: Some("2026-11-11T15:00:00Z".parse().unwrap()),
            fingerprint: 7,
            outcomes: vec![
                outcome(flash, applied(600, vec![limit])),
                outcome(autumn, Verdict::BelowThreshold(short)),
                outcome(welcome, applied(500, Vec::new())),
                Outcome {
                    subject: Subject::OutOfForce("nope".to_owned()),
                    verdict: Verdict::UnknownCoupon,
                    coverage: Vec::new(),
                },
            ],
            hints: vec![Hint {
                promotion: autumn,
                line: None,
                basis: Basis::Amount,
                threshold: 7000,
                missing: 1760,
                then,
                loses: false,
            }],
            groups: vec![Group {
                store: StoreIx::new(0),
                by: GroupedBy::Spend(autumn),
                entries: vec![GroupEntry {
                    line: a,
                    units: 2,
                    over_limit: false,
                    not_in_spend: Some((autumn, NotCovered::NotStackable(flash))),
                }],
            }],
            funding: vec![
                part(flash, a, &shop, 600),
                part(welcome, a, &Payer::Platform, 309),
                part(welcome, b, &Payer::Platform, 191),
            ],
            given_value: vec![(Payer::Platform, Amount::minor(300)), (shop.clone(), Amount::minor(2000))],
            settlements: vec![(id("shop"), Amount::minor(5240))],
        };
        let key = CounterKey::UserUnits(flash, None);
        let counters = [Counter { key, limit: 2 }].into_iter().collect();
        Self { rulebook, basket: basket(), quote, products: Products::default(), counters }
    }

    pub(crate) fn report(&self, view: View) -> Report<'_> {
        Report {
            additions: &[],
            suggestions: &[],
            rulebook: &self.rulebook,
            basket: &self.basket,
            quote: &self.quote,
            products: &self.products,
            view,
            counters: &self.counters,
            usage: &[0],
        }
    }

    pub(crate) fn promotion(&self, name: &str) -> PromoIx {
        self.rulebook.find(name).unwrap()
    }

    pub(crate) fn gift(&self) -> GiftIx {
        self.rulebook.find_gift("tote").unwrap()
    }
}
