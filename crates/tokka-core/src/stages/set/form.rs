//! How are sets formed of runs of equal units? Most expensive first, a whole batch of equal sets at a time, so that a
//! quantity of 999,999 costs what 1 costs.

use std::cmp::Reverse;

use smallvec::SmallVec;

use crate::amount::{Amount, Exact, Overflow};
use crate::basket::Line;
use crate::promotion::{Component, MixMatchReward, Rule, SetReward, Stage};
use crate::quote::Segment;
use crate::rate::{Rate, Rounding};
use crate::stages::Pricing;
use crate::table::LineIx;

/// What a set is made of.
pub(super) struct Shape<'p> {
    /// In order of choice: those with a percentage of their own come last.
    parts: SmallVec<[Part<'p>; 4]>,
    reward: Reward,
}

struct Part<'p> {
    /// `None`: any covered unit.
    component: Option<&'p Component>,
    units: i64,
    /// Off each of its units.
    percent_off: Option<Rate>,
}

#[derive(Clone, Copy)]
enum Reward {
    Sum(SetReward),
    /// Off each of the cheapest units.
    Cheapest {
        count: i64,
        percent_off: Rate,
    },
    /// By the parts themselves.
    Parts,
}

impl<'p> Shape<'p> {
    pub(super) fn of(rule: &'p Rule) -> Option<Self> {
        match rule {
            Rule::MixMatch(rule) => {
                let reward = match rule.reward {
                    MixMatchReward::Set(reward) => Reward::Sum(reward),
                    MixMatchReward::Cheapest { count, percent_off } => Reward::Cheapest { count, percent_off },
                };
                let any = Part { component: None, units: rule.pick, percent_off: None };
                Some(Self { parts: SmallVec::from_iter([any]), reward })
            }
            Rule::Bundle(rule) => {
                let with_percent = |component: &&Component| component.percent_off.is_some();
                let at_price = rule.components.iter().filter(|component| !with_percent(component));
                let parts = at_price.chain(rule.components.iter().filter(with_percent)).map(|component| Part {
                    component: Some(component),
                    units: component.quantity,
                    percent_off: component.percent_off,
                });
                Some(Self { parts: parts.collect(), reward: rule.reward.map_or(Reward::Parts, Reward::Sum) })
            }
            Rule::ItemPrice(_) | Rule::VolumePrice(_) | Rule::BuyGet(_) | Rule::Spend(_) | Rule::Coupon(_) => None,
        }
    }
}

/// Equal units that may be taken.
struct RunLeft {
    /// The number of its segment.
    segment: usize,
    line: LineIx,
    each: Amount,
    floor: Amount,
    left: i64,
}

/// The units that a promotion may form sets of.
pub(super) struct Pool {
    /// Most expensive first, then in request order.
    runs: Vec<RunLeft>,
    /// The same runs as a component with a percentage chooses: from the segments of the lowest amount per unit, each
    /// from its front. Empty where no component has one.
    by_segment: Vec<usize>,
    /// Runs in front of this one are used up.
    first: usize,
}

/// The sets of a promotion.
#[derive(Default)]
pub(super) struct Formed {
    pub(super) sets: i64,
    /// How many there would be without limits; only where outcomes are wanted, else the sets.
    pub(super) wanted: i64,
    pub(super) discount: Amount,
    pub(super) floor_cut: Amount,
    /// Units taken from the front of each segment, by its number, ascending.
    pub(super) taken: Vec<(usize, i64)>,
    /// It ended because the next set would bring nothing.
    pub(super) worthless: bool,
}

