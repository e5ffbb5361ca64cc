//! What does the whole order come to (`pricing.md` §5 Totals, §6 Settlement, §2 Limits)?

use std::collections::BTreeMap;

use tokka_core::promotion::{Basis, Stage};

use super::funding::{funding, given_value};
use super::group::groups;
use super::limit::since;
use super::numbers::Minor;
use super::order::{Order, Promo, Segment};
use super::verdict::Verdict;
use crate::priced::{Key, Link, Priced, PricedGift, PricedHint, PricedLine, PricedOutcome, PricedSegment, PricedStore};

fn small(amount: Minor) -> i64 {
    i64::try_from(amount).expect("an amount of a valid basket fits into 64 bits")
}

/// An order after all stages, as it is compared.
pub fn priced(order: &Order<'_>) -> Priced {
    let named = |&(promo, line, units): &(Promo, usize, Minor)| {
        (order.id(promo).to_owned(), order.line(line).line_id.to_string(), small(units))
    };
    let mut priced = Priced {
        needs_user: order.needs_user,
        free_units: order.free_units.iter().map(named).collect(),
        included_units: order.free_among.iter().map(named).collect(),
        gifts: order
            .gifts
            .iter()
            .map(|(promo, gift, wanted, given)| PricedGift {
                promotion: order.id(*promo).to_owned(),
                gift: gift.clone(),
                wanted: small(*wanted),
                given: small(*given),
            })
            .collect(),
        outcomes: order.verdicts.iter().map(|(id, verdict)| (id.clone(), outcome(order, id, verdict))).collect(),
        claims: claims(order).into_iter().map(|(key, amount)| (key, small(amount))).collect(),
        ..Priced::default()
    };
    // Of one stage in order of application; those of stage 1 apply group by group.
    let mut in_order: Vec<(Stage, Promo)> = order.applied.iter().map(|(stage, promo, _)| (*stage, *promo)).collect();
    let items = in_order.iter().filter(|(stage, _)| *stage == Stage::Item).count();
    in_order[..items].sort_by_key(|(_, promo)| (-order.promotion(*promo).priority, order.id(*promo)));
    for (_, promo) in &in_order {
        if !priced.applied.iter().any(|id| id == order.id(*promo)) {
            priced.applied.push(order.id(*promo).to_owned());
        }
    }
    for hint in &order.hints {
        priced.hints.push(PricedHint {
            promotion: order.id(hint.promo).to_owned(),
            line: hint.line.map_or(String::new(), |line| order.line(line).line_id.to_string()),
            basis: basis_in_words(hint.basis),
            threshold: small(hint.threshold),
            missing: small(hint.threshold - hint.actual),
            then: hint.then.clone(),
            loses: hint.loses,
        });
    }
    priced.clawback_only = clawback_only(order);
    for key in priced.claims.keys() {
        let (Key::UserUnits(id) | Key::UserUnitsOfSku(id, _) | Key::UserOrders(id)) = key else { continue };
        let promotion = order.world.catalogue.promotions().iter().find(|promotion| promotion.id == id.as_str());
        let period = promotion.expect("it was counted").limits.period;
        let since = since(period, &order.world.catalogue.settings().time_zone, order.world.basket.at());
        priced.periods.insert(key.clone(), since_in_words(since));
    }

    priced.groups = groups(order);
    lines(order, &mut priced);
    stores(order, &mut priced);
    // The order's stages are what its promotions took off, independently of who bore it.
    for (stage, _, discount) in &order.applied {
        priced.discounts[*stage as usize] += small(*discount);
    }
    priced.gross = priced.stores.iter().map(|store| store.gross).sum();
    priced.payable = priced.gross - priced.discounts.iter().sum::<i64>();
    settle(order, &mut priced);
    priced.given_value = given_value(order).into_iter().map(|(payer, amount)| (payer, small(amount))).collect();
    priced
}

/// §5: an order that a promotion with a `qualify` lowered.
pub fn clawback_only(order: &Order<'_>) -> bool {
    let lowered = |(_, promo, discount): &(Stage, Promo, Minor)| order.promotion(*promo).qualify().is_some() && *discount > 0;
    order.applied.iter().any(lowered)
}

fn outcome(order: &Order<'_>, id: &str, verdict: &Verdict) -> PricedOutcome {
    match order.coverage.get(id) {
        Some(coverage) => verdict.outcome().with("coverage", coverage),
        None => verdict.outcome(),
    }
}

fn lines(order: &Order<'_>, priced: &mut Priced) {
    for (index, units) in order.lines.iter().enumerate() {
        let line = order.line(index);
        let mut row = PricedLine { line_id: line.line_id.to_string(), store: line.store.to_string(), ..PricedLine::default() };
        for unit in units {
            for touch in &unit.touches {
                row.discounts[order.promotion(touch.promotion).stage() as usize] += small(touch.before - touch.after);
            }
            row.payable += small(unit.pay);
            row.over_limit += i64::from(unit.over_limit);
            match row.runs.last_mut() {
                Some((count, each)) if *each == small(unit.pay) => *count += 1,
                _ => row.runs.push((1, small(unit.pay))),
            }
        }
        *priced.taxes.entry((row.store.clone(), tax_class(line))).or_insert(0) += row.payable;
        priced.lines.push(row);
        for segment in order.segments_of(&[index]) {
            priced.segments.push(segment_row(order, segment));
        }
    }
}

fn tax_class(line: &tokka_core::basket::Line) -> String {
    line.tax_class.as_ref().map_or(String::new(), ToString::to_string)
}

