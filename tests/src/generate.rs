//! What could a shop do? Random catalogues and baskets of small colliding numbers, where ties, limits and closed doors
//! are the rule and not the exception.

mod promotions;
mod random;

pub use random::Random;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokka_core::amount::Amount;
use tokka_core::basket::{BasketRequest, CouponsOffered, LineRequest, Selection, SpendSelection, Strategy};
use tokka_core::catalogue::{Gift, Store};
use tokka_core::id::Id;
use tokka_core::promotion::{Promotion, Rule, Stage};
use tokka_core::rate::Rounding;

use crate::case::{Case, Step};
use crate::priced::{Key, Usage};
pub use promotions::{Scale, growing_rule, promotion_of_nothing, rule_only};

/// 2026-11-11 10:00 in Tokyo, a Wednesday.
pub const AT: &str = "2026-11-11T01:00:00Z";

/// Which cases are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// At most this many lines.
    pub lines_max: i64,
    /// At most this many units a line; more than a few thousand are for the fast pricing only.
    pub quantity_max: i64,
    /// At most this many promotions.
    pub promotions_max: i64,
    /// May the request select anything?
    pub selections: bool,
    /// May it select spend promotions?
    pub select_spend: bool,
    /// May amounts be as large as they can be?
    pub huge: bool,
}

impl Shape {
    /// What the naive pricing can follow.
    pub const SMALL: Shape =
        Shape { lines_max: 7, quantity_max: 8, promotions_max: 12, selections: true, select_spend: true, huge: true };

    /// Also quantities that nobody could follow unit by unit.
    pub const LARGE: Shape = Shape { quantity_max: 999_999, ..Self::SMALL };
}

pub(crate) fn id(text: impl Into<String>) -> Id {
    Id::parse(text).expect("a generated id is valid")
}

/// A whole experiment. The documents are valid nearly always; [`Case::catalogue`] says.
#[must_use]
pub fn case(seed: u64, shape: Shape) -> Case {
    let mut random = Random::new(seed);
    let r = &mut random;
    let scale = if shape.huge && r.chance(7) { Scale::Huge } else { Scale::Small };
    let (zone, at) = moment(r);
    let stores: Vec<Store> = (1..=*r.pick(&[1, 1, 2, 2, 3, 4]))
        .map(|number| Store {
            id: id(format!("s{number}")),
            name: format!("store {number}"),
            minimum_order: r.maybe(25, |r| Amount::minor(scale.up(r, 0, 80))),
        })
        .collect();
    let gifts: Vec<Gift> = (1..=3)
        .map(|number| Gift {
            id: id(format!("g{number}")),
            name: format!("gift {number}"),
            sku: None,
            erp_sku: None,
            inventory: r.maybe(60, |r| r.from(0, 4)),
            value: r.maybe(60, |r| Amount::minor(r.from(0, 20))),
        })
        .collect();
    let mut ids: Vec<String> =
        (1..=shape.promotions_max).map(|number| format!("{}{number}", r.pick(&["a", "B", "p", "Z", "x."]))).collect();
    r.shuffle(&mut ids);
    ids.truncate(usize::try_from(r.from(1, shape.promotions_max)).expect("a count"));
    let promotions: Vec<Promotion> = ids.into_iter().map(|name| promotions::promotion(r, name, &stores, at, scale)).collect();
    let request = basket(r, shape, scale, at, &stores, &promotions);
    let usage = usage(r, &promotions, &gifts);
    let steps = steps(r, &request.lines);
    Case {
        rounding: *r.pick(&[
            Rounding::HalfUp,
            Rounding::HalfUp,
            Rounding::HalfDown,
            Rounding::HalfEven,
            Rounding::Down,
            Rounding::Up,
        ]),
        time_zone: TimeZone::get(zone).expect("a time zone"),
        stores,
        gifts,
        promotions,
        request,
        usage,
        steps,
    }
}

