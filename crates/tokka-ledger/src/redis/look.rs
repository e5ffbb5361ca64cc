//! How is a store just now? What its servers and the heads of its shards say, for probes and for operators.

use std::collections::BTreeMap;

use redis::Value;

use super::layout::Shard;
use super::link::{Lane, Link, LinkConfig, StoreUrl, info::Info};
use super::reply::{Reply, number};
use super::{OpenError, Redis, init, scripts};
use crate::clock::Clock;
use crate::ledger::LedgerError;
use crate::model::Millis;

/// Who was not heard of for so long does not live.
const LIVES_MS: Millis = 3_000;

/// How a shard is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShardState {
    /// It takes orders.
    Open,
    /// It waits for what a change of its server may have lost: no new holds, for some seconds.
    Recovering,
    /// `tokka store restore` writes it again, or broke off.
    Restoring,
    /// It has no head.
    Empty,
    /// Its server does not answer, with why.
    Silent(String),
}

/// What a probe sees of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// By number.
    pub shards: Vec<ShardState>,
    /// How far a server's clock is ahead of ours (below 0: behind), of the one that is farthest off, in milliseconds; half
    /// the time that the answer took is taken off. `None` where none answered.
    pub clock_apart_ms: Option<Millis>,
}

/// What an operator sees of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What the store is called: 32 hexadecimal digits.
    pub id: String,
    /// Each server that has a shard, once.
    pub servers: Vec<ServerFacts>,
    /// By number.
    pub shards: Vec<ShardFacts>,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// What it is called anew with each start.
    pub run_id: String,
    /// `redis 7.0.15`, `valkey 8.0.1`.
    pub version: String,
    /// `standalone`, `sentinel` or `cluster`.
    pub mode: String,
    /// Its port.
    pub port: String,
    /// Replicas that follow it.
    pub replicas: u64,
    /// Bytes that it has in use.
    pub memory_used: u64,
    /// Bytes that it may use; 0 = no bound.
    pub memory_max: u64,
    /// What it does beyond that; empty where it does not tell.
    pub memory_policy: String,
    /// How far its clock is ahead of ours, in milliseconds.
    pub clock_apart_ms: Millis,
}

/// What the head of a shard says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardFacts {
    /// Open, or why not.
    pub state: ShardState,
    /// In which slot of a cluster it lies.
    pub slot: u16,
    /// The server that it lies on, by its run id.
    pub server: String,
    /// The history that it is in: each fail-over, restart and restore begins a later one.
    pub epoch: u64,
    /// The last position of its log.
    pub end: u64,
    /// The lowest revision at which it takes holds.
    pub admits: u64,
    /// Processes that were heard of in the last three seconds.
    pub instances: usize,
}

impl Redis {
    /// What the store is called: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> String {
        self.store.id()
    }

    /// Asks every shard how it is, and its server what time it is there. It waits as long as any call does.
    pub async fn look(&self) -> Look {
        let asked = self.store.parts.iter().map(|part| look_at(&part.post.link, &part.post.shard));
        let mut look = Look { shards: Vec::new(), clock_apart_ms: None };
        for (state, apart) in futures_util::future::join_all(asked).await {
            look.shards.push(state);
            look.clock_apart_ms = look.clock_apart_ms.into_iter().chain(apart).max_by_key(|apart| apart.saturating_abs());
        }
        look
    }
}

async fn look_at(link: &Link, shard: &Shard) -> (ShardState, Option<Millis>) {
    let asked = async { Ok::<_, LedgerError>((clock_apart(link, shard.slot).await?, head(link, shard).await?)) };
    match asked.await {
        Ok((apart, head)) => (state(&head), Some(apart)),
        Err(error) => (ShardState::Silent(error.to_string()), None),
    }
}

fn state(head: &BTreeMap<String, String>) -> ShardState {
    match head.get("state").map(String::as_str) {
        None => ShardState::Empty,
        Some("open") => ShardState::Open,
        Some("restoring") => ShardState::Restoring,
        Some(_) => ShardState::Recovering,
    }
}

async fn head(link: &Link, shard: &Shard) -> Result<BTreeMap<String, String>, LedgerError> {
    let command = redis::cmd("HGETALL").arg(shard.head()).to_owned();
    let mut reply = Reply::of(link.command(Lane::Admin, shard.slot, &command).await?)?;
    let mut head = BTreeMap::new();
    while !reply.is_empty() {
        head.insert(reply.text()?, reply.text()?);
    }
    Ok(head)
}

