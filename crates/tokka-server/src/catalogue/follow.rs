//! When is the folder looked at? When the system tells of a change, and every few seconds in any case.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::Catalogue;

/// A folder under watch. What changes from now on is told, however long the first look takes.
pub(crate) struct Watch {
    changed: Arc<Notify>,
    /// Dropping the watcher would end it. `None`: this file system tells nothing.
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Watches a folder and all below it.
    pub(crate) fn start(folder: &Path) -> Self {
        let changed = Arc::new(Notify::new());
        let watcher = watcher(folder, Arc::clone(&changed));
        let warn = |error: &notify::Error| tracing::warn!(%error, "no notifications of changes, the folder is polled alone");
        Self { changed, _watcher: watcher.inspect_err(warn).ok() }
    }

    /// Looks at the catalogue's folder for ever: at once, for what changed before the watch began, and at every change.
    pub(crate) async fn follow(self, catalogue: Arc<Catalogue>, poll: Duration) {
        loop {
            catalogue.look().await;
            tokio::select! {
                () = self.changed.notified() => {}
                () = sleep(poll) => {}
            }
        }
    }
}

fn watcher(folder: &Path, changed: Arc<Notify>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Looking is an access too: it must not wake itself. An error may hide a change, so it counts as one.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            changed.notify_one();
        }
    })?;
    watcher.watch(folder, RecursiveMode::Recursive)?;
    Ok(watcher)
}
