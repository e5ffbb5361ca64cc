//! Where are reservations kept? The data directory: the ledger's file, the archive of its log, and the key that signs
//! receipts.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokka_ledger::archive::Archive;
use tokka_ledger::embedded::{self, Embedded};
use tokka_ledger::{EXPIRE_MAX, Ledger, LedgerError};

use crate::receipt::Receipts;

/// The folder of the ledger within the data directory.
pub const LEDGER: &str = "ledger";

/// The folder of the archive, likewise.
pub const ARCHIVE: &str = "archive";

/// What a server keeps.
pub(crate) struct Store {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) archive: Archive,
    pub(crate) receipts: Receipts,
    /// Ready once the store can acknowledge nothing any more, with the cause.
    pub(crate) failed: Pin<Box<dyn Future<Output = String> + Send>>,
}

impl Store {
    /// Opens a data directory, or makes one. What an older process left in its log is repeated first, which may take
    /// seconds.
    ///
    /// # Errors
    /// Why it cannot be used, in words.
    pub(crate) async fn open(data_dir: &Path) -> Result<Self, String> {
        let dir = data_dir.to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            tokka_ledger::directory::make(&dir).map_err(|error| error.to_string())?;
            let mut config = embedded::Config::new(dir.join(LEDGER));
            config.on_broken = Arc::new(|counter, used| {
                tracing::error!(%counter, used, "a counter went below 0: more went back than was taken");
            });
            let ledger = Embedded::open(config).map_err(|error| error.to_string())?;
            let receipts = Receipts::open(&dir).map_err(|error| error.to_string())?;
            Ok::<_, String>((Arc::new(ledger), receipts))
        });
        let (ledger, receipts) = opened.await.map_err(|failure| failure.to_string())??;
        let archive = Archive::new(data_dir.join(ARCHIVE));
        // Before the first order: what the archive has not read stays in the log from here on.
        archive.register(&*ledger).await.map_err(|error| error.to_string())?;
        let watched = Arc::clone(&ledger);
        let failed = Box::pin(async move { watched.failed().await });
        Ok(Self { ledger, archive, receipts, failed })
    }
}

/// Takes back what is held past its deadline and lets go of what has rested for long enough, for ever: a bite of each at a
/// time, so that others get their turn in between.
pub(crate) async fn sweep(ledger: Arc<dyn Ledger>, every: Duration) {
    loop {
        match bite(&*ledger).await {
            // There may be more of it.
            Ok((expired, aged)) if expired == EXPIRE_MAX || aged == EXPIRE_MAX => {
                tokio::task::yield_now().await;
                continue;
            }
            Ok(_) => {}
            // A failed store ends the process elsewhere; an overloaded one has its next chance soon.
            Err(error) => tracing::warn!(%error, "expired holds and old records are left for the next look"),
        }
        tokio::time::sleep(every).await;
    }
}

/// How many holds expired, and how many records went.
pub(crate) async fn bite(ledger: &dyn Ledger) -> Result<(usize, usize), LedgerError> {
    let expired = ledger.expire(EXPIRE_MAX).await?;
    if expired > 0 {
        tracing::debug!(expired, "holds expired");
    }
    let aged = ledger.age(EXPIRE_MAX).await?;
    if aged > 0 {
        tracing::debug!(aged, "old records went");
    }
    Ok((expired, aged))
}

/// Moves what is new in the log to the archive, until `ended` holds and nothing is left. Where the archive cannot be
/// written, the log keeps what it has not read, up to its maximum.
pub(crate) async fn archive(ledger: Arc<dyn Ledger>, archive: Archive, every: Duration, mut ended: watch::Receiver<bool>) {
    loop {
        // Looked at first: what is read after it is all that there will be.
        let last = *ended.borrow_and_update();
        loop {
            match archive.bite(&*ledger).await {
                Ok(bite) => {
                    if bite.gap {
                        tracing::error!("the log dropped entries before the archive had read them: they are missing there");
                    }
                    if bite.events == 0 && !bite.gap {
                        break;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "the archive does not go on");
                    break;
                }
            }
        }
        if last {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            // Where nobody is left to say it, this ends with the server.
            changed = ended.changed() => if changed.is_err() { return },
        }
    }
}
