use std::sync::Arc;

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

    crate::ledger_contract!(super::open);
}
