//! What is the least that these offers let an order cost, found by trying everything (`docs/pricing.md`, Best choice)?

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use jiff::Timestamp;
use tokka_core::basket::{CouponsOffered, Strategy};
use tokka_core::promotion::{Owner, Rule, Stage};

use super::coupon::{offered, why_not_tried};
use super::numbers::Minor;
use super::order::{Order, Promo, World};
use super::{price, price_with};

/// One decision for every place where a choice is free.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Only the coupons are chosen.
    pub coupons_only: bool,
    /// By store and sku: the item promotion.
    pub items: BTreeMap<(String, String), Option<Promo>>,
    /// Set promotions that are off.
    pub sets_off: BTreeSet<Promo>,
    /// By line, stage and exclusion group: who may take it.
    pub spends: BTreeMap<(usize, Stage, String), Option<Promo>>,
    /// The coupons used.
    pub coupons: BTreeSet<Promo>,
}

/// One place, and what may be decided there.
enum Place {
    Item((String, String), Vec<Option<Promo>>),
    Set(Promo),
    Spend((usize, Stage, String), Vec<Option<Promo>>),
    Coupon(Vec<Option<Promo>>),
}

impl Place {
    fn options(&self) -> usize {
        match self {
            Self::Item(_, options) | Self::Spend(_, options) | Self::Coupon(options) => options.len(),
            Self::Set(_) => 2,
        }
    }

    fn decide(&self, choices: &mut Choices, option: usize) {
        match self {
            Self::Item(key, options) => drop(choices.items.insert(key.clone(), options[option])),
            Self::Spend(key, options) => drop(choices.spends.insert(key.clone(), options[option])),
            Self::Set(promo) if option == 1 => drop(choices.sets_off.insert(*promo)),
            Self::Set(promo) => drop(choices.sets_off.remove(promo)),
            Self::Coupon(options) => {
                for promo in options.iter().flatten() {
                    choices.coupons.remove(promo);
                }
                choices.coupons.extend(options[option]);
            }
        }
    }
}

/// The order among results of one price; the least comes first.
pub type Rank =
    (Reverse<Minor>, usize, usize, Vec<(bool, Option<Timestamp>)>, Vec<String>, Vec<Vec<(Stage, String, usize)>>, Vec<usize>);

/// The cheapest result.
pub struct Cheapest<'a> {
    /// It.
    pub order: Order<'a>,
    /// What it costs.
    pub payable: Minor,
    /// What the rules of choice cost.
    pub sequential: Minor,
    /// How many were tried.
    pub tried: u64,
}

