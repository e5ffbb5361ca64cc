//! What becomes of a catalogue beside the products of its stores? Names that no product has, and what an item promotion makes
//! of each price.

use tokka_core::amount::Amount;
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{Owner, Promotion, Rule, Scope, Stage, UnitPrice};

use super::cost::{Sale, cheapest, unit_price};
use super::finding::share;
use super::{Code, Document, Finding, Telling, discount};
use crate::products::{Product, Products};

/// Of the prices that item promotions make of one product so many are remembered, the lowest.
const OFFERS_MAX: usize = 8;

/// The lowest prices of each product, by its position.
pub(super) type Offers = Vec<Vec<Offer>>;

/// What a piece of a product costs under an item promotion.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    pub(super) promotion: usize,
    pub(super) price: Amount,
}

/// Looks at all promotions; answers what item promotions make of the products.
pub(super) fn look(telling: &mut Telling<'_>, products: &Products) -> Offers {
    unknown_stores(telling, products);
    let mut offers: Offers = vec![Vec::new(); products.len()];
    for (number, promotion) in telling.promotions() {
        let mut look = Look { products, promotion, document: Document::Promotion(number), telling };
        look.words();
        look.coverage();
        if promotion.stage() == Stage::Item {
            look.prices(number, &mut offers);
        }
    }
    offers
}

fn unknown_stores(telling: &mut Telling<'_>, products: &Products) {
    let mut stores: Vec<&Id> = telling.loaded.catalogue.stores().iter().map(|store| &store.id).collect();
    stores.sort_unstable();
    for id in products.stores().filter(|id| stores.binary_search(id).is_err()) {
        let sold = products.of_store(id);
        let Some(first) = sold.first() else { continue };
        let count = i64::try_from(sold.len()).unwrap_or(i64::MAX);
        let message = format!("the store `{id}` is not in the catalogue");
        telling.tell(Finding::new(Code::StoreUnknown, Document::Product(*first), "store", message).count("products", count));
    }
}

/// A look at one promotion.
struct Look<'a, 't, 'l> {
    products: &'a Products,
    promotion: &'a Promotion,
    document: Document,
    telling: &'t mut Telling<'l>,
}

