//! Do several processes sell exactly what there is, however unevenly customers come, limits change and orders come back?

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use tokio::task::JoinSet;

use super::super::*;
use super::transfers::{counters_are_allotted, customer_of, hold_of, order, processes, seed, sell_out, used};
use crate::contract::{HOUR, whole};
use crate::model::AMOUNT_MAX;
use crate::story::{Dice, proof};

/// An order that was asked for, and what became of it.
struct Asked {
    amount: i64,
    begun: Instant,
    ended: Instant,
    taken: bool,
}

/// Customers buy `1..=most` each until they have been refused one of them in all processes, `tasks` of them at a time.
async fn rush(
    processes: &[Arc<Redis>],
    stock: i64,
    most: u64,
    tasks: u64,
    seed: u64,
    customer: fn(&mut Dice) -> String,
) -> Vec<Asked> {
    let all: Arc<Mutex<Vec<Asked>>> = Arc::default();
    let mut rushing = JoinSet::new();
    for task in 0..tasks {
        let process = Arc::clone(&processes[usize::try_from(task).unwrap() % processes.len()]);
        let all = Arc::clone(&all);
        rushing.spawn(async move {
            let mut dice = Dice::new(seed ^ (task << 32));
            let mut number = 0;
            loop {
                number += 1;
                let amount = 1 + i64::try_from(dice.below(most)).unwrap();
                let begun = Instant::now();
                let id = format!("{task}-{number}");
                let answer = order(&*process, &customer(&mut dice), &id, &[("stock", amount, stock)]).await;
                let taken = match &answer {
                    Reserved::Taken(_) => true,
                    Reserved::Refused { shortages, .. } => {
                        assert!(shortages[0].used + amount > stock && shortages[0].used <= stock, "{shortages:?}");
                        false
                    }
                    other => panic!("{other:?}"),
                };
                all.lock().unwrap().push(Asked { amount, begun, ended: Instant::now(), taken });
                if !taken && amount == 1 {
                    return;
                }
            }
        });
    }
    rushing.join_all().await;
    Arc::into_inner(all).unwrap().into_inner().unwrap()
}

/// Nobody is refused while as much is left as they want: what others had taken or begun to take was too much.
fn every_refusal_is_right(asked: &[Asked], stock: i64) -> usize {
    let refused: Vec<&Asked> = asked.iter().filter(|asked| !asked.taken).collect();
    for refusal in &refused {
        let begun = asked.iter().filter(|other| other.taken && other.begun <= refusal.ended);
        let taken: i64 = begun.map(|other| other.amount).sum();
        assert!(taken + refusal.amount > stock, "{} were refused while at most {taken} of {stock} were taken", refusal.amount);
    }
    refused.len()
}

/// Nine of ten live in one shard, and few of them come again and again.
fn uneven(dice: &mut Dice) -> String {
    let shard = match dice.below(20) {
        0 => 1,
        1 => 2,
        _ => 0,
    };
    let often = dice.below(1_000) * dice.below(1_000) / 20_000;
    (0..)
        .map(|number| format!("{}-{often}-{number}", customer_of(shard, 3)))
        .find(|key| shard_of(key.as_bytes(), 3) == shard)
        .unwrap()
}

/// Three shards on three primaries of a Cluster, three processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_sells_the_exact_stock_to_customers_of_whom_most_live_in_one_shard() {
    const STOCK: i64 = 10_000;
    let node = tokka_rig::Options::default().and("min-replicas-to-write", "1");
    let cluster = tokka_rig::Cluster::with(&tokka_rig::cluster::Setup { node, ..Default::default() });
    let seed = seed();
    let processes: Vec<Arc<Redis>> =
        processes(&format!("{}?min_replicas=1", cluster.url()), 3, 3).await.into_iter().map(Arc::new).collect();
    let asked = rush(&processes, STOCK, 5, 48, seed, uneven).await;
    let taken: i64 = asked.iter().filter(|asked| asked.taken).map(|asked| asked.amount).sum();
    assert_eq!(taken, STOCK, "TOKKA_LEDGER_SEED={seed}");
    assert_eq!(used(&*processes[0], "stock").await, STOCK, "TOKKA_LEDGER_SEED={seed}");
    assert!(every_refusal_is_right(&asked, STOCK) >= 48);
    counters_are_allotted(&processes[1].store, &["stock"]).await;
    assert_eq!(processes[2].verify().await, Ok(Vec::new()));
    proof("units sold exactly over three shards", STOCK.unsigned_abs(), seed);
}

