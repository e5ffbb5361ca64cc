//! How much of each limited quantity is used? The seam between prices and the store of counters.
//!
//! A quote asks for the usage of the counters that its promotions name, all at once, before it prices. Whatever keeps
//! the usage implements [`Counters`].

use std::fmt;

use tokka_core::basket::Basket;
use tokka_core::quote::Counter;
use tokka_core::rulebook::Rulebook;
use tokka_core::table::{CounterIx, Table};

/// Whatever keeps the usage of limited quantities.
#[tonic::async_trait]
pub(crate) trait Counters: fmt::Debug + Send + Sync {
    /// The usage of all of `asked`, in their order: one read, however many there are. The rulebook and the basket give
    /// the names that a key stands for: promotion, gift, sku and user.
    ///
    /// # Errors
    /// [`StoreSilent`]: the store did not answer, so that nothing is known.
    async fn used(
        &self,
        rulebook: &Rulebook,
        basket: &Basket,
        asked: &Table<CounterIx, Counter>,
    ) -> Result<Vec<i64>, StoreSilent>;
}

/// The store of counters did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store of counters did not answer")]
pub(crate) struct StoreSilent;

/// What is used of the counters that a quote asks about.
#[derive(Debug)]
pub(crate) struct Usage {
    /// Parallel to the counters asked about.
    pub(crate) used: Vec<i64>,
    /// How sure that is.
    pub(crate) state: CounterState,
}

/// What a quote says of its counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CounterState {
    /// It asks about none.
    NotLimited,
    /// They were read.
    Known,
    /// The store was silent: nothing limited applies.
    Unknown,
}

/// The usage that a quote prices with. A basket that nothing limited covers costs no read, and a silent store costs no
/// quote: it is priced as if everything limited were used up.
pub(crate) async fn read(
    counters: &dyn Counters,
    rulebook: &Rulebook,
    basket: &Basket,
    asked: &Table<CounterIx, Counter>,
) -> Usage {
    if asked.is_empty() {
        return Usage { used: Vec::new(), state: CounterState::NotLimited };
    }
    match counters.used(rulebook, basket, asked).await {
        Ok(used) => Usage { used, state: CounterState::Known },
        Err(silent) => {
            tracing::warn!(error = %silent, counters = asked.len(), "a quote goes without what is limited");
            let used_up = asked.rows().iter().map(|counter| counter.limit).collect();
            Usage { used: used_up, state: CounterState::Unknown }
        }
    }
}
