//! Do two item promotions share a store and a product?

use jiff::tz::TimeZone;
use tokka_core::id::{Id, Token};
use tokka_core::promotion::{Owner, Promotion, Scope, Stage, Window};

use super::moment::{Week, share_a_moment};
use crate::products::{Product, Products};

/// An item promotion; its lists are sorted.
pub(super) struct Item<'a> {
    /// Its position in the catalogue.
    pub(super) at: usize,
    promotion: &'a Promotion,
    /// The number of its schedule: equal ones have equal numbers.
    pub(super) schedule: usize,
    week: Week,
    pub(super) stores: Stores<'a>,
    /// Skus that it names and does not exclude.
    pub(super) skus: Vec<&'a Token>,
    /// Categories that it names and does not exclude.
    pub(super) categories: Vec<&'a Token>,
    excluded_skus: Vec<&'a Token>,
    excluded_categories: Vec<&'a Token>,
    /// The categories that its skus have in its stores, where products are known.
    pub(super) categories_of_skus: Option<Vec<&'a Token>>,
}

/// The stores that a promotion can cover lines of; sorted.
#[derive(Debug)]
pub(in crate::check) enum Stores<'a> {
    Only(Vec<&'a Id>),
    AllBut(Vec<&'a Id>),
}

impl<'a> Item<'a> {
    /// `None` for what is no item promotion, and for one that can cover nothing.
    pub(super) fn of(at: usize, promotion: &'a Promotion, schedule: usize, products: Option<&'a Products>) -> Option<Self> {
        if promotion.stage() != Stage::Item {
            return None;
        }
        let stores = Stores::of(&promotion.owner, &promotion.scope);
        let (include, exclude) = (&promotion.scope.include, &promotion.scope.exclude);
        let (excluded_skus, excluded_categories) = (sorted(&exclude.skus), sorted(&exclude.categories));
        let mut skus = sorted(include.skus.as_deref().unwrap_or_default());
        skus.retain(|sku| excluded_skus.binary_search(sku).is_err());
        let mut categories = sorted(include.categories.as_deref().unwrap_or_default());
        categories.retain(|category| excluded_categories.binary_search(category).is_err());
        let for_all = include.skus.is_none() && include.categories.is_none();
        let nothing = skus.is_empty() && categories.is_empty() && !for_all;
        if nothing || stores.are_none() {
            return None;
        }
        let categories_of_skus = products.map(|products| {
            let sold = skus.iter().flat_map(|sku| products.of_sku(sku.as_str())).filter(|product| stores.cover(&product.store));
            let mut categories: Vec<&Token> = sold.flat_map(|product| &product.categories).collect();
            categories.sort_unstable();
            categories.dedup();
            categories
        });
        let week = Week::of(&promotion.schedule);
        Some(Self {
            at,
            promotion,
            schedule,
            week,
            stores,
            skus,
            categories,
            excluded_skus,
            excluded_categories,
            categories_of_skus,
        })
    }

    pub(super) fn id(&self) -> &'a Id {
        &self.promotion.id
    }

    pub(super) fn window(&self) -> &'a Window {
        &self.promotion.window
    }

    /// Do both ever show on one clock face?
    pub(super) fn week_meets(&self, other: &Self) -> bool {
        self.schedule == other.schedule || self.week.meets(&other.week)
    }

    /// All products of its stores.
    pub(super) fn is_for_all(&self) -> bool {
        // One whose words are all excluded was never made.
        self.skus.is_empty() && self.categories.is_empty()
    }

    /// Could both be active for one (store, sku) at one moment?
    pub(super) fn meets(&self, other: &Self, zone: &TimeZone, products: Option<&Products>) -> bool {
        let windows = (&self.promotion.window, &other.promotion.window);
        super::moment::windows_meet(windows.0, windows.1)
            && self.stores.meet(&other.stores)
            && self.shares_a_product(other, products)
            && share_a_moment((self.promotion, &self.week), (other.promotion, &other.week), zone)
    }

    fn shares_a_product(&self, other: &Self, products: Option<&Products>) -> bool {
        let category = |a: &Self, b: &Self| {
            let open = |category: &&&Token| b.excluded_categories.binary_search(category).is_err();
            a.categories.iter().filter(open).any(|category| b.is_for_all() || b.categories.binary_search(category).is_ok())
        };
        (self.is_for_all() && other.is_for_all())
            || category(self, other)
            || category(other, self)
            || self.names_a_sku_that_meets(other, products)
            || other.names_a_sku_that_meets(self, products)
    }

    /// Does one of its skus come under the other, too?
    fn names_a_sku_that_meets(&self, other: &Self, products: Option<&Products>) -> bool {
        let mut skus = self.skus.iter().filter(|sku| other.excluded_skus.binary_search(sku).is_err());
        match products {
            // A sku may be in any category, or in none.
            None => {
                let open = |category: &&Token| self.excluded_categories.binary_search(category).is_err();
                let any = other.is_for_all() || other.categories.iter().any(open);
                skus.any(|sku| any || other.skus.binary_search(sku).is_ok())
            }
            // It is in the categories of its products. One that no store of both sells is in none.
            Some(products) => skus.any(|sku| {
                let named = other.is_for_all() || other.skus.binary_search(sku).is_ok();
                let sold = products.of_sku(sku.as_str());
                let mut sold = sold.filter(|one| self.stores.cover(&one.store) && other.stores.cover(&one.store)).peekable();
                match sold.peek() {
                    None => named,
                    Some(_) => sold.any(|product| {
                        let excluded = self.excludes_a_category_of(product) || other.excludes_a_category_of(product);
                        !excluded && (named || product.categories.iter().any(|one| other.categories.binary_search(&one).is_ok()))
                    }),
                }
            }),
        }
    }

    fn excludes_a_category_of(&self, product: &Product) -> bool {
        product.categories.iter().any(|category| self.excluded_categories.binary_search(&category).is_ok())
    }
}

