//! How does a store live on Redis? One server, Sentinel or Cluster, named by one URL, with the same promises as the other
//! back ends.
//!
//! Customers are divided into shards, and all that an order touches lies in one: one hash tag, one slot, one script. The
//! pure step decides here, over what was read or guessed; `scripts/apply.lua` writes what it decided if that is still so.
//! Calls that arrive while a script is on its way travel in the next one (`lane`). `layout` says what lies where.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::book::{Ask, OnBroken, Reply};
use crate::bounds;
use crate::clock::Clock;
use crate::ledger::{Ledger, LedgerError};
use crate::model::{
    Audit, Committed, Cursor, Events, Extended, Hold, IfExpired, Millis, Put, Record, Reserved, Revived, Rollback, RolledBack,
    Versioned,
};
use crate::name::Name;
use crate::open::add_held;
use crate::transition::Answer;

mod link;

mod codec;
mod layout;
mod reply;
mod scripts;
mod server_clock;

mod change;
mod lane;

mod allot;
mod ask;
mod audit;
mod documents;
mod events;
mod incident;
mod init;
mod look;
mod recent;
mod recovery;
mod restore;
mod sweep;

#[cfg(test)]
mod tests;

use lane::{Post, Reader, Writer};
use layout::{Shard, shard_of};
use link::{Link, LinkConfig, Wait};
use recent::Recent;

pub use incident::Incident;
pub use init::{InitError, init};
pub use layout::SHARDS_MAX;
pub use link::{OpenError as LinkError, StoreUrl, UrlError};
pub use look::{Inspection, Look, ServerFacts, ShardFacts, ShardState, inspect};
pub use restore::{RestoreError, Restored, restore};

/// Whose counter or document is this? The shard key that it belongs to; `None` where all customers share it.
pub type Owner = Arc<dyn Fn(&Name) -> Option<String> + Send + Sync>;

/// Where a store lies and how it is spoken to.
#[derive(Clone)]
pub struct Config {
    /// Server, Sentinel or Cluster, with what else the URL says.
    pub url: StoreUrl,
    /// Which counters and documents are one customer's. Every process that uses a store says the same.
    pub owner: Owner,
    /// At most this many entries of a shard's log are kept, whoever has not read them yet.
    pub log_max: u64,
    /// So many of the newest entries are kept even where every registered reader has passed them.
    pub log_min: u64,
    /// How long a record stays after its last transition or deadline.
    pub retention: Duration,
    /// How long an operation is repeated under its id before its outcome is called unknown.
    pub patience: Duration,
    /// How long an answer waits for replicas, where the URL asks for some.
    pub replicas_within: Duration,
    /// Our own clock; deadlines are the server's alone.
    pub clock: Clock,
    /// A shard that recovers opens after this long, also where a process that lived has not reported.
    pub recovery_timeout: Duration,
    /// Hears of counters that went below 0.
    pub on_broken: OnBroken,
    /// Hears of what servers lost.
    pub on_incident: Arc<dyn Fn(&Incident) + Send + Sync>,
}

impl Config {
    /// What `serve` uses.
    #[must_use]
    pub fn new(url: StoreUrl, owner: Owner) -> Self {
        Self {
            url,
            owner,
            log_max: 1_000_000,
            log_min: 100_000,
            retention: bounds::RETENTION,
            patience: Duration::from_secs(2),
            replicas_within: Duration::from_millis(500),
            clock: Clock::wall(),
            recovery_timeout: Duration::from_secs(5),
            on_broken: Arc::new(|_, _| {}),
            on_incident: Arc::new(|_| {}),
        }
    }

