//! What do customers of several processes do at once, and what were they told? Random but seeded orders, each insisted upon
//! until it is answered, and a store that is asked afterwards whether all that was told is true.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use super::super::recovery::height;
use super::super::*;
use crate::contract::{HOUR, portions_of, whole};
use crate::model::{Claim, Document, Event, Extent, State};

/// Shared counters, each with the limit that is asked for.
const STOCK: i64 = 120;
const SHARED: [&str; 3] = ["stock-a", "stock-b", "budget"];
/// A call is repeated so often before a test gives up on it: minutes.
const TRIES_MAX: u32 = 3_000;
const PAUSE: Duration = Duration::from_millis(20);

/// SplitMix64.
#[derive(Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n.max(1)
    }

    fn index(&mut self, n: usize) -> usize {
        usize::try_from(self.below(n as u64)).unwrap()
    }

    pub(super) async fn sleep_ms(&mut self, from: u64, to: u64) {
        tokio::time::sleep(Duration::from_millis(from + self.below(to - from + 1))).await;
    }
}

/// One seed that is printed, or that of `TOKKA_LEDGER_SEED`.
pub(super) fn seed() -> u64 {
    let given = std::env::var("TOKKA_LEDGER_SEED").ok().and_then(|seed| seed.parse().ok());
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
    let seed = given.unwrap_or_else(|| u64::try_from(now()).unwrap());
    println!("TOKKA_LEDGER_SEED={seed}");
    seed
}

/// Counters and documents with a user in their name are the user's.
pub(super) fn owner() -> Owner {
    Arc::new(|name: &Name| match name.parts()?[..] {
        ["own" | "wallet", user, ..] => Some(user.to_owned()),
        _ => None,
    })
}

/// What the processes of a test heard and did.
#[derive(Default)]
pub(super) struct Said {
    pub(super) incidents: Mutex<Vec<Incident>>,
    broken: Mutex<Vec<Name>>,
    /// When a hold was last taken, and the longest time without.
    taken: Mutex<Option<(Instant, Duration)>>,
    pub(super) unavailable: AtomicU64,
    pub(super) unknown: AtomicU64,
    why: Mutex<BTreeMap<String, u64>>,
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Said {
    pub(super) fn incidents(&self) -> Vec<Incident> {
        lock(&self.incidents).clone()
    }

    pub(super) fn lost_writes(&self) -> usize {
        self.incidents().iter().filter(|incident| matches!(incident, Incident::LostWrites { .. })).count()
    }

    pub(super) fn restored(&self) -> usize {
        let restored = |incident: &Incident| if let Incident::Restored { records, .. } = incident { *records } else { 0 };
        self.incidents().iter().map(restored).sum()
    }

    pub(super) fn rounds(&self) -> usize {
        self.incidents().iter().filter(|incident| matches!(incident, Incident::Opened { .. })).count()
    }

    /// The longest time in which no hold was taken.
    pub(super) fn longest_pause(&self) -> Duration {
        lock(&self.taken).map_or(Duration::ZERO, |(_, longest)| longest)
    }

    fn note_taken(&self) {
        let (now, mut taken) = (Instant::now(), lock(&self.taken));
        let longest = taken.map_or(Duration::ZERO, |(last, longest)| longest.max(now - last));
        *taken = Some((now, longest));
    }

    fn note_error(&self, error: &LedgerError) {
        let count = if matches!(error, LedgerError::OutcomeUnknown(_)) { &self.unknown } else { &self.unavailable };
        count.fetch_add(1, Ordering::Relaxed);
        // Without what differs from one to the next.
        let why: String = error.to_string().chars().filter(|letter| !letter.is_ascii_digit()).collect();
        *lock(&self.why).entry(why).or_default() += 1;
    }
}

/// A configuration whose incidents are heard.
pub(super) fn config(url: &str, said: &Arc<Said>) -> Config {
    let mut config = Config::new(url.parse().unwrap(), owner());
    config.on_incident = Arc::new({
        let said = Arc::clone(said);
        move |incident| lock(&said.incidents).push(incident.clone())
    });
    config.on_broken = Arc::new({
        let said = Arc::clone(said);
        move |counter, _| lock(&said.broken).push(counter.clone())
    });
    config
}

pub(super) async fn open(config: Config) -> Arc<Redis> {
    Arc::new(Redis::open(config).await.unwrap())
}

/// Several processes' worth of stores that are spoken to by all.
pub(super) struct Load {
    pub(super) stores: Vec<Arc<Redis>>,
    pub(super) said: Arc<Said>,
    stop: Arc<AtomicBool>,
    finished: Arc<AtomicBool>,
    customers: JoinSet<Vec<Order>>,
    reader: tokio::task::JoinHandle<(HashMap<String, u64>, usize)>,
}

/// What a customer knows of an order.
struct Order {
    hold: Hold,
    /// As the last answer had it; `None` where it was said that nothing was done.
    told: Option<Record>,
}

/// What is allowed to be other than it was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum May {
    /// Nothing.
    NotChange,
    /// What was only held may be expired, where what it held was lost and sold.
    ExpireHeld,
}

