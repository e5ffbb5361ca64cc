//! What has run out? Holds past their deadline expire and settled records age out: in bites, each record once, by whichever
//! process comes first.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::change::{Applied, moves, wire};
use super::lane::{Trouble, digits};
use super::link::Lane;
use super::reply::{Reply, number, unsigned};
use super::{Config, Part, Store, ask, codec, layout, scripts};
use crate::aging::{self, Stub};
use crate::book::EXPIRE_MAX;
use crate::bounds::{self, STUB_KEPT_MS};
use crate::ledger::LedgerError;
use crate::model::{Millis, Place, Record, Revived};
use crate::name::Name;
use crate::transition::{Moment, Operation, step};

/// So many records a bite: others get their turn in between.
const BITE: usize = 64;
/// A turn at sweeping lasts so long after its last bite.
const TURN_MS: Millis = 2_000;
/// Nobody sweeps whose clock and the server's are further apart: one of them is wrong, and nobody knows which.
const APART_MAX_MS: Millis = 5_000;
/// Pauses are so many times as long as the bites before them: sweeping takes a fifth of a server's time at most.
const PAUSE_TIMES: u32 = 4;
const PAUSE_MAX: Duration = Duration::from_millis(200);
/// However many holds are refused, they look for what has run out only so often.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// A revival that meets another change looks again so often.
const TRIES_MAX: usize = 8;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
enum What {
    Expire,
    Age,
}

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// Whoever has the turn.
    Mine,
    /// A caller who needs what may have run out.
    Anyone,
}

impl Store {
    /// Takes due holds back, at most `max` of them, a bite of each shard in turn.
    pub(super) async fn expire_due(&self, max: usize) -> Result<usize, LedgerError> {
        // Stock that somebody left on its way is found by the same rounds.
        self.finish_open().await;
        self.sweep(max, What::Expire).await
    }

    /// A hold was refused: what has run out is taken back first, if nobody has looked for it just now. `true` where
    /// something was.
    pub(super) async fn bite_for_refused(&self) -> Result<bool, LedgerError> {
        {
            let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
            if looked.is_some_and(|at| at.elapsed() < LOOK_AGAIN) {
                return Ok(false);
            }
            *looked = Some(Instant::now());
        }
        let bites = self.parts.iter().map(|part| self.expire_bite(part, BITE, Turn::Anyone));
        let mut expired = 0_usize;
        for bite in futures_util::future::try_join_all(bites).await? {
            expired = expired.saturating_add(bite.1);
        }
        Ok(expired > 0)
    }

    /// Lets settled records go, likewise.
    pub(super) async fn age_due(&self, max: usize) -> Result<usize, LedgerError> {
        self.sweep(max, What::Age).await
    }

    /// Bites until nothing is due or `max` are done; answers how many.
    async fn sweep(&self, max: usize, what: What) -> Result<usize, LedgerError> {
        let max = max.min(EXPIRE_MAX);
        let _turn = self.sweeping.lock().await;
        let mut all = 0_usize;
        loop {
            let started = Instant::now();
            let (before, mut more) = (all, false);
            for part in &self.parts {
                let wanted = max.saturating_sub(all).min(BITE);
                if wanted > 0 {
                    let (found, done) = match what {
                        What::Expire => self.expire_bite(part, wanted, Turn::Mine).await?,
                        What::Age => self.age_bite(part, wanted).await?,
                    };
                    all = all.saturating_add(done);
                    more |= found == wanted;
                }
            }
            if all == before || all >= max || !more {
                return Ok(all);
            }
            tokio::time::sleep(started.elapsed().saturating_mul(PAUSE_TIMES).min(PAUSE_MAX)).await;
        }
    }