/// Mostly one moment; else any of a year, and often one near which the clock is changed.
fn moment(r: &mut Random) -> (&'static str, Timestamp) {
    if r.chance(75) {
        return ("Asia/Tokyo", AT.parse().expect("a moment"));
    }
    let (zone, near) = *r.pick(&[
        ("America/New_York", "2026-11-01T06:00:00Z"),
        ("America/New_York", "2026-03-08T07:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
        ("Asia/Tokyo", "2026-05-31T15:00:00Z"),
    ]);
    let near: Timestamp = near.parse().expect("a moment");
    let minutes = if r.chance(60) { r.from(-180, 180) } else { r.from(-200_000, 200_000) };
    (zone, near.checked_add(SignedDuration::from_mins(minutes)).expect("a moment of that year"))
}

fn basket(
    r: &mut Random,
    shape: Shape,
    scale: Scale,
    at: Timestamp,
    stores: &[Store],
    promotions: &[Promotion],
) -> BasketRequest {
    let mut names = ["a", "B", "b", "A", "c", "l10", "l2", "z", "Y"];
    r.shuffle(&mut names);
    let count = usize::try_from(r.from(1, shape.lines_max)).expect("a count").min(names.len());
    // Few skus and few prices, so that lines meet in groups and tie with each other.
    let common = scale.up(r, 1, 12);
    let lines: Vec<LineRequest> = names[..count].iter().map(|name| line(r, shape, scale, name, common, stores)).collect();
    let mut request = BasketRequest {
        currency: "JPY".to_owned(),
        at,
        user: r.maybe(75, |_| "u1".to_owned()),
        user_tags: r.maybe(50, |r| (*r.pick(&["vip", "staff"])).to_owned()).into_iter().collect(),
        channel: r.maybe(60, |r| (*r.pick(&["app", "web"])).to_owned()),
        region: r.maybe(60, |r| (*r.pick(&["east", "west"])).to_owned()),
        lines,
        coupons: CouponsOffered::These(coupons(r, promotions)),
        strategy: Strategy::Sequential,
        ..BasketRequest::default()
    };
    if shape.selections {
        select(r, &mut request, promotions);
        if shape.select_spend {
            select_spend(r, &mut request, promotions);
        }
    }
    request
}

fn line(r: &mut Random, shape: Shape, scale: Scale, name: &str, common: i64, stores: &[Store]) -> LineRequest {
    let number = r.from(1, 4);
    // A sku has its category nearly always; a second one now and then.
    let mut categories = Vec::new();
    if r.chance(85) {
        categories.push(format!("c{}", (number + 1) / 2));
    }
    if r.chance(20) {
        categories.push("c3".to_owned());
    }
    let unit_price = if r.chance(40) { common } else { scale.up(r, 0, 30) };
    let quantity = if shape.quantity_max > 100 && r.chance(30) {
        r.from(1, shape.quantity_max)
    } else {
        (*r.pick(&[1, 1, 2, 2, 3, 4, 5, 8])).min(shape.quantity_max)
    };
    LineRequest {
        line_id: name.to_owned(),
        sku: format!("k{number}"),
        store: r.pick(stores).id.to_string(),
        categories,
        unit_price: unit_price.min(tokka_core::basket::UNIT_PRICE_MAX),
        quantity,
        list_price: None,
        floor_price: r.maybe(25, |r| (unit_price * r.from(0, 5) / 4).min(tokka_core::basket::UNIT_PRICE_MAX)),
        tax_class: r.maybe(40, |r| (*r.pick(&["reduced", "standard"])).to_owned()),
        tags: Vec::new(),
    }
}

fn coupons(r: &mut Random, promotions: &[Promotion]) -> Vec<String> {
    let designs = promotions.iter().filter(|promotion| matches!(promotion.rule, Rule::Coupon(_)));
    let mut offered: Vec<String> = designs.map(|promotion| promotion.id.to_string()).collect();
    offered.retain(|_| r.chance(85));
    r.shuffle(&mut offered);
    if let Some(first) = offered.first().cloned()
        && r.chance(10)
    {
        offered.push(first);
    }
    if r.chance(4) {
        offered.push("nobody-knows-it".to_owned());
    }
    offered
}

fn select(r: &mut Random, request: &mut BasketRequest, promotions: &[Promotion]) {
    let items: Vec<String> = promotions
        .iter()
        .filter(|promotion| promotion.stage() == Stage::Item)
        .map(|promotion| promotion.id.to_string())
        .collect();
    for line in &request.lines {
        if r.chance(12) {
            let one =
                if items.is_empty() || r.chance(30) { Selection::None } else { Selection::Promotion(r.pick(&items).clone()) };
            request.select.insert(line.sku.clone(), one);
        }
    }
    for promotion in promotions {
        let Rule::Spend(spend) = &promotion.rule else { continue };
        let choices: Vec<&Id> =
            spend.tiers.iter().flat_map(|tier| &tier.gifts).filter(|gift| gift.choose).flat_map(|gift| &gift.options).collect();
        if !choices.is_empty() && r.chance(50) {
            request.select_gift.insert(promotion.id.to_string(), r.pick(&choices).to_string());
        }
    }
}

/// Several ids of one line are of different stages or exclusion groups.
fn select_spend(r: &mut Random, request: &mut BasketRequest, promotions: &[Promotion]) {
    let spends: Vec<(&Promotion, (Stage, &Id))> = promotions
        .iter()
        .filter_map(|promotion| match &promotion.rule {
            Rule::Spend(spend) => Some((promotion, (promotion.stage(), &spend.exclusion_group))),
            _ => None,
        })
        .collect();
    for line in &request.lines {
        if !r.chance(12) {
            continue;
        }
        let mut ids = Vec::new();
        let mut groups = Vec::new();
        for _ in 0..if spends.is_empty() { 0 } else { r.from(0, 3) } {
            let (promotion, group) = *r.pick(&spends);
            if !groups.contains(&group) {
                groups.push(group);
                ids.push(promotion.id.to_string());
            }
        }
        let selection = if ids.is_empty() { SpendSelection::None } else { SpendSelection::Promotions(ids) };
        request.select_spend.insert(line.line_id.clone(), selection);
    }
}

fn usage(r: &mut Random, promotions: &[Promotion], gifts: &[Gift]) -> Usage {
    let mut usage = Usage::new();
    for promotion in promotions {
        let id = promotion.id.to_string();
        let limits = &promotion.limits;
        let mut keys: Vec<(Key, i64)> = Vec::new();
        keys.extend(limits.stock.map(|limit| (Key::Stock(id.clone()), limit)));
        keys.extend(limits.budget.map(|limit| (Key::Budget(id.clone()), limit.get())));
        keys.extend(limits.orders_per_user.map(|limit| (Key::UserOrders(id.clone()), limit)));
        for (sku, limit) in &limits.stock_by_sku {
            keys.push((Key::StockBySku(id.clone(), sku.to_string()), *limit));
        }
        if let Some(limit) = limits.units_per_user {
            keys.push((Key::UserUnits(id.clone()), limit));
            keys.push((Key::UserUnitsOfSku(id.clone(), "k1".to_owned()), limit));
            keys.push((Key::UserUnitsOfSku(id.clone(), "k2".to_owned()), limit));
        }
        for (key, limit) in keys {
            if r.chance(45) {
                usage.insert(key, r.from(0, limit.saturating_add(1)));
            }
        }
    }
    for gift in gifts {
        if let Some(inventory) = gift.inventory
            && r.chance(40)
        {
            usage.insert(Key::Gift(gift.id.to_string()), r.from(0, inventory + 1));
        }
    }
    usage
}

/// Returns of random lines and sizes, until nothing is left.
fn steps(r: &mut Random, lines: &[LineRequest]) -> Vec<Step> {
    let mut left: Vec<(String, i64)> = lines.iter().map(|line| (line.line_id.clone(), line.quantity)).collect();
    let mut steps = Vec::new();
    while !left.is_empty() {
        let mut step = Step::new();
        let last = steps.len() >= 5;
        for (line, quantity) in &mut left {
            let some = if *quantity > 100 { r.from(*quantity / 3, *quantity) } else { r.from(1, *quantity) };
            if last || r.chance(45) {
                let back = if last || r.chance(30) { *quantity } else { some };
                step.insert(line.clone(), back);
                *quantity -= back;
            }
        }
        left.retain(|(_, quantity)| *quantity > 0);
        if !step.is_empty() {
            steps.push(step);
        }
    }
    if r.chance(5) {
        // One that is refused: 0 units, an unknown line, or more than is there.
        let line = r.pick(lines);
        let (name, units) = *r.pick(&[(line.line_id.as_str(), 0), ("no-line", 1), (line.line_id.as_str(), line.quantity + 1)]);
        let position = usize::try_from(r.from(0, 9)).expect("an index") % (steps.len() + 1);
        steps.insert(position, Step::from([(name.to_owned(), units)]));
    }
    steps
}

/// The same case with a selection that is INVALID_ARGUMENT; `None` where the case has nothing to select.
#[must_use]
pub fn spoiled(case: &Case, seed: u64) -> Option<Case> {
    let mut random = Random::new(seed ^ 0x3C3C);
    let r = &mut random;
    let mut spoiled = case.clone();
    let line = r.pick(&case.request.lines).clone();
    let items = |promotion: &&Promotion| promotion.stage() == Stage::Item;
    let spends = |promotion: &&Promotion| matches!(promotion.rule, Rule::Spend(_));
    let name = |promotion: &Promotion| promotion.id.to_string();
    let item = case.promotions.iter().find(items).map(name);
    let spend = case.promotions.iter().find(spends).map(name);
    let request = &mut spoiled.request;
    match r.from(0, 9) {
        0 => drop(request.select.insert(line.sku, Selection::Promotion("no-such-id".to_owned()))),
        1 => drop(request.select.insert(line.sku, Selection::Promotion(spend?))),
        2 => drop(request.select.insert("no-such-sku".to_owned(), Selection::None)),
        3 => drop(request.select_spend.insert("no-such-line".to_owned(), SpendSelection::None)),
        4 => drop(request.select_spend.insert(line.line_id, SpendSelection::Promotions(vec!["no-such-id".to_owned()]))),
        5 => drop(request.select_spend.insert(line.line_id, SpendSelection::Promotions(vec![item?]))),
        6 => {
            // Two of one stage and exclusion group.
            let mut twin = case.promotions.iter().find(spends)?.clone();
            twin.id = id("twin");
            spoiled.promotions.push(twin);
            let both = SpendSelection::Promotions(vec!["twin".to_owned(), spend?]);
            spoiled.request.select_spend.insert(line.line_id, both);
        }
        7 => drop(request.select_gift.insert("no-such-id".to_owned(), "g1".to_owned())),
        8 => drop(request.select_gift.insert(spend?, "no-such-gift".to_owned())),
        _ => request.currency = "USD".to_owned(),
    }
    Some(spoiled)
}

/// A moment near that of the basket.
pub(crate) fn near(r: &mut Random, at: Timestamp) -> Timestamp {
    at.checked_add(SignedDuration::from_hours(r.from(-2, 2))).expect("a moment near")
}
