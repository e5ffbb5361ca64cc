//! (g) Do returns add up to what was paid once everything is back, under both policies?

use std::collections::BTreeMap;

use tokka_core::promotion::Rule;

use crate::case::Case;
use crate::fast::gives_on_top;
use crate::priced::{Key, Policy, Priced};
use crate::pricer::Pricer;

pub(super) fn check(pricer: &dyn Pricer, case: &Case) -> Result<(), String> {
    let price = pricer.price(case)?;
    let mut left: BTreeMap<&str, i64> = case.request.lines.iter().map(|line| (line.line_id.as_str(), line.quantity)).collect();
    for (line, units) in case.steps.iter().flatten() {
        *left.entry(line.as_str()).or_insert(0) -= units;
    }
    if left.values().any(|units| *units != 0) || case.steps.iter().any(|step| step.values().any(|units| *units == 0)) {
        return Ok(());
    }
    for policy in [Policy::Proportional, Policy::Clawback] {
        one_policy(pricer, case, policy, &price).map_err(|what| format!("{policy:?}: {what}"))?;
    }
    Ok(())
}

fn one_policy(pricer: &dyn Pricer, case: &Case, policy: Policy, price: &Priced) -> Result<(), String> {
    let mut paid_back = 0;
    let mut lines: BTreeMap<String, i64> = BTreeMap::new();
    let mut restored: BTreeMap<Key, i64> = BTreeMap::new();
    let mut gifts: BTreeMap<String, i64> = BTreeMap::new();
    for (index, refund) in pricer.refunds(case, policy)?.iter().enumerate() {
        if refund.refused {
            return Err(format!("step {index} is refused"));
        }
        if refund.refund < 0 || refund.waived < 0 {
            return Err(format!("step {index} refunds {} and waives {}", refund.refund, refund.waived));
        }
        let of_lines: i64 = refund.lines.values().sum();
        if of_lines != refund.refund {
            return Err(format!("step {index}: the lines come to {of_lines}, the refund is {}", refund.refund));
        }
        let funding = &refund.waived_funding;
        if funding.values().sum::<i64>() != refund.waived {
            return Err(format!("step {index}: {} is waived, and {funding:?} fund it", refund.waived));
        }
        paid_back += refund.refund;
        for (line, amount) in &refund.lines {
            *lines.entry(line.clone()).or_insert(0) += amount;
        }
        for (key, amount) in &refund.restored {
            *restored.entry(key.clone()).or_insert(0) += amount;
        }
        for (gift, units) in &refund.gifts_to_return {
            *gifts.entry(gift.clone()).or_insert(0) += units;
        }
    }
    if paid_back != price.payable {
        return Err(format!("{paid_back} came back of {} paid", price.payable));
    }
    for line in &price.lines {
        let back = lines.get(&line.line_id).copied().unwrap_or(0);
        if back != line.payable {
            return Err(format!("line {}: {back} came back of {} paid", line.line_id, line.payable));
        }
    }
    // The parts add up to what was taken; that of gifts and units on top comes back with them.
    let at_once = |key: &Key| match key {
        Key::Stock(id) | Key::StockBySku(id, _) | Key::UserUnits(id) | Key::UserUnitsOfSku(id, _) => {
            !case.promotion(id).is_some_and(|promotion| gives_on_top(&promotion.rule))
        }
        Key::UserOrders(_) | Key::Budget(_) => true,
        Key::Gift(_) => false,
    };
    let claims = pricer.price(&case.by_somebody())?.claims;
    let taken: BTreeMap<Key, i64> =
        claims.iter().filter(|(key, _)| at_once(key)).map(|(key, amount)| (key.clone(), *amount)).collect();
    if taken != restored {
        return Err(format!("taken {taken:?}, restored {restored:?}"));
    }
    // A price that is worked out again may give other gifts meanwhile: then more are to be returned than were given.
    let repriced = policy == Policy::Clawback || price.clawback_only;
    if !repriced && gifts != price.gifts_given() {
        return Err(format!("given {:?}, to return {gifts:?}", price.gifts_given()));
    }
    let no_rule_gives = case.promotions.iter().all(|promotion| !matches!(&promotion.rule, Rule::Spend(_)));
    if no_rule_gives && !gifts.is_empty() {
        return Err(format!("no promotion gives, and {gifts:?} are to be returned"));
    }
    Ok(())
}
