//! Stage 1: what does one promotion make of the lines of one sku in one store (`pricing.md` §3)?

use tokka_core::basket::Selection;
use tokka_core::promotion::{Basis, BuyGet, BuyGetMode, Rule, Stage, UnitPrice, VolumeMode, VolumePrice};
use tokka_core::rate::{Rate, Rounding};

use super::active::why_not_covered;
use super::defect::Defect;
use super::hint::{Hint, free_in_words, price_in_words};
use super::limit::{Limit, LimitsNow, budget_exhausted, note_user};
use super::numbers::{Minor, percent_of};
use super::order::{Order, Promo, Touch, Unit};
use super::verdict::{Applied, Verdict};

/// Groups the lines by (store, sku) and gives each group at most one promotion.
pub fn run(order: &mut Order<'_>) {
    for group in groups(order) {
        serve(order, &group);
    }
    for unit in order.lines.iter_mut().flatten() {
        unit.after_item = unit.pay;
    }
}

/// In the order of each group's first line.
fn groups(order: &Order<'_>) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for index in 0..order.lines.len() {
        let line = order.line(index);
        let same = |group: &&mut Vec<usize>| {
            let first = order.line(group[0]);
            first.store == line.store && first.sku == line.sku
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(index),
            None => groups.push(vec![index]),
        }
    }
    groups
}

/// What a promotion would make of a group.
struct Deal<'a> {
    promo: Promo,
    after: Order<'a>,
    applied: Applied,
    /// Units, or free units, that it takes of its limits.
    counted: Minor,
    free_on_top: Minor,
    cut: Vec<Limit>,
    hint: Option<Hint>,
    first_line: usize,
    /// What the whole group costs. READING: lines that the promotion does not cover count at their unit price.
    amount: Minor,
}

/// Why it would make nothing of it.
struct Refusal {
    verdict: Verdict,
    cut: Vec<Limit>,
    hint: Option<Hint>,
}

impl From<Verdict> for Refusal {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, cut: Vec::new(), hint: None }
    }
}

/// §3 Choice.
fn serve(order: &mut Order<'_>, group: &[usize]) {
    let sku = order.line(group[0]).sku.to_string();
    let mut deals: Vec<Deal<'_>> = Vec::new();
    let mut refusals: Vec<(Promo, Refusal)> = Vec::new();
    for promo in order.in_order(Stage::Item) {
        let covered: Vec<usize> =
            group.iter().copied().filter(|&line| why_not_covered(order.promotion(promo), order.line(line)).is_none()).collect();
        if covered.is_empty() {
            continue;
        }
        match offer(order, promo, group, &covered) {
            Ok(deal) => deals.push(deal),
            Err(refusal) => refusals.push((promo, refusal)),
        }
    }

    // Highest priority, lowest amount of the group, most free units on top, smallest id.
    deals.sort_by(|a, b| {
        let (pa, pb) = (order.promotion(a.promo), order.promotion(b.promo));
        let by_rule = pb.priority.cmp(&pa.priority).then(a.amount.cmp(&b.amount)).then(b.free_on_top.cmp(&a.free_on_top));
        if order.world.defect == Some(Defect::CatalogueOrder) { by_rule } else { by_rule.then(pa.id.cmp(&pb.id)) }
    });
    let selection = order.world.basket.select().get(&sku);
    let chosen = match selection {
        Some(Selection::None) => None,
        Some(Selection::Promotion(id)) if deals.iter().any(|deal| order.id(deal.promo) == id) => {
            deals.iter().position(|deal| order.id(deal.promo) == id)
        }
        // The selected one does not apply here: as if nothing was selected.
        _ if order.choices.as_ref().is_some_and(|choices| !choices.coupons_only) => {
            let choices = order.choices.as_ref().expect("just seen");
            let key = (order.line(group[0]).store.to_string(), sku.clone());
            let decided = choices.items.get(&key).copied().flatten();
            decided.and_then(|promo| deals.iter().position(|deal| deal.promo == promo))
        }
        // The default choice.
        _ => (!deals.is_empty()).then_some(0),
    };
    let by_default = !matches!(selection, Some(Selection::None))
        && !matches!((selection, chosen), (Some(Selection::Promotion(id)), Some(c)) if order.id(deals[c].promo) == id);

    for (promo, refusal) in refusals {
        note_user(order, promo, false, &refusal.cut);
        order.hints.extend(refusal.hint);
        report(order, promo, refusal.verdict);
    }
    let winner = chosen.map(|chosen| (deals[chosen].promo, deals[chosen].amount));
    for (index, deal) in deals.into_iter().enumerate() {
        if Some(index) == chosen {
            take(order, deal, &sku);
        } else if let (true, Some((winner, amount))) = (by_default, winner) {
            let beaten =
                Verdict::not("BEATEN_BY").with("promotion", order.id(winner)).with("amount", deal.amount).with("winner", amount);
            report(order, deal.promo, beaten);
        } else {
            report(order, deal.promo, Verdict::not("NOT_SELECTED"));
        }
    }
}

