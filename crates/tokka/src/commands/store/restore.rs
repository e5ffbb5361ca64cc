//! How does a store come back that was lost with its servers? From what the archives have, and from receipts that callers kept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;
use tokka_ledger::Ledger as _;
use tokka_ledger::archive::{Archive, ArchiveError};
use tokka_ledger::model::Record;
use tokka_ledger::redis::{Config, RestoreError, restore};

use crate::failure::Failure;
use crate::money::{count, grouped};
use crate::output;
use crate::store_at::{self, StorePassword, Unread, not_opened};

/// What is brought back, and where to.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tokka store init --store redis://127.0.0.1
  tokka store restore --store redis://127.0.0.1 --archive archive
  tokka store restore --store redis://127.0.0.1 --archive archive --receipts receipts.txt --receipt-key receipt.key

Stop the servers of the store first. Where all was lost, `tokka store init` makes a new store to restore into; where only some \
shards were emptied (`tokka store check`), these alone come back, and the others stay as they are. Each reservation comes back in the highest state that the archives or the receipts know, \
with what it holds of every limit. What happened after the last of them is not known to anybody. The store is closed until all \
of it is there; where it broke off, call it again.

Exit codes: 0 restored, 1 the store is not empty, or it broke off, 2 called wrongly, no answer, no store, or something cannot \
be read.")]
pub(crate) struct Restore {
    /// The servers, as for `tokka store init`, which makes the new and empty store
    #[arg(long, value_name = "URL", env = "TOKKA_STORE", hide_env_values = true)]
    store: Unread,
    #[command(flatten)]
    password: StorePassword,
    /// A folder that `tokka serve --archive` wrote; may be given several times
    #[arg(long, value_name = "DIR", required = true)]
    archive: Vec<PathBuf>,
    /// A file of receipts, one a line, in base64 as in the JSON of the API
    #[arg(long, value_name = "FILE", requires = "receipt_key")]
    receipts: Option<PathBuf>,
    /// The key that signed them
    #[arg(long, value_name = "FILE", env = "TOKKA_RECEIPT_KEY")]
    receipt_key: Option<PathBuf>,
}

/// Writes everything again.
pub(super) async fn run(arguments: &Restore) -> Result<(), Failure> {
    let url = arguments.password.of(&arguments.store)?;
    let archives: Vec<Archive> = arguments.archive.iter().map(Archive::new).collect();
    let mut days = Vec::new();
    for (archive, folder) in archives.iter().zip(&arguments.archive) {
        let of = archive.days().map_err(|error| unreadable(&error))?;
        if of.is_empty() {
            return Err(Failure::Unreadable(vec![format!("{}: holds no archive", folder.display())]));
        }
        days.extend(of.into_iter().map(|day| (archive, day)));
    }
    let mut stores: BTreeSet<String> = BTreeSet::new();
    for archive in &archives {
        stores.extend(archive.stores().map_err(|error| unreadable(&error))?);
    }
    let receipts = match (&arguments.receipts, &arguments.receipt_key) {
        (Some(file), Some(key)) => read(file, key, &mut stores)?,
        _ => Vec::new(),
    };
    let stores: Vec<String> = stores.into_iter().collect();
    // A day at a time is in memory. The first that cannot be read ends it: a store that lacks a day is not restored.
    let mut broken = None;
    let mut days = days.into_iter();
    let archived = std::iter::from_fn(|| {
        let (archive, day) = days.next()?;
        match archive.day(&day) {
            Ok(day) => Some(day.events.into_iter().filter_map(|event| event.record).collect::<Vec<_>>()),
            Err(error) => {
                broken = Some(error);
                None
            }
        }
    });
    let records = receipts.into_iter().chain(archived.flatten());
    let restored = restore(Config::new(url.clone(), tokka_server::owner()), &stores, records).await;
    if let Some(error) = broken {
        return Err(unreadable(&error));
    }
    let restored = match restored {
        Ok(restored) => restored,
        Err(RestoreError::Open(error)) => return Err(not_opened(&error)),
        Err(error @ RestoreError::NotEmpty { .. }) => {
            // Perhaps an earlier call got so far, and no further: they are right whoever brings them. Where they cannot be
            // written, it is this error all the same that says why.
            let written = documents(&archives, url).await.is_ok();
            let also = if written { "; what prices its orders was brought all the same" } else { "" };
            return Err(Failure::because(format!("{error}{also}")));
        }
        Err(error @ (RestoreError::OtherStore { .. } | RestoreError::Store(_))) => return Err(Failure::because(error)),
    };
    let documents = documents(&archives, url).await?;
    let [read, written, documents] = [restored.read, restored.written, documents].map(number);
    let shards = count(i64::from(restored.shards), "shard");
    output::print(&format!("{read} records read, {written} written into {shards}, {documents} documents\n"))
}

/// What prices the orders again. They never change under their name: one that is there is right.
async fn documents(archives: &[Archive], url: tokka_ledger::redis::StoreUrl) -> Result<u64, Failure> {
    let store = store_at::open(url).await?;
    let mut written = 0_u64;
    for archive in archives {
        for (name, bytes) in archive.documents().map_err(|error| unreadable(&error))? {
            store.put(&name, 0, bytes).await.map_err(Failure::because)?;
            written = written.saturating_add(1);
        }
    }
    Ok(written)
}

/// The records of receipts; and of which stores they are.
fn read(file: &Path, key: &Path, stores: &mut BTreeSet<String>) -> Result<Vec<Record>, Failure> {
    let at = |why: String| Failure::Unreadable(vec![format!("{}: {why}", file.display())]);
    let text = std::fs::read_to_string(file).map_err(|error| at(error.to_string()))?;
    let mut records = Vec::new();
    for (index, line) in text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty()) {
        let number = index.saturating_add(1);
        let bytes = from_base64(line).ok_or_else(|| at(format!("line {number} is not base64")))?;
        let (record, store) = tokka_server::read_receipt(key, &bytes).map_err(|why| at(format!("line {number}: {why}")))?;
        records.push(record);
        stores.extend(store);
    }
    Ok(records)
}

/// Standard base64, with its padding or without.
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    let mut bytes = Vec::with_capacity(digits.len());
    let (mut bits, mut count) = (0_u32, 0_u32);
    for digit in digits.bytes() {
        let value = match digit {
            b'A'..=b'Z' => digit.checked_sub(b'A')?,
            b'a'..=b'z' => digit.checked_sub(b'a')?.checked_add(26)?,
            b'0'..=b'9' => digit.checked_sub(b'0')?.checked_add(52)?,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6 | u32::from(value)) & 0xFFFF;
        count = count.checked_add(6)?;
        if count >= 8 {
            count = count.checked_sub(8)?;
            bytes.push(u8::try_from(bits >> count & 0xFF).ok()?);
        }
    }
    (count < 6).then_some(bytes)
}

fn unreadable(error: &ArchiveError) -> Failure {
    Failure::Unreadable(vec![error.to_string()])
}

fn number(number: u64) -> String {
    grouped(i64::try_from(number).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_json_has_it() {
        let table: [(&str, &[u8]); 6] =
            [("", b""), ("TQ==", b"M"), ("TWE", b"Ma"), ("TWFu", b"Man"), ("+/8=", &[0xFB, 0xFF]), ("AAEC/w==", &[0, 1, 2, 255])];
        for (text, bytes) in table {
            assert_eq!(from_base64(text).as_deref(), Some(bytes), "{text}");
        }
        for wrong in ["A", "TQ-_", "T Q", "AAAAA"] {
            assert_eq!(from_base64(wrong), None, "{wrong}");
        }
    }
}