/// Tries everything; `None` where that would be more than `most` choices, or the request asks for no search.
pub fn cheapest(world: World<'_>, most: u64) -> Option<Cheapest<'_>> {
    let best = world.basket.strategy() == Strategy::Best;
    if !best && !matches!(world.basket.coupons(), CouponsOffered::Auto { .. }) {
        return None;
    }
    let sequential = price(world);
    let places = places(&sequential, best);
    let mut count = 1u64;
    for place in &places {
        count = count.checked_mul(place.options() as u64).filter(|count| *count <= most)?;
    }
    let minimums: Vec<bool> = below_minimum(&sequential);
    let sequential_payable = payable(&sequential);
    let mut found = (sequential_payable, None::<Rank>, sequential);
    let mut choices = Choices { coupons_only: !best, ..Choices::default() };
    for number in 0..count {
        let mut rest = number;
        for place in &places {
            place.decide(&mut choices, (rest % place.options() as u64) as usize);
            rest /= place.options() as u64;
        }
        let order = price_with(world, Some(Rc::new(choices.clone())));
        let costs = payable(&order);
        let falls_below = below_minimum(&order).iter().zip(&minimums).any(|(now, before)| *now && !before);
        if costs > found.0 || falls_below {
            continue;
        }
        // The sequential result comes first among those of its price.
        let of_best = costs == found.0;
        if of_best && found.1.is_none() {
            continue;
        }
        let rank = rank(&order);
        if !of_best || found.1.as_ref().is_some_and(|best| rank < *best) {
            found = (costs, Some(rank), order);
        }
    }
    let (payable, _, order) = found;
    Some(Cheapest { order, payable, sequential: sequential_payable, tried: count })
}

/// Every place where a choice is free. Promotions that do not apply there are tried all the same: they change nothing.
fn places(sequential: &Order<'_>, all: bool) -> Vec<Place> {
    let mut places = Vec::new();
    if all {
        let mut items: BTreeMap<(String, String), Vec<Option<Promo>>> = BTreeMap::new();
        for promo in sequential.in_order(Stage::Item) {
            for line in sequential.covered_lines(promo) {
                let line = sequential.line(line);
                let options = items.entry((line.store.to_string(), line.sku.to_string())).or_default();
                if !options.contains(&Some(promo)) {
                    options.push(Some(promo));
                }
            }
        }
        places.extend(items.into_iter().map(|(key, options)| Place::Item(key, and_none(options))));
        places.extend(sequential.in_order(Stage::Set).into_iter().map(Place::Set));
        let mut spends: BTreeMap<(usize, Stage, String), Vec<Option<Promo>>> = BTreeMap::new();
        for stage in [Stage::StoreSpend, Stage::PlatformSpend] {
            for promo in sequential.in_order(stage) {
                let Rule::Spend(rule) = &sequential.promotion(promo).rule else { continue };
                for line in sequential.covered_lines(promo) {
                    spends.entry((line, stage, rule.exclusion_group.to_string())).or_default().push(Some(promo));
                }
            }
        }
        places.extend(spends.into_iter().map(|(key, options)| Place::Spend(key, and_none(options))));
    }
    let mut coupons: BTreeMap<Owner, Vec<Option<Promo>>> = BTreeMap::new();
    for id in offered(sequential) {
        let position = sequential.world.catalogue.promotions().iter().position(|promotion| promotion.id == id.as_str());
        let Some(promo) = position else { continue };
        let promotion = sequential.promotion(promo);
        if matches!(promotion.rule, Rule::Coupon(_)) && why_not_tried(sequential, promo).is_none() {
            coupons.entry(promotion.owner.clone()).or_default().push(Some(promo));
        }
    }
    places.extend(coupons.into_values().map(|options| Place::Coupon(and_none(options))));
    places
}

fn and_none(mut options: Vec<Option<Promo>>) -> Vec<Option<Promo>> {
    options.push(None);
    options
}

/// What the order costs.
pub fn payable(order: &Order<'_>) -> Minor {
    order.lines.iter().flatten().map(|unit| unit.pay).sum()
}

/// By store, in order of its first line: is it below its minimum order?
fn below_minimum(order: &Order<'_>) -> Vec<bool> {
    let mut stores: Vec<String> = Vec::new();
    let mut amounts: Vec<Minor> = Vec::new();
    for (line, amount) in order.after_store_spend.iter().enumerate() {
        let store = order.line(line).store.to_string();
        match stores.iter().position(|known| *known == store) {
            Some(known) => amounts[known] += amount,
            None => {
                stores.push(store);
                amounts.push(*amount);
            }
        }
    }
    let minimum = |id: &String| {
        let store = order.world.catalogue.stores().iter().find(|store| store.id == id.as_str());
        store.and_then(|store| store.minimum_order).map_or(0, |minimum| Minor::from(minimum.get()))
    };
    stores.iter().zip(&amounts).map(|(store, amount)| *amount < minimum(store)).collect()
}

/// Ties: more gift and free units, fewer promotions, fewer coupons, those that end first, the bytewise smallest sorted
/// ids, the first assignment (line by line, stage 1 before 3 before 5, groups bytewise, in order of application, none
/// last), then the coupons offered first.
fn rank(order: &Order<'_>) -> Rank {
    let gifts: Minor = order.gifts.iter().map(|(.., given)| *given).sum();
    let free: Minor = order.free_units.iter().map(|(.., units)| *units).sum();
    let applied: BTreeSet<Promo> = order.applied.iter().map(|(_, promo, _)| *promo).collect();
    let is_coupon = |promo: &&Promo| matches!(order.promotion(**promo).rule, Rule::Coupon(_));
    let coupons: Vec<Promo> = applied.iter().filter(is_coupon).copied().collect();
    let mut ends: Vec<(bool, Option<Timestamp>)> =
        coupons.iter().map(|&promo| order.promotion(promo).window.end).map(|end| (end.is_none(), end)).collect();
    ends.sort_unstable();
    let mut ids: Vec<String> = applied.iter().map(|&promo| order.id(promo).to_owned()).collect();
    ids.sort_unstable();
    let mut assignment = Vec::new();
    for units in &order.lines {
        let mut row: BTreeSet<(Stage, String, usize)> = BTreeSet::new();
        for promo in units.iter().flat_map(|unit| &unit.touches).map(|touch| touch.promotion) {
            let promotion = order.promotion(promo);
            let stage = promotion.stage();
            let group = match &promotion.rule {
                Rule::Spend(rule) => rule.exclusion_group.to_string(),
                _ => String::new(),
            };
            if matches!(stage, Stage::Item | Stage::StoreSpend | Stage::PlatformSpend) {
                let place = order.in_order(stage).iter().position(|&other| other == promo).expect("it applied");
                row.insert((stage, group, place));
            }
        }
        row.insert((Stage::PlatformCoupon, String::new(), usize::MAX));
        assignment.push(row.into_iter().collect());
    }
    let offers = offered(order);
    let mut used: Vec<usize> = coupons.iter().filter_map(|&promo| offers.iter().position(|id| id == order.id(promo))).collect();
    used.sort_unstable();
    (Reverse(gifts + free), applied.len(), coupons.len(), ends, ids, assignment, used)
}
