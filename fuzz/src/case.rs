//! Which case do these bytes mean? One that the generator of the tests makes up, and then a few strange changes.

use tokka_core::amount::Amount;
use tokka_core::basket::{Selection, SpendSelection};
use tokka_core::promotion::Rule;
use tokka_core::rate::Rounding;
use tokka_tests::case::Case;
use tokka_tests::generate::{self, Random, Shape};

/// What a made-up case begins with.
pub(crate) const CASE: &[u8] = b"case:";

/// Numbers at which something ends or begins.
const NUMBERS: [i64; 20] = [
    0,
    1,
    2,
    3,
    5,
    7,
    10,
    99,
    100,
    101,
    999,
    999_999,
    1_000_000,
    999_999_999_999,
    1_000_000_000_000,
    1_000_000_000_000_000,
    1_000_000_000_000_001,
    i64::MAX,
    -1,
    i64::MIN,
];

/// A case, and the chance that goes on from it. Eight bytes are its seed, each four after them one change.
pub(crate) fn grow(seeds: &[u8]) -> (Case, Random) {
    let (first, changes) = seeds.split_at(seeds.len().min(8));
    let seed = first.iter().fold(0u64, |seed, byte| (seed << 8) | u64::from(*byte));
    let mut case = generate::case(seed, Shape::LARGE);
    for change in changes.chunks_exact(4) {
        if let [what, where_, high, low] = change {
            apply(&mut case, *what, *where_, *high, *low);
        }
    }
    (case, Random::new(seed ^ 0x5EED))
}

/// A strange number, or an ordinary one.
fn number(high: u8, low: u8) -> i64 {
    match NUMBERS.get(usize::from(high)) {
        Some(strange) => *strange,
        None => i64::from(high) * 256 + i64::from(low),
    }
}

fn apply(case: &mut Case, what: u8, where_: u8, high: u8, low: u8) {
    let value = number(high, low);
    let nth = |length: usize| usize::from(where_).checked_rem(length);
    if what.is_multiple_of(2) {
        if let Some(line) = nth(case.request.lines.len()) {
            change_line(case, line, what / 2, value, low);
        }
    } else if let Some(promotion) = nth(case.promotions.len()) {
        change_promotion(case, promotion, what / 2, value, low);
    }
}

fn change_line(case: &mut Case, index: usize, what: u8, value: i64, low: u8) {
    let other = usize::from(low).checked_rem(case.request.lines.len()).and_then(|other| case.request.lines.get(other)).cloned();
    let count = case.request.lines.len();
    let (Some(other), Some(line)) = (other, case.request.lines.get_mut(index)) else { return };
    match what % 12 {
        0 => line.quantity = value,
        1 => line.unit_price = value,
        2 => line.floor_price = Some(value),
        3 => line.sku = other.sku,
        4 => line.store = other.store,
        5 => line.categories = other.categories,
        6 => line.floor_price = Some(line.unit_price),
        7 => case.request.lines.push(tokka_core::basket::LineRequest { line_id: format!("n{count}"), ..other }),
        8 => drop(case.request.select.insert(line.sku.clone(), Selection::None)),
        9 => drop(case.request.select_spend.insert(line.line_id.clone(), SpendSelection::None)),
        10 if count > 1 => *case = case.without_line(index),
        _ => case.request.user = (low > 127).then(|| "u2".to_owned()),
    }
}

fn change_promotion(case: &mut Case, index: usize, what: u8, value: i64, low: u8) {
    let Some(promotion) = case.promotions.get_mut(index) else { return };
    let id = promotion.id.to_string();
    match what % 14 {
        0 => promotion.limits.stock = Some(value),
        1 => promotion.limits.budget = Some(Amount::minor(value)),
        2 => promotion.limits.units_per_order = Some(value),
        3 => promotion.limits.units_per_user = Some(value),
        4 => promotion.limits.orders_per_user = Some(value),
        5 => promotion.priority = i32::from(low),
        6 => promotion.stacking.spend = Some(low > 127),
        7 => promotion.stacking.platform = Some(low > 127),
        8 => promotion.funding.clear(),
        9 => change_rule(&mut promotion.rule, value, low),
        10 => *case = case.without_promotion(index),
        11 => case.promotions.reverse(),
        12 => {
            let roundings = [Rounding::HalfUp, Rounding::HalfDown, Rounding::HalfEven, Rounding::Down, Rounding::Up];
            case.rounding = roundings.get(usize::from(low) % roundings.len()).copied().unwrap_or(case.rounding);
        }
        _ => {
            let line = usize::from(low).checked_rem(case.request.lines.len()).and_then(|line| case.request.lines.get(line));
            let Some(line) = line else { return };
            match promotion.rule {
                Rule::Spend(_) => {
                    drop(case.request.select_spend.insert(line.line_id.clone(), SpendSelection::Promotions(vec![id])))
                }
                _ => drop(case.request.select.insert(line.sku.clone(), Selection::Promotion(id))),
            }
        }
    }
}

fn change_rule(rule: &mut Rule, value: i64, low: u8) {
    match rule {
        Rule::ItemPrice(item) => item.price = tokka_core::promotion::UnitPrice::Fixed(Amount::minor(value)),
        Rule::VolumePrice(volume) => {
            volume.tiers.iter_mut().for_each(|tier| tier.min_quantity = tier.min_quantity.saturating_mul(value))
        }
        Rule::BuyGet(rule) => rule.tiers.iter_mut().for_each(|tier| tier.get = tier.get.saturating_add(value)),
        Rule::MixMatch(rule) if low > 127 => rule.pick = value,
        Rule::MixMatch(rule) => rule.max_sets = Some(value),
        Rule::Bundle(rule) if low > 127 => rule.components.iter_mut().for_each(|component| component.quantity = value),
        Rule::Bundle(rule) => rule.max_sets = Some(value),
        Rule::Spend(spend) if low > 127 => spend.max_repeats = Some(value),
        Rule::Spend(spend) => spend.tiers.iter_mut().for_each(|tier| tier.threshold = tier.threshold.saturating_mul(value)),
        Rule::Coupon(coupon) => coupon.threshold = Amount::minor(value),
    }
}