/// A hot counter costs one script an order as long as its shard has some of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_has_stock_asks_nobody() {
    let server = tokka_rig::Redis::start();
    let process = processes(&server.url(), 3, 1).await.remove(0);
    let stock = [("stock", 1, 1_000_000)];
    let customer = customer_of(1, 3);
    order(&process, &customer, "first", &stock).await;
    let before = process.store.survey(&Name::of(&["stock"])).await.unwrap();
    for number in 0..500 {
        let taken = order(&process, &customer, &format!("r{number}"), &stock).await;
        assert!(matches!(taken, Reserved::Taken(_)), "{taken:?}");
    }
    let after = process.store.survey(&Name::of(&["stock"])).await.unwrap();
    assert!(before.iter().zip(&after).all(|(before, after)| before.changes == after.changes), "{before:#?} {after:#?}");
}

/// 200 at once, three processes, one server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_buyers_of_three_processes_take_exactly_what_there_is_and_nobody_more_than_is_theirs() {
    for shards in [1, 4] {
        let server = tokka_rig::Redis::start();
        let processes: Vec<Arc<Redis>> = processes(&server.url(), shards, 3).await.into_iter().map(Arc::new).collect();
        let mut buyers = JoinSet::new();
        let taken = Arc::new(AtomicI64::new(0));
        for buyer in 0..200_usize {
            let (process, taken) = (Arc::clone(&processes[buyer % 3]), Arc::clone(&taken));
            buyers.spawn(async move {
                // Forty customers, each in five windows, each allowed 6.
                let customer = format!("u{}", buyer % 40);
                let own = format!("of {customer}");
                for number in 0..3 {
                    let id = format!("{buyer}-{number}");
                    // What is always there is taken with the rest or not at all.
                    let claims = [("stock", 1, 170), (&*own, 1, 6), ("plenty", 2, 1_000_000)];
                    match order(&*process, &customer, &id, &claims).await {
                        Reserved::Taken(_) => _ = taken.fetch_add(1, Ordering::SeqCst),
                        Reserved::Refused { shortages, usage } => {
                            let short: Vec<bool> = usage.iter().zip([170, 6]).map(|(used, limit)| *used >= limit).collect();
                            assert!(short.contains(&true), "{shortages:?}, {usage:?}");
                        }
                        other => panic!("{other:?}"),
                    }
                }
            });
        }
        buyers.join_all().await;
        let process = &*processes[0];
        assert_eq!(taken.load(Ordering::SeqCst), 170, "of 40 × 6 there are 170");
        assert_eq!((used(process, "stock").await, used(process, "plenty").await), (170, 340));
        for customer in 0..40 {
            assert!(used(process, &format!("of u{customer}")).await <= 6);
        }
        assert_eq!(process.verify().await, Ok(Vec::new()));
        if shards > 1 {
            counters_are_allotted(&process.store, &["stock", "plenty"]).await;
        }
    }
}

