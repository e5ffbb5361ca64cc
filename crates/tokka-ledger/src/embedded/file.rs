//! Where do the bytes of a store lie? Opens its file, locked against a second process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::backends::FileBackend;
use redb::{BackendError, Builder, Database, DatabaseError, StorageBackend};

use super::Config;
use super::tables::Tables;
use crate::directory;

/// The file in the store's directory.
const FILE: &str = "ledger.redb";
/// What it is called until it is whole.
const UNFINISHED: &str = "ledger.redb.new";
/// Locked by whoever has the store open.
const LOCK: &str = "lock";

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

pub(super) fn open(config: &Config) -> Result<Tables, OpenError> {
    let dir = config.dir.as_path();
    directory::make(dir).map_err(io(dir))?;
    let lock = lock(dir)?;
    let path = dir.join(FILE);
    if !path.try_exists().map_err(io(&path))? {
        make(dir, &path, config, &lock)?;
    }
    Tables::open(open_file(&path, config, lock)?)
}

/// A crash in the middle of making a file would leave one that is no store: it gets its name once it is whole.
fn make(dir: &Path, path: &Path, config: &Config, lock: &Arc<File>) -> Result<(), OpenError> {
    let unfinished = dir.join(UNFINISHED);
    if unfinished.try_exists().map_err(io(&unfinished))? {
        std::fs::remove_file(&unfinished).map_err(io(&unfinished))?;
    }
    drop(Tables::open(open_file(&unfinished, config, Arc::clone(lock))?)?);
    std::fs::rename(&unfinished, path).map_err(io(path))?;
    // An fsync of a file does not promise its name, nor that of its directory.
    for named in [Some(dir), dir.parent().filter(|parent| !parent.as_os_str().is_empty())].into_iter().flatten() {
        File::open(named).and_then(|named| named.sync_all()).map_err(io(named))?;
    }
    Ok(())
}

fn lock(dir: &Path) -> Result<Arc<File>, OpenError> {
    let path = dir.join(LOCK);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Arc::new(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(dir.to_owned())),
        Err(TryLockError::Error(error)) => Err(OpenError::Io { path, error }),
    }
}

fn open_file(path: &Path, config: &Config, lock: Arc<File>) -> Result<Database, OpenError> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io(path))?;
    let backend = FileBackend::new(file).map_err(|error| OpenError::Store(error.to_string()))?;
    let opened = builder(config).create_with_backend(Disk { backend, fsync: config.fsync, _lock: lock });
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => OpenError::InUse(config.dir.clone()),
        error => OpenError::Store(error.to_string()),
    })
}

fn io(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |error| OpenError::Io { path, error }
}

pub(super) fn open_backend(backend: impl StorageBackend, config: &Config) -> Result<Tables, OpenError> {
    let opened = builder(config).create_with_backend(backend);
    Tables::open(opened.map_err(|error| OpenError::Store(error.to_string()))?)
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
    /// Released with the file.
    _lock: Arc<File>,
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
