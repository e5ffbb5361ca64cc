//! Could two item promotions be active for one product at one moment? What `item_overlap: forbid` refuses.
//!
//! A promotion is compared only with those that it shares a store and a word with: a marketplace has many promotions, and
//! each meets few.

use std::collections::HashMap;

use tokka_core::catalogue::Catalogue;
use tokka_core::id::{Id, Token};

use crate::products::Products;

use self::item::{Item, Stores};

mod item;
mod moment;

/// So many pairs are told; whoever has more has another problem than to find them.
const PAIRS_MAX: usize = 100;
/// A promotion that names more stores than this is looked at from every store.
const STORES_INDEXED_MAX: usize = 256;

/// Pairs of published item promotions that could be active for one (store, sku) at one moment, by their positions in the
/// catalogue: the later one, and the first earlier one that it meets. Without products a sku and a category count as
/// shared.
pub(super) fn pairs(catalogue: &Catalogue, products: Option<&Products>) -> Vec<(usize, usize)> {
    Search::of(catalogue, products).pairs
}

/// What came of a search.
struct Search {
    pairs: Vec<(usize, usize)>,
    /// How many promotions were compared with one another: what it costs.
    compared: usize,
}

impl Search {
    fn of(catalogue: &Catalogue, products: Option<&Products>) -> Self {
        let zone = &catalogue.settings().time_zone;
        let promotions = catalogue.promotions().iter().enumerate();
        let items: Vec<Item<'_>> = promotions.filter_map(|(at, one)| Item::of(at, one, products)).collect();
        let mut index = Index { items: &items, ..Index::default() };
        let mut search = Self { pairs: Vec::new(), compared: 0 };
        for (number, item) in items.iter().enumerate() {
            let first = index.first(item, |other| {
                search.compared += 1;
                item.meets(other, zone, products)
            });
            if let Some(other) = first {
                search.pairs.push((item.at, other.at));
                if search.pairs.len() >= PAIRS_MAX {
                    break;
                }
            }
            index.add(number, item);
        }
        search
    }
}

/// Earlier promotions, by what a later one can meet them through.
#[derive(Default)]
struct Index<'i, 'a> {
    items: &'i [Item<'a>],
    /// All of them, for those that look at any store.
    everywhere: Shelf<'a>,
    /// Those that look at any store.
    any_store: Shelf<'a>,
    /// Those that name few stores, by store.
    by_store: HashMap<&'a Id, Shelf<'a>>,
}

/// Promotions by what they name, each list ascending.
#[derive(Default)]
struct Shelf<'a> {
    /// All of the shelf.
    items: Vec<usize>,
    /// Those for all products.
    for_all: Vec<usize>,
    by_sku: HashMap<&'a Token, Vec<usize>>,
    by_category: HashMap<&'a Token, Vec<usize>>,
    /// Those that name skus, by the categories that these are known to have.
    by_category_of_sku: HashMap<&'a Token, Vec<usize>>,
    /// Those that name skus of which nothing is known.
    of_unknown_skus: Vec<usize>,
    /// Those that name categories.
    of_categories: Vec<usize>,
}

impl<'a> Index<'_, 'a> {
    fn add(&mut self, number: usize, item: &Item<'a>) {
        self.everywhere.add(number, item);
        match few_stores(item) {
            Some(stores) => stores.iter().for_each(|store| self.by_store.entry(store).or_default().add(number, item)),
            None => self.any_store.add(number, item),
        }
    }

    /// The first that it meets, by their order.
    fn first(&self, item: &Item<'a>, mut meets: impl FnMut(&Item<'a>) -> bool) -> Option<&Item<'a>> {
        let mut first: Option<usize> = None;
        let mut look = |listed: &[usize]| {
            let before = |number: &usize| first.is_none_or(|first| *number < first);
            let candidates = listed.iter().copied().take_while(before);
            let found = candidates.filter_map(|number| Some((number, self.items.get(number)?))).find(|(_, other)| meets(other));
            first = found.map(|(number, _)| number).or(first);
        };
        match few_stores(item) {
            Some(stores) => {
                self.any_store.lists(item, &mut look);
                stores.iter().filter_map(|store| self.by_store.get(store)).for_each(|shelf| shelf.lists(item, &mut look));
            }
            None => self.everywhere.lists(item, &mut look),
        }
        self.items.get(first?)
    }
}

fn few_stores<'s, 'a>(item: &'s Item<'a>) -> Option<&'s [&'a Id]> {
    match &item.stores {
        Stores::Only(stores) if stores.len() <= STORES_INDEXED_MAX => Some(stores),
        Stores::Only(_) | Stores::AllBut(_) => None,
    }
}

impl<'a> Shelf<'a> {
    fn add(&mut self, number: usize, item: &Item<'a>) {
        self.items.push(number);
        if item.is_for_all() {
            self.for_all.push(number);
        }
        item.skus.iter().for_each(|sku| self.by_sku.entry(sku).or_default().push(number));
        item.categories.iter().for_each(|category| self.by_category.entry(category).or_default().push(number));
        match &item.categories_of_skus {
            Some(categories) => {
                categories.iter().for_each(|category| self.by_category_of_sku.entry(category).or_default().push(number));
            }
            None if item.skus.is_empty() => {}
            None => self.of_unknown_skus.push(number),
        }
        if !item.categories.is_empty() {
            self.of_categories.push(number);
        }
    }

    /// The lists of those that an item can meet.
    fn lists(&self, item: &Item<'a>, mut look: impl FnMut(&[usize])) {
        if item.is_for_all() {
            return look(&self.items);
        }
        look(&self.for_all);
        item.skus.iter().filter_map(|sku| self.by_sku.get(sku)).for_each(|listed| look(listed));
        for category in &item.categories {
            [self.by_category.get(category), self.by_category_of_sku.get(category)]
                .into_iter()
                .flatten()
                .for_each(|listed| look(listed));
        }
        if !item.categories.is_empty() {
            look(&self.of_unknown_skus);
        }
        match &item.categories_of_skus {
            Some(categories) => {
                categories.iter().filter_map(|category| self.by_category.get(category)).for_each(|listed| look(listed));
            }
            None if item.skus.is_empty() => {}
            None => look(&self.of_categories),
        }
    }
}

#[cfg(test)]
mod tests;
