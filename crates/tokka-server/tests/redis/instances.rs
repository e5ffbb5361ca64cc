//! Do several servers over one Redis sell exactly what there is, also where one of them or the Redis is killed meanwhile?

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokka_ledger::Ledger;
use tokka_ledger::name::Name;
use tokka_rig::{Fsync, Options};

use crate::kept::Kept;
use crate::race::{Heard, Process, RUSH, STOCK, at_100, audit, never_beyond_a_limit, nothing_acknowledged_is_lost, proof, race};

const SERVERS: usize = 3;

/// A shop whose servers share a store and a key of receipts.
struct Shop {
    kept: Kept,
    folder: TempDir,
    servers: Vec<Process>,
}

impl Shop {
    fn open(shards: u16, options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("catalogue.yaml"), RUSH).expect("a file");
        let mut shop = Self { kept: Kept::with(shards, options), folder, servers: Vec::new() };
        (0..SERVERS).for_each(|_| shop.one_more());
        shop
    }

    fn one_more(&mut self) {
        self.servers.push(Process::one_of(&self.folder, &self.kept, false));
    }

    async fn rush(&self, acknowledged: &Arc<AtomicUsize>) -> Heard {
        let addresses: Vec<_> = self.servers.iter().map(|server| server.1).collect();
        race(&addresses, acknowledged).await
    }

    /// Everything that is left is looked at: nothing lost, nothing sold twice, and all of the stock is sold.
    async fn exactly_the_stock(&self, heard: &Heard) {
        let (records, held) = audit(&self.kept).await;
        nothing_acknowledged_is_lost(heard, &records);
        never_beyond_a_limit(&held);
        assert_eq!(records.len(), heard.len(), "every order that was heard of, and no other");
        let of = |parts: &[&str]| held[&Name::of(parts)];
        assert_eq!((of(&["stock", "flash"]), of(&["stock", "fifty"]), of(&["gift", "tote"])), (STOCK, 60, 25));
        let sold: i64 = heard.values().map(|(_, answer)| at_100(answer)).sum();
        assert_eq!(sold, STOCK, "as the customers heard it");
        proof("servers over one Redis", i64::try_from(SERVERS).expect("few"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_sell_exactly_the_stock() {
    let shop = Shop::open(1, Options::default());
    let heard = shop.rush(&Arc::default()).await;
    shop.exactly_the_stock(&heard).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_sell_exactly_the_stock_that_three_shards_share() {
    let shop = Shop::open(3, Options::default());
    let heard = shop.rush(&Arc::default()).await;
    shop.exactly_the_stock(&heard).await;
}

/// Waits for so many answers, or for the end of the rush.
async fn after(answers: usize, acknowledged: &AtomicUsize) {
    while acknowledged.load(Ordering::Relaxed) < answers {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_the_middle_costs_nothing_that_was_promised() {
    for shards in [1, 3] {
        let mut shop = Shop::open(shards, Options::default());
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let mut victim = shop.servers.pop().expect("a server");
        let addresses: Vec<_> = shop.servers.iter().map(|server| server.1).chain([victim.1]).collect();
        let killer = async {
            after(60, &acknowledged).await;
            victim.0.kill().expect("killed");
            victim.0.wait().expect("ended");
        };
        let (heard, ()) = tokio::join!(race(&addresses, &acknowledged), killer);
        // Its customers come back to another one, with the orders that they began with.
        shop.one_more();
        let rest = shop.rush(&Arc::default()).await;
        for (id, (_, answer)) in &heard {
            assert_eq!(rest.get(id).map(|(_, again)| &again.quote), Some(&answer.quote), "{id}");
        }
        shop.exactly_the_stock(&rest).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_killed_in_the_middle_costs_nothing_that_was_promised() {
    for shards in [1, 3] {
        let shop = Shop::open(shards, Options { durable: Some(Fsync::Always), ..Options::default() });
        let acknowledged = Arc::new(AtomicUsize::new(0));
        let killer = async {
            after(60, &acknowledged).await;
            shop.kept.server.kill9();
            shop.kept.server.restart();
        };
        let (heard, ()) = tokio::join!(shop.rush(&acknowledged), killer);
        shop.exactly_the_stock(&heard).await;
        assert!(shop.kept.open().await.audit().await.expect("an audit").is_clean());
    }
}
