//! Does a lost store come back from its archive? A day of orders, a server that loses everything, and a restore.

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
    let returned = insist(|| store.rollback("u", "order", part_of("x", order.version, &[("stock", 1)]))).await;
    let RolledBack::Done(order) = returned else { panic!("{returned:?}") };
    held(&store, "v", "basket", &[("stock", 2, 9)]).await;
    while archive.bite(&*store).await.unwrap().events > 0 {}
    let before = insist(|| store.audit()).await;
    assert!(before.is_clean());
    drop(store);

    let (wiped, again) = (Arc::clone(&server), url.clone());
    tokio::task::spawn_blocking(move || wiped.restart_empty()).await.unwrap();
    assert!(matches!(restore(config(&url, &said), std::iter::empty()).await, Err(RestoreError::Open(OpenError::Empty(_)))));
    init(&again.parse().unwrap(), shards).await.unwrap();
    let mut records = days(&archive).await;
    // The restore breaks off in the middle: nobody sells from half a store.
    let broken = records
        .iter()
        .take(records.len() / 2)
        .cloned()
        .chain(std::iter::once_with(|| Record { id: String::new(), ..order.clone() }));
    assert!(matches!(restore(config(&url, &said), broken).await, Err(RestoreError::Store(_))));
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
    // Again, in another order, some of it twice, and a receipt that knows more than the archive.
    records.reverse();
    records.extend_from_within(..records.len() / 3);
    records.push(order.clone());
    let count = u64::try_from(records.len()).unwrap();
    let done = restore(config(&url, &said), records.into_iter()).await.unwrap();
    assert!(done.read == count && done.written > 0, "{done:?}");
    let after = insist(|| store.audit()).await;
    assert!(after.is_clean(), "{after:?}");
    let states = |audit: &Audit| (audit.held, audit.committed, audit.rolled_back, audit.expired, audit.counters);
    assert_eq!(states(&after), states(&before));
    assert_eq!(used(&store, "stock").await, 4);
    let back = insist(|| store.get("u", "order")).await.unwrap();
    assert_eq!((back.state, back.version, &back.holding), (order.state, order.version, &order.holding));
    // What was held can be paid, and what was paid returned; there is as much left as there was.
    assert!(matches!(insist(|| store.commit("v", "basket", IfExpired::Refuse, None)).await, Committed::Done(_)));
    assert!(
        matches!(insist(|| store.rollback("u", "order", whole("w"))).await, RolledBack::Done(r) if r.state == State::RolledBack)
    );
    paid(&store, "w", "last", &[("stock", 7, 9)]).await;
    assert_eq!(used(&store, "stock").await, 9);
    let refused = restore(config(&url, &said), std::iter::empty()).await;
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
