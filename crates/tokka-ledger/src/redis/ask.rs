//! What becomes of one operation? The pure step decides over what was last seen of the record; Redis writes it if that is
//! still so, and else says what is, and the step decides again.
//!
//! A new reservation is decided without having looked: the script itself finds out whether its id is known, so that it
//! costs one call. An answer that changes nothing rests on what was read, never on what is remembered.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::allot::More;
use super::change::{Applied, Move, Wire, moves, wire};
use super::lane::Trouble;
use super::{Part, Store, codec, layout};
use crate::book::{Ask, Map};
use crate::ledger::LedgerError;
use crate::model::{Hold, Place, Record, Reserved, State};
use crate::name::Name;
use crate::transition::{Answer, Change, Moment, Operation, step};

/// A decision that is overtaken so often in a row waits a little before each further try.
const ROUNDS_MAX: u32 = 32;

/// What is taken for true of the records that an operation is about.
struct Seen {
    /// By the operation's id.
    before: Option<Record>,
    /// By the id that `replace` releases.
    old: Option<Record>,
    /// As the store has them, and not as they were guessed.
    read: bool,
    admitted: u64,
    usage: Option<Map<Name, i64>>,
}

/// An operation that was sent and not answered: it may have been done.
struct Doubt {
    changes: Vec<Change>,
    moment: Moment,
    why: String,
}

impl Store {
    /// Decides and does one operation.
    pub(super) async fn decide(&self, ask: &Ask) -> Result<Answer, LedgerError> {
        ask.check()?;
        let (shard_key, id, replaced) = names(ask);
        let part = self.part_of(shard_key);
        let give_up = Instant::now().checked_add(self.config.patience);
        let mut seen = Seen {
            before: if takes(ask) { None } else { part.remembered(id) },
            old: replaced.and_then(|old| part.remembered(old)),
            read: false,
            admitted: 0,
            usage: None,
        };
        let mut doubt: Option<Doubt> = None;
        let (mut tries, mut rounds) = (0_u32, 0_u32);
        loop {
            let epoch = part.post.epoch.load(Ordering::Acquire);
            let now = part.post.clock.now();
            // What is sent again is the same to the byte, so that it is known again.
            let moment = doubt.as_ref().map_or(Moment { now, admitted: seen.admitted }, |doubt| doubt.moment);
            let used = |counter: &Name| seen.usage.as_ref().and_then(|usage| usage.get(counter)).copied().unwrap_or(0);
            let decided = step(seen.before.as_ref(), operation(ask, seen.old.as_ref()), moment, &used);
            let tried = if decided.changes.is_empty() {
                if seen.read && (seen.usage.is_some() || !rests_on_usage(&decided.answer)) {
                    self.repeat(part, epoch, &mut seen, decided.answer).await
                } else {
                    self.look(part, ask, &mut seen, &decided.answer).await
                }
            } else {
                self.attempt(part, ask, &mut seen, decided.changes, decided.answer, moment, &mut doubt).await
            };
            let trouble = match tried {
                Ok(Some(answer)) => return Ok(answer),
                Ok(None) if rounds < ROUNDS_MAX => {
                    rounds = rounds.saturating_add(1);
                    continue;
                }
                Ok(None) => Trouble::NotNow(format!("reservation `{id}` changes too often")),
                Err(trouble) => trouble,
            };
            let over = give_up.is_none_or(|give_up| Instant::now() >= give_up);
            match (trouble, &doubt) {
                (Trouble::Never(error), _) => return Err(error),
                (Trouble::NotNow(_) | Trouble::Unknown(_), Some(doubt)) if over => {
                    return Err(LedgerError::OutcomeUnknown(doubt.why.clone()));
                }
                (Trouble::NotNow(why), None) if over => return Err(LedgerError::Unavailable(why)),
                (Trouble::Unknown(why), None) if over => return Err(LedgerError::OutcomeUnknown(why)),
                _ => {}
            }
            tries = tries.saturating_add(1);
            tokio::time::sleep(self.config.pause(tries)).await;
        }
    }

