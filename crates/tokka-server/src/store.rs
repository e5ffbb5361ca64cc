//! Where are reservations kept? In the data directory: the ledger's file, the archive of its log, and the key that signs
//! receipts; or on Redis, with an archive where this server writes one, and the key that all servers of the store share.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokka_ledger::archive::Archive;
use tokka_ledger::embedded::{self, Embedded};
use tokka_ledger::model::Record;
use tokka_ledger::name::Name;
use tokka_ledger::redis::{Redis, StoreUrl};
use tokka_ledger::{EXPIRE_MAX, Ledger, LedgerError};

use crate::config::{Config, StoreAt};
use crate::receipt::Receipts;
use crate::serve::ServeError;
use crate::{frozen, reservations};

pub(crate) mod on_redis;

/// The folder of the ledger within the data directory.
pub const LEDGER: &str = "ledger";

/// The folder of the archive, likewise.
pub const ARCHIVE: &str = "archive";

/// What a server keeps.
pub(crate) struct Store {
    pub(crate) ledger: Arc<dyn Ledger>,
    /// Where this server writes one.
    pub(crate) archive: Option<Archive>,
    pub(crate) receipts: Receipts,
    /// The same as the ledger, to be looked after.
    pub(crate) redis: Option<Arc<Redis>>,
    /// Ready once the store can acknowledge nothing any more, with the cause.
    pub(crate) failed: Pin<Box<dyn Future<Output = String> + Send>>,
}

impl Store {
    /// Opens a data directory, or makes one, or finds a store on Redis, which it does not make. What an older process left in
    /// an embedded store's log is repeated first, which may take seconds.
    ///
    /// # Errors
    /// [`ServeError::Data`], [`ServeError::Remote`].
    pub(crate) async fn open(config: &Config) -> Result<Self, ServeError> {
        let data = |why: String| ServeError::Data { path: config.data_dir.clone(), why };
        let receipts = receipts(config).await.map_err(data)?;
        let mut store = match &config.store {
            StoreAt::Embedded => Self::embedded(config, receipts).await.map_err(data)?,
            StoreAt::Redis(url) => Self::on_redis(url, config.archive.as_deref(), receipts).await?,
        };
        store.receipts = store.receipts.of_store(store.ledger.ids());
        // Before the first order: what the archive has not read stays in the log from here on.
        if let Some(archive) = &mut store.archive {
            archive.register(&*store.ledger).await.map_err(|error| data(error.to_string()))?;
        }
        Ok(store)
    }

    async fn embedded(config: &Config, receipts: Receipts) -> Result<Self, String> {
        let mut opening = embedded::Config::new(config.data_dir.join(LEDGER));
        opening.on_broken = Arc::new(told_broken);
        let opened = tokio::task::spawn_blocking(move || Embedded::open(opening)).await.map_err(|failure| failure.to_string())?;
        let ledger = Arc::new(opened.map_err(|error| error.to_string())?);
        // One process has the store, so that it has one archive, wherever that lies.
        let archive = Archive::new(config.archive.clone().unwrap_or_else(|| config.data_dir.join(ARCHIVE)));
        let watched = Arc::clone(&ledger);
        let failed = Box::pin(async move { watched.failed().await });
        Ok(Self { ledger, archive: Some(archive), receipts, redis: None, failed })
    }

    async fn on_redis(url: &StoreUrl, archive: Option<&Path>, receipts: Receipts) -> Result<Self, ServeError> {
        let redis = on_redis::open(url).await.map_err(|why| ServeError::Remote { store: url.to_string(), why })?;
        let archive = match archive.map(Path::to_owned) {
            Some(dir) => {
                let at = |why: String| ServeError::Data { path: dir.clone(), why };
                let opening = dir.clone();
                let opened = tokio::task::spawn_blocking(move || Archive::open(opening)).await;
                Some(opened.map_err(|failure| at(failure.to_string()))?.map_err(|error| at(error.to_string()))?)
            }
            None => None,
        };
        let redis = Arc::new(redis);
        tracing::info!(store = %url, id = redis.id(), "the store is on redis");
        // Whatever becomes of its servers may pass; what it cannot do meanwhile is refused call by call.
        let failed = Box::pin(std::future::pending());
        Ok(Self { ledger: Arc::<Redis>::clone(&redis), archive, receipts, redis: Some(redis), failed })
    }
}

async fn receipts(config: &Config) -> Result<Receipts, String> {
    if matches!(config.store, StoreAt::Redis(_)) && config.receipt_key.is_none() {
        tracing::warn!(
            data = %config.data_dir.display(),
            "receipts are signed with a key of this server's own: servers of one store share one with `--receipt-key`"
        );
    }
    let (dir, key) = (config.data_dir.clone(), config.receipt_key.clone());
    let opened = tokio::task::spawn_blocking(move || {
        tokka_ledger::directory::make(&dir)?;
        match key {
            Some(key) => Receipts::load(&key),
            None => Receipts::open(&dir),
        }
    });
    opened.await.map_err(|failure| failure.to_string())?.map_err(|error| error.to_string())
}

/// A bug, and nothing that stops the sale.
fn told_broken(counter: &Name, used: i64) {
    tracing::error!(%counter, used, "a counter went below 0: more went back than was taken");
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

/// The documents that a record depends on; one that cannot be read names none, and whoever looks at it is told.
fn depends_on(record: &Record) -> Vec<Name> {
    reservations::stored(record).ok().flatten().map(|stored| frozen::of_order(&stored)).unwrap_or_default()
}

/// Moves what is new in the log to the archive, until `ended` holds and nothing is left. Where the archive cannot be
/// written, the log keeps what it has not read, up to its maximum.
pub(crate) async fn archive(ledger: Arc<dyn Ledger>, archive: Archive, every: Duration, mut ended: watch::Receiver<bool>) {
    loop {
        // Looked at first: what is read after it is all that there will be.
        let last = *ended.borrow_and_update();
        loop {
            match archive.bite_with(&*ledger, &depends_on).await {
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
