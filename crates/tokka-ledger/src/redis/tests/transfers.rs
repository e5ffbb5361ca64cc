//! Is shared stock ever sold twice, or lost, by somebody who dies between two steps of a transfer, or by a step that arrives
//! late or again?

use std::pin::pin;
use std::task::Poll;

use super::super::allot::{Debit, Transfer, What};
use super::super::*;
use crate::contract::HOUR;
use crate::model::Claim;
use crate::story::{Dice, proof};

/// A process that is killed with `kill -9` finds its store here.
const VICTIM: &str = "TOKKA_TEST_VICTIM";

/// How many shards a store of these tests has.
const SHARDS: u16 = 3;

pub(super) fn seed() -> u64 {
    crate::story::seeds(1).start
}

/// The first of these customers whose orders live in a shard.
pub(super) fn customer_of(shard: u16, shards: u16) -> String {
    (0..).map(|number| format!("u{number}")).find(|key| shard_of(key.as_bytes(), shards) == shard).unwrap()
}

/// All counters are shared.
pub(super) async fn processes(url: &str, shards: u16, count: usize) -> Vec<Redis> {
    let url: StoreUrl = url.parse().unwrap();
    init(&url, shards).await.unwrap();
    let mut all = Vec::new();
    for _ in 0..count {
        let mut config = Config::new(url.clone(), Arc::new(|_| None));
        config.on_broken = Arc::new(crate::story::broken);
        // Whoever waits for stock waits for as long as it takes.
        config.patience = Duration::from_secs(60);
        all.push(Redis::open(config).await.unwrap());
    }
    all
}

pub(super) async fn order(ledger: &dyn Ledger, customer: &str, id: &str, claims: &[(&str, i64, i64)]) -> Reserved {
    let deadline = ledger.now().await.unwrap() + HOUR;
    ledger.reserve(hold_of(customer, id, claims, deadline)).await.unwrap()
}

pub(super) fn hold_of(customer: &str, id: &str, claims: &[(&str, i64, i64)], deadline: Millis) -> Hold {
    let claim =
        |(counter, amount, limit): &(&str, i64, i64)| Claim { counter: Name::of(&[counter]), amount: *amount, limit: *limit };
    Hold {
        id: id.to_owned(),
        shard_key: customer.to_owned(),
        request_hash: 1,
        claims: claims.iter().map(claim).collect(),
        deadline,
        revision: 0,
        payload: Vec::new(),
        documents: Vec::new(),
    }
}

pub(super) async fn used(ledger: &dyn Ledger, counter: &str) -> i64 {
    ledger.usage(&[Name::of(&[counter])]).await.unwrap()[0]
}

/// What is on its way and has not arrived.
async fn on_its_way(store: &Store, counter: &Name) -> i64 {
    let mut sum = 0;
    for stand in store.survey(counter).await.unwrap() {
        for transfer in stand.open.iter().filter(|open| open.counter == *counter) {
            let at = &store.part(transfer.to).post;
            let read = redis::cmd("HGET").arg(at.shard.received()).arg(transfer.from).to_owned();
            let last = at.link.command(link::Lane::Admin, at.shard.slot, &read).await.unwrap();
            let arrived = matches!(last, redis::Value::BulkString(last) if last == transfer.id().as_bytes());
            sum += if arrived { 0 } else { transfer.amount };
        }
    }
    sum
}

/// While nobody does anything: what shards may sell and what is on its way is what the bank has granted, and none has sold
/// more than it may.
pub(super) async fn counters_are_allotted(store: &Store, counters: &[&str]) {
    for counter in counters {
        let counter = Name::of(&[counter]);
        let stands = store.survey(&counter).await.unwrap();
        let banks: i64 = stands.iter().map(|stand| stand.bank).sum();
        let granted: i64 = stands.iter().map(|stand| stand.granted).sum();
        let moving = on_its_way(store, &counter).await;
        assert_eq!(granted + moving, banks, "{counter}: {moving} on its way, {stands:#?}");
        assert!(stands.iter().all(|stand| stand.used <= stand.granted), "{counter}: {stands:#?}");
    }
}

