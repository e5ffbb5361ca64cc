//! How does an allotment move from one shard to another? It leaves one under an id (debit), arrives in the other once by
//! that id (credit), and is no longer open (close). A transfer only goes forward, and anybody finishes one that is open: a
//! crash between the steps delays stock and never sells it twice.

use redis::Value;

use super::super::change::Wire;
use super::super::lane::{Trouble, digits};
use super::super::link::{Lane, Script};
use super::super::reply::{Reply, number, strange};
use super::super::{Part, Store, codec, scripts};
use super::{ROUNDS_MAX, Wanted};
use crate::ledger::LedgerError;
use crate::name::Name;

/// Which way an allotment goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum What {
    /// From the bank to a shard, as far as the limit allows.
    Grant,
    /// From a shard that has not sold it to another one.
    Move,
    /// From a shard that has not sold it back to the bank.
    Recall,
}

impl What {
    const ALL: [Self; 3] = [Self::Grant, Self::Move, Self::Recall];

    const fn name(self) -> &'static str {
        match self {
            Self::Grant => "grant",
            Self::Move => "move",
            Self::Recall => "recall",
        }
    }
}

/// A transfer on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Transfer {
    pub(in super::super) from: u16,
    pub(in super::super) to: u16,
    pub(in super::super) what: What,
    pub(in super::super) amount: i64,
    pub(in super::super) counter: Name,
    /// As the shard that it left has noted it.
    note: Vec<u8>,
    epoch: u64,
    number: u64,
}

/// What came of a debit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Debit {
    /// It is on its way.
    Sent(Transfer),
    /// It was within one shard, and is done.
    Done(i64),
    /// Another one between the two has to be finished before.
    Open(Transfer),
    /// There was nothing, or only by an older revision than somebody knows.
    Nothing,
}

/// How a counter stands in one shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Stand {
    pub(in super::super) epoch: u64,
    pub(in super::super) used: i64,
    /// What it may sell in all; while it is frozen, once it is thawed.
    pub(in super::super) granted: i64,
    pub(in super::super) frozen: bool,
    /// How often its allotment changed.
    pub(in super::super) changes: u64,
    /// What its bank has granted in all, where this shard is the bank.
    pub(in super::super) bank: i64,
    /// The newest revision that brought a limit to the bank, and that limit.
    pub(in super::super) binds: Option<(u64, i64)>,
    /// Transfers that went out, of this counter or another one.
    pub(in super::super) open: Vec<Transfer>,
}

#[cfg(test)]
impl Transfer {
    pub(in super::super) fn place(&self) -> (u64, u64) {
        (self.epoch, self.number)
    }
}

impl Stand {
    /// What is allotted and not sold.
    pub(super) fn spare(&self) -> i64 {
        self.granted.saturating_sub(self.used).max(0)
    }
}

impl Store {
    /// A whole transfer; answers how much arrived, or `None` where there was nothing or another one had to be finished.
    pub(super) async fn transfer(
        &self,
        from: u16,
        to: u16,
        what: What,
        wanted: Wanted<'_>,
        least: i64,
    ) -> Result<Option<i64>, Trouble> {
        match self.debit(from, to, what, wanted.counter, least, wanted.limit, wanted.revision).await? {
            Debit::Sent(transfer) => {
                self.credit(&transfer).await?;
                self.close(&transfer).await?;
                Ok(Some(transfer.amount))
            }
            Debit::Open(transfer) => {
                self.finish(&transfer).await?;
                Ok(None)
            }
            Debit::Done(amount) => Ok(Some(amount)),
            Debit::Nothing => Ok(None),
        }
    }

    /// The steps after the first of a transfer that somebody has begun.
    pub(in super::super) async fn finish(&self, transfer: &Transfer) -> Result<(), Trouble> {
        let from = self.part(transfer.from);
        if from.post.wait.is_some() {
            // It must not arrive before it has left for good, and whoever sent it may not have waited for that.
            from.writer.apply(Wire::nothing()).await?;
        }
        self.credit(transfer).await?;
        self.close(transfer).await
    }

