//! Where do the bytes of a store lie? Opens its file, locked against a second process.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{BackendError, Builder, Database, DatabaseError, StorageBackend};

use super::Config;

/// The file in the store's directory.
const FILE: &str = "ledger.redb";

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Two writers would each lose the other's work.
    #[error("the store in `{0}` is open in another process")]
    InUse(PathBuf),
    /// A newer tokka wrote it, or it is not a ledger.
    #[error("the store has format {found}, this tokka reads format {known}")]
    Format {
        /// What the file says.
        found: u64,
        /// What this program knows.
        known: u64,
    },
    /// The directory or the file cannot be made or opened.
    #[error("`{path}`: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is broken or its disk does not answer.
    #[error("the store cannot be opened: {0}")]
    Store(String),
}

pub(super) fn open(config: &Config) -> Result<Database, OpenError> {
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| OpenError::Io { path, error }
    };
    let dir = config.dir.as_path();
    std::fs::create_dir_all(dir).map_err(io(dir))?;
    let path = dir.join(FILE);
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).map_err(io(&path))?;
    // The names are made durable before anything in the file counts: an fsync of a file does not promise its name.
    for named in [Some(dir), dir.parent().filter(|parent| !parent.as_os_str().is_empty())].into_iter().flatten() {
        File::open(named).and_then(|named| named.sync_all()).map_err(io(named))?;
    }
    let backend = FileBackend::new(file).map_err(|error| OpenError::Store(error.to_string()))?;
    let opened = builder(config).create_with_backend(Disk { backend, fsync: config.fsync });
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(config.dir.clone()),
        error => OpenError::Store(error.to_string()),
    })
}

pub(super) fn open_backend(backend: impl StorageBackend, config: &Config) -> Result<Database, OpenError> {
    builder(config).create_with_backend(backend).map_err(|error| OpenError::Store(error.to_string()))
}

fn builder(config: &Config) -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(config.cache_bytes);
    builder
}

/// A file whose fsync can be left out, so that its price can be measured with everything else the same.
#[derive(Debug)]
struct Disk {
    backend: FileBackend,
    fsync: bool,
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        self.backend.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        self.backend.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), io::Error> {
        self.backend.set_len(len)
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        if self.fsync { self.backend.sync_data() } else { Ok(()) }
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        self.backend.write(offset, data)
    }

    fn close(&self) -> Result<(), io::Error> {
        self.backend.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.backend.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.backend.query_lock_range(start, end)
    }
}
