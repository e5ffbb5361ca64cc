//! What may one promotion look like? Every rule block with every option, valid by construction.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Weekday;
use tokka_core::amount::Amount;
use tokka_core::catalogue::Store;
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{
    Audience, Basis, Bundle, BuyGet, BuyGetMode, BuyGetTier, Component, Coupon, Discount, Display, Exclude, Funding, GiftReward,
    Include, ItemPrice, Limits, MixMatch, MixMatchReward, Owner, Party, Period, Promotion, Rule, Scope, SetReward, Spend,
    SpendTier, Stacking, Stage, Status, ThresholdOn, UnitPrice, VolumeMode, VolumePrice, VolumeTier, Window,
};
use tokka_core::rate::Rate;
use tokka_core::schedule::{Days, Session};

use super::{Random, id, near};

/// How large amounts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Tens of minor units.
    Small,
    /// Up to 10^12 a unit.
    Huge,
}

impl Scale {
    /// An amount of `least ..= most`, or one of that many times 33,333,333,333.
    pub fn up(self, r: &mut Random, least: i64, most: i64) -> i64 {
        match self {
            Self::Small => r.from(least, most),
            Self::Huge => r.from(least, most) * 33_333_333_333 + r.from(0, 3),
        }
    }

    fn amount(self, r: &mut Random, least: i64, most: i64) -> Amount {
        Amount::minor(self.up(r, least, most))
    }
}

fn token(text: impl Into<String>) -> Token {
    Token::parse(text).expect("a generated token is valid")
}

fn rate(r: &mut Random) -> Rate {
    match r.from(0, 9) {
        0 => Rate::micro_percent(u64::try_from(r.from(1, 100_000_000)).expect("positive")),
        1 => Rate::percent("100"),
        2 => Rate::percent("99.999999"),
        3 => Rate::percent("0.5"),
        _ => {
            let usual = ["5", "10", "12.5", "20", "25", "33.3", "50", "50", "75"];
            Rate::percent(r.pick::<&str>(&usual))
        }
    }
    .expect("a generated rate is valid")
}

/// Any promotion.
pub(super) fn promotion(r: &mut Random, name: String, stores: &[Store], at: Timestamp, scale: Scale) -> Promotion {
    let rule = rule(r, scale);
    let set = matches!(rule, Rule::MixMatch(_) | Rule::Bundle(_));
    let owner = if !set && r.chance(35) { Owner::Platform } else { Owner::Store(r.pick(stores).id.clone()) };
    let mut promotion = rule_only(&name, owner, rule);
    promotion.status = if r.chance(94) { Status::Published } else { *r.pick(&[Status::Draft, Status::Paused, Status::Archived]) };
    promotion.window = window(r, at);
    promotion.schedule = r.maybe(9, session).into_iter().collect();
    promotion.audience = if r.chance(8) { audience(r) } else { Audience::default() };
    promotion.scope = scope(r, stores);
    promotion.priority = *r.pick(&[0, 0, 0, 1, 5]);
    promotion.stacking = stacking(r, promotion.stage());
    promotion.limits = limits(r, promotion.stage(), scale);
    promotion.funding = if r.chance(35) { funding(r, &promotion.owner, stores) } else { Vec::new() };
    promotion
}

/// A promotion of a rule alone: everything else as if nothing was written, but published.
#[must_use]
pub fn rule_only(name: &str, owner: Owner, rule: Rule) -> Promotion {
    Promotion {
        id: id(name),
        name: name.to_owned(),
        description: None,
        owner,
        status: Status::Published,
        window: Window::default(),
        schedule: Vec::new(),
        audience: Audience::default(),
        scope: Scope::default(),
        priority: 0,
        stacking: Stacking::default(),
        limits: Limits::default(),
        display: Display::default(),
        funding: Vec::new(),
        acknowledge: Vec::new(),
        rule,
    }
}

/// A promotion of any kind that covers no line: its sku is not sold.
#[must_use]
pub fn promotion_of_nothing(r: &mut Random, name: &str, stores: &[Store], at: Timestamp) -> Promotion {
    let mut promotion = promotion(r, name.to_owned(), stores, at, Scale::Small);
    promotion.scope = Scope {
        include: Include { all: false, skus: Some(vec![token("not-sold")]), categories: None, stores: None },
        exclude: Exclude::default(),
    };
    // Nothing else keeps it from acting.
    promotion.priority = 9;
    promotion.status = Status::Published;
    promotion.window = Window::default();
    promotion.schedule = Vec::new();
    promotion.audience = Audience::default();
    promotion
}

