//! Does a running server keep its promises on Redis? The tests of `tests/api` once more, each over a Redis of its own, and
//! those of what only several servers and a store that can be away have.
//!
//! `cfg(test)` always holds here; written out, it tells the lints that every function may panic, as a test may.

#[cfg(test)]
mod away;
#[cfg(test)]
mod instances;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod two_servers;

#[cfg(test)]
mod kept;

#[cfg(test)]
#[path = "../api/again.rs"]
mod again;
#[cfg(test)]
#[path = "../api/applying.rs"]
mod applying;
#[cfg(test)]
#[path = "../api/bad_input.rs"]
mod bad_input;
#[cfg(test)]
#[path = "../api/books.rs"]
mod books;
#[cfg(test)]
#[path = "../api/centre.rs"]
mod centre;
#[cfg(test)]
#[path = "../api/codes.rs"]
mod codes;
#[cfg(test)]
#[path = "../api/coupon_shop.rs"]
mod coupon_shop;
#[cfg(test)]
#[path = "../api/coupon_use.rs"]
mod coupon_use;
#[cfg(test)]
#[path = "../api/coupons.rs"]
mod coupons;
#[cfg(test)]
#[path = "../api/coupons_bad_input.rs"]
mod coupons_bad_input;
#[cfg(test)]
#[path = "../api/desk.rs"]
mod desk;
#[cfg(test)]
#[path = "../api/events.rs"]
mod events;
#[cfg(test)]
#[path = "../api/gate.rs"]
mod gate;
#[cfg(test)]
#[path = "../api/insight.rs"]
mod insight;
#[cfg(test)]
#[path = "../api/issuing.rs"]
mod issuing;
#[cfg(test)]
#[path = "../api/market.rs"]
mod market;
#[cfg(test)]
#[path = "../api/orders.rs"]
mod orders;
#[cfg(test)]
#[path = "../api/out_of_force.rs"]
mod out_of_force;
#[cfg(test)]
#[path = "../api/promotions.rs"]
mod promotions;
#[cfg(test)]
#[path = "../api/quote.rs"]
mod quote;
#[cfg(test)]
#[path = "../api/race.rs"]
mod race;
#[cfg(test)]
#[path = "../api/reload.rs"]
mod reload;
#[cfg(test)]
#[path = "../api/reserve.rs"]
mod reserve;
#[cfg(test)]
#[path = "../api/returns.rs"]
mod returns;
#[cfg(test)]
#[path = "../api/revisions.rs"]
mod revisions;
#[cfg(test)]
#[path = "../api/running.rs"]
mod running;
#[cfg(test)]
#[path = "../api/settle.rs"]
mod settle;
#[cfg(test)]
#[path = "../api/stop.rs"]
mod stop;
#[cfg(test)]
#[path = "../api/storefront.rs"]
mod storefront;
#[cfg(test)]
#[path = "../api/storefront_bad_input.rs"]
mod storefront_bad_input;
#[cfg(test)]
#[path = "../api/sums.rs"]
mod sums;
#[cfg(test)]
#[path = "../api/surface.rs"]
mod surface;
