//! Does a running server keep its promises? Each test starts one of its own, on a free port, over a folder of its own.
//!
//! `cfg(test)` always holds here; written out, it tells the lints that every function may panic, as a test may.

#[cfg(test)]
mod again;
#[cfg(test)]
mod applying;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod books;
#[cfg(test)]
mod centre;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod coupon_shop;
#[cfg(test)]
mod coupon_use;
#[cfg(test)]
mod coupons;
#[cfg(test)]
mod coupons_bad_input;
#[cfg(test)]
mod desk;
#[cfg(test)]
mod events;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod insight;
#[cfg(test)]
mod issuing;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod market;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod out_of_force;
#[cfg(test)]
mod promotions;
#[cfg(test)]
mod quote;
#[cfg(test)]
mod race;
#[cfg(test)]
mod reload;
#[cfg(test)]
mod reserve;
#[cfg(test)]
mod returns;
#[cfg(test)]
mod revisions;
#[cfg(test)]
mod running;
#[cfg(test)]
mod settle;
#[cfg(test)]
mod stop;
#[cfg(test)]
mod storefront;
#[cfg(test)]
mod storefront_bad_input;
#[cfg(test)]
mod sums;
#[cfg(test)]
mod surface;
