//! How many reservations a second does a disk make durable? The embedded store with its fsync and without, and the
//! layouts that were not chosen, side by side in one run.
//!
//! `cargo run --release -p tokka-ledger --example rate -- [rounds] [seconds a cell] [directory] [effects a
//! checkpoint]`. The directory must lie on the disk that is meant; a `tmpfs` has no fsync to measure.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement that stops at its first error is fine"
)]

use std::collections::BTreeMap;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use redb::{Database, ReadableTable, TableDefinition};
use tokio::sync::{mpsc, oneshot};
use tokka_ledger::embedded::Config;
use tokka_ledger::model::{Claim, Hold, Reserved};
use tokka_ledger::name::Name;
use tokka_ledger::{Embedded, Ledger};

/// About what 20 priced lines take.
const PAYLOAD_BYTES: usize = 1_300;
const IN_FLIGHT: [usize; 3] = [1, 64, 256];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layout {
    Embedded,
    EmbeddedWithoutFsync,
    TablesGrouped,
    TablesEachCall,
}

const LAYOUTS: [(Layout, &str); 4] = [
    (Layout::Embedded, "one log blob a group commit (the store)"),
    (Layout::EmbeddedWithoutFsync, "the same without fsync"),
    (Layout::TablesGrouped, "tables, a transaction a group"),
    (Layout::TablesEachCall, "tables, a transaction a call"),
];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let rounds: usize = arguments.next().map_or(5, |rounds| rounds.parse().unwrap());
    let seconds: f64 = arguments.next().map_or(2.0, |seconds| seconds.parse().unwrap());
    let place = PathBuf::from(arguments.next().unwrap_or_else(|| "target".to_owned()));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut cells: BTreeMap<(Layout, usize), Vec<Cell>> = BTreeMap::new();
    let mut syncs = Vec::new();
    for round in 0..rounds {
        syncs.push(one_sync(&place));
        for (layout, _) in LAYOUTS {
            for in_flight in IN_FLIGHT {
                let dir = tempfile::tempdir_in(&place).unwrap();
                let cell = runtime.block_on(measure(layout, dir.path(), in_flight, Duration::from_secs_f64(seconds)));
                cells.entry((layout, in_flight)).or_default().push(cell);
            }
        }
        eprintln!("round {} of {rounds}", round + 1);
    }
    print(&mut cells, &mut syncs, rounds, seconds);
}

/// What one layout did at one load.
struct Cell {
    per_second: f64,
    p50_us: u64,
    p99_us: u64,
}

fn print(cells: &mut BTreeMap<(Layout, usize), Vec<Cell>>, syncs: &mut [u64], rounds: usize, seconds: f64) {
    println!("medians of {rounds} rounds of {seconds} s a cell; records of {PAYLOAD_BYTES} B and 2 claims; 2 worker threads");
    println!("one write of 4 KiB and its fdatasync: {} us", median(syncs));
    println!("| layout | in flight | reservations/s | p50 us | p99 us |\n|---|---|---|---|---|");
    for (layout, name) in LAYOUTS {
        for in_flight in IN_FLIGHT {
            let cells = cells.get(&(layout, in_flight)).unwrap();
            let mut rates: Vec<u64> = cells.iter().map(|cell| cell.per_second as u64).collect();
            let mut p50: Vec<u64> = cells.iter().map(|cell| cell.p50_us).collect();
            let mut p99: Vec<u64> = cells.iter().map(|cell| cell.p99_us).collect();
            println!("| {name} | {in_flight} | {} | {} | {} |", median(&mut rates), median(&mut p50), median(&mut p99));
        }
    }
}

fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    values[values.len() / 2]
}

fn one_sync(place: &Path) -> u64 {
    let mut file = tempfile::tempfile_in(place).unwrap();
    file.write_all(&[0; 64 << 10]).unwrap();
    file.sync_all().unwrap();
    let mut took = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.seek(SeekFrom::Start(4_096)).unwrap();
        file.write_all(&[7; 4_096]).unwrap();
        file.sync_data().unwrap();
        took.push(us(began.elapsed()));
    }
    median(&mut took)
}