/// Over several groups: applied if in any, else the reason in the first.
fn report(order: &mut Order<'_>, promo: Promo, verdict: Verdict) {
    let id = order.id(promo).to_owned();
    let verdict = match order.verdicts.remove(&id) {
        Some(earlier) => earlier.then(verdict),
        None => verdict,
    };
    order.verdicts.insert(id, verdict);
}

fn take(order: &mut Order<'_>, deal: Deal<'_>, sku: &str) {
    let promo = deal.promo;
    order.lines = deal.after.lines;
    order.applied.push((Stage::Item, promo, deal.applied.discount));
    *order.counted.entry((promo, sku.to_owned())).or_insert(0) += deal.counted;
    if deal.free_on_top > 0 {
        order.free_units.push((promo, deal.first_line, deal.free_on_top));
    } else if let Rule::BuyGet(_) = &order.promotion(promo).rule {
        order.free_among.push((promo, deal.first_line, deal.counted));
    }
    order.hints.extend(deal.hint);
    note_user(order, promo, true, &deal.cut);
    report(order, promo, Verdict::Applied(deal.applied));
}

/// What the promotion would make of the lines that it covers.
fn offer<'a>(order: &Order<'a>, promo: Promo, group: &[usize], covered: &[usize]) -> Result<Deal<'a>, Refusal> {
    let q: Minor = covered.iter().map(|&line| order.lines[line].len() as Minor).sum();
    let sku = order.line(covered[0]).sku.to_string();
    let limits = LimitsNow::of(order, promo, Some(&sku));
    if let Some((limit, verdict)) = limits.exhausted(q) {
        return Err(Refusal { verdict, cut: vec![limit.clone()], hint: None });
    }

    let mut deal = Deal {
        promo,
        after: order.clone(),
        applied: Applied::default(),
        counted: 0,
        free_on_top: 0,
        cut: Vec::new(),
        hint: None,
        first_line: covered[0],
        amount: 0,
    };
    match &order.promotion(promo).rule {
        Rule::ItemPrice(rule) => price_units(&mut deal, &limits, covered, q, &|_| Some((0, rule.price))),
        Rule::VolumePrice(rule) => volume(&mut deal, &limits, rule, covered, q)?,
        Rule::BuyGet(rule) => buy_get(&mut deal, &limits, rule, covered, q)?,
        _ => unreachable!("a rule of stage 1"),
    }

    let cost = |order: &Order<'_>| -> Minor { group.iter().flat_map(|&line| &order.lines[line]).map(|unit| unit.pay).sum() };
    deal.amount = cost(&deal.after);
    deal.applied.discount = cost(order) - deal.amount;
    deal.applied.free_units = deal.free_on_top;
    deal.applied.cut = deal.cut.iter().map(|limit| limit.shown(q)).collect();
    // §2 Benefit. READING: the free units of `mode: include` are a benefit by what they cost, so none where that is 0.
    if deal.applied.discount == 0 && deal.free_on_top == 0 {
        return Err(Refusal { hint: deal.hint, ..Verdict::not("NO_BENEFIT").into() });
    }
    if let Some(verdict) = budget_exhausted(order, promo, deal.applied.discount) {
        return Err(verdict.into());
    }
    Ok(deal)
}

