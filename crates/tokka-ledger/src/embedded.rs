//! How does one process keep a ledger that survives it? The default back end: one writer thread owns the state, and
//! every answer leaves after the fsync of all that it has seen.
//!
//! Calls wait in a bounded queue; what queued while the last batch was being made durable is the next batch, so an idle
//! store adds no latency and a busy one shares its fsyncs. A batch is one blob of the log in a redb file, written by one
//! durable commit. Counters live in memory; records since the last checkpoint lie in memory over the tables that hold the
//! older ones. A checkpoint folds them in, a slice with each batch, so that nobody waits for all of it; blobs go once
//! they are folded and every registered reader has passed them. After a crash the blobs since the last whole checkpoint
//! are repeated; they say what everything became, not by how much, so that a half-written checkpoint does no harm.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redb::StorageBackend;
use tokio::sync::{mpsc, oneshot, watch};

use crate::book::{Ask, OnBroken, Reply};
use crate::bounds::RETENTION;
use crate::clock::Clock;
use crate::ledger::{Ledger, LedgerError};
use crate::model::{
    Audit, Committed, Cursor, Events, Extended, Hold, IfExpired, Millis, Put, Record, Reserved, Revived, Rollback, RolledBack,
    Versioned,
};
use crate::name::Name;

mod file;
mod layers;
mod shared;
mod tables;
mod writer;

pub use file::OpenError;
use shared::Shared;
use tables::Tables;
use writer::{Job, Writer};

/// At most this many calls travel in one batch.
pub const BATCH_MAX: usize = 256;

/// Where a store lies and how it is kept.
#[derive(Clone)]
pub struct Config {
    /// The directory; made where there is none.
    pub dir: PathBuf,
    /// `false` loses acknowledged work when the machine stops: only for measuring what durability costs.
    pub fsync: bool,
    /// At most this many entries of the log are kept, whoever has not read them yet.
    pub log_max: u64,
    /// So many of the newest entries are kept even where every registered reader has passed them, so that a subscriber who
    /// is not registered may be away for a while.
    pub log_min: u64,
    /// A record may go so long after its last transition or its deadline, whichever is later.
    pub retention: Duration,
    /// A checkpoint begins after this many effects: fewer keep less in memory and make a restart quicker, more fold a
    /// record once that moves twice, and write less.
    pub checkpoint_every: usize,
    /// Calls that may wait; one more is answered `Overloaded`.
    pub queue_max: usize,
    /// Bytes that the store's own cache of the file may take.
    pub cache_bytes: usize,
    /// Deadlines are this clock's.
    pub clock: Clock,
    /// Hears of counters that went below 0.
    pub on_broken: OnBroken,
}

impl Config {
    /// What `serve` uses for a directory.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            fsync: true,
            log_max: 1_000_000,
            log_min: 100_000,
            retention: RETENTION,
            checkpoint_every: 32_768,
            queue_max: 4_096,
            cache_bytes: 256 << 20,
            clock: Clock::wall(),
            on_broken: Arc::new(|_, _| {}),
        }
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("dir", &self.dir)
            .field("fsync", &self.fsync)
            .field("log_max", &self.log_max)
            .field("log_min", &self.log_min)
            .field("retention", &self.retention)
            .field("checkpoint_every", &self.checkpoint_every)
            .field("queue_max", &self.queue_max)
            .field("cache_bytes", &self.cache_bytes)
            .finish_non_exhaustive()
    }
}

/// The store of one process. Dropping it answers what is queued, makes it durable and closes the file.
pub struct Embedded {
    /// `None` only while it is being dropped.
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<std::thread::JoinHandle<()>>,
    shared: Arc<Shared>,
    failed: watch::Receiver<Option<String>>,
    clock: Clock,
}

