//! How does a caller prove which reservation it speaks of? By its receipt: the record, signed by this server.
//!
//! A receipt is a version, the id of the key, the record, compressed by zstd where that is worth it, and an HMAC-SHA256 over
//! all of that. The key is made at the first start, lies in the data directory readable by its owner alone, and is shared between the servers of
//! a store by giving each the same file.

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
/// The record follows compressed …
const COMPRESSED: u8 = 3;
/// … or as it is: most of it is a payload that is compressed already.
const PLAIN: u8 = 4;
const HEAD_BYTES: usize = 5;
const KEY_BYTES: usize = 32;
const MAC_BYTES: usize = 32;
const KEY_FILE: &str = "receipt.key";

/// The record that a receipt speaks of, as it stood then, by the key in a file.
///
/// # Errors
/// Why the key cannot be read, or that these bytes are no receipt of it; in words.
pub fn read_receipt(key: &Path, receipt: &[u8]) -> Result<Record, String> {
    let receipts = Receipts::load(key).map_err(|error| error.to_string())?;
    receipts.read(receipt).map_err(|error| error.to_string())
}

/// Writes and reads receipts.
pub(crate) struct Receipts {
    key_id: [u8; 4],
    key: [u8; KEY_BYTES],
}

/// Bytes that are no receipt of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a receipt of this server")]
pub(crate) struct NotAReceipt;

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
        Ok(Self { key_id: *key_id, key: key.try_into().map_err(|_| broken())? })
    }

    /// The receipt of a record as it stands; empty where it would be longer than 64 KiB.
    pub(crate) fn write(&self, record: &Record) -> Vec<u8> {
        let Ok(written) = postcard::to_allocvec(record) else { return Vec::new() };
        let (version, written) = if written.len() / 2 < record.payload.len() {
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
        if receipt.len() > BYTES_MAX {
            return Err(NotAReceipt);
        }
        let (signed, mac) = receipt.split_last_chunk::<MAC_BYTES>().ok_or(NotAReceipt)?;
        self.mac(signed).ok_or(NotAReceipt)?.verify_slice(mac).map_err(|_| NotAReceipt)?;
        let (head, written) = signed.split_first_chunk::<HEAD_BYTES>().ok_or(NotAReceipt)?;
        match head[0] {
            PLAIN => postcard::from_bytes(written).map_err(|_| NotAReceipt),
            COMPRESSED => {
                // Whatever was written is read again, however long it was: only what this server signed gets here.
                let bytes = zstd::stream::decode_all(written).map_err(|_| NotAReceipt)?;
                postcard::from_bytes(&bytes).map_err(|_| NotAReceipt)
            }
            _ => Err(NotAReceipt),
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

    #[test]
    fn a_receipt_is_read_by_the_key_that_wrote_it_and_by_no_other() {
        let (dir, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let receipts = Receipts::open(dir.path()).expect("a key");
        let receipt = receipts.write(&record(vec![1, 2, 3]));
        assert_eq!(receipts.read(&receipt), Ok(record(vec![1, 2, 3])));
        // The key stays; another directory has another.
        assert_eq!(Receipts::open(dir.path()).expect("the key").read(&receipt), Ok(record(vec![1, 2, 3])));
        assert_eq!(Receipts::open(other.path()).expect("a key").read(&receipt), Err(NotAReceipt));
    }

    #[test]
    fn a_key_is_shared_as_a_file() {
        let (dir, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let file = other.path().join("shared.key");
        let missing = Receipts::load(&file).expect_err("no key").to_string();
        assert!(missing.contains("shared.key` cannot be read") && missing.contains("head -c 36"), "{missing}");
        assert!(!file.exists(), "each server would make another one");
        let receipt = Receipts::open(dir.path()).expect("a key").write(&record(vec![1]));
        fs::copy(dir.path().join(KEY_FILE), &file).expect("a copy");
        assert_eq!(Receipts::load(&file).expect("the key").read(&receipt), Ok(record(vec![1])));
        fs::write(&file, [0; 35]).expect("a file");
        assert!(Receipts::load(&file).expect_err("too short").to_string().contains("is not a key"));
    }

    #[test]
    fn no_byte_of_a_receipt_can_be_changed_or_cut() {
        let dir = tempfile::tempdir().expect("a folder");
        let receipts = Receipts::open(dir.path()).expect("a key");
        let receipt = receipts.write(&record(vec![5; 40]));
        for position in 0..receipt.len() {
            let mut changed = receipt.clone();
            changed[position] ^= 1;
            assert_eq!(receipts.read(&changed), Err(NotAReceipt), "byte {position}");
            assert_eq!(receipts.read(&receipt[..position]), Err(NotAReceipt), "cut at {position}");
        }
    }

    #[test]
    fn a_record_that_is_too_long_has_no_receipt() {
        let dir = tempfile::tempdir().expect("a folder");
        let receipts = Receipts::open(dir.path()).expect("a key");
        let mut noise = vec![0; 70_000];
        getrandom::fill(&mut noise).expect("random bytes");
        assert!(receipts.write(&record(noise)).is_empty());
    }

    #[test]
    fn only_the_length_of_a_receipt_counts_and_not_that_of_its_record() {
        let dir = tempfile::tempdir().expect("a folder");
        let receipts = Receipts::open(dir.path()).expect("a key");
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
        Receipts::open(dir.path()).expect("a key");
        let mode = fs::metadata(dir.path().join(KEY_FILE)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
