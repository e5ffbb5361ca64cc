//! What may a shard sell of a limit that all shards share? Its allotment: granted by the counter's bank, moved between
//! shards, recalled where a limit falls. What is granted in all never exceeds the limit that it was granted under.
//!
//! A shard with allotment left sells without asking anybody. One that runs short asks the bank, then the others for what
//! they have not sold. A claim is refused only where all of them together had too little at one moment with nothing on its
//! way. `transfer` moves allotments, `books` keeps them right after a crash or a loss.
//!
//! Where more is used than a lowered limit allows, every shard is frozen: what comes back is not sold again before less is
//! used than the limit. A limit of a newer revision binds the bank from the first claim on that brings it; of revisions
//! without order (0) the largest limit holds as long as somebody brings it.

use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::change::Move;
use super::lane::{Trouble, digits};
use super::layout::shard_of;
use super::link::Lane;
use super::reply::Reply;
use super::{Part, Store, scripts};
use crate::book::Map;
use crate::name::Name;

mod transfer;

mod books;

use transfer::Stand;
pub(super) use transfer::What;
#[cfg(test)]
pub(super) use transfer::{Debit, Transfer};

/// A refusal holds for so long for as much or more of the same counter.
const REFUSAL_HOLDS: Duration = Duration::from_millis(100);
/// A limit that is kept is looked at again so often: an older instance may have granted beyond it meanwhile.
const LIMIT_HOLDS: Duration = Duration::from_secs(1);
/// Counters that are remembered; all are forgotten beyond.
const REMEMBERED_MAX: usize = 10_000;
/// A claim that finds stock on its way looks again so often before it waits a little.
const ROUNDS_MAX: u32 = 64;
/// From this round on a shard lets others go first, each for another while: two that take from each other would never end.
const ROUNDS_IN_HASTE: u32 = 4;

/// Where a claim did not fit.
pub(super) enum More {
    /// There is more of it now: try again.
    Came,
    /// There is no more; what is used of each counter.
    None(Map<Name, i64>),
    /// Only by an older revision than this one there would be.
    Stale(u64),
}

/// Likewise, of one counter.
enum Gathered {
    Came,
    Refused { used: i64 },
    Stale(u64),
}

/// What this process knows of shared counters.
#[derive(Default)]
pub(super) struct Allotments {
    known: Mutex<Known>,
    turns: Mutex<Map<(Option<u16>, Name), Turn>>,
}

/// Whoever holds it is looking.
type Turn = Arc<tokio::sync::Mutex<()>>;

#[derive(Default)]
struct Known {
    /// Counters that had too little.
    refused: Map<Name, Refused>,
    /// The limit that the last claim on a counter brought, and when it was last made sure of.
    limits: Map<Name, (i64, Instant)>,
    /// How often something was given back: what was asked before may be refused without reason.
    returns: u64,
}

#[derive(Clone, Copy)]
struct Refused {
    at: Instant,
    limit: i64,
    amount: i64,
    used: i64,
}

impl Store {
    /// Claims did not fit, so that nothing was done: is there more elsewhere? `used` and `granted` are as the shard had them.
    pub(super) async fn more(
        &self,
        part: &Part,
        moved: &[Move],
        first_shared: usize,
        used: &[i64],
        granted: &[i64],
        revision: u64,
    ) -> Result<More, Trouble> {
        match self.look_for_more(part, moved, first_shared, used, granted, revision).await {
            // What is unknown is how a transfer went, and that is finished by anybody.
            Err(Trouble::Unknown(why)) => Err(Trouble::NotNow(why)),
            other => other,
        }
    }

