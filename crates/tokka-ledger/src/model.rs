//! What does the ledger keep? Claims, holds, the records they become, and the answers that callers get.

use serde::{Deserialize, Serialize};

use crate::name::Name;

/// Milliseconds since 1970-01-01 UTC, by the store's clock.
pub type Millis = i64;

/// Amounts are 1 – 10^15: what a Lua number holds exactly.
pub const AMOUNT_MAX: i64 = 1_000_000_000_000_000;

/// At most this many claims a hold.
pub const CLAIMS_MAX: usize = 4_096;

/// A limited quantity that a hold takes. Only usage is stored: the limit travels with the claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Of what.
    pub counter: Name,
    /// How much, 1 – [`AMOUNT_MAX`].
    pub amount: i64,
    /// `used + amount ≤ limit` or it is refused.
    pub limit: i64,
}

/// Where a record lives: by customer. The user, or where there is none, a space and the reservation id, which no user is
/// called.
pub type ShardKey = String;

/// What an order asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The reservation id, chosen by the caller.
    pub id: String,
    /// Where it lives.
    pub shard_key: ShardKey,
    /// Over the canonical request; a repetition has the same.
    pub request_hash: u128,
    /// Each counter once.
    pub claims: Vec<Claim>,
    /// When it expires unless it is committed.
    pub deadline: Millis,
    /// The number of the catalogue's revision that it is priced on; below the admitted one it is refused. 0 where the
    /// catalogue does not number its revisions: always admitted.
    pub revision: u64,
    /// The priced order: opaque.
    #[serde(with = "serde_bytes")]
    pub payload: Vec<u8>,
    /// Written with COMMITTED, removed with ROLLED_BACK (a wallet entry).
    pub documents: Vec<Document>,
}

/// A small named piece of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What it is called.
    pub name: Name,
    /// What it says.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// Where a record stands. `HELD → COMMITTED | ROLLED_BACK | EXPIRED`, `COMMITTED → ROLLED_BACK`,
/// `EXPIRED → COMMITTED | ROLLED_BACK`. Partly returned is a fact of a COMMITTED record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum State {
    /// Taken, not yet paid.
    Held,
    /// Paid.
    Committed,
    /// Returned for good.
    RolledBack,
    /// Its deadline passed and `expire` took its claims back.
    Expired,
}

impl State {
    /// The stable name, as on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Held => "HELD",
            Self::Committed => "COMMITTED",
            Self::RolledBack => "ROLLED_BACK",
            Self::Expired => "EXPIRED",
        }
    }
}

/// Where something stands in the log of its shard. Places of one epoch are in order; another epoch is another history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Place {
    /// Of the store, or of what it was before it lost something.
    pub epoch: u64,
    /// In the shard's log, from 1.
    pub position: u64,
}

/// What the ledger knows of a reservation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The reservation id.
    pub id: String,
    /// Where it lives.
    pub shard_key: ShardKey,
    /// Of the request that made it; 0 for a tombstone.
    pub request_hash: u128,
    /// Where it stands.
    pub state: State,
    /// 1 when made, one more with each transition.
    pub version: u64,
    /// When it expires, or would have.
    pub deadline: Millis,
    /// When it was made.
    pub created: Millis,
    /// When it last changed, or came back (see [`Revived::Back`]).
    pub changed: Millis,
    /// Of its last transition. The back end fills it in, in what it keeps and in what it answers.
    pub place: Place,
    /// As taken: what REACQUIRE takes again.
    pub claims: Vec<Claim>,
    /// What it holds or settled of each counter and did not give back; nothing while EXPIRED.
    pub holding: Vec<Portion>,
    /// The priced order, as last written.
    #[serde(with = "serde_bytes")]
    pub payload: Vec<u8>,
    /// What the commit brought that made it COMMITTED (what the order is called by then): opaque, never written again.
    #[serde(with = "serde_bytes")]
    pub note: Option<Vec<u8>>,
    /// See [`Hold::documents`].
    pub documents: Vec<Document>,
    /// In order; each with its stored answer.
    pub returns: Vec<Return>,
    /// A rollback that overtook its Reserve left this; no hold was ever made.
    pub tombstone: bool,
}

