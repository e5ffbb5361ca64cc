use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::*;
use crate::contract::{events, hold, taken, used};
use crate::story::{self, proof};

mod aged;
mod crash;
mod disk;
mod model;

use disk::Disk;

mod contract {
    use super::*;
    use crate::contract::Settings;

    /// Folds after every seventh effect, so that each promise also meets what lies in the tables.
    async fn open(Settings { log_max, retention }: Settings) -> (Embedded, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let config =
            Config { log_max, retention, log_min: 0, checkpoint_every: 7, cache_bytes: 1 << 20, ..Config::new(dir.path()) };
        (Embedded::open(config).unwrap(), dir)
    }

    crate::ledger_contract!(super::open);
}

/// Small, and with the clock of a test.
fn small(clock: &Arc<AtomicI64>, checkpoint_every: usize) -> Config {
    let clock = Arc::clone(clock);
    Config {
        checkpoint_every,
        log_max: story::LOG_MAX,
        log_min: 0,
        retention: story::RETENTION,
        cache_bytes: 1 << 20,
        clock: Clock::from_source(move || clock.load(Ordering::SeqCst)),
        on_broken: Arc::new(story::broken),
        ..Config::new("")
    }
}

#[tokio::test]
async fn a_second_process_is_kept_out() {
    let dir = tempfile::tempdir().unwrap();
    let store = Embedded::open(Config::new(dir.path())).unwrap();
    assert!(matches!(Embedded::open(Config::new(dir.path())), Err(OpenError::InUse(_))));
    drop(store);
    assert!(Embedded::open(Config::new(dir.path())).is_ok());
}

#[tokio::test]
async fn a_store_makes_itself_in_a_directory_that_is_not_there_yet_and_is_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config::new(dir.path().join("data/ledger"));
    let store = Embedded::open(config.clone()).unwrap();
    let record = taken(&store, "r", &[("stock", 2, 10)]).await;
    drop(store);
    let store = Embedded::open(config).unwrap();
    assert_eq!(store.get("u", "r").await, Ok(Some(record)));
    assert_eq!(used(&store, ["stock"]).await, [2]);
}

#[tokio::test]
async fn a_crash_while_a_store_is_made_leaves_a_directory_that_can_be_made_one() {
    let dir = tempfile::tempdir().unwrap();
    // The file gets its name once it is whole, so a crash leaves the unfinished one: empty, of zeros, or complete.
    let whole = tempfile::tempdir().unwrap();
    drop(Embedded::open(Config::new(whole.path())).unwrap());
    let complete = std::fs::read(whole.path().join("ledger.redb")).unwrap();
    for left in [&[][..], &[0; 4_096], &complete[..complete.len() / 2], &complete] {
        std::fs::write(dir.path().join("ledger.redb.new"), left).unwrap();
        let store = Embedded::open(Config::new(dir.path())).unwrap();
        taken(&store, "r", &[("stock", 2, 10)]).await;
        drop(store);
        assert!(!dir.path().join("ledger.redb.new").exists());
        std::fs::remove_file(dir.path().join("ledger.redb")).unwrap();
    }
}

