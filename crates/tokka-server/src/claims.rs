//! Which counter of the ledger is a limit of the catalogue? The one place where the two meet: keys of the core become
//! names, and names become what callers read.
//!
//! | counter | parts of its name |
//! |---|---|
//! | a promotion's stock | `stock`, promotion |
//! | its stock of one sku | `stock_by_sku`, promotion, sku |
//! | units of a user | `user_units`, promotion, period, user |
//! | units of a user, of one sku | `user_units_of_sku`, promotion, period, user, sku |
//! | orders of a user | `user_orders`, promotion, period, user |
//! | a budget | `budget`, promotion |
//! | a gift's inventory | `gift`, gift |
//!
//! What coupons are counted by is in `claims/coupons.rs`.
//!
//! A period is its first day, `2026-11-11`, or empty for the promotion's life: it is fixed when the order is priced, and
//! the same for its hold, its return and its re-acquisition. The names are stored, so they never change.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::civil::Date;
use tokka_core::amount::Amount;
use tokka_core::basket::Basket;
use tokka_core::promotion::Promotion;
use tokka_core::quote::{Counter, CounterKey, Quote};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::{CounterIx, GiftIx, Ix, LineIx, PromoIx, Table};
use tokka_ledger::Ledger;
use tokka_ledger::model::{AMOUNT_MAX, Claim, Portion, Shortage};
use tokka_ledger::name::Name;
use tokka_proto::v1;

use crate::catalogue::Published;
use crate::counters::{Counters, StoreSilent};

pub(crate) mod coupons;

const STOCK: &str = "stock";
const STOCK_BY_SKU: &str = "stock_by_sku";
const USER_UNITS: &str = "user_units";
const USER_UNITS_OF_SKU: &str = "user_units_of_sku";
const USER_ORDERS: &str = "user_orders";
const BUDGET: &str = "budget";
const GIFT: &str = "gift";
const EXTENSION: &str = "extension";

/// What a priced order takes of each counter, with the limits that priced it.
pub(crate) fn of_quote(
    rulebook: &Rulebook,
    basket: &Basket,
    counters: &Table<CounterIx, Counter>,
    quote: &Quote,
) -> Vec<(CounterIx, Claim)> {
    let claim = |claim: &tokka_core::quote::Claim| {
        let Counter { key, limit } = counters.at(claim.counter);
        let counter = name(rulebook, basket, *key);
        (claim.counter, Claim { counter, amount: claim.amount, limit: *limit })
    };
    quote.claims.iter().filter(|claim| claim.amount > 0).map(claim).collect()
}

/// The name of a counter of this basket.
pub(crate) fn name(rulebook: &Rulebook, basket: &Basket, key: CounterKey) -> Name {
    let promotion = |ix: PromoIx| rulebook.promotions().at(ix).id.as_str();
    let sku = |ix: LineIx| basket.lines().get(ix.position()).map_or("", |line| line.sku.as_str());
    let gift = |ix: GiftIx| rulebook.gifts().at(ix).id.as_str();
    let user = basket.user().map_or("", |user| user.as_str());
    let day = |period: Option<Date>| period.map(|day| day.to_string()).unwrap_or_default();
    match key {
        CounterKey::Stock(of) => Name::of(&[STOCK, promotion(of)]),
        CounterKey::StockBySku(of, line) => Name::of(&[STOCK_BY_SKU, promotion(of), sku(line)]),
        CounterKey::UserUnits(of, period) => Name::of(&[USER_UNITS, promotion(of), &day(period), user]),
        CounterKey::UserUnitsOfSku(of, line, period) => {
            Name::of(&[USER_UNITS_OF_SKU, promotion(of), &day(period), user, sku(line)])
        }
        CounterKey::UserOrders(of, period) => Name::of(&[USER_ORDERS, promotion(of), &day(period), user]),
        CounterKey::Budget(of) => Name::of(&[BUDGET, promotion(of)]),
        CounterKey::GiftInventory(of) => Name::of(&[GIFT, gift(of)]),
    }
}

/// The name of a promotion's stock, of one product where it has one of its own.
pub(crate) fn stock_name(promotion: &str, sku: Option<&str>) -> Name {
    match sku {
        Some(sku) => Name::of(&[STOCK_BY_SKU, promotion, sku]),
        None => Name::of(&[STOCK, promotion]),
    }
}

