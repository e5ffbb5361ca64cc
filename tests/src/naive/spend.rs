//! Stages 3 and 5: spend and save, or get a gift (`pricing.md` §5).

use tokka_core::basket::SpendSelection;
use tokka_core::promotion::{Basis, Discount, GiftReward, Promotion, Rule, Scope, Spend, SpendTier, Stage, ThresholdOn};

use super::active::{why_not_active, why_not_covered, why_out_of_scope};
use super::defect::Defect;
use super::gift::gifts;
use super::group::Looked;
use super::hint::{Hint, reward_in_words};
use super::limit::{Limit, LimitsNow, budget_exhausted, note_user};
use super::numbers::{Minor, percent_of};
use super::order::{Order, Promo, Segment};
use super::verdict::{Applied, Verdict};

/// Promotions run by priority descending, id ascending. READING: over all stores together, which is felt only where
/// two stores give the same gift.
pub fn run(order: &mut Order<'_>, stage: Stage) {
    for promo in order.in_order(stage) {
        let Rule::Spend(rule) = &order.promotion(promo).rule else { unreachable!("a rule of stages 3 and 5") };
        let verdict = consider(order, promo, rule, stage);
        order.verdicts.insert(order.id(promo).to_owned(), verdict);
    }
}

fn consider(order: &mut Order<'_>, promo: Promo, rule: &Spend, stage: Stage) -> Verdict {
    let segments = looked_at(order, promo, rule, stage);
    if segments.is_empty() {
        return nothing_left(order, promo, rule, stage);
    }
    let judged = judge(order, promo, rule, stage, &segments);
    if stage == Stage::StoreSpend {
        order.looked.push(Looked { promo, segments: segments.clone(), applied: judged.is_ok() });
    }
    match judged {
        Ok(win) => take(order, promo, rule, stage, &segments, win),
        Err(Refusal { verdict, cut, hint, missing }) => {
            note_user(order, promo, false, &cut);
            order.hints.extend(hint);
            order.gifts.extend(missing.into_iter().map(|(gift, wanted, given)| (promo, gift, wanted, given)));
            verdict
        }
    }
}

/// The segments that it covers, that stacking lets in, that no other promotion of its exclusion group took, and that no
/// selection keeps for another.
fn looked_at(order: &Order<'_>, promo: Promo, rule: &Spend, stage: Stage) -> Vec<Segment> {
    let covered = order.segments_of(&order.covered_lines(promo));
    let free = |&segment: &Segment| {
        order.closed_by(segment, stage).is_none()
            && taken_by(order, segment, rule, stage).is_none()
            && !kept_for_another(order, promo, rule, stage, segment.0)
            && !decided_for_another(order, promo, rule, stage, segment.0)
    };
    covered.into_iter().filter(free).collect()
}

/// Who took the segment in this stage and exclusion group?
fn taken_by(order: &Order<'_>, segment: Segment, rule: &Spend, stage: Stage) -> Option<Promo> {
    let group = rule.exclusion_group.as_str();
    let unit = order.units(segment)[0];
    unit.taken.iter().find(|(in_stage, in_group, _)| *in_stage == stage && in_group == group).map(|(.., promo)| *promo)
}

/// `select_spend`: an active one that covers the line keeps it for itself in its stage and group, whether or not it
/// applies; `none` keeps it out of stages 3 and 5.
pub(super) fn kept_for_another(order: &Order<'_>, promo: Promo, rule: &Spend, stage: Stage, line: usize) -> bool {
    let line = order.line(line);
    let ids = match order.world.basket.select_spend().get(line.line_id.as_str()) {
        None => return false,
        Some(SpendSelection::None) => return true,
        Some(SpendSelection::Promotions(ids)) => ids,
    };
    let keeps = |other: &Promotion| {
        let Rule::Spend(spend) = &other.rule else { return false };
        other.stage() == stage
            && spend.exclusion_group == rule.exclusion_group
            && why_not_active(other, order.world.catalogue, order.world.basket).is_none()
            && why_not_covered(other, line).is_none()
    };
    let selected = order.world.catalogue.promotions().iter().filter(|other| ids.iter().any(|id| other.id == id.as_str()));
    selected.into_iter().any(|other| other.id != order.id(promo) && keeps(other))
}

/// Another promotion may take the line, or none.
fn decided_for_another(order: &Order<'_>, promo: Promo, rule: &Spend, stage: Stage, line: usize) -> bool {
    let Some(choices) = order.choices.as_ref().filter(|choices| !choices.coupons_only) else { return false };
    let decided = choices.spends.get(&(line, stage, rule.exclusion_group.to_string())).copied().flatten();
    decided != Some(promo)
}

