//! Who pays for the discounts (`pricing.md` §6 Funding)?

use std::collections::BTreeMap;

use tokka_core::promotion::{Owner, Party, Promotion};

use super::allocate::{Participant, allocate};
use super::numbers::{Fraction, Minor, floor, fraction};
use super::order::{Order, Promo};

/// By promotion, line and payer.
pub type Funding = BTreeMap<(Promo, usize, String), Minor>;

/// What each payer funds of each promotion on each line.
pub fn funding(order: &Order<'_>) -> Funding {
    let mut funding = Funding::new();
    let mut promos: Vec<Promo> = order.applied.iter().map(|(_, promo, _)| *promo).collect();
    promos.sort_unstable();
    promos.dedup();
    for promo in promos {
        fund_one(order, promo, &mut funding);
    }
    funding.retain(|_, amount| *amount > 0);
    funding
}

/// Split among the parties by percent; then, in the order named, each part is allocated by the tree over the lines with
/// what earlier parties left as weights; the last takes the rest.
fn fund_one(order: &Order<'_>, promo: Promo, funding: &mut Funding) {
    let mut left: Vec<Minor> = (0..order.lines.len()).map(|line| discount_on_line(order, promo, line)).collect();
    let total: Minor = left.iter().sum();
    let parties = parties(order.promotion(promo));
    let parts = split(total, &parties);
    for (index, ((party, _), part)) in parties.iter().zip(parts).enumerate() {
        let participants: Vec<Participant> = left
            .iter()
            .enumerate()
            .map(|(line, weight)| Participant {
                store: order.line(line).store.to_string(),
                line: order.line(line).line_id.to_string(),
                segment: 0,
                weight: *weight,
            })
            .collect();
        let last = index + 1 == parties.len();
        let shares = if last { left.clone() } else { allocate(part, &participants, None) };
        for (line, share) in shares.into_iter().enumerate() {
            left[line] -= share;
            let payer = match party {
                Party::Platform => "platform".to_owned(),
                Party::Seller => order.line(line).store.to_string(),
                Party::Store(id) => id.to_string(),
            };
            *funding.entry((promo, line, payer)).or_insert(0) += share;
        }
    }
}

/// What a promotion took off a line.
pub fn discount_on_line(order: &Order<'_>, promo: Promo, line: usize) -> Minor {
    let touches = order.lines[line].iter().flat_map(|unit| &unit.touches);
    touches.filter(|touch| touch.promotion == promo).map(|touch| touch.before - touch.after).sum()
}

/// As written; default: the owner pays all.
fn parties(promotion: &Promotion) -> Vec<(Party, Fraction)> {
    if promotion.funding.is_empty() {
        let owner = match &promotion.owner {
            Owner::Platform => Party::Platform,
            Owner::Store(id) => Party::Store(id.clone()),
        };
        return vec![(owner, fraction(1, 1))];
    }
    let part = |percent: tokka_core::rate::Rate| fraction(Minor::from(percent.as_micro_percent()), 100_000_000);
    promotion.funding.iter().map(|funding| (funding.party.clone(), part(funding.percent))).collect()
}

/// Floors, then the largest fractional parts; ties to the first named.
fn split(total: Minor, parties: &[(Party, Fraction)]) -> Vec<Minor> {
    let exact: Vec<Fraction> = parties.iter().map(|(_, part)| part * fraction(total, 1)).collect();
    let mut parts: Vec<Minor> = exact.iter().map(floor).collect();
    let left_over = total - parts.iter().sum::<Minor>();
    let mut by_fraction: Vec<usize> = (0..parts.len()).collect();
    by_fraction.sort_by_key(|&i| (std::cmp::Reverse(exact[i].fract()), i));
    for &index in by_fraction.iter().take(usize::try_from(left_over).expect("the floors sum to at most the whole")) {
        parts[index] += 1;
    }
    parts
}

/// What gifts and added free units are worth, by payer. READING: worked out once for each promotion; the part of
/// `seller` in what the platform gives is written under `seller`, since a gift stands on no line.
pub fn given_value(order: &Order<'_>) -> BTreeMap<String, Minor> {
    let mut worth: BTreeMap<Promo, Minor> = BTreeMap::new();
    for (promo, gift, _, given) in &order.gifts {
        let document = order.world.catalogue.gifts().iter().find(|document| document.id == gift.as_str());
        let value = document.and_then(|document| document.value).map_or(0, |value| Minor::from(value.get()));
        *worth.entry(*promo).or_insert(0) += value * given;
    }
    for (promo, line, units) in &order.free_units {
        *worth.entry(*promo).or_insert(0) += Minor::from(order.line(*line).unit_price.get()) * units;
    }
    let mut by_payer = BTreeMap::new();
    for (promo, total) in worth {
        let promotion = order.promotion(promo);
        let parties = parties(promotion);
        for ((party, _), part) in parties.iter().zip(split(total, &parties)) {
            let payer = match (party, &promotion.owner) {
                (Party::Seller, Owner::Store(id)) => id.to_string(),
                (party, _) => party.to_string(),
            };
            *by_payer.entry(payer).or_insert(0) += part;
        }
    }
    by_payer.retain(|_, amount| *amount > 0);
    by_payer
}