    /// How long to wait before the next try: from 5 ms on, and never longer than 100.
    fn pause(&self, tries: u32) -> Duration {
        Duration::from_millis(5_u64.saturating_mul(1 << tries.min(5)).min(100))
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("url", &self.url)
            .field("log_max", &self.log_max)
            .field("log_min", &self.log_min)
            .field("retention", &self.retention)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// Why a store is not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// It is not reached, or its servers are not fit for it.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// There is none there, or not a whole one.
    #[error("STORE_EMPTY: {0}; `tokka store init` makes a store, `tokka store restore` brings one back that was lost")]
    Empty(String),
    /// A newer tokka made it.
    #[error("the store has layout {found}, this tokka reads layout {LAYOUT}")]
    Layout {
        /// What it says.
        found: String,
    },
    /// It did not answer as a store does.
    #[error(transparent)]
    Store(#[from] LedgerError),
}

use layout::LAYOUT;

/// A store on Redis, as one process uses it. Any number of processes may use the same one.
pub struct Redis {
    store: Arc<Store>,
    /// Says that this process lives, and brings back what it knows; ends with it.
    _beats: tokio::task::JoinSet<()>,
}

/// What the operations share.
struct Store {
    parts: Vec<Part>,
    config: Config,
    /// Which one it is: half of its id, as cursors name it.
    number: u64,
    /// What stores were called whose history was restored into it.
    formerly: Vec<String>,
    /// What this process is called, anew with each start.
    instance: String,
    allotments: allot::Allotments,
    /// One sweep of this process at a time.
    sweeping: tokio::sync::Mutex<()>,
    /// When a refused hold last looked for what has run out.
    looked: std::sync::Mutex<Option<std::time::Instant>>,
}

/// What one shard needs.
struct Part {
    post: Arc<Post>,
    writer: Writer,
    reader: Reader,
    recent: Recent,
}

impl Redis {
    /// Opens a store that `init` made.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn open(config: Config) -> Result<Self, OpenError> {
        let store = Arc::new(Store::open(config).await?);
        let mut beats = tokio::task::JoinSet::new();
        for number in 0..store.shards() {
            // A recovery waits for those that are known to live. Where this one is not heard now, its watch goes on trying.
            let _ = store.register(store.part(number)).await;
            beats.spawn(Arc::clone(&store).watch(number));
        }
        Ok(Self { store, _beats: beats })
    }

    /// How far back what this process acknowledged is remembered, in the shard where that is least: what a fail-over loses of
    /// it comes back. `None` where there is nothing to remember.
    #[must_use]
    pub fn remembers(&self) -> Option<Duration> {
        self.store.parts.iter().filter_map(|part| part.recent.covers()).min()
    }
}

impl Store {
    async fn open(config: Config) -> Result<Self, OpenError> {
        let link = Link::open(&config.url, LinkConfig { scripts: scripts::ALL, ..LinkConfig::default() }).await?;
        let root = init::root(&link, config.url.prefix()).await?;
        init::check(&link, &root, &Shard::all(config.url.prefix(), root.shards)).await?;
        let instance = init::random_id();
        let wait = Wait::of(&config.url, config.replicas_within);
        let clock = server_clock::ServerClock::new(config.clock.clone());
        let mut parts = Vec::new();
        for shard in Shard::all(config.url.prefix(), root.shards) {
            let identity = lane::identity(&root.id, root.shards);
            let post = Arc::new(Post::new(Arc::clone(&link), shard, identity, clock.clone(), wait));
            let reader = Reader::start(Arc::clone(&post));
            let writer = Writer::start(Arc::clone(&post), &instance, config.log_max);
            parts.push(Part { post, writer, reader, recent: Recent::new(root.shards) });
        }
        Ok(Self {
            parts,
            config,
            number: root.number(),
            formerly: root.formerly,
            instance,
            allotments: allot::Allotments::default(),
            sweeping: tokio::sync::Mutex::new(()),
            looked: std::sync::Mutex::new(None),
        })
    }

    /// 32 hexadecimal digits.
    fn id(&self) -> String {
        let id = self.part(0).post.identity.get(1);
        id.map(|id| String::from_utf8_lossy(id).into_owned()).unwrap_or_default()
    }

    fn shards(&self) -> u16 {
        u16::try_from(self.parts.len()).unwrap_or(u16::MAX)
    }

    fn part(&self, number: u16) -> &Part {
        #[expect(clippy::indexing_slicing, reason = "INVARIANT: a store has a shard, and numbers are taken modulo their count")]
        &self.parts[usize::from(number).checked_rem(self.parts.len()).unwrap_or(0)]
    }

    /// Where the records of a shard key live.
    fn part_of(&self, shard_key: &str) -> &Part {
        self.part(shard_of(shard_key.as_bytes(), self.shards()))
    }

    /// Where a customer's counter or document lives, or one that is kept in one place.
    fn home_of(&self, name: &Name) -> &Part {
        match (self.config.owner)(name) {
            Some(shard_key) => self.part_of(&shard_key),
            None => self.part(shard_of(name.as_bytes(), self.shards())),
        }
    }

