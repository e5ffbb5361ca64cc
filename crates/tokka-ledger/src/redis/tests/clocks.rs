//! What do clocks do? One that jumps, and many holds that are due at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;

use super::load::{Said, config, held, hold_of, insist, open, used};
use super::*;
use crate::contract::HOUR;
use crate::model::State;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_jumps_expires_nothing_early_and_sweeps_nothing() {
    let server = tokka_rig::Redis::start();
    let said = Arc::new(Said::default());
    init(&server.url().parse().unwrap(), 1).await.unwrap();
    let jump = Arc::new(AtomicI64::new(0));
    let clock = Clock::from_source({
        let (jump, wall) = (Arc::clone(&jump), Clock::wall());
        move || wall.now() + jump.load(Ordering::Relaxed)
    });
    let store = open(Config { clock, ..config(&server.url(), &said) }).await;
    let right = open(config(&server.url(), &said)).await;
    held(&store, "u", "hour", &[("stock", 1, 5)]).await;
    for hours in [3, -3, 0] {
        jump.store(hours * HOUR, Ordering::Relaxed);
        // The jump itself, before anything was heard of it, and after.
        for _ in 0..2 {
            let due = store.expire(10).await;
            assert!(matches!(due, Ok(0) | Err(LedgerError::Unavailable(_))), "{due:?} at {hours}");
            let standing = insist(|| store.get("u", "hour")).await.unwrap();
            assert_eq!(standing.state, State::Held, "at {hours}");
        }
        let apart = store.expire(10).await;
        assert_eq!(apart.is_err(), hours != 0, "{apart:?} at {hours}");
        // What is reserved meanwhile is due by the server's clock.
        let id = format!("at {hours}");
        let record = held(&store, "u", &id, &[("stock", 1, 50)]).await;
        let off = record.deadline - HOUR - right.now().await.unwrap();
        assert!(off.abs() < 60_000, "{off} ms off at {hours}");
        assert_eq!(right.expire(10).await, Ok(0));
    }
    let due = Hold { deadline: 0, ..hold_of(&right, "u", "due", &[("stock", 1, 50)]).await };
    assert!(matches!(right.reserve(due).await, Ok(Reserved::Taken(_))));
    jump.store(6_000, Ordering::Relaxed);
    insist(|| store.get("u", "due")).await;
    assert!(store.expire(10).await.is_err(), "6 s apart");
    jump.store(3_000, Ordering::Relaxed);
    insist(|| store.get("u", "due")).await;
    // The one whose clock is right does, once it is its turn.
    while right.expire(10).await != Ok(1) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(insist(|| store.get("u", "due")).await.map(|record| record.state), Some(State::Expired));
}

/// How many are due together: `TOKKA_LEDGER_DUE`, for a long run 1000000.
fn due() -> u64 {
    std::env::var("TOKKA_LEDGER_DUE").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_due_together_expires_once_in_bites_while_orders_go_on() {
    let server = tokka_rig::Redis::start();
    let said = Arc::new(Said::default());
    init(&server.url().parse().unwrap(), 1).await.unwrap();
    let mut stores = Vec::new();
    for _ in 0..3 {
        stores.push(open(config(&server.url(), &said)).await);
    }
    let count = due();
    let all = i64::try_from(count).unwrap();
    let many = hold_of(&stores[0], "u", "r", &[("stock", 1, all)]).await;
    let numbers: Vec<u64> = (0..count).collect();
    for some in numbers.chunks(256) {
        let each = some.iter().map(|number| {
            let hold = Hold { id: format!("r{number}"), shard_key: format!("u{}", number % 1_000), deadline: 0, ..many.clone() };
            stores[usize::try_from(number % 3).unwrap()].reserve(hold)
        });
        for answer in join_all(each).await {
            assert!(matches!(answer, Ok(Reserved::Taken(_))), "{answer:?}");
        }
    }
    assert_eq!(used(&stores[0], "stock").await, all);
    let sweeps = stores.iter().cloned().map(|store| {
        tokio::spawn(async move {
            let (mut swept, mut quiet) = (0_usize, 0);
            while quiet < 3 {
                let went = insist(|| store.expire(256)).await;
                swept += went;
                // Another one's turn, or the end.
                quiet = if went == 0 && used(&store, "stock").await == 0 { quiet + 1 } else { 0 };
                if went == 0 {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            swept
        })
    });
    let sweeps: Vec<_> = sweeps.collect();
    let (mut orders, mut longest) = (0_u64, Duration::ZERO);
    while sweeps.iter().any(|sweep| !sweep.is_finished()) {
        let begun = std::time::Instant::now();
        held(&stores[0], "buyer", &format!("o{orders}"), &[("other", 1, 1_000_000)]).await;
        longest = longest.max(begun.elapsed());
        orders += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut swept = 0;
    for sweep in sweeps {
        swept += sweep.await.unwrap();
    }
    println!("{count} expired while {orders} orders were taken, the slowest in {longest:?}");
    // A bite that was not answered in time is counted by nobody; had one hold been taken back twice, its counter would be
    // below 0 now.
    assert!(u64::try_from(swept).is_ok_and(|swept| (1..=count).contains(&swept)), "{swept}");
    assert_eq!(used(&stores[0], "stock").await, 0);
    assert!(orders > 10);
    let audit = insist(|| stores[0].audit()).await;
    assert!(audit.is_clean() && audit.expired == count && audit.held == orders, "{audit:?}");
}
