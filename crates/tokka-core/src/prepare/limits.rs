//! How much may a promotion still do? Its limits as slots of this order: what a slot's counter used before comes from
//! outside, what earlier groups of this order took is added while pricing.

use smallvec::SmallVec;

use super::layout::Layout;
use crate::basket::Basket;
use crate::outcome::LimitName;
use crate::promotion::{Period, Promotion, Rule};
use crate::quote::{Counter, CounterKey};
use crate::rulebook::Rulebook;
use crate::schedule::period_start;
use crate::table::{CounterIx, GiftIx, Ix, LineIx, PromoIx, Table};

/// A limit of this order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) name: LimitName,
    pub(crate) limit: i64,
    /// `None`: it counts this order alone.
    pub(crate) counter: Option<CounterIx>,
}

/// A slot by its number.
pub(crate) type SlotIx = usize;

/// The slots of a promotion.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    pub(crate) orders_per_user: Option<SlotIx>,
    pub(crate) stock: Option<SlotIx>,
    pub(crate) budget: Option<SlotIx>,
    /// One for the promotion, or one for each sku where a limit counts skus by themselves.
    units: SmallVec<[UnitLimits; 1]>,
    /// Has it a limit that counts by user?
    pub(crate) per_user: bool,
}

/// The limits on units (stage 1) or sets (stage 2).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct UnitLimits {
    /// The first line of the sku, where skus are counted by themselves.
    sku_of: Option<LineIx>,
    pub(crate) units_per_order: Option<SlotIx>,
    pub(crate) units_per_user: Option<SlotIx>,
    pub(crate) max_sets: Option<SlotIx>,
    pub(crate) stock_by_sku: Option<SlotIx>,
}

impl Limits {
    /// Is there any?
    pub(crate) fn any(&self) -> bool {
        self.orders_per_user.is_some() || self.stock.is_some() || self.budget.is_some() || !self.units.is_empty()
    }

    /// The limits that speak of the sku of this line.
    pub(crate) fn units_of(&self, layout: &Layout<'_>, line: LineIx) -> UnitLimits {
        let sku_of = layout.first_of_sku(line);
        let found = self.units.iter().find(|units| units.sku_of.is_none_or(|first| first == sku_of));
        found.copied().unwrap_or_default()
    }

    /// The limits that do not speak of a sku.
    pub(crate) fn units(&self) -> UnitLimits {
        self.units.first().copied().unwrap_or_default()
    }
}

impl UnitLimits {
    /// In the order of the reasons: what a limit of the order or the user refuses goes before what stock refuses.
    pub(crate) fn slots(&self, stock: Option<SlotIx>) -> impl Iterator<Item = SlotIx> + use<> {
        [self.units_per_order, self.units_per_user, self.max_sets, stock, self.stock_by_sku].into_iter().flatten()
    }
}

/// A gift of a limited inventory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct GiftStock {
    pub(crate) gift: GiftIx,
    pub(crate) inventory: i64,
    pub(crate) counter: CounterIx,
}

/// Collects the slots and counters of a basket's promotions.
pub(crate) struct Slots<'a> {
    rulebook: &'a Rulebook,
    basket: &'a Basket,
    layout: &'a Layout<'a>,
    pub(crate) slots: Vec<Slot>,
    pub(crate) gift_stocks: SmallVec<[GiftStock; 4]>,
    pub(crate) counters: Table<CounterIx, Counter>,
}

impl<'a> Slots<'a> {
    pub(crate) fn new(rulebook: &'a Rulebook, basket: &'a Basket, layout: &'a Layout<'a>) -> Self {
        Self { rulebook, basket, layout, slots: Vec::new(), gift_stocks: SmallVec::new(), counters: Table::new() }
    }

