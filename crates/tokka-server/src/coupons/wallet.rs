//! What does a customer hold? Numbered places, each with an instance, and what became of it.

use futures_util::future::{try_join, try_join_all};
use jiff::Timestamp;
use prost::Message;
use tokka_core::promotion::Promotion;
use tokka_ledger::name::Name;
use tokka_ledger::{Ledger, LedgerError};
use tokka_proto::v1;
use xxhash_rust::xxh3::xxh3_64;

use super::record::Entry;
use crate::catalogue::Published;
use crate::claims::coupons as names;
use crate::error::ApiError;

/// Places are read so many at once.
const AT_ONCE: usize = 256;

/// What callers call the instance at a place: its number, and 32 bits over user and number, so that nobody is taken for
/// another user by mistake.
pub(crate) fn instance_id(user: &str, place: u64) -> String {
    format!("{place}-{:08x}", check(user, place))
}

fn check(user: &str, place: u64) -> u64 {
    xxh3_64(Name::of(&[user, &place.to_string()]).as_bytes()) & 0xffff_ffff
}

/// An instance with what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) place: u64,
    pub(crate) entry: Entry,
    pub(crate) state: v1::UserCouponState,
    /// The first moment at which it cannot be used any more.
    pub(crate) expires: Option<Timestamp>,
}

/// How many instances a customer was ever given: the number of the next place.
pub(crate) async fn places(ledger: &dyn Ledger, user: &str) -> Result<u64, LedgerError> {
    let used = ledger.usage(&[names::wallet(user)]).await?;
    Ok(used.first().map_or(0, |used| u64::try_from(*used).unwrap_or(0)))
}

/// The instances at these places of a customer's wallet, in their order; a place that has none is left out.
pub(crate) async fn read(
    ledger: &dyn Ledger,
    published: &Published,
    user: &str,
    places: &[u64],
    now: Timestamp,
) -> Result<Vec<Instance>, ApiError> {
    let mut found = Vec::with_capacity(places.len());
    for some in places.chunks(AT_ONCE) {
        let named: Vec<Name> = some.iter().map(|place| names::entry(user, *place)).collect();
        let counters: Vec<Name> =
            some.iter().flat_map(|place| [names::one_use(user, *place), names::orders(user, *place)]).collect();
        let documents = try_join_all(named.iter().map(|name| ledger.document(name)));
        let (documents, used) = try_join(documents, ledger.usage(&counters)).await?;
        for ((place, document), used) in some.iter().zip(documents).zip(used.chunks(2)) {
            let Some(document) = document else { continue };
            let entry = Entry::decode(document.bytes.as_slice());
            let entry = entry.map_err(|error| ApiError::Bug(format!("place {place} of a wallet cannot be read: {error}")))?;
            let expires = expires(published, &entry);
            let state = match used {
                // Whether it is held or used, the user's open orders know.
                [in_use, ..] if *in_use > 0 => v1::UserCouponState::Used,
                _ if expires.is_some_and(|expires| expires <= now) => v1::UserCouponState::Expired,
                [_, orders] if *orders > 0 => v1::UserCouponState::Returned,
                _ => v1::UserCouponState::Claimed,
            };
            found.push(Instance { place: *place, entry, state, expires });
        }
    }
    tell_held_from_used(ledger, user, &mut found).await?;
    Ok(found)
}

async fn tell_held_from_used(ledger: &dyn Ledger, user: &str, found: &mut [Instance]) -> Result<(), LedgerError> {
    let mut taken: Vec<&mut Instance> = found.iter_mut().filter(|instance| instance.state == v1::UserCouponState::Used).collect();
    if taken.is_empty() {
        return Ok(());
    }
    let uses: Vec<Name> = taken.iter().map(|instance| names::one_use(user, instance.place)).collect();
    for (instance, held) in taken.iter_mut().zip(ledger.held(user, &uses).await?) {
        if held > 0 {
            instance.state = v1::UserCouponState::Held;
        }
    }
    Ok(())
}

/// When an instance can no longer be used: by its own time, and by its coupon's window as it is by now.
fn expires(published: &Published, entry: &Entry) -> Option<Timestamp> {
    let own = entry.until.and_then(|until| Timestamp::from_millisecond(until).ok());
    let of_coupon = coupon(published, &entry.design).and_then(|coupon| coupon.window.end);
    match (own, of_coupon) {
        (Some(own), Some(of_coupon)) => Some(own.min(of_coupon)),
        (own, of_coupon) => own.or(of_coupon),
    }
}

/// A coupon of the catalogue, by the id of its promotion.
pub(crate) fn coupon<'a>(published: &'a Published, design: &str) -> Option<&'a Promotion> {
    published.rulebook.find(design).map(|ix| published.rulebook.promotions().at(ix))
}
