//! Which promotions would a shop not want, now that its range is known? They obey every rule, so these are warnings.

use tokka_core::amount::{Amount, major};
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{Owner, Promotion, Rule, Scope, Stage, Status};

use super::Products;
use crate::load::Loaded;

mod trial;

use self::trial::{Sale, Trial};

/// Something that is allowed and probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The promotion, by its position in the catalogue; `None`: the products themselves.
    pub promotion: Option<usize>,
    /// What is odd, in the shop's words, with the field where it is one field's.
    pub message: String,
}

/// What is odd about a catalogue beside its products, in the catalogue's order: stores that it does not know; and of each
/// promotion that is not archived, what it names and no product has, whether it covers nothing, makes nothing cheaper, or
/// sells below cost.
#[must_use]
pub fn warnings(loaded: &Loaded, products: &Products) -> Vec<Warning> {
    let catalogue = &loaded.catalogue;
    let mut stores: Vec<&str> = catalogue.stores().iter().map(|store| store.id.as_str()).collect();
    stores.sort_unstable();
    let unknown = products.stores().filter(|id| stores.binary_search(&id.as_str()).is_err());
    let unknown = unknown.map(|id| format!("products: the store `{id}` is not in the catalogue"));
    let mut found: Vec<Warning> = unknown.map(|message| Warning { promotion: None, message }).collect();
    for (at, promotion) in catalogue.promotions().iter().enumerate().filter(|(_, one)| one.status != Status::Archived) {
        let mut look = Look { products, promotion, found: Vec::new() };
        look.words();
        look.coverage();
        if promotion.stage() == Stage::Item {
            look.prices(loaded);
        }
        found.extend(look.found.into_iter().map(|message| Warning { promotion: Some(at), message }));
    }
    found
}

/// A look at one promotion.
struct Look<'a> {
    products: &'a Products,
    promotion: &'a Promotion,
    found: Vec<String>,
}

impl Look<'_> {
    /// The skus and categories that it names and that no product of the stores it could cover has.
    fn words(&mut self) {
        let promotion = self.promotion;
        self.words_of("scope", &promotion.scope);
        if let Some(qualify) = promotion.qualify() {
            self.words_of("qualify", qualify);
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
            self.found.push(format!("{path}: no product{} has the sku `{sku}`", self.whose(stores)));
        }
    }

    fn category(&mut self, path: &str, stores: Option<&[Id]>, category: &Token) {
        if !self.products.sells_category(&self.promotion.owner, stores, category) {
            self.found.push(format!("{path}: no product{} has the category `{category}`", self.whose(stores)));
        }
    }

    fn whose(&self, stores: Option<&[Id]>) -> String {
        match &self.promotion.owner {
            Owner::Store(id) => format!(" of `{id}`"),
            Owner::Platform if stores.is_some() => " of the stores named".to_owned(),
            Owner::Platform => String::new(),
        }
    }

    /// Does any product make it apply? Where none has anything that its scope includes, that was told word by word.
    fn coverage(&mut self) {
        let promotion = self.promotion;
        if self.holds_nothing(&promotion.scope) {
            self.found.push("scope: covers none of the products".to_owned());
        }
        if promotion.qualify().is_some_and(|qualify| self.holds_nothing(qualify)) {
            self.found.push("qualify: none of the products counts towards the threshold".to_owned());
        }
    }

    fn holds_nothing(&self, scope: &Scope) -> bool {
        let owner = &self.promotion.owner;
        let (include, stores) = (&scope.include, scope.include.stores.as_deref());
        let some_word_is_known = include.skus.iter().flatten().any(|sku| self.products.sells_sku(owner, stores, sku))
            || include.categories.iter().flatten().any(|category| self.products.sells_category(owner, stores, category));
        let names_words = include.skus.is_some() || include.categories.is_some();
        (some_word_is_known || !names_words) && self.products.held_by(owner, scope).is_empty()
    }

    /// What an item promotion makes of the prices of the products, each by itself.
    fn prices(&mut self, loaded: &Loaded) {
        let promotion = self.promotion;
        let held = self.products.held_by(&promotion.owner, &promotion.scope);
        let Some(trial) = Trial::of(promotion, loaded) else { return };
        if matches!(promotion.rule, Rule::ItemPrice(_))
            && !held.is_empty()
            && held.iter().all(|product| trial.brings_nothing(product))
        {
            self.found.push("item_price: makes none of the products cheaper".to_owned());
            return;
        }
        let below = held.iter().filter_map(|product| {
            let cost = product.unit_cost?;
            let sale = trial.cheapest(product).filter(|sale| sale.is_below(cost))?;
            Some((*product, cost, sale))
        });
        let mut below = below.peekable();
        let Some((product, cost, Sale { units, amount })) = below.next() else { return };
        let shown = |amount: Amount| major(amount, loaded.settings.pricing.exponent);
        let sold = match units {
            1 => format!("sells `{}` of `{}` for {}", product.sku, product.store, shown(amount)),
            _ => format!("sells {units} pieces of `{}` of `{}` for {} in all", product.sku, product.store, shown(amount)),
        };
        let others = match below.count() {
            0 => String::new(),
            others => format!(", and {others} more of the products below theirs"),
        };
        self.found.push(format!("{}: {sold}, below its cost of {}{others}", promotion.rule.block(), shown(cost)));
    }
}

#[cfg(test)]
mod tests;