/// `item_price`, and `volume_price` once the tier of each unit is known: the n-th eligible unit (1-based) has the
/// price of `tier(n)`, where `None` is p. A tier is named by its number.
fn price_units(
    deal: &mut Deal<'_>,
    limits: &LimitsNow,
    covered: &[usize],
    q: Minor,
    tier: &dyn Fn(Minor) -> Option<(usize, UnitPrice)>,
) {
    let e = limits.left().unwrap_or(q).min(q);
    let rounding = deal.after.world.catalogue.settings().rounding;
    let defect = deal.after.world.defect;
    let promo = deal.promo;
    deal.cut = limits.below(q).into_iter().cloned().collect();
    let mut n = 0;
    for &line in covered {
        if defect == Some(Defect::LimitByLine) {
            n = 0;
        }
        // Stage 1 makes a segment of each tier's run of units; those beyond e are the last. READING: a run is a segment
        // also where its price makes no unit cheaper.
        let mut run: Option<(bool, Option<usize>)> = None;
        let mut segment = 0;
        for unit in &mut deal.after.lines[line] {
            n += 1;
            let eligible = n <= e;
            let at = if eligible { tier(n) } else { None };
            let run_now = (eligible, at.map(|(number, _)| number));
            if run.is_some_and(|run| run != run_now) {
                segment += 1;
            }
            run = Some(run_now);
            unit.segment = segment;
            unit.over_limit = !eligible;
            if let Some((_, price)) = at {
                let target = target(unit.price, price, rounding);
                deal.applied.floor_cut += (unit.floor - target).max(0);
                // An item price is at least the floor. What it does not make cheaper keeps p, untouched.
                let after = target.max(unit.floor);
                if after < unit.price {
                    unit.touches.push(Touch { promotion: promo, before: unit.price, after });
                    unit.pay = after;
                    deal.counted += 1;
                }
            }
        }
        if let (Some(Defect::PercentOfTheLine), Some((_, UnitPrice::PercentOff(rate)))) = (defect, tier(1)) {
            round_once_for_the_line(&mut deal.after.lines[line], rate, rounding);
        }
    }
}

/// What a unit of price p would cost, were there no floor.
fn target(p: Minor, price: UnitPrice, rounding: Rounding) -> Minor {
    match price {
        UnitPrice::Fixed(fixed) => fixed.get().into(),
        UnitPrice::AmountOff(off) => (p - Minor::from(off.get())).max(0),
        UnitPrice::PercentOff(rate) => p - percent_of(p, rate, rounding),
    }
}

/// `volume_price`: the highest tier reached prices all eligible units, or each unit has the tier of its number.
fn volume(deal: &mut Deal<'_>, limits: &LimitsNow, rule: &VolumePrice, covered: &[usize], q: Minor) -> Result<(), Refusal> {
    let e = limits.left().unwrap_or(q).min(q);
    let mut tiers = rule.tiers.clone();
    tiers.sort_by_key(|tier| tier.min_quantity);
    let highest = |n: Minor| tiers.iter().rposition(|tier| Minor::from(tier.min_quantity) <= n);
    let next = tiers.iter().find(|tier| Minor::from(tier.min_quantity) > e);
    // READING: no hint where a limit cut the quantity, since buying more would not reach the next tier.
    let rounding = deal.after.world.catalogue.settings().rounding;
    let hint = next.filter(|_| e == q).map(|next| {
        let dearer = |&line: &usize| {
            let p = Minor::from(deal.after.line(line).unit_price.get());
            highest(e).is_some_and(|now| target(p, next.price, rounding) > target(p, tiers[now].price, rounding))
        };
        Hint {
            promo: deal.promo,
            line: Some(deal.first_line),
            basis: Basis::Quantity,
            threshold: next.min_quantity.into(),
            actual: e,
            then: price_in_words(next.price),
            // Graduated, the units that there are keep their prices.
            loses: rule.mode == VolumeMode::AllUnits && covered.iter().any(dearer),
        }
    });
    let Some(reached) = highest(e) else {
        let lowest = Minor::from(tiers[0].min_quantity);
        let verdict = Verdict::not("BELOW_QUANTITY").with("threshold", lowest).with("actual", e).with("missing", lowest - e);
        // READING: of several limits below Q, the one that leaves least is the one that cut; ties: the first of them.
        let below = limits.below(q);
        let cut = below.iter().min_by_key(|limit| limit.left()).map_or("-".to_owned(), |limit| limit.shown(q));
        let verdict = verdict.with("kept_out", "").with("limit_that_cut", cut);
        return Err(Refusal { verdict, cut: limits.below(q).into_iter().cloned().collect(), hint });
    };
    let numbered = |number: usize| (number, tiers[number].price);
    match rule.mode {
        VolumeMode::AllUnits => price_units(deal, limits, covered, q, &|_| Some(numbered(reached))),
        VolumeMode::Graduated => price_units(deal, limits, covered, q, &|n| highest(n).map(numbered)),
    }
    deal.hint = hint;
    Ok(())
}