    /// Sends changes; answers if they are done, and else notes what is.
    #[expect(clippy::too_many_arguments, reason = "the loop's own state, which is nobody else's")]
    async fn attempt(
        &self,
        part: &Part,
        ask: &Ask,
        seen: &mut Seen,
        changes: Vec<Change>,
        mut answer: Answer,
        moment: Moment,
        doubt: &mut Option<Doubt>,
    ) -> Result<Option<Answer>, Trouble> {
        let epoch = part.post.epoch.load(Ordering::Acquire);
        let (moved, first_shared) = moves(&changes, &|counter| self.is_shared(counter));
        let revision = hold_of(ask).map_or(0, |hold| hold.revision);
        self.keep_limits(moved.get(first_shared..).unwrap_or_default(), revision).await?;
        let before = |id: &str| -> Option<(Place, State)> {
            let of = [&seen.before, &seen.old].into_iter().flatten().find(|record| record.id == id)?;
            Some((of.place, of.state))
        };
        let retention = self.retention_ms();
        let wire = wire(&part.post.shard, &changes, &moved, first_shared, &before, revision, retention);
        match part.writer.apply(wire.map_err(Trouble::Never)?).await {
            Ok(Applied::Done { epoch, first, broken }) => {
                self.tell_broken(part, &moved, &broken).await;
                self.allotments.note_returns(moved.get(first_shared..).unwrap_or_default());
                place_all(part, changes, &mut answer, epoch, first);
                // A recovery that began in between has not looked at what was only now remembered.
                if part.post.epoch.load(Ordering::Acquire) != epoch {
                    return Err(Trouble::Never(LedgerError::OutcomeUnknown("the server was replaced meanwhile".to_owned())));
                }
                Ok(Some(answer))
            }
            Ok(Applied::Differs(records)) => {
                let records = read_records(records).map_err(Trouble::Never)?;
                if let Some(sent) = doubt.take()
                    && let Some(places) = same(&sent.changes, &records)
                {
                    for (change, place) in sent.changes.into_iter().zip(places) {
                        answer.place(&change.record.id, place);
                        part.remember(Record { place, ..change.record });
                    }
                    self.confirm(part, epoch).await?;
                    return Ok(Some(answer));
                }
                for (change, record) in changes.iter().zip(records) {
                    let of_old = seen.old.as_ref().is_some_and(|old| old.id == change.record.id);
                    *(if of_old { &mut seen.old } else { &mut seen.before }) = record;
                }
                seen.read = true;
                seen.usage = None;
                Ok(None)
            }
            Ok(Applied::Refused { used, granted }) => {
                let more = self.more(part, &moved, first_shared, &used, &granted, revision).await?;
                if !matches!(more, More::Came) {
                    not_done_yet(doubt.as_ref())?;
                }
                seen.read = true;
                match more {
                    More::Came => seen.usage = None,
                    More::None(usage) => seen.usage = Some(usage),
                    More::Stale(newer) => seen.admitted = newer,
                }
                Ok(None)
            }
            Ok(Applied::Stale(admitted)) => {
                not_done_yet(doubt.as_ref())?;
                seen.read = true;
                seen.admitted = admitted;
                Ok(None)
            }
            Err(Trouble::Unknown(why)) => {
                *doubt = Some(Doubt { changes, moment, why: why.clone() });
                Err(Trouble::Unknown(why))
            }
            Err(other) => Err(other),
        }
    }

    /// Reads what a decision rests on that changes nothing.
    async fn look(&self, part: &Part, ask: &Ask, seen: &mut Seen, answer: &Answer) -> Result<Option<Answer>, Trouble> {
        let (_, id, replaced) = names(ask);
        let shard = &part.post.shard;
        let keys = std::iter::once(id).chain(replaced).map(|id| shard.record(id)).collect();
        let found = part.reader.read(keys).await?;
        let mut records = found.values.into_iter().map(|value| value.map(|bytes| read_record(&bytes)).transpose());
        let mut next = || records.next().transpose().map(Option::flatten).map_err(Trouble::Never);
        (seen.before, seen.old) = (next()?, next()?);
        // Neither what is not there nor what is may be the last word.
        if found.recovering {
            return Err(Trouble::NotNow("the shard recovers: a record may come back".to_owned()));
        }
        seen.read = true;
        seen.admitted = found.admitted;
        if rests_on_usage(answer) {
            // Of a late payment they are those that it had; of a hold those that it asks for.
            let of_record = || seen.before.as_ref().map(|record| record.claims.as_slice()).unwrap_or_default();
            let claims = hold_of(ask).map_or_else(of_record, |hold| hold.claims.as_slice());
            let counters: Vec<Name> = claims.iter().map(|claim| claim.counter.clone()).collect();
            let used = self.usage_of(&counters).await?;
            seen.usage = Some(counters.into_iter().zip(used).collect());
        }
        Ok(None)
    }

