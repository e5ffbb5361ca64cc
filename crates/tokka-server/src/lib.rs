//! How does tokka answer over the network? The services, from start to stop; wire types stop at the two conversions.
//!
//! [`serve`] is the one public verb. It is a library so that the `tokka` binary and the tests run the same server.

mod catalogue;
mod config;
mod counters;
mod error;
mod guard;
mod log_id;
mod pricing;
mod request;
mod response;
mod serve;

#[cfg(test)]
mod captured_log;

pub use catalogue::CatalogueState;
pub use config::Config;
pub use serve::{ServeError, Started, serve, shutdown_signal};
