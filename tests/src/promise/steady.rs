//! (e) Does the order of promotions in the catalogue, (i) a promotion that covers no line, or (j) asking twice change
//! nothing?

use tokka_core::basket::CouponsOffered;
use tokka_core::promotion::Rule;

use crate::case::Case;
use crate::generate::{Random, promotion_of_nothing};
use crate::priced::{Facts, Policy};
use crate::pricer::Pricer;

/// The price and both kinds of returns, flat.
fn everything(pricer: &dyn Pricer, case: &Case) -> Result<Facts, String> {
    let mut facts = pricer.price(case)?.facts();
    for policy in [Policy::Proportional, Policy::Clawback] {
        for (step, refund) in pricer.refunds(case, policy)?.into_iter().enumerate() {
            let named = refund.facts().0.into_iter().map(|(path, value)| (format!("{policy:?}.{step}.{path}"), value));
            facts.0.extend(named);
        }
    }
    Ok(facts)
}

fn same(before: &Facts, after: &Facts) -> Result<(), String> {
    let differences = before.differences(after);
    if differences.is_empty() { Ok(()) } else { Err(differences.join("\n")) }
}

pub(super) fn check_order(pricer: &dyn Pricer, case: &Case, random: &mut Random) -> Result<(), String> {
    let mut shuffled = case.clone();
    random.shuffle(&mut shuffled.promotions);
    random.shuffle(&mut shuffled.stores);
    random.shuffle(&mut shuffled.gifts);
    same(&everything(pricer, case)?, &everything(pricer, &shuffled)?)
}

pub(super) fn check_idle(pricer: &dyn Pricer, case: &Case, random: &mut Random) -> Result<(), String> {
    let name = "0-nothing";
    let mut more = case.clone();
    let idle = promotion_of_nothing(random, name, &case.stores, case.request.at);
    let coupon = matches!(idle.rule, Rule::Coupon(_));
    let position = usize::try_from(random.from(0, 99)).unwrap_or(0) % (more.promotions.len() + 1);
    more.promotions.insert(position, idle);
    if let (true, CouponsOffered::These(ids)) = (coupon, &mut more.request.coupons) {
        ids.insert(0, name.to_owned());
    }
    let before = everything(pricer, case)?;
    let mut after = everything(pricer, &more)?;
    after.0.retain(|path, _| !path.starts_with(&format!("outcomes.{name}")));
    same(&before, &after)
}

pub(super) fn check_same(pricer: &dyn Pricer, case: &Case) -> Result<(), String> {
    let before = everything(pricer, case)?;
    same(&before, &everything(pricer, case)?)
}
