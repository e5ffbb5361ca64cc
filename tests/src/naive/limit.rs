//! How much may a promotion still do (`pricing.md` §2 Limits)?

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use tokka_core::promotion::Period;

use super::numbers::Minor;
use super::order::{Order, Promo};
use super::verdict::Verdict;
use crate::priced::Key;

/// Where a limit stands.
#[derive(Debug, Clone)]
pub struct Limit {
    /// Its key in the file.
    pub name: &'static str,
    /// As written.
    pub limit: Minor,
    /// Before this order, and by earlier groups of it.
    pub used: Minor,
}

impl Limit {
    /// What is left; negative counts as 0.
    pub fn left(&self) -> Minor {
        (self.limit - self.used).max(0)
    }

    fn stands(&self, verdict: Verdict, requested: Minor) -> Verdict {
        verdict.with("counter", self.name).with("limit", self.limit).with("used", self.used).with("requested", requested)
    }

    /// As it stands in APPLIED.
    pub fn shown(&self, requested: Minor) -> String {
        format!("{} limit {} used {} requested {requested}", self.name, self.limit, self.used)
    }

    fn of_user(&self) -> bool {
        matches!(self.name, "units_per_user" | "orders_per_user")
    }
}

/// The limits of a promotion as a group of its stage finds them.
#[derive(Debug, Clone)]
pub struct LimitsNow {
    /// `orders_per_user`: this order is one, however many groups the promotion serves in it.
    pub orders: Option<Limit>,
    /// On units (sets in stage 2, free units for `buy_get`) besides stock.
    pub units: Vec<Limit>,
    /// `stock` and `stock_by_sku`. For spends and coupons, `stock` counts orders.
    pub stock: Vec<Limit>,
}

impl LimitsNow {
    /// Everything that a promotion's limits say about `sku` (stages 1) or about the order.
    pub fn of(order: &Order<'_>, promo: Promo, sku: Option<&str>) -> Self {
        let id = order.id(promo).to_owned();
        let limits = &order.promotion(promo).limits;
        let has_user = order.world.basket.user().is_some();
        let before = |key: Key, limit: Minor| (order.world.used)(&key, limit);
        // READING: without a user, per-user limits count this order alone.
        let user_before = |key: Key, limit: Minor| if has_user { before(key, limit) } else { 0 };

        // What earlier groups of this order took: in all, or of this sku.
        let of_promo = order.counted.iter().filter(|((other, _), _)| *other == promo);
        let in_all: Minor = of_promo.clone().map(|(_, count)| count).sum();
        let of_sku: Minor = of_promo.filter(|((_, s), _)| Some(s.as_str()) == sku).map(|(_, count)| count).sum();
        let per_unit = if limits.per_sku { of_sku } else { in_all };

        let mut units = Vec::new();
        if let Some(limit) = limits.units_per_order {
            units.push(Limit { name: "units_per_order", limit: limit.into(), used: per_unit });
        }
        if let Some(limit) = limits.units_per_user {
            let key = match sku {
                Some(sku) if limits.per_sku => Key::UserUnitsOfSku(id.clone(), sku.to_owned()),
                _ => Key::UserUnits(id.clone()),
            };
            let used = user_before(key, limit.into()) + per_unit;
            units.push(Limit { name: "units_per_user", limit: limit.into(), used });
        }
        let mut stock = Vec::new();
        if let Some(limit) = limits.stock {
            let used = before(Key::Stock(id.clone()), limit.into()) + in_all;
            stock.push(Limit { name: "stock", limit: limit.into(), used });
        }
        let by_sku = sku.and_then(|sku| limits.stock_by_sku.iter().find(|(name, _)| **name == sku));
        if let Some((sku, limit)) = by_sku {
            let used = before(Key::StockBySku(id.clone(), sku.to_string()), (*limit).into()) + of_sku;
            stock.push(Limit { name: "stock_by_sku", limit: (*limit).into(), used });
        }
        let orders = limits.orders_per_user.map(|limit| {
            let used = user_before(Key::UserOrders(id.clone()), limit.into());
            Limit { name: "orders_per_user", limit: limit.into(), used }
        });
        Self { orders, units, stock }
    }

    /// The first limit that leaves nothing: LIMIT_REACHED before STOCK_EXHAUSTED.
    pub fn exhausted(&self, requested: Minor) -> Option<(&Limit, Verdict)> {
        let none_left = |limit: &&Limit| limit.left() == 0;
        if let Some(limit) = self.orders.iter().chain(&self.units).find(none_left) {
            return Some((limit, limit.stands(Verdict::not("LIMIT_REACHED"), requested)));
        }
        let limit = self.stock.iter().find(none_left)?;
        Some((limit, limit.stands(Verdict::not("STOCK_EXHAUSTED"), requested)))
    }

    /// Units or sets that all of them still let through; `None` = any number.
    pub fn left(&self) -> Option<Minor> {
        self.units.iter().chain(&self.stock).map(Limit::left).min()
    }

    /// The limits of which less is left than `wanted`.
    pub fn below(&self, wanted: Minor) -> Vec<&Limit> {
        self.units.iter().chain(&self.stock).filter(|limit| limit.left() < wanted).collect()
    }
}

/// §2: since when a per-user limit counts: the first local date of its period. `None`: for ever. Weeks begin on Monday.
pub fn since(period: Period, zone: &TimeZone, at: Timestamp) -> Option<Date> {
    let mut date = zone.to_datetime(at).date();
    let begins = |date: Date| match period {
        Period::Lifetime | Period::Day => true,
        Period::Week => date.weekday() == Weekday::Monday,
        Period::Month => date.day() == 1,
    };
    while !begins(date) {
        date = date.yesterday().expect("a date of our time");
    }
    (period != Period::Lifetime).then_some(date)
}

/// §2: a budget is all or nothing. `None`: it fits, or there is none.
pub fn budget_exhausted(order: &Order<'_>, promo: Promo, discount: Minor) -> Option<Verdict> {
    let limit = Minor::from(order.promotion(promo).limits.budget?.get());
    let before = (order.world.used)(&Key::Budget(order.id(promo).to_owned()), limit);
    let in_this_order: Minor = order.applied.iter().filter(|(_, other, _)| *other == promo).map(|(_, _, d)| d).sum();
    let budget = Limit { name: "budget", limit, used: before + in_this_order };
    (discount > budget.left()).then(|| budget.stands(Verdict::not("BUDGET_EXHAUSTED"), discount))
}

/// §2: the quote says `needs_user` if a promotion that applied or was cut has a per-user limit. READING: one that a
/// per-user limit refused was cut by it; one that did not apply for another reason was not.
pub fn note_user(order: &mut Order<'_>, promo: Promo, applied: bool, limits_that_cut: &[Limit]) {
    if order.world.basket.user().is_some() {
        return;
    }
    let limits = &order.promotion(promo).limits;
    let has_one = limits.units_per_user.is_some() || limits.orders_per_user.is_some();
    if (applied && has_one) || limits_that_cut.iter().any(Limit::of_user) {
        order.needs_user = true;
    }
}