    /// Is this counter sold by several shards?
    fn is_shared(&self, counter: &Name) -> bool {
        self.parts.len() > 1 && (self.config.owner)(counter).is_none()
    }

    fn retention_ms(&self) -> Millis {
        Millis::try_from(self.config.retention.as_millis()).unwrap_or(Millis::MAX)
    }

    /// What is used of each counter; a shared one is added up over the shards.
    async fn usage_of(&self, counters: &[Name]) -> Result<Vec<i64>, lane::Trouble> {
        let mut by_part: HashMap<u16, Vec<usize>> = HashMap::new();
        for (index, counter) in counters.iter().enumerate() {
            if self.is_shared(counter) {
                (0..self.shards()).for_each(|number| by_part.entry(number).or_default().push(index));
            } else {
                by_part.entry(self.home_of(counter).post.shard.number).or_default().push(index);
            }
        }
        let reads = by_part.into_iter().map(|(number, indices)| async move {
            let part = self.part(number);
            let named = indices.iter().filter_map(|index| counters.get(*index));
            let read = part.reader.read(named.map(|counter| part.post.shard.counter(counter)).collect()).await?;
            Ok::<_, lane::Trouble>((indices, read.values))
        });
        let mut sums = vec![0_i64; counters.len()];
        for (indices, values) in futures_util::future::try_join_all(reads).await? {
            for (index, value) in indices.into_iter().zip(values) {
                let used = read_number(value)?;
                if let Some(sum) = sums.get_mut(index) {
                    *sum = sum.saturating_add(used);
                }
            }
        }
        Ok(sums)
    }

    async fn record(&self, shard_key: &str, id: &str) -> Result<Option<Record>, LedgerError> {
        let part = self.part_of(shard_key);
        let read = self.patiently(|| part.reader.read(vec![part.post.shard.record(id)])).await?;
        let (recovering, epoch) = (read.recovering, read.epoch);
        let Some(bytes) = read.values.into_iter().next().flatten() else {
            // It may have been lost, and come back with the others.
            if recovering {
                return Err(LedgerError::Unavailable("the shard recovers: a record may come back".to_owned()));
            }
            return Ok(None);
        };
        let record = ask::read_record(&bytes)?;
        if record.shard_key != shard_key {
            return Ok(None);
        }
        part.remember(record.clone());
        // A recovery that began in between has not looked at what was only now remembered.
        if part.post.epoch.load(std::sync::atomic::Ordering::Acquire) != epoch {
            return Err(LedgerError::Unavailable("the server was replaced meanwhile".to_owned()));
        }
        Ok(Some(record))
    }

    /// Repeats what changes nothing, until it is answered or the time is over.
    async fn patiently<T, F>(&self, ask: impl Fn() -> F) -> Result<T, LedgerError>
    where
        F: Future<Output = Result<T, lane::Trouble>>,
    {
        let started = std::time::Instant::now();
        let mut tries = 0_u32;
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(lane::Trouble::Never(error)) => return Err(error),
                // Nothing was changed by it either way.
                Err(lane::Trouble::NotNow(why) | lane::Trouble::Unknown(why)) => {
                    if started.elapsed() >= self.config.patience {
                        return Err(LedgerError::Unavailable(why));
                    }
                }
            }
            tries = tries.saturating_add(1);
            tokio::time::sleep(self.config.pause(tries)).await;
        }
    }
}

impl Part {
    fn remember(&self, record: Record) {
        self.recent.keep(record);
    }

    fn remembered(&self, id: &str) -> Option<Record> {
        self.recent.get(id)
    }
}

fn read_number(value: Option<Vec<u8>>) -> Result<i64, lane::Trouble> {
    let value = value.map_or(redis::Value::Nil, redis::Value::BulkString);
    reply::number(&value).map_err(lane::Trouble::Never)
}

#[async_trait]
impl Ledger for Redis {
    async fn reserve(&self, hold: Hold) -> Result<Reserved, LedgerError> {
        self.store.hold(&Ask::Reserve(hold)).await
    }

    async fn take(&self, hold: Hold) -> Result<Reserved, LedgerError> {
        self.store.hold(&Ask::Take(hold)).await
    }

    async fn commit(
        &self,
        shard_key: &str,
        id: &str,
        if_expired: IfExpired,
        note: Option<Vec<u8>>,
    ) -> Result<Committed, LedgerError> {
        let ask = Ask::Commit { shard_key: shard_key.to_owned(), id: id.to_owned(), if_expired, note };
        Reply::Step(self.store.decide(&ask).await?).committed()
    }