    /// One bite of one shard: how many were due, and how many are expired by it.
    pub(super) async fn expire_bite(&self, part: &Part, max: usize, turn: Turn) -> Result<(usize, usize), LedgerError> {
        let (now, ids) = self.due(part, part.post.shard.deadlines(), max, turn).await?;
        let found = ids.len();
        let records = self.records_of(part, &ids).await?;
        let each = records.into_iter().flatten().map(|record| self.expire_one(part, record, now));
        let mut expired = 0_usize;
        for one in futures_util::future::join_all(each).await {
            expired = expired.saturating_add(usize::from(one?));
        }
        Ok((found, expired))
    }

    async fn expire_one(&self, part: &Part, record: Record, now: Millis) -> Result<bool, LedgerError> {
        let moment = Moment { now, admitted: 0 };
        let changes = step(Some(&record), Operation::Expire, moment, &|_| 0).changes;
        if changes.is_empty() {
            return Ok(false);
        }
        let (moved, first_shared) = moves(&changes, &|counter| self.is_shared(counter));
        let before = |_: &str| Some((record.place, record.state));
        let wire = wire(&part.post.shard, &changes, &moved, first_shared, &before, 0, self.retention_ms())?;
        let mut insisting = Insisting::new(self);
        loop {
            match part.writer.apply(wire.clone()).await {
                Ok(Applied::Done { epoch, first, broken }) => {
                    self.tell_broken(part, &moved, &broken).await;
                    self.allotments.note_returns(moved.get(first_shared..).unwrap_or_default());
                    for change in changes {
                        part.remember(Record { place: Place { epoch, position: first }, ..change.record });
                    }
                    return Ok(true);
                }
                // It was done, and its answer was lost.
                Ok(Applied::Differs(found)) if insisting.doubts() => {
                    let found: Vec<Option<Record>> = ask::read_records(found)?;
                    let Some(places) = ask::same(&changes, &found) else { return Ok(false) };
                    self.allotments.note_returns(moved.get(first_shared..).unwrap_or_default());
                    for (change, place) in changes.into_iter().zip(places) {
                        part.remember(Record { place, ..change.record });
                    }
                    return Ok(true);
                }
                // Somebody was quicker: it is paid, or longer held, or expired already.
                Ok(Applied::Differs(_) | Applied::Refused { .. } | Applied::Stale(_)) => return Ok(false),
                Err(trouble) => insisting.wait(trouble).await?,
            }
        }
    }

    async fn age_bite(&self, part: &Part, max: usize) -> Result<(usize, usize), LedgerError> {
        let (now, ids) = self.due(part, part.post.shard.ages(), max, Turn::Mine).await?;
        let each = ids.iter().map(|id| self.age_one(part, id, now));
        let mut aged = 0_usize;
        for went in futures_util::future::join_all(each).await {
            aged = aged.saturating_add(usize::from(went?));
        }
        Ok((ids.len(), aged))
    }

    async fn age_one(&self, part: &Part, id: &str, now: Millis) -> Result<bool, LedgerError> {
        let shard = &part.post.shard;
        let (record, stub) = self.record_and_stub(part, id).await?;
        let mut arguments = match &record {
            Some(record) => vec![layout::stamp(record.place).to_vec(), id.as_bytes().to_vec()],
            None => vec![Vec::new(), id.as_bytes().to_vec()],
        };
        if let Some(record) = &record {
            let left = aging::leaves(record, stub.as_ref(), now).map(|stub| codec::encode_stub(&stub)).transpose()?;
            arguments.push(left.unwrap_or_default());
            arguments.push(digits(STUB_KEPT_MS));
            for portion in &record.holding {
                arguments.push(portion.counter.as_bytes().to_vec());
                arguments.push(digits(portion.amount));
            }
        }
        let keys = [shard.record(id), shard.ages(), shard.aged(), shard.stub(id)];
        let mut insisting = Insisting::new(self);
        let went = loop {
            match part.post.run(Lane::Admin, &scripts::AGE, keys.to_vec(), arguments.clone()).await {
                Ok(went) if number(&went)? == 1 => break true,
                // It went, and its answer was lost.
                Ok(_) => break insisting.doubts() && record.is_some() && self.record_and_stub(part, id).await?.0.is_none(),
                Err(trouble) => insisting.wait(trouble).await?,
            }
        };
        if went {
            part.recent.forget(id);
        }
        Ok(went)
    }

