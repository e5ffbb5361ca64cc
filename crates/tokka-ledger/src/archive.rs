//! What happened, ever? A registered reader of the log that writes joined events into compressed files by shard and day,
//! and reads them back: the whole history of a store, also of what it has dropped from its log.
//!
//! A file is a row of frames. Each is a skippable zstd frame with the length and checksum of the zstd frame after it, so
//! that `zstd -d` reads the file as it is. A bite of the log is one frame, made durable before the reader passes it: a
//! crash in between writes the bite again, and what stands twice is dropped by (id, version) when it is read. A crash in
//! the middle of a frame leaves a torn one at the end, which the next writer cuts off.
//!
//! A return's stored answer stands once, with the event of the return, so that a store can be made again of its archive
//! without forgetting what it answered.
//!
//! What records depend on lies beside them: documents, each once, in a file of its name, durable before the event.
//!
//! Several processes may use one store, and an archive has one writer: each directory has an id, under which it is
//! registered, and is locked by whoever writes to it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::directory;
use crate::ledger::{Ledger, LedgerError};
use crate::model::{Cursor, Event, Events, Millis, Record};
use crate::name::Name;

/// The name that the one archive of a store is registered under that one process uses.
pub const READER: &str = "archive";
/// At most this many entries a frame.
pub const BITE: usize = 1_000;

/// Of a skippable frame, as zstd has it: these four bytes, the length of what follows, and that.
const SKIPPABLE: [u8; 4] = 0x184D_2A5E_u32.to_le_bytes();
/// Layout, length of the body, its checksum.
const HEADER_BYTES: u32 = 20;
const LAYOUT: u32 = 2;
/// No frame is larger: a longer one is a broken header, not a reason to ask for memory.
const BODY_BYTES_MAX: u64 = 1 << 31;
const SHARD: &str = "shard-0";
/// What a directory is called among those of a store: 16 hexadecimal digits and a line's end.
const ID: &str = "archive.id";
const ID_DIGITS: usize = 16;
/// The ids of the stores whose history it is, one a line, the latest last.
const STORES: &str = "store.ids";
const LOCK: &str = "lock";
const DOCUMENTS: &str = "documents";
const UNFINISHED: &str = "unfinished.new";
const ENDING: &str = ".zst";

/// Why the archive did not go on.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The disk refused.
    #[error("archive `{path}`: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A frame in the middle of a file cannot be read; what stands before it can.
    #[error("archive `{path}` is broken at byte {at}")]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Where the frame begins.
        at: u64,
    },
    /// Another tokka wrote a frame, and this one does not read it; the file stays as it is.
    #[error("archive `{path}` has layout {found}, this tokka reads layout {LAYOUT}")]
    Layout {
        /// Which file.
        path: PathBuf,
        /// What the frame says.
        found: u32,
    },
    /// Another process writes to it.
    #[error("archive `{path}` is open in another process: each one has its own")]
    InUse {
        /// Which directory.
        path: PathBuf,
    },
    /// Its id cannot be read.
    #[error("archive `{path}`: `{ID}` is not 16 hexadecimal digits")]
    Id {
        /// Which directory.
        path: PathBuf,
    },
    /// The ledger did not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What one bite brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bite {
    /// Events that were written.
    pub events: usize,
    /// The log had dropped entries that the archive had not seen: they are missing, and the archive says so.
    pub gap: bool,
}

/// One day of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Day {
    /// In the order of the log, each once.
    pub events: Vec<Event>,
    /// How often entries were dropped before the archive saw them.
    pub gaps: usize,
}

/// The archive of one store.
#[derive(Debug, Clone)]
pub struct Archive {
    dir: PathBuf,
    /// What it is called in the ledger.
    reader: Arc<str>,
    /// Held as long as somebody may write.
    _lock: Option<Arc<File>>,
    /// Files whose end this process has looked at.
    checked: Arc<Mutex<HashSet<PathBuf>>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Frame {
    gap_before: bool,
    events: Vec<Event>,
}

impl Archive {
    /// The archive of a store that one process uses, or one that is only read; the directory is made with the first event.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), reader: READER.into(), _lock: None, checked: Arc::default() }
    }