/// An amount of a counter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Portion {
    /// Of what.
    pub counter: Name,
    /// How much, at least 1.
    pub amount: i64,
}

/// A rollback that happened, whole or part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// Chosen by the caller; each happens once.
    pub rollback_id: String,
    /// Over what was asked; a repetition has the same.
    pub request_hash: u128,
    /// What went back to counters.
    pub portions: Vec<Portion>,
    /// The caller's answer, opaque: a repetition gets it again.
    #[serde(with = "serde_bytes")]
    pub answer: Vec<u8>,
    /// The version that it made.
    pub version: u64,
    /// When.
    pub at: Millis,
}

/// A counter that refused a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// Which.
    pub counter: Name,
    /// The limit that the claim brought.
    pub limit: i64,
    /// What is used of it now.
    pub used: i64,
    /// What was asked for.
    pub requested: i64,
}

/// What Reserve, take and replace answer. Expected refusals are values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// Every claim was taken now.
    Taken(Record),
    /// The same request was answered before: the record as it stands, without effect.
    Repeated(Record),
    /// Another request has this id.
    Conflict,
    /// The record is rolled back or expired (or a tombstone): no hold is made under this id again.
    Ended(Record),
    /// Nothing was taken: every counter that refused, and (`usage`) what is used of every counter that the hold names.
    Refused {
        /// Those that refused.
        shortages: Vec<Shortage>,
        /// Of each claim, in its order.
        usage: Vec<i64>,
    },
    /// It is priced on a revision that is not admitted any more. Nothing was taken: price again on a newer one.
    Stale {
        /// The lowest revision that is admitted.
        admitted: u64,
    },
    /// `replace`: the old reservation is not HELD (or unknown), so nothing changed.
    NotReplaceable(Option<State>),
}

/// What commit does with an expired record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfExpired {
    /// Take the recorded claims again, with these limits where a counter is listed.
    Reacquire(Vec<(Name, i64)>),
    /// Refuse.
    Refuse,
}

/// What commit answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// Committed now.
    Done(Record),
    /// It was committed before: the same answer.
    Repeated(Record),
    /// No such record.
    NotFound,
    /// It is rolled back.
    RolledBack(Record),
    /// It is expired, and REFUSE was asked for.
    Expired(Record),
    /// It is expired, and its claims do not fit any more.
    Refused {
        /// The record, still EXPIRED.
        record: Record,
        /// Those that refused.
        shortages: Vec<Shortage>,
    },
}

/// What is to go back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollback {
    /// Chosen by the caller; each happens once.
    pub rollback_id: String,
    /// Over what was asked; a repetition has the same.
    pub request_hash: u128,
    /// The version that the caller computed from; `None`: whatever it is (only for a whole rollback); 0: there was none.
    pub version: Option<u64>,
    /// How much.
    pub extent: Extent,
    /// The new payload; `None`: as it is.
    pub payload: Option<Vec<u8>>,
    /// The answer to store; a repetition gets it again.
    pub answer: Vec<u8>,
}

/// Whole or part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// The record ends. All that it holds goes back, except these portions, which come back later (gifts that the
    /// customer still has).
    Whole {
        /// What stays out.
        except: Vec<Portion>,
    },
    /// These portions go back; the state stays (COMMITTED, or ROLLED_BACK for what stayed out).
    Part {
        /// At most what it holds.
        portions: Vec<Portion>,
    },
}

/// What rollback answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RolledBack {
    /// It happened now.
    Done(Record),
    /// This `rollback_id` happened before; its stored answer is in the record's returns.
    Repeated(Record),
    /// This `rollback_id` happened with other content.
    Conflict,
    /// The record is not of the version that the caller computed from.
    VersionMoved(Record),
    /// A part of an id that was never seen, or a version of it that is not there.
    NotFound,
    /// A whole rollback of an id never seen: a tombstone stands now.
    Unknown(Record),
    /// A part before commit, or of an expired record, or more than it holds.
    NotReturnable(Record),
    /// A part of a record that keeps as many returns as one may ([`crate::bounds::RETURNS_MAX`],
    /// [`crate::bounds::RETURNS_BYTES_MAX`]). All that is left can still go back as a whole.
    TooManyReturns(Record),
    /// A whole rollback of what another `rollback_id` already ended.
    Ended(Record),
}

