//! What time is it at the store? The server's clock as this process last heard it, carried on by its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::clock::Clock;
use crate::model::Millis;

/// Never goes back within the process, and is as far off as an answer takes to come.
#[derive(Debug, Clone)]
pub(crate) struct ServerClock {
    wall: Clock,
    /// The server's clock less our own, in milliseconds.
    offset: Arc<AtomicI64>,
    shown: Clock,
}

impl ServerClock {
    pub(crate) fn new(wall: Clock) -> Self {
        let offset = Arc::new(AtomicI64::new(0));
        let shown = Clock::from_source({
            let (wall, offset) = (wall.clone(), Arc::clone(&offset));
            move || wall.now().saturating_add(offset.load(Ordering::Relaxed))
        });
        Self { wall, offset, shown }
    }

    /// An answer says what time it is there.
    pub(crate) fn heard(&self, time: Millis) {
        self.offset.store(time.saturating_sub(self.wall.now()), Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> Millis {
        self.shown.now()
    }

    /// How far the server is ahead of us (below 0: behind), in milliseconds.
    pub(crate) fn apart(&self) -> Millis {
        self.offset.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_time_goes_on_with_ours_and_never_back() {
        let ours = Arc::new(AtomicI64::new(1_000));
        let wall = Clock::from_source({
            let ours = Arc::clone(&ours);
            move || ours.load(Ordering::Relaxed)
        });
        let clock = ServerClock::new(wall);
        assert_eq!(clock.now(), 1_000);
        clock.heard(5_000);
        ours.store(1_200, Ordering::Relaxed);
        assert_eq!((clock.now(), clock.apart()), (5_200, 4_000));
        clock.heard(4_000);
        assert_eq!((clock.now(), clock.apart()), (5_200, 2_800), "the server's clock was set back");
        ours.store(3_000, Ordering::Relaxed);
        assert_eq!(clock.now(), 5_800);
    }
}
