//! What looks at this basket?

use crate::basket::Basket;
use crate::quote::{Counter, Quote, QuoteError, View};
use crate::rulebook::Rulebook;
use crate::table::{CounterIx, Table};

/// A basket with the promotions that look at it.
#[derive(Debug)]
pub struct Prepared<'a> {
    rulebook: &'a Rulebook,
    basket: &'a Basket,
    counters: Table<CounterIx, Counter>,
}

impl<'a> Prepared<'a> {
    pub(crate) fn new(rulebook: &'a Rulebook, basket: &'a Basket) -> Result<Self, QuoteError> {
        Ok(Self { rulebook, basket, counters: Table::new() })
    }

    /// The limited quantities that the price depends on, to be read before [`Prepared::price`].
    #[must_use]
    pub fn counters(&self) -> &Table<CounterIx, Counter> {
        &self.counters
    }

    /// Prices the basket; `usage` is parallel to [`Prepared::counters`], what is missing counts as 0.
    ///
    /// # Errors
    /// [`QuoteError`]
    pub fn price(&self, _usage: &[i64], _view: View) -> Result<Quote, QuoteError> {
        let _ = (self.rulebook, self.basket);
        Err(QuoteError::Overflow)
    }
}
