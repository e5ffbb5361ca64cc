//! How much can a promotion take off, at most, of an amount? Its curve, and straight lines that lie above it.
//!
//! Every bound of the search is made of lines `intercept + slope × amount` above the curve of a promotion. Which slope is
//! taken decides how close a bound is, never whether it holds: the intercept is always raised until the line is above
//! every corner of the curve.

use smallvec::SmallVec;

use crate::amount::Amount;
use crate::promotion::{Basis, Coupon, Discount, Rule, SpendTier, ThresholdOn};
use crate::rate::Rounding;

/// One, as slopes and coefficients are counted.
pub(crate) const ONE: i64 = 1 << 30;
/// [`ONE`], for intercepts.
pub(crate) const WIDE: i128 = 1 << 30;
/// A whole in millionths of a percent.
const WHOLE: i128 = 100_000_000;

/// A line above a curve: `intercept` in minor units × [`ONE`], `slope` × [`ONE`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Above {
    pub(crate) intercept: i128,
    pub(crate) slope: i64,
}

/// Corners of a concave curve above what a promotion takes off: amount, and discount × [`ONE`].
pub(crate) type Corners = SmallVec<[(i64, i128); 16]>;

/// What a spend promotion or a coupon takes off, as far as a bound looks.
#[derive(Debug, Clone)]
pub(crate) struct Curve {
    /// From the lowest threshold.
    tiers: SmallVec<[(i64, Option<Discount>); 4]>,
    pub(crate) measures: Measures,
    repeat: bool,
    max_repeats: i64,
    /// What its budget leaves.
    most: i64,
    rounding: Rounding,
}

/// What its thresholds are compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measures {
    /// The amount that it discounts.
    Same,
    /// The units of what it discounts.
    Units,
    /// What stage 1 left of what it discounts.
    AtItem,
    /// Something else.
    Other,
}

impl Curve {
    pub(crate) fn of(rule: &Rule, most: i64, rounding: Rounding) -> Option<Self> {
        match rule {
            Rule::Spend(rule) => {
                let tier = |tier: &SpendTier| (tier.threshold, tier.discount);
                let measures = match (rule.qualify.is_some(), rule.basis, rule.threshold_on) {
                    (true, ..) => Measures::Other,
                    (false, Basis::Quantity, _) => Measures::Units,
                    (false, Basis::Amount, ThresholdOn::Item) => Measures::AtItem,
                    (false, Basis::Amount, ThresholdOn::Left) => Measures::Same,
                };
                let tiers = rule.tiers.iter().map(tier).collect();
                let max_repeats = rule.max_repeats.unwrap_or(i64::MAX);
                Some(Self { tiers, measures, repeat: rule.repeat, max_repeats, most, rounding })
            }
            Rule::Coupon(Coupon { threshold, discount, threshold_on, qualify }) => {
                let measures = match (qualify.is_some(), threshold_on) {
                    (true, _) => Measures::Other,
                    (false, ThresholdOn::Item) => Measures::AtItem,
                    (false, ThresholdOn::Left) => Measures::Same,
                };
                let tiers = [(threshold.get(), Some(*discount))].into_iter().collect();
                Some(Self { tiers, measures, repeat: false, max_repeats: 1, most, rounding })
            }
            _ => None,
        }
    }

    /// The lowest threshold: below it, nothing happens.
    pub(crate) fn lowest(&self) -> i64 {
        self.tiers.first().map_or(0, |(threshold, _)| *threshold)
    }

