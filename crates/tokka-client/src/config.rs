//! How patient is a client? Where the server is, how long calls may take, and how often they are tried.

use std::time::Duration;

/// How a client works. [`Config::new`] fills in everything but the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The server: `http://127.0.0.1:7070`; without a scheme, `http` is meant.
    pub server: String,
    /// How long calls may take.
    pub deadlines: Deadlines,
    /// How often they are tried.
    pub retries: Retries,
    /// How long a connection may take to come up; a call waits for it at most until its own deadline.
    pub connect_max: Duration,
}

impl Config {
    /// The defaults for a server.
    #[must_use]
    pub fn new(server: impl Into<String>) -> Self {
        Self {
            server: server.into(),
            deadlines: Deadlines::default(),
            retries: Retries::default(),
            connect_max: Duration::from_secs(1),
        }
    }
}

/// How long a call may take in all, from the first attempt to the last: who waits for it waits no longer. More than a day
/// counts as a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// `Quote`, and what pages show: 150 ms.
    pub quote: Duration,
    /// `GetReservation` and `ListUserCoupons`: 300 ms.
    pub get: Duration,
    /// Everything that changes something: 1 s.
    pub change: Duration,
    /// What operators ask and nobody waits for in a shop: 10 min.
    pub operate: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self { quote: ms(150), get: ms(300), change: ms(1_000), operate: ms(600_000) }
    }
}

impl Deadlines {
    /// The same for every call, for programs that wait without a customer in front of them.
    #[must_use]
    pub const fn all(max: Duration) -> Self {
        Self { quote: max, get: max, change: max, operate: max }
    }
}

/// How often a call is tried, and how long it waits in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// What only reads is tried at most this often, the first time included: 5. 0 counts as 1.
    pub reads_max: u32,
    /// What changes something is tried at most this often: 4. 0 counts as 1.
    pub changes_max: u32,
    /// The longest wait before the second attempt: 20 ms; it doubles each time.
    pub wait_first: Duration,
    /// No wait is longer, unless the server asks for it: 500 ms.
    pub wait_max: Duration,
}

impl Default for Retries {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self { reads_max: 5, changes_max: 4, wait_first: ms(20), wait_max: ms(500) }
    }
}

impl Retries {
    /// Every call is tried once.
    #[must_use]
    pub fn never() -> Self {
        Self { reads_max: 1, changes_max: 1, ..Self::default() }
    }
}
