//! What do durable promises cost over a network? tokka on Redis beside the plainest service, each with a Redis of its own,
//! in turns; who does not have the turn is stopped.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokka_rig::Answer;

use crate::load::{Callers, Load};
use crate::orders::Orders;
use crate::process::Server;
use crate::report::{Goal, Report, Series};
use crate::{Options, cpu, process};

const IN_FLIGHT: usize = 64;
/// Before the first round: connections, caches, frozen documents.
const WARM_UP: Duration = Duration::from_millis(1_500);
/// How many records are looked at to learn how large they are.
const SAMPLE: usize = 200;

/// One of the two.
struct Side {
    server: Server,
    redis: tokka_rig::Redis,
    callers: Callers,
    many: Cells,
    one: Cells,
}

#[derive(Default)]
struct Cells {
    rate: Series,
    p50: Series,
    p99: Series,
    redis_cpu: Series,
    server_cpu: Series,
    client_cpu: Series,
}

/// A server on a Redis of its own, with a store.
pub(crate) struct Tokka {
    pub(crate) server: Server,
    pub(crate) redis: tokka_rig::Redis,
    /// Its catalogue and its data.
    _dir: tempfile::TempDir,
}

impl Tokka {
    pub(crate) fn start(options: &Options, prepare: impl FnOnce(&tokka_rig::Redis) -> Result<()>) -> Result<Self> {
        let redis = redis();
        let dir = tempfile::tempdir()?;
        runtime()?.block_on(tokka_ledger::redis::init(&redis.url().parse()?, 1))?;
        prepare(&redis)?;
        let server = Server::tokka(&process::tokka(options.tokka.as_ref())?, &redis.url(), dir.path())?;
        Ok(Self { server, redis, _dir: dir })
    }
}

/// A Redis as a shop runs it that fears for its orders: nothing is evicted. Nothing is written to a disk either, so that
/// what is compared is computing.
pub(crate) fn redis() -> tokka_rig::Redis {
    tokka_rig::Redis::with(tokka_rig::Options::default().and("maxmemory-policy", "noeviction"))
}

/// The generator has one thread: with more it would only take turns with itself.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

pub(crate) fn measure(options: &Options, report: &mut Report) -> Result<()> {
    let runtime = runtime()?;
    let orders = Arc::new(Orders::new());
    let Tokka { server, redis: of_tokka, _dir } = Tokka::start(options, |_| Ok(()))?;
    let callers = runtime.block_on(Callers::connect(&server.url(), 1, Arc::clone(&orders)))?;
    runtime.block_on(callers.load(IN_FLIGHT, WARM_UP))?;
    let record = record_bytes(&of_tokka)?;
    server.rest();
    let tokka = Side { server, redis: of_tokka, callers, many: Cells::default(), one: Cells::default() };

    let of_naive = redis();
    let server = Server::naive(&of_naive.url(), record)?;
    let callers = runtime.block_on(Callers::connect(&server.url(), 1, orders))?;
    runtime.block_on(callers.load(IN_FLIGHT, WARM_UP))?;
    server.rest();
    let naive = Side { server, redis: of_naive, callers, many: Cells::default(), one: Cells::default() };

    let mut sides = [tokka, naive];
    for round in 0..options.rounds {
        // Who went first goes last the next time.
        for turn in 0..2 {
            let Some(side) = sides.get_mut((round + turn) % 2) else { continue };
            let Side { server, redis, callers, many, one } = side;
            server.wake();
            many.measure(&runtime, server, redis, callers, IN_FLIGHT, options.seconds)?;
            one.measure(&runtime, server, redis, callers, 1, options.seconds / 2.0)?;
            server.rest();
        }
        eprintln!("services: round {} of {}", round + 1, options.rounds);
    }
    let [tokka, naive] = &sides;
    told(report, tokka, naive, record);
    Ok(())
}