    async fn look_for_more(
        &self,
        part: &Part,
        moved: &[Move],
        first_shared: usize,
        used: &[i64],
        granted: &[i64],
        revision: u64,
    ) -> Result<More, Trouble> {
        let own = moved.iter().zip(used).take(first_shared);
        let mut usage: Map<Name, i64> = own.clone().map(|(moved, used)| (moved.counter.clone(), *used)).collect();
        let exceeds = |(moved, used): (&Move, &i64)| moved.limit.is_some_and(|limit| used.saturating_add(moved.by) > limit);
        // Nothing need be brought for what is refused anyway.
        let mut refused = moved.iter().zip(used).any(exceeds);
        if !refused {
            let shared = moved.iter().zip(used).skip(first_shared).zip(granted);
            for ((moved, used), granted) in shared {
                let Some(limit) = moved.limit else { continue };
                if used.saturating_add(moved.by) <= *granted {
                    continue;
                }
                let wanted = Wanted { counter: &moved.counter, by: moved.by, limit, revision };
                match self.gather(part, wanted, *used, *granted).await? {
                    Gathered::Came => {}
                    Gathered::Refused { used } => {
                        usage.insert(moved.counter.clone(), used);
                        refused = true;
                    }
                    Gathered::Stale(newer) => return Ok(More::Stale(newer)),
                }
            }
        }
        if !refused {
            return Ok(More::Came);
        }
        // A refusal tells what is used of every counter that the hold names now, also of those that had enough.
        let shared: Vec<Name> = moved.iter().skip(first_shared).map(|moved| moved.counter.clone()).collect();
        for (counter, now) in shared.iter().zip(self.usage_of(&shared).await?) {
            let told = usage.entry(counter.clone()).or_insert(now);
            // What came back meanwhile does not undo what was found.
            *told = now.max(*told);
        }
        Ok(More::None(usage))
    }

    /// Brings so much of a counter into a shard that what is wanted can be sold there, or finds out that there is too little.
    async fn gather(&self, part: &Part, wanted: Wanted<'_>, used: i64, granted: i64) -> Result<Gathered, Trouble> {
        let Wanted { counter, by, limit, .. } = wanted;
        if let Some(used) = self.allotments.still_refused(counter, by, limit) {
            return Ok(Gathered::Refused { used });
        }
        // One looks for all that wait for the same, and they try again.
        let turn = self.allotments.turn(Some(part.post.shard.number), counter);
        let Ok(_turn) = turn.try_lock() else {
            drop(turn.lock().await);
            return Ok(Gathered::Came);
        };
        // A shard that is frozen has nothing granted as far as its sales can see: how it stands in truth is looked at first.
        if used == 0 || granted > 0 {
            let short = used.saturating_add(by).saturating_sub(granted);
            if self.ask_bank(part, wanted, short).await? {
                return Ok(Gathered::Came);
            }
        }
        for round in 0..ROUNDS_MAX {
            if round >= ROUNDS_IN_HASTE {
                tokio::time::sleep(Duration::from_millis(u64::from(part.post.shard.number % 8).saturating_add(1))).await;
            }
            let asked = self.allotments.ask();
            let stands = self.settled(counter).await?;
            match self.next(part, wanted, &stands).await? {
                Some(Gathered::Refused { used }) => {
                    self.allotments.refuse(counter, asked, Refused { at: asked.at, limit, amount: by, used });
                    return Ok(Gathered::Refused { used });
                }
                Some(gathered) => return Ok(gathered),
                None => {}
            }
        }
        Err(Trouble::NotNow(format!("stock of `{counter}` moves between shards")))
    }

