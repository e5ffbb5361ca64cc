//! While servers die and slots move under load: is what was called done, undone or unknown really so?

use std::sync::atomic::{AtomicBool, AtomicI64};

use tokio::task::{JoinSet, block_in_place};
use tokka_rig::{Cluster, Sentinels, cluster};

use super::*;

const CALLERS: usize = 4;

/// What came of many calls that each add one.
#[derive(Default)]
struct Tally {
    done: AtomicI64,
    unknown: AtomicI64,
    nothing: AtomicI64,
    stop: AtomicBool,
}

/// Runs `fault` while callers count, and some calls after it; answers the tally and the value that it must fit.
async fn count_through(link: &Arc<Link>, tag: &'static str, fault: impl FnOnce()) -> (Arc<Tally>, i64) {
    let tally = Arc::new(Tally::default());
    let mut callers = JoinSet::new();
    for _ in 0..CALLERS {
        let (link, tally) = (Arc::clone(link), Arc::clone(&tally));
        callers.spawn(async move {
            while !tally.stop.load(Ordering::SeqCst) {
                match link.call(Lane::Write, slot_of_tag(tag.as_bytes()), &COUNT, &[tag], &NO_ARGS, None).await {
                    Ok(_) => tally.done.fetch_add(1, Ordering::SeqCst),
                    Err(Fault::Unknown(_)) => tally.unknown.fetch_add(1, Ordering::SeqCst),
                    Err(Fault::NothingDone(_)) => {
                        a_little().await;
                        tally.nothing.fetch_add(1, Ordering::SeqCst)
                    }
                    Err(Fault::Script(error)) => panic!("{error}"),
                };
            }
        });
    }
    until_done(&tally, 200).await;
    block_in_place(fault);
    until_done(&tally, tally.done.load(Ordering::SeqCst) + 200).await;
    tally.stop.store(true, Ordering::SeqCst);
    while let Some(ended) = callers.join_next().await {
        ended.expect("no panic");
    }
    let mut get = redis::cmd("GET");
    get.arg(tag);
    match link.command(Lane::Read, slot_of_tag(tag.as_bytes()), &get).await {
        Ok(Value::BulkString(count)) => (tally, String::from_utf8_lossy(&count).parse().expect("a number")),
        other => panic!("{other:?}"),
    }
}

async fn until_done(tally: &Tally, done: i64) {
    while tally.done.load(Ordering::SeqCst) < done {
        a_little().await;
    }
}

impl Tally {
    /// No more than what was done or may have been: nothing ran twice, and what was called undone did not run.
    fn assert_at_most(&self, value: i64) {
        let (done, unknown) = (self.done.load(Ordering::SeqCst), self.unknown.load(Ordering::SeqCst));
        let nothing = self.nothing.load(Ordering::SeqCst);
        assert!(value <= done + unknown, "{value} counted, {done} done, {unknown} unknown, {nothing} undone");
    }

    fn assert_at_least(&self, value: i64) {
        let done = self.done.load(Ordering::SeqCst);
        assert!(done <= value, "{value} counted, {done} done");
    }
}

fn ordinary() -> LinkConfig {
    LinkConfig { scripts: &SCRIPTS, ..LinkConfig::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_primary_killed_under_load_runs_nothing_twice() {
    let group = Sentinels::start();
    let link = Link::open(&group.url().parse().expect("a URL"), ordinary()).await.expect("a link");
    let (tally, value) = count_through(&link, "k", || {
        let old = group.kill_primary();
        group.wait_for_new_primary(old);
    })
    .await;
    // What the dead one had not yet handed on is lost: replication is asynchronous. So there is no lower bound.
    tally.assert_at_most(value);
    assert!(tally.unknown.load(Ordering::SeqCst) + tally.nothing.load(Ordering::SeqCst) > 0, "the fault was not felt");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_that_moves_under_load_loses_and_doubles_nothing() {
    let node = Options::default().and("min-replicas-to-write", "1");
    let cluster = Cluster::with(&cluster::Setup { node, ..cluster::Setup::default() });
    let link = Link::open(&cluster.url().parse().expect("a URL"), ordinary()).await.expect("a link");
    let slot = cluster.slot_of("a");
    assert_eq!(slot, slot_of_tag(b"a"));
    let home = cluster.primary_of(slot);
    let (tally, value) = count_through(&link, "a", || cluster.migrate(slot, if home == 0 { 1 } else { 0 })).await;
    tally.assert_at_most(value);
    tally.assert_at_least(value);
    assert_ne!(cluster.primary_of(slot), home);
}
