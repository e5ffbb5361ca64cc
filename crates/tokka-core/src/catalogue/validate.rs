//! The rules of validation, one function a concern; each finding names the field and what to write instead.

use std::collections::BTreeSet;

use super::{Gift, Known, PROMOTION_AMOUNT_MAX, Store, Subject, Violation, repeated};
use crate::amount::Amount;
use crate::basket::QUANTITY_MAX;
use crate::promotion::{
    Basis, Bundle, BuyGet, Coupon, Discount, Include, Limits, MixMatch, MixMatchReward, Owner, Party, Promotion, Rule, Scope,
    SetReward, Spend, SpendTier, Stage, ThresholdOn, UnitPrice, VolumePrice,
};
use crate::rate::Rate;

/// Checks all documents together.
pub(super) fn all(stores: &[Store], gifts: &[Gift], promotions: &[Promotion]) -> Vec<Violation> {
    let known =
        Known { stores: stores.iter().map(|store| &store.id).collect(), gifts: gifts.iter().map(|gift| &gift.id).collect() };
    let mut violations = Vec::new();
    let store_repeated = repeated(stores.iter().map(|store| &store.id));
    for (index, store) in stores.iter().enumerate() {
        let mut report = Report { subject: Subject::Store(index), id: store.id.as_str(), violations: &mut violations };
        report.repeated(&store_repeated, index);
        report.text("name", &store.name);
        report.amount("minimum_order", store.minimum_order);
    }
    let gift_repeated = repeated(gifts.iter().map(|gift| &gift.id));
    for (index, gift) in gifts.iter().enumerate() {
        let mut report = Report { subject: Subject::Gift(index), id: gift.id.as_str(), violations: &mut violations };
        report.repeated(&gift_repeated, index);
        report.text("name", &gift.name);
        report.amount("value", gift.value);
        report.count("inventory", gift.inventory, 0);
    }
    let promotion_repeated = repeated(promotions.iter().map(|promotion| &promotion.id));
    for (index, promotion) in promotions.iter().enumerate() {
        let mut report = Report { subject: Subject::Promotion(index), id: promotion.id.as_str(), violations: &mut violations };
        report.repeated(&promotion_repeated, index);
        check_promotion(promotion, &known, &mut report);
    }
    violations
}

/// Collects the violations of one document.
struct Report<'a> {
    subject: Subject,
    id: &'a str,
    violations: &'a mut Vec<Violation>,
}

impl Report<'_> {
    fn fail(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.violations.push(Violation {
            subject: self.subject.clone(),
            id: self.id.to_owned(),
            path: path.into(),
            message: message.into(),
        });
    }

    fn repeated(&mut self, repeated: &BTreeSet<usize>, index: usize) {
        if repeated.contains(&index) {
            self.fail("id", format!("`{}` is the id of an earlier document of this kind too", self.id));
        }
    }

    fn text(&mut self, path: &str, text: &str) {
        if text.trim().is_empty() {
            self.fail(path, "is empty: write what shoppers read");
        }
    }

    /// An optional amount within the bounds of promotions.
    fn amount(&mut self, path: &str, amount: Option<Amount>) {
        if let Some(amount) = amount {
            self.number(path, amount.get(), 0, "minor units");
        }
    }

    /// An amount that lowers something, so it is not 0.
    fn discount_amount(&mut self, path: &str, amount: Amount) {
        if amount.is_zero() {
            self.fail(path, "takes nothing off: write at least 1 minor unit");
        } else {
            self.amount(path, Some(amount));
        }
    }

    fn count(&mut self, path: &str, count: Option<i64>, least: i64) {
        if let Some(count) = count {
            self.number(path, count, least, "pieces");
        }
    }

    fn number(&mut self, path: &str, value: i64, least: i64, unit: &str) {
        if !(least..=PROMOTION_AMOUNT_MAX).contains(&value) {
            self.fail(path, format!("`{value}` is not between {least} and {PROMOTION_AMOUNT_MAX} {unit}"));
        }
    }

    /// Keys (thresholds, quantities) that must differ from each other.
    fn distinct(&mut self, keys: impl Iterator<Item = i64>, path: impl Fn(usize) -> String) {
        let mut seen = BTreeSet::new();
        for (index, key) in keys.enumerate() {
            if !seen.insert(key) {
                self.fail(path(index), format!("another tier starts at `{key}` too"));
            }
        }
    }
}

