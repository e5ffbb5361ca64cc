//! Does a lost store come back from its archive, or a lost shard of it? A day of orders, a server that loses everything or a
//! part, and a restore.

use std::sync::Arc;
use std::time::Duration;

use super::load::{Dice, Load, May, Said, config, held, insist, open, paid, part_of, seed, used};
use super::*;
use crate::archive::Archive;
use crate::contract::whole;
use crate::model::{Audit, State};

async fn days(archive: &Archive) -> Vec<Record> {
    let mut records = Vec::new();
    for day in archive.days().unwrap() {
        records.extend(archive.day(&day).unwrap().events.into_iter().filter_map(|event| event.record));
    }
    records
}

async fn restored(shards: u16) {
    let seed = seed();
    let server = Arc::new(tokka_rig::Redis::start());
    let said = Arc::new(Said::default());
    let url = server.url();
    init(&url.parse().unwrap(), shards).await.unwrap();
    let store = open(config(&url, &said)).await;
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::new(dir.path());
    archive.register(&*store).await.unwrap();
    let load = Load::begin(vec![Arc::clone(&store)], &said, seed, 8);
    Dice::new(seed).sleep_ms(500, 900).await;
    load.end(May::NotChange).await;
    let order = paid(&store, "u", "order", &[("stock", 3, 9)]).await;
    let first = order.clone();
    let returned = insist(|| store.rollback("u", "order", part_of("x", order.version, &[("stock", 1)]))).await;
    let RolledBack::Done(order) = returned else { panic!("{returned:?}") };
    // The archive has read the first return before the second, or both at once.
    if shards > 1 {
        while archive.bite(&*store).await.unwrap().events > 0 {}
    }
    let second = Rollback { answer: b"the second".to_vec(), ..part_of("y", order.version, &[("stock", 1)]) };
    let returned = insist(|| store.rollback("u", "order", second.clone())).await;
    let RolledBack::Done(order) = returned else { panic!("{returned:?}") };
    held(&store, "v", "basket", &[("stock", 2, 9)]).await;
    while archive.bite(&*store).await.unwrap().events > 0 {}
    let before = insist(|| store.audit()).await;
    assert!(before.is_clean());
    let before_id = store.id();
    drop(store);

    let (wiped, again) = (Arc::clone(&server), url.clone());
    tokio::task::spawn_blocking(move || wiped.restart_empty()).await.unwrap();
    assert!(matches!(restore(config(&url, &said), &[], std::iter::empty()).await, Err(RestoreError::Open(OpenError::Empty(_)))));
    let stores = archive.stores().unwrap();
    assert_eq!(stores, [before_id.as_str()]);
    init(&again.parse().unwrap(), shards).await.unwrap();
    let mut records = days(&archive).await;
    // The restore breaks off in the middle: nobody sells from half a store.
    let broken = records
        .iter()
        .take(records.len() / 2)
        .cloned()
        .chain(std::iter::once_with(|| Record { id: String::new(), ..order.clone() }));
    assert!(matches!(restore(config(&url, &said), &stores, broken).await, Err(RestoreError::Store(_))));
    let impatient = Config { patience: Duration::from_millis(100), ..config(&url, &said) };
    let store = open(impatient).await;
    for _ in 0..2 {
        let early = store.rollback("u", "order", whole("early")).await;
        assert!(matches!(early, Err(LedgerError::Unavailable(_))), "{early:?}");
        // Also a server that starts again in between opens nothing.
        let restarted = Arc::clone(&server);
        tokio::task::spawn_blocking(move || {
            restarted.cli(&["SAVE"]);
            restarted.restart();
        })
        .await
        .unwrap();
        let _ = store.get("u", "order").await;
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    // Again, in another order, some of it twice.
    records.reverse();
    records.extend_from_within(..records.len() / 3);
    let count = u64::try_from(records.len()).unwrap();
    let done = restore(config(&url, &said), &stores, records.into_iter()).await.unwrap();
    assert!(done.read == count && done.written > 0, "{done:?}");
    let after = insist(|| store.audit()).await;
    assert!(after.is_clean(), "{after:?}");
    let states = |audit: &Audit| (audit.held, audit.committed, audit.rolled_back, audit.expired, audit.counters);
    assert_eq!(states(&after), states(&before));
    assert_eq!(used(&store, "stock").await, 3);
    let back = insist(|| store.get("u", "order")).await.unwrap();
    assert_eq!((back.state, back.version, &back.holding), (order.state, order.version, &order.holding));
    // Returns with their answers, each of which the archive has once, also of those that came after.
    assert!(back.returns.iter().map(|step| step.rollback_id.as_str()).eq(["x", "y"]), "{back:#?}");
    assert!(back.returns == order.returns && back.returns.iter().all(|step| !step.answer.is_empty()), "{back:#?}");
    let again = insist(|| store.rollback("u", "order", part_of("x", first.version, &[("stock", 1)]))).await;
    assert!(matches!(again, RolledBack::Repeated(record) if record.returns == order.returns));
    // What the store before was called is known, whose receipts are as good as its own.
    assert_eq!(open(config(&url, &said)).await.ids()[1..], stores[..]);
    // What was held can be paid, and what was paid returned; there is as much left as there was.
    assert!(matches!(insist(|| store.commit("v", "basket", IfExpired::Refuse, None)).await, Committed::Done(_)));
    assert!(
        matches!(insist(|| store.rollback("u", "order", whole("w"))).await, RolledBack::Done(r) if r.state == State::RolledBack)
    );
    paid(&store, "w", "last", &[("stock", 7, 9)]).await;
    assert_eq!(used(&store, "stock").await, 9);
    let refused = restore(config(&url, &said), &[], std::iter::empty()).await;
    assert!(matches!(refused, Err(RestoreError::NotEmpty { .. })), "{refused:?}");
    assert!(insist(|| store.audit()).await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_comes_back_from_its_archive() {
    restored(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_of_four_shards_comes_back_from_its_archive() {
    restored(4).await;
}

/// Removes every key of a shard.
fn empty(server: &tokka_rig::Redis, store: &Redis, shard: u16) {
    let head = store.store.part(shard).post.shard.head();
    let pattern = [&head[..head.len() - 1], b"*"].concat();
    let script = "for _, key in ipairs(redis.call('KEYS', ARGV[1])) do redis.call('DEL', key) end";
    server.cli(&[&b"EVAL"[..], script.as_bytes(), b"0", &pattern]);
}

fn everything(server: &tokka_rig::Redis) -> Vec<String> {
    let keys = server.cli(&["KEYS", "*"]);
    let mut keys: Vec<&str> = keys.lines().collect();
    keys.sort_unstable();
    keys.iter().map(|key| format!("{key} {}", server.cli(&["DUMP", key]))).collect()
}

/// One node of a cluster comes back empty, say: its shard is not made anew, and only it is restored.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shard_that_was_emptied_is_not_made_anew_and_comes_back_alone() {
    const SHARDS: u16 = 4;
    const LIMIT: i64 = 40;
    let server = tokka_rig::Redis::start();
    let said = Arc::new(Said::default());
    let url = server.url();
    let at: StoreUrl = url.parse().unwrap();
    let id = init(&at, SHARDS).await.unwrap();
    let store = open(config(&url, &said)).await;
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::new(dir.path());
    archive.register(&*store).await.unwrap();
    let customer = |shard| super::transfers::customer_of(shard, SHARDS);
    // Five of each customer's are paid and three held, so that 8 are left of 40; one customer returns one of theirs.
    for shard in 0..SHARDS {
        paid(&store, &customer(shard), &format!("paid-{shard}"), &[("stock", 5, LIMIT)]).await;
        held(&store, &customer(shard), &format!("held-{shard}"), &[("stock", 3, LIMIT)]).await;
    }
    while archive.bite(&*store).await.unwrap().events > 0 {}
    let lost = shard_of(Name::of(&["stock"]).as_bytes(), SHARDS);
    // Neither a stock's bank nor a shard that only sells it is made anew.
    for lost in [lost, (lost + 1) % SHARDS] {
        let rest = (0..SHARDS).find(|shard| *shard != lost).unwrap();
        empty(&server, &store, lost);
        let before = everything(&server);
        let refused = init(&at, SHARDS).await;
        assert_eq!(refused, Err(InitError::Lost { id: id.clone(), shards: SHARDS, lost: vec![lost] }));
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(&format!("STORE_EMPTY: store `{id}` has lost shard {lost} of its 4")), "{text}");
        assert!(text.contains("tokka store restore"), "{text}");
        assert!(matches!(&Redis::open(config(&url, &said)).await, Err(OpenError::Empty(why)) if why.contains("has no head")));
        let other = vec!["another".to_owned()];
        let foreign = restore(config(&url, &said), &other, std::iter::empty()).await;
        assert!(matches!(foreign, Err(RestoreError::OtherStore { .. })), "{foreign:?}");
        let heads = |all: &[String]| all.iter().filter(|key| !key.contains("}h ")).cloned().collect::<Vec<_>>();
        assert_eq!(heads(&everything(&server)), heads(&before), "a refusal changes nothing");

        // A process that still runs meets the gap, and sells to the customers of the others what their shards have.
        assert!(matches!(store.get(&customer(lost), "held").await, Err(LedgerError::Empty(_))));
        let others = customer(rest);
        assert_eq!(insist(|| store.get(&others, "nobody's")).await, None);

        let stores = archive.stores().unwrap();
        let done = restore(config(&url, &said), &stores, days(&archive).await.into_iter()).await.unwrap();
        assert_eq!((done.shards, done.written >= 2), (1, true), "{done:?}");
        assert_eq!(used(&store, "stock").await, 4 * 8);
        let audit = insist(|| store.audit()).await;
        assert!(audit.is_clean() && (audit.held, audit.committed) == (4, 4), "{audit:?}");
        super::transfers::counters_are_allotted(&store.store, &["stock"]).await;
        let (whose, order) = (customer(lost), format!("held-{lost}"));
        let back = insist(|| store.get(&whose, &order)).await.unwrap();
        assert_eq!((back.state, back.version), (State::Held, 1));
        assert!(matches!(restore(config(&url, &said), &stores, std::iter::empty()).await, Err(RestoreError::NotEmpty { .. })));
    }
    // There is as much to sell as there was, in all shards, to the last unit.
    assert_eq!(super::transfers::sell_out(&store, "rest", "stock", LIMIT).await, 8);
    for shard in 0..SHARDS {
        let (whose, order) = (customer(shard), format!("held-{shard}"));
        let paid = insist(|| store.commit(&whose, &order, IfExpired::Refuse, None)).await;
        assert!(matches!(paid, Committed::Done(_)), "{paid:?}");
    }
    assert_eq!(used(&store, "stock").await, LIMIT);
    assert!(insist(|| store.audit()).await.is_clean());
}

/// What left a shard for the one that was lost, and had arrived there, does not arrive again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_on_its_way_to_a_lost_shard_is_neither_sold_twice_nor_gone() {
    const LIMIT: i64 = 12;
    let server = tokka_rig::Redis::start();
    let url = server.url();
    let process = super::transfers::processes(&url, 3, 1).await.remove(0);
    let store = &process.store;
    let counter = Name::of(&["stock"]);
    let bank = shard_of(counter.as_bytes(), 3);
    let to = (bank + 1) % 3;
    let dir = tempfile::tempdir().unwrap();
    let archive = Archive::new(dir.path());
    archive.register(&process).await.unwrap();
    let sent = store.debit(bank, to, allot::What::Grant, &counter, 5, LIMIT, 0).await.unwrap();
    let allot::Debit::Sent(sent) = sent else { panic!("{sent:?}") };
    // It arrived and is sold; whoever sent it died before it was closed.
    assert!(store.credit(&sent).await.unwrap());
    let customer = super::transfers::customer_of(to, 3);
    super::transfers::order(&process, &customer, "r", &[("stock", 5, LIMIT)]).await;
    while archive.bite(&process).await.unwrap().events > 0 {}
    empty(&server, &process, to);
    let restoring = Config::new(url.parse().unwrap(), Arc::new(|_| None));
    restore(restoring, &archive.stores().unwrap(), days(&archive).await.into_iter()).await.unwrap();
    assert!(!store.credit(&sent).await.unwrap(), "late, and again");
    super::transfers::counters_are_allotted(store, &["stock"]).await;
    assert_eq!(super::transfers::sell_out(&process, "s", "stock", LIMIT).await, LIMIT - 5);
    assert_eq!(used(&process, "stock").await, LIMIT);
}

/// The check comes before the first change: shards that are empty stay open where another one is not empty.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_into_a_live_store_is_refused_and_changes_nothing() {
    let server = tokka_rig::Redis::start();
    let said = Arc::new(Said::default());
    let url = server.url();
    init(&url.parse().unwrap(), 4).await.unwrap();
    let store = open(config(&url, &said)).await;
    let last = super::transfers::customer_of(3, 4);
    paid(&store, &last, "r", &[("stock", 1, 5)]).await;
    drop(Arc::into_inner(store));
    let before = everything(&server);
    let record = Record { id: "other".to_owned(), ..open(config(&url, &said)).await.get(&last, "r").await.unwrap().unwrap() };
    let refused = restore(config(&url, &said), &[], std::iter::once(record)).await;
    assert!(matches!(refused, Err(RestoreError::NotEmpty { shard: 3 })), "{refused:?}");
    let heads = |all: &[String]| all.iter().filter(|key| !key.contains("}h ")).cloned().collect::<Vec<_>>();
    assert_eq!(heads(&everything(&server)), heads(&before));
    for shard in 0..4 {
        paid(&*open(config(&url, &said)).await, &super::transfers::customer_of(shard, 4), "next", &[("stock", 1, 5)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_is_made_once_finished_if_interrupted_and_never_beside_another() {
    let server = tokka_rig::Redis::start();
    let said = Arc::new(Said::default());
    let at: StoreUrl = server.url().parse().unwrap();
    let id = init(&at, 3).await.unwrap();
    assert_eq!(init(&at, 3).await.as_ref(), Ok(&id), "again, nothing happens");
    let shards = Shard::all("tokka", 3);
    // It broke off before the last shard was made: nobody sells from a part, and it is finished.
    server.cli(&["HDEL", "{tokka}", "whole"]);
    server.cli(&[&b"DEL"[..], &shards[2].head()]);
    let refused = Redis::open(config(&server.url(), &said)).await;
    assert!(matches!(&refused, Err(OpenError::Empty(why)) if why.contains("interrupted")));
    assert_eq!(init(&at, 3).await.as_ref(), Ok(&id));
    let store = open(config(&server.url(), &said)).await;
    paid(&store, "u", "r", &[("stock", 1, 5)]).await;
    // The root is lost, and the shards are there: it is the same store, however it is divided.
    server.cli(&["DEL", "{tokka}"]);
    assert!(matches!(Redis::open(config(&server.url(), &said)).await, Err(OpenError::Empty(_))));
    for shards in [1, 2, 4, 256] {
        let refused = init(&at, shards).await;
        assert!(matches!(&refused, Err(InitError::Another { id: of, shards }) if *of == id && shards == "3"), "{refused:?}");
        assert_eq!(server.cli(&["EXISTS", "{tokka}"]), "0");
    }
    assert_eq!(init(&at, 3).await.as_ref(), Ok(&id));
    assert_eq!(insist(|| store.get("u", "r")).await.map(|record| record.state), Some(State::Committed));
    // Root and a shard are lost.
    server.cli(&["DEL", "{tokka}"]);
    server.cli(&[&b"DEL"[..], &shards[1].head()]);
    assert_eq!(init(&at, 3).await, Err(InitError::Lost { id, shards: 3, lost: vec![1] }));
    server.cli(&["HSET", "{tokka}", "layout", "1"]);
    assert_eq!(init(&at, 3).await, Err(InitError::Layout { found: "1".to_owned() }));
}