    /// An answer that changed nothing: what it rests on is remembered as what was acknowledged.
    async fn repeat(&self, part: &Part, epoch: u64, seen: &mut Seen, answer: Answer) -> Result<Option<Answer>, Trouble> {
        if rests_on_usage(&answer) {
            return Ok(Some(answer));
        }
        for record in [&seen.before, &seen.old].into_iter().flatten() {
            part.remember(record.clone());
        }
        seen.read = false;
        self.confirm(part, epoch).await?;
        Ok(Some(answer))
    }

    /// What a repetition is told is as safe as what the first call was told. A recovery that began since `epoch` was the
    /// latest has not looked at what is only now remembered; and where answers wait for replicas, this one waits for all
    /// that was written before it.
    async fn confirm(&self, part: &Part, epoch: u64) -> Result<(), Trouble> {
        if part.post.wait.is_some() {
            match part.writer.apply(Wire::nothing()).await {
                Ok(_) => {}
                Err(Trouble::NotNow(why)) => return Err(Trouble::Unknown(why)),
                Err(other) => return Err(other),
            }
        }
        if part.post.epoch.load(Ordering::Acquire) != epoch {
            return Err(Trouble::Unknown("the server was replaced meanwhile".to_owned()));
        }
        Ok(())
    }

    pub(super) async fn tell_broken(&self, part: &Part, moved: &[Move], broken: &[usize]) {
        for place in broken {
            let Some(Move { counter, .. }) = moved.get(*place) else { continue };
            let read = part.reader.read(vec![part.post.shard.counter(counter)]).await;
            let used = read.ok().and_then(|read| read.values.into_iter().next().flatten());
            let used = used.and_then(|digits| String::from_utf8(digits).ok()?.parse().ok()).unwrap_or(-1);
            (self.config.on_broken)(counter, used);
        }
    }
}

/// What was sent before has not been done, or its record would differ. It may still arrive, later than what was sent after it
/// by another connection, and find what it needs: nobody is told yet that nothing was taken.
fn not_done_yet(doubt: Option<&Doubt>) -> Result<(), Trouble> {
    doubt.map_or(Ok(()), |doubt| Err(Trouble::Unknown(doubt.why.clone())))
}

/// Where each operation looks: shard key, id, and the id that it releases.
fn names(ask: &Ask) -> (&str, &str, Option<&str>) {
    match ask {
        Ask::Reserve(hold) | Ask::Take(hold) => (&hold.shard_key, &hold.id, None),
        Ask::Replace { old, hold } => (&hold.shard_key, &hold.id, Some(old)),
        Ask::Commit { shard_key, id, .. } | Ask::Rollback { shard_key, id, .. } | Ask::Extend { shard_key, id, .. } => {
            (shard_key, id, None)
        }
        // INVARIANT: none of these is about one record; they have ways of their own.
        Ask::Expire { .. } | Ask::Age { .. } | Ask::Revive(_) | Ask::Admit(_) | Ask::Put { .. } | Ask::Pass { .. } => {
            ("", "", None)
        }
    }
}

fn operation<'a>(ask: &'a Ask, old: Option<&'a Record>) -> Operation<'a> {
    match ask {
        Ask::Reserve(hold) => Operation::Reserve(hold),
        Ask::Take(hold) => Operation::Take(hold),
        Ask::Replace { hold, .. } => Operation::Replace { old, hold },
        Ask::Commit { shard_key, if_expired, note, .. } => Operation::Commit { shard_key, if_expired, note: note.as_deref() },
        Ask::Rollback { shard_key, id, rollback } => Operation::Rollback { shard_key, id, rollback },
        Ask::Extend { shard_key, until, .. } => Operation::Extend { shard_key, until: *until },
        Ask::Expire { .. } | Ask::Age { .. } | Ask::Revive(_) | Ask::Admit(_) | Ask::Put { .. } | Ask::Pass { .. } => {
            Operation::Expire
        }
    }
}

