//! What may a shard sell of a limit that all shards share? Its allotment: granted by the counter's bank, moved between
//! shards, recalled where a limit falls. Σ granted never exceeds the limit that it was granted under.
//!
//! A transfer leaves one shard under an id (debit), arrives in the other once by that id (credit), and is closed. It only
//! goes forward, and anybody finishes what is open: a crash between the steps delays stock and never sells it twice. A claim
//! is refused only where bank and shards together have too little and nothing is on its way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::Value;

use super::ask::More;
use super::change::Move;
use super::lane::{Trouble, digits};
use super::layout::shard_of;
use super::link::{Lane, Script};
use super::reply::{Reply, number, strange};
use super::{Part, Store, codec, scripts};
use crate::book::Map;
use crate::ledger::LedgerError;
use crate::name::Name;

/// A refusal holds for so long for as much or more of the same counter.
const REFUSAL_HOLDS: Duration = Duration::from_millis(100);
/// Refusals that are remembered; all are forgotten beyond.
const REFUSALS_MAX: usize = 10_000;
/// A claim that finds stock on its way looks again so often before it waits a little.
const ROUNDS_MAX: usize = 64;

/// What this process knows of shared counters.
#[derive(Default)]
pub(super) struct Allotments {
    /// Counters that had too little: since when, under which limit, for how much, and what was used.
    refused: Mutex<HashMap<Name, Refused, foldhash::fast::RandomState>>,
    /// The limit that the last claim on a counter brought.
    limits: Mutex<HashMap<Name, i64, foldhash::fast::RandomState>>,
}

#[derive(Clone, Copy)]
struct Refused {
    at: Instant,
    limit: i64,
    amount: i64,
    used: i64,
}

/// A transfer on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Transfer {
    pub(super) from: u16,
    pub(super) to: u16,
    /// As the shard that it left has noted it.
    note: Vec<u8>,
    epoch: u64,
    number: u64,
    what: String,
    amount: i64,
    pub(super) counter: Name,
}

/// What came of a debit.
pub(super) enum Debit {
    /// Another one has to be finished before, or this one now.
    Open(Transfer),
    /// There was nothing.
    Nothing,
    /// It was within one shard.
    Done,
}

/// How a counter stands in one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Stand {
    used: i64,
    granted: i64,
    /// By its bank, in all.
    bank: Option<i64>,
    transfers: u64,
    open: Vec<Transfer>,
}

impl Store {
    /// A claim did not fit: is there more of it elsewhere? `used` and `granted` are as the shard had them.
    pub(super) async fn more(
        &self,
        part: &Part,
        moved: &[Move],
        first_shared: usize,
        used: &[i64],
        granted: &[i64],
    ) -> Result<More, Trouble> {
        let mut usage: Map<Name, i64> = moved.iter().zip(used).map(|(moved, used)| (moved.counter.clone(), *used)).collect();
        let mut refused = moved.iter().zip(used).take(first_shared).any(|(moved, used)| !fits(*used, moved.by, moved.limit));
        let shared = moved.iter().zip(used).skip(first_shared);
        let mut came = false;
        for ((moved, used), granted) in shared.zip(granted) {
            let Some(limit) = moved.limit else { continue };
            let short = used.saturating_add(moved.by).saturating_sub(*granted);
            // A refusal names what is used of each counter in all, also of those that were not short.
            if short <= 0 {
                continue;
            }
            match self.gather(part, &moved.counter, moved.by, limit).await? {
                None => came = true,
                Some(sum) => {
                    usage.insert(moved.counter.clone(), sum);
                    refused = true;
                }
            }
        }
        if !refused {
            return if came { Ok(More::Came) } else { Err(Trouble::NotNow("stock moves between shards".to_owned())) };
        }
        let sums: Vec<Name> = moved.iter().skip(first_shared).map(|moved| moved.counter.clone()).collect();
        for (counter, sum) in sums.iter().zip(self.usage_of(&sums).await?) {
            let told = usage.entry(counter.clone()).or_insert(sum);
            *told = sum.max(*told);
        }
        Ok(More::None(usage))
    }

