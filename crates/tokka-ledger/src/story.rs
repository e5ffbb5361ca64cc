//! What might customers, sweepers and readers do? A random but repeatable story of calls, and what a store looks like
//! afterwards.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use crate::book::Ask;
use crate::clock::Clock;
use crate::contract::HOUR;
use crate::ledger::Ledger;
use crate::memory::Memory;
use crate::model::{Claim, Cursor, Document, Events, Extent, Hold, IfExpired, Portion, Record, Rollback, State};
use crate::name::Name;

/// Stores keep so many entries of the log, …
pub(crate) const LOG_MAX: u64 = 24;
/// … and, where the story moves the clock, records so long.
pub(crate) const RETENTION: Duration = Duration::from_millis(2);

/// Small numbers, so that everything meets everything.
const IDS: u64 = 9;
const COUNTERS: [&str; 4] = ["stock", "budget", "user", "gift"];
const DOCUMENTS: [&str; 3] = ["wallet", "revision", "setting"];
const READERS: [&str; 2] = ["archive", "erp"];

/// A step of the story.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Ask(Ask),
    /// A registered reader reads up to so many entries and passes them.
    Read {
        reader: &'static str,
        max: usize,
    },
    /// Time goes on by so many milliseconds.
    Later(i64),
}

/// Where a story happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum World {
    /// In one place, by a clock that the story moves.
    OwnTime,
    /// In one place, by a clock that nobody moves: what is to be due is due long since, and all that may go goes at once.
    WallTime,
    /// Likewise, with customers who live in several places: each id is one customer's, and no price is of a revision.
    SeveralPlaces,
}

