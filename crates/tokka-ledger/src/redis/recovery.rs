//! What did a fail-over lose, and how does it come back? Every process brings back what it acknowledged lately, record by
//! record: the higher state wins and counters move by the difference, so that neither order nor repetition matters.
//!
//! A shard that finds itself on another server ends its epoch at the last position that is left, and is closed. What a
//! process acknowledged at a later place was lost, and nothing else was. Once every process that lived then has reported, or
//! after a while, the shard opens. A process that comes later brings back what it knows all the same.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use super::allot::More;
use super::change::{Applied, Move, Wire, wire};
use super::lane::{Trouble, digits};
use super::link::Lane;
use super::reply::{Reply, number};
use super::{Incident, Part, Store, ask, scripts};
use crate::aging;
use crate::ledger::LedgerError;
use crate::model::{AMOUNT_MAX, Millis, Place, Record, Return, State, Transition};
use crate::name::Name;
use crate::transition::{Change, Documents};

/// A process says that it lives.
const BEAT_EVERY: Duration = Duration::from_millis(500);
/// One that was not heard tries again.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// It looks whether a shard is open again.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A merge that meets another one looks again so often.
const TRIES_MAX: usize = 16;
/// Records that are brought back side by side.
const MERGES: usize = 32;

/// How a shard is.
struct Beat {
    epoch: u64,
    recovering: bool,
    /// It is written again from its history: what processes know comes after that.
    restoring: bool,
    round: u64,
    /// The last batch that had been acknowledged to this process when it asked.
    acknowledged: u64,
    /// The last batch of this process that the shard knows.
    known: u64,
    /// The last epoch that this process has reported in.
    reported: u64,
    /// All that is not held has come back.
    settled: bool,
    /// All has come back.
    ready: bool,
    /// By epoch that ended: its last position that is left.
    survived: BTreeMap<u64, u64>,
}

/// What a process says to a shard.
#[derive(Debug, Clone, Copy)]
enum Say {
    /// It lives.
    Lives,
    /// It has brought back what is not held of what it knew.
    Settled { epoch: u64 },
    /// It has brought back all that it knew.
    Reported { epoch: u64 },
    /// Nothing: it only asks.
    Asks,
}

/// How a shard is when a record is brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// It sells, and may get more of what it sells from other shards.
    Open,
    /// It is closed until all have reported.
    Recovering,
    /// Its whole history is written again: what fitted once is not judged again.
    Restoring,
}

