//! What does durability cost on one machine? The embedded store beside itself without its fsync, and beside one write of
//! 4 KiB that is synced, on the disk of the directory that this runs in.

use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use tokka_ledger::embedded::Config;
use tokka_ledger::model::{Claim, Hold, Reserved};
use tokka_ledger::name::Name;
use tokka_ledger::{Embedded, Ledger};

use crate::Options;
use crate::load::Load;
use crate::report::{Goal, Report, Series};

const IN_FLIGHT: usize = 256;
/// About what 20 priced lines take.
const PAYLOAD_BYTES: usize = 1_300;
const MICROS_MAX: u64 = 60_000_000;
const SYNCS: usize = 200;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let place = PathBuf::from("target");
    std::fs::create_dir_all(&place)?;
    let lasts = Duration::from_secs_f64(options.seconds);
    let (mut durable, mut without, mut one, mut sync) = <(Series, Series, Series, Series)>::default();
    for round in 0..options.rounds {
        let cell = |fsync, in_flight| runtime.block_on(cell(&place, fsync, in_flight, lasts));
        // Who went first goes last the next time.
        if round % 2 == 0 {
            durable.push(cell(true, IN_FLIGHT)?.per_second());
            without.push(cell(false, IN_FLIGHT)?.per_second());
        } else {
            without.push(cell(false, IN_FLIGHT)?.per_second());
            durable.push(cell(true, IN_FLIGHT)?.per_second());
        }
        one.push(cell(true, 1)?.latency.value_at_quantile(0.5) as f64);
        sync.push(one_sync(&place)?);
        eprintln!("disk: round {} of {}", round + 1, options.rounds);
    }
    let from = format!("{:.0} against {:.0} a second", durable.median(), without.median());
    let ratio = durable.over(&without);
    report.goal(
        "Reserve, embedded, 256 in flight, of itself without fsync",
        "embedded_fsync_ratio",
        ratio,
        Goal::AtLeast(0.85),
        &from,
    );
    let from = format!("{:.0} against {:.0} us, medians", one.median(), sync.median());
    report.goal(
        "Reserve, embedded, 1 in flight, of one fsync",
        "embedded_latency_ratio",
        one.over(&sync),
        Goal::AtMost(2.0),
        &from,
    );
    report.number("embedded_per_second", durable.median());
    report.number("embedded_without_fsync_per_second", without.median());
    report.number("embedded_one_p50_us", one.median());
    report.number("disk_sync_us", sync.median());
    Ok(())
}

/// One load on a new store.
async fn cell(place: &Path, fsync: bool, in_flight: usize, lasts: Duration) -> Result<Load> {
    let dir = tempfile::tempdir_in(place)?;
    let store = Arc::new(Embedded::open(Config { fsync, ..Config::new(dir.path()) })?);
    reserve(store, in_flight, lasts).await
}

/// Closed loop over any ledger, called in this process.
pub(crate) async fn reserve<L: Ledger + 'static>(ledger: Arc<L>, in_flight: usize, lasts: Duration) -> Result<Load> {
    let next = Arc::new(AtomicU64::new(0));
    let began = Instant::now();
    let callers: Vec<_> = (0..in_flight)
        .map(|_| {
            let (next, ledger) = (Arc::clone(&next), Arc::clone(&ledger));
            tokio::spawn(async move {
                let mut latency = Histogram::<u64>::new_with_bounds(1, MICROS_MAX, 3)?;
                while began.elapsed() < lasts {
                    let hold = hold(next.fetch_add(1, Ordering::Relaxed), i64::MAX, PAYLOAD_BYTES);
                    let sent = Instant::now();
                    ensure!(matches!(ledger.reserve(hold).await?, Reserved::Taken(_)), "an order was not reserved");
                    latency.saturating_record(u64::try_from(sent.elapsed().as_micros()).unwrap_or(u64::MAX));
                }
                Ok(latency)
            })
        })
        .collect();
    let mut latency = Histogram::<u64>::new_with_bounds(1, MICROS_MAX, 3)?;
    for caller in callers {
        latency.add(&caller.await??)?;
    }
    Ok(Load { answered: latency.len(), lasted: began.elapsed(), latency })
}

/// A hold of two claims, one of all customers and one of its own.
pub(crate) fn hold(number: u64, deadline: i64, payload_bytes: usize) -> Hold {
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let user = format!("user-{}", scattered % 100_000);
    let stock = Name::of(&["stock", "flash-1", &format!("sku-{}", scattered % 100)]);
    let of_user = Name::of(&["user_units", "flash-1", "", &user]);
    Hold {
        id: format!("hold-{scattered:016x}"),
        shard_key: user,
        request_hash: u128::from(number),
        claims: [stock, of_user].map(|counter| Claim { counter, amount: 1, limit: 1_000_000_000 }).to_vec(),
        deadline,
        revision: 0,
        payload: vec![42; payload_bytes],
        documents: Vec::new(),
    }
}

/// The median of many writes of 4 KiB, each synced, in microseconds.
fn one_sync(place: &Path) -> Result<f64> {
    let mut file = tempfile::tempfile_in(place)?;
    file.write_all(&[0; 64 << 10])?;
    file.sync_all()?;
    let mut took = Series::default();
    for _ in 0..SYNCS {
        let began = Instant::now();
        file.seek(SeekFrom::Start(4_096))?;
        file.write_all(&[7; 4_096])?;
        file.sync_data()?;
        took.push(began.elapsed().as_secs_f64() * 1e6);
    }
    Ok(took.median())
}