fn check_promotion(promotion: &Promotion, known: &Known<'_>, report: &mut Report<'_>) {
    let block = promotion.rule.block();
    report.text("name", &promotion.name);
    if let Owner::Store(id) = &promotion.owner
        && !known.stores.contains(id)
    {
        report.fail("owner", format!("no store is called `{id}`"));
    }
    if let (Some(start), Some(end)) = (promotion.window.start, promotion.window.end)
        && end <= start
    {
        report.fail("window.end", "is not after `window.start`");
    }
    for (index, session) in promotion.schedule.iter().enumerate() {
        let minutes = crate::schedule::MINUTES_A_DAY;
        if session.from >= minutes {
            report.fail(format!("schedule[{index}].from"), "is a time of day from 00:00 to 23:59");
        }
        if session.to > minutes {
            report.fail(format!("schedule[{index}].to"), "is a time of day from 00:00 to 24:00");
        }
    }
    check_scope("scope", &promotion.scope, known, report);
    check_stacking(promotion, report);
    check_limits(promotion.stage(), &promotion.limits, report);
    report.amount("display.original_price", promotion.display.original_price);
    check_funding(promotion, known, report);
    match &promotion.rule {
        Rule::ItemPrice(rule) => check_unit_price(block, rule.price, report),
        Rule::VolumePrice(rule) => check_volume_price(rule, report),
        Rule::BuyGet(rule) => check_buy_get(rule, report),
        Rule::MixMatch(rule) => check_mix_match(rule, report),
        Rule::Bundle(rule) => check_bundle(rule, report),
        Rule::Spend(rule) => check_spend(rule, known, report),
        Rule::Coupon(rule) => check_coupon(rule, known, report),
    }
    if promotion.stage() == Stage::Set && promotion.owner == Owner::Platform {
        report.fail("owner", format!("a `{block}` belongs to a store: sets are formed within one store"));
    }
}

fn check_scope(path: &str, scope: &Scope, known: &Known<'_>, report: &mut Report<'_>) {
    let Include { all, skus, categories, stores } = &scope.include;
    if *all && (skus.is_some() || categories.is_some()) {
        report.fail(format!("{path}.include"), "`all` already includes every sku and category: write one or the other");
    }
    if !all && skus.is_none() && categories.is_none() && stores.is_none() {
        report.fail(format!("{path}.include"), "includes nothing: write `all: true`, `skus`, `categories` or `stores`");
    }
    let empty = [
        ("skus", skus.as_ref().is_some_and(Vec::is_empty)),
        ("categories", categories.as_ref().is_some_and(Vec::is_empty)),
        ("stores", stores.as_ref().is_some_and(Vec::is_empty)),
    ];
    for (field, _) in empty.iter().filter(|(_, empty)| *empty) {
        report
            .fail(format!("{path}.include.{field}"), "is an empty list, which would include nothing: leave it out or name some");
    }
    let included = stores.iter().flatten().enumerate().map(|(index, id)| ("include", index, id));
    let excluded = scope.exclude.stores.iter().enumerate().map(|(index, id)| ("exclude", index, id));
    for (side, index, id) in included.chain(excluded) {
        if !known.stores.contains(id) {
            report.fail(format!("{path}.{side}.stores[{index}]"), format!("no store is called `{id}`"));
        }
    }
}