    /// Brings a record back that has aged, from a receipt.
    pub(super) async fn bring_back(&self, record: Record) -> Result<Revived, LedgerError> {
        bounds::record(&record)?;
        let part = self.part_of(&record.shard_key);
        let shard = &part.post.shard;
        let mut insisting = Insisting::new(self);
        // As it was sent, where no answer came: it may stand.
        let mut sent: Option<Record> = None;
        for _ in 0..TRIES_MAX {
            let (known, stub) = self.record_and_stub(part, &record.id).await?;
            if let Some(sent) = sent.take()
                && known.as_ref() == Some(&sent)
            {
                part.remember(sent.clone());
                return Ok(Revived::Back(sent));
            }
            let aged = self.aged_of(part, &record).await?;
            let of = |counter: &Name| aged.iter().find(|(name, _)| name == counter).map_or(0, |(_, aged)| *aged);
            let now = part.post.clock.now();
            let answer = aging::revive(known.as_ref(), stub.as_ref(), &record, now, self.retention_ms(), &of);
            let Revived::Back(back) = &answer else { return Ok(answer) };
            let rests = aging::rests_since(back).unwrap_or(now);
            let mut arguments = vec![
                stub.as_ref().map(codec::encode_stub).transpose()?.unwrap_or_default(),
                [&layout::stamp(back.place)[..], &codec::encode(back)?].concat(),
                digits(rests.saturating_add(self.retention_ms())),
                back.id.as_bytes().to_vec(),
            ];
            for portion in &back.holding {
                arguments.push(portion.counter.as_bytes().to_vec());
                arguments.push(digits(portion.amount));
            }
            let keys = vec![shard.record(&back.id), shard.ages(), shard.aged(), shard.stub(&back.id)];
            match part.post.run(Lane::Admin, &scripts::REVIVE, keys, arguments).await {
                Ok(done) if number(&done)? == 1 => {
                    part.remember(back.clone());
                    return Ok(answer);
                }
                Ok(_) => {}
                Err(trouble) => {
                    insisting.wait(trouble).await?;
                    sent = insisting.doubts().then(|| back.clone());
                }
            }
        }
        Err(LedgerError::Unavailable(format!("reservation `{}` changes too often to be brought back", record.id)))
    }

    /// Raises the admitted revision in every shard; answers the lowest that is in force.
    pub(super) async fn admit_everywhere(&self, revision: u64) -> Result<u64, LedgerError> {
        let mut lowest = u64::MAX;
        for part in &self.parts {
            let admit = || async {
                let arguments = vec![digits(revision)];
                let post = &part.post;
                post.run_in(Lane::Admin, &scripts::ADMIT, b"", Vec::new(), arguments, post.wait).await
            };
            let admitted = unsigned(&self.patiently(admit).await?)?;
            part.post.admitted.fetch_max(admitted, std::sync::atomic::Ordering::AcqRel);
            lowest = lowest.min(admitted);
        }
        Ok(lowest)
    }

    /// Ids of the HELD records of a shard key.
    pub(super) async fn open_of(&self, part: &Part, shard_key: &str) -> Result<Vec<String>, LedgerError> {
        let command = redis::cmd("HKEYS").arg(part.post.shard.open(shard_key)).to_owned();
        let read = || async { Ok(part.post.link.command(Lane::Read, part.post.shard.slot, &command).await?) };
        texts(self.patiently(read).await?)
    }