impl Look<'_, '_, '_> {
    /// The skus and categories that it names and that no product of the stores it could cover has.
    fn words(&mut self) {
        let promotion = self.promotion;
        self.words_of("scope", &promotion.scope);
        if let Some(qualify) = promotion.qualify() {
            self.words_of(&format!("{}.qualify", promotion.rule.block()), qualify);
        }
        for sku in promotion.limits.stock_by_sku.keys() {
            self.sku("limits.stock_by_sku", None, sku);
        }
        if let Rule::Bundle(bundle) = &promotion.rule {
            for (index, component) in bundle.components.iter().enumerate() {
                let path = format!("bundle.components[{index}]");
                component.skus.iter().for_each(|sku| self.sku(&path, None, sku));
                component.categories.iter().for_each(|category| self.category(&path, None, category));
            }
        }
    }

    fn words_of(&mut self, path: &str, scope: &Scope) {
        let stores = scope.include.stores.as_deref();
        let (include, exclude) = (format!("{path}.include"), format!("{path}.exclude"));
        scope.include.skus.iter().flatten().for_each(|sku| self.sku(&include, stores, sku));
        scope.include.categories.iter().flatten().for_each(|category| self.category(&include, stores, category));
        scope.exclude.skus.iter().for_each(|sku| self.sku(&exclude, stores, sku));
        scope.exclude.categories.iter().for_each(|category| self.category(&exclude, stores, category));
    }

    fn sku(&mut self, path: &str, stores: Option<&[Id]>, sku: &Token) {
        if !self.products.sells_sku(&self.promotion.owner, stores, sku) {
            let message = format!("no product{} has the sku `{sku}`", self.whose(stores));
            self.telling.tell(Finding::new(Code::NoSuchProduct, self.document, path, message));
        }
    }

    fn category(&mut self, path: &str, stores: Option<&[Id]>, category: &Token) {
        if !self.products.sells_category(&self.promotion.owner, stores, category) {
            let message = format!("no product{} has the category `{category}`", self.whose(stores));
            self.telling.tell(Finding::new(Code::NoSuchProduct, self.document, path, message));
        }
    }

    fn whose(&self, stores: Option<&[Id]>) -> String {
        match &self.promotion.owner {
            Owner::Store(id) => format!(" of `{id}`"),
            Owner::Platform if stores.is_some() => " of the stores named".to_owned(),
            Owner::Platform => String::new(),
        }
    }

    /// Does any product make it apply?
    fn coverage(&mut self) {
        let promotion = self.promotion;
        let code = if matches!(promotion.rule, Rule::Coupon(_)) { Code::CouponUnsatisfiable } else { Code::CoversNothing };
        if self.holds_nothing(&promotion.scope) {
            self.telling.tell(Finding::new(code, self.document, "scope", "covers none of the products"));
        }
        if promotion.qualify().is_some_and(|qualify| self.holds_nothing(qualify)) {
            let path = format!("{}.qualify", promotion.rule.block());
            self.telling.tell(Finding::new(code, self.document, path, "none of the products counts towards the threshold"));
        }
    }

    fn holds_nothing(&self, scope: &Scope) -> bool {
        !self.products.any_held_by(&self.promotion.owner, scope)
    }

    /// What an item promotion makes of the prices of the products, each by itself.
    fn prices(&mut self, number: usize, offers: &mut Offers) {
        let held = self.products.held_by(&self.promotion.owner, &self.promotion.scope);
        let rounding = self.telling.settings().rounding;
        let mut below = Worst::default();
        for (at, product) in &held {
            let Some(sale) = cheapest(self.promotion, product, rounding) else { continue };
            if sale.units == 1
                && let Some(offers) = offers.get_mut(*at)
            {
                remember(offers, Offer { promotion: number, price: sale.amount });
            }
            if let Some(cost) = product.unit_cost.filter(|cost| sale.is_below(*cost)) {
                let loss = cost.wide_times(sale.units).saturating_sub(i128::from(sale.amount.get()));
                below.add((*at, *product, (cost, sale)), per_piece(loss, sale.units, cost));
            }
        }
        if let Rule::ItemPrice(rule) = &self.promotion.rule {
            let brings_nothing = |product: &Product| unit_price(rule.price, product, rounding) >= product.unit_price;
            if !held.is_empty() && held.iter().all(|(_, product)| brings_nothing(product)) {
                let message = "makes none of the products cheaper";
                self.telling.tell(Finding::new(Code::NeverCheaper, self.document, "item_price", message));
            }
        }
        self.below_cost(&below);
        self.written_prices(&held);
    }

    fn below_cost(&mut self, below: &Worst<'_, (Amount, Sale)>) {
        let Some((at, product, (cost, Sale { units, amount }))) = below.worst else { return };
        let shown = |amount: Amount| self.telling.money(amount);
        let sold = match units {
            1 => format!("sells `{}` of `{}` for {}", product.sku, product.store, shown(amount)),
            _ => format!("sells {units} pieces of `{}` of `{}` for {} in all", product.sku, product.store, shown(amount)),
        };
        let message = format!("{sold}, below its cost of {}{}", shown(cost), below.others("below theirs"));
        let finding = Finding::new(Code::BelowCost, self.document, self.promotion.rule.block(), message);
        let finding = finding.amount("price", amount).count("units", units).amount("cost", cost).count("products", below.count);
        self.telling.tell(finding.beside([Document::Product(at)]));
    }

    /// Prices that are written in amounts, beside those of the products.
    fn written_prices(&mut self, held: &[(usize, &Product)]) {
        let prices: Vec<(String, UnitPrice)> = match &self.promotion.rule {
            Rule::ItemPrice(rule) => vec![("item_price".to_owned(), rule.price)],
            Rule::VolumePrice(rule) => {
                let tiers = rule.tiers.iter().enumerate();
                tiers.map(|(index, tier)| (format!("volume_price.tiers[{index}]"), tier.price)).collect()
            }
            _ => return,
        };
        let rounding = self.telling.settings().rounding;
        for (path, price) in prices {
            let (mut above, mut most) = (Worst::default(), Worst::default());
            for (at, product) in held {
                if let (UnitPrice::Fixed(fixed), Some(list)) = (price, product.list_price)
                    && fixed > list
                {
                    above.add((*at, *product, (fixed, list)), share(fixed.get(), list.get().max(1)));
                }
                let now = product.unit_price;
                let off = share(now.less_or_zero(unit_price(price, product, rounding)).get(), now.get());
                if off > discount::MOST {
                    most.add((*at, *product, off), off);
                }
            }
            if let Some((at, product, (fixed, list))) = above.worst {
                let (shown, of) = (self.telling.money(fixed), self.telling.money(list));
                let (sku, store, others) = (&product.sku, &product.store, above.others("above theirs"));
                let message = format!("is {shown}, above the list price of `{sku}` of `{store}`, {of}{others}");
                let finding = Finding::new(Code::AboveListPrice, self.document, format!("{path}.fixed"), message);
                let finding = finding.amount("price", fixed).amount("list_price", list).count("products", above.count);
                self.telling.tell(finding.beside([Document::Product(at)]));
            }
            if let Some((at, product, off)) = most.worst {
                let field = match price {
                    UnitPrice::Fixed(_) => "fixed",
                    UnitPrice::AmountOff(_) => "amount_off",
                    // Told without the products.
                    UnitPrice::PercentOff(_) => continue,
                };
                let (sku, store) = (&product.sku, &product.store);
                let others =
                    if most.count > 1 { format!(", as of {} more of the products", most.count - 1) } else { String::new() };
                let most_shown = super::percent(discount::MOST);
                let message = format!(
                    "takes {} % of the price of `{sku}` of `{store}` off, more than {most_shown} %{others}: acknowledge it if it is meant",
                    discount::shown(off)
                );
                let finding = Finding::new(Code::DiscountOver70, self.document, format!("{path}.{field}"), message);
                let finding = finding.percent("off", off).count("products", most.count);
                self.telling.tell(finding.beside([Document::Product(at)]));
            }
        }
    }
}