/// SplitMix64: a seed is all it takes to tell the story again.
pub(crate) struct Dice {
    world: World,
    state: u64,
    /// Records as callers were told of them: what they may bring back.
    receipts: Vec<Record>,
}

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self::of(World::OwnTime, seed)
    }

    pub(crate) fn of(world: World, seed: u64) -> Self {
        Self { world, state: seed, receipts: Vec::new() }
    }

    /// What was told in a life of which the end was lost is nobody's to bring.
    pub(crate) fn forget_receipts(&mut self) {
        self.receipts.clear();
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n.max(1)
    }

    pub(crate) fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap()
    }

    fn amount(&mut self, n: u64) -> i64 {
        i64::try_from(self.below(n)).unwrap() + 1
    }

    /// The next call; `model` is looked at so that versions and portions are often the right ones.
    pub(crate) async fn call(&mut self, model: &Memory, now: i64) -> Call {
        let id = format!("r{}", self.below(IDS));
        let shard_key = self.shard_key(&id);
        self.keep_receipt(model, &shard_key, &id).await;
        match self.below(32) {
            0..=7 => Call::Ask(Ask::Reserve(self.hold(id, now))),
            8 => Call::Ask(Ask::Take(self.hold(id, now))),
            9 | 10 => {
                let old = format!("r{}", self.below(IDS));
                if old == id { Call::Later(1) } else { Call::Ask(Ask::Replace { old, hold: self.hold(id, now) }) }
            }
            11..=13 => {
                let if_expired = self.if_expired();
                let note = (self.below(2) == 0).then(|| vec![9; self.index(5)]);
                Call::Ask(Ask::Commit { shard_key, id, if_expired, note })
            }
            14..=17 => {
                let rollback = self.rollback(model, &shard_key, &id).await;
                Call::Ask(Ask::Rollback { shard_key, id, rollback })
            }
            18 => Call::Ask(Ask::Extend { shard_key, id, until: self.moment(now, 40, 10) }),
            19 | 20 => Call::Ask(Ask::Expire { max: if self.world == World::SeveralPlaces { 99 } else { self.index(4) } }),
            21 => {
                let name = self.document_name();
                Call::Ask(Ask::Put { name, if_version: self.below(3), bytes: vec![7; self.index(40)] })
            }
            // By the wall some of what may go went in the same millisecond, in no order.
            23..=25 => Call::Ask(Ask::Age { max: if self.world == World::OwnTime { self.index(4) } else { 99 } }),
            26 | 27 => match self.receipt(model).await {
                Some(receipt) => Call::Ask(Ask::Revive(Box::new(receipt))),
                None => Call::Later(self.amount(16)),
            },
            28 if self.below(4) == 0 => Call::Ask(Ask::Admit(self.below(9))),
            // Long enough for a stub to go.
            29 if self.world == World::OwnTime && self.below(12) == 0 => Call::Later(crate::bounds::STUB_KEPT_MS + 1),
            22 => Call::Read { reader: READERS[self.index(2)], max: self.index(12) },
            _ => Call::Later(self.amount(16)),
        }
    }

    async fn keep_receipt(&mut self, model: &Memory, shard_key: &str, id: &str) {
        let Some(record) = model.get(shard_key, id).await.unwrap() else { return };
        if self.receipts.len() < 12 {
            self.receipts.push(record);
        } else {
            let number = self.index(12);
            self.receipts[number] = record;
        }
    }

    /// Any, or better one of a record that went.
    async fn receipt(&mut self, model: &Memory) -> Option<Record> {
        let number = self.index(self.receipts.len());
        for receipt in self.receipts.iter().cycle().skip(number).take(self.receipts.len()) {
            if receipt.state == State::Committed && model.get(&receipt.shard_key, &receipt.id).await.unwrap().is_none() {
                return Some(receipt.clone());
            }
        }
        self.receipts.get(number).cloned()
    }

    /// Mostly the customer who reserves under this id.
    fn shard_key(&mut self, id: &str) -> String {
        if self.world == World::SeveralPlaces {
            return format!("u{id}");
        }
        if self.below(20) == 0 { "somebody else".to_owned() } else { format!("u{}", id.len() % 2) }
    }

    /// A deadline, up to so many milliseconds off; some have passed.
    fn moment(&mut self, now: i64, most: u64, passed: i64) -> i64 {
        let by = self.amount(most) - passed;
        match self.world {
            World::OwnTime => now + by,
            World::WallTime | World::SeveralPlaces if by > 0 => now + HOUR + by,
            World::WallTime | World::SeveralPlaces => now - HOUR + by,
        }
    }

    fn hold(&mut self, id: String, now: i64) -> Hold {
        let mut claims: Vec<Claim> = Vec::new();
        for counter in COUNTERS {
            if self.below(2) == 0 {
                let limit = [6, 9, 14][self.index(3)];
                claims.push(Claim { counter: Name::of(&[counter]), amount: self.amount(4), limit });
            }
        }
        // A document lies where its customer's orders do.
        let documents = if self.world != World::SeveralPlaces && self.below(3) == 0 {
            vec![Document { name: self.document_name(), bytes: id.clone().into_bytes() }]
        } else {
            Vec::new()
        };
        Hold {
            shard_key: self.shard_key(&id),
            request_hash: u128::from(self.below(2)),
            claims,
            deadline: self.moment(now, 20, if self.world == World::OwnTime { 4 } else { 8 }),
            revision: if self.world != World::SeveralPlaces && self.below(3) == 0 { self.below(9) } else { 0 },
            payload: vec![b'p'; self.index(900)],
            documents,
            id,
        }
    }

    fn document_name(&mut self) -> Name {
        Name::of(&[DOCUMENTS[self.index(3)]])
    }

    fn if_expired(&mut self) -> IfExpired {
        match self.below(3) {
            0 => IfExpired::Refuse,
            1 => IfExpired::Reacquire(Vec::new()),
            _ => IfExpired::Reacquire(vec![(Name::of(&["stock"]), [4, 20][self.index(2)])]),
        }
    }

    async fn rollback(&mut self, model: &Memory, shard_key: &str, id: &str) -> Rollback {
        let record = model.get(shard_key, id).await.unwrap();
        let held = record.as_ref().map(|record| record.holding.clone()).unwrap_or_default();
        let mut some: Vec<Portion> = Vec::new();
        for portion in held {
            if self.below(2) == 0 {
                let one_too_many = u64::from(self.below(8) == 0);
                let amount = self.amount(portion.amount.unsigned_abs() + one_too_many);
                some.push(Portion { amount, ..portion });
            }
        }
        let guess = record.map_or(1, |record| record.version) + u64::from(self.below(6) == 0);
        let extent = match self.below(4) {
            0 => Extent::Whole { except: Vec::new() },
            1 => Extent::Whole { except: some },
            _ => Extent::Part { portions: some },
        };
        let version = if matches!(extent, Extent::Whole { .. }) && self.below(2) == 0 { None } else { Some(guess) };
        Rollback {
            rollback_id: format!("x{}", self.below(5)),
            request_hash: u128::from(self.below(6) == 0),
            version,
            extent,
            payload: if self.below(2) == 0 { Some(vec![b'n'; self.index(300)]) } else { None },
            answer: vec![b'a'; self.index(30)],
        }
    }
}

