//! What can be asked of `tokka`? One file a command.

pub(crate) mod check;
pub(crate) mod quote;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod test;

pub(crate) mod commit;
pub(crate) mod reservation;
pub(crate) mod reserve;
pub(crate) mod rollback;

pub(crate) mod apply;
pub(crate) mod cards;
pub(crate) mod coupons;
pub(crate) mod get;
pub(crate) mod history;
pub(crate) mod offers;
pub(crate) mod promotions;
pub(crate) mod restore;
pub(crate) mod zone;

pub(crate) mod events;
pub(crate) mod export;
pub(crate) mod settlement;
pub(crate) mod stats;
pub(crate) mod store;
pub(crate) mod verify;
pub(crate) mod watch;