/// EXCLUDED_BY where its group took one, else NOT_STACKABLE where stacking closes one. READING: where the selection alone
/// gives all of them away, it is judged with them: NOT_SELECTED if it would have applied, else why it would not.
fn nothing_left(order: &mut Order<'_>, promo: Promo, rule: &Spend, stage: Stage) -> Verdict {
    let covered = order.segments_of(&order.covered_lines(promo));
    if let Some(other) = covered.iter().find_map(|&segment| taken_by(order, segment, rule, stage)) {
        let verdict = Verdict::not("EXCLUDED_BY").with("promotion", order.id(other));
        return verdict.with("exclusion_group", &rule.exclusion_group);
    }
    if let Some(other) = covered.iter().find_map(|&segment| order.closed_by(segment, stage)) {
        return Verdict::not("NOT_STACKABLE").with("promotion", order.id(other));
    }
    match judge(order, promo, rule, stage, &covered) {
        Ok(_) => Verdict::not("NOT_SELECTED"),
        Err(refusal) => {
            note_user(order, promo, false, &refusal.cut);
            refusal.verdict
        }
    }
}

/// What it would bring.
struct Win {
    discount: Minor,
    floor_cut: Minor,
    gifts: Vec<(String, Minor, Minor)>,
    hint: Option<Hint>,
}

/// Why it brings nothing.
struct Refusal {
    verdict: Verdict,
    cut: Vec<Limit>,
    hint: Option<Hint>,
    /// Gifts that it would give if any were left.
    missing: Vec<(String, Minor, Minor)>,
}

impl From<Verdict> for Refusal {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, cut: Vec::new(), hint: None, missing: Vec::new() }
    }
}

fn judge(order: &Order<'_>, promo: Promo, rule: &Spend, stage: Stage, segments: &[Segment]) -> Result<Win, Refusal> {
    let limits = LimitsNow::of(order, promo, None);
    if let Some((limit, verdict)) = limits.exhausted(1) {
        return Err(Refusal { cut: vec![limit.clone()], ..verdict.into() });
    }
    let measured = measure(order, promo, stage, rule.basis, rule.threshold_on, rule.qualify.as_ref(), segments);
    let mut tiers = rule.tiers.clone();
    tiers.sort_by_key(|tier| tier.threshold);
    let hint = |tier: &SpendTier, times: Minor, loses: bool| Hint {
        promo,
        line: None,
        basis: rule.basis,
        threshold: Minor::from(tier.threshold) * times,
        actual: measured,
        then: reward_in_words(tier.discount, &tier.gifts, times),
        loses,
    };
    let Some(tier) = tiers.iter().rfind(|tier| Minor::from(tier.threshold) <= measured) else {
        let lowest = Minor::from(tiers[0].threshold);
        let code = match rule.basis {
            Basis::Quantity => "BELOW_QUANTITY",
            Basis::Amount => "BELOW_THRESHOLD",
        };
        let missing = lowest - measured;
        let kept_out = order.kept_out(&measured_lines(order, promo, rule.qualify.as_ref()), stage);
        let verdict = Verdict::not(code).with("threshold", lowest).with("actual", measured).with("missing", missing);
        let verdict = verdict.with("kept_out", kept_out).with("limit_that_cut", "-");
        return Err(Refusal { hint: Some(hint(&tiers[0], 1, false)), ..verdict.into() });
    };

    let threshold = Minor::from(tier.threshold);
    let mut times = 1;
    if rule.repeat {
        let reached = measured / threshold;
        let most = rule.max_repeats.map(Minor::from);
        times = most.map_or(reached, |most| reached.min(most));
        if order.world.defect == Some(Defect::AboveMaximumCountsOnce) && most.is_some_and(|most| reached > most) {
            times = 1;
        }
    }
    let (discount, floor_cut) = match tier.discount {
        Some(discount) => discount_on(order, segments, discount, times),
        None => (0, 0),
    };
    let gifts = gifts(order, promo, &tier.gifts, times);
    let next = if rule.repeat {
        let most = rule.max_repeats.map(Minor::from);
        most.is_none_or(|most| times < most).then(|| hint(tier, times + 1, false))
    } else {
        let next = tiers.iter().find(|tier| Minor::from(tier.threshold) > measured);
        next.map(|next| {
            hint(next, 1, loses(order, segments, rule.basis, (tier, discount), (next, Minor::from(next.threshold) - measured)))
        })
    };
    // §2 Benefit. Where the tier reached brings nothing, nothing can be lost above it.
    if discount == 0 && gifts.iter().all(|(.., given)| *given == 0) {
        let next = next.map(|next| Hint { loses: false, ..next });
        return Err(Refusal { missing: gifts, hint: next, ..Verdict::not("NO_BENEFIT").into() });
    }
    if let Some(verdict) = budget_exhausted(order, promo, discount) {
        return Err(verdict.into());
    }
    Ok(Win { discount, floor_cut, gifts, hint: next })
}

