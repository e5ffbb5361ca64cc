//! Where do the servers of these tests keep what outlives them? In a folder of their own.

use std::path::Path;

use tempfile::TempDir;
use tokka_ledger::embedded::{self, Embedded};
use tokka_server::Config;

/// Refusals of a rush that are met by the same call again.
pub(crate) const AGAIN: &[&str] = &["CONTENTION", "OVERLOADED"];

/// What outlives a server.
pub(crate) struct Kept(TempDir);

impl Kept {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// The data folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// What a process is told, to have [`apply`] find it.
    pub(crate) fn words(&self) -> String {
        self.path().to_str().expect("a path in UTF-8").to_owned()
    }

    /// What is there while no server runs.
    pub(crate) async fn open(&self) -> Embedded {
        std::future::ready(Embedded::open(embedded::Config::new(self.path().join(tokka_server::LEDGER))).expect("the store"))
            .await
    }
}

/// Makes a server keep its reservations there.
pub(crate) fn apply(config: &mut Config, words: &str) {
    config.data_dir = words.into();
}
