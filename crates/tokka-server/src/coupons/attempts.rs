//! May this customer try another code? Wrong ones are counted by customer, in the store, so that neither a new connection
//! nor another server begins anew.
//!
//! The same wrong code again is no further guess and is not counted: a cart asks for its price with each change. In one
//! server a customer's codes are tried one after the other; several servers at once may each be at one more guess.

use jiff::{SignedDuration, Timestamp};
use prost::Message;
use tokio::sync::{Mutex, MutexGuard};
use tokka_ledger::model::Put;
use tokka_ledger::{Ledger, LedgerError};
use xxhash_rust::xxh3::xxh3_64;

use super::hand_out::digest;
use crate::claims::coupons as names;
use crate::error::ApiError;
use crate::error::coupon::Refused;

/// So many wrong codes a customer may try …
pub(crate) const WRONG_MAX: usize = 10;
/// … within so long of the first of them.
const WITHIN: SignedDuration = SignedDuration::from_hours(1);
/// Customers who wait for each other only by chance.
const LANES: usize = 256;
/// Another server that counts at the same time is waited for so often.
const TRIES_MAX: usize = 16;

/// The lanes in which codes are tried.
#[derive(Debug)]
pub(crate) struct Attempts(Vec<Mutex<()>>);

impl Default for Attempts {
    fn default() -> Self {
        Self((0..LANES).map(|_| Mutex::new(())).collect())
    }
}

/// What a customer tried in vain, as the store keeps it.
#[derive(Clone, PartialEq, Eq, Message)]
struct Tried {
    /// When the first of them was, milliseconds since 1970.
    #[prost(int64, tag = "1")]
    since: i64,
    /// 64 bits of a hash over customer and code: enough to know it again, and of no use to anybody else.
    #[prost(fixed64, repeated, tag = "2")]
    wrong: Vec<u64>,
}

/// A customer's turn; what they tried is as in the store.
pub(crate) struct Turn<'a> {
    user: &'a str,
    tried: Tried,
    version: u64,
    _lane: MutexGuard<'a, ()>,
}

impl Attempts {
    /// Waits for a customer's turn.
    ///
    /// # Errors
    /// `TOO_MANY_ATTEMPTS`, or the store does not answer.
    pub(crate) async fn turn<'a>(&'a self, ledger: &dyn Ledger, user: &'a str, now: Timestamp) -> Result<Turn<'a>, ApiError> {
        let lane = usize::try_from(xxh3_64(user.as_bytes())).unwrap_or(0).checked_rem(self.0.len()).unwrap_or(0);
        let lane = self.0.get(lane).ok_or_else(|| ApiError::Bug("there are no lanes for codes".to_owned()))?;
        let lane = lane.lock().await;
        let (tried, version) = read(ledger, user, now).await?;
        allowed(&tried, now)?;
        Ok(Turn { user, tried, version, _lane: lane })
    }
}

impl Turn<'_> {
    /// Counts a wrong code. It is answered for after this, never before.
    ///
    /// # Errors
    /// `TOO_MANY_ATTEMPTS`, where others were quicker; or the store does not answer.
    pub(crate) async fn was_wrong(mut self, ledger: &dyn Ledger, code: &str, now: Timestamp) -> Result<(), ApiError> {
        let tried = known_again(self.user, code);
        for _ in 0..TRIES_MAX {
            if self.tried.wrong.contains(&tried) {
                return Ok(());
            }
            allowed(&self.tried, now)?;
            let mut next = self.tried.clone();
            if next.wrong.is_empty() {
                next.since = now.as_millisecond();
            }
            next.wrong.push(tried);
            match ledger.put(&names::attempts(self.user), self.version, next.encode_to_vec()).await? {
                Put::Done(_) => return Ok(()),
                Put::Moved(_) => (self.tried, self.version) = read(ledger, self.user, now).await?,
            }
        }
        Err(ApiError::Contention)
    }
}

fn known_again(user: &str, code: &str) -> u64 {
    let digest = digest(&[&user.len().to_be_bytes(), user.as_bytes(), code.as_bytes()]);
    u64::try_from(digest >> 64).unwrap_or(0)
}

/// What counts by now: nothing of what is longer ago than [`WITHIN`].
async fn read(ledger: &dyn Ledger, user: &str, now: Timestamp) -> Result<(Tried, u64), ApiError> {
    let Some(document) = ledger.document(&names::attempts(user)).await? else { return Ok((Tried::default(), 0)) };
    let tried = Tried::decode(document.bytes.as_slice());
    let tried = tried.map_err(|error| LedgerError::Malformed(format!("attempts cannot be read: {error}")))?;
    let counts = over(&tried).is_some_and(|over| now < over);
    Ok((if counts { tried } else { Tried::default() }, document.version))
}

fn over(tried: &Tried) -> Option<Timestamp> {
    Timestamp::from_millisecond(tried.since).ok()?.checked_add(WITHIN).ok()
}

fn allowed(tried: &Tried, now: Timestamp) -> Result<(), Refused> {
    if tried.wrong.len() < WRONG_MAX {
        return Ok(());
    }
    let left = over(tried).map(|over| over.duration_since(now));
    Err(Refused::TooManyAttempts { retry_after: left.and_then(|left| left.try_into().ok()).unwrap_or_default() })
}
