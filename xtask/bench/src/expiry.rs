//! How long do others wait while very many holds fall due together? The same load before, and until all have expired.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use tokio::task::JoinSet;
use tokka_ledger::Ledger;
use tokka_ledger::model::Reserved;
use tokka_ledger::redis::{Config, Redis};

use crate::load::Callers;
use crate::orders::Orders;
use crate::report::{Goal, Report};
use crate::services::{self, Tokka};
use crate::{Options, disk};

const IN_FLIGHT: usize = 64;
/// Holds are made by so many callers at once.
const FILLERS: u64 = 256;
/// A store makes at least so many holds a second; there is time to make all of them before they fall due.
const FILLED_A_SECOND: u64 = 8_000;
/// As tokka keeps of an order of 20 lines.
const PAYLOAD_BYTES: usize = 600;
const BEFORE: Duration = Duration::from_secs(8);
const WINDOW: Duration = Duration::from_secs(2);
/// Expiry that does not end is a fault.
const ENDS_WITHIN: Duration = Duration::from_secs(900);

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let runtime = services::runtime()?;
    let orders = Arc::new(Orders::new());
    let mut due = 0;
    let tokka = Tokka::start(options, |redis| {
        let began = Instant::now();
        let filling = Duration::from_secs(options.holds / FILLED_A_SECOND + 25) + BEFORE;
        due = now_ms()? + i64::try_from(filling.as_millis())?;
        runtime.block_on(fill(&redis.url(), options.holds, due))?;
        eprintln!("expiry: {} holds made in {} s", options.holds, began.elapsed().as_secs());
        Ok(())
    })?;
    let callers = runtime.block_on(Callers::connect(&tokka.server.url(), 1, orders))?;
    runtime.block_on(callers.load(IN_FLIGHT, WINDOW))?;
    let before = runtime.block_on(callers.load(IN_FLIGHT, BEFORE))?;
    let wait = u64::try_from(due - now_ms()?).context("the holds were due before the load without them was measured")?;
    std::thread::sleep(Duration::from_millis(wait));
    let deadlines = tokka.redis.cli(&["KEYS", "{*}d"]);
    let (began, mut meanwhile) = (Instant::now(), None);
    loop {
        let window = runtime.block_on(callers.load(IN_FLIGHT, WINDOW))?;
        let left: u64 = tokka.redis.cli(&["ZCOUNT", deadlines.trim(), "-inf", &now_ms()?.to_string()]).parse()?;
        // The last window may have been half empty, and counts where it is the only one.
        if left == 0 && meanwhile.is_some() {
            break;
        }
        let all = meanwhile.get_or_insert_with(|| window.latency.clone());
        if left == 0 {
            break;
        }
        all.add(&window.latency)?;
        ensure!(began.elapsed() < ENDS_WITHIN, "{left} holds are still not expired");
    }
    let took = began.elapsed().as_secs_f64();
    let meanwhile = meanwhile.context("nothing was measured while holds expired")?;
    let (before, meanwhile) = (before.latency.value_at_quantile(0.99) as f64, meanwhile.value_at_quantile(0.99) as f64);
    let what = format!("Reserve's p99 while {} holds expire, of its p99 before", options.holds);
    let from = format!("{meanwhile:.0} against {before:.0} us; all expired in {took:.0} s");
    report.goal(&what, "expiry_p99_ratio", meanwhile / before, Goal::AtMost(2.0), &from);
    report.number("expiry_holds", options.holds as f64);
    report.number("expiry_seconds", took);
    report.number("expiry_p99_us", meanwhile);
    report.number("expiry_p99_before_us", before);
    Ok(())
}

/// Makes holds that fall due together.
async fn fill(url: &str, holds: u64, due: i64) -> Result<()> {
    let store = Arc::new(Redis::open(Config::new(url.parse()?, Arc::new(|_| None))).await?);
    let mut callers = JoinSet::new();
    for caller in 0..FILLERS {
        let store = Arc::clone(&store);
        callers.spawn(async move {
            let mut number = caller;
            while number < holds {
                let hold = disk::hold(number, due, PAYLOAD_BYTES);
                ensure!(matches!(store.reserve(hold).await?, Reserved::Taken(_)), "a hold was not made");
                number += FILLERS;
            }
            Ok(())
        });
    }
    while let Some(ended) = callers.join_next().await {
        ended??;
    }
    Ok(())
}

fn now_ms() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?)
}