    /// Brings so much of a counter into a shard that `by` more can be sold there; `None` once it is there, or else what is
    /// used in all: there is too little.
    async fn gather(&self, part: &Part, counter: &Name, by: i64, limit: i64) -> Result<Option<i64>, Trouble> {
        if let Some(used) = self.allotments.still_refused(counter, by, limit) {
            return Ok(Some(used));
        }
        let (to, bank) = (part.post.shard.number, self.bank_of(counter));
        for _ in 0..ROUNDS_MAX {
            let stands = self.survey(counter).await?;
            let here = stands.get(usize::from(to)).ok_or_else(no_such_shard)?;
            let short = here.used.saturating_add(by).saturating_sub(here.granted);
            if short <= 0 {
                return Ok(None);
            }
            let open: Vec<&Transfer> =
                stands.iter().flat_map(|stand| &stand.open).filter(|open| open.counter == *counter).collect();
            let granted = stands.iter().find_map(|stand| stand.bank).unwrap_or(0);
            let spare = |stand: &Stand| stand.granted.saturating_sub(stand.used).max(0);
            let ungranted = limit.saturating_sub(granted).max(0);
            let together = stands.iter().map(spare).fold(ungranted, i64::saturating_add);
            if !open.is_empty() {
                for transfer in open {
                    self.finish(transfer).await?;
                }
                continue;
            }
            if together < by {
                // Nothing was on its way while it was added up, or the second look would differ.
                let again = self.survey(counter).await?;
                if again.iter().zip(&stands).all(|(again, stand)| again.transfers == stand.transfers && again.open == stand.open)
                {
                    let still = again.iter().map(spare).fold(
                        limit.saturating_sub(again.iter().find_map(|stand| stand.bank).unwrap_or(0)).max(0),
                        i64::saturating_add,
                    );
                    if still < by {
                        let used = again.iter().map(|stand| stand.used).fold(0, i64::saturating_add);
                        self.allotments.refuse(counter, by, limit, used);
                        return Ok(Some(used));
                    }
                }
                continue;
            }
            if ungranted > 0 {
                self.send(bank, to, "grant", counter, short, limit).await?;
            } else if let Some((from, _)) = (0_u16..)
                .zip(&stands)
                .filter(|(number, stand)| *number != to && spare(stand) > 0)
                .max_by_key(|(_, stand)| spare(stand))
            {
                self.send(from, to, "move", counter, short, limit).await?;
            }
        }
        Err(Trouble::NotNow("stock moves between shards".to_owned()))
    }

    /// A claim brings another limit than the last one did: what was granted beyond it comes back, as far as it is not sold.
    pub(super) async fn keep_limit(&self, counter: &Name, limit: i64) -> Result<(), Trouble> {
        if !self.allotments.is_new(counter, limit) {
            return Ok(());
        }
        let bank = self.bank_of(counter);
        for _ in 0..ROUNDS_MAX {
            let stands = self.survey(counter).await?;
            let granted = stands.iter().find_map(|stand| stand.bank).unwrap_or(0);
            let beyond = granted.saturating_sub(limit);
            let spare = |stand: &Stand| stand.granted.saturating_sub(stand.used).max(0);
            let most = (0_u16..).zip(&stands).max_by_key(|(_, stand)| spare(stand));
            let Some((from, stand)) = most.filter(|(_, stand)| beyond > 0 && spare(stand) > 0) else { break };
            self.send(from, bank, "recall", counter, beyond.min(spare(stand)), limit).await?;
        }
        self.allotments.note_limit(counter, limit);
        Ok(())
    }

    /// Finishes every transfer that is open: somebody may have died over it.
    pub(super) async fn finish_open(&self) -> Result<usize, LedgerError> {
        if self.parts.len() < 2 {
            return Ok(0);
        }
        let mut finished = 0_usize;
        for part in &self.parts {
            let command = redis::cmd("HGETALL").arg(part.post.shard.sent()).to_owned();
            let read = || async { Ok(part.post.link.command(Lane::Admin, part.post.shard.slot, &command).await?) };
            let mut open = Reply::of(self.patiently(read).await?)?;
            for transfer in transfers(part.post.shard.number, &mut open)? {
                self.finish(&transfer).await?;
                finished = finished.saturating_add(1);
            }
        }
        Ok(finished)
    }