    async fn due(&self, part: &Part, of: Vec<u8>, max: usize, turn: Turn) -> Result<(Millis, Vec<String>), LedgerError> {
        let post = &part.post;
        let apart = post.clock.apart();
        if apart.saturating_abs() > APART_MAX_MS {
            let why = format!("the server's clock is {apart} ms ahead of ours: nothing expires until they agree");
            return Err(LedgerError::Unavailable(why));
        }
        let instance = if turn == Turn::Mine { self.instance.as_bytes().to_vec() } else { Vec::new() };
        let arguments = vec![digits(max), instance, digits(TURN_MS)];
        let mut due = Reply::of(post.run(Lane::Admin, &scripts::DUE, vec![of], arguments).await?)?;
        let now = due.number()?;
        post.clock.heard(now);
        let mut ids = Vec::new();
        while !due.is_empty() {
            ids.push(due.text()?);
        }
        Ok((now, ids))
    }

    async fn records_of(&self, part: &Part, ids: &[String]) -> Result<Vec<Option<Record>>, LedgerError> {
        let keys: Vec<Vec<u8>> = ids.iter().map(|id| part.post.shard.record(id)).collect();
        let read = self.patiently(|| part.reader.read(keys.clone())).await?;
        read.values.into_iter().map(|value| value.map(|bytes| ask::read_record(&bytes)).transpose()).collect()
    }

    pub(super) async fn record_and_stub(&self, part: &Part, id: &str) -> Result<(Option<Record>, Option<Stub>), LedgerError> {
        let shard = &part.post.shard;
        let read = self.patiently(|| part.reader.read(vec![shard.record(id), shard.stub(id)])).await?;
        let mut values = read.values.into_iter();
        let record = values.next().flatten().map(|bytes| ask::read_record(&bytes)).transpose()?;
        let stub = values.next().flatten().map(|bytes| codec::decode_stub(&bytes)).transpose()?;
        Ok((record, stub))
    }

    async fn aged_of(&self, part: &Part, record: &Record) -> Result<Vec<(Name, i64)>, LedgerError> {
        if record.holding.is_empty() {
            return Ok(Vec::new());
        }
        let mut command = redis::cmd("HMGET");
        command.arg(part.post.shard.aged());
        for portion in &record.holding {
            command.arg(portion.counter.as_bytes());
        }
        let read = || async { Ok(part.post.link.command(Lane::Read, part.post.shard.slot, &command).await?) };
        let mut amounts = Reply::of(self.patiently(read).await?)?;
        record.holding.iter().map(|portion| Ok((portion.counter.clone(), amounts.number()?))).collect()
    }
}

/// Asks again for what was not answered, for as long as callers are patient.
struct Insisting<'a> {
    config: &'a Config,
    began: Instant,
    tries: u32,
    unknown: bool,
}

impl<'a> Insisting<'a> {
    fn new(store: &'a Store) -> Self {
        Self { config: &store.config, began: Instant::now(), tries: 0, unknown: false }
    }

    /// Something was sent that was never answered: it may have been done.
    const fn doubts(&self) -> bool {
        self.unknown
    }

    /// Waits for the next try; an error where there is none.
    async fn wait(&mut self, trouble: Trouble) -> Result<(), LedgerError> {
        self.unknown |= matches!(trouble, Trouble::Unknown(_));
        if matches!(trouble, Trouble::Never(_)) || self.began.elapsed() >= self.config.patience {
            return Err(match trouble {
                Trouble::NotNow(why) if self.unknown => LedgerError::OutcomeUnknown(why),
                other => other.into(),
            });
        }
        self.tries = self.tries.saturating_add(1);
        tokio::time::sleep(self.config.pause(self.tries)).await;
        Ok(())
    }
}

fn texts(value: redis::Value) -> Result<Vec<String>, LedgerError> {
    let mut reply = Reply::of(value)?;
    let mut texts = Vec::new();
    while !reply.is_empty() {
        texts.push(reply.text()?);
    }
    Ok(texts)
}
