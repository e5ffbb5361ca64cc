//! How do the totals follow the log? First the archive is read, then the log from where it begins, and then whatever comes;
//! what was counted is told by its order and version, so that nothing counts twice wherever it is met.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokka_ledger::LedgerError;
use tokka_ledger::archive::{Archive, ArchiveError};
use tokka_ledger::model::{Event, Events};

use super::facts::{self, OrderRow, key_of};
use super::fold::Changes;
use super::tables::{Broken, State, Tables};
use crate::claims::coupons::used_instance;
use crate::error::ApiError;
use crate::reservations::Reservations;

/// Entries that are counted in one step.
const STEP: usize = 500;

/// Totals, and how far they are.
#[derive(Debug)]
pub(crate) struct Totals {
    /// `None` once the server has stopped: the next one finds the file free, whoever still holds this.
    tables: RwLock<Option<Tables>>,
    as_of: AtomicI64,
    rebuilding: AtomicBool,
}

impl Totals {
    /// Of a store.
    ///
    /// # Errors
    /// [`Broken`].
    pub(crate) fn open(path: &std::path::Path, store: &str) -> Result<Self, Broken> {
        let tables = Tables::open(path, store)?;
        let state = tables.state()?;
        let tables = RwLock::new(Some(tables));
        Ok(Self { tables, as_of: AtomicI64::new(state.as_of), rebuilding: AtomicBool::new(!state.in_log) })
    }

    /// Reads or writes the tables, on a thread that may wait for the disk.
    ///
    /// # Errors
    /// [`Broken`]; they are closed, too.
    pub(crate) fn with<T>(&self, call: impl FnOnce(&Tables) -> Result<T, Broken>) -> Result<T, Broken> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        call(tables.as_ref().ok_or(Broken::Closed)?)
    }

    /// Lets go of the file, once whoever reads is through.
    pub(crate) fn close(&self) {
        self.tables.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// Everything that happened before this moment is counted; the store's clock.
    pub(crate) fn as_of(&self) -> i64 {
        self.as_of.load(Ordering::Acquire)
    }

    /// The archive is not read to its end yet.
    pub(crate) fn rebuilding(&self) -> bool {
        self.rebuilding.load(Ordering::Acquire)
    }
}

/// Why it does not go on for now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Stuck {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    Totals(#[from] Broken),
    #[error("{0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Whoever counts.
pub(crate) struct Follower {
    pub(crate) totals: Arc<Totals>,
    pub(crate) reservations: Arc<Reservations>,
    pub(crate) archive: Archive,
    pub(crate) every: Duration,
}

impl Follower {
    /// Counts until `ended` holds.
    pub(crate) async fn follow(self, mut ended: watch::Receiver<bool>) {
        // Looked at between steps: one that is begun is written whole.
        while !*ended.borrow() {
            match self.step(&ended).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(%error, "statistics and settlement do not go on for now"),
            }
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                // Where nobody is left to say it, this ends with the server.
                changed = ended.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Counts what comes next; is there more?
    async fn step(&self, ended: &watch::Receiver<bool>) -> Result<bool, Stuck> {
        let mut state = self.totals.with(Tables::state)?;
        if !state.in_log {
            self.replay(&mut state, ended).await?;
            return Ok(true);
        }
        let ledger = &*self.reservations.ledger;
        let now = ledger.now().await?;
        match ledger.events(&state.cursor, STEP).await? {
            Events::Batch(events, _) if events.is_empty() => {
                // Whatever happens from here on has a later moment.
                self.totals.as_of.store(now, Ordering::Release);
                Ok(false)
            }
            Events::Batch(events, next) => {
                state.cursor = next;
                state.as_of = self.totals.as_of();
                self.count(&events, state).await?;
                Ok(true)
            }
            Events::Gap(next) => {
                tracing::warn!("the log has dropped what was not counted yet: the archive is read instead");
                state.in_log = false;
                state.cursor = next;
                self.totals.rebuilding.store(true, Ordering::Release);
                self.count(&[], state).await?;
                Ok(true)
            }
        }
    }

    /// Counts the archive, a day at a time.
    async fn replay(&self, state: &mut State, ended: &watch::Receiver<bool>) -> Result<(), Stuck> {
        let mut gaps = 0_i64;
        for day in self.days().await? {
            let archive = self.archive.clone();
            let read = tokio::task::spawn_blocking(move || archive.day(&day)).await??;
            gaps = gaps.saturating_add(i64::try_from(read.gaps).unwrap_or(i64::MAX));
            for events in read.events.chunks(STEP) {
                if *ended.borrow() {
                    return Ok(());
                }
                *state = self.count(events, state.clone()).await?;
            }
        }
        state.in_log = true;
        state.gaps = gaps;
        *state = self.count(&[], state.clone()).await?;
        self.totals.rebuilding.store(false, Ordering::Release);
        Ok(())
    }

    async fn days(&self) -> Result<Vec<String>, Stuck> {
        let archive = self.archive.clone();
        Ok(tokio::task::spawn_blocking(move || archive.days()).await??)
    }

    /// Adds events to the totals in one step with the state; answers the state that stands now.
    async fn count(&self, events: &[Event], mut state: State) -> Result<State, Stuck> {
        let keys = events.iter().map(|event| key_of(&event.entry.shard_key, &event.entry.id));
        let mut rows = self.totals.with(|tables| tables.orders(keys))?;
        let claims = events.iter().filter_map(|event| event.record.as_ref()).flat_map(|record| &record.claims);
        let used = claims.filter_map(|claim| used_instance(&claim.counter));
        let known = self.totals.with(|tables| tables.coupons(used))?;
        let mut changes = Changes::default();
        for event in events {
            let key = key_of(&event.entry.shard_key, &event.entry.id);
            let row = rows.get(&key).cloned().unwrap_or_default();
            if row.version >= event.entry.version {
                continue;
            }
            let coupon_of = |key: &[u8]| changes.coupons.get(key).or_else(|| known.get(key)).cloned();
            match facts::read(&self.reservations, event, &row, coupon_of).await {
                Ok(fact) => {
                    changes.add(&fact);
                    rows.insert(key, fact.row);
                }
                Err(ApiError::Store(error)) => return Err(error.into()),
                Err(error) => {
                    let (id, version) = (&event.entry.id, event.entry.version);
                    tracing::error!(
                        reservation_id = id,
                        version,
                        ?error,
                        "an entry of the log is missing in statistics and settlement"
                    );
                    let row = OrderRow { version, ..row };
                    changes.unreadable = changes.unreadable.saturating_add(1);
                    changes.orders.insert(key.clone(), row.clone());
                    rows.insert(key, row);
                }
            }
        }
        state.unreadable = state.unreadable.saturating_add(changes.unreadable);
        let (totals, kept) = (Arc::clone(&self.totals), state.clone());
        tokio::task::spawn_blocking(move || totals.with(|tables| tables.apply(&changes, &kept))).await??;
        Ok(state)
    }
}
