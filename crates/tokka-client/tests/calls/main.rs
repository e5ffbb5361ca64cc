//! Does a client repeat what may be repeated, and nothing else? Against a server of one process that answers by script,
//! on a clock that only moves when everybody waits.
//!
//! `cfg(test)` always holds here; written out, it tells the lints that every function may panic, as a test may.

#[cfg(test)]
mod connection;
#[cfg(test)]
mod details;
#[cfg(test)]
mod following;
#[cfg(test)]
mod promotions;
#[cfg(test)]
mod retries;
#[cfg(test)]
mod service_config;

#[cfg(test)]
mod scripted;
