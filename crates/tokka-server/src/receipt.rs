//! How does a caller prove which reservation it speaks of? By its receipt: the record, signed by this server.
//!
//! A receipt is a version, the id of the key, the id of the store with the record, compressed by zstd where that is worth it, and an
//! HMAC-SHA256 over all of that. The key is made at the first start, lies in the data directory readable by its owner alone, and is
//! shared between the servers of a store by giving each the same file. Two stores may share a key; a receipt is good in its own
//! store and in one that the store's history was restored into.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokka_ledger::model::Record;

use crate::packed;

/// A longer one is not given: the record is asked for by its id.
pub(crate) const BYTES_MAX: usize = 64 << 10;
/// A store and its record follow compressed, …
const COMPRESSED: u8 = 4;
/// … or as they are: most of a record is a payload that is compressed already.
const PLAIN: u8 = 5;
/// Read as well: a record alone, of whatever store, compressed.
const WITHOUT_STORE: u8 = 3;
const HEAD_BYTES: usize = 5;
const KEY_BYTES: usize = 32;
const MAC_BYTES: usize = 32;
const KEY_FILE: &str = "receipt.key";

/// The record that a receipt speaks of, as it stood then, and the store that it is of, by the key in a file. Older receipts
/// name no store.
///
/// # Errors
/// Why the key cannot be read, or that these bytes are no receipt of it; in words.
pub fn read_receipt(key: &Path, receipt: &[u8]) -> Result<(Record, Option<String>), String> {
    let receipts = Receipts::load(key).map_err(|error| error.to_string())?;
    receipts.open_signed(receipt).map_err(|error| error.to_string())
}

/// Writes and reads receipts.
pub(crate) struct Receipts {
    key_id: [u8; 4],
    key: [u8; KEY_BYTES],
    /// The store's own id, and those whose history it has.
    stores: Vec<String>,
}

/// Why bytes are no receipt of this server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotAReceipt {
    /// Nothing that its key signed.
    #[error("is not a receipt of this server")]
    Unsigned,
    /// Its key signed it, for a store whose reservations are not here.
    #[error("is a receipt of another store, `{0}`")]
    OfAnotherStore(String),
}