fn window(r: &mut Random, at: Timestamp) -> Window {
    match r.from(0, 19) {
        0 => Window { start: Some(near(r, at)), end: None },
        1 => Window { start: None, end: Some(near(r, at)) },
        2 => {
            let start = near(r, at);
            Window { start: Some(start), end: start.checked_add(jiff::SignedDuration::from_hours(r.from(1, 3))).ok() }
        }
        _ => Window::default(),
    }
}

fn session(r: &mut Random) -> Session {
    let hour = |r: &mut Random| u16::try_from(r.from(0, 23) * 60).expect("a minute");
    let days = [Weekday::Tuesday, Weekday::Wednesday, Weekday::Thursday, Weekday::Saturday, Weekday::Sunday, Weekday::Monday];
    Session {
        days: if r.chance(40) { Days::ALL } else { Days::of([*r.pick(&days)]) },
        from: if r.chance(25) { *r.pick(&[60, 90, 120, 150, 1380]) } else { *r.pick(&[0, 600, 540, 660]) },
        to: if r.chance(30) { hour(r) } else { *r.pick(&[90, 120, 180, 600, 601, 720, 1440]) },
    }
}

fn audience(r: &mut Random) -> Audience {
    let some = |r: &mut Random, of: &[&'static str]| r.maybe(40, |r| token(*r.pick(of))).into_iter().collect();
    Audience {
        tags_any: some(r, &["vip", "staff"]),
        tags_none: some(r, &["vip", "staff"]),
        channels: some(r, &["app", "web"]),
        regions: some(r, &["east", "west"]),
    }
}

fn skus(r: &mut Random) -> Vec<Token> {
    (0..r.from(1, 3)).map(|_| token(format!("k{}", r.from(1, 4)))).collect()
}

fn categories(r: &mut Random) -> Vec<Token> {
    (0..r.from(1, 2)).map(|_| token(format!("c{}", r.from(1, 3)))).collect()
}

fn some_stores(r: &mut Random, stores: &[Store]) -> Vec<Id> {
    (0..r.from(1, 2)).map(|_| r.pick(stores).id.clone()).collect()
}

fn scope(r: &mut Random, stores: &[Store]) -> Scope {
    let mut include = match r.from(0, 9) {
        0..=4 => Include::default(),
        5 | 6 => Include { all: false, skus: Some(skus(r)), categories: None, stores: None },
        7 => Include { all: false, skus: None, categories: Some(categories(r)), stores: None },
        8 => Include { all: false, skus: Some(skus(r)), categories: Some(categories(r)), stores: None },
        _ => Include { all: false, skus: None, categories: None, stores: Some(some_stores(r, stores)) },
    };
    if include.stores.is_none() && r.chance(10) {
        include.stores = Some(some_stores(r, stores));
    }
    let mut exclude = Exclude::default();
    if r.chance(6) {
        exclude.skus = skus(r);
    }
    if r.chance(6) {
        exclude.categories = categories(r);
    }
    if stores.len() > 1 && r.chance(4) {
        exclude.stores = some_stores(r, stores);
    }
    Scope { include, exclude }
}

fn stacking(r: &mut Random, stage: Stage) -> Stacking {
    let key = |r: &mut Random, allowed: bool| if allowed { r.maybe(40, |r| r.chance(40)) } else { None };
    Stacking {
        set: key(r, stage < Stage::Set),
        spend: key(r, stage < Stage::StoreSpend),
        store_coupon: key(r, stage < Stage::StoreCoupon),
        platform: key(r, stage < Stage::StoreCoupon),
    }
}

fn limits(r: &mut Random, stage: Stage, scale: Scale) -> Limits {
    let mut limits = Limits::default();
    if r.chance(55) {
        return limits;
    }
    limits.stock = r.maybe(30, |r| r.from(0, 9));
    limits.orders_per_user = r.maybe(20, |r| r.from(0, 2));
    limits.budget = r.maybe(30, |r| scale.amount(r, 0, 40));
    if stage <= Stage::Set {
        limits.units_per_order = r.maybe(30, |r| r.from(0, 6));
        limits.units_per_user = r.maybe(30, |r| r.from(0, 6));
    }
    if stage == Stage::Item {
        limits.per_sku = r.chance(30);
        if r.chance(20) {
            limits.stock_by_sku = BTreeMap::from_iter(skus(r).into_iter().map(|sku| (sku, r.from(0, 6))));
        }
    }
    limits.period = *r.pick(&[Period::Lifetime, Period::Lifetime, Period::Day, Period::Week, Period::Month]);
    limits
}

fn funding(r: &mut Random, owner: &Owner, stores: &[Store]) -> Vec<Funding> {
    let mut parties = vec![Party::Platform, Party::Seller];
    match owner {
        Owner::Store(id) => parties.push(Party::Store(id.clone())),
        Owner::Platform => parties.extend(stores.iter().map(|store| Party::Store(store.id.clone()))),
    }
    r.shuffle(&mut parties);
    let splits: [&[&str]; 6] =
        [&["100"], &["50", "50"], &["33.333333", "66.666667"], &["40", "60"], &["33.4", "33.3", "33.3"], &["0.5", "90", "9.5"]];
    let split = *r.pick(&splits);
    let percents = split.iter().map(|percent| Rate::percent(percent).expect("a rate"));
    parties.into_iter().zip(percents).map(|(party, percent)| Funding { party, percent }).collect()
}

fn unit_price(r: &mut Random, scale: Scale) -> UnitPrice {
    match r.from(0, 3) {
        0 => UnitPrice::Fixed(scale.amount(r, 0, 25)),
        1 => UnitPrice::AmountOff(scale.amount(r, 1, 12)),
        _ => UnitPrice::PercentOff(rate(r)),
    }
}

fn rule(r: &mut Random, scale: Scale) -> Rule {
    match r.from(0, 21) {
        0..=3 => Rule::ItemPrice(ItemPrice { price: unit_price(r, scale), flash: r.chance(30) }),
        4..=6 => Rule::VolumePrice(volume_price(r, scale)),
        7..=8 => Rule::BuyGet(buy_get(r)),
        9..=11 => Rule::MixMatch(mix_match(r, scale)),
        12..=13 => Rule::Bundle(bundle(r, scale)),
        14..=17 => Rule::Spend(spend(r, scale)),
        _ => Rule::Coupon(coupon(r, scale)),
    }
}

/// Numbers that differ from each other, in any order.
fn distinct(r: &mut Random, count: i64, least: i64, most: i64) -> Vec<i64> {
    let mut numbers: Vec<i64> = Vec::new();
    for _ in 0..count {
        let number = r.from(least, most);
        if !numbers.contains(&number) {
            numbers.push(number);
        }
    }
    numbers
}

fn volume_price(r: &mut Random, scale: Scale) -> VolumePrice {
    let count = r.from(1, 3);
    VolumePrice {
        mode: *r.pick(&[VolumeMode::AllUnits, VolumeMode::Graduated]),
        tiers: distinct(r, count, 1, 9)
            .into_iter()
            .map(|min_quantity| VolumeTier { min_quantity, price: unit_price(r, scale) })
            .collect(),
    }
}

/// `buy` rising, `get` never falling, and, repeated, `get / buy` never falling.
pub(super) fn buy_get(r: &mut Random) -> BuyGet {
    let repeat = r.chance(60);
    let mut tiers: Vec<BuyGetTier> = vec![BuyGetTier { buy: r.from(1, 4), get: r.from(1, 2) }];
    for _ in 0..r.from(0, 2) {
        let last = *tiers.last().expect("there is one");
        let buy = last.buy + r.from(1, 4);
        let fair = (last.get * buy).div_euclid(last.buy) + i64::from((last.get * buy) % last.buy != 0);
        let get = if repeat { fair.max(last.get) } else { last.get + r.from(0, 2) };
        tiers.push(BuyGetTier { buy, get });
    }
    r.shuffle(&mut tiers);
    BuyGet { mode: *r.pick(&[BuyGetMode::Add, BuyGetMode::Include]), repeat, tiers }
}

fn set_reward(r: &mut Random, scale: Scale) -> SetReward {
    match r.from(0, 2) {
        0 => SetReward::FixedTotal(scale.amount(r, 0, 50)),
        1 => SetReward::AmountOff(scale.amount(r, 1, 25)),
        _ => SetReward::PercentOff(rate(r)),
    }
}

fn mix_match(r: &mut Random, scale: Scale) -> MixMatch {
    let pick = r.from(2, 4);
    let reward = if r.chance(40) {
        MixMatchReward::Cheapest { count: r.from(1, pick), percent_off: rate(r) }
    } else {
        MixMatchReward::Set(set_reward(r, scale))
    };
    MixMatch { pick, reward, max_sets: r.maybe(25, |r| r.from(1, 2)) }
}

fn bundle(r: &mut Random, scale: Scale) -> Bundle {
    let mut components: Vec<Component> = (0..r.from(1, 3))
        .map(|_| {
            let by_sku = r.chance(50);
            Component {
                skus: if by_sku { skus(r) } else { Vec::new() },
                categories: if by_sku { Vec::new() } else { categories(r) },
                quantity: *r.pick(&[1, 1, 1, 2]),
                percent_off: None,
            }
        })
        .collect();
    let mut reward = Some(set_reward(r, scale));
    if components.len() > 1 && r.chance(50) {
        reward = None;
        let full_price = r.from(0, i64::try_from(components.len()).expect("a count") - 1);
        for (index, component) in (0..).zip(&mut components) {
            if index != full_price && r.chance(70) {
                component.percent_off = Some(rate(r));
            }
        }
        if components.iter().all(|component| component.percent_off.is_none()) {
            reward = Some(set_reward(r, scale));
        }
    }
    Bundle { components, reward, max_sets: r.maybe(25, |r| r.from(1, 2)) }
}

fn discount(r: &mut Random, scale: Scale) -> Discount {
    if r.chance(50) {
        Discount::AmountOff(scale.amount(r, 1, 30))
    } else {
        Discount::PercentOff { rate: rate(r), max_discount: r.maybe(30, |r| scale.amount(r, 1, 15)) }
    }
}

fn gift_reward(r: &mut Random) -> GiftReward {
    let mut options = vec![id("g1"), id("g2"), id("g3")];
    r.shuffle(&mut options);
    let choose = r.chance(50);
    options.truncate(if choose { usize::try_from(r.from(1, 3)).expect("a count") } else { 1 });
    GiftReward { options, choose, quantity: r.from(1, 3) }
}

fn gift_rewards(r: &mut Random) -> Vec<GiftReward> {
    (0..r.from(1, 2)).map(|_| gift_reward(r)).collect()
}

fn qualify(r: &mut Random) -> Scope {
    let include = match r.from(0, 2) {
        0 => Include::default(),
        1 => Include { all: false, skus: Some(skus(r)), categories: None, stores: None },
        _ => Include { all: false, skus: None, categories: Some(categories(r)), stores: None },
    };
    Scope { include, exclude: Exclude::default() }
}

pub(super) fn spend(r: &mut Random, scale: Scale) -> Spend {
    let basis = if r.chance(30) { Basis::Quantity } else { Basis::Amount };
    let repeat = r.chance(30);
    let count = if repeat { 1 } else { r.from(1, 3) };
    let mut thresholds = distinct(r, count, 1, if basis == Basis::Quantity { 9 } else { 70 });
    if basis == Basis::Amount && scale == Scale::Huge {
        for threshold in &mut thresholds {
            *threshold *= 33_333_333_333;
        }
    }
    let tiers = thresholds.into_iter().map(|threshold| {
        let discount = match r.from(0, 3) {
            0 => None,
            _ if repeat => Some(Discount::AmountOff(scale.amount(r, 1, 9))),
            _ => Some(discount(r, scale)),
        };
        let gifts = if discount.is_none() || r.chance(25) { gift_rewards(r) } else { Vec::new() };
        SpendTier { threshold, discount, gifts }
    });
    Spend {
        basis,
        repeat,
        tiers: tiers.collect(),
        max_repeats: if repeat { r.maybe(50, |r| r.from(1, 3)) } else { None },
        exclusion_group: id(*r.pick(&["spend", "spend", "spend", "other"])),
        threshold_on: if basis == Basis::Amount && r.chance(25) { ThresholdOn::Item } else { ThresholdOn::Left },
        qualify: r.maybe(18, qualify),
    }
}

fn coupon(r: &mut Random, scale: Scale) -> Coupon {
    Coupon {
        threshold: if r.chance(30) { Amount::ZERO } else { scale.amount(r, 1, 50) },
        discount: discount(r, scale),
        threshold_on: if r.chance(25) { ThresholdOn::Item } else { ThresholdOn::Left },
        qualify: r.maybe(15, qualify),
    }
}

/// A rule that gives, and gives no less when more is bought: a `buy_get`, or a `spend` whose higher tiers keep the gifts
/// of the lower ones.
#[must_use]
pub fn growing_rule(r: &mut Random) -> Rule {
    if r.chance(50) {
        return Rule::BuyGet(buy_get(r));
    }
    let mut rule = spend(r, Scale::Small);
    rule.qualify = None;
    rule.tiers.sort_by_key(|tier| tier.threshold);
    let mut kept: Vec<GiftReward> = Vec::new();
    for tier in &mut rule.tiers {
        if kept.is_empty() || r.chance(50) {
            kept.push(gift_reward(r));
        }
        tier.gifts.clone_from(&kept);
    }
    r.shuffle(&mut rule.tiers);
    Rule::Spend(rule)
}
