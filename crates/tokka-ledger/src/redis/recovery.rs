//! What did a fail-over lose, and how does it come back? Every process brings back what it acknowledged lately, record by
//! record: the higher state wins and counters move by the difference, so that neither order nor repetition matters.
//!
//! A shard that finds itself on another server ends its epoch at the last position that is left, and is closed. What a
//! process acknowledged at a later place was lost, and nothing else was. Once every process that lived then has reported, or
//! after a while, the shard opens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::change::{Applied, Move, wire};
use super::lane::{Trouble, digits};
use super::link::Lane;
use super::reply::{Reply, number};
use super::{Incident, Part, Store, ask, scripts};
use crate::ledger::LedgerError;
use crate::model::{Millis, Place, Record, State, Transition};
use crate::name::Name;
use crate::transition::{Change, Documents};

/// A process says that it lives.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// It looks whether a shard is open again.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// A merge that meets another one looks again so often.
const TRIES_MAX: usize = 16;

/// How a shard is.
struct Beat {
    recovering: bool,
    round: u64,
    /// The last batch of this process that the shard knows.
    known: u64,
    reported: u64,
    ready: bool,
    /// By epoch that ended: its last position that is left.
    survived: BTreeMap<u64, u64>,
}

/// What becomes of a record that was acknowledged and lost.
pub(super) enum Merged {
    /// What stands is as high, or higher.
    Stands(Record),
    /// It is written again.
    Restored(Record),
}

impl Store {
    /// Says once a second that this process lives, and brings back what it knows where a shard recovers. For ever.
    pub(super) async fn watch(self: Arc<Self>, number: u16) {
        let part = self.part(number);
        loop {
            if let Err(error) = self.attend(part).await {
                tracing::debug!(shard = number, %error, "the shard was not heard");
            }
            tokio::select! {
                () = tokio::time::sleep(BEAT_EVERY) => {}
                () = part.closed.notified() => {}
            }
        }
    }

