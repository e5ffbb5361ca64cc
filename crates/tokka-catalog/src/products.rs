//! Which products are there? The range of the shops, from a CSV file that the product master exports.

use std::collections::{BTreeMap, HashMap};

use tokka_core::amount::Amount;
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{Owner, Scope};

use crate::money::Currency;
use crate::problem::Problems;
use crate::source::Source;

mod read;

/// A product of one store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// What it is called in every store that sells it.
    pub sku: Token,
    /// Who sells it.
    pub store: Id,
    /// What shoppers read.
    pub name: Option<String>,
    /// Ancestors too.
    pub categories: Vec<Token>,
    /// What one costs today, minor units.
    pub unit_price: Amount,
    /// For display, minor units.
    pub list_price: Option<Amount>,
    /// No discount takes one below this, minor units.
    pub floor_price: Option<Amount>,
    /// What the store pays for one, minor units.
    pub unit_cost: Option<Amount>,
    /// Totals are answered by class.
    pub tax_class: Option<Token>,
    /// The line of the file, from 1.
    pub line: u32,
}

/// The range of all shops; no store has a sku twice.
#[derive(Debug, Default)]
pub struct Products {
    /// In the order of the file.
    all: Vec<Product>,
    /// Positions in `all`, by store.
    by_sku: HashMap<Token, Vec<usize>>,
    /// The same.
    by_category: HashMap<Token, Vec<usize>>,
    by_store: BTreeMap<Id, Vec<usize>>,
}

impl Products {
    /// Reads a text of CSV. `currency` is the catalogue's; without one prices are checked in shape only.
    ///
    /// # Errors
    /// Everything that is wrong, each at its line and column, with the heading of its column as the field.
    pub fn parse(source: &Source, currency: Option<Currency>) -> Result<Self, Problems> {
        read::all(source, currency).map(Self::of)
    }

    fn of(all: Vec<Product>) -> Self {
        let mut products = Self::default();
        for (at, product) in all.iter().enumerate() {
            products.by_sku.entry(product.sku.clone()).or_default().push(at);
            products.by_store.entry(product.store.clone()).or_default().push(at);
            for category in &product.categories {
                products.by_category.entry(category.clone()).or_default().push(at);
            }
        }
        for positions in products.by_sku.values_mut().chain(products.by_category.values_mut()) {
            positions.sort_by_key(|at| all.get(*at).map(|product| &product.store));
        }
        Self { all, ..products }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Is there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What shoppers call a product, if the file says so.
    #[must_use]
    pub fn name(&self, store: &str, sku: &str) -> Option<&str> {
        let sold = self.within(self.by_sku.get(sku), store).first()?;
        self.all.get(*sold)?.name.as_deref()
    }

    /// The stores that sell anything, by id.
    pub fn stores(&self) -> impl Iterator<Item = &Id> {
        self.by_store.keys()
    }

    /// The positions of the products of a store.
    pub(crate) fn of_store(&self, id: &Id) -> &[usize] {
        self.by_store.get(id).map_or(&[], Vec::as_slice)
    }

    /// All products, in the order of the file.
    #[must_use]
    pub fn all(&self) -> &[Product] {
        &self.all
    }

    /// The products of this sku, one a store that sells it.
    pub fn of_sku(&self, sku: &str) -> impl Iterator<Item = &Product> {
        self.by_sku.get(sku).into_iter().flatten().filter_map(|at| self.all.get(*at))
    }

    /// Those of some positions, sorted by store, that lie in one.
    fn within<'p>(&'p self, positions: Option<&'p Vec<usize>>, store: &str) -> &'p [usize] {
        let positions = positions.map_or(&[][..], Vec::as_slice);
        let of = |at: &usize| self.all.get(*at).map_or("", |product| product.store.as_str());
        let start = positions.partition_point(|at| of(at) < store);
        let end = positions.partition_point(|at| of(at) <= store);
        positions.get(start..end).unwrap_or_default()
    }

    /// Those of a sku or category that a promotion of this owner could look at.
    fn listed<'p>(&'p self, positions: Option<&'p Vec<usize>>, owner: &Owner) -> &'p [usize] {
        match owner {
            Owner::Platform => positions.map_or(&[][..], Vec::as_slice),
            Owner::Store(store) => self.within(positions, store.as_str()),
        }
    }

    /// Does a store that a promotion could look at sell this sku? `stores` are those that it names, if it names any.
    pub(crate) fn sells_sku(&self, owner: &Owner, stores: Option<&[Id]>, sku: &Token) -> bool {
        self.any_in(self.listed(self.by_sku.get(sku), owner), stores)
    }

    /// The same of a category.
    pub(crate) fn sells_category(&self, owner: &Owner, stores: Option<&[Id]>, category: &Token) -> bool {
        self.any_in(self.listed(self.by_category.get(category), owner), stores)
    }

    fn any_in(&self, positions: &[usize], stores: Option<&[Id]>) -> bool {
        let mut products = positions.iter().filter_map(|at| self.all.get(*at));
        products.any(|product| stores.is_none_or(|stores| stores.contains(&product.store)))
    }

    /// Does a scope of this owner hold a product? Where none has any word that it includes, that is another question, and
    /// the answer is yes.
    #[must_use]
    pub(crate) fn any_held_by(&self, owner: &Owner, scope: &Scope) -> bool {
        let (include, stores) = (&scope.include, scope.include.stores.as_deref());
        let sold = |at: &usize| self.all.get(*at).is_some_and(|product| product.is_sold_under(owner, scope));
        if include.skus.is_none() && include.categories.is_none() {
            return match owner {
                Owner::Store(store) => self.by_store.get(store).into_iter().flatten().any(sold),
                Owner::Platform => (0..self.all.len()).any(|at| sold(&at)),
            };
        }
        let skus = include.skus.iter().flatten().map(|sku| self.by_sku.get(sku));
        let categories = include.categories.iter().flatten().map(|category| self.by_category.get(category));
        let lists = || skus.clone().chain(categories.clone()).map(|listed| self.listed(listed, owner));
        lists().any(|listed| listed.iter().any(sold)) || !lists().any(|listed| self.any_in(listed, stores))
    }

    /// All of them, in the order of the file.
    #[must_use]
    pub fn as_slice(&self) -> &[Product] {
        &self.all
    }

    /// The product at a position of the file.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&Product> {
        self.all.get(at)
    }

