//! (d) Does splitting a line into adjacent lines change nothing?

use std::collections::BTreeMap;

use tokka_core::promotion::{BuyGetMode, Include, Promotion, Rule, Scope, Stacking, Stage};

use crate::case::Case;
use crate::generate::{self, Random, Shape};
use crate::priced::Priced;
use crate::pricer::Pricer;

/// Every other case has only later promotions that treat all lines of a store alike.
pub(super) fn case(seed: u64, shape: Shape) -> Case {
    let mut case = generate::case(seed, Shape { select_spend: false, ..shape });
    if seed.is_multiple_of(2) {
        for promotion in &mut case.promotions {
            promotion.stacking = Stacking { set: promotion.stacking.set, ..Stacking::default() };
            if matches!(&promotion.rule, Rule::BuyGet(_)) {
                promotion.stacking.set = None;
            }
            if promotion.stage() > Stage::Set {
                promotion.scope = Scope::default();
            }
            match &mut promotion.rule {
                Rule::Spend(rule) => rule.qualify = None,
                Rule::Coupon(rule) => rule.qualify = None,
                _ => {}
            }
        }
    }
    case
}

pub(super) fn check(pricer: &dyn Pricer, case: &Case, random: &mut Random) -> Result<(), String> {
    let Some(split) = split(case, random) else { return Ok(()) };
    let (whole, parts) = (pricer.price(case)?, pricer.price(&split)?);
    same("item discount", &item_discounts(case, &whole), &item_discounts(&split, &parts))?;
    same("item promotion", &by_promotion(&whole, Some(Stage::Item)), &by_promotion(&parts, Some(Stage::Item)))?;
    same("free units", &free_units(&whole), &free_units(&parts))?;
    if !later_promotions_treat_lines_alike(case) {
        return Ok(());
    }
    same("promotion", &by_promotion(&whole, None), &by_promotion(&parts, None))?;
    for (left, right) in whole.stores.iter().zip(&parts.stores) {
        same(&format!("store {}", left.id), &(left.discounts, left.payable), &(right.discounts, right.payable))?;
    }
    same("order", &(whole.discounts, whole.payable), &(parts.discounts, parts.payable))
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, whole: &T, parts: &T) -> Result<(), String> {
    if whole == parts { Ok(()) } else { Err(format!("{what}: whole {whole:?}, split {parts:?}")) }
}

/// One line becomes two or three neighbours that differ in line id and quantity only.
fn split(case: &Case, random: &mut Random) -> Option<Case> {
    let candidates: Vec<usize> = (0..case.request.lines.len()).filter(|&line| case.request.lines[line].quantity > 1).collect();
    let index = *candidates.get(usize::try_from(random.from(0, 99)).ok()? % candidates.len().max(1))?;
    let mut split = case.clone();
    split.steps.clear();
    let line = &mut split.request.lines[index];
    let mut rest = line.clone();
    line.quantity = random.from(1, line.quantity - 1);
    rest.quantity -= line.quantity;
    rest.line_id = (*random.pick(&["0-rest", "m-rest", "zz-rest"])).to_owned();
    split.request.lines.insert(index + 1, rest);
    Some(split)
}

/// By store and sku.
fn item_discounts(case: &Case, price: &Priced) -> BTreeMap<(String, String), i64> {
    let mut sums = BTreeMap::new();
    for (line, asked) in price.lines.iter().zip(&case.request.lines) {
        *sums.entry((asked.store.clone(), asked.sku.clone())).or_insert(0) += line.discounts[0];
    }
    sums
}

fn by_promotion(price: &Priced, stage: Option<Stage>) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    let links = price.segments.iter().flat_map(|segment| &segment.chain);
    for link in links.filter(|link| stage.is_none_or(|stage| link.stage == stage)) {
        *sums.entry(link.promotion.clone()).or_insert(0) += link.before - link.after;
    }
    sums
}

fn free_units(price: &Priced) -> Vec<(String, i64)> {
    price.free_units.iter().map(|(promotion, _, units)| (promotion.clone(), *units)).collect()
}

/// Where a discount was handed down to lines, only sums over all lines of a store are the same however it was split: so
/// whatever comes after must look at all lines of a store, or none.
fn later_promotions_treat_lines_alike(case: &Case) -> bool {
    let whole_stores = |scope: &Scope| {
        let Include { skus, categories, .. } = &scope.include;
        skus.is_none() && categories.is_none() && scope.exclude.skus.is_empty() && scope.exclude.categories.is_empty()
    };
    let open = |promotion: &Promotion| {
        let stacking = promotion.stacking;
        [stacking.spend, stacking.store_coupon, stacking.platform].iter().all(|key| key.unwrap_or(true))
    };
    case.promotions.iter().all(|promotion| match &promotion.rule {
        Rule::BuyGet(rule) if rule.mode == BuyGetMode::Include && promotion.stacking.set == Some(true) => false,
        // Sets come first and disjointly, so any scope will do.
        _ if promotion.stage() <= Stage::Set => open(promotion),
        _ => open(promotion) && whole_stores(&promotion.scope) && promotion.qualify().is_none_or(whole_stores),
    })
}