    /// Adds the corners for amounts up to `amount`, of which `measured` is the most that thresholds are compared with.
    /// Answers what rounding may add to them, × [`ONE`], and the most that is taken off at all.
    pub(crate) fn corners(&self, amount: i64, measured: i64, corners: &mut Corners) -> (i128, i128) {
        let mut rounding = 0;
        let mut highest = 0i64;
        let same = self.measures == Measures::Same;
        let measured = if same { amount } else { measured };
        let mut put = |at: i64, discount: i128| {
            let at = at.clamp(0, amount);
            let most = i128::from(at.min(self.most)).saturating_mul(WIDE);
            corners.push((at, discount.min(most)));
        };
        for (threshold, discount) in self.tiers.iter().filter(|(threshold, _)| *threshold <= measured) {
            let from = if same { *threshold } else { 0 };
            match discount {
                None => {}
                Some(Discount::AmountOff(off)) => {
                    let wide = |off: i64| i128::from(off).saturating_mul(WIDE);
                    let times = if self.repeat { measured.checked_div(*threshold).unwrap_or(1).min(self.max_repeats) } else { 1 };
                    let all = off.get().saturating_mul(times).min(self.most);
                    highest = highest.max(all.min(amount));
                    // No discount is more than the amount, or than the budget leaves: where it would be, the curve first
                    // rises with the amount.
                    let once = off.get().min(self.most);
                    put(from.max(once), wide(once));
                    let fits = self.most.checked_div(off.get()).unwrap_or(1).clamp(1, times);
                    put(from.saturating_mul(fits).max(off.get().saturating_mul(fits).min(all)), wide(all));
                    put(amount, wide(all));
                }
                Some(Discount::PercentOff { rate, max_discount }) => {
                    let micro = i128::from(rate.as_micro_percent());
                    // What is above the budget is not given at all.
                    let most = max_discount.map_or(self.most, |most| most.get().min(self.most));
                    let part = |of: i64| {
                        let exact = i128::from(of).saturating_mul(micro).saturating_mul(WIDE);
                        let part = exact.checked_div(WHOLE).unwrap_or(0).saturating_add(1);
                        part.min(i128::from(most).saturating_mul(WIDE))
                    };
                    rounding = self.rounded_up();
                    let whole = rate.of(Amount::minor(amount), self.rounding).get();
                    highest = highest.max(whole.min(most));
                    put(from, part(from));
                    // The first amount at which the maximum is reached.
                    let full = i128::from(most).saturating_mul(WHOLE).checked_div(micro).unwrap_or(0);
                    let full = i64::try_from(full).unwrap_or(i64::MAX).max(from);
                    if full < amount {
                        put(full, i128::from(most).saturating_mul(WIDE));
                    }
                    put(amount, part(amount));
                }
            }
        }
        (rounding, i128::from(highest).saturating_mul(WIDE))
    }

    /// By how much rounding may raise a percentage, in minor units × [`ONE`].
    fn rounded_up(&self) -> i128 {
        match self.rounding {
            Rounding::Down => 0,
            Rounding::Up => WIDE,
            Rounding::HalfUp | Rounding::HalfDown | Rounding::HalfEven => 1 << 29,
        }
    }
}

impl Above {
    /// With what rounding may add; a level line need not be above the most that is taken off.
    pub(crate) fn and(self, (rounding, highest): (i128, i128)) -> Self {
        let intercept = self.intercept.saturating_add(rounding);
        Self { intercept: if self.slope == 0 { intercept.min(highest) } else { intercept }, ..self }
    }
}

/// A line of this slope above all corners.
pub(crate) fn above(corners: &Corners, slope: i64) -> Above {
    let over = |(at, discount): &(i64, i128)| discount.saturating_sub(i128::from(*at).saturating_mul(i128::from(slope)));
    Above { intercept: corners.iter().map(over).fold(0, i128::max), slope }
}

/// The line that lies closest to the curve at this amount.
pub(crate) fn tangent(corners: &Corners, at: i64) -> Above {
    // From nothing, along the steepest way, until the amount is reached.
    let mut here = (0i64, 0i128);
    let mut slope = 0i64;
    loop {
        let mut next: Option<(i64, i128)> = None;
        for corner in corners.iter().filter(|corner| corner.0 > here.0) {
            if next.is_none_or(|best| steeper(here, *corner, best)) {
                next = Some(*corner);
            }
        }
        let Some(corner) = next else { break };
        slope = slope_between(here, corner);
        here = corner;
        if here.0 >= at {
            break;
        }
    }
    above(corners, slope)
}

/// The line of least slope that passes near nothing at nothing.
pub(crate) fn anchored(corners: &Corners) -> Above {
    let slopes = corners.iter().filter(|corner| corner.0 > 0).map(|corner| slope_between((0, 0), *corner));
    above(corners, slopes.fold(0, i64::max))
}

/// Is the way from here to `a` steeper than to `b` (ties: farther)?
fn steeper(here: (i64, i128), a: (i64, i128), b: (i64, i128)) -> bool {
    let run = |to: (i64, i128)| i128::from(to.0.saturating_sub(here.0));
    let rise = |to: (i64, i128)| to.1.saturating_sub(here.1);
    let (left, right) = (rise(a).saturating_mul(run(b)), rise(b).saturating_mul(run(a)));
    left > right || (left == right && a.0 > b.0)
}

