//! Where in the log does an answer stand? A short id that the answer and the log line share.

use std::fmt;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Unique in a process, and over restarts unless two begin in the same microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogId {
    process: u64,
    number: u64,
}

static PROCESS: LazyLock<u64> = LazyLock::new(|| {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
});
static NEXT: AtomicU64 = AtomicU64::new(1);

impl LogId {
    pub(crate) fn new() -> Self {
        Self { process: *PROCESS, number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.process, self.number)
    }
}