/// `buy_get`: free units on top, or the cheapest of the group's own. Limits count and cut free units only.
fn buy_get(deal: &mut Deal<'_>, limits: &LimitsNow, rule: &BuyGet, covered: &[usize], q: Minor) -> Result<(), Refusal> {
    let mut tiers: Vec<(Minor, Minor)> = Vec::new(); // what a tier needs, what it gives
    for tier in &rule.tiers {
        let needs = match rule.mode {
            BuyGetMode::Add => tier.buy,
            BuyGetMode::Include => tier.buy + tier.get,
        };
        tiers.push((needs.into(), tier.get.into()));
    }
    tiers.sort_unstable();
    let earned_by = |pieces: Minor| {
        let mut earned = 0;
        let mut rest = pieces;
        while let Some((needs, gives)) = tiers.iter().rfind(|(needs, _)| *needs <= rest) {
            earned += gives;
            rest -= needs;
            if !rule.repeat {
                break;
            }
        }
        earned
    };
    let mut earned = earned_by(q);
    if deal.after.world.defect == Some(Defect::RestNeedsTheTierAlone) && rule.repeat {
        // Only the highest tier reached is repeated, and a rest takes the last repetition away.
        let reached = tiers.iter().rfind(|(needs, _)| *needs <= q);
        earned = reached.map_or(0, |(needs, gives)| if q % needs == 0 { q / needs * gives } else { *gives });
    }

    let free = limits.left().map_or(earned, |left| left.min(earned));
    let lowest = tiers[0].0;
    // READING: the next multiple of several tiers is the next quantity that earns more. No hint where a limit cut.
    let next = if rule.repeat {
        (q + 1..=q + lowest).find(|&pieces| earned_by(pieces) > earned)
    } else {
        tiers.iter().map(|(needs, _)| *needs).find(|&needs| needs > q)
    };
    let hint = next.filter(|_| free == earned).map(|threshold| Hint {
        promo: deal.promo,
        line: Some(deal.first_line),
        basis: Basis::Quantity,
        threshold,
        actual: q,
        then: free_in_words(earned_by(threshold)),
        loses: false,
    });
    if earned == 0 {
        let verdict = Verdict::not("BELOW_QUANTITY").with("threshold", lowest).with("actual", q).with("missing", lowest - q);
        let verdict = verdict.with("kept_out", "").with("limit_that_cut", "-");
        return Err(Refusal { verdict, cut: Vec::new(), hint });
    }
    deal.cut = limits.below(earned).into_iter().cloned().collect();
    deal.counted = free;
    deal.hint = hint;

    let segments = deal.after.segments_of(covered);
    match rule.mode {
        BuyGetMode::Add => {
            deal.free_on_top = free;
            deal.after.take_off(deal.promo, 0, &segments);
        }
        BuyGetMode::Include => {
            // The group's cheapest units. Of equal ones it does not matter here which: their sum is spread over all.
            let mut prices: Vec<Minor> =
                covered.iter().flat_map(|&line| &deal.after.lines[line]).map(|unit| unit.price).collect();
            prices.sort_unstable();
            let sum: Minor = prices.iter().take(usize::try_from(free).expect("a count")).sum();
            let room: Minor = segments.iter().map(|&segment| deal.after.room(segment)).sum();
            deal.applied.floor_cut = (sum - room).max(0);
            deal.after.take_off(deal.promo, sum.min(room), &segments);
        }
    }
    Ok(())
}

/// A broken rule: the percentage of the line's sum is rounded, and spread over its units.
fn round_once_for_the_line(units: &mut [Unit], rate: Rate, rounding: Rounding) {
    let mut touched: Vec<&mut Unit> = units.iter_mut().filter(|unit| !unit.touches.is_empty()).collect();
    let sum: Minor = touched.iter().map(|unit| unit.price).sum();
    let left = sum - percent_of(sum, rate, rounding);
    let q = touched.len() as Minor;
    for (i, unit) in (0..q).zip(&mut touched) {
        unit.pay = (left + q - 1 - i).div_euclid(q).max(unit.floor);
        for touch in &mut unit.touches {
            touch.after = unit.pay;
        }
    }
}
