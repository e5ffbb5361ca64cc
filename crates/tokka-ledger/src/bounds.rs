//! Is this call well formed? What a caller can know without the store; a violation is a bug of the caller, never an
//! answer to a customer.

use std::time::Duration;

use crate::ledger::LedgerError;
use crate::model::{AMOUNT_MAX, CLAIMS_MAX, Extent, Hold, Millis, Portion, Record, Rollback};
use crate::name::Name;

/// Reservation ids, rollback ids, shard keys and readers have 1 to this many bytes.
pub const ID_BYTES_MAX: usize = 255;
/// A payload, an answer or a document has at most this many bytes: a batch of the log stays a few megabytes.
pub const BYTES_MAX: usize = 16 << 20;
/// Parts of a record go back at most so often: each return is kept in it, and the record is written again with each.
pub const RETURNS_MAX: usize = 1_000;
/// All that a record keeps of returns in part has at most this many bytes, about: answers and portions.
pub const RETURNS_BYTES_MAX: usize = 8 << 20;

/// A record goes so long after its last transition or its deadline, unless something else is said: 7 days.
pub const RETENTION: Duration = Duration::from_secs(7 * 24 * 3_600);
/// What is left of a returned record after it has gone is kept for 400 days, in milliseconds.
pub const STUB_KEPT_MS: Millis = 400 * 24 * 3_600_000;

/// A hold names itself, and each counter once with an amount of 1 to [`AMOUNT_MAX`].
///
/// # Errors
/// [`LedgerError::Malformed`] with what is wrong.
pub fn hold(hold: &Hold) -> Result<(), LedgerError> {
    id("reservation id", &hold.id)?;
    id("shard key", &hold.shard_key)?;
    if hold.claims.len() > CLAIMS_MAX {
        return malformed(format!("{} claims, at most {CLAIMS_MAX}", hold.claims.len()));
    }
    bytes("payload", &hold.payload)?;
    for document in &hold.documents {
        bytes("document", &document.bytes)?;
    }
    amounts(hold.claims.iter().map(|claim| (&claim.counter, claim.amount)))
}

/// A rollback names itself; a part of a record says which version it was computed from.
///
/// # Errors
/// [`LedgerError::Malformed`] with what is wrong.
pub fn rollback(rollback: &Rollback) -> Result<(), LedgerError> {
    id("rollback id", &rollback.rollback_id)?;
    bytes("answer", &rollback.answer)?;
    bytes("payload", rollback.payload.as_deref().unwrap_or_default())?;
    match &rollback.extent {
        Extent::Part { .. } if rollback.version.is_none() => {
            malformed("a part is returned without the version that it was computed from".to_owned())
        }
        Extent::Part { portions } | Extent::Whole { except: portions } => portions_once(portions),
    }
}

/// A record that a receipt brings names itself, and holds an amount of each counter once.
///
/// # Errors
/// [`LedgerError::Malformed`] with what is wrong.
pub fn record(record: &Record) -> Result<(), LedgerError> {
    id("reservation id", &record.id)?;
    id("shard key", &record.shard_key)?;
    portions_once(&record.holding)
}

/// An id has 1 to [`ID_BYTES_MAX`] bytes.
///
/// # Errors
/// [`LedgerError::Malformed`].
pub fn id(what: &str, id: &str) -> Result<(), LedgerError> {
    if id.is_empty() || id.len() > ID_BYTES_MAX {
        return malformed(format!("a {what} of {} bytes: 1 to {ID_BYTES_MAX}", id.len()));
    }
    Ok(())
}

/// Opaque bytes are at most [`BYTES_MAX`].
///
/// # Errors
/// [`LedgerError::Malformed`].
pub fn bytes(what: &str, bytes: &[u8]) -> Result<(), LedgerError> {
    if bytes.len() > BYTES_MAX {
        return malformed(format!("a {what} of {} bytes, at most {BYTES_MAX}", bytes.len()));
    }
    Ok(())
}

fn portions_once(portions: &[Portion]) -> Result<(), LedgerError> {
    amounts(portions.iter().map(|portion| (&portion.counter, portion.amount)))
}

fn amounts<'a>(amounts: impl Iterator<Item = (&'a Name, i64)>) -> Result<(), LedgerError> {
    let mut seen = Vec::new();
    for (counter, amount) in amounts {
        if !(1..=AMOUNT_MAX).contains(&amount) {
            return malformed(format!("counter `{counter}`: an amount of {amount}, 1 to {AMOUNT_MAX}"));
        }
        seen.push(counter);
    }
    seen.sort_unstable();
    match seen.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(twice) => malformed(format!("a counter is named twice: {twice:?}")),
        None => Ok(()),
    }
}

fn malformed<T>(what: String) -> Result<T, LedgerError> {
    Err(LedgerError::Malformed(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Claim;

    fn with(claims: &[(&str, i64)]) -> Result<(), LedgerError> {
        let claims = claims.iter().map(|(name, amount)| Claim { counter: Name::of(&[name]), amount: *amount, limit: 10 });
        hold(&Hold {
            id: "r".to_owned(),
            shard_key: "u".to_owned(),
            request_hash: 1,
            claims: claims.collect(),
            deadline: 0,
            revision: 0,
            payload: Vec::new(),
            documents: Vec::new(),
        })
    }

    #[test]
    fn a_hold_names_each_counter_once_with_an_amount() {
        assert_eq!(with(&[]), Ok(()));
        assert_eq!(with(&[("a", 1), ("b", AMOUNT_MAX)]), Ok(()));
        for broken in [&[("a", 0)][..], &[("a", -1)], &[("a", AMOUNT_MAX + 1)], &[("a", 1), ("b", 1), ("a", 1)]] {
            assert!(matches!(with(broken), Err(LedgerError::Malformed(_))), "{broken:?}");
        }
    }

    #[test]
    fn a_part_names_its_version_and_ids_are_bounded() {
        let part = |version, rollback_id: &str| {
            rollback(&Rollback {
                rollback_id: rollback_id.to_owned(),
                request_hash: 1,
                version,
                extent: Extent::Part { portions: Vec::new() },
                payload: None,
                answer: Vec::new(),
            })
        };
        assert_eq!(part(Some(1), "b"), Ok(()));
        assert!(part(None, "b").is_err());
        assert!(part(Some(1), "").is_err());
        assert!(part(Some(1), &"x".repeat(256)).is_err());
    }
}