fn segment_row(order: &Order<'_>, segment: Segment) -> PricedSegment {
    let units = order.units(segment);
    let sum = |of: &dyn Fn(&super::order::Unit) -> Minor| small(units.iter().map(|unit| of(unit)).sum());
    let chain = (0..units[0].touches.len()).map(|i| Link {
        promotion: order.id(units[0].touches[i].promotion).to_owned(),
        stage: order.promotion(units[0].touches[i].promotion).stage(),
        before: sum(&|unit| unit.touches[i].before),
        after: sum(&|unit| unit.touches[i].after),
    });
    PricedSegment {
        line: segment.0,
        units: units.len() as i64,
        over_limit: units[0].over_limit,
        gross: sum(&|unit| unit.price),
        floor: units.len() as i64 * order.line(segment.0).floor().get(),
        payable: sum(&|unit| unit.pay),
        chain: chain.collect(),
    }
}

/// Store: `subtotal = gross − stages 1–4`, `payable = subtotal − its share of stages 5–6`; the minimum is compared with
/// its amount after stage 3.
fn stores(order: &Order<'_>, priced: &mut Priced) {
    for (index, line) in priced.lines.iter().enumerate() {
        if !priced.stores.iter().any(|store| store.id == line.store) {
            priced.stores.push(PricedStore { id: line.store.clone(), ..PricedStore::default() });
        }
        let store = priced.stores.iter_mut().find(|store| store.id == line.store).expect("just added");
        store.gross += small(order.lines[index].iter().map(|unit| unit.price).sum());
        for (sum, discount) in store.discounts.iter_mut().zip(line.discounts) {
            *sum += discount;
        }
    }
    for store in &mut priced.stores {
        store.subtotal = store.gross - store.discounts[..4].iter().sum::<i64>();
        store.payable = store.subtotal - store.discounts[4..].iter().sum::<i64>();
        let document = order.world.catalogue.stores().iter().find(|document| document.id == store.id.as_str());
        let minimum = document.and_then(|document| document.minimum_order).map_or(0, |minimum| Minor::from(minimum.get()));
        let of_store = (0..order.lines.len()).filter(|&line| order.line(line).store == store.id.as_str());
        let after_stage_3: Minor = of_store.map(|line| order.after_store_spend[line]).sum();
        store.below_minimum = small((minimum - after_stage_3).max(0));
    }
}

/// Settlement of a store = Σ over its lines of payable + what other parties funded, less what it funded on other
/// stores' lines.
fn settle(order: &Order<'_>, priced: &mut Priced) {
    let funding = funding(order);
    for store in &priced.stores {
        priced.settlements.insert(store.id.clone(), store.payable);
    }
    for ((_, line, payer), amount) in &funding {
        let seller = order.line(*line).store.to_string();
        if seller != *payer {
            *priced.settlements.entry(seller).or_insert(0) += small(*amount);
            if payer != "platform" {
                *priced.settlements.entry(payer.clone()).or_insert(0) -= small(*amount);
            }
        }
    }
    for ((promo, line, payer), amount) in funding {
        let key = (order.id(promo).to_owned(), order.line(line).line_id.to_string(), payer);
        priced.funding.insert(key, small(amount));
    }
}

/// A first date of a period.
pub fn since_in_words(since: Option<jiff::civil::Date>) -> String {
    since.map_or("ever".to_owned(), |date| date.to_string())
}

/// What a threshold counts.
pub fn basis_in_words(basis: Basis) -> &'static str {
    match basis {
        Basis::Amount => "money",
        Basis::Quantity => "pieces",
    }
}

/// What the order takes of each counter.
pub fn claims(order: &Order<'_>) -> BTreeMap<Key, Minor> {
    let mut claims: BTreeMap<Key, Minor> = BTreeMap::new();
    let mut claim = |key: Key, amount: Minor| *claims.entry(key).or_insert(0) += amount;
    let has_user = order.world.basket.user().is_some();
    for ((promo, sku), count) in &order.counted {
        for key in unit_keys(order, *promo, sku) {
            claim(key, *count);
        }
    }
    let mut promos: Vec<Promo> = order.applied.iter().map(|(_, promo, _)| *promo).collect();
    promos.sort_unstable();
    promos.dedup();
    for promo in promos {
        let id = order.id(promo).to_owned();
        let limits = &order.promotion(promo).limits;
        if limits.stock.is_some() && order.promotion(promo).stage() > Stage::Set {
            claim(Key::Stock(id.clone()), 1);
        }
        if limits.orders_per_user.is_some() && has_user {
            claim(Key::UserOrders(id.clone()), 1);
        }
        if limits.budget.is_some() {
            let discounts = order.applied.iter().filter(|(_, other, _)| *other == promo);
            claim(Key::Budget(id), discounts.map(|(_, _, discount)| discount).sum());
        }
    }
    for (_, gift, _, given) in &order.gifts {
        let document = order.world.catalogue.gifts().iter().find(|document| document.id == gift.as_str());
        if document.is_some_and(|document| document.inventory.is_some()) {
            claim(Key::Gift(gift.clone()), *given);
        }
    }
    claims.retain(|_, amount| *amount > 0);
    claims
}

/// The counters that one unit (or set) of a promotion of stages 1 and 2 counts in.
pub fn unit_keys(order: &Order<'_>, promo: Promo, sku: &str) -> Vec<Key> {
    let id = order.id(promo).to_owned();
    let limits = &order.promotion(promo).limits;
    let mut keys = Vec::new();
    if limits.stock.is_some() {
        keys.push(Key::Stock(id.clone()));
    }
    if limits.stock_by_sku.keys().any(|name| *name == sku) {
        keys.push(Key::StockBySku(id.clone(), sku.to_owned()));
    }
    if limits.units_per_user.is_some() && order.world.basket.user().is_some() {
        keys.push(if limits.per_sku { Key::UserUnitsOfSku(id, sku.to_owned()) } else { Key::UserUnits(id) });
    }
    keys
}
