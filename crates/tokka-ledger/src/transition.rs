//! What does an operation do to a record? One pure function, [`step`], that every back end runs or is checked against.
//!
//! It reads the record as it stands, the operation, the moment, and what is used of each counter; it answers what
//! to write and what to say. It writes nothing itself. A refusal is an answer without changes, and causes are looked at
//! in one fixed order, so that a call that breaks several rules always gets the same answer:
//!
//! | operation | in this order |
//! |---|---|
//! | reserve, take | other shard key: `Conflict`; tombstone: `Ended`; other hash: `Conflict`; open: `Repeated`; closed: `Ended`; revision: `Stale`; counters: `Refused` |
//! | replace | what reserve says of an id that it knows; old one unknown or not HELD: `NotReplaceable`; revision: `Stale`; counters: `Refused` |
//! | commit | unknown: `NotFound`; by state; of an EXPIRED one the counters: `Refused` |
//! | rollback | unknown: `NotFound` or a tombstone; this rollback id before: `Repeated` or `Conflict`; `VersionMoved`; state: `Ended`, `NotReturnable`; amounts: `NotReturnable`; too many returns of parts: `TooManyReturns` |
//! | extend | unknown: `NotFound`; `NotHeld`; not later than it is: `Done` without effect |
//! | expire | not HELD, or not due: nothing |

use crate::bounds::{RETURNS_BYTES_MAX, RETURNS_MAX};
use crate::joined::{portions_weight, return_weight};
use crate::model::{
    AMOUNT_MAX, Claim, Committed, Document, Extended, Extent, Hold, IfExpired, Millis, Place, Portion, Record, Reserved, Return,
    Rollback, RolledBack, Shortage, State, Transition,
};
use crate::name::Name;

/// What is asked of one record.
#[derive(Debug, Clone, Copy)]
pub enum Operation<'a> {
    /// See [`crate::Ledger::reserve`].
    Reserve(&'a Hold),
    /// See [`crate::Ledger::take`].
    Take(&'a Hold),
    /// See [`crate::Ledger::replace`]: the record that is asked is that of the new hold.
    Replace {
        /// The one to release, as it stands.
        old: Option<&'a Record>,
        /// The one to take.
        hold: &'a Hold,
    },
    /// See [`crate::Ledger::commit`].
    Commit {
        /// Which records the caller may speak of.
        shard_key: &'a str,
        /// What to do with an EXPIRED one.
        if_expired: &'a IfExpired,
        /// What the record keeps of it.
        note: Option<&'a [u8]>,
    },
    /// See [`crate::Ledger::rollback`].
    Rollback {
        /// Which records the caller may speak of; where a tombstone would live.
        shard_key: &'a str,
        /// Whose id a tombstone would have.
        id: &'a str,
        /// How much goes back.
        rollback: &'a Rollback,
    },
    /// See [`crate::Ledger::extend`].
    Extend {
        /// Which records the caller may speak of.
        shard_key: &'a str,
        /// The new deadline.
        until: Millis,
    },
    /// See [`crate::Ledger::expire`].
    Expire,
}

/// What a store says of itself when an operation is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// By its clock.
    pub now: Millis,
    /// The lowest revision that holds are admitted at.
    pub admitted: u64,
}

/// What to write and what to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// In order, all or none; empty for a refusal or a repetition.
    pub changes: Vec<Change>,
    /// What the caller hears.
    pub answer: Answer,
}

/// One record's next version, with what it moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// As it stands from now on.
    pub record: Record,
    /// What happened to it.
    pub transition: Transition,
    /// By counter: above 0 was taken, below 0 went back.
    pub moved: Vec<(Name, i64)>,
    /// What happens to the documents of the record.
    pub documents: Documents,
}

/// What a change does with the documents of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Documents {
    /// They stay as they are.
    Keep,
    /// They are written: the record was committed.
    Write,
    /// They go: the record was committed and is no more.
    Remove,
}

/// The answer, by operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Of reserve, take and replace.
    Reserved(Reserved),
    /// Of commit.
    Committed(Committed),
    /// Of rollback.
    RolledBack(RolledBack),
    /// Of extend.
    Extended(Extended),
    /// Of expire: whether it expired now.
    Expired(bool),
}