#[tokio::test]
async fn a_file_of_another_format_is_refused() {
    const META: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
    for (format, table) in [(2, META), (4, META), (0, redb::TableDefinition::new("recipes"))] {
        let dir = tempfile::tempdir().unwrap();
        let db = redb::Database::create(dir.path().join("ledger.redb")).unwrap();
        let txn = db.begin_write().unwrap();
        txn.open_table(table).unwrap().insert("format", format).unwrap();
        txn.commit().unwrap();
        drop(db);
        let opened = Embedded::open(Config::new(dir.path()));
        assert!(matches!(opened, Err(OpenError::Format { found, known: 3 }) if found == format));
    }
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.redb");
    std::fs::write(&path, "my shopping list, and other notes").unwrap();
    assert!(matches!(Embedded::open(Config::new(dir.path())), Err(OpenError::Store(_))));
    assert_eq!(std::fs::read(&path).unwrap(), b"my shopping list, and other notes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_fsync_ends_the_store() {
    let disk = Disk::default();
    let clock = Arc::default();
    let store = Embedded::open_with_backend(disk.clone(), small(&clock, 100)).unwrap();
    let record = taken(&store, "before", &[("stock", 2, 10)]).await;
    disk.fail_syncs();
    let lost = store.reserve(hold(&store, "lost", &[("stock", 1, 10)]).await).await;
    assert!(matches!(lost, Err(LedgerError::OutcomeUnknown(_))), "{lost:?}");
    assert!(store.failed().await.contains("could not be written"), "{}", store.failed().await);
    // Nothing is acknowledged after it, not even what was durable before.
    assert!(matches!(store.get("u", "before").await, Err(LedgerError::Unavailable(_))));
    assert!(matches!(store.usage(&[]).await, Err(LedgerError::Unavailable(_))));
    assert!(matches!(store.expire(1).await, Err(LedgerError::Unavailable(_))));
    drop(store);
    let store = Embedded::open_with_backend(Disk::holding(disk.durable()), small(&clock, 100)).unwrap();
    assert_eq!(store.get("u", "before").await, Ok(Some(record)));
    assert_eq!(used(&store, ["stock"]).await, [2]);
}

/// What is gone stays gone: a reader that registers late and far back must not be led over the hole, not even after a
/// restart, where the readers alone would say that the log begins earlier.
#[tokio::test]
async fn a_hole_in_the_log_is_remembered() {
    let (disk, clock) = (Disk::default(), Arc::default());
    let config = Config { log_max: 1_000, ..small(&clock, 3) };
    let store = Embedded::open_with_backend(disk.clone(), config.clone()).unwrap();
    taken(&store, "r", &[]).await;
    let (_, early) = events(&store, &Cursor::default()).await;
    for number in 0..40 {
        taken(&store, &format!("r{number}"), &[]).await;
        let (_, late) = events(&store, &Cursor::default()).await;
        store.pass("fast", &late).await.unwrap();
    }
    store.pass("late", &early).await.unwrap();
    assert!(matches!(store.events(&early, 10).await, Ok(Events::Gap(_))));
    drop(store);
    let store = Embedded::open_with_backend(Disk::holding(disk.durable()), config).unwrap();
    assert!(matches!(store.events(&early, 10).await, Ok(Events::Gap(_))));
}

#[tokio::test]
async fn a_full_queue_pushes_back_and_counts_nothing() {
    let disk = Disk::default();
    let config = Config { queue_max: 2, ..small(&Arc::default(), 100) };
    let store = Embedded::open_with_backend(disk.clone(), config).unwrap();
    let holds: Vec<Hold> = {
        let mut holds = Vec::new();
        for number in 0..20 {
            holds.push(hold(&store, &format!("r{number}"), &[("stock", 1, 100)]).await);
        }
        holds
    };
    let paused = disk.pause();
    let calls = holds.into_iter().map(|hold| store.reserve(hold));
    let release = async {
        // Long enough for every call to have been tried once; they are polled first.
        tokio::task::yield_now().await;
        drop(paused);
    };
    let (answers, ()) = futures_util::future::join(futures_util::future::join_all(calls), release).await;
    let taken = answers.iter().filter(|answer| matches!(answer, Ok(Reserved::Taken(_)))).count();
    let refused = answers.iter().filter(|answer| matches!(answer, Err(LedgerError::Overloaded))).count();
    assert_eq!(taken + refused, 20, "{answers:?}");
    assert!(taken >= 2 && refused >= 10, "{taken} taken, {refused} pushed back");
    assert_eq!(used(&store, ["stock"]).await, [i64::try_from(taken).unwrap()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_leaves_whole_work() {
    let disk = Disk::default();
    let store = Embedded::open_with_backend(disk.clone(), small(&Arc::default(), 100)).unwrap();
    let wanted = hold(&store, "r", &[("stock", 1, 100)]).await;
    let paused = disk.pause();
    {
        let mut call = std::pin::pin!(store.reserve(wanted.clone()));
        assert!(is_pending(call.as_mut()).await);
    }
    drop(paused);
    // Whoever asks again under the same id finds what was done.
    assert!(matches!(store.reserve(wanted).await, Ok(Reserved::Repeated(_))));
    assert_eq!(used(&store, ["stock"]).await, [1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sees_what_is_not_durable() {
    let disk = Disk::default();
    let store = Embedded::open_with_backend(disk.clone(), small(&Arc::default(), 100)).unwrap();
    let wanted = hold(&store, "r", &[("stock", 1, 100)]).await;
    let paused = disk.pause();
    let mut call = std::pin::pin!(store.reserve(wanted.clone()));
    assert!(is_pending(call.as_mut()).await);
    disk.wait_for_a_sync_to_hang();
    assert_eq!(used(&store, ["stock"]).await, [0]);
    assert_eq!(store.get("u", "r").await, Ok(None));
    let mut again = std::pin::pin!(store.reserve(wanted));
    assert!(is_pending(again.as_mut()).await, "a duplicate waits for the fsync of what it repeats");
    drop(paused);
    assert!(matches!(call.await, Ok(Reserved::Taken(_))));
    assert!(matches!(again.await, Ok(Reserved::Repeated(_))));
    assert_eq!(used(&store, ["stock"]).await, [1]);
}

/// Polls once.
async fn is_pending<T>(mut call: std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(call.as_mut().poll(context).is_pending())).await
}
