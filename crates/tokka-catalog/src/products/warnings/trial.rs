//! What would one item promotion make of one product? The engine itself is asked, with nothing else in the basket.

use jiff::Timestamp;
use tokka_core::amount::Amount;
use tokka_core::basket::{Basket, BasketRequest, LineRequest, QUANTITY_MAX};
use tokka_core::catalogue::Catalogue;
use tokka_core::outcome::Verdict;
use tokka_core::promotion::{Audience, BuyGetMode, Owner, Promotion, Rule, Scope, Status, Window};
use tokka_core::quote::{Quote, View, quote};
use tokka_core::rulebook::Rulebook;

use crate::load::Loaded;
use crate::products::Product;

/// A catalogue of one item promotion that is open to everybody at any moment, its limits not yet used.
pub(super) struct Trial {
    rulebook: Rulebook,
    /// The quantities at which it may bring something else.
    quantities: Vec<i64>,
    /// Does it give units away, so that what counts is the price of all of them?
    gives_units: bool,
}

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

impl Trial {
    /// `None` for other promotions.
    pub(super) fn of(promotion: &Promotion, loaded: &Loaded) -> Option<Self> {
        let (mut quantities, gives_units): (Vec<i64>, bool) = match &promotion.rule {
            Rule::ItemPrice(_) => (vec![1], false),
            Rule::VolumePrice(rule) => (rule.tiers.iter().map(|tier| tier.min_quantity).collect(), false),
            Rule::BuyGet(rule) => {
                let needs = rule.tiers.iter().map(|tier| match rule.mode {
                    BuyGetMode::Add => tier.buy,
                    BuyGetMode::Include => tier.buy.saturating_add(tier.get),
                });
                (needs.collect(), true)
            }
            Rule::MixMatch(_) | Rule::Bundle(_) | Rule::Spend(_) | Rule::Coupon(_) => return None,
        };
        quantities.retain(|quantity| *quantity <= QUANTITY_MAX);
        let open = Promotion {
            status: Status::Published,
            window: Window::default(),
            schedule: Vec::new(),
            audience: Audience::default(),
            scope: Scope::default(),
            funding: Vec::new(),
            ..promotion.clone()
        };
        let owns = |id: &tokka_core::id::Id| matches!(&promotion.owner, Owner::Store(owner) if owner == id);
        let stores = loaded.catalogue.stores().iter().filter(|store| owns(&store.id)).cloned().collect();
        let catalogue = Catalogue::new(loaded.settings.pricing.clone(), stores, Vec::new(), vec![open]).ok()?;
        Some(Self { rulebook: Rulebook::compile(catalogue), quantities, gives_units })
    }

    /// Does it leave the price of a product as it is, for no other reason than that it is not lower?
    pub(super) fn brings_nothing(&self, product: &Product) -> bool {
        let quotes = self.quantities.iter().filter_map(|quantity| self.quote(product, *quantity));
        let mut outcomes = quotes.flat_map(|quote| quote.outcomes).peekable();
        outcomes.peek().is_some() && outcomes.all(|outcome| matches!(outcome.verdict, Verdict::NoBenefit))
    }

    /// The lowest price that it makes of a product, if it makes any.
    pub(super) fn cheapest(&self, product: &Product) -> Option<Sale> {
        let sales = self.quantities.iter().filter_map(|quantity| self.sale(product, *quantity));
        sales.reduce(|best, other| if other.is_cheaper_than(best) { other } else { best })
    }

    /// What a piece costs where so many are bought; of units given away, what all of them do.
    fn sale(&self, product: &Product, quantity: i64) -> Option<Sale> {
        let quote = self.quote(product, quantity).filter(|quote| !quote.applied.is_empty())?;
        if self.gives_units {
            let free: i64 = quote.free_units.iter().map(|free| free.units).sum();
            return Some(Sale { units: quantity.saturating_add(free), amount: quote.payable });
        }
        let touched = quote.segments.iter().filter(|segment| !segment.chain.is_empty());
        let each = touched.flat_map(|segment| segment.runs()).map(|run| run.each).min()?;
        Some(Sale { units: 1, amount: each })
    }

    fn quote(&self, product: &Product, quantity: i64) -> Option<Quote> {
        let line = LineRequest {
            line_id: "a".to_owned(),
            sku: product.sku.to_string(),
            store: product.store.to_string(),
            unit_price: product.unit_price.get(),
            quantity,
            floor_price: product.floor_price.map(Amount::get),
            ..LineRequest::default()
        };
        let basket = Basket::parse(BasketRequest {
            currency: self.rulebook.settings().currency.clone(),
            at: Timestamp::UNIX_EPOCH,
            user: Some("a".to_owned()),
            lines: vec![line],
            ..BasketRequest::default()
        });
        quote(&self.rulebook, &basket.ok()?, |_| 0, View::Full).ok()
    }
}