impl Store {
    /// Says again and again that this process lives, and brings back what it knows where a shard recovers. For ever.
    pub(super) async fn watch(self: Arc<Self>, number: u16) {
        let part = self.part(number);
        loop {
            let pause = match self.attend(part).await {
                Ok(()) => BEAT_EVERY,
                Err(error) => {
                    tracing::debug!(shard = number, %error, "the shard was not heard");
                    TRY_AGAIN
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = part.post.closed.notified() => {}
            }
        }
    }

    /// Says once that this process lives, so that a recovery waits for it.
    pub(super) async fn register(&self, part: &Part) -> Result<(), LedgerError> {
        self.beat(part, Say::Lives).await.map(|_| ())
    }

    /// One beat, and a whole recovery where there is one.
    async fn attend(&self, part: &Part) -> Result<(), LedgerError> {
        loop {
            let mut beat = self.beat(part, Say::Lives).await?;
            if beat.restoring {
                return Ok(());
            }
            if beat.reported != beat.epoch {
                self.report(part, &beat).await?;
                beat = self.beat(part, Say::Lives).await?;
            }
            if !beat.recovering {
                part.recent.settle();
                return Ok(());
            }
            if beat.ready && self.others_are_ready(part).await? {
                self.balance_all().await?;
                let arguments = vec![digits(beat.epoch)];
                let opened = part.post.run_in(Lane::Admin, &scripts::OPEN, b"r", Vec::new(), arguments, None).await?;
                if number(&opened)? == 1 {
                    (self.config.on_incident)(&Incident::Opened { shard: part.post.shard.number, round: beat.round });
                    return Ok(());
                }
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Shards that recover at the same time open together: what one of them has sold may still have to come back, and
    /// until then nobody knows what is left for the others.
    async fn others_are_ready(&self, part: &Part) -> Result<bool, LedgerError> {
        for other in self.parts.iter().filter(|other| other.post.shard != part.post.shard) {
            let beat = self.beat(other, Say::Asks).await?;
            if beat.recovering && !beat.ready {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Brings back what this process acknowledged and the shard has not got any more, and says that it has.
    async fn report(&self, part: &Part, beat: &Beat) -> Result<(), LedgerError> {
        let shard = part.post.shard.number;
        if beat.recovering {
            (self.config.on_incident)(&Incident::Recovering { shard, round: beat.round });
        }
        if beat.known < beat.acknowledged {
            let (acknowledged, known) = (beat.acknowledged, beat.known);
            (self.config.on_incident)(&Incident::LostWrites { shard, acknowledged, known });
        }
        for (name, document) in part.recent.documents() {
            let arguments = vec![digits(document.version), document.bytes];
            let keys = vec![part.post.shard.document(&name)];
            part.post.run_in(Lane::Admin, &scripts::MEND, b"r", keys, arguments, part.post.wait).await?;
        }
        let lost = part.recent.lost(|place| beat.has_lost(place));
        // What is paid comes back whatever is used; what is only held takes what is left then, by all.
        let (held, settled): (Vec<Record>, Vec<Record>) = lost.into_iter().partition(|record| record.state == State::Held);
        let mut restored = self.merge_all(part, settled, beat.when()).await?;
        let mut now = self.beat(part, Say::Settled { epoch: beat.epoch }).await?;
        while !held.is_empty() && now.epoch == beat.epoch && !now.settled {
            tokio::time::sleep(LOOK_EVERY).await;
            now = self.beat(part, Say::Lives).await?;
        }
        restored = restored.saturating_add(self.merge_all(part, held, now.when()).await?);
        if restored > 0 {
            (self.config.on_incident)(&Incident::Restored { shard, records: restored });
            // Else it is done before the shard opens.
            if !beat.recovering {
                self.balance_all().await?;
            }
        }
        self.beat(part, Say::Reported { epoch: beat.epoch }).await.map(|_| ())
    }

    /// Answers how many of these had to be written again.
    async fn merge_all(&self, part: &Part, records: Vec<Record>, when: When) -> Result<usize, LedgerError> {
        let merge = |record: Record| async move { self.merge(part, &record, when).await };
        let mut merges = stream::iter(records.into_iter().map(merge)).buffer_unordered(MERGES);
        let mut restored = 0_usize;
        while let Some(merged) = merges.next().await {
            restored = restored.saturating_add(usize::from(merged?.is_some()));
        }
        Ok(restored)
    }

    async fn beat(&self, part: &Part, say: Say) -> Result<Beat, LedgerError> {
        let post = &part.post;
        let acknowledged = part.writer.acknowledged.load(Ordering::Acquire);
        let timeout = Millis::try_from(self.config.recovery_timeout.as_millis()).unwrap_or(Millis::MAX);
        let (what, of) = match say {
            Say::Lives => ("beat", 0),
            Say::Settled { epoch } => ("settle", epoch),
            Say::Reported { epoch } => ("report", epoch),
            Say::Asks => ("ask", 0),
        };
        let arguments = vec![
            self.instance.as_bytes().to_vec(),
            digits(acknowledged),
            what.as_bytes().to_vec(),
            digits(of),
            digits(timeout),
            digits(post.epoch.load(Ordering::Acquire)),
            digits(post.admitted.load(Ordering::Acquire)),
        ];
        let value = post.run_in(Lane::Admin, &scripts::BEAT, b"r", Vec::new(), arguments, None).await?;
        let mut reply = Reply::of(value)?;
        let (epoch, time) = (reply.unsigned()?, reply.number()?);
        post.heard(epoch, time)?;
        let state = reply.text()?;
        let (recovering, restoring) = (state != "open", state == "restoring");
        let (round, known, reported) = (reply.unsigned()?, reply.unsigned()?, reply.unsigned()?);
        let (settled, ready) = (reply.number()? == 1, reply.number()? == 1);
        let mut survived = BTreeMap::new();
        while !reply.is_empty() {
            survived.insert(reply.unsigned()?, reply.unsigned()?);
        }
        Ok(Beat { epoch, recovering, restoring, round, acknowledged, known, reported, settled, ready, survived })
    }

    /// Was this record, which its receipt vouches for, lost by a fail-over? Then it stands again.
    pub(super) async fn recover_lost(&self, record: &Record) -> Result<Option<Record>, LedgerError> {
        let part = self.part_of(&record.shard_key);
        let beat = self.beat(part, Say::Asks).await?;
        if !beat.has_lost(record.place) {
            return Ok(None);
        }
        let (known, stub) = self.record_and_stub(part, &record.id).await?;
        if known.is_none() {
            // It may have come back before and aged since; then its counts are not lost. What old receipts bring back
            // comes from what has aged (`revive`).
            let rests = record.changed.max(record.deadline);
            let too_old = rests <= aging::goes_if_rested_since(part.post.clock.now(), self.retention_ms());
            if too_old || stub.is_some_and(|stub| stub.version >= record.version) {
                return Ok(None);
            }
        }
        self.merge(part, record, beat.when()).await
    }

    /// Makes a record stand again as it was acknowledged, unless what stands is as high and knows as much (`None`). A hold that was not paid comes
    /// back only where its amounts still fit, and is expired else.
    pub(super) async fn merge(&self, part: &Part, lost: &Record, when: When) -> Result<Option<Record>, LedgerError> {
        let mut too_little = false;
        // As it was written without an answer: it may stand.
        let mut unanswered: Option<(Record, Vec<Move>, usize)> = None;
        for _ in 0..TRIES_MAX {
            let key = part.post.shard.record(&lost.id);
            let read = self.patiently(|| part.reader.read(vec![key.clone()])).await?;
            let stands = read.values.into_iter().next().flatten();
            let stands = stands.map(|bytes| ask::read_record(&bytes)).transpose()?;
            if let (Some(stands), Some((record, moved, first_shared))) = (&stands, unanswered.take())
                && *stands == (Record { place: stands.place, ..record })
            {
                return self.stands_again(part, stands.clone(), &moved, first_shared, when).await.map(Some);
            }
            let mut record = lost.clone();
            if let Some(stands) = &stands {
                take_answers(&mut record, stands);
                if height(stands) >= height(lost) {
                    record = stands.clone();
                    if !take_answers(&mut record, lost) {
                        return Ok(None);
                    }
                }
            }
            if too_little {
                record.state = State::Expired;
                record.holding.clear();
                record.version = record.version.saturating_add(1);
                record.changed = part.post.clock.now();
            }
            let (change, moved, first_shared) = self.change_to(stands.as_ref(), record, when);
            let before = |_: &str| stands.as_ref().map(|stands| (stands.place, stands.state));
            let changes = [change];
            let wire = wire(&part.post.shard, &changes, &moved, first_shared, &before, 0, self.retention_ms())?;
            let [change] = changes;
            let Some(applied) = self.apply_alone(part, wire).await? else {
                unanswered = Some((change.record, moved, first_shared));
                continue;
            };
            match applied {
                Applied::Done { epoch, first, broken } => {
                    self.tell_broken(part, &moved, &broken).await;
                    let record = Record { place: Place { epoch, position: first }, ..change.record };
                    return self.stands_again(part, record, &moved, first_shared, when).await.map(Some);
                }
                // While shards recover nothing moves between them: what it lost of its allotment is not here in time.
                Applied::Refused { .. } if when != When::Open => too_little = true,
                Applied::Refused { used, granted } => {
                    let more = self.more(part, &moved, first_shared, &used, &granted, 0).await;
                    too_little = !matches!(more, Ok(More::Came));
                }
                Applied::Differs(_) | Applied::Stale(_) => {}
            }
        }
        Err(LedgerError::Unavailable(format!("reservation `{}` changes too often to be brought back", lost.id)))
    }

    /// What follows once a record is written again: its shard may sell what it has sold, and somebody may have to know.
    async fn stands_again(
        &self,
        part: &Part,
        record: Record,
        moved: &[Move],
        first_shared: usize,
        when: When,
    ) -> Result<Record, LedgerError> {
        self.mend_allotments(part, moved.get(first_shared..).unwrap_or_default(), when != When::Open).await?;
        part.remember(record.clone());
        if when != When::Restoring {
            self.tell_oversold(&record, moved).await?;
        }
        Ok(record)
    }

    /// One operation, also while the shard recovers; `None` where it was not answered.
    pub(super) async fn apply_alone(&self, part: &Part, wire: Wire) -> Result<Option<Applied>, LedgerError> {
        let shard = &part.post.shard;
        let mut keys = vec![shard.deadlines(), shard.ages(), shard.log()];
        keys.extend(wire.keys.iter().cloned());
        // It is no batch of this process's row.
        let mut arguments = vec![b"merge".to_vec(), digits(0), digits(self.config.log_max)];
        arguments.extend(wire.arguments.iter().cloned());
        let ran = part.post.run_in(Lane::Admin, &scripts::SETTLE, b"r", keys, arguments, part.post.wait).await;
        let mut reply = match ran {
            Ok(value) => Reply::of(value)?,
            // Looked at again: it stands then, or does not.
            Err(Trouble::Unknown(_)) => return Ok(None),
            Err(trouble) => return Err(trouble.into()),
        };
        let (epoch, time) = (reply.unsigned()?, reply.number()?);
        part.post.heard(epoch, time)?;
        wire.read(epoch, reply.next()?).map(Some)
    }

    /// The change from what stands to what is to stand: counters move by the difference.
    fn change_to(&self, stands: Option<&Record>, record: Record, when: When) -> (Change, Vec<Move>, usize) {
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
        let limit = |counter: &Name, by: i64| {
            let claim = record.claims.iter().find(|claim| claim.counter == *counter);
            claim
                .filter(|_| when != When::Restoring && record.state == State::Held && by > 0)
                .map(|claim| claim.limit.min(AMOUNT_MAX))
        };
        let of = |(counter, by): &(Name, i64)| Move { counter: counter.clone(), by: *by, limit: limit(counter, *by) };
        let (shared, own): (Vec<_>, Vec<_>) = moved.iter().partition(|(counter, _)| self.is_shared(counter));
        let first_shared = own.len();
        let moves = own.into_iter().chain(shared).map(of).collect();
        let was_paid = stands.is_some_and(|stands| stands.state == State::Committed);
        let documents = match record.state {
            State::Committed if !was_paid => Documents::Write,
            State::RolledBack if was_paid => Documents::Remove,
            _ => Documents::Keep,
        };
        let transition = transition_of(&record);
        (Change { record, transition, moved, documents }, moves, first_shared)
    }

    /// A paid order stands again whatever is used meanwhile; somebody must know.
    async fn tell_oversold(&self, record: &Record, moved: &[Move]) -> Result<(), LedgerError> {
        if record.state != State::Committed {
            return Ok(());
        }
        let took = |counter: &Name| moved.iter().any(|moved| moved.by > 0 && moved.counter == *counter);
        let claims: Vec<_> = record.claims.iter().filter(|claim| took(&claim.counter)).collect();
        let counters: Vec<Name> = claims.iter().map(|claim| claim.counter.clone()).collect();
        let used = self.patiently(|| self.usage_of(&counters)).await?;
        for (claim, used) in claims.into_iter().zip(used) {
            if used > claim.limit {
                let counter = claim.counter.clone();
                (self.config.on_incident)(&Incident::OversoldByFailover { counter, limit: claim.limit, used });
            }
        }
        Ok(())
    }
}

impl Beat {
    fn when(&self) -> When {
        if self.recovering { When::Recovering } else { When::Open }
    }

    /// Does this place lie beyond what is left of its epoch?
    fn has_lost(&self, place: Place) -> bool {
        if place.epoch == self.epoch {
            return false;
        }
        match self.survived.get(&place.epoch) {
            Some(left) => place.position > *left,
            // An epoch that this server has never heard of is lost as a whole. One from before all that it remembers is
            // long past.
            None => self.survived.keys().next().is_some_and(|oldest| place.epoch > *oldest),
        }
    }
}

/// Which of two states of a record wins: HELD < EXPIRED < COMMITTED with fewer returns < with more < ROLLED_BACK.
pub(super) fn height(record: &Record) -> (u8, usize, u64) {
    let state = match record.state {
        State::Held => 0,
        State::Expired => 1,
        State::Committed => 2,
        State::RolledBack => 3,
    };
    (state, record.returns.len(), record.version)
}

/// An archive and a receipt may each know answers of returns that the other lacks: what was answered is answered again.
fn take_answers(record: &mut Record, other: &Record) -> bool {
    let mut took = false;
    for step in record.returns.iter_mut().filter(|step| step.answer.is_empty()) {
        let same = |known: &&Return| known.rollback_id == step.rollback_id && known.version == step.version;
        if let Some(known) = other.returns.iter().find(same).filter(|known| !known.answer.is_empty()) {
            step.answer.clone_from(&known.answer);
            took = true;
        }
    }
    took
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