    /// After a loss: every shard may sell what it has sold, and every bank has granted what the shards have.
    pub(super) async fn balance_all(&self) -> Result<(), LedgerError> {
        if self.parts.len() < 2 {
            return Ok(());
        }
        let mut counters = std::collections::BTreeSet::new();
        for part in &self.parts {
            let prefix = part.post.shard.grants();
            for key in self.keys(part, &prefix).await? {
                counters.extend(key.strip_prefix(prefix.as_slice()).map(Name::from_bytes));
            }
        }
        for counter in counters {
            self.patiently(|| self.balance(&counter)).await?;
        }
        Ok(())
    }

    async fn balance(&self, counter: &Name) -> Result<(), Trouble> {
        for part in &self.parts {
            let shard = &part.post.shard;
            let keys = vec![shard.counter(counter), shard.grant(counter)];
            part.post.run_in(Lane::Admin, &scripts::LIFT, b"r", keys, Vec::new(), None).await?;
        }
        let stands = self.survey(counter).await?;
        let again = self.survey(counter).await?;
        let moving = again.iter().zip(&stands).any(|(again, stand)| again.transfers != stand.transfers);
        if moving {
            return Err(Trouble::NotNow("stock moves between shards".to_owned()));
        }
        for transfer in again.iter().flat_map(|stand| &stand.open).filter(|open| open.counter == *counter) {
            self.finish(transfer).await?;
            return Err(Trouble::NotNow("stock was on its way".to_owned()));
        }
        let truth = again.iter().map(|stand| stand.granted).fold(0, i64::saturating_add);
        let part = self.part(self.bank_of(counter));
        let stand = again.get(usize::from(part.post.shard.number)).ok_or_else(no_such_shard)?;
        if stand.bank.unwrap_or(0) == truth {
            return Ok(());
        }
        let arguments = vec![stand.bank.map(digits).unwrap_or_default(), digits(stand.transfers), digits(truth)];
        let stood =
            part.post.run_in(Lane::Admin, &scripts::BALANCE, b"r", vec![part.post.shard.bank(counter)], arguments, None).await?;
        match number(&stood).map_err(Trouble::Never)? {
            1 => Ok(()),
            _ => Err(Trouble::NotNow("stock moves between shards".to_owned())),
        }
    }

    /// A whole transfer: what is open between the two before, then all of its own steps.
    async fn send(&self, from: u16, to: u16, what: &str, counter: &Name, least: i64, limit: i64) -> Result<(), Trouble> {
        if let Debit::Open(transfer) = self.debit(from, to, what, counter, least, limit).await? {
            self.finish(&transfer).await?;
        }
        Ok(())
    }

    /// The steps after the first, whoever did that one.
    async fn finish(&self, transfer: &Transfer) -> Result<(), Trouble> {
        self.credit(transfer).await?;
        self.close(transfer).await
    }

    /// First step: it leaves `from`.
    pub(super) async fn debit(
        &self,
        from: u16,
        to: u16,
        what: &str,
        counter: &Name,
        least: i64,
        limit: i64,
    ) -> Result<Debit, Trouble> {
        let part = self.part(from);
        let shard = &part.post.shard;
        let keys = vec![shard.sent(), shard.counter(counter), shard.grant(counter), shard.bank(counter)];
        let arguments =
            vec![digits(to), digits(from), what.as_bytes().to_vec(), counter.as_bytes().to_vec(), digits(least), digits(limit)];
        let value = self.transfer_step(part, &scripts::DEBIT, b"", keys, arguments).await?;
        let read = || {
            let mut reply = Reply::of(value)?;
            match reply.text()?.as_str() {
                "none" => Ok(Debit::Nothing),
                "done" => Ok(Debit::Done),
                "open" | "sent" => parse(from, to, reply.bytes()?.unwrap_or_default()).map(Debit::Open),
                _ => Err(strange(&Value::Nil)),
            }
        };
        read().map_err(Trouble::Never)
    }

    /// Second step: it arrives in `to`, once.
    pub(super) async fn credit(&self, transfer: &Transfer) -> Result<(), Trouble> {
        let part = self.part(transfer.to);
        let shard = &part.post.shard;
        let keys = vec![shard.received(), shard.grant(&transfer.counter), shard.bank(&transfer.counter)];
        let arguments = vec![
            digits(transfer.from),
            digits(transfer.epoch),
            digits(transfer.number),
            transfer.what.as_bytes().to_vec(),
            digits(transfer.amount),
        ];
        self.transfer_step(part, &scripts::CREDIT, b"r", keys, arguments).await.map(|_| ())
    }