fn told(report: &mut Report, tokka: &Side, naive: &Side, record: usize) {
    let ratio = tokka.many.rate.over(&naive.many.rate);
    let from = format!("{:.0} against {:.0} a second", tokka.many.rate.median(), naive.many.rate.median());
    report.goal("Reserve, Redis, 64 in flight, rate", "reserve_naive_ratio", ratio, Goal::AtLeast(1.1), &from);
    let ratio = tokka.many.redis_cpu.over(&naive.many.redis_cpu);
    let from = format!("{:.2} against {:.2} us", tokka.many.redis_cpu.median(), naive.many.redis_cpu.median());
    report.goal("Redis CPU a reservation, 64 in flight", "redis_cpu_ratio", ratio, Goal::AtMost(0.65), &from);
    let ratio = tokka.one.p50.over(&naive.one.p50);
    let from = format!("{:.0} against {:.0} us, medians", tokka.one.p50.median(), naive.one.p50.median());
    report.goal("Reserve, Redis, 1 in flight, latency", "reserve_latency_ratio", ratio, Goal::AtMost(1.15), &from);
    report.number("record_bytes", record as f64);
    report.number("reserve_per_second", tokka.many.rate.median());
    report.number("reserve_p50_us", tokka.many.p50.median());
    report.number("reserve_p99_us", tokka.many.p99.median());
    report.number("reserve_redis_cpu_us", tokka.many.redis_cpu.median());
    report.number("reserve_server_cpu_us", tokka.many.server_cpu.median());
    report.number("reserve_client_cpu_us", tokka.many.client_cpu.median());
    report.number("reserve_one_p50_us", tokka.one.p50.median());
    report.number("reserve_one_p99_us", tokka.one.p99.median());
    report.number("reserve_one_redis_cpu_us", tokka.one.redis_cpu.median());
    report.number("naive_per_second", naive.many.rate.median());
    report.number("naive_p50_us", naive.many.p50.median());
    report.number("naive_p99_us", naive.many.p99.median());
    report.number("naive_redis_cpu_us", naive.many.redis_cpu.median());
    report.number("naive_server_cpu_us", naive.many.server_cpu.median());
    report.number("naive_client_cpu_us", naive.many.client_cpu.median());
    report.number("naive_one_p50_us", naive.one.p50.median());
    report.number("naive_one_p99_us", naive.one.p99.median());
    report.number("naive_one_redis_cpu_us", naive.one.redis_cpu.median());
}

impl Cells {
    fn measure(
        &mut self,
        runtime: &tokio::runtime::Runtime,
        server: &Server,
        redis: &tokka_rig::Redis,
        callers: &Callers,
        in_flight: usize,
        seconds: f64,
    ) -> Result<()> {
        let processes = [redis.pid().context("Redis has ended")?, server.id(), std::process::id()];
        let now = || -> Result<Vec<f64>> { processes.iter().map(|process| cpu::seconds(*process)).collect() };
        let before = now()?;
        let load = runtime.block_on(callers.load(in_flight, Duration::from_secs_f64(seconds)))?;
        let after = now()?;
        let mut each = before.iter().zip(&after).map(|(before, after)| (after - before) * 1e6 / load.answered as f64);
        let series = [&mut self.redis_cpu, &mut self.server_cpu, &mut self.client_cpu];
        series.into_iter().zip(&mut each).for_each(|(series, each)| series.push(each));
        let Load { latency, .. } = &load;
        self.rate.push(load.per_second());
        self.p50.push(latency.value_at_quantile(0.5) as f64);
        self.p99.push(latency.value_at_quantile(0.99) as f64);
        Ok(())
    }
}

/// How many bytes tokka keeps of a reservation, in the mean.
pub(crate) fn record_bytes(redis: &tokka_rig::Redis) -> Result<usize> {
    let mut bytes = 0;
    for key in records(redis, SAMPLE)? {
        bytes += redis.cli(&["STRLEN".as_bytes(), &key]).parse::<usize>()?;
    }
    Ok(bytes / SAMPLE)
}

/// Keys of so many records, as they come.
pub(crate) fn records(redis: &tokka_rig::Redis, count: usize) -> Result<Vec<Vec<u8>>> {
    let mut keys = Vec::new();
    let mut cursor = "0".to_owned();
    loop {
        let answer = redis.ask(&["SCAN", &cursor, "MATCH", "{*}rorder-*", "COUNT", "1000"]).map_err(anyhow::Error::msg)?;
        let Answer::List(Some(answer)) = answer else { bail!("SCAN answers something else") };
        let [Answer::Bytes(Some(next)), Answer::List(Some(found))] = &answer[..] else { bail!("SCAN answers something else") };
        keys.extend(found.iter().filter_map(|key| if let Answer::Bytes(key) = key { key.clone() } else { None }));
        cursor = String::from_utf8_lossy(next).into_owned();
        if keys.len() >= count || cursor == "0" {
            keys.truncate(count);
            return Ok(keys);
        }
    }
}