fn check_stacking(promotion: &Promotion, report: &mut Report<'_>) {
    let stage = promotion.stage();
    let written = promotion.stacking;
    let keys = [
        ("set", written.set.is_some(), stage < Stage::Set),
        ("spend", written.spend.is_some(), stage < Stage::StoreSpend),
        ("store_coupon", written.store_coupon.is_some(), stage < Stage::StoreCoupon),
        // `platform` governs stages 5 and 6, and is said by promotions of stages 1 to 3 only.
        ("platform", written.platform.is_some(), stage < Stage::StoreCoupon),
    ];
    for (key, _, _) in keys.iter().filter(|(_, written, effective)| *written && !effective) {
        report.fail(
            format!("stacking.{key}"),
            format!("cannot have an effect on a `{}` of `{}`: leave it out", promotion.rule.block(), promotion.owner),
        );
    }
}

fn check_limits(stage: Stage, limits: &Limits, report: &mut Report<'_>) {
    report.count("limits.stock", limits.stock, 0);
    report.count("limits.units_per_order", limits.units_per_order, 0);
    report.count("limits.units_per_user", limits.units_per_user, 0);
    report.count("limits.orders_per_user", limits.orders_per_user, 0);
    report.amount("limits.budget", limits.budget);
    for (sku, stock) in &limits.stock_by_sku {
        report.count(&format!("limits.stock_by_sku.{sku}"), Some(*stock), 0);
    }
    let items = stage == Stage::Item;
    let units = stage <= Stage::Set;
    let fields = [
        ("stock_by_sku", !limits.stock_by_sku.is_empty(), items, "item promotions"),
        ("per_sku", limits.per_sku, items, "item promotions"),
        ("units_per_order", limits.units_per_order.is_some(), units, "item and set promotions"),
        ("units_per_user", limits.units_per_user.is_some(), units, "item and set promotions"),
    ];
    for (field, _, _, whose) in fields.iter().filter(|(_, written, allowed, _)| *written && !allowed) {
        report.fail(format!("limits.{field}"), format!("is a limit of {whose}: leave it out"));
    }
}

fn check_funding(promotion: &Promotion, known: &Known<'_>, report: &mut Report<'_>) {
    if promotion.funding.is_empty() {
        return;
    }
    let mut seen = BTreeSet::new();
    for (index, funding) in promotion.funding.iter().enumerate() {
        let path = format!("funding[{index}].party");
        if !seen.insert(&funding.party) {
            report.fail(path.as_str(), format!("`{}` is named twice: write one part for each party", funding.party));
        }
        match (&funding.party, &promotion.owner) {
            (Party::Store(id), _) if !known.stores.contains(id) => report.fail(path, format!("no store is called `{id}`")),
            (Party::Store(id), Owner::Store(owner)) if id != owner => {
                report.fail(path, format!("a promotion of `{owner}` cannot be paid by another store, `{id}`"));
            }
            _ => {}
        }
    }
    let sum = promotion.funding.iter().fold(0u64, |sum, funding| sum.saturating_add(funding.percent.as_micro_percent()));
    if sum != Rate::WHOLE.as_micro_percent() {
        let shown = Rate::micro_percent(sum).map_or_else(|_| "more than 100".to_owned(), |rate| rate.to_string());
        report.fail("funding", format!("the parts sum to {shown} %, not to 100 %"));
    }
}

fn check_unit_price(path: &str, price: UnitPrice, report: &mut Report<'_>) {
    match price {
        UnitPrice::Fixed(amount) => report.amount(&format!("{path}.fixed"), Some(amount)),
        UnitPrice::AmountOff(amount) => report.discount_amount(&format!("{path}.amount_off"), amount),
        UnitPrice::PercentOff(_) => {}
    }
}

