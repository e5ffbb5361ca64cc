//! How much of each limited quantity is used? The one place that asks the store of counters.
//!
//! No store is attached yet, and nothing can be reserved: so nothing is used, and that is known.

use tokka_core::quote::Counter;

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
}

/// The usage of all counters of a quote, in one read.
pub(crate) async fn read(counters: &[Counter]) -> Usage {
    let state = if counters.is_empty() { CounterState::NotLimited } else { CounterState::Known };
    Usage { used: vec![0; counters.len()], state }
}