    /// First step: it leaves `from`.
    #[expect(clippy::too_many_arguments, reason = "a transfer is all of these")]
    pub(in super::super) async fn debit(
        &self,
        from: u16,
        to: u16,
        what: What,
        counter: &Name,
        least: i64,
        limit: i64,
        revision: u64,
    ) -> Result<Debit, Trouble> {
        let part = self.part(from);
        let shard = &part.post.shard;
        let keys =
            vec![shard.sent(), shard.counter(counter), shard.grant(counter), shard.bank(counter), shard.changed_allotments()];
        let arguments = vec![
            digits(to),
            digits(from),
            what.name().as_bytes().to_vec(),
            counter.as_bytes().to_vec(),
            digits(least),
            digits(limit),
            digits(revision),
        ];
        let value = step(part, &scripts::DEBIT, b"", keys, arguments).await?;
        let read = || {
            let mut reply = Reply::of(value)?;
            match reply.text()?.as_str() {
                "none" | "stale" => Ok(Debit::Nothing),
                "done" => reply.number().map(Debit::Done),
                "open" => parse(from, to, reply.bytes()?.unwrap_or_default()).map(Debit::Open),
                "sent" => parse(from, to, reply.bytes()?.unwrap_or_default()).map(Debit::Sent),
                _ => Err(strange(&Value::Nil)),
            }
        };
        read().map_err(Trouble::Never)
    }

    /// Second step: it arrives in `to`, once. `false` where it had arrived before.
    pub(in super::super) async fn credit(&self, transfer: &Transfer) -> Result<bool, Trouble> {
        let Transfer { from, to, epoch, number, what, amount, counter, .. } = transfer;
        self.arrive(*from, *to, (*epoch, *number), what.name(), *amount, counter).await
    }

    /// Nothing arrives in `to` any more that left `from` before this epoch: it is finished, or its leaving was lost.
    pub(super) async fn fence(&self, from: u16, to: u16, epoch: u64) -> Result<(), Trouble> {
        self.arrive(from, to, (epoch, 0), "none", 0, &Name::from_bytes(b"")).await.map(|_| ())
    }

    async fn arrive(
        &self,
        from: u16,
        to: u16,
        (epoch, sent): (u64, u64),
        what: &str,
        amount: i64,
        counter: &Name,
    ) -> Result<bool, Trouble> {
        let part = self.part(to);
        let shard = &part.post.shard;
        let keys = vec![shard.received(), shard.grant(counter), shard.bank(counter), shard.changed_allotments()];
        let arguments = vec![
            digits(from),
            digits(epoch),
            digits(sent),
            what.as_bytes().to_vec(),
            digits(amount),
            counter.as_bytes().to_vec(),
        ];
        let arrived = step(part, &scripts::CREDIT, b"r", keys, arguments).await?;
        Ok(number(&arrived).map_err(Trouble::Never)? == 1)
    }

    /// Last step: it is no longer open.
    pub(in super::super) async fn close(&self, transfer: &Transfer) -> Result<(), Trouble> {
        let part = self.part(transfer.from);
        let arguments = vec![digits(transfer.to), transfer.note.clone()];
        step(part, &scripts::CLOSE, b"r", vec![part.post.shard.sent()], arguments).await.map(|_| ())
    }

    /// From here on no shard sells of a counter, also not what comes back to it.
    pub(super) async fn freeze(&self, counter: &Name) -> Result<(), Trouble> {
        for part in &self.parts {
            freeze(part, counter, Vec::new()).await?;
        }
        Ok(())
    }

    /// Shards sell again, those that are still as they were.
    pub(super) async fn thaw(&self, counter: &Name, stands: &[Stand]) -> Result<(), Trouble> {
        for (part, stand) in self.parts.iter().zip(stands) {
            if stand.frozen {
                freeze(part, counter, digits(stand.changes)).await?;
            }
        }
        Ok(())
    }

