//! What does an operator choose? Addresses, the catalogue's folder, and how patiently the server starts and stops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokka_ledger::redis::StoreUrl;

/// Where data is kept unless something else is said, below the directory that the server is started in.
pub const DATA_DIR: &str = ".tokka/data";

/// How a server runs. [`Config::new`] fills in everything but the two things that nobody can guess.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where callers come in; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where operators come in (events, verification) and probes besides, for when the main port asks for client
    /// certificates; `None` = nowhere. It asks nobody who they are: keep it away from callers.
    pub admin: Option<SocketAddr>,
    /// The folder whose files are the catalogue; `None`: the store keeps it, and operators change it by the API.
    pub catalogue: Option<PathBuf>,
    /// Where this server keeps what is its own: the embedded store with its archive, and the key of receipts. Made if there
    /// is none; one process at a time has an embedded store.
    pub data_dir: PathBuf,
    /// Where reservations and their counters are kept.
    pub store: StoreAt,
    /// The key that signs receipts, which all servers of a store share; `None` = one of this server's own, in `data_dir`.
    pub receipt_key: Option<PathBuf>,
    /// Where this server writes the archive of the log, one server a folder. `None` = in `data_dir` for an embedded store;
    /// of a store on Redis this server writes none.
    pub archive: Option<PathBuf>,
    /// How often holds are looked for whose deadline has passed.
    pub sweep_every: Duration,
    /// How often a subscriber who has read all events looks for more.
    pub events_poll: Duration,
    /// How often what is new in the log is moved to the archive.
    pub archive_every: Duration,
    /// How often what is new in the log is counted, where this server writes the archive.
    pub insight_every: Duration,
    /// How often the folder is read even though nothing told of a change: notifications do not reach every kind of
    /// file system.
    pub catalogue_poll: Duration,
    /// How often the store is asked for a newer revision of the catalogue that it keeps.
    pub revisions_poll: Duration,
    /// From NOT_SERVING to the end of new connections: the time that balancers get to look away.
    pub stop_pause: Duration,
    /// How long open calls may take to end after that; what is open then is cut.
    pub drain_max: Duration,
}

/// Where reservations are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum StoreAt {
    /// In the data directory, by this process alone.
    #[default]
    Embedded,
    /// On Redis, by any number of processes.
    Redis(StoreUrl),
}

impl Config {
    /// The defaults: no admin address, an embedded store in [`DATA_DIR`], a look for expired holds every half second, for new events
    /// every 50 ms, at the folder and for the archive every 5 s, a pause of 1 s and at most 20 s of draining, which fits
    /// into the 30 s that Kubernetes gives.
    pub fn new(listen: SocketAddr, catalogue: impl Into<PathBuf>) -> Self {
        Self { catalogue: Some(catalogue.into()), ..Self::stored(listen) }
    }

    /// Likewise, with the catalogue that the store keeps; a look for a newer revision of it every 250 ms.
    pub fn stored(listen: SocketAddr) -> Self {
        Self {
            listen,
            admin: None,
            catalogue: None,
            data_dir: PathBuf::from(DATA_DIR),
            store: StoreAt::Embedded,
            receipt_key: None,
            archive: None,
            sweep_every: Duration::from_millis(500),
            events_poll: Duration::from_millis(50),
            archive_every: Duration::from_secs(5),
            insight_every: Duration::from_millis(200),
            catalogue_poll: Duration::from_secs(5),
            revisions_poll: Duration::from_millis(250),
            stop_pause: Duration::from_secs(1),
            drain_max: Duration::from_secs(20),
        }
    }
}
