//! How does a store come back that was lost with its servers? Its history is written again, record by record, into a new and
//! empty one: of each reservation its highest state, and with it counters, wallets and deadlines.
//!
//! It is the merge of `recovery`, so that neither order nor repetition matters, and one that broke off is begun again. The
//! shards are closed until all of it is there.

use futures_util::StreamExt;
use futures_util::stream;

use super::link::Lane;
use super::recovery::When;
use super::reply::{Reply, number};
use super::{Config, OpenError, Store, lane, scripts};
use crate::bounds;
use crate::ledger::LedgerError;
use crate::model::Record;

/// Records that are written side by side.
const WRITES: usize = 64;

/// What was brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Restored {
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
    /// Something was written into it already, and not by a restore that broke off.
    #[error("shard {shard} is not empty: a store is restored into a new one (`tokka store init`)")]
    NotEmpty {
        /// Which one.
        shard: u16,
    },
    /// It broke off; the shards stay closed, and the same call begins again.
    #[error("the restore broke off, begin it again: {0}")]
    Store(#[from] LedgerError),
}

/// Writes the records of a store that was lost into a new one: those of its archive, as its events have them, and those of
/// receipts. One may come often; its highest state counts. Documents that were `put` are not among them, and stored answers
/// of returns are those that the records bring: an event of an archive has that of its own version, and no other.
///
/// # Errors
/// [`RestoreError`].
pub async fn restore(config: Config, records: impl Iterator<Item = Record>) -> Result<Restored, RestoreError> {
    let store = Store::open(config).await?;
    let mut epochs = Vec::with_capacity(store.parts.len());
    for part in &store.parts {
        let shut = || part.post.run_in(Lane::Admin, &scripts::SHUT, b"r", Vec::new(), Vec::new(), part.post.wait);
        let mut reply = Reply::of(store.patiently(shut).await?)?;
        let (epoch, _) = (reply.unsigned()?, reply.number()?);
        if reply.number()? != 1 {
            return Err(RestoreError::NotEmpty { shard: part.post.shard.number });
        }
        epochs.push(epoch);
    }
    let mut restored = Restored::default();
    let write = |record: Record| {
        let store = &store;
        async move {
            bounds::record(&record)?;
            let part = store.part_of(&record.shard_key);
            store.merge(part, &record, When::Restoring).await
        }
    };
    let mut writes = stream::iter(records.map(write)).buffer_unordered(WRITES);
    while let Some(written) = writes.next().await {
        restored.read = restored.read.saturating_add(1);
        restored.written = restored.written.saturating_add(u64::from(written?.is_some()));
    }
    store.balance_all().await?;
    for (part, epoch) in store.parts.iter().zip(epochs) {
        let arguments = vec![lane::digits(epoch)];
        let opened = part.post.run_in(Lane::Admin, &scripts::OPEN, b"r", Vec::new(), arguments, part.post.wait).await;
        if number(&opened.map_err(LedgerError::from)?)? != 1 {
            return Err(LedgerError::Unavailable("the server was replaced meanwhile".to_owned()).into());
        }
    }
    Ok(restored)
}
