//! How does tokka count? Counters of limited quantities, holds that take all of what an order needs or nothing, and a
//! log of every transition.
//!
//! The ledger knows counters, holds and opaque documents; it does not know promotions. `docs/ledger.md` is its
//! contract, and one suite of tests runs against every back end. Start with [`Ledger`], then `transition`, which
//! decides everything; the back ends only keep what it decided.

pub mod ledger;
pub mod model;
pub mod name;

pub mod aging;
pub mod bounds;
pub mod transition;

pub mod clock;
pub mod directory;

mod book;
mod joined;
mod log;
mod open;

pub mod archive;
pub mod embedded;
pub mod memory;
pub mod redis;

#[cfg(any(test, feature = "contract"))]
pub mod contract;

#[cfg(test)]
mod story;

pub use book::{EXPIRE_MAX, OnBroken};
pub use clock::Clock;
pub use embedded::Embedded;
pub use joined::EVENTS_BYTES_MAX;
pub use ledger::{Ledger, LedgerError};
pub use memory::Memory;
