//! What do outages cost? Primaries that die under Sentinel and in a cluster, connections that break, hang and drag on, servers
//! that have no memory, nothing left, or something else than was expected.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokka_rig::sentinels::Setup;
use tokka_rig::{Cluster, Options, Proxy, Sentinels, Traffic};

use super::load::{Dice, Load, May, Said, config, held, hold_of, insist, open, paid, seed, used};
use super::*;
use crate::model::State;

async fn blocking<S: Send + Sync + 'static, T: Send + 'static>(of: &Arc<S>, what: impl FnOnce(&S) -> T + Send + 'static) -> T {
    let of = Arc::clone(of);
    tokio::task::spawn_blocking(move || what(&of)).await.unwrap()
}

async fn stores(url: &str, shards: u16, said: &Arc<Said>, count: usize) -> Vec<Arc<Redis>> {
    init(&url.parse().unwrap(), shards).await.unwrap();
    let mut stores = Vec::new();
    for _ in 0..count {
        stores.push(open(config(url, said)).await);
    }
    stores
}

/// The primary is killed twice, and paused once so that it wakes up as what it is no longer.
async fn primary_lost_under_load(query: &str, may: May) -> (Arc<Said>, super::load::Found) {
    let seed = seed();
    let mut dice = Dice::new(seed);
    let servers = Arc::new(tokio::task::spawn_blocking(Sentinels::start).await.unwrap());
    let said = Arc::new(Said::default());
    let url = format!("{}{query}", servers.url());
    let load = Load::begin(stores(&url, 1, &said, 3).await, &said, seed, 8);
    for pause in [false, true, false] {
        dice.sleep_ms(300, 900).await;
        blocking(&servers, move |servers| {
            let old = if pause { servers.pause_primary() } else { servers.kill_primary() };
            servers.wait_for_new_primary(old);
            servers.revive(old);
        })
        .await;
    }
    dice.sleep_ms(300, 600).await;
    let found = load.end(may).await;
    assert!(found.orders > 50, "{found:?}");
    assert!(said.rounds() >= 3, "{:?}", said.incidents());
    (said, found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_fail_over_loses_nothing_that_a_replica_had() {
    let (said, found) = primary_lost_under_load("?min_replicas=1", May::NotChange).await;
    assert!(found.oversold.is_empty() && said.lost_writes() == 0, "{found:?} {:?}", said.incidents());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_a_fail_over_loses_comes_back_from_those_who_live() {
    let (_, found) = primary_lost_under_load("", May::ExpireHeld).await;
    assert!(found.oversold.is_empty(), "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn too_few_replicas_make_an_outcome_unknown_and_its_repetition_right() {
    let setup = Setup { replicas_lag_max_s: 60, ..Setup::default() };
    let servers = Arc::new(tokio::task::spawn_blocking(move || Sentinels::with(&setup)).await.unwrap());
    let said = Arc::new(Said::default());
    let url = format!("{}?min_replicas=2", servers.url());
    init(&url.parse().unwrap(), 1).await.unwrap();
    let waits = |patience| Config { patience, replicas_within: Duration::from_millis(100), ..config(&url, &said) };
    let store = open(waits(Duration::from_millis(300))).await;
    let other = open(waits(Duration::from_millis(300))).await;
    held(&store, "u", "before", &[("stock", 1, 5)]).await;
    let primary = blocking(&servers, |servers| servers.primary()).await;
    let replica = (primary + 1) % 3;
    blocking(&servers, move |servers| servers.node(replica).pause()).await;

    let unknown = |error: &LedgerError| matches!(error, LedgerError::OutcomeUnknown(_));
    let hold = hold_of(&store, "u", "r", &[("stock", 1, 5)]).await;
    assert!(store.reserve(hold.clone()).await.is_err_and(|error| unknown(&error)));
    // Nobody who repeats it is told more than is so: neither the same process nor one that only reads it.
    assert!(store.reserve(hold.clone()).await.is_err_and(|error| unknown(&error)));
    assert!(other.reserve(hold.clone()).await.is_err_and(|error| unknown(&error)));
    let before = hold_of(&store, "u", "before", &[("stock", 1, 5)]).await;
    assert!(other.reserve(before.clone()).await.is_err_and(|error| unknown(&error)));
    assert!(store.commit("u", "before", IfExpired::Refuse, None).await.is_err_and(|error| unknown(&error)));
    let seen = insist(|| other.get("u", "before")).await.unwrap();
    assert_eq!(seen.state, State::Committed);
    let repeated = other.commit("u", "before", IfExpired::Refuse, None).await;
    assert!(repeated.as_ref().is_err_and(unknown), "{repeated:?}");

    blocking(&servers, move |servers| servers.node(replica).resume()).await;
    assert!(matches!(insist(|| other.reserve(hold.clone())).await, Reserved::Repeated(record) if record.state == State::Held));
    assert_eq!(used(&store, "stock").await, 2);
    assert!(insist(|| store.audit()).await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_of_a_cluster_dies_under_load() {
    let seed = seed();
    let mut dice = Dice::new(seed);
    let cluster = Arc::new(tokio::task::spawn_blocking(cluster).await.unwrap());
    let said = Arc::new(Said::default());
    let url = format!("{}?min_replicas=1", cluster.url());
    let load = Load::begin(stores(&url, 3, &said, 2).await, &said, seed, 8);
    for _ in 0..2 {
        dice.sleep_ms(500, 1_000).await;
        let slot = u16::try_from(dice.below(16_384)).unwrap();
        blocking(&cluster, move |cluster| {
            let old = cluster.primary_of(slot);
            cluster.kill(old);
            cluster.wait_for_new_primary(slot, old);
            cluster.revive(old);
        })
        .await;
    }
    dice.sleep_ms(300, 600).await;
    let found = load.end(May::NotChange).await;
    assert!(found.orders > 50 && found.oversold.is_empty() && said.lost_writes() == 0, "{found:?} {:?}", said.incidents());
}

pub(super) fn cluster() -> Cluster {
    let node = Options::default().and("min-replicas-to-write", "1");
    Cluster::with(&tokka_rig::cluster::Setup { node, ..Default::default() })
}

/// Each of three processes has a connection of its own to break.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn broken_slow_and_silent_connections_have_no_effect_twice() {
    let seed = seed();
    let mut dice = Dice::new(seed);
    let server = tokka_rig::Redis::start();
    init(&server.url().parse().unwrap(), 1).await.unwrap();
    let said = Arc::new(Said::default());
    let mut proxies = Vec::new();
    let mut stores = Vec::new();
    for _ in 0..3 {
        let proxy = Proxy::start(server.port());
        stores.push(open(Config { patience: Duration::from_millis(10), ..config(&proxy.url(), &said) }).await);
        proxies.push(Arc::new(proxy));
    }
    let load = Load::begin(stores, &said, seed, 12);
    for _ in 0..40 {
        let proxy = Arc::clone(&proxies[usize::try_from(dice.below(3)).unwrap()]);
        let traffic = match dice.below(6) {
            0 => Traffic::Delay(Duration::from_millis(1 + dice.below(80))),
            1 => Traffic::Hold,
            2 => Traffic::HoldAnswers,
            3 => Traffic::Refuse,
            _ => Traffic::CutAfter(dice.below(4_000)),
        };
        // What was held arrives late, or never.
        let (lasts, sever) = (50 + dice.below(if traffic == Traffic::HoldAnswers { 1_400 } else { 300 }), dice.below(2) == 0);
        blocking(&proxy, move |proxy| {
            proxy.set(traffic);
            std::thread::sleep(Duration::from_millis(lasts));
            if sever {
                proxy.sever();
            }
            proxy.set(Traffic::Pass);
        })
        .await;
    }
    dice.sleep_ms(200, 400).await;
    let found = load.end(May::NotChange).await;
    assert!(found.orders > 100 && found.oversold.is_empty() && found.gaps == 0, "{found:?}");
    assert!(said.unknown.load(Ordering::Relaxed) > 0, "nothing was ever unknown");
    assert_eq!((said.lost_writes(), said.restored()), (0, 0), "{:?}", said.incidents());
}

fn is_empty(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Empty(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_store_is_not_a_new_one() {
    let server = Arc::new(tokka_rig::Redis::start());
    let said = Arc::new(Said::default());
    let url = server.url();
    let first = init(&url.parse().unwrap(), 2).await.unwrap();
    let store = open(Config { patience: Duration::from_millis(200), ..config(&url, &said) }).await;
    paid(&store, "u", "r", &[("stock", 1, 5)]).await;
    for restart in [false, true] {
        blocking(&server, move |server| if restart { server.restart_empty() } else { drop(server.cli(&["FLUSHALL"])) }).await;
        let hold = hold_of(&store, "u", "r", &[("stock", 1, 5)]).await;
        // The first call after a restart may find its connection broken.
        let _ = store.get("u", "r").await;
        assert!(store.reserve(hold.clone()).await.is_err_and(|error| is_empty(&error)));
        assert!(store.take(hold.clone()).await.is_err_and(|error| is_empty(&error)));
        assert!(store.get("u", "r").await.is_err_and(|error| is_empty(&error)));
        assert!(store.commit("u", "r", IfExpired::Refuse, None).await.is_err_and(|error| is_empty(&error)));
        assert!(store.rollback("u", "r", crate::contract::whole("x")).await.is_err_and(|error| is_empty(&error)));
        assert!(store.expire(10).await.is_err());
        assert!(store.events(&Cursor::default(), 10).await.is_err_and(|error| is_empty(&error)));
        assert!(store.admit(3).await.is_err_and(|error| is_empty(&error)));
        assert!(store.put(&Name::of(&["catalogue"]), 0, Vec::new()).await.is_err_and(|error| is_empty(&error)));
        assert!(matches!(Redis::open(config(&url, &said)).await, Err(OpenError::Empty(_))));
        // Beats go on, and make nothing either.
        tokio::time::sleep(Duration::from_millis(700)).await;
        assert_eq!(blocking(&server, |server| server.cli(&["DBSIZE"])).await, "0");
    }
    // A new one is another one, and who had the old one open does not write into it.
    let second = init(&url.parse().unwrap(), 2).await.unwrap();
    assert_ne!(first, second);
    let hold = hold_of(&store, "u", "r", &[("stock", 1, 5)]).await;
    let refused = store.reserve(hold).await;
    assert!(matches!(&refused, Err(LedgerError::Unavailable(why)) if why.contains("restart")), "{refused:?}");
    let restarted = open(config(&url, &said)).await;
    assert_eq!(restarted.get("u", "r").await, Ok(None));
    paid(&restarted, "u", "r", &[("stock", 1, 5)]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_another_layout_or_division_is_refused() {
    let server = Arc::new(tokka_rig::Redis::start());
    let said = Arc::new(Said::default());
    let url = server.url();
    init(&url.parse().unwrap(), 1).await.unwrap();
    assert!(matches!(init(&url.parse().unwrap(), 2).await, Err(InitError::Another { .. })));
    let store = open(Config { patience: Duration::from_millis(100), ..config(&url, &said) }).await;
    let hold = hold_of(&store, "u", "r", &[("stock", 1, 5)]).await;
    let refuses = |field: &'static str, value: &'static str| {
        let (server, store, hold) = (Arc::clone(&server), Arc::clone(&store), hold.clone());
        async move {
            let head = blocking(&server, |server| server.cli(&["KEYS", "{*}h"])).await;
            let set = |value: String| {
                let head = head.clone();
                blocking(&server, move |server| server.cli(&["HSET", &head, field, &value]))
            };
            let before = blocking(&server, {
                let head = head.clone();
                move |server| server.cli(&["HGET", &head, field])
            })
            .await;
            set(value.to_owned()).await;
            let refused = store.reserve(hold).await;
            assert!(matches!(&refused, Err(LedgerError::Unavailable(why)) if why.contains("restart")), "{field}: {refused:?}");
            set(before).await;
        }
    };
    refuses("layout", "3").await;
    refuses("shards", "3").await;
    refuses("store", "00000000000000000000000000000000").await;
    paid(&store, "u", "r", &[("stock", 1, 5)]).await;
    let root = blocking(&server, |server| server.cli(&["KEYS", "{*}"])).await;
    blocking(&server, move |server| server.cli(&["HSET", &root, "layout", "3"])).await;
    assert!(matches!(Redis::open(config(&url, &said)).await, Err(OpenError::Layout { found }) if found == "3"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_memory_takes_no_holds_and_settles_what_it_has() {
    let server = Arc::new(tokka_rig::Redis::start());
    let said = Arc::new(Said::default());
    init(&server.url().parse().unwrap(), 1).await.unwrap();
    let store = open(Config { patience: Duration::from_millis(300), ..config(&server.url(), &said) }).await;
    for number in 0..40 {
        held(&store, "u", &format!("r{number}"), &[("stock", 1, 1_000)]).await;
    }
    blocking(&server, |server| server.cli(&["CONFIG", "SET", "maxmemory", "1"])).await;
    // Both at once, in one batch or two.
    let holds = (0..40).map(|number| {
        let store = Arc::clone(&store);
        async move { store.reserve(hold_of(&store, "u", &format!("n{number}"), &[("stock", 1, 1_000)]).await).await }
    });
    let commits = (0..20).map(|number| {
        let store = Arc::clone(&store);
        async move { store.commit("u", &format!("r{number}"), IfExpired::Refuse, None).await }
    });
    let rollbacks = (20..40).map(|number| {
        let store = Arc::clone(&store);
        async move { store.rollback("u", &format!("r{number}"), crate::contract::whole("x")).await }
    });
    let join = futures_util::future::join3;
    use futures_util::future::join_all;
    let (holds, commits, rollbacks) = join(join_all(holds), join_all(commits), join_all(rollbacks)).await;
    assert!(holds.iter().all(|answer| matches!(answer, Err(LedgerError::Unavailable(why)) if why.contains("OOM"))), "{holds:?}");
    assert!(commits.iter().all(|answer| matches!(answer, Ok(Committed::Done(_)))), "{commits:?}");
    assert!(rollbacks.iter().all(|answer| matches!(answer, Ok(RolledBack::Done(_)))), "{rollbacks:?}");
    blocking(&server, |server| server.cli(&["CONFIG", "SET", "maxmemory", "0"])).await;
    held(&store, "u", "after", &[("stock", 1, 1_000)]).await;
    assert_eq!(used(&store, "stock").await, 21);
    assert!(insist(|| store.audit()).await.is_clean());
}