    /// Last step: it is no longer open.
    pub(super) async fn close(&self, transfer: &Transfer) -> Result<(), Trouble> {
        let part = self.part(transfer.from);
        let arguments = vec![digits(transfer.to), transfer.note.clone()];
        self.transfer_step(part, &scripts::CLOSE, b"r", vec![part.post.shard.sent()], arguments).await.map(|_| ())
    }

    /// Each step waits for replicas as any write does: a step that were lost alone would create or destroy stock.
    async fn transfer_step(
        &self,
        part: &Part,
        script: &'static Script,
        mode: &[u8],
        keys: Vec<Vec<u8>>,
        arguments: Vec<Vec<u8>>,
    ) -> Result<Value, Trouble> {
        part.post.run_in(Lane::Admin, script, mode, keys, arguments, part.post.wait).await
    }

    fn bank_of(&self, counter: &Name) -> u16 {
        shard_of(counter.as_bytes(), self.shards())
    }

    async fn survey(&self, counter: &Name) -> Result<Vec<Stand>, Trouble> {
        let each = self.parts.iter().map(|part| async move {
            let shard = &part.post.shard;
            let keys = vec![shard.counter(counter), shard.grant(counter), shard.bank(counter), shard.sent()];
            let value = part.post.run_in(Lane::Admin, &scripts::SURVEY, b"r", keys, Vec::new(), None).await?;
            let stand = || {
                let mut reply = Reply::of(value)?;
                let (used, granted) = (reply.number()?, reply.number()?);
                let bank = reply.bytes()?.map(|digits| number(&Value::BulkString(digits))).transpose()?;
                let transfers_out = reply.unsigned()?;
                let open = transfers(shard.number, &mut reply)?;
                Ok(Stand { used, granted, bank, transfers: transfers_out, open })
            };
            stand().map_err(Trouble::Never)
        });
        futures_util::future::try_join_all(each).await
    }
}

impl Allotments {
    fn still_refused(&self, counter: &Name, by: i64, limit: i64) -> Option<i64> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).get(counter).copied()?;
        let holds = refused.at.elapsed() <= REFUSAL_HOLDS && limit <= refused.limit && by >= refused.amount;
        holds.then_some(refused.used)
    }

    fn refuse(&self, counter: &Name, amount: i64, limit: i64, used: i64) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= REFUSALS_MAX {
            refused.clear();
        }
        refused.insert(counter.clone(), Refused { at: Instant::now(), limit, amount, used });
    }

    fn is_new(&self, counter: &Name, limit: i64) -> bool {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner).get(counter) != Some(&limit)
    }

    fn note_limit(&self, counter: &Name, limit: i64) {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        if limits.len() >= REFUSALS_MAX {
            limits.clear();
        }
        limits.insert(counter.clone(), limit);
    }
}

fn fits(used: i64, by: i64, limit: Option<i64>) -> bool {
    limit.is_none_or(|limit| used.saturating_add(by) <= limit)
}

fn no_such_shard() -> Trouble {
    Trouble::Never(strange(&Value::Nil))
}

/// Pairs of a shard and the transfer that is open to it.
fn transfers(from: u16, reply: &mut Reply) -> Result<Vec<Transfer>, LedgerError> {
    let mut open = Vec::new();
    while !reply.is_empty() {
        let to = reply.text()?.parse().map_err(|_| codec::damaged("a transfer"))?;
        open.push(parse(from, to, reply.bytes()?.unwrap_or_default())?);
    }
    Ok(open)
}

/// `epoch number what amount counter`: the counter last, whatever bytes it has.
fn parse(from: u16, to: u16, note: Vec<u8>) -> Result<Transfer, LedgerError> {
    let damaged = || codec::damaged("a transfer");
    let mut parts = note.splitn(5, |byte| *byte == b' ');
    let mut text = || parts.next().and_then(|part| std::str::from_utf8(part).ok()).ok_or_else(damaged);
    let (epoch, number) = (text()?.parse().map_err(|_| damaged())?, text()?.parse().map_err(|_| damaged())?);
    let (what, amount) = (text()?.to_owned(), text()?.parse().map_err(|_| damaged())?);
    let counter = Name::from_bytes(parts.next().ok_or_else(damaged)?);
    Ok(Transfer { from, to, epoch, number, what, amount, counter, note })
}