impl Pool {
    /// Of the covered segments, the units that cost something, in segments that are open and in no earlier set.
    pub(super) fn of<'s>(pricing: &Pricing<'_>, shape: &Shape<'_>, covered: impl Iterator<Item = (usize, &'s Segment)>) -> Self {
        let mut runs = Vec::new();
        let mut per_unit: SmallVec<[(i128, i64, usize); 16]> = SmallVec::new();
        for (number, segment) in covered {
            let in_set = segment.chain.last().is_some_and(|touch| touch.stage == Stage::Set);
            if in_set || pricing.closed_by(segment, Stage::Set).is_some() {
                continue;
            }
            let floor = pricing.line(segment.line).map_or(Amount::ZERO, Line::floor);
            let costs = segment.runs().filter(|run| run.each.is_positive());
            runs.extend(costs.map(|run| RunLeft { segment: number, line: segment.line, each: run.each, floor, left: run.units }));
            per_unit.push((i128::from(segment.amount.get()), segment.units, number));
        }
        runs.sort_by_key(|run| (Reverse(run.each), run.segment));
        // a / q ≤ b / r where a · r ≤ b · q
        per_unit.sort_by(|(a, q, at), (b, r, other)| {
            let (left, right) = (a.saturating_mul(i128::from(*r)), b.saturating_mul(i128::from(*q)));
            left.cmp(&right).then(at.cmp(other))
        });
        let mut by_segment = Vec::new();
        if shape.parts.iter().all(|part| part.percent_off.is_none()) {
            per_unit.clear();
        }
        for (.., number) in per_unit {
            let of_segment = runs.iter().enumerate().filter(|(_, run)| run.segment == number);
            by_segment.extend(of_segment.map(|(position, _)| position));
        }
        Self { runs, by_segment, first: 0 }
    }

    /// What one set would take: run, units, and the part's percentage. `None`: it lacks units.
    fn next_set(&self, pricing: &Pricing<'_>, shape: &Shape<'_>) -> Option<SmallVec<[Pick; 8]>> {
        let mut picks: SmallVec<[Pick; 8]> = SmallVec::new();
        for part in &shape.parts {
            let short = self.pick(pricing, part, &mut picks);
            if short > 0 {
                return None;
            }
        }
        Some(picks)
    }

    /// Adds what a part takes besides the picks so far; answers the units that it is short of.
    fn pick(&self, pricing: &Pricing<'_>, part: &Part<'_>, picks: &mut SmallVec<[Pick; 8]>) -> i64 {
        let mut short = part.units;
        let in_order: &mut dyn Iterator<Item = usize> = match part.percent_off {
            None => &mut (self.first..self.runs.len()),
            Some(_) => &mut self.by_segment.iter().copied(),
        };
        for position in in_order {
            if short == 0 {
                break;
            }
            let Some(run) = self.runs.get(position).filter(|run| run.left > 0) else { continue };
            let matches = |component: &Component| pricing.line(run.line).is_some_and(|line| component_holds(component, line));
            if !part.component.is_none_or(matches) {
                continue;
            }
            let used = picks.iter().filter(|pick| pick.run == position).fold(0i64, |sum, pick| sum.saturating_add(pick.units));
            let units = run.left.saturating_sub(used).min(short);
            if units > 0 {
                picks.push(Pick { run: position, units, each: run.each, floor: run.floor, percent_off: part.percent_off });
                short = short.saturating_sub(units);
            }
        }
        short
    }

    /// How many equal sets the runs that this one uses still hold; at least 1.
    fn repeats(&self, picks: &[Pick]) -> i64 {
        let mut repeats = i64::MAX;
        for pick in picks {
            let of_run = picks.iter().filter(|other| other.run == pick.run);
            let used = of_run.fold(0i64, |sum, other| sum.saturating_add(other.units));
            let left = self.runs.get(pick.run).map_or(0, |run| run.left);
            repeats = repeats.min(left.checked_div(used).unwrap_or(1));
        }
        repeats.max(1)
    }

    fn remove(&mut self, picks: &[Pick], sets: i64) {
        for pick in picks {
            if let Some(run) = self.runs.get_mut(pick.run) {
                run.left = run.left.saturating_sub(pick.units.saturating_mul(sets));
            }
        }
        while self.runs.get(self.first).is_some_and(|run| run.left == 0) {
            self.first = self.first.saturating_add(1);
        }
    }

    /// Where a set lacks units: what the first part that is short wants, and what there is for it.
    pub(super) fn shortfall(&self, pricing: &Pricing<'_>, shape: &Shape<'_>) -> (i64, i64) {
        let mut picks: SmallVec<[Pick; 8]> = SmallVec::new();
        for part in &shape.parts {
            let short = self.pick(pricing, part, &mut picks);
            if short > 0 {
                return (part.units, part.units.saturating_sub(short));
            }
        }
        (0, 0)
    }
}