/// A name as callers read it; nothing is said of one that this file did not make.
pub(crate) fn to_wire(name: &Name) -> v1::Counter {
    let parts = name.parts().unwrap_or_default();
    let of = |kind: v1::CounterKind, promotion: &str, sku: &str, period: &str| {
        let [promotion, sku, period] = [promotion, sku, period].map(str::to_owned);
        v1::Counter { kind: kind.into(), promotion, sku, period, ..Default::default() }
    };
    match parts[..] {
        [STOCK, promotion] => of(v1::CounterKind::Stock, promotion, "", ""),
        [STOCK_BY_SKU, promotion, sku] => of(v1::CounterKind::StockBySku, promotion, sku, ""),
        [USER_UNITS, promotion, period, _] => of(v1::CounterKind::UnitsPerUser, promotion, "", period),
        [USER_UNITS_OF_SKU, promotion, period, _, sku] => of(v1::CounterKind::UnitsPerUser, promotion, sku, period),
        [USER_ORDERS, promotion, period, _] => of(v1::CounterKind::OrdersPerUser, promotion, "", period),
        [BUDGET, promotion] => of(v1::CounterKind::Budget, promotion, "", ""),
        [GIFT, gift] => v1::Counter { kind: v1::CounterKind::GiftInventory.into(), gift: gift.to_owned(), ..Default::default() },
        _ => coupons::to_wire(&parts).unwrap_or_default(),
    }
}

/// Do callers hear of it? Of some counters nobody would know what to do with them.
pub(crate) fn is_told(name: &Name) -> bool {
    name.parts().is_none_or(|parts| !coupons::is_inner(&parts))
}

/// Whose it is, where it counts a user.
pub(crate) fn user_of(name: &Name) -> Option<&str> {
    let parts = name.parts()?;
    match parts[..] {
        [USER_UNITS | USER_ORDERS, _, _, user] | [USER_UNITS_OF_SKU, _, _, user, _] => Some(user),
        _ => coupons::user_of(&parts),
    }
}

/// Whose counter or document is this, by shard key: it lies with the orders of that customer. `None` where all customers
/// share it. Every process that opens a store on Redis says the same, for good: what is stored lies where this put it.
#[must_use]
pub fn owner() -> tokka_ledger::redis::Owner {
    // A guest's orders have a shard key of their own, and limits that count a user refuse guests, as wallets do.
    Arc::new(|name: &Name| match name.parts()?[..] {
        [EXTENSION, shard_key, _, _] => Some(shard_key.to_owned()),
        _ => user_of(name).map(str::to_owned),
    })
}

/// The document of what a request id of an extension stands for.
pub(crate) fn extension(shard_key: &str, id: &str, request_id: &str) -> Name {
    Name::of(&[EXTENSION, shard_key, id, request_id])
}

/// What the ledger refused, as callers read it.
pub(crate) fn shortage(shortage: &Shortage) -> v1::CounterShortage {
    v1::CounterShortage {
        counter: Some(to_wire(&shortage.counter)),
        limit: shortage.limit,
        used: shortage.used,
        requested: shortage.requested,
        held_by_open_orders: None,
    }
}

/// The limit that the newest catalogue has for a counter; `None` where it does not know the promotion or gift any more.
/// A limit that it has lifted is one that nothing reaches.
pub(crate) fn limit_now(published: &Published, name: &Name) -> Option<i64> {
    let rulebook = &published.rulebook;
    let parts = name.parts()?;
    let promotion = |id: &str| rulebook.find(id).map(|ix| rulebook.promotions().at(ix));
    let of = |id: &str, limit: fn(&Promotion) -> Option<i64>| Some(limit(promotion(id)?).unwrap_or(AMOUNT_MAX));
    match parts[..] {
        [STOCK, id] => of(id, |promotion| promotion.limits.stock),
        [STOCK_BY_SKU, id, sku] => Some(promotion(id)?.limits.stock_by_sku.get(sku).copied().unwrap_or(AMOUNT_MAX)),
        [USER_UNITS, id, _, _] | [USER_UNITS_OF_SKU, id, _, _, _] => of(id, |promotion| promotion.limits.units_per_user),
        [USER_ORDERS, id, _, _] => of(id, |promotion| promotion.limits.orders_per_user),
        [BUDGET, id] => of(id, |promotion| promotion.limits.budget.map(Amount::get)),
        [GIFT, id] => Some(rulebook.gifts().at(rulebook.find_gift(id)?).inventory.unwrap_or(AMOUNT_MAX)),
        _ => coupons::limit_now(&published.coupons, &parts),
    }
}

