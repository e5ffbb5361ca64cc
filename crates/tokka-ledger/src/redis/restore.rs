//! How does a store come back that was lost with its servers, or some of its shards? Its history is written again, record by
//! record, into a new and empty one, or into the shards that were emptied: of each reservation its highest state, and with it
//! counters, wallets and deadlines.
//!
//! It is the merge of `recovery`, so that neither order nor repetition matters, and one that broke off is begun again. The
//! shards are closed until all of it is there; those that were not lost go on as they are.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::stream;

use super::layout::Shard;
use super::link::{Lane, Link, LinkConfig};
use super::recovery::When;
use super::reply::{Reply, number};
use super::{Config, InitError, OpenError, Part, Store, init, lane, scripts};
use crate::bounds;
use crate::ledger::LedgerError;
use crate::model::Record;
use crate::name::Name;

/// Records that are written side by side.
const WRITES: usize = 64;

/// What was brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
    /// Shards that were restored: all of a new store, or those that had been emptied.
    pub shards: u16,
    /// Records that were read.
    pub read: u64,
    /// Of these, those that were written: each that was higher than what stood by then.
    pub written: u64,
}

/// Why a store was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is none to restore into.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// None of its shards was emptied, and something was written into it already, not by a restore that broke off. Nothing
    /// was changed.
    #[error("shard {shard} is not empty: a store is restored into a new one (`tokka store init`)")]
    NotEmpty {
        /// Which one.
        shard: u16,
    },
    /// Only some shards were emptied, and what is brought is of another store. Nothing was changed.
    #[error("this is the history of store `{found}`, and the shards that were emptied are of store `{id}`")]
    OtherStore {
        /// Whose shards they are.
        id: String,
        /// Whose history it is.
        found: String,
    },
    /// It broke off; the shards stay closed, and the same call begins again.
    #[error("the restore broke off, begin it again: {0}")]
    Store(#[from] LedgerError),
}

/// Writes the records of a store that was lost into a new one, or into those of its shards that were emptied: those of its
/// archive, as its events have them, and those of receipts. One may come often; its highest state counts. Documents that were
/// `put` are not among them. `stores` are those whose history it is, as far as that is known: from here on their receipts
/// are as good as the store's own.
///
/// # Errors
/// [`RestoreError`].
pub async fn restore(config: Config, stores: &[String], records: impl Iterator<Item = Record>) -> Result<Restored, RestoreError> {
    let lost = prepare(&config, stores).await?;
    let store = Store::open(config).await?;
    let parts: Vec<&Part> = lost.iter().map(|number| store.part(*number)).collect();
    let epochs = store.shut(&parts).await?;
    let mut restored = Restored { shards: u16::try_from(parts.len()).unwrap_or(u16::MAX), ..Restored::default() };
    let write = |record: Record| {
        let (store, lost) = (&store, &lost);
        async move {
            bounds::record(&record)?;
            let part = store.part_of(&record.shard_key);
            if !lost.contains(&part.post.shard.number) {
                return Ok(None);
            }
            store.merge(part, &record, When::Restoring).await
        }
    };
    let mut writes = stream::iter(records.map(write)).buffer_unordered(WRITES);
    while let Some(written) = writes.next().await {
        restored.read = restored.read.saturating_add(1);
        restored.written = restored.written.saturating_add(u64::from(written?.is_some()));
    }
    store.balance_every().await?;
    for (part, epoch) in parts.iter().zip(epochs) {
        if !part.reopen(epoch).await? {
            return Err(LedgerError::Unavailable("the server was replaced meanwhile".to_owned()).into());
        }
    }
    Ok(restored)
}