    /// How a counter's allotments stand in all shards at one moment, with nothing of it on its way. What is used is of about
    /// then.
    pub(in super::super) async fn settled(&self, counter: &Name) -> Result<Vec<Stand>, Trouble> {
        let mut before: Vec<(u64, u64)> = Vec::new();
        for _ in 0..ROUNDS_MAX {
            let stands = self.survey(counter).await?;
            let open = open_of(counter, &stands);
            if !open.is_empty() {
                for transfer in &open {
                    self.finish(transfer).await?;
                }
                before.clear();
                continue;
            }
            // Twice nothing on its way, and nothing has left or arrived between the two looks: so it was at their middle.
            let now: Vec<(u64, u64)> = stands.iter().map(|stand| (stand.epoch, stand.changes)).collect();
            if now == before {
                return Ok(stands);
            }
            before = now;
        }
        Err(Trouble::NotNow(format!("stock of `{counter}` moves between shards")))
    }

    /// One look at every shard.
    pub(in super::super) async fn survey(&self, counter: &Name) -> Result<Vec<Stand>, Trouble> {
        let each = self.parts.iter().map(|part| async move {
            let shard = &part.post.shard;
            let keys = vec![shard.counter(counter), shard.grant(counter), shard.bank(counter), shard.sent()];
            let value = part.post.run_in(Lane::Admin, &scripts::SURVEY, b"r", keys, Vec::new(), None).await?;
            let stand = || {
                let mut reply = Reply::of(value)?;
                let epoch = reply.unsigned()?;
                let (used, granted, frozen) = (reply.number()?, reply.number()?, reply.number()? == 1);
                let (changes, bank) = (reply.unsigned()?, reply.number()?);
                let (revision, limit) = (reply.unsigned()?, reply.text()?);
                let binds = limit.parse().ok().map(|limit| (revision, limit));
                Ok(Stand { epoch, used, granted, frozen, changes, bank, binds, open: transfers(shard.number, &mut reply)? })
            };
            stand().map_err(Trouble::Never)
        });
        futures_util::future::try_join_all(each).await
    }
}

/// Each step waits for replicas as any write does: one that were lost alone would create or destroy stock.
async fn step(
    part: &Part,
    script: &'static Script,
    mode: &[u8],
    keys: Vec<Vec<u8>>,
    arguments: Vec<Vec<u8>>,
) -> Result<Value, Trouble> {
    part.post.run_in(Lane::Admin, script, mode, keys, arguments, part.post.wait).await
}

async fn freeze(part: &Part, counter: &Name, if_changes: Vec<u8>) -> Result<(), Trouble> {
    let shard = &part.post.shard;
    let keys = vec![shard.grant(counter), shard.bank(counter), shard.changed_allotments()];
    step(part, &scripts::FREEZE, b"r", keys, vec![counter.as_bytes().to_vec(), if_changes]).await.map(|_| ())
}

fn open_of(counter: &Name, stands: &[Stand]) -> Vec<Transfer> {
    stands.iter().flat_map(|stand| &stand.open).filter(|open| open.counter == *counter).cloned().collect()
}

pub(super) fn no_such_shard() -> Trouble {
    Trouble::Never(strange(&Value::Nil))
}

/// Pairs of a shard and the transfer that is open to it.
pub(super) fn transfers(from: u16, reply: &mut Reply) -> Result<Vec<Transfer>, LedgerError> {
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
    let what = text()?;
    let what = What::ALL.into_iter().find(|known| known.name() == what).ok_or_else(damaged)?;
    let amount = text()?.parse().map_err(|_| damaged())?;
    let counter = Name::from_bytes(parts.next().ok_or_else(damaged)?);
    Ok(Transfer { from, to, what, amount, counter, note, epoch, number })
}
