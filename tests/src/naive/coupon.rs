//! Stages 4 and 6: the coupons offered (`pricing.md` §5).

use std::collections::BTreeMap;

use tokka_core::basket::CouponsOffered;
use tokka_core::promotion::{Basis, Coupon, Owner, Rule, Stage};

use super::active::{why_not_active, why_not_covered};
use super::defect::Defect;
use super::limit::{LimitsNow, budget_exhausted, note_user};
use super::numbers::Minor;
use super::order::{Order, Promo, Segment};
use super::spend::{discount_on, measure, measured_lines};
use super::verdict::{Applied, Verdict};

/// The coupons offered, an id twice being one offer.
pub fn offered(order: &Order<'_>) -> Vec<String> {
    let (CouponsOffered::These(ids) | CouponsOffered::Auto { held: ids }) = order.world.basket.coupons();
    let mut offered: Vec<String> = Vec::new();
    for id in ids {
        if !offered.contains(id) {
            offered.push(id.clone());
        }
    }
    offered
}

/// Coupons are tried in the order offered; one that does not apply leaves its place free.
pub fn run(order: &mut Order<'_>, stage: Stage) {
    let mut places: BTreeMap<Owner, Promo> = BTreeMap::new();
    for id in offered(order) {
        let position = order.world.catalogue.promotions().iter().position(|promotion| promotion.id == id.as_str());
        let Some(promo) = position.filter(|&promo| order.promotion(promo).stage() == stage) else { continue };
        let promotion = order.promotion(promo);
        let Rule::Coupon(rule) = &promotion.rule else { continue };
        let inactive = why_not_active(promotion, order.world.catalogue, order.world.basket).is_some();
        order.coverage.insert(id.clone(), coverage(order, promo, if inactive { Stage::Item } else { stage }));
        let idle_takes = order.world.defect == Some(Defect::IdleCouponTakesThePlace);
        if let Some(verdict) = why_not_tried(order, promo) {
            if idle_takes {
                places.entry(promotion.owner.clone()).or_insert(promo);
            }
            order.verdicts.insert(id, verdict);
            continue;
        }
        if order.choices.as_ref().is_some_and(|choices| !choices.coupons.contains(&promo)) {
            continue;
        }
        let verdict = match places.get(&promotion.owner) {
            Some(&other) => Verdict::not("ONE_PER_ORDER").with("promotion", order.id(other)),
            None => try_one(order, promo, rule, stage),
        };
        if verdict.applied() || idle_takes {
            places.entry(promotion.owner.clone()).or_insert(promo);
        }
        order.verdicts.insert(id, verdict);
    }
}

/// READING: a coupon offered whose id is no coupon's is UNKNOWN_COUPON, whatever else it is.
pub fn note_unknown(order: &mut Order<'_>) {
    for id in offered(order) {
        let is_coupon = |promotion: &&tokka_core::promotion::Promotion| matches!(promotion.rule, Rule::Coupon(_));
        let known = order.world.catalogue.promotions().iter().filter(is_coupon).any(|promotion| promotion.id == id.as_str());
        if !known {
            order.verdicts.insert(format!("unknown coupon {id}"), Verdict::not("UNKNOWN_COUPON"));
        }
    }
}

/// Each line: covered, or why not. READING: as stacking stands when the coupon's turn comes, but without stacking where
/// it is not active, since it has no turn then; a line is kept out where all its segments are, by the first promotion that keeps out the first of them.
fn coverage(order: &Order<'_>, promo: Promo, stage: Stage) -> String {
    let one = |index: usize| {
        let line = order.line(index);
        if let Some(why) = why_not_covered(order.promotion(promo), line) {
            return format!("{} {why}", line.line_id);
        }
        let closed: Option<Vec<Promo>> =
            order.segments_of(&[index]).into_iter().map(|segment| order.closed_by(segment, stage)).collect();
        match closed {
            Some(by) => format!("{} NOT_STACKABLE by {}", line.line_id, order.id(by[0])),
            None => format!("{} COVERED", line.line_id),
        }
    };
    (0..order.lines.len()).map(one).collect::<Vec<_>>().join(", ")
}

/// Inactive, or no line is covered.
pub fn why_not_tried(order: &Order<'_>, promo: Promo) -> Option<Verdict> {
    let promotion = order.promotion(promo);
    if let Some(outcome) = why_not_active(promotion, order.world.catalogue, order.world.basket) {
        return Some(Verdict::Not(outcome));
    }
    if order.covered_lines(promo).is_empty() {
        return Some(Verdict::not("NOT_COVERED").with("lines", lines_and_why(order, promo)));
    }
    None
}

/// Each line and why it is not covered.
pub fn lines_and_why(order: &Order<'_>, promo: Promo) -> String {
    let lines = order.world.basket.lines().iter();
    let why = lines.map(|line| format!("{} {}", line.line_id, why_not_covered(order.promotion(promo), line).unwrap_or("-")));
    why.collect::<Vec<_>>().join(", ")
}

/// It applies if `W ≥ threshold` and D > 0.
fn try_one(order: &mut Order<'_>, promo: Promo, rule: &Coupon, stage: Stage) -> Verdict {
    let covered = order.segments_of(&order.covered_lines(promo));
    let segments: Vec<Segment> = covered.iter().copied().filter(|&segment| order.closed_by(segment, stage).is_none()).collect();
    if segments.is_empty() {
        let other = order.closed_by(covered[0], stage).expect("stacking keeps it out");
        return Verdict::not("NOT_STACKABLE").with("promotion", order.id(other));
    }
    let limits = LimitsNow::of(order, promo, None);
    if let Some((limit, verdict)) = limits.exhausted(1) {
        note_user(order, promo, false, std::slice::from_ref(limit));
        return verdict;
    }
    let threshold = Minor::from(rule.threshold.get());
    let measured = measure(order, promo, stage, Basis::Amount, rule.threshold_on, rule.qualify.as_ref(), &segments);
    if measured < threshold {
        let verdict = Verdict::not("BELOW_THRESHOLD").with("threshold", threshold).with("actual", measured);
        let kept_out = order.kept_out(&measured_lines(order, promo, rule.qualify.as_ref()), stage);
        return verdict.with("missing", threshold - measured).with("kept_out", kept_out).with("limit_that_cut", "-");
    }
    let (discount, floor_cut) = discount_on(order, &segments, rule.discount, 1);
    if discount == 0 {
        return Verdict::not("NO_BENEFIT");
    }
    if let Some(verdict) = budget_exhausted(order, promo, discount) {
        return verdict;
    }
    order.take_off(promo, discount, &segments);
    order.applied.push((stage, promo, discount));
    note_user(order, promo, true, &[]);
    Verdict::Applied(Applied { discount, floor_cut, ..Applied::default() })
}