/// Makes a call; what it answers, in words that two stores can be compared by.
pub(crate) async fn tell(ledger: &dyn Ledger, clock: &AtomicI64, call: &Call) -> String {
    of_any_epoch(&answer(ledger, clock, call).await)
}

/// Likewise, where nobody moves the clock.
pub(crate) async fn tell_by_the_wall(ledger: &dyn Ledger, call: &Call) -> String {
    answer(ledger, &AtomicI64::new(0), call).await
}

/// Each store has its own epoch; the positions in it must be the same.
fn of_any_epoch(told: &str) -> String {
    let mut parts = told.split("epoch: ");
    let mut words = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        words += "epoch: _";
        words += part.trim_start_matches(|letter: char| letter.is_ascii_digit());
    }
    words
}

async fn answer(ledger: &dyn Ledger, clock: &AtomicI64, call: &Call) -> String {
    match call {
        Call::Later(by) => {
            clock.fetch_add(*by, Ordering::SeqCst);
            String::new()
        }
        Call::Read { reader, max } => {
            let from = ledger.reader(reader).await.unwrap().unwrap_or_default();
            match ledger.events(&from, *max).await.unwrap() {
                Events::Batch(events, next) => {
                    ledger.pass(reader, &next).await.unwrap();
                    format!("{events:?} {:?}", position(&next))
                }
                Events::Gap(next) => {
                    ledger.pass(reader, &next).await.unwrap();
                    format!("gap {:?}", position(&next))
                }
            }
        }
        Call::Ask(ask) => match ask.clone() {
            Ask::Reserve(hold) => format!("{:?}", ledger.reserve(hold).await),
            Ask::Take(hold) => format!("{:?}", ledger.take(hold).await),
            Ask::Replace { old, hold } => format!("{:?}", ledger.replace(&old, hold).await),
            Ask::Commit { shard_key, id, if_expired, note } => {
                format!("{:?}", ledger.commit(&shard_key, &id, if_expired, note).await)
            }
            Ask::Rollback { shard_key, id, rollback } => format!("{:?}", ledger.rollback(&shard_key, &id, rollback).await),
            Ask::Extend { shard_key, id, until } => format!("{:?}", ledger.extend(&shard_key, &id, until).await),
            Ask::Expire { max } => format!("{:?}", ledger.expire(max).await),
            Ask::Age { max } => format!("{:?}", ledger.age(max).await),
            Ask::Revive(record) => format!("{:?}", ledger.revive(*record).await),
            Ask::Admit(revision) => format!("{:?}", ledger.admit(revision).await),
            Ask::Put { name, if_version, bytes } => format!("{:?}", ledger.put(&name, if_version, bytes).await),
            Ask::Pass { reader, cursor } => format!("{:?}", ledger.pass(&reader, &cursor).await),
        },
    }
}