impl<'a> Stores<'a> {
    pub(in crate::check) fn of(owner: &'a Owner, scope: &'a Scope) -> Self {
        let excluded = sorted(&scope.exclude.stores);
        let named = scope.include.stores.as_deref();
        let mut only = match (owner, named) {
            (Owner::Store(owner), named) if named.is_none_or(|stores| stores.contains(owner)) => vec![owner],
            (Owner::Store(_), _) => Vec::new(),
            (Owner::Platform, Some(stores)) => sorted(stores),
            (Owner::Platform, None) => return Self::AllBut(excluded),
        };
        only.retain(|store| excluded.binary_search(store).is_err());
        Self::Only(only)
    }

    /// Does it look at the lines of none?
    pub(in crate::check) fn are_none(&self) -> bool {
        matches!(self, Self::Only(stores) if stores.is_empty())
    }

    pub(in crate::check) fn cover(&self, store: &Id) -> bool {
        match self {
            Self::Only(stores) => stores.binary_search(&store).is_ok(),
            Self::AllBut(stores) => stores.binary_search(&store).is_err(),
        }
    }

    /// Are all of the others among these?
    pub(in crate::check) fn include(&self, others: &Self) -> bool {
        match (self, others) {
            (_, Self::Only(others)) => others.iter().all(|store| self.cover(store)),
            (Self::Only(_), Self::AllBut(_)) => false,
            (Self::AllBut(excluded), Self::AllBut(others)) => excluded.iter().all(|store| others.binary_search(store).is_ok()),
        }
    }

    /// Two that name none have one in common: there is always one that both may cover.
    fn meet(&self, other: &Self) -> bool {
        let (few, others) = match (self, other) {
            (Self::AllBut(_), Self::AllBut(_)) => return true,
            (Self::Only(few), others @ Self::AllBut(_)) | (others @ Self::AllBut(_), Self::Only(few)) => (few, others),
            (Self::Only(stores), Self::Only(more)) if stores.len() <= more.len() => (stores, other),
            (Self::Only(_), Self::Only(fewer)) => (fewer, self),
        };
        few.iter().any(|store| others.cover(store))
    }
}

fn sorted<T: Ord>(list: &[T]) -> Vec<&T> {
    let mut sorted: Vec<&T> = list.iter().collect();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}
