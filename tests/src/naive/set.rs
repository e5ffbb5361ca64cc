//! Stage 2: which units form sets, and what do the sets bring (`pricing.md` §4)?

use tokka_core::basket::Line;
use tokka_core::promotion::{Bundle, Component, MixMatch, MixMatchReward, Rule, SetReward, Stage};

use super::limit::{Limit, LimitsNow, budget_exhausted, note_user};
use super::numbers::{Fraction, Minor, fraction, percent_of};
use super::order::{Order, Promo, Segment};
use super::verdict::{Applied, Verdict};

/// Set promotions by priority descending, id ascending; each belongs to one store, so stores do not meet.
pub fn run(order: &mut Order<'_>) {
    let after_items = order.clone();
    let mut earlier: Vec<Promo> = Vec::new();
    for promo in order.in_order(Stage::Set) {
        if order.choices.as_ref().is_some_and(|choices| choices.sets_off.contains(&promo)) {
            continue;
        }
        let verdict = match form(order, promo) {
            Ok(sets) => take(order, promo, &sets),
            Err(verdict) => or_beaten(order, &after_items, promo, &earlier, verdict),
        };
        if verdict.applied() {
            earlier.push(promo);
        }
        order.verdicts.insert(order.id(promo).to_owned(), verdict);
    }
}

/// A unit that may be taken.
#[derive(Debug, Clone)]
struct Piece {
    line: usize,
    unit: usize,
    segment: usize,
    pay: Minor,
    floor: Minor,
    /// Of its segment, as this promotion found it.
    amount_per_unit: Fraction,
}

/// One set: its units, its discount, and what the floor took off that.
struct Set {
    pieces: Vec<Piece>,
    discount: Minor,
    floor_cut: Minor,
}

/// Those in segments that every promotion that touched them lets into `set`, in no earlier set, that cost something;
/// most expensive first, then in request order.
fn available(order: &Order<'_>, promo: Promo) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for line in order.covered_lines(promo) {
        for (index, unit) in order.lines[line].iter().enumerate() {
            let segment: Segment = (line, unit.segment);
            if unit.in_set || unit.pay == 0 || order.closed_by(segment, Stage::Set).is_some() {
                continue;
            }
            // READING: the segment counts whole, also those of its units that cost nothing.
            let amount_per_unit = fraction(order.amount(segment), order.units(segment).len() as Minor);
            let piece = Piece { line, unit: index, segment: unit.segment, pay: unit.pay, floor: unit.floor, amount_per_unit };
            pieces.push(piece);
        }
    }
    pieces.sort_by_key(|piece| (-piece.pay, piece.line, piece.unit));
    pieces
}

/// All sets of a promotion, or the first reason why there are none.
fn form(order: &Order<'_>, promo: Promo) -> Result<Sets, Verdict> {
    let covered = order.segments_of(&order.covered_lines(promo));
    let closed: Vec<Promo> = covered.iter().filter_map(|&segment| order.closed_by(segment, Stage::Set)).collect();
    if closed.len() == covered.len() {
        return Err(Verdict::not("NOT_STACKABLE").with("promotion", order.id(closed[0])));
    }
    let limits = limits(order, promo);
    if let Some((_, verdict)) = limits.exhausted(1) {
        return Err(verdict);
    }
    let at_most = limits.left();
    let (sets, next_is_worthless) = sets(order, promo, at_most);
    if sets.is_empty() {
        if next_is_worthless {
            return Err(Verdict::not("NO_BENEFIT"));
        }
        let verdict = Verdict::not("BELOW_QUANTITY");
        return Err(match &order.promotion(promo).rule {
            Rule::MixMatch(rule) => {
                let (pick, actual) = (Minor::from(rule.pick), available(order, promo).len() as Minor);
                let verdict = verdict.with("threshold", pick).with("actual", actual).with("missing", pick - actual);
                let kept_out = order.kept_out(&order.covered_lines(promo), Stage::Set);
                verdict.with("kept_out", kept_out).with("limit_that_cut", "-")
            }
            // READING: the numbers of a bundle that is short are not compared: any of its components may be.
            _ => verdict,
        });
    }
    let discount: Minor = sets.iter().map(|set| set.discount).sum();
    if let Some(verdict) = budget_exhausted(order, promo, discount) {
        return Err(verdict);
    }
    let without_limits = self::sets(order, promo, None).0.len() as Minor;
    let cut = limits.below(without_limits).into_iter().cloned().collect();
    Ok(Sets { sets, cut })
}