impl Answer {
    /// Says in the answer's record, if this is its id, where its transition stands. A step does not know it: the back end
    /// that applies the step gives the positions.
    pub fn place(&mut self, id: &str, place: Place) {
        let record = match self {
            Self::Reserved(Reserved::Taken(record) | Reserved::Repeated(record) | Reserved::Ended(record))
            | Self::Committed(
                Committed::Done(record)
                | Committed::Repeated(record)
                | Committed::RolledBack(record)
                | Committed::Expired(record)
                | Committed::Refused { record, .. },
            )
            | Self::RolledBack(
                RolledBack::Done(record)
                | RolledBack::Repeated(record)
                | RolledBack::VersionMoved(record)
                | RolledBack::Unknown(record)
                | RolledBack::NotReturnable(record)
                | RolledBack::TooManyReturns(record)
                | RolledBack::Ended(record),
            )
            | Self::Extended(Extended::Done(record) | Extended::NotHeld(record)) => record,
            Self::Reserved(
                Reserved::Conflict | Reserved::Refused { .. } | Reserved::Stale { .. } | Reserved::NotReplaceable(_),
            )
            | Self::Committed(Committed::NotFound)
            | Self::RolledBack(RolledBack::Conflict | RolledBack::NotFound)
            | Self::Extended(Extended::NotFound)
            | Self::Expired(_) => return,
        };
        if record.id == id {
            record.place = place;
        }
    }
}

/// Decides one operation. `used` answers what is used of a counter now, and `before` is the record of the operation's
/// id, whatever its shard key. The records of its changes and of its answer have no place yet.
#[must_use]
pub fn step(before: Option<&Record>, operation: Operation<'_>, moment: Moment, used: &dyn Fn(&Name) -> i64) -> Step {
    let now = moment.now;
    match operation {
        Operation::Reserve(hold) => reserve(before, hold, State::Held, moment, used),
        Operation::Take(hold) => reserve(before, hold, State::Committed, moment, used),
        Operation::Replace { old, hold } => replace(before, old, hold, moment, used),
        Operation::Commit { shard_key, if_expired, note } => commit(seen_by(before, shard_key), if_expired, note, now, used),
        Operation::Rollback { shard_key, id, rollback } => roll_back(before, shard_key, id, rollback, now),
        Operation::Extend { shard_key, until } => extend(seen_by(before, shard_key), until, now),
        Operation::Expire => expire(before, now),
    }
}

/// A record answers only to the shard key that it was reserved under.
fn seen_by<'a>(before: Option<&'a Record>, shard_key: &str) -> Option<&'a Record> {
    before.filter(|record| record.shard_key == shard_key)
}

fn reserve(before: Option<&Record>, hold: &Hold, state: State, moment: Moment, used: &dyn Fn(&Name) -> i64) -> Step {
    if let Some(answer) = answer_known(before, hold).or_else(|| refuse_stale(hold, moment)) {
        return refuse(Answer::Reserved(answer));
    }
    if let Some(refused) = refuse_claims(&hold.claims, used) {
        return refuse(Answer::Reserved(refused));
    }
    let change = make(hold, state, moment.now);
    let answer = Answer::Reserved(Reserved::Taken(change.record.clone()));
    Step { changes: vec![change], answer }
}

fn replace(before: Option<&Record>, old: Option<&Record>, hold: &Hold, moment: Moment, used: &dyn Fn(&Name) -> i64) -> Step {
    if let Some(answer) = answer_known(before, hold) {
        return refuse(Answer::Reserved(answer));
    }
    let Some(old) = seen_by(old, &hold.shard_key) else {
        return refuse(Answer::Reserved(Reserved::NotReplaceable(None)));
    };
    if old.state != State::Held {
        return refuse(Answer::Reserved(Reserved::NotReplaceable(Some(old.state))));
    }
    if let Some(stale) = refuse_stale(hold, moment) {
        return refuse(Answer::Reserved(stale));
    }
    // The new hold is measured against what is left once the old one is gone.
    let without_old = |counter: &Name| {
        let held = old.holding.iter().find(|portion| portion.counter == *counter).map_or(0, |portion| portion.amount);
        used(counter).saturating_sub(held)
    };
    if let Some(refused) = refuse_claims(&hold.claims, &without_old) {
        return refuse(Answer::Reserved(refused));
    }
    let mut released = next(old, moment.now);
    released.state = State::RolledBack;
    let moved = given_back(&std::mem::take(&mut released.holding));
    let released = Change { record: released, transition: Transition::Replaced, moved, documents: Documents::Keep };
    let made = make(hold, State::Held, moment.now);
    let answer = Answer::Reserved(Reserved::Taken(made.record.clone()));
    Step { changes: vec![released, made], answer }
}

