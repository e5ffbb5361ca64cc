//! Which promotions cover a line? The catalogue, compiled: immutable, indexed, shared.

use crate::basket::Basket;
use crate::catalogue::{Catalogue, Gift, Settings, Store};
use crate::id::Id;
use crate::prepare::Prepared;
use crate::promotion::Promotion;
use crate::quote::QuoteError;
use crate::table::{GiftIx, PromoIx, Table};

/// A compiled catalogue.
#[derive(Debug)]
pub struct Rulebook {
    settings: Settings,
    stores: Vec<Store>,
    gifts: Table<GiftIx, Gift>,
    promotions: Table<PromoIx, Promotion>,
}

impl Rulebook {
    /// Compiles a checked catalogue.
    #[must_use]
    pub fn compile(catalogue: Catalogue) -> Self {
        let (settings, stores, gifts, mut promotions) = catalogue.into_parts();
        promotions.sort_by(|a, b| b.priority.cmp(&a.priority).then_with(|| a.id.cmp(&b.id)));
        Self { settings, stores, gifts: gifts.into_iter().collect(), promotions: promotions.into_iter().collect() }
    }

    /// Currency, rounding, time zone.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A store by id.
    #[must_use]
    pub fn store(&self, id: &str) -> Option<&Store> {
        self.stores.iter().find(|store| store.id == *id)
    }

    /// All promotions, in order of application.
    #[must_use]
    pub fn promotions(&self) -> &Table<PromoIx, Promotion> {
        &self.promotions
    }

    /// All gifts.
    #[must_use]
    pub fn gifts(&self) -> &Table<GiftIx, Gift> {
        &self.gifts
    }

    /// A promotion by id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<PromoIx> {
        self.promotions.iter().find(|(_, promotion)| promotion.id == *id).map(|(ix, _)| ix)
    }

    /// A gift by id.
    #[must_use]
    pub fn find_gift(&self, id: &Id) -> Option<GiftIx> {
        self.gifts.iter().find(|(_, gift)| gift.id == *id).map(|(ix, _)| ix)
    }

    /// Finds what covers a basket and which counters that asks about.
    ///
    /// # Errors
    /// [`QuoteError::Invalid`] for another currency and for selections of what does not exist.
    pub fn prepare<'a>(&'a self, basket: &'a Basket) -> Result<Prepared<'a>, QuoteError> {
        Prepared::new(self, basket)
    }
}