    /// The limits of a promotion that covers these lines.
    pub(crate) fn of(&mut self, promotion: PromoIx, lines: &[LineIx]) -> Limits {
        let document = self.rulebook.promotion(promotion);
        self.note_gifts(document);
        let written = &document.limits;
        let mut limits =
            Limits { per_user: written.units_per_user.is_some() || written.orders_per_user.is_some(), ..Limits::default() };
        if let Some(limit) = written.orders_per_user {
            let key = CounterKey::UserOrders(promotion, self.period(written.period));
            limits.orders_per_user = Some(self.of_user(LimitName::OrdersPerUser, limit, key));
        }
        if let Some(limit) = written.stock {
            limits.stock = Some(self.counted(LimitName::Stock, limit, CounterKey::Stock(promotion)));
        }
        if let Some(budget) = written.budget {
            limits.budget = Some(self.counted(LimitName::Budget, budget.get(), CounterKey::Budget(promotion)));
        }
        let max_sets = match &document.rule {
            Rule::MixMatch(rule) => rule.max_sets,
            Rule::Bundle(rule) => rule.max_sets,
            _ => None,
        };
        let by_order = written.units_per_order.is_some() || max_sets.is_some();
        if !(by_order || written.units_per_user.is_some() || !written.stock_by_sku.is_empty()) {
            return limits;
        }
        let mut units = UnitLimits::default();
        if !written.per_sku {
            units = self.unit_limits(promotion, None);
        }
        units.max_sets = max_sets.map(|limit| self.slot(LimitName::MaxSets, limit, None));
        if !written.per_sku && written.stock_by_sku.is_empty() {
            limits.units.push(units);
            return limits;
        }
        let mut skus: SmallVec<[LineIx; 16]> = lines.iter().map(|line| self.layout.first_of_sku(*line)).collect();
        skus.sort_unstable();
        skus.dedup();
        for sku_of in skus {
            let mut of_sku = if written.per_sku { self.unit_limits(promotion, Some(sku_of)) } else { units };
            of_sku.sku_of = Some(sku_of);
            let sku = self.basket.lines().get(sku_of.position()).map(|line| &line.sku);
            if let Some(limit) = sku.and_then(|sku| written.stock_by_sku.get(sku)) {
                let key = CounterKey::StockBySku(promotion, sku_of);
                of_sku.stock_by_sku = Some(self.counted(LimitName::StockBySku, *limit, key));
            }
            limits.units.push(of_sku);
        }
        limits
    }

    fn unit_limits(&mut self, promotion: PromoIx, sku_of: Option<LineIx>) -> UnitLimits {
        let written = &self.rulebook.promotion(promotion).limits;
        let units_per_order = written.units_per_order.map(|limit| self.slot(LimitName::UnitsPerOrder, limit, None));
        let units_per_user = written.units_per_user.map(|limit| {
            let period = self.period(written.period);
            let key = match sku_of {
                Some(line) => CounterKey::UserUnitsOfSku(promotion, line, period),
                None => CounterKey::UserUnits(promotion, period),
            };
            self.of_user(LimitName::UnitsPerUser, limit, key)
        });
        UnitLimits { units_per_order, units_per_user, ..UnitLimits::default() }
    }

    fn note_gifts(&mut self, promotion: &Promotion) {
        let Rule::Spend(spend) = &promotion.rule else { return };
        let options = spend.tiers.iter().flat_map(|tier| &tier.gifts).flat_map(|reward| &reward.options);
        for gift in options.filter_map(|id| self.rulebook.find_gift(id)) {
            let inventory = self.rulebook.gifts().at(gift).inventory;
            let noted = self.gift_stocks.iter().any(|stock| stock.gift == gift);
            if let Some(inventory) = inventory.filter(|_| !noted) {
                let counter = self.counters.push(Counter { key: CounterKey::GiftInventory(gift), limit: inventory });
                self.gift_stocks.push(GiftStock { gift, inventory, counter });
            }
        }
    }

    fn period(&self, period: Period) -> Option<jiff::civil::Date> {
        period_start(period, &self.rulebook.settings().time_zone, self.basket.at())
    }

    /// A limit by user: without one, this order alone counts.
    fn of_user(&mut self, name: LimitName, limit: i64, key: CounterKey) -> SlotIx {
        if self.basket.user().is_some() { self.counted(name, limit, key) } else { self.slot(name, limit, None) }
    }

    fn counted(&mut self, name: LimitName, limit: i64, key: CounterKey) -> SlotIx {
        let counter = self.counters.push(Counter { key, limit });
        self.slot(name, limit, Some(counter))
    }

    fn slot(&mut self, name: LimitName, limit: i64, counter: Option<CounterIx>) -> SlotIx {
        self.slots.push(Slot { name, limit, counter });
        self.slots.len().saturating_sub(1)
    }
}