    /// One step nearer to what is wanted, from how all shards stand at one moment; `None` where it is to be looked at again.
    async fn next(&self, part: &Part, wanted: Wanted<'_>, stands: &[Stand]) -> Result<Option<Gathered>, Trouble> {
        let Wanted { counter, by, limit, revision } = wanted;
        let (to, bank) = (part.post.shard.number, self.bank_of(counter));
        let (Some(here), Some(at_bank)) = (stands.get(usize::from(to)), stands.get(usize::from(bank))) else {
            return Err(transfer::no_such_shard());
        };
        let used = stands.iter().map(|stand| stand.used).fold(0, i64::saturating_add);
        let granted = stands.iter().map(|stand| stand.granted).fold(0, i64::saturating_add);
        if used.saturating_add(by) > limit {
            return Ok(Some(Gathered::Refused { used }));
        }
        // What binds us, where somebody knows a newer revision.
        let newer = at_bank.binds.filter(|(newest, _)| revision != 0 && revision < *newest);
        let binding = newer.map_or(limit, |(_, binding)| binding.min(limit));
        if used.saturating_add(by) > binding {
            return Ok(Some(Gathered::Stale(newer.map_or(0, |(newest, _)| newest))));
        }
        if granted != at_bank.bank || stands.iter().any(|stand| stand.used > stand.granted) {
            // Only a loss leaves this behind.
            self.balance(counter).await?;
        } else if granted > binding {
            self.recall(counter, binding).await?;
        } else if stands.iter().any(|stand| stand.frozen) {
            self.thaw(counter, stands).await?;
        } else {
            let short = here.used.saturating_add(by).saturating_sub(here.granted);
            if short <= 0 || granted < binding && self.ask_bank(part, wanted, short).await? {
                return Ok(Some(Gathered::Came));
            }
            let others = (0_u16..).zip(stands).filter(|(number, stand)| *number != to && stand.spare() > 0);
            if let Some((from, _)) = others.max_by_key(|(_, stand)| stand.spare()) {
                let moved = self.transfer(from, to, What::Move, wanted, short).await?;
                if moved.is_some_and(|amount| amount >= short) {
                    return Ok(Some(Gathered::Came));
                }
            }
        }
        Ok(None)
    }

    /// Is as much granted as a shard is short of?
    async fn ask_bank(&self, part: &Part, wanted: Wanted<'_>, short: i64) -> Result<bool, Trouble> {
        let to = part.post.shard.number;
        let granted = self.transfer(self.bank_of(wanted.counter), to, What::Grant, wanted, short).await?;
        Ok(granted.is_some_and(|amount| amount >= short))
    }

    /// Claims bring limits: what was granted beyond them comes back, as far as it is not sold, before one of them is sold by.
    pub(super) async fn keep_limits(&self, moved: &[Move], revision: u64) -> Result<(), Trouble> {
        for Move { counter, limit, .. } in moved {
            let Some(limit) = *limit else { continue };
            match self.allotments.keeps(counter, limit) {
                Keeps::Yes => {}
                // Nobody waits for a second look.
                Keeps::AsOfLate => {
                    let _ = self.keep_limit(counter, limit, revision).await;
                }
                Keeps::No => {
                    let turn = self.allotments.turn(None, counter);
                    let _turn = turn.lock().await;
                    if matches!(self.allotments.keeps(counter, limit), Keeps::No) {
                        self.keep_limit(counter, limit, revision).await?;
                        self.allotments.note_limit(counter, limit);
                    }
                }
            }
        }
        Ok(())
    }

    async fn keep_limit(&self, counter: &Name, limit: i64, revision: u64) -> Result<(), Trouble> {
        let post = &self.part(self.bank_of(counter)).post;
        let arguments = vec![digits(limit), digits(revision)];
        let keys = vec![post.shard.bank(counter)];
        let said = post.run_in(Lane::Admin, &scripts::BIND, b"", keys, arguments, post.wait).await?;
        let read = || {
            let mut said = Reply::of(said)?;
            Ok((said.number()?, said.number()?))
        };
        let (granted, binding) = read().map_err(Trouble::Never)?;
        if granted > binding {
            self.recall(counter, binding).await?;
        }
        Ok(())
    }

