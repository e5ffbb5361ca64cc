//! What does a basket cost, computed the slow and obvious way? Whole fractions, no index, unit by unit, written from
//! `docs/pricing.md` alone; the fast pricing is compared with it. Where that page leaves something open, the comment
//! begins with READING.

pub mod active;
pub mod allocate;
pub mod choice;
pub mod coupon;
pub mod defect;
pub mod funding;
pub mod gift;
pub mod group;
pub mod hint;
pub mod item;
pub mod limit;
pub mod numbers;
pub mod order;
pub mod refund;
pub mod request;
pub mod set;
pub mod spend;
pub mod totals;
pub mod verdict;

use std::rc::Rc;

use tokka_core::basket::{Selection, SpendSelection};
use tokka_core::promotion::Stage;

use choice::Choices;
use order::{Order, World};

/// The six stages, in order.
pub fn price(world: World<'_>) -> Order<'_> {
    price_with(world, None)
}

/// The same, with some choices made.
pub fn price_with(world: World<'_>, choices: Option<Rc<Choices>>) -> Order<'_> {
    let mut order = Order::new(world);
    order.choices = choices;
    item::run(&mut order);
    set::run(&mut order);
    spend::run(&mut order, Stage::StoreSpend);
    order.after_store_spend = order.lines.iter().map(|units| units.iter().map(|unit| unit.pay).sum()).collect();
    coupon::run(&mut order, Stage::StoreCoupon);
    spend::run(&mut order, Stage::PlatformSpend);
    coupon::run(&mut order, Stage::PlatformCoupon);
    coupon::note_unknown(&mut order);
    note_selected(&mut order);
    order
}

/// §9: every promotion selected ends in an outcome, also one that is not active or covers nothing.
fn note_selected(order: &mut Order<'_>) {
    let basket = order.world.basket;
    let items = basket.select().values().filter_map(|selection| match selection {
        Selection::None => None,
        Selection::Promotion(id) => Some(id),
    });
    let spends = basket.select_spend().values().flat_map(|selection| match selection {
        SpendSelection::None => &[],
        SpendSelection::Promotions(ids) => ids.as_slice(),
    });
    let selected: Vec<String> = items.chain(spends).cloned().collect();
    for id in selected {
        let position = order.world.catalogue.promotions().iter().position(|promotion| promotion.id == id.as_str());
        if let Some(verdict) = position.and_then(|promo| coupon::why_not_tried(order, promo)) {
            order.verdicts.entry(id).or_insert(verdict);
        }
    }
}