/// One that is refused travels in the same script as its neighbours.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_operation_of_a_batch_leaves_its_neighbours_alone() {
    let server = tokka_rig::Redis::start();
    let process = processes(&server.url(), 1, 1).await.remove(0);
    let holds = (0..60).map(|number| {
        let claims = if number % 3 == 0 { [("none", 1, 0), ("stock", 1, 100)] } else { [("some", 1, 100), ("stock", 1, 100)] };
        let process = &process;
        async move { order(process, &format!("u{number}"), &format!("r{number}"), &claims).await }
    });
    let answers = futures_util::future::join_all(holds).await;
    for (number, answer) in answers.iter().enumerate() {
        match answer {
            Reserved::Taken(record) => assert!(number % 3 != 0 && record.id == format!("r{number}")),
            Reserved::Refused { shortages, .. } => assert!(number % 3 == 0 && shortages.len() == 1, "{shortages:?}"),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((used(&process, "some").await, used(&process, "stock").await, used(&process, "none").await), (40, 40, 0));
    assert_eq!(process.verify().await, Ok(Vec::new()));
}

/// In each phase one limit holds, and orders come, are paid, come back and run out. At its end no more is used than the limit,
/// or than was used before, if that was more; and what is left is sold to the last unit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_that_fall_and_rise_bind_at_once_and_what_comes_back_is_sold_again() {
    let server = tokka_rig::Redis::start();
    let seed = seed();
    let again = format!("TOKKA_LEDGER_SEED={seed}");
    let mut dice = Dice::new(seed);
    let processes: Vec<Arc<Redis>> = processes(&server.url(), 4, 2).await.into_iter().map(Arc::new).collect();
    let mut at_first = 0;
    for phase in 1..=14_u64 {
        let limit = [40, 90, 150, 20, 300, 60][dice.index(6)];
        let mut tasks = JoinSet::new();
        for task in 0..12_u64 {
            let process = Arc::clone(&processes[usize::from(task % 2 == 1)]);
            tasks.spawn(live(process, phase, limit, task, Dice::new(seed ^ (phase << 40) ^ (task << 20))));
        }
        let (mut most, mut phases) = (0, Vec::new());
        while let Some(lived) = tasks.join_next().await {
            let (used, takes) = lived.unwrap();
            most = most.max(used);
            phases.push(takes);
        }
        let after = used(&*processes[0], "stock").await;
        assert!(after <= limit.max(at_first), "{again}: {after} of {limit} are used, {at_first} before");
        assert!(most <= limit.max(at_first), "{again}: {most} of {limit} were used, {at_first} before");
        for process in &processes {
            while process.expire(100).await.unwrap() > 0 {}
        }
        tokio::time::sleep(Duration::from_millis(101)).await;
        let left = used(&*processes[1], "stock").await;
        let sold = sell_out(&processes[1], &format!("rest-{phase}"), "stock", limit).await;
        assert_eq!(sold, (limit - left).max(0), "{again}: phase {phase}, {left} of {limit} were used");
        counters_are_allotted(&processes[0].store, &["stock"]).await;
        at_first = used(&*processes[0], "stock").await;
    }
    assert_eq!(processes[0].verify().await, Ok(Vec::new()), "{again}");
    proof("phases of limits that fall and rise", 14, seed);
}

/// Orders of one customer after the other; answers the most that was seen used, and how many were taken.
async fn live(process: Arc<Redis>, phase: u64, limit: i64, task: u64, mut dice: Dice) -> (i64, u64) {
    let (mut most, mut takes) = (0, 0);
    let mut open: Vec<(String, String)> = Vec::new();
    for number in 0..25 {
        let customer = format!("u{}", dice.below(30));
        let id = format!("{phase}-{task}-{number}");
        let now = process.now().await.unwrap();
        let deadline = if dice.below(4) == 0 { now - 1 } else { now + HOUR };
        let amount = 1 + i64::try_from(dice.below(9)).unwrap();
        let wanted = hold_of(&customer, &id, &[("stock", amount, limit)], deadline);
        match process.reserve(wanted).await.unwrap() {
            Reserved::Taken(_) => {
                takes += 1;
                open.push((customer, id));
            }
            Reserved::Refused { usage, .. } => most = most.max(usage[0]),
            other => panic!("{other:?}"),
        }
        if dice.below(3) == 0 && !open.is_empty() {
            let (customer, id) = open.swap_remove(dice.index(open.len()));
            if dice.below(2) == 0 {
                process.commit(&customer, &id, IfExpired::Refuse, None).await.unwrap();
            }
            if dice.below(3) > 0 {
                process.rollback(&customer, &id, whole("x")).await.unwrap();
            }
        }
        if dice.below(6) == 0 {
            process.expire(5).await.unwrap();
        }
    }
    (most, takes)
}

/// More is used than a lowered limit allows. What comes back in one shard is not sold in another, nor there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_back_above_a_lowered_limit_is_not_sold_again_in_any_shard() {
    let server = tokka_rig::Redis::start();
    let processes = processes(&server.url(), 4, 2).await;
    let mut ids = Vec::new();
    for number in 0..20_u16 {
        let customer = customer_of(number % 4, 4);
        let id = format!("r{number}");
        assert!(matches!(order(&processes[0], &customer, &id, &[("stock", 1, 20)]).await, Reserved::Taken(_)));
        ids.push((customer, id));
    }
    for (back, (customer, id)) in (1_i64..).zip(&ids) {
        for process in &processes {
            assert!(matches!(
                process.rollback(customer, id, whole("x")).await.unwrap(),
                RolledBack::Done(_) | RolledBack::Repeated(_)
            ));
            if 20 - back < 12 {
                break;
            }
            for shard in 0..4 {
                let answer = order(process, &customer_of(shard, 4), &format!("s{back}-{shard}"), &[("stock", 1, 12)]).await;
                assert!(matches!(answer, Reserved::Refused { .. }), "{} of 12 are used: {answer:?}", 20 - back);
            }
        }
        if 20 - back < 12 {
            break;
        }
    }
    // Of what one process remembers nothing came back to the other.
    tokio::time::sleep(Duration::from_millis(101)).await;
    assert_eq!(sell_out(&processes[1], "last", "stock", 12).await, 1);
    assert_eq!(used(&processes[0], "stock").await, 12);
    // And raised, it is sold in every shard at once.
    assert_eq!(sell_out(&processes[0], "more", "stock", 30).await, 18);
    counters_are_allotted(&processes[0].store, &["stock"]).await;
}

