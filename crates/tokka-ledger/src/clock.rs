//! What time is it for the store? The wall clock, never going backwards within the process; or one that a test moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::Millis;

/// A clock that never goes backwards. Deadlines are its alone; it orders nothing: positions do.
#[derive(Clone)]
pub struct Clock {
    source: Arc<dyn Fn() -> Millis + Send + Sync>,
    latest: Arc<AtomicI64>,
}

impl Clock {
    /// The machine's.
    #[must_use]
    pub fn wall() -> Self {
        Self::from_source(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
        })
    }

    /// One that a test moves: it answers what the source says, or what it answered before if that is later.
    pub fn from_source(source: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Self { source: Arc::new(source), latest: Arc::new(AtomicI64::new(Millis::MIN)) }
    }

    /// Milliseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn now(&self) -> Millis {
        let now = (self.source)();
        self.latest.fetch_max(now, Ordering::AcqRel).max(now)
    }

    /// What the source says, also where that is earlier than what it said before: to compare it with other clocks.
    pub(crate) fn shows(&self) -> Millis {
        (self.source)()
    }
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clock").field("latest", &self.latest).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_stands_still() {
        let source = Arc::new(AtomicI64::new(100));
        let clock = Clock::from_source({
            let source = Arc::clone(&source);
            move || source.load(Ordering::Relaxed)
        });
        assert_eq!(clock.now(), 100);
        source.store(40, Ordering::Relaxed);
        assert_eq!(clock.now(), 100);
        source.store(101, Ordering::Relaxed);
        assert_eq!(clock.now(), 101);
    }
}