/// Units that a set takes from a run.
struct Pick {
    run: usize,
    units: i64,
    each: Amount,
    floor: Amount,
    percent_off: Option<Rate>,
}

fn component_holds(component: &Component, line: &Line) -> bool {
    component.skus.binary_search(&line.sku).is_ok()
        || line.categories.iter().any(|category| component.categories.binary_search(category).is_ok())
}

/// Forms sets until units, limits or benefit end.
pub(super) fn form(pricing: &Pricing<'_>, pool: &mut Pool, shape: &Shape<'_>, at_most: Option<i64>) -> Result<Formed, Overflow> {
    let rounding = pricing.prepared.rulebook.settings().rounding;
    let at_most = at_most.unwrap_or(i64::MAX);
    let mut formed = Formed::default();
    let mut taken: SmallVec<[(usize, i64); 16]> = SmallVec::new();
    while formed.sets < at_most || pricing.full {
        let Some(picks) = pool.next_set(pricing, shape) else { break };
        let (discount, floor_cut) = discount(&picks, shape.reward, rounding)?;
        if discount.is_zero() {
            formed.worthless = true;
            break;
        }
        let repeats = pool.repeats(&picks);
        let sets = repeats.min(at_most.saturating_sub(formed.sets));
        if sets > 0 {
            formed.discount = formed.discount.plus(discount.times(sets)?)?;
            formed.floor_cut = formed.floor_cut.plus(floor_cut.times(sets)?)?;
            formed.sets = formed.sets.plus(sets)?;
            for pick in &picks {
                let segment = pool.runs.get(pick.run).map_or(0, |run| run.segment);
                taken.push((segment, pick.units.saturating_mul(sets)));
            }
        }
        formed.wanted = formed.wanted.plus(repeats)?;
        pool.remove(&picks, repeats);
    }
    taken.sort_unstable();
    for (segment, units) in taken {
        match formed.taken.last_mut() {
            Some((of, sum)) if *of == segment => *sum = sum.plus(units)?,
            _ => formed.taken.push((segment, units)),
        }
    }
    Ok(formed)
}

/// What one set brings, cut to the room of its units, and what that cut.
fn discount(picks: &[Pick], reward: Reward, rounding: Rounding) -> Result<(Amount, Amount), Overflow> {
    let sum_of = |each: &dyn Fn(&Pick) -> Result<Amount, Overflow>| {
        picks.iter().try_fold(Amount::ZERO, |sum, pick| sum.plus(each(pick)?.times(pick.units)?))
    };
    let wanted = match reward {
        Reward::Parts => sum_of(&|pick| Ok(pick.percent_off.map_or(Amount::ZERO, |rate| rate.of(pick.each, rounding))))?,
        Reward::Sum(reward) => {
            let sum = sum_of(&|pick| Ok(pick.each))?;
            match reward {
                SetReward::FixedTotal(total) => sum.less_or_zero(total),
                SetReward::AmountOff(off) => off.min(sum),
                SetReward::PercentOff(rate) => rate.of(sum, rounding),
            }
        }
        Reward::Cheapest { count, percent_off } => {
            // The picks stand from the most expensive; the cheapest are the last.
            let mut rest = count;
            let mut off = Amount::ZERO;
            for pick in picks.iter().rev() {
                let units = rest.min(pick.units);
                off = off.plus(percent_off.of(pick.each, rounding).times(units)?)?;
                rest = rest.minus(units)?;
            }
            off
        }
    };
    let room = sum_of(&|pick| pick.each.minus(pick.floor))?;
    Ok((wanted.min(room), wanted.less_or_zero(room)))
}