    /// Takes back what is granted beyond a limit as far as it is not sold. Where more than the limit is sold, all shards are
    /// frozen.
    async fn recall(&self, counter: &Name, limit: i64) -> Result<(), Trouble> {
        let bank = self.bank_of(counter);
        let wanted = Wanted { counter, by: 0, limit, revision: 0 };
        let mut froze = false;
        for _ in 0..ROUNDS_MAX {
            let stands = self.settled(counter).await?;
            let granted = stands.iter().map(|stand| stand.granted).fold(0, i64::saturating_add);
            let mut beyond = granted.saturating_sub(limit);
            if beyond <= 0 {
                return Ok(());
            }
            let mut sold = true;
            for (from, stand) in (0_u16..).zip(&stands) {
                let amount = stand.spare().min(beyond);
                if amount > 0 {
                    sold = false;
                    self.transfer(from, bank, What::Recall, wanted, amount).await?;
                    beyond = beyond.saturating_sub(amount);
                }
            }
            if sold && froze {
                return Ok(());
            }
            if sold {
                self.freeze(counter).await?;
                // What came back in between is there to be taken.
                froze = true;
            }
        }
        Err(Trouble::NotNow(format!("stock of `{counter}` moves between shards")))
    }

    fn bank_of(&self, counter: &Name) -> u16 {
        shard_of(counter.as_bytes(), self.shards())
    }
}

/// What a claim asks for.
#[derive(Debug, Clone, Copy)]
struct Wanted<'a> {
    counter: &'a Name,
    by: i64,
    limit: i64,
    /// Of the catalogue that the limit is of; 0 where it is of none.
    revision: u64,
}

/// Is a limit kept?
enum Keeps {
    Yes,
    /// It was a while ago; who is told so looks again for all.
    AsOfLate,
    No,
}

/// When a question began.
#[derive(Clone, Copy)]
struct Asked {
    at: Instant,
    returns: u64,
}

impl Allotments {
    /// Something of these counters was given back: it is there for whoever asks now.
    pub(super) fn note_returns(&self, moved: &[Move]) {
        if moved.iter().all(|moved| moved.by >= 0) {
            return;
        }
        let mut known = self.known();
        known.returns = known.returns.wrapping_add(1);
        for moved in moved.iter().filter(|moved| moved.by < 0) {
            known.refused.remove(&moved.counter);
        }
    }

    /// As a process that was only just started.
    #[cfg(test)]
    pub(super) fn forget_all(&self) {
        *self.known() = Known::default();
    }

    fn still_refused(&self, counter: &Name, by: i64, limit: i64) -> Option<i64> {
        let refused = self.known().refused.get(counter).copied()?;
        let holds = refused.at.elapsed() <= REFUSAL_HOLDS && limit <= refused.limit && by >= refused.amount;
        holds.then_some(refused.used)
    }

    fn ask(&self) -> Asked {
        Asked { at: Instant::now(), returns: self.known().returns }
    }

    fn refuse(&self, counter: &Name, asked: Asked, refused: Refused) {
        let mut known = self.known();
        if known.returns != asked.returns {
            return;
        }
        if known.refused.len() >= REMEMBERED_MAX {
            known.refused.clear();
        }
        known.refused.insert(counter.clone(), refused);
    }

    fn keeps(&self, counter: &Name, limit: i64) -> Keeps {
        match self.known().limits.get_mut(counter) {
            Some((kept, at)) if *kept == limit => {
                if at.elapsed() < LIMIT_HOLDS {
                    return Keeps::Yes;
                }
                *at = Instant::now();
                Keeps::AsOfLate
            }
            _ => Keeps::No,
        }
    }

    fn note_limit(&self, counter: &Name, limit: i64) {
        let mut known = self.known();
        if known.limits.len() >= REMEMBERED_MAX {
            known.limits.clear();
        }
        known.limits.insert(counter.clone(), (limit, Instant::now()));
    }

    /// Whoever has it looks after a counter in a shard (`None`: after its limit), for all of this process.
    fn turn(&self, shard: Option<u16>, counter: &Name) -> Turn {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.len() >= REMEMBERED_MAX {
            turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        }
        match turns.entry((shard, counter.clone())) {
            Entry::Occupied(turn) => Arc::clone(turn.get()),
            Entry::Vacant(turn) => Arc::clone(turn.insert(Arc::default())),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