    /// The products that a scope of this owner holds, in the order of the file, with their positions.
    #[must_use]
    pub fn held_by(&self, owner: &Owner, scope: &Scope) -> Vec<(usize, &Product)> {
        let include = &scope.include;
        let mut positions: Vec<usize> = Vec::new();
        let mut of_store = |store: &Id| positions.extend(self.by_store.get(store).into_iter().flatten());
        match (&include.skus, &include.categories, owner, &include.stores) {
            (None, None, Owner::Store(owner), _) => of_store(owner),
            (None, None, Owner::Platform, Some(stores)) => stores.iter().for_each(of_store),
            (None, None, Owner::Platform, None) => positions.extend(0..self.all.len()),
            (skus, categories, ..) => {
                let skus = skus.iter().flatten().map(|sku| self.by_sku.get(sku));
                let categories = categories.iter().flatten().map(|category| self.by_category.get(category));
                positions.extend(skus.chain(categories).flat_map(|listed| self.listed(listed, owner)));
            }
        }
        positions.sort_unstable();
        positions.dedup();
        let found = positions.into_iter().filter_map(|at| Some((at, self.all.get(at)?)));
        found.filter(|(_, product)| product.is_sold_under(owner, scope)).collect()
    }
}

impl Product {
    /// Is it of a store that a scope of this owner looks at, and not excluded?
    pub(crate) fn is_sold_under(&self, owner: &Owner, scope: &Scope) -> bool {
        let owned = match owner {
            Owner::Platform => true,
            Owner::Store(store) => *store == self.store,
        };
        let exclude = &scope.exclude;
        let excluded = exclude.stores.contains(&self.store)
            || exclude.skus.contains(&self.sku)
            || self.categories.iter().any(|category| exclude.categories.contains(category));
        owned && scope.include.stores.as_ref().is_none_or(|stores| stores.contains(&self.store)) && !excluded
    }
}

#[cfg(test)]
mod tests;