/// Rounded up, from 0 to [`ONE`].
fn slope_between(a: (i64, i128), b: (i64, i128)) -> i64 {
    let run = i128::from(b.0.saturating_sub(a.0));
    let rise = b.1.saturating_sub(a.1).max(0);
    let slope = rise.checked_div(run).unwrap_or(WIDE).saturating_add(1);
    i64::try_from(slope).unwrap_or(ONE).min(ONE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rate::Rate;

    fn curve(tiers: &[(i64, Discount)], repeat: bool) -> Curve {
        let tiers = tiers.iter().map(|(threshold, discount)| (*threshold, Some(*discount))).collect();
        let (measures, max_repeats) = (Measures::Same, if repeat { 3 } else { i64::MAX });
        Curve { tiers, measures, repeat, max_repeats, most: i64::MAX, rounding: Rounding::HalfUp }
    }

    /// With a budget that leaves this much.
    fn within(most: i64, curve: Curve) -> Curve {
        Curve { most, ..curve }
    }

    fn off(amount: i64) -> Discount {
        Discount::AmountOff(Amount::minor(amount))
    }

    fn percent(text: &str, most: Option<i64>) -> Discount {
        Discount::PercentOff { rate: Rate::percent(text).unwrap(), max_discount: most.map(Amount::minor) }
    }

    /// What it really takes off.
    fn takes(curve: &Curve, amount: i64) -> i64 {
        let wanted = wants(curve, amount);
        if wanted > curve.most { 0 } else { wanted }
    }

    fn wants(curve: &Curve, amount: i64) -> i64 {
        let Some((threshold, Some(discount))) = curve.tiers.iter().rfind(|(threshold, _)| *threshold <= amount) else { return 0 };
        match discount {
            Discount::AmountOff(off) => {
                let times = if curve.repeat { (amount / threshold).min(curve.max_repeats) } else { 1 };
                (off.get() * times).min(amount)
            }
            Discount::PercentOff { rate, max_discount } => {
                let part = rate.of(Amount::minor(amount), curve.rounding).get();
                max_discount.map_or(part, |most| part.min(most.get()))
            }
        }
    }

    #[test]
    fn every_line_lies_above_the_curve() {
        let curves = [
            curve(&[(1_000, off(100)), (2_000, off(250))], false),
            curve(&[(1, off(700))], false),
            curve(&[(900, off(130))], true),
            curve(&[(500, percent("12.5", None))], false),
            curve(&[(500, percent("10", Some(150))), (3_000, percent("20", Some(400)))], false),
            // A higher tier that brings less.
            curve(&[(1_000, off(300)), (2_000, off(50))], false),
            within(6, curve(&[(1, percent("50", None))], false)),
            within(250, curve(&[(900, off(130))], true)),
            within(70, curve(&[(30, off(100))], false)),
            within(333, curve(&[(40, off(100))], true)),
            within(170, curve(&[(500, percent("10", Some(400))), (3_000, percent("20", None))], false)),
        ];
        for (number, curve) in curves.iter().enumerate() {
            for upper in [0, 1, 499, 500, 999, 1_000, 2_345, 5_000] {
                let mut corners = Corners::new();
                let about = curve.corners(upper, 0, &mut corners);
                let mut lines = vec![above(&corners, 0), anchored(&corners)];
                lines.extend((0..=upper).step_by(97).map(|at| tangent(&corners, at)));
                for amount in 0..=upper {
                    let taken = i128::from(takes(curve, amount)) * WIDE;
                    for line in &lines {
                        let line = line.and(about);
                        let bound = line.intercept + i128::from(line.slope) * i128::from(amount);
                        assert!(bound >= taken, "curve {number} up to {upper}: {line:?} at {amount} is below {taken}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_tangent_is_close_where_it_touches() {
        let curve = curve(&[(1_000, off(100)), (2_000, off(250))], false);
        let mut corners = Corners::new();
        curve.corners(2_500, 0, &mut corners);
        let at = |line: Above, amount: i64| (line.intercept + i128::from(line.slope) * i128::from(amount)) / WIDE;
        assert_eq!(at(tangent(&corners, 2_500), 2_500), 250);
        assert_eq!(at(tangent(&corners, 2_000), 2_000), 250);
        assert_eq!(at(anchored(&corners), 2_000), 250);
    }
}
