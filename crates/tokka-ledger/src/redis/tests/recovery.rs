//! What comes back of what a server lost? Servers that are killed under load and start again with all that they had, or with
//! an older copy of it.

use std::sync::Arc;
use std::time::Duration;

use tokka_rig::{Fsync, Options, Proxy, Traffic};

use super::load::{Dice, Load, May, Said, config, held, hold_of, insist, open, paid, part_of, seed, used};
use super::*;
use crate::model::State;

/// Several processes' stores on one server.
async fn stores(url: &str, shards: u16, said: &Arc<Said>, count: usize) -> Vec<Arc<Redis>> {
    init(&url.parse().unwrap(), shards).await.unwrap();
    let mut stores = Vec::new();
    for _ in 0..count {
        stores.push(open(config(url, said)).await);
    }
    stores
}

async fn blocking<T: Send + 'static>(
    of: &Arc<tokka_rig::Redis>,
    what: impl FnOnce(&tokka_rig::Redis) -> T + Send + 'static,
) -> T {
    let of = Arc::clone(of);
    tokio::task::spawn_blocking(move || what(&of)).await.unwrap()
}

async fn killed_under_load(shards: u16) {
    let seed = seed();
    let mut dice = Dice::new(seed);
    let server = Arc::new(tokka_rig::Redis::with(Options { durable: Some(Fsync::Always), ..Options::default() }));
    let said = Arc::new(Said::default());
    let load = Load::begin(stores(&server.url(), shards, &said, 3).await, &said, seed, 12);
    for _ in 0..6 {
        dice.sleep_ms(100, 700).await;
        blocking(&server, |server| server.kill9()).await;
        dice.sleep_ms(0, 100).await;
        blocking(&server, |server| server.restart()).await;
    }
    dice.sleep_ms(300, 600).await;
    let found = load.end(May::NotChange).await;
    assert!(found.orders > 100 && found.oversold.is_empty(), "{found:?}");
    assert_eq!((said.lost_writes(), said.restored()), (0, 0));
    assert_eq!(found.gaps, 0);
    assert!(said.rounds() >= 3, "{:?}", said.incidents());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_durable_server_killed_at_random_instants_loses_nothing() {
    killed_under_load(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_durable_server_of_four_shards_killed_at_random_instants_loses_nothing() {
    killed_under_load(4).await;
}

/// The server comes back as it was a while ago, again and again: what it had acknowledged since is known to the processes.
async fn rolled_back_under_load(shards: u16) {
    let seed = seed();
    let mut dice = Dice::new(seed);
    let server = Arc::new(tokka_rig::Redis::start());
    let said = Arc::new(Said::default());
    let load = Load::begin(stores(&server.url(), shards, &said, 3).await, &said, seed, 12);
    for round in 0..5 {
        dice.sleep_ms(200, 500).await;
        // Every other time the copy is as old as the time before: a history that was itself lost.
        if round % 2 == 0 {
            blocking(&server, |server| server.cli(&["SAVE"])).await;
        }
        dice.sleep_ms(100, 400).await;
        blocking(&server, |server| server.kill9()).await;
        dice.sleep_ms(0, 50).await;
        blocking(&server, |server| server.restart()).await;
    }
    dice.sleep_ms(1_000, 1_500).await;
    // What is only held may not come back: where it had the room of a return that nobody was told of, and where a shard lost
    // what it was allotted together with what it sold of it.
    let found = load.end(May::ExpireHeld).await;
    assert!(found.orders > 100 && found.oversold.is_empty(), "{found:?}");
    assert!(said.lost_writes() > 0 && said.restored() > 0, "nothing was lost: {:?}", said.incidents());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_restart_lost_is_brought_back_by_those_who_know_it() {
    rolled_back_under_load(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_restart_of_four_shards_lost_is_brought_back_by_those_who_know_it() {
    rolled_back_under_load(4).await;
}

/// Two processes, one of which may be cut off, and a server that keeps a copy of what it has when this is made.
struct Pair {
    server: Arc<tokka_rig::Redis>,
    said: Arc<Said>,
    /// Speaks to the server through the proxy.
    late: Arc<Redis>,
    other: Arc<Redis>,
    proxy: Proxy,
}

impl Pair {
    async fn start(recovery_timeout: Duration) -> Self {
        let server = Arc::new(tokka_rig::Redis::with(Options::default().and("enable-debug-command", "yes")));
        let proxy = Proxy::start(server.port());
        let said = Arc::new(Said::default());
        init(&server.url().parse().unwrap(), 1).await.unwrap();
        let late = open(Config { recovery_timeout, ..config(&proxy.url(), &said) }).await;
        let other = open(Config { recovery_timeout, ..config(&server.url(), &said) }).await;
        held(&other, "u", "old", &[("stock", 1, 5)]).await;
        blocking(&server, |server| server.cli(&["SAVE"])).await;
        Self { server, said, late, other, proxy }
    }

    async fn come_back_older(&self) {
        blocking(&self.server, |server| {
            server.kill9();
            server.restart();
        })
        .await;
    }

    fn count(&self, of: impl Fn(&Incident) -> bool) -> usize {
        self.said.incidents().iter().filter(|incident| of(incident)).count()
    }

    async fn wait_for(&self, of: impl Fn(&Incident) -> bool) {
        for _ in 0..3_000 {
            if self.count(&of) > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("it never came: {:?}", self.said.incidents());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_comes_late_brings_back_what_is_paid_and_what_still_fits() {
    let pair = Pair::start(Duration::from_millis(500)).await;
    let (late, other) = (&pair.late, &pair.other);
    let paid_order = paid(late, "u", "paid", &[("stock", 2, 5), ("plenty", 1, 9)]).await;
    held(late, "u", "held", &[("stock", 2, 5), ("plenty", 1, 9)]).await;
    held(late, "u", "fits", &[("plenty", 3, 9)]).await;
    paid(late, "u", "ended", &[("plenty", 1, 9)]).await;
    insist(|| late.rollback("u", "ended", crate::contract::whole("x"))).await;

    pair.proxy.set(Traffic::Hold);
    pair.proxy.sever();
    pair.come_back_older().await;
    // What the other one knows nothing of is not there, once the shard has waited long enough for the first.
    paid(other, "v", "bought", &[("stock", 4, 5)]).await;
    assert_eq!(used(other, "stock").await, 5);

    pair.proxy.set(Traffic::Pass);
    pair.wait_for(|incident| matches!(incident, Incident::Restored { records: 4, .. })).await;
    let record = |id: &'static str| async move { insist(|| other.get("u", id)).await.unwrap() };
    let back = record("paid").await;
    assert_eq!((back.state, &back.holding), (State::Committed, &paid_order.holding));
    assert!(back.place.epoch > paid_order.place.epoch, "{:?} after {:?}", back.place, paid_order.place);
    let (gone, fits) = (record("held").await, record("fits").await);
    assert_eq!((gone.state, gone.holding.len(), gone.version), (State::Expired, 0, 2));
    assert_eq!((fits.state, record("ended").await.state), (State::Held, State::RolledBack));
    assert_eq!((used(other, "stock").await, used(other, "plenty").await), (7, 4));
    let oversold = Incident::OversoldByFailover { counter: Name::of(&["stock"]), limit: 5, used: 7 };
    assert_eq!(pair.count(|incident| *incident == oversold), 1, "{:?}", pair.said.incidents());
    // The payment of what was held comes too late for what it held, and says so.
    let committed = insist(|| late.commit("u", "held", IfExpired::Reacquire(Vec::new()), None)).await;
    assert!(matches!(committed, Committed::Refused { .. }), "{committed:?}");
    assert!(insist(|| other.audit()).await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_is_told_with_its_numbers_and_begins_an_epoch() {
    let pair = Pair::start(Duration::from_secs(5)).await;
    for number in 0..10 {
        held(&pair.late, "u", &format!("r{number}"), &[("stock", 1, 100)]).await;
    }
    let before = held(&pair.late, "u", "last", &[("stock", 1, 100)]).await;
    pair.come_back_older().await;
    let after = held(&pair.other, "u", "next", &[("stock", 1, 100)]).await;
    assert!(after.place.epoch > before.place.epoch && after.place.position > 1, "{:?}", after.place);
    assert_eq!(used(&pair.other, "stock").await, 13);
    let lost = Incident::LostWrites { shard: 0, acknowledged: 11, known: 0 };
    assert_eq!(pair.count(|incident| *incident == lost), 1, "{:?}", pair.said.incidents());
    assert_eq!(pair.said.restored(), 11);
    assert!(insist(|| pair.other.audit()).await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_process_was_told_comes_back_by_its_receipt_once() {
    let Pair { server, said, late, other, proxy } = Pair::start(Duration::from_millis(300)).await;
    let paid_order = paid(&late, "u", "paid", &[("stock", 2, 5)]).await;
    let held_order = held(&late, "u", "held", &[("stock", 2, 5)]).await;
    let returned = paid(&late, "u", "part", &[("plenty", 3, 9)]).await;
    let once = insist(|| late.rollback("u", "part", part_of("x", returned.version, &[("plenty", 1)]))).await;
    let RolledBack::Done(returned) = once else { panic!("{once:?}") };
    drop((late, proxy));
    blocking(&server, |server| {
        server.kill9();
        server.restart();
    })
    .await;
    // Its receipt is as good while the shard recovers as after.
    assert_eq!(insist(|| other.recover(paid_order.clone())).await.map(|record| record.state), Some(State::Committed));
    held(&other, "v", "next", &[("other", 1, 5)]).await;
    assert_eq!(insist(|| other.recover(paid_order.clone())).await, None, "it stands");
    assert_eq!(used(&other, "stock").await, 3);
    held(&other, "v", "quick", &[("stock", 1, 5)]).await;
    let back = insist(|| other.recover(held_order.clone())).await.unwrap();
    assert_eq!((back.state, back.version), (State::Expired, 2), "it does not fit any more");
    let back = insist(|| other.recover(returned.clone())).await.unwrap();
    assert_eq!((back.state, &back.returns), (State::Committed, &returned.returns));
    assert_eq!(insist(|| other.recover(returned.clone())).await, None);
    assert_eq!((used(&other, "stock").await, used(&other, "plenty").await), (4, 2));
    // What was never lost is not made twice, whatever its receipt says.
    let stands = insist(|| other.get("v", "quick")).await.unwrap();
    assert_eq!(insist(|| other.recover(stands.clone())).await, None);
    assert!(insist(|| other.audit()).await.is_clean());
    drop(said);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_of_what_came_back_and_aged_since_brings_nothing_back_again() {
    let server = Arc::new(tokka_rig::Redis::start());
    let said = Arc::new(Said::default());
    init(&server.url().parse().unwrap(), 1).await.unwrap();
    let store = open(Config { retention: Duration::from_millis(300), ..config(&server.url(), &said) }).await;
    blocking(&server, |server| server.cli(&["SAVE"])).await;
    let hold = Hold { deadline: 0, ..hold_of(&store, "u", "r", &[("stock", 2, 5)]).await };
    let Reserved::Taken(receipt) = insist(|| store.take(hold.clone())).await else { panic!("not taken") };
    blocking(&server, |server| {
        server.kill9();
        server.restart();
    })
    .await;
    assert_eq!(insist(|| store.get("u", "r")).await.map(|record| record.state), Some(State::Committed));
    assert_eq!(used(&store, "stock").await, 2);
    for _ in 0..3_000 {
        if insist(|| store.age(10)).await > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(insist(|| store.get("u", "r")).await, None, "it has aged");
    assert_eq!(insist(|| store.recover(receipt.clone())).await, None);
    assert_eq!(used(&store, "stock").await, 2);
    assert!(insist(|| store.audit()).await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_without_a_change_of_server_is_found_by_the_numbers() {
    let pair = Pair::start(Duration::from_secs(5)).await;
    let before = paid(&pair.late, "u", "r", &[("stock", 1, 100)]).await;
    // The same process has an older state: as a primary that was a replica in between.
    blocking(&pair.server, |server| server.cli(&["DEBUG", "RELOAD", "NOSAVE"])).await;
    pair.wait_for(|incident| matches!(incident, Incident::Restored { records: 1, .. })).await;
    let back = insist(|| pair.other.get("u", "r")).await.unwrap();
    assert_eq!((back.state, back.version), (before.state, before.version));
    assert!(back.place.epoch > before.place.epoch);
    assert_eq!(used(&pair.other, "stock").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalogue_and_its_admission_come_back_with_the_records() {
    let pair = Pair::start(Duration::from_secs(5)).await;
    let name = Name::of(&["catalogue", "7"]);
    assert_eq!(pair.late.put(&name, 0, b"first".to_vec()).await, Ok(Put::Done(1)));
    assert_eq!(pair.late.put(&name, 1, b"second".to_vec()).await, Ok(Put::Done(2)));
    assert_eq!(pair.late.admit(7).await, Ok(7));
    pair.come_back_older().await;
    assert_eq!(insist(|| pair.other.admitted()).await, 7);
    let document = insist(|| pair.other.document(&name)).await;
    assert_eq!(document, Some(Versioned { version: 2, bytes: b"second".to_vec() }));
    assert_eq!(insist(|| pair.late.put(&name, 2, b"third".to_vec())).await, Put::Done(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_shard_recovers_nothing_is_held_and_nobody_is_told_that_something_is_not_there() {
    // The other process is dead, so that the shard waits for it until the end.
    let Pair { server, said, late, other, proxy } = Pair::start(Duration::from_secs(3)).await;
    let due = Hold { deadline: 0, ..hold_of(&late, "u", "due", &[("stock", 1, 5)]).await };
    assert!(matches!(late.reserve(due).await, Ok(Reserved::Taken(_))));
    blocking(&server, |server| server.cli(&["SAVE"])).await;
    drop((other, proxy));
    blocking(&server, |server| {
        server.kill9();
        server.restart();
    })
    .await;
    drop(late);
    let impatient = Config { patience: Duration::from_millis(100), ..config(&server.url(), &said) };
    let store = open(Config { recovery_timeout: Duration::from_secs(3), ..impatient }).await;
    let unavailable = |error: &LedgerError| matches!(error, LedgerError::Unavailable(_));
    let hold = hold_of(&store, "u", "new", &[("stock", 1, 5)]).await;
    assert!(store.reserve(hold.clone()).await.is_err_and(|error| unavailable(&error)));
    assert!(store.take(hold.clone()).await.is_err_and(|error| unavailable(&error)));
    assert!(store.get("u", "unknown").await.is_err_and(|error| unavailable(&error)));
    assert!(store.commit("u", "unknown", IfExpired::Refuse, None).await.is_err_and(|error| unavailable(&error)));
    assert!(store.rollback("u", "unknown", crate::contract::whole("x")).await.is_err_and(|error| unavailable(&error)));
    assert!(store.commit("u", "due", IfExpired::Refuse, None).await.is_err_and(|error| unavailable(&error)));
    assert!(store.expire(10).await.is_err_and(|error| unavailable(&error)));
    assert!(store.age(10).await.is_err_and(|error| unavailable(&error)));
    assert!(store.document(&Name::of(&["unknown"])).await.is_err_and(|error| unavailable(&error)));
    assert_eq!(store.get("u", "due").await.map(|record| record.map(|record| record.state)), Ok(Some(State::Held)));
    assert!(matches!(insist(|| store.reserve(hold.clone())).await, Reserved::Taken(_)), "it opens in the end");
    assert_eq!(insist(|| store.get("u", "unknown")).await, None);
    assert_eq!(insist(|| store.expire(10)).await, 1);
}