    async fn rollback(&self, shard_key: &str, id: &str, rollback: Rollback) -> Result<RolledBack, LedgerError> {
        let ask = Ask::Rollback { shard_key: shard_key.to_owned(), id: id.to_owned(), rollback };
        Reply::Step(self.store.decide(&ask).await?).rolled_back()
    }

    async fn extend(&self, shard_key: &str, id: &str, until: Millis) -> Result<Extended, LedgerError> {
        let ask = Ask::Extend { shard_key: shard_key.to_owned(), id: id.to_owned(), until };
        Reply::Step(self.store.decide(&ask).await?).extended()
    }

    async fn replace(&self, old: &str, hold: Hold) -> Result<Reserved, LedgerError> {
        self.store.hold(&Ask::Replace { old: old.to_owned(), hold }).await
    }

    async fn expire(&self, max: usize) -> Result<usize, LedgerError> {
        self.store.expire_due(max).await
    }

    async fn age(&self, max: usize) -> Result<usize, LedgerError> {
        self.store.age_due(max).await
    }

    async fn revive(&self, record: Record) -> Result<Revived, LedgerError> {
        self.store.bring_back(record).await
    }

    async fn recover(&self, record: Record) -> Result<Option<Record>, LedgerError> {
        bounds::record(&record)?;
        self.store.recover_lost(&record).await
    }

    async fn admit(&self, revision: u64) -> Result<u64, LedgerError> {
        self.store.admit_everywhere(revision).await
    }

    async fn admitted(&self) -> Result<u64, LedgerError> {
        self.store.admit_everywhere(0).await
    }

    async fn usage(&self, counters: &[Name]) -> Result<Vec<i64>, LedgerError> {
        self.store.patiently(|| self.store.usage_of(counters)).await
    }

    async fn held(&self, shard_key: &str, counters: &[Name]) -> Result<Vec<i64>, LedgerError> {
        let part = self.store.part_of(shard_key);
        let mut sums = vec![0; counters.len()];
        let ids = self.store.open_of(part, shard_key).await?;
        for ids in ids.chunks(256) {
            let keys: Vec<Vec<u8>> = ids.iter().map(|id| part.post.shard.record(id)).collect();
            let read = self.store.patiently(|| part.reader.read(keys.clone())).await?;
            for bytes in read.values.into_iter().flatten() {
                add_held(&mut sums, counters, &ask::read_record(&bytes)?);
            }
        }
        Ok(sums)
    }

    async fn get(&self, shard_key: &str, id: &str) -> Result<Option<Record>, LedgerError> {
        self.store.record(shard_key, id).await
    }

    async fn put(&self, name: &Name, if_version: u64, bytes: Vec<u8>) -> Result<Put, LedgerError> {
        self.store.put_document(name, if_version, bytes).await
    }

    async fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError> {
        self.store.read_document(name).await
    }

    async fn events(&self, after: &Cursor, max: usize) -> Result<Events, LedgerError> {
        self.store.read_events(after, max).await
    }

    async fn pass(&self, reader: &str, cursor: &Cursor) -> Result<(), LedgerError> {
        self.store.pass_reader(reader, cursor).await
    }

    async fn reader(&self, reader: &str) -> Result<Option<Cursor>, LedgerError> {
        self.store.cursor_of(reader).await
    }

    fn ids(&self) -> Vec<String> {
        std::iter::once(self.store.id()).chain(self.store.formerly.iter().cloned()).collect()
    }

    async fn now(&self) -> Result<Millis, LedgerError> {
        Ok(self.store.part(0).post.clock.now())
    }

    async fn audit(&self) -> Result<Audit, LedgerError> {
        self.store.count_all().await
    }
}

impl Store {
    async fn hold(&self, ask: &Ask) -> Result<Reserved, LedgerError> {
        match self.decide(ask).await? {
            // What others hold past their deadline is not theirs any more. Where it cannot be taken back now, the refusal
            // stands: it is true.
            Answer::Reserved(Reserved::Refused { .. }) if matches!(self.bite_for_refused().await, Ok(true)) => {
                Reply::Step(self.decide(ask).await?).reserved()
            }
            answer => Reply::Step(answer).reserved(),
        }
    }
}
