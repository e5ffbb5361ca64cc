//! Which corners of the contract did a case reach? Labels to be counted, so that a generator that stops reaching one of
//! them is noticed.

use std::collections::BTreeSet;

use tokka_core::basket::{Selection, SpendSelection};
use tokka_core::promotion::{
    Basis, BuyGetMode, Discount, MixMatchReward, Owner, Period, Promotion, Rule, SetReward, Stage, ThresholdOn, UnitPrice,
    VolumeMode,
};

use crate::case::Case;
use crate::priced::{Key, Policy, Priced, PricedOutcome};
use crate::pricer::Pricer;

/// What a case reached under a pricing.
///
/// # Errors
/// What the pricing refused.
pub fn labels(case: &Case, pricer: &dyn Pricer) -> Result<BTreeSet<String>, String> {
    let price = pricer.price(case)?;
    let mut labels = BTreeSet::new();
    labels.insert(format!("rounding {:?}", case.rounding));
    for (id, outcome) in &price.outcomes {
        let Some(promotion) = case.promotion(id) else {
            labels.insert(outcome.code.clone());
            continue;
        };
        of_outcome(case, promotion, outcome, &mut labels);
    }
    of_price(case, &price, &mut labels);
    of_selections(case, &price, &mut labels);
    for policy in [Policy::Proportional, Policy::Clawback] {
        for refund in pricer.refunds(case, policy)? {
            let seen = [
                ("a refused step", refund.refused),
                ("a refund", refund.refund > 0),
                ("a waived amount", refund.waived > 0),
                ("a line that becomes dearer", refund.lines.values().any(|amount| *amount < 0)),
                ("a gift to return", !refund.gifts_to_return.is_empty()),
                ("free units to return", !refund.free_to_return.is_empty()),
            ];
            labels.extend(seen.iter().filter(|(_, seen)| *seen).map(|(what, _)| format!("{policy:?} {what}")));
            labels.extend(refund.restored.keys().map(|key| format!("{policy:?} restores {}", kind(key))));
        }
    }
    Ok(labels)
}

fn kind(key: &Key) -> &'static str {
    match key {
        Key::Stock(_) => "stock",
        Key::StockBySku(..) => "stock_by_sku",
        Key::UserUnits(_) => "units_per_user",
        Key::UserUnitsOfSku(..) => "units_per_user of a sku",
        Key::UserOrders(_) => "orders_per_user",
        Key::Budget(_) => "budget",
        Key::Gift(_) => "inventory",
    }
}

fn of_outcome(case: &Case, promotion: &Promotion, outcome: &PricedOutcome, labels: &mut BTreeSet<String>) {
    let code = &outcome.code;
    labels.insert(format!("{} {code}", promotion.stage().name()));
    if outcome.applied() || code == "LIMIT_REACHED" || code == "STOCK_EXHAUSTED" {
        let end = if outcome.applied() { "applied" } else { "refused" };
        labels.extend(kinds(promotion).into_iter().map(|kind| format!("{kind} {end}")));
    }
    let fact = |name: &str| outcome.facts.get(name).map_or("", String::as_str);
    if let "LIMIT_REACHED" | "STOCK_EXHAUSTED" | "BUDGET_EXHAUSTED" = code.as_str() {
        labels.insert(format!("{} refuses in stage {}", fact("counter"), promotion.stage().name()));
        let of_user = matches!(fact("counter"), "units_per_user" | "orders_per_user");
        let period = promotion.limits.period;
        if of_user && period != Period::Lifetime {
            labels.insert(format!("a limit of a {period:?} refuses"));
        }
        if promotion.limits.per_sku && fact("counter").starts_with("units") {
            labels.insert("per_sku refuses".to_owned());
        }
    }
    for cut in fact("cut").split("; ").filter(|cut| !cut.is_empty()) {
        labels.insert(format!("{} cuts in stage {}", cut.split(' ').next().unwrap_or(""), promotion.stage().name()));
    }
    if !matches!(fact("limit_that_cut"), "" | "-") {
        labels.insert("a limit makes the quantity too small".to_owned());
    }
    if !fact("kept_out").is_empty() {
        labels.insert(format!("{code} with lines kept out"));
    }
    if fact("coverage").contains("NOT_STACKABLE") {
        labels.insert("a coupon with a line kept out".to_owned());
    }
    if fact("floor_cut").parse().is_ok_and(|cut: i64| cut > 0) {
        labels.insert(format!("a floor cuts in stage {}", promotion.stage().name()));
    }
    if code == "NOT_STACKABLE"
        && let Some(other) = case.promotion(fact("promotion"))
    {
        labels.insert(format!("{} kept out by {}", promotion.stage().name(), other.stage().name()));
    }
}