/// Everything that can be seen of a store. Cursors are compared by their positions: each store has its own epoch.
pub(crate) async fn look(ledger: &dyn Ledger) -> String {
    of_any_epoch(&look_in(World::OwnTime, ledger).await)
}

/// Likewise, with epochs as they are, and in several places without the logs: each has its own.
pub(crate) async fn look_in(world: World, ledger: &dyn Ledger) -> String {
    let mut seen = String::new();
    let names: Vec<Name> = COUNTERS.iter().map(|counter| Name::of(&[counter])).collect();
    seen += &format!("{:?}\n", ledger.usage(&names).await.unwrap());
    let customers: Vec<String> = match world {
        World::SeveralPlaces => (0..IDS).map(|number| format!("ur{number}")).collect(),
        World::OwnTime | World::WallTime => ["u0", "u1", "somebody else"].map(str::to_owned).to_vec(),
    };
    for shard_key in &customers {
        seen += &format!("{:?}\n", ledger.held(shard_key, &names).await.unwrap());
    }
    for number in 0..IDS {
        for shard_key in &customers {
            seen += &format!("{:?}\n", ledger.get(shard_key, &format!("r{number}")).await.unwrap());
        }
    }
    for name in DOCUMENTS {
        seen += &format!("{:?}\n", ledger.document(&Name::of(&[name])).await.unwrap());
    }
    seen += &format!("{:?}\n", ledger.admitted().await.unwrap());
    let audit = ledger.audit().await.unwrap();
    assert!(audit.is_clean(), "{audit:?}");
    if world == World::SeveralPlaces {
        return seen;
    }
    for reader in READERS {
        seen += &format!("{:?}\n", ledger.reader(reader).await.unwrap().as_ref().map(position));
    }
    match ledger.events(&Cursor::default(), usize::MAX).await.unwrap() {
        Events::Batch(events, next) => seen += &format!("{events:?} {:?}\n", position(&next)),
        Events::Gap(_) => panic!("a reader without a cursor cannot be behind"),
    }
    seen
}

fn position(cursor: &Cursor) -> Vec<u8> {
    cursor.0.iter().rev().take(8).rev().copied().collect()
}

/// A model that has lived through these calls.
pub(crate) async fn model_after(calls: &[Call]) -> (Memory, Arc<AtomicI64>) {
    let (model, clock) = model();
    for call in calls {
        tell(&model, &clock, call).await;
    }
    (model, clock)
}

pub(crate) fn model() -> (Memory, Arc<AtomicI64>) {
    let clock: Arc<AtomicI64> = Arc::new(AtomicI64::new(1_000));
    let shown = Arc::clone(&clock);
    let wall = Clock::from_source(move || shown.load(Ordering::SeqCst));
    (Memory::new(wall, LOG_MAX, RETENTION, Arc::new(broken)), clock)
}

/// Tells `cargo xtask test` a number for its table of proofs, past the harness, which keeps what tests print.
pub(crate) fn proof(name: &str, number: u64, seed: u64) {
    let _ = std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("proof: {name} = {number} from seed {seed}\n"));
}

/// No story takes more back than was taken.
pub(crate) fn broken(counter: &Name, used: i64) {
    panic!("counter `{counter}` went to {used}")
}

/// How many stories, and from which seed on: `TOKKA_LEDGER_SEEDS` for a long run, `TOKKA_LEDGER_SEED` for one again.
pub(crate) fn seeds(usual: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    if let Some(seed) = number("TOKKA_LEDGER_SEED") {
        return seed..seed + 1;
    }
    let first = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    let first = u64::try_from(first).unwrap() << 16;
    let count = number("TOKKA_LEDGER_SEEDS").unwrap_or(usual);
    println!("{count} seeds from TOKKA_LEDGER_SEED={first}");
    first..first + count
}