fn check_volume_price(rule: &VolumePrice, report: &mut Report<'_>) {
    if rule.tiers.is_empty() {
        report.fail("volume_price.tiers", "has no tier");
    }
    for (index, tier) in rule.tiers.iter().enumerate() {
        let path = format!("volume_price.tiers[{index}]");
        report.number(&format!("{path}.min_quantity"), tier.min_quantity, 1, "pieces");
        check_unit_price(&path, tier.price, report);
    }
    report.distinct(rule.tiers.iter().map(|tier| tier.min_quantity), |index| format!("volume_price.tiers[{index}].min_quantity"));
}

fn check_buy_get(rule: &BuyGet, report: &mut Report<'_>) {
    if rule.tiers.is_empty() {
        report.fail("buy_get.tiers", "has no tier");
    }
    for (index, tier) in rule.tiers.iter().enumerate() {
        let path = format!("buy_get.tiers[{index}]");
        // Free units are counted in 64 bits: 10^9 pieces, 10^6 free for each.
        for (field, value) in [("buy", tier.buy), ("get", tier.get)] {
            if !(1..=QUANTITY_MAX).contains(&value) {
                report.fail(format!("{path}.{field}"), format!("`{value}` is not between 1 and {QUANTITY_MAX} pieces"));
            }
        }
    }
    report.distinct(rule.tiers.iter().map(|tier| tier.buy), |index| format!("buy_get.tiers[{index}].buy"));
    let mut order: Vec<_> = rule.tiers.iter().enumerate().collect();
    order.sort_by_key(|(_, tier)| tier.buy);
    for ((_, lower), (index, higher)) in order.iter().zip(order.iter().skip(1)) {
        if higher.get < lower.get {
            report.fail(
                format!("buy_get.tiers[{index}].get"),
                format!("buying {} brings {} free, fewer than buying {} ({})", higher.buy, higher.get, lower.buy, lower.get),
            );
        }
        let cross = |get: i64, buy: i64| i128::from(get).saturating_mul(i128::from(buy));
        if rule.repeat && cross(higher.get, lower.buy) < cross(lower.get, higher.buy) {
            report.fail(
                format!("buy_get.tiers[{index}].get"),
                format!(
                    "repeated, {} free for {} is worth less than {} free for {}: more pieces would bring fewer free units",
                    higher.get, higher.buy, lower.get, lower.buy
                ),
            );
        }
    }
}

fn check_set_reward(path: &str, reward: SetReward, report: &mut Report<'_>) {
    match reward {
        SetReward::FixedTotal(amount) => report.amount(&format!("{path}.fixed_total"), Some(amount)),
        SetReward::AmountOff(amount) => report.discount_amount(&format!("{path}.amount_off"), amount),
        SetReward::PercentOff(_) => {}
    }
}

fn check_mix_match(rule: &MixMatch, report: &mut Report<'_>) {
    report.number("mix_match.pick", rule.pick, 2, "pieces");
    report.count("mix_match.max_sets", rule.max_sets, 1);
    match rule.reward {
        MixMatchReward::Set(reward) => check_set_reward("mix_match", reward, report),
        MixMatchReward::Cheapest { count, .. } => {
            report.number("mix_match.cheapest.count", count, 1, "pieces");
            if count > rule.pick {
                report.fail("mix_match.cheapest.count", format!("`{count}` is more than the {} pieces of a set", rule.pick));
            }
        }
    }
}

fn check_bundle(rule: &Bundle, report: &mut Report<'_>) {
    report.count("bundle.max_sets", rule.max_sets, 1);
    if rule.components.is_empty() {
        report.fail("bundle.components", "has no component");
        return;
    }
    for (index, component) in rule.components.iter().enumerate() {
        let path = format!("bundle.components[{index}]");
        report.number(&format!("{path}.quantity"), component.quantity, 1, "pieces");
        if component.skus.is_empty() == component.categories.is_empty() {
            report.fail(path, "names either `skus` or `categories`");
        }
    }
    let percents = rule.components.iter().filter(|component| component.percent_off.is_some()).count();
    match rule.reward {
        Some(reward) => {
            check_set_reward("bundle", reward, report);
            if percents > 0 {
                report.fail("bundle.components", "carry `percent_off` beside a reward on the whole set: write one or the other");
            }
        }
        None if percents == 0 => {
            report.fail(
                "bundle",
                "has no reward: write `fixed_total`, `amount_off` or `percent_off`, or `percent_off` on a component",
            );
        }
        None if percents == rule.components.len() => {
            report.fail("bundle.components", "all carry `percent_off`: at least one component is bought at its price");
        }
        None => {}
    }
}