fn hold_of(ask: &Ask) -> Option<&Hold> {
    match ask {
        Ask::Reserve(hold) | Ask::Take(hold) | Ask::Replace { hold, .. } => Some(hold),
        _ => None,
    }
}

fn takes(ask: &Ask) -> bool {
    hold_of(ask).is_some()
}

/// A refusal of a hold whose counters nobody has read yet.
fn rests_on_usage(answer: &Answer) -> bool {
    matches!(answer, Answer::Reserved(Reserved::Refused { .. }))
        || matches!(answer, Answer::Committed(crate::model::Committed::Refused { .. }))
}

/// The record of stored bytes.
pub(super) fn read_record(bytes: &[u8]) -> Result<Record, LedgerError> {
    let (place, body) = layout::split_stamp(bytes).ok_or_else(|| codec::damaged("a record"))?;
    codec::decode(place, body)
}

/// Those of several, in order; `None` where there is none.
pub(super) fn read_records(all: Vec<Option<Vec<u8>>>) -> Result<Vec<Option<Record>>, LedgerError> {
    all.into_iter().map(|bytes| bytes.map(|bytes| read_record(&bytes)).transpose()).collect()
}

fn place_all(part: &Part, changes: Vec<Change>, answer: &mut Answer, epoch: u64, first: u64) {
    for (position, change) in (first..).zip(changes) {
        let place = Place { epoch, position };
        answer.place(&change.record.id, place);
        part.remember(Record { place, ..change.record });
    }
}

/// The places of these records, if they are what was sent.
pub(super) fn same(sent: &[Change], records: &[Option<Record>]) -> Option<Vec<Place>> {
    let mut places = Vec::new();
    for (change, record) in sent.iter().zip(records) {
        let record = record.as_ref()?;
        if (Record { place: record.place, ..change.record.clone() }) != *record {
            return None;
        }
        places.push(record.place);
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use super::super::tests::open_with;
    use super::*;
    use crate::Ledger as _;
    use crate::contract::{RETENTION, Settings, hold, taken};

    /// The first try is on its way, and its answer was lost with its connection; the second finds too little.
    #[tokio::test(flavor = "multi_thread")]
    async fn a_refusal_is_told_only_where_no_try_is_still_on_its_way() {
        let server = tokka_rig::Redis::start();
        let redis = open_with(&server.url(), 1, Settings { log_max: 100, retention: RETENTION }).await;
        taken(&redis, "other", &[("stock", 1, 1)]).await;
        let ask = Ask::Reserve(hold(&redis, "r", &[("stock", 1, 1)]).await);
        let (store, part) = (&redis.store, redis.store.part_of("u"));
        let moment = Moment { now: part.post.clock.now(), admitted: 0 };
        let decide = || step(None, operation(&ask, None), moment, &|_| 0);
        let mut seen = Seen { before: None, old: None, read: false, admitted: 0, usage: None };
        let why = "the connection broke".to_owned();
        let mut doubt = Some(Doubt { changes: decide().changes, moment, why: why.clone() });
        let decided = decide();
        let tried = store.attempt(part, &ask, &mut seen, decided.changes, decided.answer, moment, &mut doubt).await;
        assert_eq!(tried, Err(Trouble::Unknown(why)));
        assert!(doubt.is_some() && !seen.read, "it is tried again");
        let decided = decide();
        let tried = store.attempt(part, &ask, &mut seen, decided.changes, decided.answer, moment, &mut None).await;
        assert_eq!((tried, seen.read), (Ok(None), true), "without a doubt it is refused");
        // The first try arrives after all, once there is room: what is asked for again has it.
        redis.rollback("u", "other", crate::contract::whole("x")).await.unwrap();
        let decided = decide();
        let tried = store.attempt(part, &ask, &mut seen, decided.changes, decided.answer, moment, &mut doubt).await;
        assert!(matches!(tried, Ok(Some(Answer::Reserved(Reserved::Taken(_))))), "{tried:?}");
    }
}