struct Sets {
    sets: Vec<Set>,
    /// Limits that let fewer sets through than there would be.
    cut: Vec<Limit>,
}

/// Limits count sets, and `max_sets` is one more limit for the order.
fn limits(order: &Order<'_>, promo: Promo) -> LimitsNow {
    let mut limits = LimitsNow::of(order, promo, None);
    let max_sets = match &order.promotion(promo).rule {
        Rule::MixMatch(rule) => rule.max_sets,
        Rule::Bundle(rule) => rule.max_sets,
        _ => None,
    };
    if let Some(max) = max_sets {
        limits.units.push(Limit { name: "max_sets", limit: max.into(), used: 0 });
    }
    limits
}

/// One set after the other, until there are no more units, sets or benefit. Also: would there be one more, of no worth?
fn sets(order: &Order<'_>, promo: Promo, at_most: Option<Minor>) -> (Vec<Set>, bool) {
    let mut left = available(order, promo);
    let mut sets: Vec<Set> = Vec::new();
    while at_most.is_none_or(|most| (sets.len() as Minor) < most) {
        let rounding = order.world.catalogue.settings().rounding;
        let found = match &order.promotion(promo).rule {
            Rule::MixMatch(rule) => mix_match(&left, rule, rounding),
            Rule::Bundle(rule) => bundle(order, &left, rule, rounding),
            _ => unreachable!("a rule of stage 2"),
        };
        let Some((pieces, discount)) = found else { break };
        let room: Minor = pieces.iter().map(|piece| piece.pay - piece.floor).sum();
        let set = Set { discount: discount.min(room), floor_cut: (discount - room).max(0), pieces };
        if set.discount == 0 {
            return (sets, true);
        }
        left.retain(|piece| !set.pieces.iter().any(|taken| (taken.line, taken.unit) == (piece.line, piece.unit)));
        sets.push(set);
    }
    (sets, false)
}

/// The next run of n covered units, most expensive first.
fn mix_match(left: &[Piece], rule: &MixMatch, rounding: tokka_core::rate::Rounding) -> Option<(Vec<Piece>, Minor)> {
    let pieces = left.get(..usize::try_from(rule.pick).ok()?)?.to_vec();
    let discount = match rule.reward {
        MixMatchReward::Set(reward) => of_sum(&pieces, reward, rounding),
        MixMatchReward::Cheapest { count, percent_off } => {
            let cheapest = pieces.iter().rev().take(usize::try_from(count).expect("a count"));
            cheapest.map(|piece| percent_of(piece.pay, percent_off, rounding)).sum()
        }
    };
    Some((pieces, discount))
}

/// Component by component in order, those with a percentage after the others.
fn bundle(order: &Order<'_>, left: &[Piece], rule: &Bundle, rounding: tokka_core::rate::Rounding) -> Option<(Vec<Piece>, Minor)> {
    let mut dearest_first = left.to_vec();
    let mut pieces: Vec<Piece> = Vec::new();
    let mut discount = 0;
    let at_price = rule.components.iter().filter(|component| component.percent_off.is_none());
    let with_percent = rule.components.iter().filter(|component| component.percent_off.is_some());
    for component in at_price.chain(with_percent) {
        let mut candidates = dearest_first.clone();
        if component.percent_off.is_some() {
            // From the segments of the lowest amount per unit; ties: request order. A segment is taken from its front.
            candidates.sort_by(|a, b| {
                let by_amount = a.amount_per_unit.cmp(&b.amount_per_unit);
                by_amount.then(a.line.cmp(&b.line)).then(a.segment.cmp(&b.segment)).then(a.unit.cmp(&b.unit))
            });
        }
        candidates.retain(|piece| matches(component, order.line(piece.line)));
        let quantity = usize::try_from(component.quantity).ok()?;
        let taken = candidates.get(..quantity)?.to_vec();
        if let Some(rate) = component.percent_off {
            discount += taken.iter().map(|piece| percent_of(piece.pay, rate, rounding)).sum::<Minor>();
        }
        dearest_first.retain(|piece| !taken.iter().any(|taken| (taken.line, taken.unit) == (piece.line, piece.unit)));
        pieces.extend(taken);
    }
    if let Some(reward) = rule.reward {
        discount = of_sum(&pieces, reward, rounding);
    }
    Some((pieces, discount))
}