impl Receipts {
    /// The key of a data directory, made if there is none yet.
    ///
    /// # Errors
    /// The file cannot be read or made, or is no key.
    pub(crate) fn open(dir: &Path) -> io::Result<Self> {
        let path = dir.join(KEY_FILE);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                make(dir, &path)?;
                fs::read(&path)?
            }
            Err(error) => return Err(error),
        };
        Self::of(&path, &bytes)
    }

    /// The key that servers of one store share: 36 random bytes in a file, which is not made here, since each server would
    /// make another one.
    ///
    /// # Errors
    /// The file cannot be read, or is no key.
    pub(crate) fn load(path: &Path) -> io::Result<Self> {
        let bytes = fs::read(path).map_err(|error| {
            let hint = "; `head -c 36 /dev/urandom` makes a key, which all servers of a store share";
            let hint = if error.kind() == io::ErrorKind::NotFound { hint } else { "" };
            io::Error::new(error.kind(), format!("`{}` cannot be read: {error}{hint}", path.display()))
        })?;
        Self::of(path, &bytes)
    }

    fn of(path: &Path, bytes: &[u8]) -> io::Result<Self> {
        let broken = || io::Error::new(io::ErrorKind::InvalidData, format!("`{}` is not a key", path.display()));
        let (key_id, key) = bytes.split_first_chunk::<4>().ok_or_else(broken)?;
        Ok(Self { key_id: *key_id, key: key.try_into().map_err(|_| broken())?, stores: Vec::new() })
    }

    /// These, for a store: its own id first, then those of stores whose history was restored into it.
    pub(crate) fn of_store(self, stores: Vec<String>) -> Self {
        Self { stores, ..self }
    }

    /// The receipt of a record as it stands; empty where it would be longer than 64 KiB.
    pub(crate) fn write(&self, record: &Record) -> Vec<u8> {
        let store = self.stores.first().map(String::as_str).unwrap_or_default();
        let Ok(written) = postcard::to_allocvec(&(store, record)) else { return Vec::new() };
        let fits = written.len() <= BYTES_MAX - HEAD_BYTES - MAC_BYTES;
        let (version, written) = if fits && written.len() / 2 < record.payload.len() {
            (PLAIN, written)
        } else {
            let Some(compressed) = packed::compress(&written) else { return Vec::new() };
            (COMPRESSED, compressed)
        };
        let mut receipt = Vec::with_capacity(written.len().saturating_add(HEAD_BYTES + MAC_BYTES));
        receipt.push(version);
        receipt.extend_from_slice(&self.key_id);
        receipt.extend_from_slice(&written);
        let mac = self.mac(&receipt).map(|mac| mac.finalize().into_bytes());
        let Some(mac) = mac.filter(|mac| receipt.len().saturating_add(mac.len()) <= BYTES_MAX) else { return Vec::new() };
        receipt.extend_from_slice(&mac);
        receipt
    }

    /// The record that a receipt speaks of, as it stood then.
    ///
    /// # Errors
    /// [`NotAReceipt`], whatever is wrong with it.
    pub(crate) fn read(&self, receipt: &[u8]) -> Result<Record, NotAReceipt> {
        match self.open_signed(receipt)? {
            (_, Some(store)) if !self.knows(&store) => Err(NotAReceipt::OfAnotherStore(store)),
            (record, _) => Ok(record),
        }
    }

    fn knows(&self, store: &str) -> bool {
        self.stores.iter().any(|known| known == store)
    }

    /// Likewise, of whatever store: which one it was.
    fn open_signed(&self, receipt: &[u8]) -> Result<(Record, Option<String>), NotAReceipt> {
        let unsigned = || NotAReceipt::Unsigned;
        if receipt.len() > BYTES_MAX {
            return Err(unsigned());
        }
        let (signed, mac) = receipt.split_last_chunk::<MAC_BYTES>().ok_or_else(unsigned)?;
        self.mac(signed).ok_or_else(unsigned)?.verify_slice(mac).map_err(|_| unsigned())?;
        let (head, written) = signed.split_first_chunk::<HEAD_BYTES>().ok_or_else(unsigned)?;
        // Whatever was written is read again, however long it was: only what this key signed gets here.
        let unpacked = || zstd::stream::decode_all(written).map_err(|_| unsigned());
        let of_a_store = |bytes: &[u8]| -> Result<(Record, Option<String>), NotAReceipt> {
            let (store, record): (String, Record) = postcard::from_bytes(bytes).map_err(|_| unsigned())?;
            Ok((record, Some(store)))
        };
        match head[0] {
            PLAIN => of_a_store(written),
            COMPRESSED => of_a_store(&unpacked()?),
            WITHOUT_STORE => Ok((postcard::from_bytes(&unpacked()?).map_err(|_| unsigned())?, None)),
            _ => Err(unsigned()),
        }
    }

    fn mac(&self, signed: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(signed);
        Some(mac)
    }
}

/// The key is nobody's business.
impl fmt::Debug for Receipts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipts").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

