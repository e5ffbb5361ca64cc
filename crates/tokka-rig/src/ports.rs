//! Which port is free?

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::wait::end_test;

/// Below the ports that systems give to outgoing connections. A port of those could be taken by a client while its
/// server is dead, even by one that dials this very port and so meets itself; then the server cannot come back.
const FIRST: u16 = 12_000;
const COUNT: u16 = 10_000;
/// A node of a cluster listens here, too.
pub(crate) const BUS_OFFSET: u16 = 10_000;

/// Every process begins somewhere else, so that tests that run side by side rarely try the same port.
static NEXT: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(RandomState::new().hash_one(std::process::id()) >> 8));

/// A port that nobody listens on right now; nor on its bus port.
#[track_caller]
pub(crate) fn free() -> u16 {
    for _ in 0..COUNT {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % u64::from(COUNT);
        let port = FIRST.saturating_add(u16::try_from(step).unwrap_or_default());
        if [port, port.saturating_add(BUS_OFFSET)].into_iter().all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())
        {
            return port;
        }
    }
    end_test(format!("none of the {COUNT} ports from {FIRST} is free"))
}