fn check_discount(path: &str, discount: Discount, report: &mut Report<'_>) {
    match discount {
        Discount::AmountOff(amount) => report.discount_amount(&format!("{path}.amount_off"), amount),
        Discount::PercentOff { max_discount: Some(max), .. } => report.amount(&format!("{path}.max_discount"), Some(max)),
        Discount::PercentOff { max_discount: None, .. } => {}
    }
}

fn check_spend(rule: &Spend, known: &Known<'_>, report: &mut Report<'_>) {
    if rule.tiers.is_empty() {
        report.fail("spend.tiers", "has no tier");
    }
    if rule.repeat && rule.tiers.len() > 1 {
        report.fail("spend.repeat", "goes with one tier: its reward is multiplied");
    }
    if let Some(max) = rule.max_repeats {
        report.number("spend.max_repeats", max, 1, "times");
        if !rule.repeat {
            report.fail("spend.max_repeats", "goes with `repeat: true` only");
        }
    }
    if rule.basis == Basis::Quantity && rule.threshold_on == ThresholdOn::Item {
        report.fail("spend.threshold_on", "says nothing with `basis: quantity`: pieces do not change between stages");
    }
    for (index, tier) in rule.tiers.iter().enumerate() {
        check_spend_tier(&format!("spend.tiers[{index}]"), tier, rule.repeat, known, report);
    }
    report.distinct(rule.tiers.iter().map(|tier| tier.threshold), |index| format!("spend.tiers[{index}].threshold"));
    if let Some(qualify) = &rule.qualify {
        check_scope("spend.qualify", qualify, known, report);
    }
}

fn check_spend_tier(path: &str, tier: &SpendTier, repeat: bool, known: &Known<'_>, report: &mut Report<'_>) {
    report.number(&format!("{path}.threshold"), tier.threshold, 1, "minor units or pieces");
    match tier.discount {
        Some(discount) => check_discount(path, discount, report),
        None if tier.gifts.is_empty() => report.fail(path, "has no reward: write one discount, gifts, or both"),
        None => {}
    }
    if repeat && matches!(tier.discount, Some(Discount::PercentOff { .. })) {
        report.fail(format!("{path}.percent_off"), "cannot repeat: a percentage has nothing to multiply");
    }
    for (index, reward) in tier.gifts.iter().enumerate() {
        let path = format!("{path}.gifts[{index}]");
        if !(1..=QUANTITY_MAX).contains(&reward.quantity) {
            report.fail(format!("{path}.quantity"), format!("`{}` is not between 1 and {QUANTITY_MAX} pieces", reward.quantity));
        }
        if reward.options.is_empty() {
            report.fail(path.as_str(), "names no gift");
        }
        let mut seen = BTreeSet::new();
        for gift in &reward.options {
            if !known.gifts.contains(gift) {
                report.fail(path.as_str(), format!("no gift is called `{gift}`"));
            }
            if !seen.insert(gift) {
                report.fail(path.as_str(), format!("`{gift}` is named twice"));
            }
        }
    }
}

fn check_coupon(rule: &Coupon, known: &Known<'_>, report: &mut Report<'_>) {
    report.amount("coupon.threshold", Some(rule.threshold));
    check_discount("coupon", rule.discount, report);
    if let Some(qualify) = &rule.qualify {
        check_scope("coupon.qualify", qualify, known, report);
    }
}
