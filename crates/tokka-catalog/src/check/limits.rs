//! Which limits can never be reached, because others are lower, and which leave nothing at all?

use tokka_core::amount::Amount;
use tokka_core::promotion::{Discount, Limits, Promotion, Rule, Stage};

use super::{Code, Document, Finding, Telling};

/// Looks at the promotion with this number.
pub(super) fn look(number: usize, promotion: &Promotion, telling: &mut Telling<'_>) {
    let document = Document::Promotion(number);
    let limits = &promotion.limits;
    let nothing = [
        ("stock", limits.stock == Some(0)),
        ("units_per_order", limits.units_per_order == Some(0)),
        ("units_per_user", limits.units_per_user == Some(0)),
        ("orders_per_user", limits.orders_per_user == Some(0)),
        ("budget", limits.budget == Some(Amount::ZERO)),
    ];
    if let Some((field, _)) = nothing.iter().find(|(_, nothing)| *nothing) {
        let message = "is 0, so nobody gets it: pause it, or raise the limit";
        telling.tell(Finding::new(Code::NeverActive, document, format!("limits.{field}"), message));
        return;
    }
    if let (Some(budget), Some(least)) = (limits.budget, least_discount(&promotion.rule))
        && budget < least
    {
        let (shown, short) = (telling.money(least), telling.money(budget));
        let message = format!("is {short}, less than the {shown} that it takes off at least: a budget is all or nothing");
        let finding = Finding::new(Code::NeverActive, document, "limits.budget", message);
        telling.tell(finding.amount("budget", budget).amount("least", least));
    }
    contradictions(document, promotion, telling);
}

/// What any order that gets it has taken off at least, where that is written; floor prices aside.
fn least_discount(rule: &Rule) -> Option<Amount> {
    let off = |discount: Discount| match discount {
        Discount::AmountOff(off) => Some(off),
        Discount::PercentOff { .. } => None,
    };
    match rule {
        // A spend that has reached its threshold is at least that large.
        Rule::Spend(spend) if spend.qualify.is_none() && spend.tiers.iter().all(|tier| tier.gifts.is_empty()) => {
            let tiers: Option<Vec<Amount>> = spend.tiers.iter().map(|tier| tier.discount.and_then(off)).collect();
            let least = tiers?.into_iter().min()?;
            spend.tiers.iter().all(|tier| tier.threshold >= least.get()).then_some(least)
        }
        Rule::Coupon(coupon) if coupon.qualify.is_none() => off(coupon.discount).filter(|off| coupon.threshold >= *off),
        _ => None,
    }
}

/// Every limit that a lower one keeps from ever being reached.
fn contradictions(document: Document, promotion: &Promotion, telling: &mut Telling<'_>) {
    let Limits { stock, stock_by_sku, units_per_order, units_per_user, orders_per_user, .. } = &promotion.limits;
    let stage = promotion.stage();
    let max_sets = match &promotion.rule {
        Rule::MixMatch(rule) => rule.max_sets,
        Rule::Bundle(rule) => rule.max_sets,
        _ => None,
    };
    let block = promotion.rule.block();
    let sets = format!("{block}.max_sets");
    let counted_in_orders = stage > Stage::Set;
    let pairs = [
        // Limits of a period are compared with those of one order, and with what there is in all.
        ("limits.units_per_order", *units_per_order, "limits.units_per_user", *units_per_user),
        ("limits.units_per_order", *units_per_order, "limits.stock", *stock),
        ("limits.units_per_user", *units_per_user, "limits.stock", *stock),
        ("limits.orders_per_user", *orders_per_user, "limits.units_per_user", *units_per_user),
        ("limits.orders_per_user", *orders_per_user, "limits.stock", stock.filter(|_| counted_in_orders)),
        (sets.as_str(), max_sets, "limits.units_per_order", *units_per_order),
        (sets.as_str(), max_sets, "limits.units_per_user", *units_per_user),
        (sets.as_str(), max_sets, "limits.stock", *stock),
    ];
    for (path, limit, lower_path, lower) in pairs {
        // Where units are counted by sku, an order of several skus may have more of them.
        let by_sku = promotion.limits.per_sku && lower_path == "limits.units_per_user" && path == "limits.orders_per_user";
        if let (Some(limit), Some(lower)) = (limit, lower)
            && limit > lower
            && !by_sku
        {
            let field = lower_path.strip_prefix("limits.").unwrap_or(lower_path);
            let message = format!("is {limit}, and is never reached: `{field}` is {lower}");
            let finding = Finding::new(Code::LimitsContradict, document, path, message);
            telling.tell(finding.count("limit", limit).count("lower", lower));
        }
    }
    let scope = &promotion.scope;
    for (sku, by_sku) in stock_by_sku {
        let path = format!("limits.stock_by_sku.{sku}");
        let only_skus = scope.include.categories.is_none();
        let named = scope.include.skus.as_ref().is_none_or(|skus| skus.contains(sku));
        if (only_skus && !named) || scope.exclude.skus.contains(sku) {
            telling.tell(Finding::new(Code::LimitsContradict, document, path, "limits a sku that `scope` does not cover"));
        } else if let Some(stock) = stock.filter(|stock| by_sku > stock) {
            let message = format!("is {by_sku}, and is never reached: `stock` is {stock}");
            let finding = Finding::new(Code::LimitsContradict, document, path, message);
            telling.tell(finding.count("limit", *by_sku).count("lower", stock));
        }
    }
    let sum = stock_by_sku.values().try_fold(0i64, |sum, stock| sum.checked_add(*stock));
    let all_named = scope.include.categories.is_none()
        && scope.include.skus.as_ref().is_some_and(|skus| skus.iter().all(|sku| stock_by_sku.contains_key(sku)));
    if let (Some(stock), Some(sum)) = (*stock, sum)
        && all_named
        && stock > sum
    {
        let message = format!("is {stock}, and is never reached: the stocks of its skus are {sum} together");
        let finding = Finding::new(Code::LimitsContradict, document, "limits.stock", message);
        telling.tell(finding.count("limit", stock).count("lower", sum));
    }
}