async fn measure(layout: Layout, dir: &Path, in_flight: usize, lasts: Duration) -> Cell {
    match layout {
        Layout::Embedded | Layout::EmbeddedWithoutFsync => {
            let mut config = Config { fsync: layout == Layout::Embedded, ..Config::new(dir) };
            if let Some(every) = std::env::args().nth(4) {
                config.checkpoint_every = every.parse().unwrap();
            }
            let store = Arc::new(Embedded::open(config).unwrap());
            load(in_flight, lasts, move |hold| {
                let store = Arc::clone(&store);
                async move { assert!(matches!(store.reserve(hold).await, Ok(Reserved::Taken(_)))) }
            })
            .await
        }
        Layout::TablesGrouped | Layout::TablesEachCall => {
            let tables = Tables::start(dir, if layout == Layout::TablesGrouped { 256 } else { 1 });
            load(in_flight, lasts, move |hold| {
                let tables = tables.clone();
                async move { tables.reserve(hold).await }
            })
            .await
        }
    }
}

/// Closed loop: each caller sends its next reservation when the last one is answered.
async fn load<F, Answer>(in_flight: usize, lasts: Duration, call: F) -> Cell
where
    F: Fn(Hold) -> Answer + Clone + Send + Sync + 'static,
    Answer: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (next, call) = (Arc::clone(&next), call.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                while began.elapsed() < lasts {
                    let hold = hold(next.fetch_add(1, Ordering::Relaxed));
                    let sent = Instant::now();
                    call(hold).await;
                    took.push(us(sent.elapsed()));
                }
                took
            })
        })
        .collect();
    let mut took = Vec::new();
    for caller in callers {
        took.extend(caller.await.unwrap());
    }
    let elapsed = began.elapsed().as_secs_f64();
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    Cell { per_second: took.len() as f64 / elapsed, p50_us: at(50), p99_us: at(99) }
}

fn hold(number: u64) -> Hold {
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let stock = Name::of(&["stock", "flash-1", &format!("sku-{}", scattered % 100)]);
    let user = Name::of(&["user", "flash-1", &format!("user-{}", scattered % 100_000)]);
    Hold {
        id: format!("order-{scattered:016x}"),
        shard_key: format!("user-{}", scattered % 100_000),
        request_hash: u128::from(number),
        claims: [stock, user].map(|counter| Claim { counter, amount: 1, limit: 1_000_000_000 }).to_vec(),
        deadline: i64::MAX,
        revision: 0,
        payload: vec![42; PAYLOAD_BYTES],
        documents: Vec::new(),
    }
}

fn us(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap()
}

const COUNTERS: TableDefinition<'_, &[u8], i64> = TableDefinition::new("counters");
const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");
const DEADLINES: TableDefinition<'_, (i64, &str), ()> = TableDefinition::new("deadlines");
const ENTRIES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("entries");

/// The layout that one writes first: every call's counters, record, deadline and log entry go to their tables.
#[derive(Clone)]
struct Tables(mpsc::Sender<(Hold, oneshot::Sender<()>)>);

impl Tables {
    fn start(dir: &Path, group_max: usize) -> Self {
        let db = Database::create(dir.join("tables.redb")).unwrap();
        let (queue, mut jobs) = mpsc::channel::<(Hold, oneshot::Sender<()>)>(4_096);
        std::thread::spawn(move || {
            let mut position = 0;
            while let Some(first) = jobs.blocking_recv() {
                let mut group = vec![first];
                while group.len() < group_max {
                    let Ok(job) = jobs.try_recv() else { break };
                    group.push(job);
                }
                let txn = db.begin_write().unwrap();
                for (hold, _) in &group {
                    position += 1;
                    write(&txn, hold, position);
                }
                txn.commit().unwrap();
                for (_, answer) in group {
                    answer.send(()).unwrap();
                }
            }
        });
        Self(queue)
    }

    async fn reserve(&self, hold: Hold) {
        let (answer, answered) = oneshot::channel();
        self.0.send((hold, answer)).await.unwrap();
        answered.await.unwrap();
    }
}

fn write(txn: &redb::WriteTransaction, hold: &Hold, position: u64) {
    let mut records = txn.open_table(RECORDS).unwrap();
    assert!(records.get(hold.id.as_str()).unwrap().is_none());
    let mut counters = txn.open_table(COUNTERS).unwrap();
    for claim in &hold.claims {
        let used = counters.get(claim.counter.as_bytes()).unwrap().map_or(0, |used| used.value());
        assert!(used + claim.amount <= claim.limit);
        counters.insert(claim.counter.as_bytes(), used + claim.amount).unwrap();
    }
    let bytes = postcard::to_allocvec(hold).unwrap();
    records.insert(hold.id.as_str(), bytes.as_slice()).unwrap();
    txn.open_table(DEADLINES).unwrap().insert((hold.deadline, hold.id.as_str()), ()).unwrap();
    txn.open_table(ENTRIES).unwrap().insert(position, hold.id.as_bytes()).unwrap();
}