/// The rule with its options.
fn kinds(promotion: &Promotion) -> Vec<String> {
    let price = |price: &UnitPrice| match price {
        UnitPrice::Fixed(_) => "fixed",
        UnitPrice::AmountOff(_) => "amount_off",
        UnitPrice::PercentOff(_) => "percent_off",
    };
    let set = |reward: SetReward| match reward {
        SetReward::FixedTotal(_) => "fixed_total",
        SetReward::AmountOff(_) => "amount_off",
        SetReward::PercentOff(_) => "percent_off",
    };
    let discount = |discount: &Discount| match discount {
        Discount::AmountOff(_) => "amount_off",
        Discount::PercentOff { max_discount: None, .. } => "percent_off",
        Discount::PercentOff { .. } => "percent_off up to a maximum",
    };
    let owner = match promotion.owner {
        Owner::Platform => "platform",
        Owner::Store(_) => "store",
    };
    let mut kinds = Vec::new();
    match &promotion.rule {
        Rule::ItemPrice(rule) => kinds.push(format!("item_price {}", price(&rule.price))),
        Rule::VolumePrice(rule) => {
            let mode = if rule.mode == VolumeMode::Graduated { "graduated" } else { "all_units" };
            kinds.extend(rule.tiers.iter().map(|tier| format!("volume_price {mode} {}", price(&tier.price))));
        }
        Rule::BuyGet(rule) => {
            let mode = if rule.mode == BuyGetMode::Add { "add" } else { "include" };
            let many = if rule.tiers.len() > 1 { "tiers" } else { "tier" };
            kinds.push(format!("buy_get {mode} {many}{}", if rule.repeat { " repeated" } else { "" }));
        }
        Rule::MixMatch(rule) => kinds.push(match rule.reward {
            MixMatchReward::Set(reward) => format!("mix_match {}", set(reward)),
            MixMatchReward::Cheapest { .. } => "mix_match cheapest".to_owned(),
        }),
        Rule::Bundle(rule) => kinds.push(match rule.reward {
            Some(reward) => format!("bundle {}", set(reward)),
            None => "bundle with a percentage on a component".to_owned(),
        }),
        Rule::Spend(rule) => {
            let basis = if rule.basis == Basis::Quantity { "quantity" } else { "amount" };
            let repeat = match (rule.repeat, rule.max_repeats) {
                (false, _) => "",
                (true, None) => " repeated",
                (true, Some(_)) => " repeated up to a maximum",
            };
            kinds.push(format!("{owner} spend {basis}{repeat}"));
            kinds.extend(rule.tiers.iter().filter_map(|tier| tier.discount).map(|d| format!("spend {}", discount(&d))));
            let gifts = rule.tiers.iter().flat_map(|tier| &tier.gifts);
            kinds.extend(gifts.map(|gift| format!("spend with a {}", if gift.choose { "choice of gifts" } else { "gift" })));
            kinds.extend((rule.threshold_on == ThresholdOn::Item).then(|| format!("{owner} spend threshold_on item")));
            kinds.extend(rule.qualify.as_ref().map(|_| format!("{owner} spend qualify")));
            kinds.push(format!("exclusion group {}", rule.exclusion_group));
        }
        Rule::Coupon(rule) => {
            kinds.push(format!("{owner} coupon {}", discount(&rule.discount)));
            kinds.extend((rule.threshold_on == ThresholdOn::Item).then(|| format!("{owner} coupon threshold_on item")));
            kinds.extend(rule.qualify.as_ref().map(|_| format!("{owner} coupon qualify")));
        }
    }
    let limits = &promotion.limits;
    let stage = promotion.stage();
    let has = [
        ("stock", limits.stock.is_some()),
        ("stock_by_sku", !limits.stock_by_sku.is_empty()),
        ("units_per_order", limits.units_per_order.is_some()),
        ("units_per_user", limits.units_per_user.is_some()),
        ("orders_per_user", limits.orders_per_user.is_some()),
        ("budget", limits.budget.is_some()),
        ("per_sku", limits.per_sku && (limits.units_per_order.is_some() || limits.units_per_user.is_some())),
    ];
    kinds.extend(has.iter().filter(|(_, has)| *has).map(|(name, _)| format!("limit {name} of stage {}", stage.name())));
    kinds.push(format!("{} parties fund {owner}", promotion.funding.len()));
    kinds
}