    /// One beat, and a whole recovery where there is one.
    pub(super) async fn attend(&self, part: &Part) -> Result<(), LedgerError> {
        let mut beat = self.beat(part, "beat", 0).await?;
        while beat.recovering {
            if beat.reported != beat.round {
                self.report(part, &beat).await?;
            }
            beat = self.beat(part, "beat", 0).await?;
            if beat.recovering && beat.ready {
                self.balance_all().await?;
                let arguments = vec![digits(beat.round)];
                let opened = part.post.run_in(Lane::Admin, &scripts::OPEN, b"r", Vec::new(), arguments, None).await?;
                if number(&opened)? == 1 {
                    (self.config.on_incident)(&Incident::Opened { shard: part.post.shard.number, round: beat.round });
                    return Ok(());
                }
            }
            if beat.recovering {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Brings back what this process acknowledged and the shard has not got any more, and says that it has.
    async fn report(&self, part: &Part, beat: &Beat) -> Result<(), LedgerError> {
        let shard = part.post.shard.number;
        let acknowledged = part.writer.acknowledged.load(Ordering::Acquire);
        (self.config.on_incident)(&Incident::Recovering { shard, round: beat.round });
        if beat.known < acknowledged {
            (self.config.on_incident)(&Incident::LostWrites { shard, acknowledged, known: beat.known });
        }
        let mut restored = 0_usize;
        for record in part.recent.all() {
            if !is_lost(record.place, &beat.survived) {
                continue;
            }
            if let Merged::Restored(_) = self.merge(part, &record).await? {
                restored = restored.saturating_add(1);
            }
        }
        if restored > 0 {
            (self.config.on_incident)(&Incident::Restored { shard, records: restored });
        }
        self.beat(part, "report", beat.round).await.map(|_| ())
    }

    async fn beat(&self, part: &Part, what: &str, round: u64) -> Result<Beat, LedgerError> {
        let acknowledged = part.writer.acknowledged.load(Ordering::Acquire);
        let timeout = Millis::try_from(self.config.recovery_timeout.as_millis()).unwrap_or(Millis::MAX);
        let arguments = vec![
            self.instance.as_bytes().to_vec(),
            digits(acknowledged),
            what.as_bytes().to_vec(),
            digits(round),
            digits(timeout),
        ];
        let value = part.post.run_in(Lane::Admin, &scripts::BEAT, b"r", Vec::new(), arguments, None).await?;
        let mut reply = Reply::of(value)?;
        let (_, time) = (reply.unsigned()?, reply.number()?);
        part.post.clock.heard(time);
        let recovering = reply.text()? != "open";
        let (round, known, reported) = (reply.unsigned()?, reply.unsigned()?, reply.unsigned()?);
        let ready = reply.number()? == 1;
        let mut survived = BTreeMap::new();
        while !reply.is_empty() {
            survived.insert(reply.unsigned()?, reply.unsigned()?);
        }
        Ok(Beat { recovering, round, known, reported, ready, survived })
    }

    /// Was this record, which its receipt vouches for, lost by a fail-over? Then it stands again.
    pub(super) async fn recover_lost(&self, record: &Record) -> Result<Option<Record>, LedgerError> {
        let part = self.part_of(&record.shard_key);
        let beat = self.beat(part, "beat", 0).await?;
        if !is_lost(record.place, &beat.survived) {
            return Ok(None);
        }
        match self.merge(part, record).await? {
            Merged::Restored(record) => Ok(Some(record)),
            Merged::Stands(_) => Ok(None),
        }
    }

    /// Makes a record stand again as it was acknowledged, unless what stands is as high.
    pub(super) async fn merge(&self, part: &Part, lost: &Record) -> Result<Merged, LedgerError> {
        for _ in 0..TRIES_MAX {
            let key = part.post.shard.record(&lost.id);
            let read = self.patiently(|| part.reader.read(vec![key.clone()])).await?;
            let stands = read.values.into_iter().next().flatten();
            let stands = stands.map(|bytes| ask::read_record(&bytes)).transpose()?;
            if let Some(stands) = stands.as_ref().filter(|stands| height(stands) >= height(lost)) {
                return Ok(Merged::Stands(stands.clone()));
            }
            let mut record = lost.clone();
            if record.state == State::Held && !self.fits_again(part, stands.as_ref(), &record).await? {
                record.state = State::Expired;
                record.holding.clear();
                record.version = record.version.saturating_add(1);
                record.changed = part.post.clock.now();
            }
            let (change, moved, first_shared) = self.change_to(stands.as_ref(), record);
            let before = |_: &str| stands.as_ref().map(|stands| (stands.place, stands.state));
            let retention = self.retention_ms();
            let changes = [change];
            let wire = wire(&part.post.shard, &changes, &moved, first_shared, &before, 0, retention)?;
            match self.apply_alone(part, wire).await? {
                Applied::Done { epoch, first, broken } => {
                    self.tell_broken(part, &moved, &broken).await;
                    let [change] = changes;
                    let record = Record { place: Place { epoch, position: first }, ..change.record };
                    part.remember(record.clone());
                    self.tell_oversold(&record).await?;
                    return Ok(Merged::Restored(record));
                }
                Applied::Differs(_) | Applied::Refused { .. } | Applied::Stale(_) => {}
            }
        }
        Err(LedgerError::Unavailable(format!("reservation `{}` changes too often to be brought back", lost.id)))
    }

    /// One operation, also while the shard recovers.
    async fn apply_alone(&self, part: &Part, wire: super::change::Wire) -> Result<Applied, LedgerError> {
        let shard = &part.post.shard;
        let mut keys = vec![shard.deadlines(), shard.ages(), shard.log()];
        keys.extend(wire.keys.iter().cloned());
        let number = part.writer.acknowledged.load(Ordering::Acquire);
        let mut arguments = vec![self.instance.as_bytes().to_vec(), digits(number), digits(self.config.log_max)];
        arguments.extend(wire.arguments.iter().cloned());
        let ran = part.post.run_in(Lane::Admin, &scripts::SETTLE, b"r", keys, arguments, part.post.wait).await;
        let mut reply = match ran {
            Ok(value) => Reply::of(value)?,
            // Looked at again: it stands then, or does not.
            Err(Trouble::Unknown(_)) => return Ok(Applied::Differs(Vec::new())),
            Err(trouble) => return Err(trouble.into()),
        };
        let (epoch, _) = (reply.unsigned()?, reply.number()?);
        wire.read(epoch, reply.next()?)
    }

    /// A hold that was not paid comes back only where its amounts still fit.
    async fn fits_again(&self, part: &Part, stands: Option<&Record>, lost: &Record) -> Result<bool, LedgerError> {
        let counters: Vec<Name> = lost.claims.iter().map(|claim| claim.counter.clone()).collect();
        let used = self.patiently(|| self.usage_of(&counters)).await?;
        let _ = part;
        let fits = lost.claims.iter().zip(used).all(|(claim, used)| {
            let has = stands.map_or(0, |stands| held(stands, &claim.counter));
            used.saturating_add(held(lost, &claim.counter)).saturating_sub(has) <= claim.limit
        });
        Ok(fits)
    }

    /// The change from what stands to what is to stand: counters move by the difference.
    fn change_to(&self, stands: Option<&Record>, record: Record) -> (Change, Vec<Move>, usize) {
        let mut sums: BTreeMap<Name, i64> = BTreeMap::new();
        for portion in &record.holding {
            let sum = sums.entry(portion.counter.clone()).or_default();
            *sum = sum.saturating_add(portion.amount);
        }
        for portion in stands.map(|stands| stands.holding.as_slice()).unwrap_or_default() {
            let sum = sums.entry(portion.counter.clone()).or_default();
            *sum = sum.saturating_sub(portion.amount);
        }
        let moved: Vec<(Name, i64)> = sums.into_iter().filter(|(_, by)| *by != 0).collect();
        let of = |counter: &Name, by: i64| Move { counter: counter.clone(), by, limit: None };
        let (shared, own): (Vec<_>, Vec<_>) = moved.iter().partition(|(counter, _)| self.is_shared(counter));
        let first_shared = own.len();
        let moves = own.into_iter().chain(shared).map(|(counter, by)| of(counter, *by)).collect();
        let was_paid = stands.is_some_and(|stands| stands.state == State::Committed);
        let documents = match record.state {
            State::Committed if !was_paid => Documents::Write,
            State::RolledBack if was_paid => Documents::Remove,
            _ => Documents::Keep,
        };
        let documents = if record.documents.is_empty() { Documents::Keep } else { documents };
        let transition = transition_of(&record);
        (Change { record, transition, moved, documents }, moves, first_shared)
    }

    /// A paid order stands again whatever is used meanwhile; somebody must know.
    async fn tell_oversold(&self, record: &Record) -> Result<(), LedgerError> {
        if record.state != State::Committed {
            return Ok(());
        }
        let counters: Vec<Name> = record.claims.iter().map(|claim| claim.counter.clone()).collect();
        let used = self.patiently(|| self.usage_of(&counters)).await?;
        for (claim, used) in record.claims.iter().zip(used) {
            if used > claim.limit {
                let counter = claim.counter.clone();
                (self.config.on_incident)(&Incident::OversoldByFailover { counter, limit: claim.limit, used });
            }
        }
        Ok(())
    }
}

/// Does this place lie beyond what is left of its epoch?
fn is_lost(place: Place, survived: &BTreeMap<u64, u64>) -> bool {
    survived.get(&place.epoch).is_some_and(|left| place.position > *left)
}

/// Which of two states of a record wins: HELD < EXPIRED < COMMITTED with fewer returns < with more < ROLLED_BACK.
fn height(record: &Record) -> (u8, usize, u64) {
    let state = match record.state {
        State::Held => 0,
        State::Expired => 1,
        State::Committed => 2,
        State::RolledBack => 3,
    };
    (state, record.returns.len(), record.version)
}

/// What the log calls it. Readers that had the entry before it was lost know its version and drop it.
fn transition_of(record: &Record) -> Transition {
    let returned = record.returns.last().is_some_and(|step| step.version == record.version);
    match record.state {
        _ if record.tombstone => Transition::Tombstone,
        State::Held if record.version == 1 => Transition::Reserved,
        State::Held => Transition::Extended,
        State::Expired => Transition::Expired,
        State::Committed if returned => Transition::PartReturned,
        State::Committed if record.version == 1 => Transition::Taken,
        State::Committed => Transition::Committed,
        State::RolledBack => Transition::RolledBack,
    }
}

fn held(record: &Record, counter: &Name) -> i64 {
    record.holding.iter().filter(|portion| portion.counter == *counter).map(|portion| portion.amount).fold(0, i64::saturating_add)
}
