//! How does tokka count? Counters of limited quantities, holds that take all of what an order needs or nothing, and a
//! log of every transition.
//!
//! The ledger knows counters, holds and opaque documents; it does not know promotions. `docs/ledger.md` is its
//! contract, and one suite of tests runs against every back end.

pub mod ledger;
pub mod model;
pub mod name;

pub use ledger::{Ledger, LedgerError};