impl Embedded {
    /// Opens the store of a directory, or makes one where there is none, and repeats what its log holds.
    ///
    /// # Errors
    /// [`OpenError`]: another process has it, its format is another one, or the disk does not answer.
    pub fn open(config: Config) -> Result<Self, OpenError> {
        let tables = file::open(&config)?;
        Self::start(tables, config)
    }

    /// Likewise, over storage that is not a file; `dir` and `fsync` of the configuration mean nothing here.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_with_backend(backend: impl StorageBackend, config: Config) -> Result<Self, OpenError> {
        let tables = file::open_backend(backend, &config)?;
        Self::start(tables, config)
    }

    fn start(tables: Tables, config: Config) -> Result<Self, OpenError> {
        let clock = config.clock.clone();
        let (queue, jobs) = mpsc::channel(config.queue_max.max(1));
        let (tell, failed) = watch::channel(None);
        let writer = Writer::recover(tables, config, jobs, tell)?;
        let shared = writer.shared();
        let thread = std::thread::Builder::new()
            .name("tokka-ledger".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| OpenError::Store(error.to_string()))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), shared, failed, clock })
    }

    /// Resolves once the store can acknowledge nothing any more (a failed fsync, a broken file), with the cause. The
    /// process should end then: what the disk holds is known again only after a restart.
    pub async fn failed(&self) -> String {
        let mut failed = self.failed.clone();
        match failed.wait_for(Option::is_some).await {
            Ok(cause) => cause.clone().unwrap_or_default(),
            Err(_) => "the store's thread ended".to_owned(),
        }
    }

    async fn ask(&self, ask: Ask) -> Result<Reply, LedgerError> {
        ask.check()?;
        self.alive()?;
        let (answer, answered) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or_else(|| LedgerError::Unavailable("the store is closed".to_owned()))?;
        match queue.try_send(Job { ask, answer }) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(LedgerError::Overloaded),
            Err(mpsc::error::TrySendError::Closed(_)) => return self.alive().and_then(|()| Err(ended())),
        }
        // The job is the writer's now: dropping this future cancels the waiting, never half of the work.
        answered.await.unwrap_or_else(|_| Err(LedgerError::OutcomeUnknown("the store's thread ended".to_owned())))
    }

    /// Reads what is durable, away from the threads that serve others: it may wait for the disk.
    async fn read<T: Send + 'static>(
        &self,
        f: impl FnOnce(&Shared) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.alive()?;
        let shared = Arc::clone(&self.shared);
        match tokio::task::spawn_blocking(move || f(&shared)).await {
            Ok(answer) => answer,
            Err(error) => Err(LedgerError::Unavailable(error.to_string())),
        }
    }

    fn alive(&self) -> Result<(), LedgerError> {
        match &*self.failed.borrow() {
            None => Ok(()),
            Some(cause) => Err(LedgerError::Unavailable(cause.clone())),
        }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has told `failed`; there is nobody left to tell here.
            let _ = thread.join();
        }
    }
}

fn ended() -> LedgerError {
    LedgerError::Unavailable("the store's thread ended".to_owned())
}

#[async_trait]
impl Ledger for Embedded {
    async fn reserve(&self, hold: Hold) -> Result<Reserved, LedgerError> {
        self.ask(Ask::Reserve(hold)).await?.reserved()
    }

    async fn take(&self, hold: Hold) -> Result<Reserved, LedgerError> {
        self.ask(Ask::Take(hold)).await?.reserved()
    }

    async fn commit(
        &self,
        shard_key: &str,
        id: &str,
        if_expired: IfExpired,
        note: Option<Vec<u8>>,
    ) -> Result<Committed, LedgerError> {
        let ask = Ask::Commit { shard_key: shard_key.to_owned(), id: id.to_owned(), if_expired, note };
        self.ask(ask).await?.committed()
    }

    async fn rollback(&self, shard_key: &str, id: &str, rollback: Rollback) -> Result<RolledBack, LedgerError> {
        let ask = Ask::Rollback { shard_key: shard_key.to_owned(), id: id.to_owned(), rollback };
        self.ask(ask).await?.rolled_back()
    }

