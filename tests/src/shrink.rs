//! What is the smallest case that still fails? Whatever can be left out is left out, one thing after the other.

use tokka_core::basket::CouponsOffered;
use tokka_core::promotion::{Audience, Exclude, Include, Limits, Promotion, Rule, Stacking, Window};

use crate::case::Case;

/// Leaves out what `fails` does not need. `fails` answers false for a case that is not valid.
pub fn shrink(case: &Case, fails: &dyn Fn(&Case) -> bool) -> Case {
    let mut smallest = case.clone();
    // Every round tries every simplification once; a round without success ends it.
    for _ in 0..20 {
        let mut shrunk = false;
        shrunk |= remove(&mut smallest, fails, |case| case.promotions.len(), Case::without_promotion);
        shrunk |= remove(&mut smallest, fails, |case| case.request.lines.len(), Case::without_line);
        for simpler in whole_fields(&smallest) {
            shrunk |= accept(&mut smallest, fails, &simpler);
        }
        shrunk |= remove(
            &mut smallest,
            fails,
            |case| case.steps.len(),
            |case, index| {
                let mut case = case.clone();
                case.steps.remove(index);
                case
            },
        );
        shrunk |= remove(
            &mut smallest,
            fails,
            |case| case.usage.len(),
            |case, index| {
                let mut case = case.clone();
                let key = case.usage.keys().nth(index).cloned();
                key.and_then(|key| case.usage.remove(&key));
                case
            },
        );
        for index in 0..smallest.request.lines.len() {
            for change in LINE_CHANGES {
                shrunk |= accept(&mut smallest, fails, &|case: &mut Case| change(&mut case.request.lines[index]));
            }
        }
        for index in 0..smallest.promotions.len() {
            for change in PROMOTION_CHANGES {
                shrunk |= accept(&mut smallest, fails, &|case: &mut Case| change(&mut case.promotions[index]));
            }
        }
        if !shrunk {
            break;
        }
    }
    smallest
}

fn accept(smallest: &mut Case, fails: &dyn Fn(&Case) -> bool, change: &dyn Fn(&mut Case)) -> bool {
    let mut simpler = smallest.clone();
    change(&mut simpler);
    simpler.clamp_steps();
    // A change that changes nothing would be accepted for ever.
    if format!("{simpler:?}") == format!("{smallest:?}") || !fails(&simpler) {
        return false;
    }
    *smallest = simpler;
    true
}

fn remove(
    smallest: &mut Case,
    fails: &dyn Fn(&Case) -> bool,
    count: impl Fn(&Case) -> usize,
    without: impl Fn(&Case, usize) -> Case,
) -> bool {
    let mut shrunk = false;
    let mut index = count(smallest);
    while index > 0 {
        index -= 1;
        let simpler = without(smallest, index);
        if fails(&simpler) {
            *smallest = simpler;
            shrunk = true;
        }
        index = index.min(count(smallest));
    }
    shrunk
}

type Change = Box<dyn Fn(&mut Case)>;

fn whole_fields(case: &Case) -> Vec<Change> {
    let mut changes: Vec<Change> = vec![
        Box::new(|case| case.steps.clear()),
        Box::new(|case| case.usage.clear()),
        Box::new(|case| case.request.select.clear()),
        Box::new(|case| case.request.select_spend.clear()),
        Box::new(|case| case.request.select_gift.clear()),
        Box::new(|case| case.request.coupons = CouponsOffered::default()),
        Box::new(|case| case.request.user = None),
        Box::new(|case| case.request.user_tags.clear()),
        Box::new(|case| case.request.channel = None),
        Box::new(|case| case.request.region = None),
        Box::new(|case| case.rounding = tokka_core::rate::Rounding::HalfUp),
        Box::new(|case| case.time_zone = jiff::tz::TimeZone::UTC),
        Box::new(|case| {
            let Case { stores, promotions, request, .. } = case;
            let text = format!("{promotions:?}{request:?}");
            stores.retain(|store| text.contains(&format!("{:?}", store.id.as_str())));
        }),
        Box::new(|case| {
            let Case { gifts, promotions, request, .. } = case;
            let text = format!("{promotions:?}{request:?}");
            gifts.retain(|gift| text.contains(&format!("{:?}", gift.id.as_str())));
        }),
    ];
    for index in 0..case.stores.len() {
        changes.push(Box::new(move |case| {
            if let Some(store) = case.stores.get_mut(index) {
                store.minimum_order = None;
            }
        }));
    }
    if let CouponsOffered::These(ids) = &case.request.coupons {
        for index in 0..ids.len() {
            changes.push(Box::new(move |case| {
                if let CouponsOffered::These(ids) = &mut case.request.coupons
                    && index < ids.len()
                {
                    ids.remove(index);
                }
            }));
        }
    }
    for (key, _) in case.request.select_spend.clone() {
        changes.push(Box::new(move |case| drop(case.request.select_spend.remove(&key))));
    }
    for (key, _) in case.request.select.clone() {
        changes.push(Box::new(move |case| drop(case.request.select.remove(&key))));
    }
    changes
}

type LineChange = fn(&mut tokka_core::basket::LineRequest);
const LINE_CHANGES: [LineChange; 8] = [
    |line| line.quantity = 1,
    |line| line.quantity = (line.quantity / 2).max(1),
    |line| line.quantity = (line.quantity - 1).max(1),
    |line| line.floor_price = None,
    |line| line.tax_class = None,
    |line| line.categories.clear(),
    |line| line.unit_price = line.unit_price.min(10),
    |line| line.unit_price = (line.unit_price - 1).max(0),
];

type PromotionChange = fn(&mut Promotion);
const PROMOTION_CHANGES: [PromotionChange; 16] = [
    |promotion| promotion.window = Window::default(),
    |promotion| promotion.schedule.clear(),
    |promotion| promotion.audience = Audience::default(),
    |promotion| promotion.scope.include = Include::default(),
    |promotion| promotion.scope.exclude = Exclude::default(),
    |promotion| promotion.limits = Limits::default(),
    |promotion| promotion.limits.stock = None,
    |promotion| promotion.limits.units_per_order = None,
    |promotion| promotion.limits.units_per_user = None,
    |promotion| promotion.limits.orders_per_user = None,
    |promotion| promotion.limits.budget = None,
    |promotion| promotion.stacking = Stacking::default(),
    |promotion| promotion.funding.clear(),
    |promotion| promotion.priority = 0,
    |promotion| match &mut promotion.rule {
        Rule::Spend(rule) => rule.qualify = None,
        Rule::Coupon(rule) => rule.qualify = None,
        Rule::Bundle(rule) => rule.max_sets = None,
        Rule::MixMatch(rule) => rule.max_sets = None,
        _ => {}
    },
    |promotion| match &mut promotion.rule {
        Rule::Spend(rule) if rule.tiers.len() > 1 => drop(rule.tiers.pop()),
        Rule::VolumePrice(rule) if rule.tiers.len() > 1 => drop(rule.tiers.pop()),
        Rule::BuyGet(rule) if rule.tiers.len() > 1 => drop(rule.tiers.pop()),
        Rule::Bundle(rule) if rule.components.len() > 1 => drop(rule.components.pop()),
        _ => {}
    },
];
