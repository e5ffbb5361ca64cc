//! How does tokka answer over the network? The services, from start to stop; wire types stop at the two conversions.
//!
//! [`serve`] is the one public verb. It is a library so that the `tokka` binary and the tests run the same server.

mod catalogue;
mod claims;
mod config;
mod counters;
mod coupons;
mod error;
mod events;
mod frozen;
mod guard;
mod insight;
mod log_id;
mod open_orders;
mod packed;
mod page_token;
mod payload;
mod pricing;
mod promotions;
mod receipt;
mod recent_usage;
mod request;
mod reservations;
mod response;
mod serve;
mod store;
mod storefront;
mod suggestions;
mod verify;

#[cfg(test)]
mod captured_log;

pub use catalogue::CatalogueState;
pub use claims::owner;
pub use config::{Config, DATA_DIR, StoreAt};
pub use events::told as told_event;
pub use receipt::read_receipt;
pub use request::asked::{asked, field_of_file};
pub use serve::{ServeError, Started, serve, shutdown_signal};
pub use store::{ARCHIVE, LEDGER};
pub use verify::told as told_audit;