    async fn extend(&self, shard_key: &str, id: &str, until: Millis) -> Result<Extended, LedgerError> {
        let ask = Ask::Extend { shard_key: shard_key.to_owned(), id: id.to_owned(), until };
        self.ask(ask).await?.extended()
    }

    async fn replace(&self, old: &str, hold: Hold) -> Result<Reserved, LedgerError> {
        self.ask(Ask::Replace { old: old.to_owned(), hold }).await?.reserved()
    }

    async fn expire(&self, max: usize) -> Result<usize, LedgerError> {
        self.ask(Ask::Expire { max }).await?.expired()
    }

    async fn age(&self, max: usize) -> Result<usize, LedgerError> {
        self.ask(Ask::Age { max }).await?.aged()
    }

    async fn revive(&self, record: Record) -> Result<Revived, LedgerError> {
        self.ask(Ask::Revive(Box::new(record))).await?.revived()
    }

    async fn admit(&self, revision: u64) -> Result<u64, LedgerError> {
        self.ask(Ask::Admit(revision)).await?.admitted()
    }

    async fn admitted(&self) -> Result<u64, LedgerError> {
        self.alive()?;
        Ok(self.shared.admitted())
    }

    async fn usage(&self, counters: &[Name]) -> Result<Vec<i64>, LedgerError> {
        self.alive()?;
        Ok(self.shared.usage(counters))
    }

    async fn held(&self, shard_key: &str, counters: &[Name]) -> Result<Vec<i64>, LedgerError> {
        self.alive()?;
        if counters.is_empty() || !self.shared.has_open(shard_key) {
            return Ok(vec![0; counters.len()]);
        }
        let (shard_key, counters) = (shard_key.to_owned(), counters.to_vec());
        self.read(move |shared| shared.held(&shard_key, &counters)).await
    }

    async fn get(&self, shard_key: &str, id: &str) -> Result<Option<Record>, LedgerError> {
        self.alive()?;
        let record = match self.shared.recent_record(id) {
            Some(record) => record,
            None => {
                let id = id.to_owned();
                self.read(move |shared| shared.record(&id)).await?
            }
        };
        Ok(record.filter(|record| record.shard_key == shard_key).map(|record| Record::clone(&record)))
    }

    async fn put(&self, name: &Name, if_version: u64, bytes: Vec<u8>) -> Result<Put, LedgerError> {
        self.ask(Ask::Put { name: name.clone(), if_version, bytes }).await?.put()
    }

    async fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        self.alive()?;
        match self.shared.recent_document(name) {
            Some(document) => Ok(document),
            None => {
                let name = name.clone();
                self.read(move |shared| shared.document(&name)).await
            }
        }
    }

    async fn events(&self, after: &Cursor, max: usize) -> Result<Events, LedgerError> {
        self.alive()?;
        if let Some(end) = self.shared.end_for(after) {
            return Ok(Events::Batch(Vec::new(), end));
        }
        let after = after.clone();
        self.read(move |shared| shared.events(&after, max)).await
    }

    async fn pass(&self, reader: &str, cursor: &Cursor) -> Result<(), LedgerError> {
        self.ask(Ask::Pass { reader: reader.to_owned(), cursor: cursor.clone() }).await?.passed()
    }

    async fn reader(&self, reader: &str) -> Result<Option<Cursor>, LedgerError> {
        self.alive()?;
        Ok(self.shared.reader(reader))
    }

    fn ids(&self) -> Vec<String> {
        vec![self.shared.id()]
    }

    async fn now(&self) -> Result<Millis, LedgerError> {
        Ok(self.clock.now())
    }

    async fn audit(&self) -> Result<Audit, LedgerError> {
        self.read(|shared| shared.audit()).await
    }
}

#[cfg(test)]
mod tests;
