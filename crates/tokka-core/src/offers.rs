//! What can a product get? Everything that is active and covers it, coupons too, with what would become of each where so
//! many pieces are bought alone.

use crate::basket::Basket;
use crate::prepare::Prepared;
use crate::promotion::Promotion;
use crate::quote::{Counter, Quote, QuoteError, View};
use crate::rulebook::Rulebook;
use crate::stages::Pricing;
use crate::table::{CounterIx, PromoIx, Table};

/// At most so many coupons of a product are looked at.
pub const COUPONS_MAX: usize = 50;

/// A product with all that looks at it.
#[derive(Debug)]
pub struct Offers<'a> {
    prepared: Prepared<'a>,
    coupons_total: usize,
}

impl Rulebook {
    /// What looks at the one line of a basket that offers no coupons: every promotion and every coupon that is active and
    /// covers it, but for the coupons that are hidden. Of more than [`COUPONS_MAX`] the first, by stage in
    /// order of application.
    ///
    /// # Errors
    /// [`QuoteError::Invalid`] for another currency.
    pub fn offers<'a>(&'a self, product: &'a Basket, hidden: impl Fn(&Promotion) -> bool) -> Result<Offers<'a>, QuoteError> {
        let visitor = crate::prepare::Visitor::of(product);
        let mut coupons: Vec<PromoIx> = product.lines().first().map(|line| self.coupons_of(line)).unwrap_or_default();
        coupons.retain(|coupon| !hidden(self.promotion(*coupon)) && self.why_not_active(*coupon, &visitor).is_none());
        coupons.sort_by_key(|coupon| (self.compiled(*coupon).stage, *coupon));
        let coupons_total = coupons.len();
        coupons.truncate(COUPONS_MAX);
        Ok(Offers { prepared: Prepared::with_coupons(self, product, coupons)?, coupons_total })
    }
}

impl Offers<'_> {
    /// The limited quantities that they depend on, to be read before [`Offers::quote`].
    #[must_use]
    pub fn counters(&self) -> &Table<CounterIx, Counter> {
        self.prepared.counters()
    }

    /// How many coupons cover the product, also beyond [`COUPONS_MAX`].
    #[must_use]
    pub fn coupons_total(&self) -> usize {
        self.coupons_total
    }

    /// The price of the product without coupons, with an outcome for each that looks at it, by stage in order of
    /// application. That of a coupon is what would become of it if it were the only one offered. `usage` is parallel to
    /// [`Offers::counters`], what is missing counts as 0.
    ///
    /// # Errors
    /// [`QuoteError::Overflow`]: a bug of ours.
    pub fn quote(&self, usage: &[i64]) -> Result<Quote, QuoteError> {
        let mut pricing = Pricing::new(&self.prepared, usage, View::Full);
        pricing.coupons_apart = true;
        pricing.run()
    }
}