    /// One of the archives of a store that several processes use, to be written by this one alone. The directory is made and
    /// given its id if it has none.
    ///
    /// # Errors
    /// [`ArchiveError`]: another process has it, or the disk refused.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, ArchiveError> {
        let dir = dir.into();
        directory::make(&dir).map_err(io_at(&dir))?;
        let path = dir.join(LOCK);
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(io_at(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(ArchiveError::InUse { path: dir }),
            Err(TryLockError::Error(error)) => return Err(ArchiveError::Io { path, error }),
        }
        let id = id_of(&dir)?;
        let reader = format!("{READER}/{id}").into();
        Ok(Self { dir, reader, _lock: Some(Arc::new(lock)), checked: Arc::default() })
    }

    /// What it is registered under.
    #[must_use]
    pub fn reader(&self) -> &str {
        &self.reader
    }

    /// Registers the archive, so that the log keeps its entries from now on, and notes whose log it is.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub async fn register(&self, ledger: &dyn Ledger) -> Result<(), ArchiveError> {
        self.note_store(ledger.ids())?;
        if ledger.reader(&self.reader).await?.is_none() {
            ledger.pass(&self.reader, &Cursor::default()).await?;
        }
        Ok(())
    }

    fn note_store(&self, ids: Vec<String>) -> Result<(), ArchiveError> {
        let mut stores = self.stores()?;
        let Some(id) = ids.into_iter().next().filter(|id| stores.last() != Some(id)) else { return Ok(()) };
        stores.retain(|store| *store != id);
        stores.push(id);
        let path = self.dir.join(STORES);
        let lines: String = stores.iter().map(|store| format!("{store}\n")).collect();
        directory::make(&self.dir).and_then(|()| write_whole(&self.dir, &path, lines.as_bytes())).map_err(io_at(&path))
    }

    /// The ids of the stores whose history it is, the latest last; none where nobody has registered it yet.
    ///
    /// # Errors
    /// [`ArchiveError::Io`].
    pub fn stores(&self) -> Result<Vec<String>, ArchiveError> {
        let path = self.dir.join(STORES);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().map(str::to_owned).filter(|id| !id.is_empty()).collect()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(ArchiveError::Io { path, error }),
        }
    }

    /// Writes the next entries of the log, at most [`BITE`] and as many bytes as the ledger gives at once, and passes them; call it until it brings nothing.
    ///
    /// # Errors
    /// [`ArchiveError`]; nothing was passed then, and the same call may be repeated.
    pub async fn bite(&self, ledger: &dyn Ledger) -> Result<Bite, ArchiveError> {
        self.bite_with(ledger, &|_| Vec::new()).await
    }

    /// Likewise, with the documents that a record depends on and that never change under their name, before the record.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub async fn bite_with(
        &self,
        ledger: &dyn Ledger,
        depends_on: &(dyn Fn(&Record) -> Vec<Name> + Send + Sync),
    ) -> Result<Bite, ArchiveError> {
        let from = ledger.reader(&self.reader).await?.unwrap_or_default();
        let (events, next, gap) = match ledger.events(&from, BITE).await? {
            Events::Batch(events, next) => (events, next, false),
            Events::Gap(resume) => match ledger.events(&resume, BITE).await? {
                Events::Batch(events, next) => (events, next, true),
                // It was overtaken again; the next bite tries again.
                Events::Gap(_) => return Ok(Bite { events: 0, gap: true }),
            },
        };
        let bite = Bite { events: events.len(), gap };
        if bite != Bite::default() {
            let names: BTreeSet<Name> = events.iter().filter_map(|event| event.record.as_ref()).flat_map(depends_on).collect();
            self.keep(ledger, names).await?;
            let archive = self.clone();
            let at = ledger.now().await?;
            let written = tokio::task::spawn_blocking(move || archive.append(events, gap, at)).await;
            written.map_err(|error| LedgerError::Unavailable(error.to_string()))??;
            ledger.pass(&self.reader, &next).await?;
        }
        Ok(bite)
    }

    /// Writes documents that are not there yet. One that the store has not got is left out: a record of it says so when it is
    /// looked at.
    async fn keep(&self, ledger: &dyn Ledger, names: BTreeSet<Name>) -> Result<(), ArchiveError> {
        for name in names {
            let path = self.dir.join(DOCUMENTS).join(file_of(&name));
            if self.looked_at(&path) {
                continue;
            }
            if !path.exists()
                && let Some(document) = ledger.document(&name).await?
            {
                let dir = self.dir.join(DOCUMENTS);
                let writing = path.clone();
                let written = tokio::task::spawn_blocking(move || {
                    directory::make(&dir)?;
                    write_whole(&dir, &writing, &document.bytes)
                });
                let written = written.await.map_err(|error| LedgerError::Unavailable(error.to_string()))?;
                written.map_err(io_at(&path))?;
            }
            self.checked.lock().unwrap_or_else(PoisonError::into_inner).insert(path);
        }
        Ok(())
    }

    fn looked_at(&self, path: &Path) -> bool {
        self.checked.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    /// The documents that records of the archive depend on, by name.
    ///
    /// # Errors
    /// [`ArchiveError::Io`].
    pub fn documents(&self) -> Result<Vec<(Name, Vec<u8>)>, ArchiveError> {
        let dir = self.dir.join(DOCUMENTS);
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ArchiveError::Io { path: dir, error }),
        };
        let mut documents = Vec::new();
        for entry in entries {
            let path = entry.map_err(io_at(&dir))?.path();
            if let Some(name) = path.file_name().and_then(|file| name_of(file.to_str()?)) {
                documents.push((name, std::fs::read(&path).map_err(io_at(&path))?));
            }
        }
        documents.sort_unstable();
        Ok(documents)
    }

    /// The days that the archive has, in order, as `2026-11-24`.
    ///
    /// # Errors
    /// [`ArchiveError::Io`].
    pub fn days(&self) -> Result<Vec<String>, ArchiveError> {
        let dir = self.dir.join(SHARD);
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(ArchiveError::Io { path: dir, error }),
        };
        let mut days = Vec::new();
        for entry in entries {
            let entry = entry.map_err(io_at(&dir))?;
            days.extend(entry.file_name().to_str().and_then(|name| name.strip_suffix(ENDING)).map(str::to_owned));
        }
        days.sort_unstable();
        Ok(days)
    }

    /// What happened on a day; repeats are dropped, and of one that stands twice the record that was seen last is kept.
    ///
    /// # Errors
    /// [`ArchiveError`].
    pub fn day(&self, day: &str) -> Result<Day, ArchiveError> {
        let path = self.path(day);
        let mut frames = Frames::open(&path)?;
        let mut found = Day::default();
        let mut seen: HashMap<(String, u64), usize> = HashMap::new();
        while let Some(frame) = frames.next()? {
            found.gaps = found.gaps.saturating_add(usize::from(frame.gap_before));
            for event in frame.events {
                let identity = (event.entry.id.clone(), event.entry.version);
                let at = *seen.entry(identity).or_insert(found.events.len());
                match found.events.get_mut(at) {
                    // What has aged in between was seen before.
                    Some(earlier) => *earlier = Event { record: event.record.or_else(|| earlier.record.take()), ..event },
                    None => found.events.push(event),
                }
            }
        }
        Ok(found)
    }

    fn path(&self, day: &str) -> PathBuf {
        self.dir.join(SHARD).join(format!("{day}{ENDING}"))
    }

    /// By the day of the entry, not of the writing: a repeated bite lands in the same files.
    fn append(&self, events: Vec<Event>, gap: bool, now: Millis) -> Result<(), ArchiveError> {
        let mut by_day: BTreeMap<String, Vec<Event>> = BTreeMap::new();
        if events.is_empty() {
            by_day.insert(day_of(now), Vec::new());
        }
        for event in events {
            by_day.entry(day_of(event.entry.at)).or_default().push(event);
        }
        let mut gap_before = gap;
        for (day, events) in by_day {
            self.append_to(&self.path(&day), &Frame { gap_before, events })?;
            gap_before = false;
        }
        Ok(())
    }

    fn append_to(&self, path: &Path, frame: &Frame) -> Result<(), ArchiveError> {
        let dir = self.dir.join(SHARD);
        directory::make(&dir).map_err(io_at(&dir))?;
        let new = !path.exists();
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(io_at(path))?;
        let mut checked = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if checked.insert(path.to_owned()) && !new {
            let whole = Frames::open(path)?.skip_to_end()?;
            file.set_len(whole).map_err(io_at(path))?;
        }
        let bytes = encode(frame).map_err(io_at(path))?;
        let written = file
            .seek(SeekFrom::End(0))
            .and_then(|_| file.write_all(&bytes))
            .and_then(|()| file.sync_all())
            .and_then(|()| if new { sync_names(&self.dir, &dir) } else { Ok(()) });
        if written.is_err() {
            // Half a frame may stand there now: the next try looks at the end again.
            checked.remove(path);
        }
        written.map_err(io_at(path))
    }
}