fn of_price(case: &Case, price: &Priced, labels: &mut BTreeSet<String>) {
    let stands = [
        ("needs_user", price.needs_user),
        ("a guest", case.request.user.is_none()),
        ("clawback_only", price.clawback_only),
        ("below_minimum", price.stores.iter().any(|store| store.below_minimum > 0)),
        ("over_limit", price.lines.iter().any(|line| line.over_limit > 0)),
        ("a line of several segments", price.segments.windows(2).any(|pair| pair[0].line == pair[1].line)),
        ("runs of two amounts", price.lines.iter().any(|line| line.runs.len() > 1)),
        ("free units on top", !price.free_units.is_empty()),
        ("free units among those bought", !price.included_units.is_empty()),
        ("a gift given", price.gifts.iter().any(|gift| gift.given > 0)),
        ("a gift missing", price.gifts.iter().any(|gift| gift.given < gift.wanted)),
        ("a gift given in part", price.gifts.iter().any(|gift| 0 < gift.given && gift.given < gift.wanted)),
        ("given value", !price.given_value.is_empty()),
        ("four stages on one segment", price.segments.iter().any(|segment| segment.chain.len() >= 4)),
        (
            "two spends of one stage on one segment",
            price.segments.iter().any(|segment| segment.chain.windows(2).any(|pair| pair[0].stage == pair[1].stage)),
        ),
        (
            "a touched segment whose share is 0",
            price.segments.iter().any(|segment| segment.chain.iter().any(|link| link.before == link.after)),
        ),
        ("a hint that buying more loses", price.hints.iter().any(|hint| hint.loses)),
        ("a store that only funds", price.settlements.len() > price.stores.len()),
        ("an order that costs nothing", price.payable == 0),
    ];
    labels.extend(stands.iter().filter(|(_, stands)| *stands).map(|(what, _)| (*what).to_owned()));
    for hint in &price.hints {
        if let Some(promotion) = case.promotion(&hint.promotion) {
            labels.insert(format!("a hint of {} in {}", promotion.rule.block(), hint.basis));
        }
    }
    for group in &price.groups {
        labels.insert(format!("a group of {}", group.by.split(' ').next().unwrap_or("")));
        for (.., marks) in &group.entries {
            if marks.contains("not in") {
                labels.insert("the mark not_in_spend".to_owned());
            }
        }
    }
    labels.extend(price.claims.keys().map(|key| format!("claims {}", kind(key))));
    let stages = price.applied.iter().filter_map(|id| case.promotion(id)).map(Promotion::stage).collect::<BTreeSet<Stage>>();
    labels.insert(format!("{} stages apply", stages.len()));
}

fn of_selections(case: &Case, price: &Priced, labels: &mut BTreeSet<String>) {
    let applied = |id: &str| price.applied.iter().any(|applied| applied == id);
    for selection in case.request.select.values() {
        labels.insert(match selection {
            Selection::None => "select none".to_owned(),
            Selection::Promotion(id) if applied(id) => "select applies".to_owned(),
            Selection::Promotion(_) => "select does not apply".to_owned(),
        });
    }
    for selection in case.request.select_spend.values() {
        labels.insert(match selection {
            SpendSelection::None => "select_spend none".to_owned(),
            SpendSelection::Promotions(ids) if ids.len() > 1 => "select_spend several".to_owned(),
            SpendSelection::Promotions(ids) if ids.iter().any(|id| applied(id)) => "select_spend applies".to_owned(),
            SpendSelection::Promotions(_) => "select_spend does not apply".to_owned(),
        });
    }
    for (id, gift) in &case.request.select_gift {
        let given = price.gifts.iter().find(|given| given.promotion == *id && given.gift == *gift);
        labels.extend(given.map(
            |given| {
                if given.given > 0 { "select_gift given".to_owned() } else { "select_gift missing".to_owned() }
            },
        ));
    }
}
