//! Does the command do what its help says? Each command as a process, with good and with wrong input.
//!
//! `cfg(test)` always holds here; written out, it tells the lints that every function may panic, as a test may.

#[cfg(test)]
mod check;
#[cfg(test)]
mod client;
#[cfg(test)]
mod coupons;
#[cfg(test)]
mod insight;
#[cfg(test)]
mod manifests;
#[cfg(test)]
mod on_redis;
#[cfg(test)]
mod operating;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod quote;
#[cfg(test)]
mod schema;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod store;
#[cfg(test)]
mod test;
#[cfg(test)]
mod tokka;

#[cfg(test)]
mod process;
#[cfg(test)]
mod running;
#[cfg(test)]
mod shop;
