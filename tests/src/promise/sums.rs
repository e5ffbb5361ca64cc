//! (a) Do sums hold at every level and stage? (c) Does every segment stay between its floor and its unit price?

use tokka_core::promotion::Stage;

use crate::case::Case;
use crate::priced::Priced;

fn equal(what: &str, left: i64, right: i64) -> Result<(), String> {
    if left == right { Ok(()) } else { Err(format!("{what}: {left} is not {right}")) }
}

pub(super) fn check(case: &Case, price: &Priced) -> Result<(), String> {
    for (index, line) in price.lines.iter().enumerate() {
        let asked = &case.request.lines[index];
        let name = &line.line_id;
        let gross = asked.unit_price * asked.quantity;
        equal(&format!("line {name}: payable"), line.payable, gross - line.discounts.iter().sum::<i64>())?;
        equal(&format!("line {name}: units"), line.runs.iter().map(|(units, _)| units).sum(), asked.quantity)?;
        equal(&format!("line {name}: unit payables"), line.runs.iter().map(|(units, each)| units * each).sum(), line.payable)?;
        let segments: Vec<_> = price.segments.iter().filter(|segment| segment.line == index).collect();
        equal(&format!("line {name}: units of segments"), segments.iter().map(|s| s.units).sum(), asked.quantity)?;
        equal(&format!("line {name}: gross of segments"), segments.iter().map(|s| s.gross).sum(), gross)?;
        equal(&format!("line {name}: payable of segments"), segments.iter().map(|s| s.payable).sum(), line.payable)?;
        let over: i64 = segments.iter().filter(|s| s.over_limit).map(|s| s.units).sum();
        equal(&format!("line {name}: over limit"), over, line.over_limit)?;
        let mut stages = [0; 6];
        for segment in segments {
            let mut amount = segment.gross;
            for link in &segment.chain {
                equal(&format!("line {name}: what {} found", link.promotion), link.before, amount)?;
                stages[link.stage as usize] += link.before - link.after;
                amount = link.after;
            }
            equal(&format!("line {name}: the end of a chain"), segment.payable, amount)?;
        }
        for (stage, (left, right)) in Stage::ALL.iter().zip(stages.into_iter().zip(line.discounts)) {
            equal(&format!("line {name}: segments in {}", stage.name()), left, right)?;
        }
    }
    stores(price)?;
    money(price)
}

/// Σ lines = Σ stores = order, on every stage.
fn stores(price: &Priced) -> Result<(), String> {
    for store in &price.stores {
        let lines = || price.lines.iter().filter(|line| line.store == store.id);
        for (index, stage) in Stage::ALL.iter().enumerate() {
            let of_lines = lines().map(|line| line.discounts[index]).sum();
            equal(&format!("store {}: {}", store.id, stage.name()), store.discounts[index], of_lines)?;
        }
        equal(&format!("store {}: payable", store.id), store.payable, lines().map(|line| line.payable).sum())?;
        let before_platform = store.gross - store.discounts[..4].iter().sum::<i64>();
        equal(&format!("store {}: subtotal", store.id), store.subtotal, before_platform)?;
        let after_platform = store.subtotal - store.discounts[4] - store.discounts[5];
        equal(&format!("store {}: payable after the platform", store.id), store.payable, after_platform)?;
        let by_class = price.taxes.iter().filter(|((id, _), _)| *id == store.id).map(|(_, amount)| amount).sum();
        equal(&format!("store {}: tax classes", store.id), store.payable, by_class)?;
    }
    for (index, stage) in Stage::ALL.iter().enumerate() {
        let of_stores = price.stores.iter().map(|store| store.discounts[index]).sum();
        equal(&format!("order: {}", stage.name()), price.discounts[index], of_stores)?;
    }
    equal("order: gross", price.gross, price.stores.iter().map(|store| store.gross).sum())?;
    equal("order: payable", price.payable, price.gross - price.discounts.iter().sum::<i64>())?;
    equal("order: payable of stores", price.payable, price.stores.iter().map(|store| store.payable).sum())?;
    let subtotals: i64 = price.stores.iter().map(|store| store.subtotal).sum();
    equal("order: subtotals", price.payable, subtotals - price.discounts[4] - price.discounts[5])
}

/// What promotions took off is what payers fund, and settlements come to what was paid and what the platform funded.
fn money(price: &Priced) -> Result<(), String> {
    for (id, outcome) in price.outcomes.iter().filter(|(_, outcome)| outcome.applied()) {
        let links = price.segments.iter().flat_map(|segment| &segment.chain).filter(|link| link.promotion == *id);
        let taken: i64 = links.map(|link| link.before - link.after).sum();
        let said = outcome.facts.get("discount").and_then(|text| text.parse().ok()).unwrap_or(0);
        equal(&format!("{id}: discount"), said, taken)?;
    }
    for (index, line) in price.lines.iter().enumerate() {
        for segment in price.segments.iter().filter(|segment| segment.line == index) {
            for link in &segment.chain {
                let of_line = price.segments.iter().filter(|segment| segment.line == index).flat_map(|segment| &segment.chain);
                let taken = of_line.filter(|other| other.promotion == link.promotion).map(|l| l.before - l.after).sum();
                let parts = price.funding.iter().filter(|((id, on, _), _)| *id == link.promotion && *on == line.line_id);
                let funded = parts.map(|(_, amount)| amount).sum();
                equal(&format!("line {}: funding of {}", line.line_id, link.promotion), funded, taken)?;
            }
        }
    }
    let settled: i64 = price.settlements.values().sum();
    let platform = price.funding_by_payer().get("platform").copied().unwrap_or(0);
    equal("settlements", settled, price.payable + platform)
}

/// (c)
pub(super) fn check_bounds(price: &Priced) -> Result<(), String> {
    for segment in &price.segments {
        if !(segment.floor <= segment.payable && segment.payable <= segment.gross) {
            let Priced { lines, .. } = price;
            return Err(format!(
                "line {}: a segment of {} units costs {}, not between {} and {}",
                lines[segment.line].line_id, segment.units, segment.payable, segment.floor, segment.gross
            ));
        }
    }
    Ok(())
}