/// Who still sells by the revision before is bound by the newer one's limit as soon as anybody has sold by it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_of_a_newer_revision_binds_those_who_know_only_the_older_one() {
    let server = tokka_rig::Redis::start();
    let processes = processes(&server.url(), 3, 2).await;
    let deadline = processes[0].now().await.unwrap() + HOUR;
    let hold = |shard: u16, id: String, limit: i64, revision: u64| Hold {
        revision,
        ..hold_of(&customer_of(shard, 3), &id, &[("stock", 1, limit)], deadline)
    };
    for number in 0..6 {
        let answer = processes[0].reserve(hold(number % 3, format!("a{number}"), 100, 1)).await;
        assert!(matches!(answer, Ok(Reserved::Taken(_))), "{answer:?}");
    }
    assert!(matches!(processes[1].reserve(hold(0, "b".to_owned(), 10, 2)).await, Ok(Reserved::Taken(_))));
    let (mut old, mut number) = (0, 0);
    let stale = loop {
        match processes[0].reserve(hold(number % 3, format!("c{number}"), 100, 1)).await.unwrap() {
            Reserved::Taken(_) => old += 1,
            other => break other,
        }
        number += 1;
    };
    assert_eq!((stale, old), (Reserved::Stale { admitted: 2 }, 3));
    assert_eq!(used(&processes[0], "stock").await, 10);
    let answer = processes[1].reserve(hold(2, "d".to_owned(), 10, 2)).await;
    assert!(matches!(&answer, Ok(Reserved::Refused { usage, .. }) if usage == &[10]), "{answer:?}");
    let answer = processes[1].reserve(hold(2, "e".to_owned(), 11, 3)).await;
    assert!(matches!(answer, Ok(Reserved::Taken(_))), "{answer:?}");
}

/// Budgets in the smallest coin are large, and exact all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_of_ten_to_the_fifteen_is_spent_to_the_last_unit() {
    let server = tokka_rig::Redis::start();
    let processes: Vec<Arc<Redis>> = processes(&server.url(), 3, 2).await.into_iter().map(Arc::new).collect();
    let seed = seed();
    let mut tasks = JoinSet::new();
    let spent = Arc::new(AtomicI64::new(0));
    for task in 0..8_u64 {
        let (process, spent) = (Arc::clone(&processes[usize::from(task % 2 == 1)]), Arc::clone(&spent));
        tasks.spawn(async move {
            let mut dice = Dice::new(seed ^ (task << 40));
            for number in 0..30 {
                let most = 10_u64.pow(u32::try_from(1 + dice.below(15)).unwrap());
                let amount = 1 + i64::try_from(dice.below(most)).unwrap();
                let customer = format!("u{}", dice.below(50));
                let answer = order(&*process, &customer, &format!("{task}-{number}"), &[("budget", amount, AMOUNT_MAX)]).await;
                if matches!(answer, Reserved::Taken(_)) {
                    spent.fetch_add(amount, Ordering::SeqCst);
                }
            }
        });
    }
    tasks.join_all().await;
    let spent = spent.load(Ordering::SeqCst);
    assert_eq!(used(&*processes[0], "budget").await, spent, "TOKKA_LEDGER_SEED={seed}");
    counters_are_allotted(&processes[0].store, &["budget"]).await;
    // All that is left, from wherever it lies, and not one more.
    let left = AMOUNT_MAX - spent;
    tokio::time::sleep(Duration::from_millis(101)).await;
    for (amount, fits) in [(left + 1, false), (left - 1, true), (2, false), (1, true), (1, false)] {
        let id = format!("last-{amount}-{fits}");
        let answer = order(&*processes[1], "u1", &id, &[("budget", amount, AMOUNT_MAX)]).await;
        assert_eq!(matches!(answer, Reserved::Taken(_)), fits, "TOKKA_LEDGER_SEED={seed}: {amount} of {left}: {answer:?}");
    }
    assert_eq!(used(&*processes[0], "budget").await, AMOUNT_MAX);
    counters_are_allotted(&processes[1].store, &["budget"]).await;
}
