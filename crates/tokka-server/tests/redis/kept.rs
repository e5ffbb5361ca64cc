//! Where do the servers of these tests keep what outlives them? On a Redis of their own, with a folder for keys and archive.

use std::path::Path;

use tempfile::TempDir;
use tokka_ledger::redis::{self, Redis, StoreUrl, init};
use tokka_rig::Options;
use tokka_server::{Config, StoreAt};

/// Refusals of a rush that are met by the same call again: the store may be away for a while.
pub(crate) const AGAIN: &[&str] = &["CONTENTION", "OVERLOADED", "STORE_UNAVAILABLE", "OUTCOME_UNKNOWN"];

/// What outlives a server.
pub(crate) struct Kept {
    pub(crate) server: tokka_rig::Redis,
    dir: TempDir,
}

impl Kept {
    /// A store of one shard, whose Redis keeps nothing on disk.
    pub(crate) fn new() -> Self {
        Self::with(1, Options::default())
    }

    pub(crate) fn with(shards: u16, options: Options) -> Self {
        let kept = Self { server: tokka_rig::Redis::with(options), dir: tempfile::tempdir().expect("a folder") };
        let url = kept.url();
        // From within a runtime nobody may wait for another one; a thread of its own may.
        let made = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(init(&url, shards))
        });
        made.join().expect("no panic").expect("a store");
        kept
    }

    pub(crate) fn url(&self) -> StoreUrl {
        self.server.url().parse().expect("a URL")
    }

    /// The data folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// What a process is told, to have [`apply`] find it.
    pub(crate) fn words(&self) -> String {
        format!("{}\n{}", self.server.url(), self.path().to_str().expect("a path in UTF-8"))
    }

    /// What is there, whoever uses it meanwhile.
    pub(crate) async fn open(&self) -> Redis {
        Redis::open(redis::Config::new(self.url(), tokka_server::owner())).await.expect("the store")
    }
}

/// Makes a server keep its reservations there, and be the one that writes the archive if no other one does.
pub(crate) fn apply(config: &mut Config, words: &str) {
    let (url, path) = words.split_once('\n').expect("two words");
    config.data_dir = path.into();
    config.archive = Some(config.data_dir.join(tokka_server::ARCHIVE));
    config.store = StoreAt::Redis(url.parse().expect("a URL"));
}