/// What reserve says where the id is known; `None` where it is not.
fn answer_known(before: Option<&Record>, hold: &Hold) -> Option<Reserved> {
    let record = before?;
    if record.shard_key != hold.shard_key {
        return Some(Reserved::Conflict);
    }
    if record.tombstone {
        return Some(Reserved::Ended(record.clone()));
    }
    if record.request_hash != hold.request_hash {
        return Some(Reserved::Conflict);
    }
    Some(match record.state {
        State::Held | State::Committed => Reserved::Repeated(record.clone()),
        State::RolledBack | State::Expired => Reserved::Ended(record.clone()),
    })
}

/// A price of an older revision is not sold any more, whatever is left.
fn refuse_stale(hold: &Hold, moment: Moment) -> Option<Reserved> {
    let stale = (1..moment.admitted).contains(&hold.revision);
    stale.then_some(Reserved::Stale { admitted: moment.admitted })
}

fn refuse_claims(claims: &[Claim], used: &dyn Fn(&Name) -> i64) -> Option<Reserved> {
    let usage: Vec<i64> = claims.iter().map(|claim| used(&claim.counter)).collect();
    let shortages = shortages(claims, &usage);
    if shortages.is_empty() { None } else { Some(Reserved::Refused { shortages, usage }) }
}

/// Every claim that does not fit, not only the first: the caller prices again once, not once a counter.
fn shortages(claims: &[Claim], usage: &[i64]) -> Vec<Shortage> {
    let mut shortages = Vec::new();
    for (claim, used) in claims.iter().zip(usage) {
        // No counter ever exceeds what every back end can hold exactly, whatever the limit says.
        let limit = claim.limit.min(AMOUNT_MAX);
        let fits = used.checked_add(claim.amount).is_some_and(|after| after <= limit);
        if !fits {
            let counter = claim.counter.clone();
            shortages.push(Shortage { counter, limit: claim.limit, used: *used, requested: claim.amount });
        }
    }
    shortages
}

fn make(hold: &Hold, state: State, now: Millis) -> Change {
    let record = Record {
        id: hold.id.clone(),
        shard_key: hold.shard_key.clone(),
        request_hash: hold.request_hash,
        state,
        version: 1,
        deadline: hold.deadline,
        created: now,
        changed: now,
        place: Place::default(),
        claims: hold.claims.clone(),
        holding: portions(&hold.claims),
        payload: hold.payload.clone(),
        note: None,
        documents: hold.documents.clone(),
        returns: Vec::new(),
        tombstone: false,
    };
    let (transition, documents) = match state {
        State::Committed => (Transition::Taken, Documents::Write),
        State::Held | State::RolledBack | State::Expired => (Transition::Reserved, Documents::Keep),
    };
    Change { record, transition, moved: taken(&hold.claims), documents }
}

fn commit(
    before: Option<&Record>,
    if_expired: &IfExpired,
    note: Option<&[u8]>,
    now: Millis,
    used: &dyn Fn(&Name) -> i64,
) -> Step {
    let Some(record) = before else { return refuse(Answer::Committed(Committed::NotFound)) };
    match record.state {
        State::Committed => refuse(Answer::Committed(Committed::Repeated(record.clone()))),
        State::RolledBack => refuse(Answer::Committed(Committed::RolledBack(record.clone()))),
        State::Held => {
            let mut committed = next(record, now);
            committed.state = State::Committed;
            committed.note = note.map(<[u8]>::to_vec);
            done(committed, Transition::Committed, Vec::new(), Documents::Write, |r| Answer::Committed(Committed::Done(r)))
        }
        State::Expired => match if_expired {
            IfExpired::Refuse => refuse(Answer::Committed(Committed::Expired(record.clone()))),
            IfExpired::Reacquire(limits) => reacquire(record, limits, note, now, used),
        },
    }
}

