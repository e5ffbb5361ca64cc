//! How do pages show the lines together (`pricing.md` §9 Groups)? By store: spends, sets, single lines.

use tokka_core::promotion::{Rule, Stage};

use super::active::why_not_covered;
use super::order::{Order, Promo, Segment};
use super::spend::kept_for_another;
use crate::priced::PricedGroup;

/// What a store spend promotion looked at: its segments, and whether it applied to them.
#[derive(Debug, Clone)]
pub struct Looked {
    /// Which promotion.
    pub promo: Promo,
    /// The segments that it covers, that are let in, that no other took, and that no selection keeps for another.
    pub segments: Vec<Segment>,
    /// It applied; else only a hint is given.
    pub applied: bool,
}

/// By store in request order: one group for each stage-3 promotion that applied, else of which a hint is given; then set
/// promotions; then single lines.
pub fn groups(order: &Order<'_>) -> Vec<PricedGroup> {
    let mut stores: Vec<String> = Vec::new();
    for line in order.world.basket.lines() {
        if !stores.iter().any(|store| line.store == store.as_str()) {
            stores.push(line.store.to_string());
        }
    }
    stores.iter().flat_map(|store| of_store(order, store)).collect()
}

fn of_store(order: &Order<'_>, store: &str) -> Vec<PricedGroup> {
    let lines: Vec<usize> = (0..order.lines.len()).filter(|&line| order.line(line).store == store).collect();
    let segments = order.segments_of(&lines);
    let mut groups = Vec::new();
    let mut left = segments.clone();
    let group = |by: String, of_it: &[Segment], in_spend: bool| PricedGroup {
        store: store.to_owned(),
        by,
        entries: of_it.iter().map(|&segment| entry(order, segment, in_spend)).collect(),
    };

    let hinted = |promo: Promo| order.hints.iter().any(|hint| hint.promo == promo);
    let spends = order.looked.iter().filter(|looked| looked.segments.iter().any(|segment| segments.contains(segment)));
    for looked in spends.filter(|looked| looked.applied || hinted(looked.promo)) {
        // A segment stands in the first that took it; what nobody took, in the first that speaks of it.
        let took_first = |segment: &Segment| {
            let took = order.looked.iter().find(|other| other.applied && other.segments.contains(segment));
            took.is_none_or(|first| first.promo == looked.promo)
        };
        let own: Vec<Segment> =
            left.iter().copied().filter(|segment| looked.segments.contains(segment) && took_first(segment)).collect();
        left.retain(|segment| !own.contains(segment));
        // READING: one of which all segments stand in earlier groups is not shown again.
        if !own.is_empty() {
            groups.push(group(format!("spend {}", order.id(looked.promo)), &own, true));
        }
    }
    for (_, promo, _) in order.applied.iter().filter(|(stage, ..)| *stage == Stage::Set) {
        let in_its_sets = |segment: &Segment| order.units(*segment)[0].touches.iter().any(|touch| touch.promotion == *promo);
        let own: Vec<Segment> = left.iter().copied().filter(in_its_sets).collect();
        left.retain(|segment| !own.contains(segment));
        if !own.is_empty() {
            groups.push(group(format!("set {}", order.id(*promo)), &own, false));
        }
    }
    for line in lines {
        let own: Vec<Segment> = left.iter().copied().filter(|segment| segment.0 == line).collect();
        if !own.is_empty() {
            groups.push(group("line".to_owned(), &own, false));
        }
    }
    groups
}

/// Line, units, marks. READING: `not_in_spend` marks what stands in no spend's group, and names the first spend of its store
/// that excludes the line, or covers it and is kept from it by stacking or by the request.
fn entry(order: &Order<'_>, segment: Segment, in_spend: bool) -> (String, i64, String) {
    let units = order.units(segment);
    let mut marks = String::new();
    if units[0].over_limit {
        marks.push_str(" over limit");
    }
    let line = order.line(segment.0);
    let why_not = |promo: Promo| match why_not_covered(order.promotion(promo), line) {
        Some("EXCLUDED") => Some("EXCLUDED".to_owned()),
        Some(_) => None,
        None => match order.closed_by(segment, Stage::StoreSpend) {
            Some(by) => Some(format!("NOT_STACKABLE by {}", order.id(by))),
            None => match &order.promotion(promo).rule {
                Rule::Spend(rule) => {
                    kept_for_another(order, promo, rule, Stage::StoreSpend, segment.0).then(|| "NOT_SELECTED".to_owned())
                }
                _ => None,
            },
        },
    };
    let spends = order.in_order(Stage::StoreSpend).into_iter();
    let mark = spends.filter_map(|promo| why_not(promo).map(|why| (promo, why))).next();
    if let (false, Some((promo, why))) = (in_spend, mark) {
        marks.push_str(&format!(" not in {}: {why}", order.id(promo)));
    }
    (line.line_id.to_string(), units.len() as i64, marks)
}