/// What of a record's holding stands for so many pieces of a gift that came back.
pub(crate) fn of_gift(holding: &[Portion], gift: &str, quantity: i64) -> Vec<Portion> {
    let counter = Name::of(&[GIFT, gift]);
    let of = holding.iter().filter(|portion| portion.counter == counter);
    of.map(|portion| Portion { counter: portion.counter.clone(), amount: quantity }).collect()
}

/// What of a record's holding stands for so many free pieces of a sku that came back.
pub(crate) fn of_free_units(holding: &[Portion], promotion: &str, sku: &str, quantity: i64) -> Vec<Portion> {
    let counts = |portion: &&Portion| match portion.counter.parts().as_deref() {
        Some([STOCK, of] | [USER_UNITS, of, _, _]) => *of == promotion,
        Some([STOCK_BY_SKU, of, its] | [USER_UNITS_OF_SKU, of, _, _, its]) => *of == promotion && *its == sku,
        _ => false,
    };
    let of = holding.iter().filter(counts);
    of.map(|portion| Portion { counter: portion.counter.clone(), amount: quantity }).collect()
}

/// Portions added up by counter, none beyond what is held of it.
pub(crate) fn sum(holding: &[Portion], portions: impl IntoIterator<Item = Portion>) -> Vec<Portion> {
    let mut sums: BTreeMap<Name, i64> = BTreeMap::new();
    for Portion { counter, amount } in portions {
        let sum = sums.entry(counter).or_insert(0);
        *sum = sum.saturating_add(amount);
    }
    let held = |counter: &Name| holding.iter().find(|portion| portion.counter == *counter).map_or(0, |portion| portion.amount);
    let portions = sums.into_iter().map(|(counter, amount)| Portion { amount: amount.min(held(&counter)), counter });
    portions.filter(|portion| portion.amount > 0).collect()
}

/// The usage that a ledger knows.
pub(crate) struct LedgerCounters(pub(crate) Arc<dyn Ledger>);

impl fmt::Debug for LedgerCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LedgerCounters")
    }
}

#[tonic::async_trait]
impl Counters for LedgerCounters {
    async fn used(
        &self,
        rulebook: &Rulebook,
        basket: &Basket,
        asked: &Table<CounterIx, Counter>,
    ) -> Result<Vec<i64>, StoreSilent> {
        let names: Vec<Name> = asked.rows().iter().map(|counter| name(rulebook, basket, counter.key)).collect();
        self.0.usage(&names).await.map_err(|_| StoreSilent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_as_callers_know_them() {
        let user = Name::of(&[USER_UNITS_OF_SKU, "flash", "2026-11-11", "u/1", "mask:50"]);
        let expected = v1::Counter {
            kind: v1::CounterKind::UnitsPerUser.into(),
            promotion: "flash".to_owned(),
            sku: "mask:50".to_owned(),
            period: "2026-11-11".to_owned(),
            ..Default::default()
        };
        assert_eq!(to_wire(&user), expected);
        assert_eq!(to_wire(&Name::of(&[GIFT, "tote"])).gift, "tote");
        assert_eq!(to_wire(&Name::of(&["else"])), v1::Counter::default());
    }

    /// A promotion with every limit of each kind, and a basket of one user, or of a guest.
    async fn named(user: Option<&str>) -> Vec<Name> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("shop.yaml"), LIMITED).expect("a file");
        let catalogue = crate::catalogue::Catalogue::open(folder.path().to_owned()).await.expect("a catalogue");
        let line = |id: &str, sku: &str| v1::Line {
            line_id: id.to_owned(),
            sku: sku.to_owned(),
            store: "shop".to_owned(),
            quantity: 2,
            unit_price: 900,
            ..Default::default()
        };
        let lines = vec![line("a", "mask"), line("b", "tea")];
        let basket = v1::Basket { currency: "JPY".to_owned(), lines, user: user.map(str::to_owned), ..Default::default() };
        let request = v1::QuoteRequest { basket: Some(basket), ..Default::default() };
        let order = crate::request::quote_order(request, jiff::Timestamp::now()).expect("an order");
        let published = catalogue.current();
        let prepared = published.rulebook.prepare(&order.basket).expect("prepared");
        prepared.counters().rows().iter().map(|counter| name(&published.rulebook, &order.basket, counter.key)).collect()
    }

