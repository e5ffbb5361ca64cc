//! How long is something waited for, and what becomes of a test that waited in vain?

use std::fmt::Display;
use std::time::{Duration, Instant};

/// Long enough that only a fault reaches it, also on a machine that does three other things.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks until there is an answer; panics with `what` and `evidence` when there is none for a minute.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>, evidence: impl FnOnce() -> String) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        if begun.elapsed() > PATIENCE {
            end_test(format!("waited {} s in vain for {what}\n{}", PATIENCE.as_secs(), evidence()));
        }
        std::thread::sleep(PAUSE);
    }
}

/// The value, or the end of the test with what was tried.
#[track_caller]
pub(crate) fn must<T, E: Display>(result: Result<T, E>, what: impl Display) -> T {
    match result {
        Ok(value) => value,
        Err(error) => end_test(format!("{what}: {error}")),
    }
}

/// The one place that panics.
#[track_caller]
#[expect(clippy::panic, reason = "a test whose servers do not run cannot go on, and has nobody to tell but its reader")]
pub(crate) fn end_test(message: impl Display) -> ! {
    panic!("{message}")
}