fn matches(component: &Component, line: &Line) -> bool {
    component.skus.contains(&line.sku) || line.categories.iter().any(|category| component.categories.contains(category))
}

fn of_sum(pieces: &[Piece], reward: SetReward, rounding: tokka_core::rate::Rounding) -> Minor {
    let sum: Minor = pieces.iter().map(|piece| piece.pay).sum();
    match reward {
        SetReward::FixedTotal(total) => (sum - Minor::from(total.get())).max(0),
        SetReward::AmountOff(off) => sum.min(off.get().into()),
        SetReward::PercentOff(rate) => percent_of(sum, rate, rounding),
    }
}

/// The discount of all sets is summed and allocated over all units in them.
fn take(order: &mut Order<'_>, promo: Promo, found: &Sets) -> Verdict {
    let taken = || found.sets.iter().flat_map(|set| &set.pieces);
    for piece in taken() {
        order.lines[piece.line][piece.unit].in_set = true;
    }
    // From the back, so that the indices in front stay what they were.
    let mut segments: Vec<Segment> = taken().map(|piece| (piece.line, piece.segment)).collect();
    segments.sort_unstable();
    segments.dedup();
    for &segment in segments.iter().rev() {
        let of_segment: Vec<&Piece> = taken().filter(|piece| (piece.line, piece.segment) == segment).collect();
        let units = order.units(segment);
        assert!(units[..of_segment.len()].iter().all(|unit| unit.in_set), "units are taken from the segment's front");
        order.split(segment, of_segment.len());
    }
    let mut now: Vec<Segment> = taken().map(|piece| (piece.line, order.lines[piece.line][piece.unit].segment)).collect();
    now.sort_unstable();
    now.dedup();
    let discount: Minor = found.sets.iter().map(|set| set.discount).sum();
    order.take_off(promo, discount, &now);
    order.applied.push((Stage::Set, promo, discount));
    order.counted.insert((promo, String::new()), found.sets.len() as Minor);
    note_user(order, promo, true, &[]);
    Verdict::Applied(Applied {
        discount,
        floor_cut: found.sets.iter().map(|set| set.floor_cut).sum(),
        cut: found.cut.iter().map(|limit| limit.shown(1)).collect(),
        ..Applied::default()
    })
}

/// READING: a promotion that can form no set is beaten if it would have formed one that brings something had no earlier
/// promotion taken anything; by the first that took a unit that it covers.
fn or_beaten(order: &mut Order<'_>, after_items: &Order<'_>, promo: Promo, earlier: &[Promo], verdict: Verdict) -> Verdict {
    let code = verdict.outcome().code;
    if code == "LIMIT_REACHED" {
        let limits = limits(order, promo);
        let limit = limits.exhausted(1).map(|(limit, _)| limit.clone());
        note_user(order, promo, false, &limit.into_iter().collect::<Vec<_>>());
    }
    if code != "BELOW_QUANTITY" || form(after_items, promo).is_err_and(|verdict| verdict.outcome().code != "BUDGET_EXHAUSTED") {
        return verdict;
    }
    let covered = order.covered_lines(promo);
    let units: Vec<_> = covered.iter().flat_map(|&line| &order.lines[line]).collect();
    let took = |other: &&Promo| units.iter().any(|unit| unit.touches.iter().any(|touch| touch.promotion == **other));
    match earlier.iter().find(took) {
        Some(&other) => Verdict::not("BEATEN_BY").with("promotion", order.id(other)),
        None => verdict,
    }
}