    const LIMITED: &str = r#"
kind: catalogue
currency: JPY
---
{kind: store, id: shop, name: 店}
---
{kind: gift, id: tote, name: トート, inventory: 5}
---
kind: promotion
id: flash
name: 特価
owner: shop
status: published
scope: {include: {skus: [mask, tea]}}
limits: {stock: 9, stock_by_sku: {mask: 5}, units_per_user: 4, orders_per_user: 2, budget: "900"}
item_price: {fixed: 500}
---
kind: promotion
id: bag
name: バッグ
owner: shop
status: published
spend: {tiers: [{threshold: 100, gifts: [{gift: tote, quantity: 1}]}]}
"#;

    /// Where a counter lies is where it is looked for, by every process and for good.
    #[tokio::test]
    async fn what_counts_one_user_lies_with_the_orders_of_that_user() {
        use crate::request::reservation::Target;
        let owner = owner();
        let names = named(Some("u-1")).await;
        let shard_key = Target::new("r-1".to_owned(), Some("u-1".to_owned())).shard_key().to_owned();
        let kinds = |names: &[Name], of: &dyn Fn(&Name) -> bool| -> std::collections::BTreeSet<String> {
            names.iter().filter(|name| of(name)).map(|name| name.parts().expect("a name")[0].to_owned()).collect()
        };
        let own = kinds(&names, &|name| owner(name).as_deref() == Some(&*shard_key));
        let shared = kinds(&names, &|name| owner(name).is_none());
        assert!(own.iter().all(|kind| kind.starts_with("user_")) && own.contains(USER_ORDERS), "{own:?}");
        assert_eq!(shared.iter().map(String::as_str).collect::<Vec<_>>(), [BUDGET, GIFT, STOCK, STOCK_BY_SKU]);
        for kind in [USER_UNITS, USER_ORDERS] {
            assert_eq!(owner(&Name::of(&[kind, "flash", "2026-11-11", "u-2"])).as_deref(), Some("u-2"));
        }
        assert_eq!(owner(&Name::of(&[USER_UNITS_OF_SKU, "flash", "", "u-2", "mask"])).as_deref(), Some("u-2"));
        for kind in [STOCK, BUDGET, GIFT] {
            assert_eq!(owner(&Name::of(&[kind, "u-2"])), None);
        }
        assert_eq!(owner(&Name::of(&[STOCK_BY_SKU, "flash", "mask"])), None);
        assert_eq!(owner(&Name::of(&["frozen", "0f"])), None);

        // A guest has a place of its own, that nobody else's counters or documents lie in.
        let guest = Target::new("r-1".to_owned(), None).shard_key().to_owned();
        let names = named(None).await;
        assert!(names.iter().all(|name| owner(name).as_deref() != Some(&*guest)));
        assert_eq!(owner(&extension(&guest, "r-1", "e-1")).as_deref(), Some(&*guest));
    }

    #[test]
    fn what_came_back_never_exceeds_what_is_held() {
        let portion = |parts: &[&str], amount| Portion { counter: Name::of(parts), amount };
        let holding = [portion(&[GIFT, "tote"], 2), portion(&[STOCK, "b3g1"], 5), portion(&[STOCK_BY_SKU, "b3g1", "tea"], 5)];
        assert_eq!(sum(&holding, of_gift(&holding, "tote", 3)), [portion(&[GIFT, "tote"], 2)]);
        let free = of_free_units(&holding, "b3g1", "tea", 2);
        assert_eq!(free, [portion(&[STOCK, "b3g1"], 2), portion(&[STOCK_BY_SKU, "b3g1", "tea"], 2)]);
        assert_eq!(of_free_units(&holding, "b3g1", "milk", 2).len(), 1);
        assert_eq!(sum(&holding, of_gift(&holding, "lamp", 1)), []);
    }
}
