//! What do the cards of a case's products show, and what would quotes of each alone say?

use tokka_core::basket::{Basket, BasketRequest, CouponsOffered, Strategy};
use tokka_core::card::{Card, From, Known};
use tokka_core::outcome::{Outcome, Subject, Verdict};
use tokka_core::promotion::{Rule, Stage};
use tokka_core::quote::{Quote, View, quote};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::PromoIx;

use crate::case::Case;
use crate::fast::Names;

/// A card, and the same of quotes.
#[derive(Debug)]
pub struct Shown {
    /// As the shelf has it.
    pub card: Card,
    /// What one piece alone costs after stage 1.
    pub price: i64,
    /// The promotion of stage 1 that applies to it.
    pub applied: Option<PromoIx>,
    /// The outcomes of stage 1.
    pub outcomes: Vec<Outcome>,
    /// The smallest tier quantity whose last piece a `volume_price` makes cheaper; `None` where one piece is cheaper.
    pub from: Option<From>,
}

/// A card for each line of a case, and what quotes say of each.
///
/// # Errors
/// What was refused, in words.
pub fn shown(case: &Case) -> Result<Vec<Shown>, String> {
    let rulebook = Rulebook::compile(case.catalogue()?);
    let mut request = case.request.clone();
    (request.coupons, request.strategy) = (CouponsOffered::default(), Strategy::Sequential);
    (request.select, request.select_spend, request.select_gift) = Default::default();
    request.lines.iter_mut().for_each(|line| line.quantity = 1);
    let basket = parse(request.clone())?;
    let names = Names { rulebook: &rulebook, basket: &basket };
    let shelf = rulebook.shelf(&basket).map_err(|error| format!("{error:?}"))?;
    let usage: Vec<i64> = shelf.counters().rows().iter().map(|counter| names.used(case, counter)).collect();
    let cards = shelf.cards(&usage, Known::Usage).map_err(|error| format!("{error:?}"))?;
    let mut shown = Vec::new();
    for (index, card) in cards.into_iter().enumerate() {
        let alone = |quantity: i64| -> Result<Quote, String> {
            let mut line = request.lines[index].clone();
            line.quantity = quantity;
            let basket = parse(BasketRequest { lines: vec![line], ..request.clone() })?;
            let names = Names { rulebook: &rulebook, basket: &basket };
            quote(&rulebook, &basket, |counter| names.used(case, counter), View::Full).map_err(|error| format!("{error:?}"))
        };
        let one = alone(1)?;
        let price = one.segments.iter().map(|segment| segment.amount_after(Stage::Item).get()).sum();
        let of_items = |promotion: &PromoIx| rulebook.promotions()[*promotion].stage() == Stage::Item;
        let mut from = None;
        if price == request.lines[index].unit_price {
            for quantity in tiers(&rulebook) {
                let last = alone(quantity)?.segments.pop().filter(|segment| !segment.over_limit);
                let touch = last.as_ref().and_then(|last| last.chain.first().filter(|touch| touch.stage == Stage::Item));
                let (Some(last), Some(touch)) = (&last, touch) else { continue };
                let by_volume = matches!(rulebook.promotions()[touch.promotion].rule, Rule::VolumePrice(_));
                let each = last.amount_after(Stage::Item).get() / last.units;
                if by_volume && each < request.lines[index].unit_price {
                    let price = tokka_core::amount::Amount::minor(each);
                    from = Some(From { promotion: touch.promotion, quantity, price });
                    break;
                }
            }
        }
        let is_item = |outcome: &Outcome| matches!(outcome.subject, Subject::Promotion(promotion) if of_items(&promotion));
        shown.push(Shown {
            card,
            price,
            applied: one.applied.iter().copied().find(of_items),
            outcomes: one.outcomes.into_iter().filter(is_item).collect(),
            from,
        });
    }
    Ok(shown)
}

/// Was nothing left of it?
#[must_use]
pub fn is_sold_out(outcomes: &[Outcome], promotion: PromoIx) -> bool {
    let of = |outcome: &&Outcome| outcome.subject == Subject::Promotion(promotion);
    outcomes.iter().find(of).is_some_and(|outcome| matches!(outcome.verdict, Verdict::StockExhausted(_)))
}

/// The quantities at which any tier of the catalogue begins, ascending; one piece is no quantity.
fn tiers(rulebook: &Rulebook) -> Vec<i64> {
    let mut quantities = Vec::new();
    for promotion in rulebook.promotions().rows() {
        if let Rule::VolumePrice(rule) = &promotion.rule {
            quantities.extend(rule.tiers.iter().map(|tier| tier.min_quantity).filter(|quantity| *quantity > 1));
        }
    }
    quantities.sort_unstable();
    quantities.dedup();
    quantities
}

fn parse(request: BasketRequest) -> Result<Basket, String> {
    Basket::parse(request).map_err(|violations| format!("{violations:?}"))
}