/// The money is there but the hold is gone: its recorded claims are taken again, under the newest limits.
fn reacquire(record: &Record, limits: &[(Name, i64)], note: Option<&[u8]>, now: Millis, used: &dyn Fn(&Name) -> i64) -> Step {
    let mut committed = next(record, now);
    for claim in &mut committed.claims {
        if let Some((_, newest)) = limits.iter().find(|(counter, _)| *counter == claim.counter) {
            claim.limit = *newest;
        }
    }
    let usage: Vec<i64> = committed.claims.iter().map(|claim| used(&claim.counter)).collect();
    let shortages = shortages(&committed.claims, &usage);
    if !shortages.is_empty() {
        return refuse(Answer::Committed(Committed::Refused { record: record.clone(), shortages }));
    }
    committed.state = State::Committed;
    committed.note = note.map(<[u8]>::to_vec);
    committed.holding = portions(&committed.claims);
    let moved = taken(&committed.claims);
    done(committed, Transition::Reacquired, moved, Documents::Write, |r| Answer::Committed(Committed::Done(r)))
}

fn roll_back(before: Option<&Record>, shard_key: &str, id: &str, rollback: &Rollback, now: Millis) -> Step {
    let Some(record) = before else { return overtake(shard_key, id, rollback, now) };
    let refused = |answer| refuse(Answer::RolledBack(answer));
    if record.shard_key != shard_key {
        return refused(RolledBack::NotFound);
    }
    if let Some(earlier) = record.returns.iter().find(|earlier| earlier.rollback_id == rollback.rollback_id) {
        return refused(if earlier.request_hash == rollback.request_hash {
            RolledBack::Repeated(record.clone())
        } else {
            RolledBack::Conflict
        });
    }
    if rollback.version.is_some_and(|version| version != record.version) {
        return refused(RolledBack::VersionMoved(record.clone()));
    }
    let (portions, transition, documents) = match (&rollback.extent, record.state) {
        (Extent::Whole { .. }, State::RolledBack) => return refused(RolledBack::Ended(record.clone())),
        (Extent::Whole { except }, state) => {
            let Some(portions) = minus(&record.holding, except) else {
                return refused(RolledBack::NotReturnable(record.clone()));
            };
            let written = if state == State::Committed { Documents::Remove } else { Documents::Keep };
            (portions, Transition::RolledBack, written)
        }
        (Extent::Part { portions }, State::Committed | State::RolledBack) if !record.tombstone => {
            (portions.clone(), Transition::PartReturned, Documents::Keep)
        }
        (Extent::Part { .. }, _) => return refused(RolledBack::NotReturnable(record.clone())),
    };
    let Some(holding) = minus(&record.holding, &portions) else {
        return refused(RolledBack::NotReturnable(record.clone()));
    };
    let part = matches!(rollback.extent, Extent::Part { .. });
    if part && !one_more_fits(&record.returns, rollback, &portions) {
        return refused(RolledBack::TooManyReturns(record.clone()));
    }
    let moved = given_back(&portions);
    let mut returned = next(record, now);
    returned.holding = holding;
    if !part {
        returned.state = State::RolledBack;
    }
    if let Some(payload) = &rollback.payload {
        returned.payload.clone_from(payload);
    }
    returned.returns.push(note(rollback, portions, returned.version, now));
    done(returned, transition, moved, documents, |r| Answer::RolledBack(RolledBack::Done(r)))
}

/// Every return is kept in its record, and the record is written again with each: parts are bounded, the end is not.
fn one_more_fits(returns: &[Return], rollback: &Rollback, portions: &[Portion]) -> bool {
    let one_more = rollback.answer.len().saturating_add(portions_weight(portions));
    let bytes = returns.iter().map(return_weight).fold(one_more, usize::saturating_add);
    returns.len() < RETURNS_MAX && bytes <= RETURNS_BYTES_MAX
}

/// A rollback of an id never seen: its Reserve may still be on its way, and must find no hold to make.
fn overtake(shard_key: &str, id: &str, rollback: &Rollback, now: Millis) -> Step {
    // Who names a version has seen the record: it is not on its way, it is gone.
    let seen = rollback.version.is_some_and(|version| version > 0);
    if seen || matches!(rollback.extent, Extent::Part { .. }) {
        return refuse(Answer::RolledBack(RolledBack::NotFound));
    }
    let record = Record {
        id: id.to_owned(),
        shard_key: shard_key.to_owned(),
        request_hash: 0,
        state: State::RolledBack,
        version: 1,
        deadline: now,
        created: now,
        changed: now,
        place: Place::default(),
        claims: Vec::new(),
        holding: Vec::new(),
        payload: rollback.payload.clone().unwrap_or_default(),
        note: None,
        documents: Vec::new(),
        returns: vec![note(rollback, Vec::new(), 1, now)],
        tombstone: true,
    };
    let answer = |r| Answer::RolledBack(RolledBack::Unknown(r));
    done(record, Transition::Tombstone, Vec::new(), Documents::Keep, answer)
}

