//! What does a basket cost, and why? The pure core of tokka: money, promotions, the compiled rulebook, six stages,
//! allocation to the last minor unit, explanations and refunds.
//!
//! No I/O, no clock, no random numbers, no floats, no global state: the moment and the counters' usage are
//! arguments, so the same arguments give the same price. `docs/pricing.md` is the contract of this crate.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects, clippy::float_arithmetic))]

mod allocate;
pub mod amount;
pub mod basket;
pub mod best;
pub mod card;
pub mod catalogue;
mod explain;
mod fingerprint;
mod funding;
pub mod id;
pub mod offers;
pub mod outcome;
pub mod prepare;
pub mod promotion;
pub mod quote;
pub mod rate;
pub mod refund;
pub mod rulebook;
pub mod schedule;
mod stages;
pub mod suggest;
pub mod table;
mod totals;
pub mod zone;