/// What an afterlook counted.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) orders: usize,
    pub(super) expired: usize,
    pub(super) oversold: Vec<(String, i64)>,
    /// How often the reader of the log was told to begin anew.
    pub(super) gaps: usize,
}

impl Load {
    /// So many customers begin to order.
    pub(super) fn begin(stores: Vec<Arc<Redis>>, said: &Arc<Said>, seed: u64, customers: u64) -> Self {
        let (stop, finished) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let mut set = JoinSet::new();
        for number in 0..customers {
            let customer = Customer {
                user: format!("u{number}"),
                stores: stores.clone(),
                said: Arc::clone(said),
                dice: Dice::new(seed.wrapping_mul(31).wrapping_add(number)),
                orders: Vec::new(),
            };
            set.spawn(customer.shop(Arc::clone(&stop)));
        }
        let reader = tokio::spawn(read(Arc::clone(&stores[0]), Arc::clone(&finished)));
        Self { stores, said: Arc::clone(said), stop, finished, customers: set, reader }
    }

    /// Lets every customer finish what it has begun, and asks the store whether all of it is true.
    pub(super) async fn end(mut self, may: May) -> Found {
        self.stop.store(true, Ordering::Relaxed);
        let mut orders = Vec::new();
        while let Some(of_one) = self.customers.join_next().await {
            orders.extend(of_one.unwrap());
        }
        // A shard that is still closed is waited for: what comes back there is still to be read.
        let users: std::collections::BTreeSet<&str> = orders.iter().map(|order| order.hold.shard_key.as_str()).collect();
        for user in users {
            insist(|| self.stores[0].get(user, "nobody's")).await;
        }
        self.finished.store(true, Ordering::Relaxed);
        let (read, gaps) = self.reader.await.unwrap();
        let store = &self.stores[0];
        let mut found = Found { orders: orders.len(), gaps, ..Found::default() };
        let mut sums: BTreeMap<Name, i64> = BTreeMap::new();
        for Order { hold, told } in &orders {
            let stands = insist(|| store.get(&hold.shard_key, &hold.id)).await;
            let Some(told) = told else {
                assert_eq!(stands, None, "nothing was done, it was said");
                continue;
            };
            let Some(stands) = stands else { panic!("what was told is gone: {told:?}") };
            let expired = may == May::ExpireHeld && told.state == State::Held && stands.state == State::Expired;
            if expired {
                found.expired += 1;
            } else {
                let same = (stands.state, stands.version, &stands.holding, &stands.payload, &stands.note, &stands.returns)
                    == (told.state, told.version, &told.holding, &told.payload, &told.note, &told.returns);
                assert!(same, "told: {told:#?}\nstands: {stands:#?}");
            }
            for portion in &stands.holding {
                *sums.entry(portion.counter.clone()).or_default() += portion.amount;
            }
            let name = Name::of(&["wallet", &hold.shard_key, &hold.id]);
            let wallet = insist(|| store.document(&name)).await;
            assert!(
                hold.documents.is_empty() || wallet.is_some() == (stands.state == State::Committed),
                "{stands:?} has {wallet:?}"
            );
            assert_eq!(read.get(&hold.id), Some(&stands.version), "what the reader of the log knows of `{}`", hold.id);
        }
        for counter in SHARED {
            let name = Name::of(&[counter]);
            let used = insist(|| store.usage(std::slice::from_ref(&name))).await[0];
            assert_eq!(used, sums.get(&name).copied().unwrap_or(0), "what is used of {counter} and what orders hold");
            if used > STOCK {
                found.oversold.push((counter.to_owned(), used));
            }
        }
        let audit = insist(|| store.audit()).await;
        assert!(audit.is_clean(), "{audit:?}");
        assert_eq!(*lock(&self.said.broken), [], "counters below 0");
        let why = lock(&self.said.why);
        println!(
            "{} orders, {} unavailable, {} unknown {why:?}; {} rounds, {} restored; longest pause {:?}; {found:?}",
            orders.len(),
            self.said.unavailable.load(Ordering::Relaxed),
            self.said.unknown.load(Ordering::Relaxed),
            self.said.rounds(),
            self.said.restored(),
            self.said.longest_pause(),
        );
        found
    }
}