/// The server's clock less ours in the middle of the question.
async fn clock_apart(link: &Link, slot: u16) -> Result<Millis, LedgerError> {
    let wall = Clock::wall();
    let asked = wall.now();
    let answer = link.command(Lane::Admin, slot, &redis::cmd("TIME")).await?;
    let answered = wall.now();
    let mut time = Reply::of(answer)?;
    let (seconds, micros) = (time.number()?, time.number()?);
    let there = seconds.saturating_mul(1_000).saturating_add(micros.checked_div(1_000).unwrap_or(0));
    let took = answered.saturating_sub(asked);
    let apart = there.saturating_sub(asked.saturating_add(took.checked_div(2).unwrap_or(0)));
    // Nearer than half the time that the answer took, nobody knows.
    let doubt = took.checked_div(2).unwrap_or(0);
    Ok(apart.signum().saturating_mul(apart.saturating_abs().saturating_sub(doubt).max(0)))
}

/// Reads what a store is and how it is, without becoming one of the processes that use it.
///
/// # Errors
/// [`OpenError`]: nobody answers, the servers are not fit, or there is no store.
pub async fn inspect(url: &StoreUrl) -> Result<Inspection, OpenError> {
    let link = Link::open(url, LinkConfig { scripts: scripts::ALL, ..LinkConfig::default() }).await?;
    let root = init::root(&link, url.prefix()).await?;
    let mut inspection = Inspection { id: root.id, servers: Vec::new(), shards: Vec::new() };
    for shard in Shard::all(url.prefix(), root.shards) {
        let said = Info::read(&link.command(Lane::Admin, shard.slot, &redis::cmd("INFO")).await.map_err(LedgerError::from)?);
        let server = facts(&said, clock_apart(&link, shard.slot).await?);
        let head = head(&link, &shard).await?;
        let read = |field: &str| head.get(field).and_then(|digits| digits.parse::<u64>().ok()).unwrap_or(0);
        let now = Clock::wall().now().saturating_add(server.clock_apart_ms);
        let heard = head.iter().filter(|(field, _)| field.starts_with("b:"));
        let lives = |at: &str| at.parse::<Millis>().is_ok_and(|at| now.saturating_sub(at) <= LIVES_MS);
        inspection.shards.push(ShardFacts {
            state: state(&head),
            slot: shard.slot,
            server: server.run_id.clone(),
            epoch: read("epoch"),
            end: read("end"),
            admits: read("admits"),
            instances: heard.filter(|(_, at)| lives(at)).count(),
        });
        if !inspection.servers.iter().any(|known| known.run_id == server.run_id) {
            inspection.servers.push(server);
        }
    }
    Ok(inspection)
}

fn facts(info: &Info, clock_apart_ms: Millis) -> ServerFacts {
    let text = |field: &str| info.get(field).unwrap_or_default().to_owned();
    let count = |field: &str| number(&Value::BulkString(text(field).into_bytes())).ok().and_then(|n| u64::try_from(n).ok());
    let version = match info.get("valkey_version") {
        Some(version) => format!("valkey {version}"),
        None => format!("redis {}", text("redis_version")),
    };
    ServerFacts {
        run_id: text("run_id"),
        version,
        mode: text("redis_mode"),
        port: text("tcp_port"),
        replicas: count("connected_slaves").unwrap_or(0),
        memory_used: count("used_memory").unwrap_or(0),
        memory_max: count("maxmemory").unwrap_or(0),
        memory_policy: text("maxmemory_policy"),
        clock_apart_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::open_with;
    use super::*;
    use crate::contract::{RETENTION, Settings};

    #[tokio::test(flavor = "multi_thread")]
    async fn a_store_says_how_it_is() {
        let server = tokka_rig::Redis::start();
        let url: StoreUrl = server.url().parse().unwrap();
        assert!(matches!(inspect(&url).await, Err(OpenError::Empty(_))));
        let store = open_with(&server.url(), 2, Settings { log_max: 100, retention: RETENTION }).await;
        let found = inspect(&url).await.unwrap();
        assert_eq!((found.id.as_str(), found.shards.len(), found.servers.len()), (store.id().as_str(), 2, 1));
        let [one] = &found.servers[..] else { panic!("{found:?}") };
        assert_eq!((one.memory_policy.as_str(), one.port.as_str()), ("noeviction", server.port().to_string().as_str()));
        assert!(one.clock_apart_ms.abs() < 250, "{one:?}");
        assert!(found.shards.iter().all(|shard| shard.state == ShardState::Open && shard.epoch > 1), "{found:?}");
        assert!(found.shards.iter().all(|shard| shard.instances == 1 && shard.server == one.run_id), "{found:?}");

        let look = store.look().await;
        assert_eq!(look.shards, [ShardState::Open, ShardState::Open]);
        assert!(look.clock_apart_ms.unwrap().abs() < 250, "{look:?}");
        server.cli(&["FLUSHALL"]);
        assert_eq!(store.look().await.shards, [ShardState::Empty, ShardState::Empty]);
        server.kill9();
        let look = store.look().await;
        assert!(matches!(look.shards[..], [ShardState::Silent(_), ShardState::Silent(_)]), "{look:?}");
        assert_eq!(look.clock_apart_ms, None);
    }
}
