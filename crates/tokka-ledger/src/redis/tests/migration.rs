//! What does a slot on its way cost? A shard that is moved to another node under load, key by key, with a long stop in the
//! middle.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::load::{Dice, Load, May, Said, config, hold_of, open, seed};
use super::outages::cluster;
use super::*;

/// How long customers of one shard were told that it is unavailable, and why.
async fn probe(store: Arc<Redis>, user: String, stop: Arc<AtomicBool>) -> (Duration, BTreeMap<String, u64>) {
    let (mut longest, mut since, mut why) = (Duration::ZERO, None::<Instant>, BTreeMap::<String, u64>::new());
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let hold = hold_of(&store, &user, &format!("probe-{number}"), &[("probe", 1, 1_000_000)]).await;
        match store.reserve(hold).await {
            Ok(_) => longest = longest.max(since.take().map_or(Duration::ZERO, |since| since.elapsed())),
            Err(LedgerError::Unavailable(text)) => {
                since.get_or_insert_with(Instant::now);
                let text = text.split("`: ").last().unwrap_or_default();
                *why.entry(text.chars().filter(|letter| !letter.is_ascii_digit()).collect()).or_default() += 1;
            }
            Err(other) => panic!("{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    (longest, why)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shard_that_moves_is_unavailable_until_it_has_arrived_and_counts_exactly() {
    let seed = seed();
    let mut dice = Dice::new(seed);
    let cluster = Arc::new(tokio::task::spawn_blocking(cluster).await.unwrap());
    let said = Arc::new(Said::default());
    let url = cluster.url();
    init(&url.parse().unwrap(), 3).await.unwrap();
    let mut stores = Vec::new();
    for _ in 0..2 {
        stores.push(open(config(&url, &said)).await);
    }
    let moved = stores[0].store.part(1).post.shard.slot;
    let user = (0..).map(|number| format!("p{number}")).find(|user| layout::shard_of(user.as_bytes(), 3) == 1).unwrap();
    let impatient = open(Config { patience: Duration::ZERO, ..config(&url, &said) }).await;
    let stop = Arc::new(AtomicBool::new(false));
    let probe = tokio::spawn(probe(impatient, user, Arc::clone(&stop)));
    let load = Load::begin(stores, &said, seed, 8);
    let mut took = Vec::new();
    for stopped in [0, 1_000] {
        dice.sleep_ms(300, 600).await;
        let cluster = Arc::clone(&cluster);
        let some = usize::try_from(1 + dice.below(40)).unwrap();
        let begun = Instant::now();
        tokio::task::spawn_blocking(move || {
            let from = cluster.primary_of(moved);
            let migration = cluster.begin_migration(moved, (from + 1) % 3);
            migration.move_keys(some);
            std::thread::sleep(Duration::from_millis(stopped));
            migration.finish();
        })
        .await
        .unwrap();
        took.push(begun.elapsed());
    }
    dice.sleep_ms(300, 600).await;
    let found = load.end(May::NotChange).await;
    stop.store(true, Ordering::Relaxed);
    let (longest, why) = probe.await.unwrap();
    println!("moved in {took:?}; its shard was unavailable for {longest:?} at most: {why:?}");
    assert!(found.orders > 50 && found.oversold.is_empty() && said.lost_writes() == 0, "{found:?}");
    assert!(longest >= Duration::from_millis(1_000), "nobody noticed: {longest:?}");
}
