use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};

use super::*;
use crate::contract::Settings;

/// In the suite a wallet is its customer's, and so is what a counter of a user counts; all else is shared.
fn owner() -> Owner {
    Arc::new(|name: &Name| match name.parts()?[..] {
        ["wallet", ..] => Some("u".to_owned()),
        _ => None,
    })
}

pub(super) async fn open_with(url: &str, shards: u16, settings: Settings) -> Redis {
    let url: StoreUrl = url.parse().unwrap();
    init(&url, shards).await.unwrap();
    let mut config = Config::new(url, owner());
    config.log_max = settings.log_max;
    config.log_min = 0;
    config.retention = settings.retention;
    Redis::open(config).await.unwrap()
}

mod one_server {
    use super::*;

    async fn open(settings: Settings) -> (Redis, tokka_rig::Redis) {
        let server = tokka_rig::Redis::start();
        (open_with(&server.url(), 1, settings).await, server)
    }

    crate::ledger_contract!(super::open);
}

mod four_shards {
    use super::*;

    async fn open(settings: Settings) -> (Redis, tokka_rig::Redis) {
        let server = tokka_rig::Redis::start();
        (open_with(&server.url(), 4, settings).await, server)
    }

    crate::ledger_contract!(super::open, several shards);
}

/// A primary with two replicas and three Sentinels, which all stores of this area share, each under its own prefix; every
/// answer waits for a replica.
mod sentinel {
    use super::*;

    async fn open(settings: Settings) -> (Redis, ()) {
        static SERVERS: LazyLock<tokka_rig::Sentinels> = LazyLock::new(tokka_rig::Sentinels::start);
        let url = format!("{}?min_replicas=1&prefix={}", SERVERS.url(), prefix());
        (open_with(&url, 1, settings).await, ())
    }

    crate::ledger_contract!(super::open);
}

/// Three primaries, each with a replica, which all stores of this area share likewise; three shards lie on three primaries.
mod cluster {
    use super::*;

    async fn open(settings: Settings) -> (Redis, ()) {
        static SERVERS: LazyLock<tokka_rig::Cluster> = LazyLock::new(|| {
            let node = tokka_rig::Options::default().and("min-replicas-to-write", "1");
            tokka_rig::Cluster::with(&tokka_rig::cluster::Setup { node, ..Default::default() })
        });
        let url = format!("{}?prefix={}", SERVERS.url(), prefix());
        (open_with(&url, 3, settings).await, ())
    }

    crate::ledger_contract!(super::open, several shards);
}

/// A new one each time.
fn prefix() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

mod clocks;
mod load;
mod migration;
mod outages;
mod races;
mod recovery;
mod restoring;
mod stories;
mod transfers;