/// Would the next tier lose something that is given now: a larger discount, or a gift? READING: a discount is compared
/// with what the next tier takes off when it is just reached, what is bought for it being discounted too.
fn loses(
    order: &Order<'_>,
    segments: &[Segment],
    basis: Basis,
    (tier, discount): (&SpendTier, Minor),
    (next, missing): (&SpendTier, Minor),
) -> bool {
    let gives = |rewards: &[GiftReward], reward: &GiftReward| -> i64 {
        let same = |other: &&GiftReward| other.options == reward.options;
        rewards.iter().filter(same).map(|reward| reward.quantity).sum()
    };
    let fewer_gifts = tier.gifts.iter().any(|reward| gives(&next.gifts, reward) < gives(&tier.gifts, reward));
    let more = if basis == Basis::Amount { missing } else { 0 };
    let w = segments.iter().map(|&segment| order.amount(segment)).sum::<Minor>() + more;
    let then = next.discount.map_or(0, |discount| wanted(order, w, discount, 1));
    fewer_gifts || then < discount
}

/// What a threshold is compared with: the segments it looks at, or, with `qualify`, all segments that this covers and
/// that stacking lets in, whoever took them.
pub fn measure(
    order: &Order<'_>,
    promo: Promo,
    stage: Stage,
    basis: Basis,
    threshold_on: ThresholdOn,
    qualify: Option<&Scope>,
    looked_at: &[Segment],
) -> Minor {
    let qualifying = match qualify {
        None => looked_at.to_vec(),
        Some(_) => {
            let segments = order.segments_of(&measured_lines(order, promo, qualify)).into_iter();
            segments.filter(|&segment| order.closed_by(segment, stage).is_none()).collect()
        }
    };
    let of_segment = |&segment: &Segment| match (basis, threshold_on) {
        (Basis::Quantity, _) => order.units(segment).len() as Minor,
        (Basis::Amount, ThresholdOn::Left) => order.amount(segment),
        (Basis::Amount, ThresholdOn::Item) => order.item_amount(segment),
    };
    qualifying.iter().map(of_segment).sum()
}

/// The lines that count towards a threshold.
pub fn measured_lines(order: &Order<'_>, promo: Promo, qualify: Option<&Scope>) -> Vec<usize> {
    let Some(scope) = qualify else { return order.covered_lines(promo) };
    let owner = &order.promotion(promo).owner;
    (0..order.lines.len()).filter(|&line| why_out_of_scope(owner, scope, order.line(line)).is_none()).collect()
}

/// The discount on what is left of the segments now, cut to their room; and what that cut.
pub fn discount_on(order: &Order<'_>, segments: &[Segment], discount: Discount, times: Minor) -> (Minor, Minor) {
    let w: Minor = segments.iter().map(|&segment| order.amount(segment)).sum();
    let room: Minor = segments.iter().map(|&segment| order.room(segment)).sum();
    let wanted = wanted(order, w, discount, times);
    (wanted.min(room), (wanted - room).max(0))
}

/// D of an amount W, before floors.
fn wanted(order: &Order<'_>, w: Minor, discount: Discount, times: Minor) -> Minor {
    match discount {
        Discount::AmountOff(off) => (times * Minor::from(off.get())).min(w),
        Discount::PercentOff { rate, max_discount } => {
            let part = percent_of(w, rate, order.world.catalogue.settings().rounding);
            max_discount.map_or(part, |max| part.min(max.get().into()))
        }
    }
}

/// One that applies takes all its segments, also where its share is 0.
fn take(order: &mut Order<'_>, promo: Promo, rule: &Spend, stage: Stage, segments: &[Segment], win: Win) -> Verdict {
    order.take_off(promo, win.discount, segments);
    for &(line, index) in segments {
        for unit in order.lines[line].iter_mut().filter(|unit| unit.segment == index) {
            unit.taken.push((stage, rule.exclusion_group.to_string(), promo));
        }
    }
    order.applied.push((stage, promo, win.discount));
    order.hints.extend(win.hint);
    let gifts = win.gifts.iter().filter(|(.., given)| *given > 0).map(|(gift, _, given)| (gift.clone(), *given)).collect();
    order.gifts.extend(win.gifts.into_iter().map(|(gift, wanted, given)| (promo, gift, wanted, given)));
    note_user(order, promo, true, &[]);
    Verdict::Applied(Applied { discount: win.discount, floor_cut: win.floor_cut, gifts, ..Applied::default() })
}