/// What extend answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extended {
    /// The deadline is the new one (now, or by a repetition).
    Done(Record),
    /// No such record.
    NotFound,
    /// It is not HELD any more.
    NotHeld(Record),
}

/// What revive answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revived {
    /// There is a record with this id: as it stands, without effect.
    Known(Record),
    /// It stands again, as the receipt has it, and is not due to age for another `retention`: `changed` is now. What it
    /// holds of a counter that was forgotten meanwhile is left out of `holding`.
    Back(Record),
    /// The record moved on after this receipt was written, before it aged.
    Superseded,
    /// It is not a COMMITTED one that has aged, or another customer's record has its id.
    NotFound,
}

/// What happened to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Transition {
    /// HELD was made.
    Reserved,
    /// COMMITTED was made in one step.
    Taken,
    /// HELD → COMMITTED.
    Committed,
    /// EXPIRED → COMMITTED, claims taken again.
    Reacquired,
    /// A part went back.
    PartReturned,
    /// → ROLLED_BACK.
    RolledBack,
    /// → EXPIRED.
    Expired,
    /// The deadline moved.
    Extended,
    /// HELD → ROLLED_BACK, in the step that made another.
    Replaced,
    /// A tombstone was made.
    Tombstone,
}

/// One entry of the operation log; its identity is (id, version). Readers drop repeats by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// In the shard, rising.
    pub position: u64,
    /// Which record.
    pub id: String,
    /// Where it lives.
    pub shard_key: ShardKey,
    /// The version that it made.
    pub version: u64,
    /// What happened.
    pub transition: Transition,
    /// By counter: above 0 was taken, below 0 went back.
    pub moved: Vec<(Name, i64)>,
    /// When, by the store's clock.
    pub at: Millis,
}

/// An entry with the record as it stands (or stood when it was last seen).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub entry: Entry,
    /// The record now; of the stored answers of its returns only that of the return that made this version. `None` where
    /// it has aged out.
    pub record: Option<Record>,
}

/// A place in the log: opaque to callers (epoch and position of every shard).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cursor(pub Vec<u8>);

/// A batch of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Events {
    /// In order, and where to go on.
    Batch(Vec<Event>, Cursor),
    /// The reader is too far behind: resynchronise from records, then go on from here.
    Gap(Cursor),
}

/// A small versioned document: a catalogue revision, a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versioned {
    /// 1 when made, one more with each put.
    pub version: u64,
    /// What it says.
    #[serde(with = "serde_bytes")]
    pub bytes: Vec<u8>,
}

/// What put answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Put {
    /// It stands, with this version.
    Done(u64),
    /// It has another version (0: it does not exist).
    Moved(u64),
}

/// What an audit of a store counted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audit {
    /// Records, by state.
    pub held: u64,
    /// Likewise.
    pub committed: u64,
    /// Likewise; tombstones too.
    pub rolled_back: u64,
    /// Likewise.
    pub expired: u64,
    /// Counters that are not 0.
    pub counters: u64,
    /// Entries of the log that are kept.
    pub entries: u64,
    /// Counters whose `used` is not what aged and what records hold: name, what it should be, what it is.
    pub differences: Vec<(Name, i64, i64)>,
    /// Records of which the log's last entry has another version, or which it knows and which are gone without having
    /// aged.
    pub versions: Vec<String>,
}

impl Audit {
    /// Do counters, records and log agree?
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.differences.is_empty() && self.versions.is_empty()
    }

    /// Counts a record in.
    pub(crate) fn count(&mut self, record: &Record) {
        let of_state = match record.state {
            State::Held => &mut self.held,
            State::Committed => &mut self.committed,
            State::RolledBack => &mut self.rolled_back,
            State::Expired => &mut self.expired,
        };
        *of_state = of_state.saturating_add(1);
    }
}
