//! Where are the promotions that may cover a line found without asking all the others? Under its sku, its categories
//! and its store.

use super::{Map, is_published};
use crate::basket::Line;
use crate::id::{Id, Token};
use crate::promotion::{Owner, Promotion, Stage};
use crate::table::{PromoIx, Table};

/// From the words of a line to promotions. A promotion that is found need not cover the line (it may exclude it); one
/// that covers it is found.
#[derive(Debug, Default)]
pub(crate) struct ScopeIndex {
    skus: Map<Token, Listed>,
    categories: Map<Token, Listed>,
    /// Those that hold all of a store's lines.
    stores: Map<Id, Vec<PromoIx>>,
    /// Those that hold everything.
    everything: Vec<PromoIx>,
}

/// Promotions that list one sku or category.
#[derive(Debug, Default)]
struct Listed {
    /// For lines of any store.
    any: Vec<PromoIx>,
    /// For lines of one store; sorted by store. A common category of a marketplace is listed by promotions of
    /// thousands of stores, of which a line only asks its own.
    by_store: Vec<(Id, PromoIx)>,
}

/// A promotion that names more pairs of store and word than this is listed for any store, and checked when found.
const PAIRS_MAX: usize = 256;

impl ScopeIndex {
    /// Indexes what is published: coupons, or what can be active without being offered.
    pub(crate) fn of(promotions: &Table<PromoIx, Promotion>, coupons: bool) -> Self {
        let mut index = Self::default();
        for (ix, promotion) in promotions.iter() {
            let is_coupon = matches!(promotion.stage(), Stage::StoreCoupon | Stage::PlatformCoupon);
            if is_published(promotion) && is_coupon == coupons {
                index.add(ix, promotion);
            }
        }
        for listed in index.skus.values_mut().chain(index.categories.values_mut()) {
            listed.by_store.sort_unstable();
        }
        index
    }

    fn add(&mut self, ix: PromoIx, promotion: &Promotion) {
        let include = &promotion.scope.include;
        let skus = include.skus.as_deref().unwrap_or_default();
        let categories = include.categories.as_deref().unwrap_or_default();
        let stores = stores(promotion);
        match stores {
            Some(stores) if !has_words(promotion) => {
                for store in stores {
                    self.stores.entry(store.clone()).or_default().push(ix);
                }
            }
            None if !has_words(promotion) => self.everything.push(ix),
            stores => {
                let stores = stores.filter(|_| listed_by_store(promotion));
                for sku in skus {
                    list(self.skus.entry(sku.clone()).or_default(), stores, ix);
                }
                for category in categories {
                    list(self.categories.entry(category.clone()).or_default(), stores, ix);
                }
            }
        }
    }

    /// Names every promotion that may cover the line, some more than once.
    pub(crate) fn look_up(&self, line: &Line, mut found: impl FnMut(PromoIx)) {
        let listed = self.skus.get(&line.sku).into_iter();
        let listed = listed.chain(line.categories.iter().filter_map(|category| self.categories.get(category)));
        for listed in listed {
            listed.any.iter().copied().for_each(&mut found);
            let first = listed.by_store.partition_point(|(store, _)| *store < line.store);
            let of_store = listed.by_store.iter().skip(first).take_while(|(store, _)| *store == line.store);
            of_store.for_each(|(_, ix)| found(*ix));
        }
        self.stores.get(&line.store).into_iter().flatten().chain(&self.everything).copied().for_each(found);
    }
}

/// The stores whose lines it may cover; `None`: any.
fn stores(promotion: &Promotion) -> Option<&[Id]> {
    match &promotion.owner {
        Owner::Store(id) => Some(std::slice::from_ref(id)),
        Owner::Platform => promotion.scope.include.stores.as_deref(),
    }
}

fn has_words(promotion: &Promotion) -> bool {
    let include = &promotion.scope.include;
    include.skus.is_some() || include.categories.is_some()
}

fn listed_by_store(promotion: &Promotion) -> bool {
    let include = &promotion.scope.include;
    let length = |list: &Option<Vec<Token>>| list.as_ref().map_or(0, Vec::len);
    let words = length(&include.skus).saturating_add(length(&include.categories));
    stores(promotion).is_some_and(|stores| stores.len().saturating_mul(words) <= PAIRS_MAX)
}

/// Does it cover every line under whose words it is found? Then nothing has to be checked again.
pub(crate) fn is_exact(promotion: &Promotion) -> bool {
    let (include, exclude) = (&promotion.scope.include, &promotion.scope.exclude);
    let nothing_excluded = exclude.skus.is_empty() && exclude.categories.is_empty() && exclude.stores.is_empty();
    let own_store_alone = matches!(promotion.owner, Owner::Platform) || include.stores.is_none();
    let stores_hold = !has_words(promotion) || stores(promotion).is_none() || listed_by_store(promotion);
    nothing_excluded && own_store_alone && stores_hold
}

fn list(listed: &mut Listed, stores: Option<&[Id]>, ix: PromoIx) {
    match stores {
        Some(stores) => listed.by_store.extend(stores.iter().map(|store| (store.clone(), ix))),
        None => listed.any.push(ix),
    }
}