/// How much of its cost a piece loses.
fn per_piece(loss: i128, units: i64, cost: Amount) -> u64 {
    let each = loss.checked_div(i128::from(units)).and_then(|each| i64::try_from(each).ok()).unwrap_or(i64::MAX);
    share(each, cost.get())
}

fn remember(offers: &mut Vec<Offer>, offer: Offer) {
    let position = offers.partition_point(|other| (other.price, other.promotion) < (offer.price, offer.promotion));
    if position < OFFERS_MAX {
        offers.insert(position, offer);
        offers.truncate(OFFERS_MAX);
    }
}

/// The worst of several products, and how many there are.
struct Worst<'p, T> {
    worst: Option<(usize, &'p Product, T)>,
    badness: u64,
    count: i64,
}

impl<T> Default for Worst<'_, T> {
    fn default() -> Self {
        Self { worst: None, badness: 0, count: 0 }
    }
}

impl<'p, T> Worst<'p, T> {
    fn add(&mut self, one: (usize, &'p Product, T), badness: u64) {
        self.count += 1;
        if self.worst.is_none() || badness > self.badness {
            (self.worst, self.badness) = (Some(one), badness);
        }
    }

    fn others(&self, what: &str) -> String {
        match self.count {
            0 | 1 => String::new(),
            count => format!(", and {} more of the products {what}", count - 1),
        }
    }
}