/// Written beside its place and then named: a crash leaves no half of a key.
fn make(dir: &Path, path: &Path) -> io::Result<()> {
    let mut bytes = [0u8; KEY_BYTES + 4];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    let unfinished = dir.join(".receipt.key");
    if unfinished.try_exists()? {
        fs::remove_file(&unfinished)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&unfinished)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use tokka_ledger::model::{Place, State};

    use super::*;

    fn record(payload: Vec<u8>) -> Record {
        Record {
            id: "r-1".to_owned(),
            shard_key: "u-1".to_owned(),
            request_hash: 7,
            state: State::Held,
            version: 1,
            deadline: 9,
            created: 1,
            changed: 1,
            place: Place { epoch: 7, position: 3 },
            claims: Vec::new(),
            holding: Vec::new(),
            payload,
            note: None,
            documents: Vec::new(),
            returns: Vec::new(),
            tombstone: false,
        }
    }

    fn opened(dir: &Path) -> Receipts {
        Receipts::open(dir).expect("a key").of_store(vec!["a1".to_owned()])
    }

    #[test]
    fn a_receipt_is_read_by_the_key_that_wrote_it_and_by_no_other() {
        let (dir, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let receipts = opened(dir.path());
        let receipt = receipts.write(&record(vec![1, 2, 3]));
        assert_eq!(receipts.read(&receipt), Ok(record(vec![1, 2, 3])));
        // The key stays; another directory has another.
        assert_eq!(opened(dir.path()).read(&receipt), Ok(record(vec![1, 2, 3])));
        assert_eq!(opened(other.path()).read(&receipt), Err(NotAReceipt::Unsigned));
    }

    /// A test environment and the real one have the same key, say, or a store was lost and another one made.
    #[test]
    fn a_receipt_is_good_in_its_own_store_and_in_the_one_that_has_its_history() {
        let dir = tempfile::tempdir().expect("a folder");
        let of = |stores: &[&str]| {
            let ids = stores.iter().map(|id| (*id).to_owned()).collect();
            opened(dir.path()).of_store(ids)
        };
        let (first, other, restored) = (of(&["a1"]), of(&["b2"]), of(&["c3", "a1"]));
        let receipt = first.write(&record(vec![1]));
        assert_eq!(first.read(&receipt), Ok(record(vec![1])));
        assert_eq!(other.read(&receipt), Err(NotAReceipt::OfAnotherStore("a1".to_owned())));
        assert_eq!(restored.read(&receipt), Ok(record(vec![1])));
        assert_eq!(first.read(&restored.write(&record(vec![1]))), Err(NotAReceipt::OfAnotherStore("c3".to_owned())));
        // What the command line reads, of whatever store.
        assert_eq!(read_receipt(&dir.path().join(KEY_FILE), &receipt), Ok((record(vec![1]), Some("a1".to_owned()))));
    }

    /// Given before receipts named a store: it stays good.
    #[test]
    fn a_receipt_of_version_3_is_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let receipts = opened(dir.path());
        let bytes = postcard::to_allocvec(&record(vec![1, 2])).expect("bytes");
        let compressed = packed::compress(&bytes).expect("compressed");
        let mut older = [&[3][..], &receipts.key_id, &compressed].concat();
        let mac = receipts.mac(&older).expect("a mac").finalize().into_bytes();
        older.extend_from_slice(&mac);
        assert_eq!(receipts.read(&older), Ok(record(vec![1, 2])));
    }

    #[test]
    fn a_key_is_shared_as_a_file() {
        let (dir, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let file = other.path().join("shared.key");
        let missing = Receipts::load(&file).expect_err("no key").to_string();
        assert!(missing.contains("shared.key` cannot be read") && missing.contains("head -c 36"), "{missing}");
        assert!(!file.exists(), "each server would make another one");
        let receipt = opened(dir.path()).write(&record(vec![1]));
        fs::copy(dir.path().join(KEY_FILE), &file).expect("a copy");
        assert_eq!(Receipts::load(&file).expect("the key").of_store(vec!["a1".to_owned()]).read(&receipt), Ok(record(vec![1])));
        fs::write(&file, [0; 35]).expect("a file");
        assert!(Receipts::load(&file).expect_err("too short").to_string().contains("is not a key"));
    }

    #[test]
    fn no_byte_of_a_receipt_can_be_changed_or_cut() {
        let dir = tempfile::tempdir().expect("a folder");
        let receipts = opened(dir.path());
        let receipt = receipts.write(&record(vec![5; 40]));
        for position in 0..receipt.len() {
            let mut changed = receipt.clone();
            changed[position] ^= 1;
            assert_eq!(receipts.read(&changed), Err(NotAReceipt::Unsigned), "byte {position}");
            assert_eq!(receipts.read(&receipt[..position]), Err(NotAReceipt::Unsigned), "cut at {position}");
        }
    }

    #[test]
    fn a_record_that_is_too_long_has_no_receipt() {
        let dir = tempfile::tempdir().expect("a folder");
        let receipts = opened(dir.path());
        let mut noise = vec![0; 70_000];
        getrandom::fill(&mut noise).expect("random bytes");
        assert!(receipts.write(&record(noise)).is_empty());
    }

    #[test]
    fn only_the_length_of_a_receipt_counts_and_not_that_of_its_record() {
        let dir = tempfile::tempdir().expect("a folder");
        let receipts = opened(dir.path());
        let long = record(vec![5; 5 << 20]);
        let receipt = receipts.write(&long);
        assert!((1..=BYTES_MAX).contains(&receipt.len()), "{} bytes", receipt.len());
        assert_eq!(receipts.read(&receipt), Ok(long));
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_reads_the_key() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().expect("a folder");
        opened(dir.path());
        let mode = fs::metadata(dir.path().join(KEY_FILE)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
