//! (b) Is every amount handed down ⌊x⌋ or ⌈x⌉ of its exact share of that step?

use std::collections::BTreeMap;

use tokka_core::promotion::{Owner, Party, Rule};

use crate::case::Case;
use crate::naive::numbers::{ceiling, floor, fraction};
use crate::priced::Priced;

/// One who took part: position of its line, room before, share, units, amount before.
struct Part {
    line: usize,
    room: i128,
    share: i128,
    units: i128,
    before: i128,
}

fn near(what: &str, share: i128, discount: i128, weight: i128, total: i128) -> Result<(), String> {
    let exact = fraction(discount * weight, total);
    if share == floor(&exact) || share == ceiling(&exact) {
        return Ok(());
    }
    Err(format!("{what} bears {share} of {discount}, its exact share is {exact}"))
}

pub(super) fn check(case: &Case, price: &Priced) -> Result<(), String> {
    for id in &price.applied {
        let promotion = case.promotion(id).ok_or_else(|| format!("{id} applied and is unknown"))?;
        // Prices of units are not handed down; what a `buy_get` takes off is handed down in each group by itself.
        let by_group = match &promotion.rule {
            Rule::ItemPrice(_) | Rule::VolumePrice(_) => continue,
            Rule::BuyGet(_) => true,
            _ => false,
        };
        let mut steps: BTreeMap<(String, String), Vec<Part>> = BTreeMap::new();
        for segment in &price.segments {
            let line = &case.request.lines[segment.line];
            let step = if by_group { (line.store.clone(), line.sku.clone()) } else { Default::default() };
            for link in segment.chain.iter().filter(|link| link.promotion == *id) {
                steps.entry(step.clone()).or_default().push(Part {
                    line: segment.line,
                    room: (link.before - segment.floor).into(),
                    share: (link.before - link.after).into(),
                    units: segment.units.into(),
                    before: link.before.into(),
                });
            }
        }
        for parts in steps.values() {
            // Later stages may have cut the segments of stage 1.
            one_step(case, id, parts, !by_group)?;
        }
    }
    funding(case, price)
}

fn one_step(case: &Case, id: &str, parts: &[Part], down_to_units: bool) -> Result<(), String> {
    let discount: i128 = parts.iter().map(|part| part.share).sum();
    let total: i128 = parts.iter().map(|part| part.room).sum();
    if total == 0 {
        return if discount == 0 { Ok(()) } else { Err(format!("{id} takes {discount} where there is no room")) };
    }
    let mut stores: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
    let mut lines: BTreeMap<&str, (i128, i128)> = BTreeMap::new();
    for part in parts {
        let line = &case.request.lines[part.line];
        for sum in [stores.entry(&line.store).or_default(), lines.entry(&line.line_id).or_default()] {
            sum.0 += part.room;
            sum.1 += part.share;
        }
        if down_to_units {
            near(&format!("{id}: a segment of line {}", line.line_id), part.share, discount, part.room, total)?;
            units(id, part, discount, total)?;
        }
    }
    for (store, (room, share)) in stores {
        near(&format!("{id}: store {store}"), share, discount, room, total)?;
    }
    for (line, (room, share)) in lines {
        near(&format!("{id}: line {line}"), share, discount, room, total)?;
    }
    Ok(())
}

/// Unit i of q pays ⌊(P + q − 1 − i) / q⌋; its share is looked at where that steps down.
fn units(id: &str, part: &Part, discount: i128, total: i128) -> Result<(), String> {
    let (q, after) = (part.units, part.before - part.share);
    let pays = |p: i128, i: i128| (p + q - 1 - i).div_euclid(q);
    let steps = [0, part.before % q, after % q, q - 1, (part.before % q - 1).max(0), (after % q - 1).max(0)];
    for i in steps {
        let share = pays(part.before, i) - pays(after, i);
        near(&format!("{id}: unit {i} of {q}"), share, discount, part.room, total * q)?;
    }
    Ok(())
}

/// Each funder is within 1 of its percent of the promotion, and the first named bears ⌊x⌋ or ⌈x⌉ of each line.
fn funding(case: &Case, price: &Priced) -> Result<(), String> {
    for id in &price.applied {
        let Some(promotion) = case.promotion(id) else { continue };
        let parts = || price.funding.iter().filter(|((promotion, ..), _)| promotion == id);
        let total: i128 = parts().map(|(_, amount)| i128::from(*amount)).sum();
        let of_line = |line: &str| -> i128 { parts().filter(|((_, on, _), _)| on == line).map(|(_, a)| i128::from(*a)).sum() };
        for (position, part) in promotion.funding.iter().enumerate() {
            // Where a named store is also the seller, the two parts cannot be told apart.
            let payer = match &part.party {
                Party::Platform => "platform".to_owned(),
                Party::Store(store) if !promotion.funding.iter().any(|other| other.party == Party::Seller) => store.to_string(),
                _ => continue,
            };
            let percent = i128::from(part.percent.as_micro_percent());
            let paid: i128 = parts().filter(|((_, _, by), _)| *by == payer).map(|(_, a)| i128::from(*a)).sum();
            near(&format!("{id}: {payer}"), paid, total, percent, 100_000_000)?;
            if position > 0 || promotion.funding.len() == 1 {
                continue;
            }
            for ((_, line, _), share) in parts().filter(|((_, _, by), _)| *by == payer) {
                near(&format!("{id}: {payer} on line {line}"), (*share).into(), paid, of_line(line), total)?;
            }
        }
        if promotion.funding.is_empty() {
            let owner = match &promotion.owner {
                Owner::Platform => "platform".to_owned(),
                Owner::Store(store) => store.to_string(),
            };
            if parts().any(|((_, _, by), _)| *by != owner) {
                return Err(format!("{id}: another than its owner pays"));
            }
        }
    }
    Ok(())
}
