//! When is the folder looked at? When the system tells of a change, and every few seconds in any case.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use super::Catalogue;

/// A copy of many files is one change: it has ended when nothing was told for this long …
const QUIET: Duration = Duration::from_millis(50);
/// … or after this long in any case.
const QUIET_AFTER_MAX: Duration = Duration::from_secs(1);

/// Looks at the folder for ever.
pub(crate) async fn follow(catalogue: Arc<Catalogue>, poll: Duration) {
    let changed = Arc::new(Notify::new());
    // Dropping the watcher would end it.
    let _watcher = match watcher(catalogue.folder(), Arc::clone(&changed)) {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            tracing::warn!(%error, poll_ms = poll.as_millis(), "no notifications of changes, the folder is polled alone");
            None
        }
    };
    loop {
        tokio::select! {
            () = changed.notified() => settled(&changed).await,
            () = sleep(poll) => {}
        }
        catalogue.look().await;
    }
}

fn watcher(folder: &Path, changed: Arc<Notify>) -> notify::Result<impl Watcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Looking is an access too: it must not wake itself. An error may hide a change, so it counts as one.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            changed.notify_one();
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}

async fn settled(changed: &Notify) {
    let quiet = async { while timeout(QUIET, changed.notified()).await.is_ok() {} };
    // Past the bound, what still changes wakes the next look.
    let _ = timeout(QUIET_AFTER_MAX, quiet).await;
}
