//! (f) Does buying more never take a free unit or a gift away, where one promotion stands alone?

use std::collections::BTreeMap;

use tokka_core::promotion::{BuyGetMode, Rule};

use crate::case::Case;
use crate::generate::{self, Random, Shape};
use crate::pricer::Pricer;

/// One promotion, a `buy_get` or a `spend` with gifts, without limits.
pub(super) fn case(seed: u64) -> Case {
    let shape = Shape { lines_max: 4, promotions_max: 1, huge: false, selections: false, ..Shape::SMALL };
    let mut case = generate::case(seed, shape);
    let mut random = Random::new(seed ^ 0x5A5A);
    let promotion = &mut case.promotions[0];
    let rule = generate::growing_rule(&mut random);
    *promotion = generate::rule_only(promotion.id.as_str(), promotion.owner.clone(), rule);
    if let Rule::BuyGet(rule) = &promotion.rule
        && rule.mode == BuyGetMode::Include
    {
        // Equal prices without floors, so that the discount says how many units are free.
        for line in &mut case.request.lines {
            (line.unit_price, line.floor_price) = (10, None);
        }
    }
    case.usage.clear();
    case.steps.clear();
    case
}

/// Every line grows by every step up to a dozen.
pub(super) fn check(pricer: &dyn Pricer, case: &Case) -> Result<(), String> {
    for index in 0..case.request.lines.len() {
        let mut more = case.clone();
        let mut before = given(pricer, &more)?;
        for _ in 0..12 {
            more.request.lines[index].quantity += 1;
            let after = given(pricer, &more)?;
            for (what, units) in &before {
                let now = after.get(what).copied().unwrap_or(0);
                if now < *units {
                    let line = &more.request.lines[index];
                    return Err(format!("{what}: {units}, but {now} with {} of line {}", line.quantity, line.line_id));
                }
            }
            before = after;
        }
    }
    Ok(())
}

/// Free units and gifts.
fn given(pricer: &dyn Pricer, case: &Case) -> Result<BTreeMap<String, i64>, String> {
    let price = pricer.price(case)?;
    let mut given: BTreeMap<String, i64> = BTreeMap::new();
    for (gift, units) in price.gifts_given() {
        given.insert(format!("gift {gift}"), units);
    }
    for (_, line_id, units) in &price.free_units {
        let line = case.request.lines.iter().find(|line| line.line_id == *line_id);
        let group = line.map_or(String::new(), |line| format!("free units of {} in {}", line.sku, line.store));
        *given.entry(group).or_insert(0) += units;
    }
    let include = case.promotions.iter().any(|p| matches!(&p.rule, Rule::BuyGet(rule) if rule.mode == BuyGetMode::Include));
    if include {
        for (line, asked) in price.lines.iter().zip(&case.request.lines) {
            let group = format!("units free among {} in {}", asked.sku, asked.store);
            *given.entry(group).or_insert(0) += line.discounts[0];
        }
    }
    Ok(given)
}