/// Asks until it is answered.
pub(super) async fn insist<T, F: Future<Output = Result<T, LedgerError>>>(ask: impl Fn() -> F) -> T {
    for _ in 0..TRIES_MAX {
        match ask().await {
            Ok(answer) => return answer,
            Err(LedgerError::Malformed(why)) => panic!("{why}"),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
    panic!("never answered: {:?}", ask().await.err());
}

/// Reads the log as it grows, and on to its end when all have stopped: by id the highest version,
/// and how often it was told that something is missing.
async fn read(store: Arc<Redis>, finished: Arc<AtomicBool>) -> (HashMap<String, u64>, usize) {
    let mut read: HashMap<String, u64> = HashMap::new();
    let (mut cursor, mut gaps) = (Cursor::default(), 0);
    loop {
        match store.events(&cursor, 500).await {
            Ok(Events::Batch(events, next)) => {
                cursor = next;
                let none = events.is_empty();
                for Event { entry, .. } in events {
                    let version = read.entry(entry.id).or_default();
                    *version = entry.version.max(*version);
                }
                if none && finished.load(Ordering::Relaxed) {
                    return (read, gaps);
                }
                if none {
                    tokio::time::sleep(PAUSE).await;
                }
            }
            Ok(Events::Gap(from)) => (cursor, gaps) = (from, gaps + 1),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

struct Customer {
    user: String,
    stores: Vec<Arc<Redis>>,
    said: Arc<Said>,
    dice: Dice,
    orders: Vec<Order>,
}

#[derive(Debug, Clone)]
enum Call {
    Reserve(Hold),
    Take(Hold),
    Commit(IfExpired),
    Rollback(Rollback),
}

/// What a call came to.
enum Told {
    Stands(Box<Record>),
    /// A hold was refused for its counters.
    Refused,
    /// A hold found no answer, and it is certain that nothing was done; nobody insisted.
    Nothing,
}

impl Customer {
    async fn shop(mut self, stop: Arc<AtomicBool>) -> Vec<Order> {
        while !stop.load(Ordering::Relaxed) {
            let open: Vec<usize> = (0..self.orders.len()).filter(|at| self.orders[*at].told.is_some()).collect();
            if open.is_empty() || self.dice.below(10) < 4 {
                self.order().await;
            } else {
                let at = open[self.dice.index(open.len())];
                self.go_on(at).await;
            }
        }
        self.orders
    }

    async fn order(&mut self) {
        let id = format!("{}-{}", self.user, self.orders.len());
        let claim = |counter: Name, amount: u64, limit: i64| Claim { counter, amount: i64::try_from(amount).unwrap(), limit };
        let mut claims = vec![claim(Name::of(&["own", &self.user]), 1, 1_000_000)];
        for counter in SHARED {
            if self.dice.below(2) == 0 {
                claims.push(claim(Name::of(&[counter]), 1 + self.dice.below(3), STOCK));
            }
        }
        let wallet = Document { name: Name::of(&["wallet", &self.user, &id]), bytes: id.clone().into_bytes() };
        let hold = Hold {
            id: id.clone(),
            shard_key: self.user.clone(),
            request_hash: u128::from(self.dice.below(u64::MAX)),
            claims,
            deadline: self.stores[0].now().await.unwrap() + HOUR,
            revision: 0,
            payload: format!("priced {id}").into_bytes(),
            documents: if self.dice.below(3) == 0 { vec![wallet] } else { Vec::new() },
        };
        let call = if self.dice.below(5) == 0 { Call::Take(hold.clone()) } else { Call::Reserve(hold.clone()) };
        let told = match self.ask(&hold, &call, None).await {
            Told::Stands(record) => {
                self.said.note_taken();
                Some(*record)
            }
            Told::Refused | Told::Nothing => None,
        };
        self.orders.push(Order { hold, told });
    }

    async fn go_on(&mut self, at: usize) {
        let hold = self.orders[at].hold.clone();
        let told = self.orders[at].told.clone().unwrap();
        let fresh = self.dice.below(u64::MAX);
        let again = if self.dice.below(2) == 0 { Call::Reserve(hold.clone()) } else { Call::Commit(IfExpired::Refuse) };
        let call = match (told.state, self.dice.below(10)) {
            (State::Held, 0..6) => Call::Commit(IfExpired::Reacquire(Vec::new())),
            (State::Committed, 0..4) if !told.holding.is_empty() && told.returns.len() < 5 => {
                let portion = &told.holding[self.dice.index(told.holding.len())];
                let portions = vec![crate::model::Portion { counter: portion.counter.clone(), amount: 1 }];
                let extent = Extent::Part { portions };
                Call::Rollback(Rollback { version: Some(told.version), extent, ..whole(&format!("p{fresh}")) })
            }
            (State::Held | State::Committed | State::Expired, 6..9) => Call::Rollback(whole(&format!("w{fresh}"))),
            (State::Held, _) => Call::Reserve(hold.clone()),
            // Another commit of what has ended changes nothing.
            _ => again,
        };
        match self.ask(&hold, &call, Some(&told)).await {
            Told::Stands(record) => self.orders[at].told = Some(*record),
            Told::Refused | Told::Nothing => panic!("`{}` was told to stand: {told:?}", hold.id),
        }
    }

    /// Insists on an answer, of any process; what was told before must still be so.
    async fn ask(&mut self, hold: &Hold, call: &Call, before: Option<&Record>) -> Told {
        let mut nothing_done = true;
        for _ in 0..TRIES_MAX {
            let store = Arc::clone(&self.stores[self.dice.index(self.stores.len())]);
            match ask(&store, hold, call).await {
                Ok(Some(record)) => {
                    if let Some(before) = before {
                        assert!(height(&record) >= height(before), "{call:?}\nbefore: {before:#?}\nnow: {record:#?}");
                    }
                    assert_eq!((&record.id, record.request_hash), (&hold.id, hold.request_hash), "{record:?}");
                    return Told::Stands(Box::new(record));
                }
                Ok(None) => return Told::Refused,
                Err(error) => {
                    self.said.note_error(&error);
                    nothing_done &= matches!(error, LedgerError::Unavailable(_) | LedgerError::Overloaded);
                    if nothing_done && before.is_none() && self.dice.below(4) == 0 {
                        return Told::Nothing;
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        panic!("`{}` was never answered: {:?}", hold.id, lock(&self.said.why));
    }
}

/// The record that an answer names; `None` where counters refused.
async fn ask(store: &Redis, hold: &Hold, call: &Call) -> Result<Option<Record>, LedgerError> {
    Ok(Some(match call {
        Call::Reserve(hold) | Call::Take(hold) => {
            let reserved = if matches!(call, Call::Take(_)) { store.take(hold.clone()) } else { store.reserve(hold.clone()) };
            match reserved.await? {
                Reserved::Taken(record) | Reserved::Repeated(record) | Reserved::Ended(record) => record,
                Reserved::Refused { .. } => return Ok(None),
                other => panic!("`{}`: {other:?}", hold.id),
            }
        }
        Call::Commit(if_expired) => {
            match store.commit(&hold.shard_key, &hold.id, if_expired.clone(), Some(b"paid".to_vec())).await? {
                Committed::Done(record)
                | Committed::Repeated(record)
                | Committed::RolledBack(record)
                | Committed::Expired(record)
                | Committed::Refused { record, .. } => record,
                Committed::NotFound => panic!("`{}` was told to stand and is not found", hold.id),
            }
        }
        Call::Rollback(rollback) => match store.rollback(&hold.shard_key, &hold.id, rollback.clone()).await? {
            RolledBack::Done(record)
            | RolledBack::Repeated(record)
            | RolledBack::VersionMoved(record)
            | RolledBack::NotReturnable(record)
            | RolledBack::TooManyReturns(record)
            | RolledBack::Ended(record) => record,
            other => panic!("`{}`: {other:?}", hold.id),
        },
    }))
}

/// `(counter, amount, limit)` of a user, due in an hour.
pub(super) async fn hold_of(store: &Redis, user: &str, id: &str, claims: &[(&str, i64, i64)]) -> Hold {
    let claims =
        claims.iter().map(|(counter, amount, limit)| Claim { counter: Name::of(&[counter]), amount: *amount, limit: *limit });
    Hold {
        id: id.to_owned(),
        shard_key: user.to_owned(),
        request_hash: 7,
        claims: claims.collect(),
        deadline: store.now().await.unwrap() + HOUR,
        revision: 0,
        payload: format!("priced {id}").into_bytes(),
        documents: Vec::new(),
    }
}

/// Reserves one of these, which must be taken, and insists.
pub(super) async fn held(store: &Redis, user: &str, id: &str, claims: &[(&str, i64, i64)]) -> Record {
    let hold = hold_of(store, user, id, claims).await;
    match insist(|| store.reserve(hold.clone())).await {
        Reserved::Taken(record) | Reserved::Repeated(record) => record,
        other => panic!("`{id}`: {other:?}"),
    }
}

/// Likewise, and pays it.
pub(super) async fn paid(store: &Redis, user: &str, id: &str, claims: &[(&str, i64, i64)]) -> Record {
    held(store, user, id, claims).await;
    match insist(|| store.commit(user, id, IfExpired::Refuse, None)).await {
        Committed::Done(record) | Committed::Repeated(record) => record,
        other => panic!("`{id}`: {other:?}"),
    }
}

/// A part of an order that goes back.
pub(super) fn part_of(rollback_id: &str, version: u64, portions: &[(&str, i64)]) -> Rollback {
    Rollback { version: Some(version), extent: Extent::Part { portions: portions_of(portions) }, ..whole(rollback_id) }
}

pub(super) async fn used(store: &Redis, counter: &str) -> i64 {
    let name = [Name::of(&[counter])];
    insist(|| store.usage(&name)).await[0]
}
