//! How much of Redis' memory does a held reservation take? What is used with many, less what is used with none, over how
//! many there are.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokka_ledger::Ledger;
use tokka_ledger::redis::{Config, Redis};

use crate::Options;
use crate::load::Callers;
use crate::orders::Orders;
use crate::report::{Goal, Report};
use crate::services::{self, Tokka};

const HOLDS: u64 = 50_000;
const IN_FLIGHT: usize = 64;
/// The first of all costs what is there once: documents, counters of every user, the stream.
const FIRST: u64 = 5_000;
/// How many records are read to learn how large their payloads are.
const SAMPLE: u64 = 200;

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let runtime = services::runtime()?;
    let tokka = Tokka::start(options, |_| Ok(()))?;
    let orders = Arc::new(Orders::new());
    let callers = runtime.block_on(Callers::connect(&tokka.server.url(), 1, Arc::clone(&orders)))?;
    runtime.block_on(callers.make(IN_FLIGHT, FIRST))?;
    let (before, log_before) = used(&tokka.redis)?;
    let first = callers.sent();
    let made = runtime.block_on(callers.make(IN_FLIGHT, HOLDS))?.answered;
    let (after, log_after) = used(&tokka.redis)?;

    let payload = runtime.block_on(async {
        let store = Redis::open(Config::new(tokka.redis.url().parse()?, Arc::new(|_| None))).await?;
        let mut bytes = 0;
        for number in (first..).take(usize::try_from(SAMPLE)?) {
            let record = store.get(&Orders::user(number), &orders.id(number)).await?;
            bytes += record.context("a record is missing")?.payload.len();
        }
        Ok::<_, anyhow::Error>(bytes as f64 / SAMPLE as f64)
    })?;
    let each = (after - before) / made as f64;
    let log = (log_after - log_before) / made as f64;
    report.goal(
        "memory a held reservation on Redis, beside its payload, bytes",
        "memory_beside_payload_bytes",
        each - payload,
        Goal::AtMost(400.0),
        &format!("{each:.0} with its entry of the log ({log:.0}) and its payload, compressed ({payload:.0})"),
    );
    report.number("memory_a_hold_bytes", each);
    report.number("payload_bytes", payload);
    report.number("log_entry_bytes", log);
    report.number("record_bytes", services::record_bytes(&tokka.redis)? as f64);
    Ok(())
}

/// Bytes in use, and those of the log among them.
fn used(redis: &tokka_rig::Redis) -> Result<(f64, f64)> {
    let used = redis.info("used_memory").context("Redis does not tell its memory")?.parse()?;
    let log = redis.cli(&["KEYS", "{*}l"]);
    let log = redis.cli(&["MEMORY", "USAGE", log.trim(), "SAMPLES", "0"]).parse().context("the log has no size")?;
    Ok((used, log))
}
