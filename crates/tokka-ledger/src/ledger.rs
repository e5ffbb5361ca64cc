//! What can be asked of a ledger? The trait that every back end keeps, with what each operation promises.

use async_trait::async_trait;

use crate::model::{
    Audit, Committed, Cursor, Events, Extended, Hold, IfExpired, Millis, Put, Record, Reserved, Revived, Rollback, RolledBack,
    Versioned,
};
use crate::name::Name;

/// Why a ledger did not answer. The ledger fails closed: when the store cannot answer, nothing is promised.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// Nothing was done; the same call may be repeated.
    #[error("the store cannot answer: {0}")]
    Unavailable(String),
    /// It may have been done: repeat under the same id.
    #[error("the outcome is unknown: {0}")]
    OutcomeUnknown(String),
    /// What there was is gone, or there never was a store: nothing was done, and nothing will be until an operator has
    /// looked at it.
    #[error("the store is empty: {0}")]
    Empty(String),
    /// The queue is full: nothing was done.
    #[error("the store is overloaded")]
    Overloaded,
    /// The call breaks a bound (amounts, a counter twice); a bug of the caller.
    #[error("malformed operation: {0}")]
    Malformed(String),
}

/// Counters and holds. Every answer leaves after all that it has seen is durable, as far as the back end goes.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// Every claim fits or none is taken.
    async fn reserve(&self, hold: Hold) -> Result<Reserved, LedgerError>;

    /// Reserve and commit in one step.
    async fn take(&self, hold: Hold) -> Result<Reserved, LedgerError>;

    /// Once; again: the same answer. HELD succeeds at any time, also past its deadline. The note goes into the record in
    /// the same step, and only if this call commits it: a refused or a repeated commit leaves the record as it is.
    async fn commit(
        &self,
        shard_key: &str,
        id: &str,
        if_expired: IfExpired,
        note: Option<Vec<u8>>,
    ) -> Result<Committed, LedgerError>;

    /// Whole at any time, in part after commit, each `rollback_id` once.
    async fn rollback(&self, shard_key: &str, id: &str, rollback: Rollback) -> Result<RolledBack, LedgerError>;

    /// Longer while HELD; never shorter than it is.
    async fn extend(&self, shard_key: &str, id: &str, until: Millis) -> Result<Extended, LedgerError>;

    /// Releases a HELD record of the same shard key and takes a hold in one step, or changes nothing.
    async fn replace(&self, old: &str, hold: Hold) -> Result<Reserved, LedgerError>;

    /// Takes the claims of at most `max` holds back whose deadline has passed; answers how many.
    async fn expire(&self, max: usize) -> Result<usize, LedgerError>;

    /// Lets at most `max` records go that are not HELD and whose last transition or deadline, whichever is later, lies
    /// `retention` back, oldest first; answers how many. What they still hold moves to what has *aged* of its counters in
    /// the same step, so `used` stays as it is. A record with returns leaves a stub for [`crate::bounds::STUB_KEPT_MS`],
    /// documents stay, and the log says nothing: it is no transition.
    async fn age(&self, max: usize) -> Result<usize, LedgerError>;

    /// Brings a COMMITTED record back that has aged, from a receipt whose signature the caller has checked: what it holds
    /// moves from what has aged back to it. Nothing is claimed again, and the log says nothing.
    async fn revive(&self, record: Record) -> Result<Revived, LedgerError>;

    /// Makes a record stand again that a fail-over has lost, from a receipt whose signature the caller has checked; `None`
    /// where nothing was lost of it, or what stands is as high. A paid one comes back whatever is used meanwhile, a held one
    /// only where it still fits. Back ends that lose nothing bring nothing back.
    async fn recover(&self, record: Record) -> Result<Option<Record>, LedgerError> {
        let _ = record;
        Ok(None)
    }

    /// Raises the lowest revision that holds are admitted at, which never falls; answers the one in force, durable.
    async fn admit(&self, revision: u64) -> Result<u64, LedgerError>;

    /// The lowest revision that holds are admitted at; 0 at first.
    async fn admitted(&self) -> Result<u64, LedgerError>;

    /// What is used of each counter, in order; one never seen is 0.
    async fn usage(&self, counters: &[Name]) -> Result<Vec<i64>, LedgerError>;

    /// What the HELD records of a shard key hold of each counter, in order: what a customer's open orders take of their
    /// own limits. It reads each of them.
    async fn held(&self, shard_key: &str, counters: &[Name]) -> Result<Vec<i64>, LedgerError>;

    /// A record.
    async fn get(&self, shard_key: &str, id: &str) -> Result<Option<Record>, LedgerError>;

    /// Writes a document if it has this version (0: if it does not exist).
    async fn put(&self, name: &Name, if_version: u64, bytes: Vec<u8>) -> Result<Put, LedgerError>;

    /// A document that `put` or a COMMITTED record wrote.
    async fn document(&self, name: &Name) -> Result<Option<Versioned>, LedgerError>;

    /// The log after a cursor (the default one: from the beginning of what is kept): at most `max` entries, and about
    /// [`crate::EVENTS_BYTES_MAX`] bytes, so that there may be more behind a batch of fewer than `max`. One without
    /// entries is the end. Of the stored answers of returns an event has the one that was
    /// given by its own version.
    async fn events(&self, after: &Cursor, max: usize) -> Result<Events, LedgerError>;

    /// Entries are kept until every registered reader has passed them, at most `log_max`. Registers the reader, or
    /// notes that it has passed this cursor.
    async fn pass(&self, reader: &str, cursor: &Cursor) -> Result<(), LedgerError>;

    /// Where a registered reader is.
    async fn reader(&self, reader: &str) -> Result<Option<Cursor>, LedgerError>;

    /// What the store is called, which no other one is; behind it what stores were called whose history was restored into it.
    fn ids(&self) -> Vec<String>;

    /// The store's clock.
    async fn now(&self) -> Result<Millis, LedgerError>;

    /// Counts what there is, and compares counters with records (`used = aged + Σ held or settled − returned`) and
    /// records with the log. It reads every record.
    async fn audit(&self) -> Result<Audit, LedgerError>;

    /// The counters that an audit finds to differ, with what they should be and what they are.
    async fn verify(&self) -> Result<Vec<(Name, i64, i64)>, LedgerError> {
        Ok(self.audit().await?.differences)
    }
}