/// Sells one by one in all shards in turn until all refuse; answers how many.
pub(super) async fn sell_out(ledger: &Redis, name: &str, counter: &str, limit: i64) -> i64 {
    let mut sold = 0;
    let shards = ledger.store.shards();
    loop {
        let mut refusals = 0;
        for shard in 0..shards {
            let id = format!("{name}-{sold}");
            match order(ledger, &customer_of(shard, shards), &id, &[(counter, 1, limit)]).await {
                Reserved::Taken(_) => sold += 1,
                Reserved::Refused { usage, .. } => {
                    assert!(usage[0] >= limit, "refused while {} of {limit} are used", usage[0]);
                    refusals += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        if refusals == shards {
            return sold;
        }
    }
}

/// Everything that the store knows of transfers and allotments, in the words of the server.
fn dump(server: &tokka_rig::Redis) -> Vec<String> {
    let keys = server.cli(&["KEYS", "*"]);
    let mut keys: Vec<&str> = keys.lines().collect();
    keys.sort_unstable();
    // A head says when it was last heard of whom.
    keys.retain(|key| !key.ends_with('h'));
    keys.iter().map(|key| format!("{key} {}", server.cli(&["DUMP", key]))).collect()
}

/// Grants, moves and recalls, each left behind after each of its steps, each finished by each way there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_is_left_behind_after_any_step_is_finished_by_another_process() {
    const LIMIT: i64 = 60;
    let server = tokka_rig::Redis::start();
    let processes = processes(&server.url(), SHARDS, 2).await;
    let [first, second] = &processes[..] else { panic!("two") };
    let mut number = 0;
    for what in [What::Grant, What::Move, What::Recall] {
        for steps in 1..=3 {
            for finisher in ["the sweep", "who wants the stock", "the next transfer"] {
                number += 1;
                let told = format!("{what:?}, {steps} steps, {finisher}");
                let text = format!("stock-{number}");
                let counter = Name::of(&[&text]);
                let bank = shard_of(counter.as_bytes(), SHARDS);
                let (one, other) = ((bank + 1) % SHARDS, (bank + 2) % SHARDS);
                let (from, to) = match what {
                    What::Grant => (bank, one),
                    What::Move => (one, other),
                    What::Recall => (one, bank),
                };
                if what != What::Grant {
                    let given = first.store.debit(bank, one, What::Grant, &counter, LIMIT, LIMIT, 0).await.unwrap();
                    let Debit::Sent(given) = given else { panic!("{given:?}") };
                    first.store.finish(&given).await.unwrap();
                }
                let sent = first.store.debit(from, to, what, &counter, 20, LIMIT, 0).await.unwrap();
                let Debit::Sent(transfer) = sent else { panic!("{told}: {sent:?}") };
                counters_are_allotted(&first.store, &[&text]).await;
                if steps > 1 {
                    assert!(first.store.credit(&transfer).await.unwrap(), "{told}");
                    counters_are_allotted(&first.store, &[&text]).await;
                }
                if steps > 2 {
                    first.store.close(&transfer).await.unwrap();
                    counters_are_allotted(&first.store, &[&text]).await;
                }

                // The first process is no more.
                let mut sold = 0;
                match finisher {
                    "the sweep" => assert_eq!(second.expire(1).await, Ok(0)),
                    "who wants the stock" => {
                        // All of it, so that nothing may be missing.
                        let wanted = &[(&*text, LIMIT, LIMIT)];
                        let taken = order(second, &customer_of(other, SHARDS), &format!("all-{number}"), wanted).await;
                        assert!(matches!(taken, Reserved::Taken(_)), "{told}: {taken:?}");
                        sold = LIMIT;
                    }
                    _ => {
                        let next = second.store.debit(from, to, what, &counter, 1, LIMIT, 0).await.unwrap();
                        match next {
                            Debit::Open(open) => {
                                assert_eq!((&open, steps < 3), (&transfer, true), "{told}");
                                second.store.finish(&open).await.unwrap();
                            }
                            Debit::Sent(next) => {
                                assert_eq!(steps, 3, "{told}");
                                second.store.finish(&next).await.unwrap();
                            }
                            Debit::Nothing => assert_eq!(steps, 3, "{told}"),
                            Debit::Done(_) => panic!("{told}"),
                        }
                    }
                }
                assert_eq!(on_its_way(&second.store, &counter).await, 0, "{told}");
                counters_are_allotted(&second.store, &[&text]).await;

                // What it had sent arrives late, and again.
                let before = dump(&server);
                for _ in 0..2 {
                    assert!(!first.store.credit(&transfer).await.unwrap(), "{told}");
                    first.store.close(&transfer).await.unwrap();
                }
                assert_eq!(dump(&server), before, "{told}");
                let left = sell_out(second, &text, &text, LIMIT).await;
                assert_eq!((left + sold, used(second, &text).await), (LIMIT, LIMIT), "{told}");
                counters_are_allotted(&second.store, &[&text]).await;
            }
        }
    }
    proof("transfers left behind and finished", number, 0);
}

/// The caller goes away (its connection breaks, its deadline passes) wherever its reservation waits just then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_in_the_middle_of_a_transfer_costs_no_stock() {
    const LIMIT: i64 = 9;
    let server = tokka_rig::Redis::start();
    let processes = processes(&server.url(), SHARDS, 2).await;
    let mut finished = 0;
    for waits in 1..400_u32 {
        let text = format!("stock-{waits}");
        let bank = shard_of(Name::of(&[&text]).as_bytes(), SHARDS);
        // Some is in each shard, so that gathering all of it takes grants and moves.
        for shard in 0..SHARDS {
            let id = format!("some-{waits}-{shard}");
            let taken = order(&processes[1], &customer_of(shard, SHARDS), &id, &[(&text, 1, LIMIT)]).await;
            assert!(matches!(taken, Reserved::Taken(_)), "{taken:?}");
        }
        let wanted = &[(&*text, LIMIT - 3, LIMIT)];
        let id = format!("all-{waits}");
        let customer = customer_of((bank + 1) % SHARDS, SHARDS);
        let polled = {
            let mut call = pin!(order(&processes[0], &customer, &id, wanted));
            let mut polls = 0;
            std::future::poll_fn(|context| {
                polls += 1;
                match call.as_mut().poll(context) {
                    Poll::Ready(answer) => Poll::Ready(Some(answer)),
                    Poll::Pending if polls == waits => Poll::Ready(None),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await
        };
        // What it sent last may still be on its way: it is asked for again under its id, by another process.
        let again = order(&processes[1], &customer, &id, wanted).await;
        assert!(matches!(again, Reserved::Taken(_) | Reserved::Repeated(_)), "{waits}: {again:?}");
        assert_eq!(used(&processes[1], &text).await, LIMIT, "{waits}");
        processes[1].expire(1).await.unwrap();
        counters_are_allotted(&processes[1].store, &[&text]).await;
        assert_eq!(sell_out(&processes[1], &text, &text, LIMIT).await, 0, "{waits}");
        finished = if polled.is_some() { finished + 1 } else { 0 };
        if finished == 3 {
            proof("callers gone in the middle of a transfer", u64::from(waits), 0);
            return;
        }
    }
    panic!("a reservation waits more than 400 times");
}

/// Processes that sell from all shards are killed in the middle of it, one after the other; the last one sells the rest.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_while_they_sell_leave_the_exact_stock() {
    const LIMIT: i64 = 3_000;
    if let Ok(url) = std::env::var(VICTIM) {
        let mut all = tokio::task::JoinSet::new();
        let process = Arc::new(processes(&url, SHARDS, 1).await.remove(0));
        for task in 0..SHARDS * 2 {
            let process = Arc::clone(&process);
            all.spawn(async move {
                let customer = customer_of(task % SHARDS, SHARDS);
                for number in 0.. {
                    let id = format!("{}-{task}-{number}", std::process::id());
                    let amount = 1 + i64::from(number % 7);
                    order(&*process, &customer, &id, &[("stock", amount, LIMIT)]).await;
                }
            });
        }
        all.join_all().await;
        return;
    }
    let server = tokka_rig::Redis::start();
    let seed = seed();
    let mut dice = Dice::new(seed);
    let last = processes(&server.url(), SHARDS, 1).await.remove(0);
    let name = "redis::tests::transfers::processes_that_are_killed_while_they_sell_leave_the_exact_stock";
    let mut killed = 0;
    while used(&last, "stock").await < LIMIT - 100 && killed < 40 {
        let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
            .args([name, "--exact"])
            .env(VICTIM, server.url())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // It is killed after so many more units, wherever it is then.
        let until = used(&last, "stock").await + i64::try_from(20 + dice.below(400)).unwrap();
        let mut looks = 0;
        while used(&last, "stock").await < until.min(LIMIT - 50) && looks < 3_000 {
            tokio::time::sleep(Duration::from_millis(2)).await;
            looks += 1;
        }
        victim.kill().unwrap();
        victim.wait().unwrap();
        killed += 1;
    }
    assert!(killed >= 3, "only {killed} were killed");
    let before = used(&last, "stock").await;
    assert_eq!(before + sell_out(&last, "rest", "stock", LIMIT).await, LIMIT);
    last.expire(1).await.unwrap();
    counters_are_allotted(&last.store, &["stock"]).await;
    assert_eq!(last.verify().await, Ok(Vec::new()));
    proof("processes killed while stock moves", killed, seed);
}

/// Shards are asked one after the other while stock goes round between them: what is added up is what there was at one moment.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn allotments_are_added_up_at_one_moment_while_they_move() {
    const LIMIT: i64 = 100;
    let server = tokka_rig::Redis::start();
    let mut processes = processes(&server.url(), SHARDS, 2).await;
    let (mover, looker) = (processes.pop().unwrap(), processes.pop().unwrap());
    let counter = Name::of(&["stock"]);
    let bank = shard_of(counter.as_bytes(), SHARDS);
    let to = (bank + 1) % SHARDS;
    let Debit::Sent(all) = mover.store.debit(bank, to, What::Grant, &counter, LIMIT, LIMIT, 0).await.unwrap() else {
        panic!("none")
    };
    mover.store.finish(&all).await.unwrap();
    let moving = tokio::spawn({
        let counter = counter.clone();
        async move {
            let mut from = to;
            loop {
                let to = (from + 1) % SHARDS;
                if let Debit::Sent(sent) = mover.store.debit(from, to, What::Move, &counter, LIMIT, LIMIT, 0).await.unwrap() {
                    mover.store.finish(&sent).await.unwrap();
                }
                from = to;
                // Now and then it rests for as long as a look takes, or nobody would ever see it whole.
                if from == bank {
                    tokio::time::sleep(Duration::from_millis(3)).await;
                }
            }
        }
    });
    let mut looks = 0;
    for _ in 0..400 {
        let Ok(stands) = looker.store.settled(&counter).await else { continue };
        let granted: i64 = stands.iter().map(|stand| stand.granted).sum();
        assert_eq!(granted, LIMIT, "{stands:#?}");
        looks += 1;
    }
    moving.abort();
    assert!(looks >= 50, "{looks} looks came to an end");
}

/// A transfer whose debit a fail-over lost may still arrive: its process had sent the credit. It must not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_left_a_shard_that_forgot_it_arrives_nowhere_after_the_books_are_balanced() {
    const LIMIT: i64 = 30;
    let server = tokka_rig::Redis::start();
    let process = processes(&server.url(), SHARDS, 1).await.remove(0);
    let (text, store) = ("stock", &process.store);
    let counter = Name::of(&[text]);
    let bank = shard_of(counter.as_bytes(), SHARDS);
    let to = (bank + 1) % SHARDS;
    let before = dump(&server);
    let Debit::Sent(lost) = store.debit(bank, to, What::Grant, &counter, LIMIT, LIMIT, 0).await.unwrap() else { panic!("none") };
    // Its server is replaced by one that has not heard of it.
    let shard = &store.part(bank).post.shard;
    for key in [shard.sent(), shard.bank(&counter), shard.changed_allotments()] {
        server.cli(&[&b"DEL"[..], &key]);
    }
    assert_eq!(dump(&server), before);
    server.cli(&[&b"HINCRBY"[..], &shard.head(), b"epoch", b"1"]);
    store.balance_all().await.unwrap();
    assert!(!store.credit(&lost).await.unwrap(), "it arrives");
    assert_eq!(sell_out(&process, "s", text, LIMIT).await, LIMIT);
    counters_are_allotted(store, &[text]).await;
}

/// The other way: what arrived and is forgotten there comes back to the bank's books, and is sold.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_shard_forgot_to_have_got_is_granted_again() {
    const LIMIT: i64 = 30;
    let server = tokka_rig::Redis::start();
    let process = processes(&server.url(), SHARDS, 1).await.remove(0);
    let (text, store) = ("stock", &process.store);
    let counter = Name::of(&[text]);
    let bank = shard_of(counter.as_bytes(), SHARDS);
    let to = (bank + 1) % SHARDS;
    let Debit::Sent(sent) = store.debit(bank, to, What::Grant, &counter, 20, LIMIT, 0).await.unwrap() else { panic!("none") };
    store.finish(&sent).await.unwrap();
    let shard = &store.part(to).post.shard;
    for key in [shard.received(), shard.grant(&counter), shard.bank(&counter), shard.changed_allotments()] {
        server.cli(&[&b"DEL"[..], &key]);
    }
    store.balance_all().await.unwrap();
    counters_are_allotted(store, &[text]).await;
    assert_eq!(sell_out(&process, "s", text, LIMIT).await, LIMIT);
    // A shard sold, and forgot what it was allowed: it may have sold it all the same, and nobody sells it again.
    server.cli(&[&b"DEL"[..], &shard.grant(&counter)]);
    store.balance_all().await.unwrap();
    counters_are_allotted(store, &[text]).await;
    assert_eq!(sell_out(&process, "t", text, LIMIT).await, 0);
}

impl Transfer {
    /// As the other side notes it.
    fn id(&self) -> String {
        let (epoch, number) = self.place();
        format!("{epoch} {number}")
    }
}
