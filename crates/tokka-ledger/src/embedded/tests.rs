use super::*;

mod contract {
    use super::*;

    /// Folds after every seventh effect, so that each promise also meets what lies in the tables.
    async fn open(log_max: u64) -> (Embedded, tempfile::TempDir) {
        let dir = tempfile::tempdir().unwrap();
        let config = Config { log_max, checkpoint_every: 7, cache_bytes: 1 << 20, ..Config::new(dir.path()) };
        (Embedded::open(config).unwrap(), dir)
    }

    crate::ledger_contract!(super::open);
}