fn note(rollback: &Rollback, portions: Vec<Portion>, version: u64, at: Millis) -> Return {
    Return {
        rollback_id: rollback.rollback_id.clone(),
        request_hash: rollback.request_hash,
        portions,
        answer: rollback.answer.clone(),
        version,
        at,
    }
}

fn extend(before: Option<&Record>, until: Millis, now: Millis) -> Step {
    let Some(record) = before else { return refuse(Answer::Extended(Extended::NotFound)) };
    if record.state != State::Held {
        return refuse(Answer::Extended(Extended::NotHeld(record.clone())));
    }
    if until <= record.deadline {
        return refuse(Answer::Extended(Extended::Done(record.clone())));
    }
    let mut extended = next(record, now);
    extended.deadline = until;
    done(extended, Transition::Extended, Vec::new(), Documents::Keep, |r| Answer::Extended(Extended::Done(r)))
}

fn expire(before: Option<&Record>, now: Millis) -> Step {
    let Some(record) = before.filter(|record| record.state == State::Held && record.deadline <= now) else {
        return refuse(Answer::Expired(false));
    };
    let mut expired = next(record, now);
    expired.state = State::Expired;
    let moved = given_back(&std::mem::take(&mut expired.holding));
    done(expired, Transition::Expired, moved, Documents::Keep, |_| Answer::Expired(true))
}

fn refuse(answer: Answer) -> Step {
    Step { changes: Vec::new(), answer }
}

fn done(
    record: Record,
    transition: Transition,
    moved: Vec<(Name, i64)>,
    documents: Documents,
    say: impl FnOnce(Record) -> Answer,
) -> Step {
    let documents = if record.documents.is_empty() { Documents::Keep } else { documents };
    let answer = say(record.clone());
    Step { changes: vec![Change { record, transition, moved, documents }], answer }
}

fn next(record: &Record, now: Millis) -> Record {
    // A version is counted, not computed: 2^64 transitions of one record never happen.
    Record { version: record.version.saturating_add(1), changed: now, place: Place::default(), ..record.clone() }
}

fn portions(claims: &[Claim]) -> Vec<Portion> {
    claims.iter().map(|claim| Portion { counter: claim.counter.clone(), amount: claim.amount }).collect()
}

fn taken(claims: &[Claim]) -> Vec<(Name, i64)> {
    claims.iter().map(|claim| (claim.counter.clone(), claim.amount)).collect()
}

fn given_back(portions: &[Portion]) -> Vec<(Name, i64)> {
    // INVARIANT: a portion is 1 to AMOUNT_MAX (`bounds`), so its negation exists.
    portions.iter().map(|portion| (portion.counter.clone(), portion.amount.saturating_neg())).collect()
}

/// What is left of `whole` without `part`; `None` where `part` has more of a counter than there is.
fn minus(whole: &[Portion], part: &[Portion]) -> Option<Vec<Portion>> {
    if part.iter().any(|p| !whole.iter().any(|w| w.counter == p.counter && w.amount >= p.amount)) {
        return None;
    }
    let mut left = Vec::new();
    for portion in whole {
        let gone = part.iter().find(|p| p.counter == portion.counter).map_or(0, |p| p.amount);
        let amount = portion.amount.checked_sub(gone)?;
        if amount > 0 {
            left.push(Portion { counter: portion.counter.clone(), amount });
        }
    }
    Some(left)
}

/// The documents that a change writes (with their bytes) or removes (`None`).
pub fn document_writes(change: &Change) -> impl Iterator<Item = (&Name, Option<&[u8]>)> {
    let (documents, write): (&[Document], bool) = match change.documents {
        Documents::Keep => (&[], false),
        Documents::Write => (&change.record.documents, true),
        Documents::Remove => (&change.record.documents, false),
    };
    documents.iter().map(move |document| (&document.name, write.then_some(document.bytes.as_slice())))
}

#[cfg(test)]
mod tests;