/// The id of a directory, made if there is none yet; only whoever has its lock asks.
fn id_of(dir: &Path) -> Result<String, ArchiveError> {
    let path = dir.join(ID);
    if !path.exists() {
        let mut bytes = [0_u8; ID_DIGITS / 2];
        getrandom::fill(&mut bytes).map_err(|error| io_at(&path)(io::Error::other(error.to_string())))?;
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        write_whole(dir, &path, format!("{digits}\n").as_bytes()).map_err(io_at(&path))?;
    }
    let text = std::fs::read_to_string(&path).map_err(io_at(&path))?;
    let id = text.trim_end();
    let fits = id.len() == ID_DIGITS && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if fits { Ok(id.to_owned()) } else { Err(ArchiveError::Id { path: dir.to_owned() }) }
}

/// A crash leaves all of a file or nothing under its name.
fn write_whole(dir: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let unfinished = dir.join(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, path)?;
    File::open(dir)?.sync_all()
}

/// A name may have bytes that no file may.
fn file_of(name: &Name) -> String {
    name.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn name_of(file: &str) -> Option<Name> {
    if !file.len().is_multiple_of(2) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(file.get(at..at.checked_add(2)?)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..file.len()).step_by(2).map(byte).collect();
    bytes.map(|bytes| Name::from_bytes(&bytes))
}

/// An fsync of a file does not promise its name.
fn sync_names(archive: &Path, shard: &Path) -> io::Result<()> {
    File::open(shard)?.sync_all()?;
    File::open(archive)?.sync_all()
}

fn encode(frame: &Frame) -> io::Result<Vec<u8>> {
    let plain = postcard::to_allocvec(frame).map_err(io::Error::other)?;
    let body = zstd::bulk::compress(&plain, zstd::DEFAULT_COMPRESSION_LEVEL)?;
    let length = u64::try_from(body.len()).map_err(io::Error::other)?;
    let mut bytes = Vec::with_capacity(body.len().saturating_add(28));
    bytes.extend_from_slice(&SKIPPABLE);
    bytes.extend_from_slice(&HEADER_BYTES.to_le_bytes());
    bytes.extend_from_slice(&LAYOUT.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&xxh3_64(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// The whole frames of a file, in order.
struct Frames {
    path: PathBuf,
    file: BufReader<File>,
    length: u64,
    /// Where the next frame begins.
    at: u64,
}

impl Frames {
    fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(io_at(path))?;
        let length = file.metadata().map_err(io_at(path))?.len();
        Ok(Self { path: path.to_owned(), file: BufReader::new(file), length, at: 0 })
    }

    fn next(&mut self) -> Result<Option<Frame>, ArchiveError> {
        let Some(body) = self.body()? else { return Ok(None) };
        let broken = || ArchiveError::Broken { path: self.path.clone(), at: self.at };
        let plain = zstd::stream::decode_all(body.as_slice()).map_err(|_| broken())?;
        Ok(Some(postcard::from_bytes(&plain).map_err(|_| broken())?))
    }

    /// Where the last whole frame ends.
    fn skip_to_end(&mut self) -> Result<u64, ArchiveError> {
        while self.body()?.is_some() {}
        Ok(self.at)
    }

    /// The next body; `None` at the end, also where the last frame is torn.
    fn body(&mut self) -> Result<Option<Vec<u8>>, ArchiveError> {
        let rest = self.length.saturating_sub(self.at);
        let mut header = [0; 28];
        if rest < 28 {
            return Ok(None);
        }
        self.file.read_exact(&mut header).map_err(io_at(&self.path))?;
        // Never taken for a torn one, which would be cut off. Zero is: a crash leaves zeros.
        if let Some((found, _)) = layout(&header).filter(|(found, _)| ![0, LAYOUT].contains(found)) {
            return Err(ArchiveError::Layout { path: self.path.clone(), found });
        }
        let length = body_length(&header);
        let whole = length.map_or(u64::MAX, |length| length.saturating_add(28));
        // A header that says nothing sensible, or more than there is, or something else than the body is.
        let Some(length) = length.filter(|_| whole <= rest) else { return self.torn_or_broken() };
        let mut body = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.file.read_exact(&mut body).map_err(io_at(&self.path))?;
        if header.get(20..) != Some(&xxh3_64(&body).to_le_bytes()[..]) {
            return self.torn_or_broken();
        }
        self.at = self.at.saturating_add(whole);
        Ok(Some(body))
    }

    /// A crash tears only the end. Where another frame begins behind one that cannot be read, something else happened.
    fn torn_or_broken(&mut self) -> Result<Option<Vec<u8>>, ArchiveError> {
        let mut rest = Vec::new();
        let behind = SeekFrom::Start(self.at.saturating_add(1));
        self.file.seek(behind).and_then(|_| self.file.read_to_end(&mut rest)).map_err(io_at(&self.path))?;
        let mut headers = rest.windows(28).filter_map(|window| window.first_chunk::<28>());
        if headers.any(|header| body_length(header).is_some()) { Err(self.broken()) } else { Ok(None) }
    }

    fn broken(&self) -> ArchiveError {
        ArchiveError::Broken { path: self.path.clone(), at: self.at }
    }
}

/// The layout that a header names, and what comes behind it.
fn layout(header: &[u8; 28]) -> Option<(u32, &[u8])> {
    let rest = header.strip_prefix(&SKIPPABLE)?.strip_prefix(&HEADER_BYTES.to_le_bytes())?;
    let (found, rest) = rest.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*found), rest))
}

/// The length in a header; `None` where it is none of ours.
fn body_length(header: &[u8; 28]) -> Option<u64> {
    let (length, _) = layout(header).filter(|(found, _)| *found == LAYOUT)?.1.split_first_chunk::<8>()?;
    Some(u64::from_le_bytes(*length)).filter(|length| *length <= BODY_BYTES_MAX)
}

/// In UTC: `2026-11-24`. A time that no calendar has counts as its beginning.
fn day_of(at: Millis) -> String {
    let moment = jiff::Timestamp::from_millisecond(at).unwrap_or_default().to_string();
    moment.split('T').next().unwrap_or_default().to_owned()
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> ArchiveError {
    let path = path.to_owned();
    move |error| ArchiveError::Io { path, error }
}

#[cfg(test)]
mod tests;
