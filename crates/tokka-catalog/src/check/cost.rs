//! What does an item promotion make of the price of one product, at its best?

use tokka_core::amount::{Amount, Exact};
use tokka_core::basket::QUANTITY_MAX;
use tokka_core::promotion::{BuyGet, BuyGetMode, Limits, Promotion, Rule, UnitPrice, VolumeMode, VolumePrice};
use tokka_core::rate::Rounding;

use crate::products::Product;

/// So many pieces for so much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sale {
    pub(super) units: i64,
    pub(super) amount: Amount,
}

impl Sale {
    pub(super) fn is_below(self, cost: Amount) -> bool {
        i128::from(self.amount.get()) < cost.wide_times(self.units)
    }

    /// By the price of one piece.
    fn is_cheaper_than(self, other: Self) -> bool {
        self.amount.wide_times(other.units) < other.amount.wide_times(self.units)
    }
}

/// What a unit costs under a price, whatever it costs now; never below its floor.
pub(super) fn unit_price(price: UnitPrice, product: &Product, rounding: Rounding) -> Amount {
    let now = product.unit_price;
    let reduced = match price {
        UnitPrice::Fixed(fixed) => fixed,
        UnitPrice::AmountOff(off) => now.less_or_zero(off),
        UnitPrice::PercentOff(rate) => now.less_or_zero(rate.of(now, rounding)),
    };
    reduced.max(floor(product))
}

/// What no discount goes below.
pub(super) fn floor(product: &Product) -> Amount {
    product.floor_price.unwrap_or(Amount::ZERO).min(product.unit_price)
}

/// The lowest price of a piece that the promotion makes of a product bought alone, by a customer who has used nothing of its
/// limits; `None` where it makes it no cheaper.
pub(super) fn cheapest(promotion: &Promotion, product: &Product, rounding: Rounding) -> Option<Sale> {
    let most = pieces_max(&promotion.limits, product);
    let budget = promotion.limits.budget;
    match &promotion.rule {
        Rule::ItemPrice(rule) => {
            let each = unit_price(rule.price, product, rounding);
            let off = product.unit_price.less_or_zero(each);
            let sold = most >= 1 && off.is_positive() && budget.is_none_or(|budget| off <= budget);
            sold.then_some(Sale { units: 1, amount: each })
        }
        Rule::VolumePrice(rule) => by_volume(rule, product, most, budget, rounding),
        Rule::BuyGet(rule) => with_free_units(rule, product, most, budget),
        Rule::MixMatch(_) | Rule::Bundle(_) | Rule::Spend(_) | Rule::Coupon(_) => None,
    }
}

/// How many pieces its limits allow at once.
fn pieces_max(limits: &Limits, product: &Product) -> i64 {
    if limits.orders_per_user == Some(0) {
        return 0;
    }
    let by_sku = limits.stock_by_sku.get(product.sku.as_str()).copied();
    let all = [limits.stock, by_sku, limits.units_per_order, limits.units_per_user];
    all.into_iter().flatten().fold(QUANTITY_MAX, i64::min)
}

fn by_volume(rule: &VolumePrice, product: &Product, most: i64, budget: Option<Amount>, rounding: Rounding) -> Option<Sale> {
    let mut tiers: Vec<_> = rule.tiers.iter().collect();
    tiers.sort_by_key(|tier| tier.min_quantity);
    let mut best: Option<Sale> = None;
    // What the tiers below took off where each piece has the price of its number.
    let (mut below, mut last) = (0i128, (0i64, 0i64));
    for tier in tiers.into_iter().take_while(|tier| tier.min_quantity <= most) {
        let each = unit_price(tier.price, product, rounding);
        let off = product.unit_price.less_or_zero(each).get();
        let (from, of_each) = last;
        below = below.saturating_add(i128::from(of_each) * i128::from(tier.min_quantity.saturating_sub(from)));
        last = (tier.min_quantity, off);
        let whole = match rule.mode {
            VolumeMode::AllUnits => i128::from(off) * i128::from(tier.min_quantity),
            VolumeMode::Graduated => below.saturating_add(i128::from(off)),
        };
        let within = budget.is_none_or(|budget| whole <= i128::from(budget.get()));
        let sale = Sale { units: 1, amount: each };
        if off > 0 && within && best.is_none_or(|best| sale.is_cheaper_than(best)) {
            best = Some(sale);
        }
    }
    best
}

fn with_free_units(rule: &BuyGet, product: &Product, most: i64, budget: Option<Amount>) -> Option<Sale> {
    let price = product.unit_price;
    let mut best: Option<Sale> = None;
    for tier in &rule.tiers {
        // Limits count free units, and cut them.
        let free = tier.get.min(most);
        let bought = match rule.mode {
            BuyGetMode::Add => tier.buy,
            BuyGetMode::Include => tier.buy.saturating_add(tier.get),
        };
        if free < 1 || bought > QUANTITY_MAX {
            continue;
        }
        let Ok(gross) = price.times(bought) else { continue };
        let sale = match rule.mode {
            BuyGetMode::Add => Sale { units: bought.saturating_add(free), amount: gross },
            BuyGetMode::Include => {
                let room = price.less_or_zero(floor(product)).times(bought).unwrap_or(gross);
                let off = price.times(free).unwrap_or(gross).min(room);
                if budget.is_some_and(|budget| off > budget) {
                    continue;
                }
                Sale { units: bought, amount: gross.minus(off).unwrap_or(gross) }
            }
        };
        if best.is_none_or(|best| sale.is_cheaper_than(best)) {
            best = Some(sale);
        }
    }
    best
}
