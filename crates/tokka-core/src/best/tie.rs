//! Which of two choices of one price comes first?

use std::cmp::Reverse;

use jiff::Timestamp;

use crate::promotion::Stage;
use crate::stages::Pricing;
use crate::table::{Ix, PromoIx};

/// The order among choices of one price, the first the least: more gifts and free units, fewer promotions, fewer
/// coupons, those coupons that end first, the bytewise smallest sorted ids, and the first assignment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    given: Reverse<i64>,
    applied: usize,
    coupons: usize,
    /// Ascending; those without an end last.
    coupon_ends: Vec<(bool, Option<Timestamp>)>,
    ids: Vec<String>,
    /// By line and segment: who took it, stage 1 before 3 before 5, in order of exclusion groups.
    assignment: Vec<Vec<(Stage, String, PromoIx)>>,
    coupons_used: Vec<usize>,
}

impl Rank {
    /// Of an order that is through all stages.
    pub(crate) fn of(pricing: &Pricing<'_>) -> Self {
        let prepared = pricing.prepared;
        let mut touched: Vec<(PromoIx, Stage)> =
            pricing.segments.iter().flat_map(|segment| &segment.chain).map(|touch| (touch.promotion, touch.stage)).collect();
        touched.extend(pricing.free_units.iter().map(|free| (free.promotion, Stage::Item)));
        touched.sort_unstable();
        touched.dedup();
        let is_coupon = |stage: Stage| matches!(stage, Stage::StoreCoupon | Stage::PlatformCoupon);
        let gifts = pricing.gifts.iter().map(|gift| gift.given);
        let given = gifts.chain(pricing.free_units.iter().map(|free| free.units)).fold(0i64, i64::saturating_add);
        let coupons = || touched.iter().filter(|(_, stage)| is_coupon(*stage));
        let end = |(promotion, _): &(PromoIx, Stage)| prepared.rulebook.promotion(*promotion).window.end;
        let mut coupon_ends: Vec<(bool, Option<Timestamp>)> = coupons().map(end).map(|end| (end.is_none(), end)).collect();
        coupon_ends.sort_unstable();
        let mut ids: Vec<String> =
            touched.iter().map(|(promotion, _)| prepared.rulebook.promotion(*promotion).id.as_str().to_owned()).collect();
        ids.sort_unstable();
        let number = |promotion: PromoIx| prepared.candidates.iter().position(|candidate| candidate.promotion == promotion);
        let mut coupons_used: Vec<usize> = coupons().filter_map(|(promotion, _)| number(*promotion)).collect();
        coupons_used.sort_unstable();
        Self {
            given: Reverse(given),
            applied: touched.len(),
            coupons: coupons().count(),
            coupon_ends,
            ids,
            assignment: assignment(pricing),
            coupons_used,
        }
    }
}

fn assignment(pricing: &Pricing<'_>) -> Vec<Vec<(Stage, String, PromoIx)>> {
    let prepared = pricing.prepared;
    let mut lines: Vec<Vec<(Stage, String, PromoIx)>> = Vec::with_capacity(prepared.basket.lines().len());
    for of_line in pricing.segments.chunk_by(|a, b| a.line == b.line) {
        let mut row: Vec<(Stage, String, PromoIx)> = Vec::new();
        for touch in of_line.iter().flat_map(|segment| &segment.chain) {
            let group = match touch.stage {
                Stage::Item => String::new(),
                Stage::StoreSpend | Stage::PlatformSpend => match &prepared.rulebook.promotion(touch.promotion).rule {
                    crate::promotion::Rule::Spend(spend) => spend.exclusion_group.as_str().to_owned(),
                    _ => String::new(),
                },
                Stage::Set | Stage::StoreCoupon | Stage::PlatformCoupon => continue,
            };
            row.push((touch.stage, group, touch.promotion));
        }
        row.sort_unstable();
        row.dedup();
        // None comes last.
        row.push((Stage::PlatformCoupon, String::new(), PromoIx::new(usize::MAX)));
        lines.push(row);
    }
    lines
}
