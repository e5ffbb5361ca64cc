//! What time is it at the store? The server's clock as this process last heard it, carried on by the time that passes here,
//! whatever our own clock says meanwhile.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use crate::clock::Clock;
use crate::model::Millis;

/// Never goes back within the process, and is as far off as an answer takes to come.
#[derive(Debug, Clone)]
pub(crate) struct ServerClock {
    wall: Clock,
    /// The server's clock less our own, in milliseconds, when it was last heard.
    apart: Arc<AtomicI64>,
    heard: Arc<Mutex<Option<(Millis, Instant)>>>,
    shown: Clock,
}

impl ServerClock {
    pub(crate) fn new(wall: Clock) -> Self {
        let heard: Arc<Mutex<Option<(Millis, Instant)>>> = Arc::default();
        let shown = Clock::from_source({
            let (wall, heard) = (wall.clone(), Arc::clone(&heard));
            move || match *heard.lock().unwrap_or_else(PoisonError::into_inner) {
                Some((time, at)) => time.saturating_add(Millis::try_from(at.elapsed().as_millis()).unwrap_or(Millis::MAX)),
                None => wall.now(),
            }
        });
        Self { wall, apart: Arc::default(), heard, shown }
    }

    /// An answer says what time it is there.
    pub(crate) fn heard(&self, time: Millis) {
        self.apart.store(time.saturating_sub(self.wall.shows()), Ordering::Relaxed);
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some((time, Instant::now()));
    }

    pub(crate) fn now(&self) -> Millis {
        self.shown.now()
    }

    /// How far the server is ahead of us (below 0: behind), in milliseconds.
    pub(crate) fn apart(&self) -> Millis {
        self.apart.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_time_goes_on_whatever_ours_does_and_never_back() {
        let ours = Arc::new(AtomicI64::new(1_000));
        let wall = Clock::from_source({
            let ours = Arc::clone(&ours);
            move || ours.load(Ordering::Relaxed)
        });
        let clock = ServerClock::new(wall);
        assert_eq!(clock.now(), 1_000, "until anything was heard");
        clock.heard(5_000_000);
        assert_eq!(clock.apart(), 4_999_000);
        let near = |time: Millis| (5_000_000..5_600_000).contains(&time);
        ours.store(90_000_000, Ordering::Relaxed);
        assert!(near(clock.now()), "our clock jumped: {}", clock.now());
        let before = clock.now();
        clock.heard(4_000_000);
        assert!(clock.now() >= before, "the server's clock was set back");
        assert_eq!(clock.apart(), 4_000_000 - 90_000_000);
    }
}
