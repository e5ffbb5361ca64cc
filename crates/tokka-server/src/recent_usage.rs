//! How much was used a moment ago? What pages show of shared quantities is at most one second old, so that a sale that
//! everybody looks at costs the store a few reads a second. What is a customer's own is read anew each time.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokka_core::basket::Basket;
use tokka_core::quote::Counter;
use tokka_core::rulebook::Rulebook;
use tokka_core::table::{CounterIx, Table};
use tokka_ledger::Ledger;
use tokka_ledger::name::Name;

use crate::claims;
use crate::counters::{Counters, StoreSilent};

/// Nothing older is shown.
const AGE_MAX: Duration = Duration::from_secs(1);
/// From this age on, one call reads it again while the others go on with what is known: nobody waits for a hot counter.
const RENEWED_AT: Duration = Duration::from_millis(500);
/// More counters are not kept: what is old goes first, then all.
const NAMES_MAX: usize = 100_000;

/// The usage that a ledger told within the last second.
pub(crate) struct RecentUsage {
    ledger: Arc<dyn Ledger>,
    seen: Mutex<HashMap<Name, Seen>>,
}

/// What was read of one counter.
#[derive(Debug, Clone, Copy)]
struct Seen {
    used: i64,
    /// Before the store was asked: it is not older than this says.
    asked_at: Instant,
    /// Since when somebody reads it again.
    renewed_since: Option<Instant>,
}

/// What is known of the counters that a call asks about, and which of them it reads.
#[derive(Debug, Default, PartialEq, Eq)]
struct Looked {
    known: Vec<Option<i64>>,
    /// Positions.
    to_read: Vec<usize>,
}

impl RecentUsage {
    pub(crate) fn new(ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger, seen: Mutex::new(HashMap::new()) }
    }

    /// The usage of all of these, in their order: at most one read, however many there are.
    ///
    /// # Errors
    /// [`StoreSilent`]: the store did not answer, and something is not known.
    pub(crate) async fn of(&self, names: &[Name]) -> Result<Vec<i64>, StoreSilent> {
        let asked_at = Instant::now();
        let Looked { mut known, to_read } = self.look(names, asked_at);
        if !to_read.is_empty() {
            let asked: Vec<Name> = to_read.iter().filter_map(|position| names.get(*position).cloned()).collect();
            match self.ledger.usage(&asked).await {
                Ok(used) => {
                    self.note(&asked, &used, asked_at);
                    for (position, used) in to_read.iter().zip(used) {
                        if let Some(known) = known.get_mut(*position) {
                            *known = Some(used);
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, counters = asked.len(), "usage for pages was not read"),
            }
        }
        known.into_iter().collect::<Option<Vec<i64>>>().ok_or(StoreSilent)
    }

    fn look(&self, names: &[Name], now: Instant) -> Looked {
        let mut looked = Looked::default();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (position, name) in names.iter().enumerate() {
            let recent = if claims::user_of(name).is_some() { None } else { seen.get_mut(name) };
            let recent = recent.filter(|seen| now.saturating_duration_since(seen.asked_at) <= AGE_MAX);
            looked.known.push(recent.as_ref().map(|seen| seen.used));
            let Some(recent) = recent else {
                looked.to_read.push(position);
                continue;
            };
            let aged = now.saturating_duration_since(recent.asked_at) >= RENEWED_AT;
            // Who began to read it again and was not answered for so long does not keep the others from it.
            let in_hand = recent.renewed_since.is_some_and(|since| now.saturating_duration_since(since) < RENEWED_AT);
            if aged && !in_hand {
                recent.renewed_since = Some(now);
                looked.to_read.push(position);
            }
        }
        looked
    }

    fn note(&self, names: &[Name], used: &[i64], asked_at: Instant) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len().saturating_add(names.len()) > NAMES_MAX {
            seen.retain(|_, seen| asked_at.saturating_duration_since(seen.asked_at) <= AGE_MAX);
            if seen.len().saturating_add(names.len()) > NAMES_MAX {
                seen.clear();
            }
        }
        for (name, used) in names.iter().zip(used).filter(|(name, _)| claims::user_of(name).is_none()) {
            // An answer that was overtaken does not take the place of a newer one.
            if seen.get(name).is_none_or(|earlier| earlier.asked_at <= asked_at) {
                seen.insert(name.clone(), Seen { used: *used, asked_at, renewed_since: None });
            }
        }
    }
}

impl fmt::Debug for RecentUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecentUsage")
    }
}

#[tonic::async_trait]
impl Counters for RecentUsage {
    async fn used(
        &self,
        rulebook: &Rulebook,
        basket: &Basket,
        asked: &Table<CounterIx, Counter>,
    ) -> Result<Vec<i64>, StoreSilent> {
        let names: Vec<Name> = asked.rows().iter().map(|counter| claims::name(rulebook, basket, counter.key)).collect();
        self.of(&names).await
    }
}

#[cfg(test)]
mod tests {
    use tokka_ledger::memory::Memory;

    use super::*;

    fn usage() -> RecentUsage {
        RecentUsage::new(Arc::new(Memory::default()))
    }

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn what_is_at_most_a_second_old_is_not_read_and_one_call_renews_it() {
        let usage = usage();
        let stock = [claims::stock_name("flash", None)];
        let start = Instant::now();
        let at = |ms| usage.look(&stock, after(start, ms));
        assert_eq!(at(0), Looked { known: vec![None], to_read: vec![0] });
        usage.note(&stock, &[7], start);
        assert_eq!(at(499), Looked { known: vec![Some(7)], to_read: vec![] });
        assert_eq!(at(500), Looked { known: vec![Some(7)], to_read: vec![0] }, "one renews it");
        assert_eq!(at(501), Looked { known: vec![Some(7)], to_read: vec![] }, "the others go on");
        assert_eq!(at(1_000).known, vec![Some(7)]);
        assert_eq!(at(1_001), Looked { known: vec![None], to_read: vec![0] });
        usage.note(&stock, &[9], after(start, 1_001));
        usage.note(&stock, &[8], after(start, 900));
        assert_eq!(at(1_100), Looked { known: vec![Some(9)], to_read: vec![] }, "the newer answer stays");
    }

    #[test]
    fn a_customers_own_is_read_each_time() {
        let usage = usage();
        let own = [Name::of(&["user_units", "flash", "", "u1"])];
        let start = Instant::now();
        usage.note(&own, &[1], start);
        assert_eq!(usage.look(&own, start), Looked { known: vec![None], to_read: vec![0] });
    }
}