/// Which shards are to be restored, with heads where they were lost? Before anything is changed it is certain that the store
/// is new, or has lost these.
async fn prepare(config: &Config, stores: &[String]) -> Result<BTreeSet<u16>, RestoreError> {
    let url = &config.url;
    let link = Link::open(url, LinkConfig { scripts: scripts::ALL, ..LinkConfig::default() }).await.map_err(OpenError::from)?;
    let none = || OpenError::Empty("there is no store at this address".to_owned());
    let written = init::read_root(&link, url.prefix()).await?.ok_or_else(none)?;
    let root = written.read()?;
    let shards = Shard::all(url.prefix(), root.shards);
    let heads = init::heads(&link, &shards).await?;
    let used = heads.iter().position(|head| head.as_ref().is_some_and(|head| head.state != "restoring" && head.end > 0));
    let numbered = || (0_u16..).zip(&heads);
    let targets: BTreeSet<u16> = match used {
        None => numbered().map(|(number, _)| number).collect(),
        Some(used) => {
            let awaits = |head: &Option<init::Head>| head.as_ref().is_none_or(|head| head.state == "restoring");
            let targets: BTreeSet<u16> = numbered().filter(|(_, head)| awaits(head)).map(|(number, _)| number).collect();
            if targets.is_empty() {
                return Err(RestoreError::NotEmpty { shard: u16::try_from(used).unwrap_or(u16::MAX) });
            }
            if let Some(other) = stores.iter().find(|store| **store != root.id && !root.formerly.contains(*store)) {
                return Err(RestoreError::OtherStore { id: root.id, found: other.clone() });
            }
            targets
        }
    };
    init::succeed(&link, url, &written, stores).await?;
    // What was on its way to a shard that was lost arrives there no more: it is granted again, once all is counted.
    let fences: Vec<(u16, u64, u64)> =
        numbered().filter_map(|(from, head)| head.as_ref().map(|head| (from, head.epoch, head.transfers))).collect();
    for (shard, _) in shards.iter().zip(&heads).filter(|(_, head)| head.is_none()) {
        if !root.whole {
            return Err(OpenError::Empty(format!("the making of store `{}` was interrupted", root.id)).into());
        }
        init::make(&link, url, shard, &written, "restoring", &fences).await.map_err(|error| match error {
            InitError::Store(error) => error,
            other => LedgerError::Unavailable(other.to_string()),
        })?;
    }
    Ok(targets)
}

impl Store {
    /// Closes shards that are new or half restored; answers their epochs. Where one of them is neither by now, none is
    /// closed.
    async fn shut(&self, parts: &[&Part]) -> Result<Vec<u64>, RestoreError> {
        let (mut epochs, mut shut_now) = (Vec::with_capacity(parts.len()), Vec::new());
        for part in parts {
            let shut = || part.post.run_in(Lane::Admin, &scripts::SHUT, b"r", Vec::new(), Vec::new(), part.post.wait);
            let mut reply = Reply::of(self.patiently(shut).await?)?;
            let (epoch, _) = (reply.unsigned()?, reply.number()?);
            match reply.text()?.as_str() {
                "closed" => {}
                "shut" => shut_now.push((part, epoch)),
                // Somebody was quicker.
                _ => {
                    for (shut, epoch) in shut_now {
                        shut.reopen(epoch).await?;
                    }
                    return Err(RestoreError::NotEmpty { shard: part.post.shard.number });
                }
            }
            epochs.push(epoch);
        }
        Ok(epochs)
    }

    /// After a loss of whole shards, no counter's allotment is known to add up, however long ago it changed.
    async fn balance_every(&self) -> Result<(), LedgerError> {
        if self.parts.len() < 2 {
            return Ok(());
        }
        self.balance_all().await?;
        let mut counters: BTreeSet<Name> = BTreeSet::new();
        for part in &self.parts {
            for prefix in [part.post.shard.grants(), part.post.shard.banks()] {
                let keys = self.keys(part, &prefix).await?;
                counters.extend(keys.iter().filter_map(|key| key.strip_prefix(prefix.as_slice())).map(Name::from_bytes));
            }
        }
        for counter in &counters {
            self.patiently(|| self.balance(counter)).await?;
        }
        Ok(())
    }
}

impl Part {
    /// `false` where another epoch has begun, or it is open.
    async fn reopen(&self, epoch: u64) -> Result<bool, LedgerError> {
        let arguments = vec![lane::digits(epoch)];
        let opened = self.post.run_in(Lane::Admin, &scripts::OPEN, b"r", Vec::new(), arguments, self.post.wait).await?;
        Ok(number(&opened)? == 1)
    }
}
