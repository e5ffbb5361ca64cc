//! What does a customer hold? Numbered places, each with an instance, and what became of it.

use futures_util::future::{try_join, try_join_all};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use tokka_core::promotion::{Promotion, Status};
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
/// So many instances of a user may be of use at once.
pub(crate) const LIVE_MAX: u64 = 1_000;
/// The list of places that matter is written again after so many new ones.
const RENEWED_AFTER: u64 = 64;
/// What has been over for so long is not looked at any more: an operator may prolong a coupon that has just ended.
const OVER_FOR: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What callers call the instance at a place: its number, and 32 bits over user and number, so that nobody is taken for
/// another user by mistake.
pub(crate) fn instance_id(user: &str, place: u64) -> String {
    format!("{place}-{:08x}", check(user, place))
}

/// The place of a user's instance; `None`: this user has no instance of that name.
pub(crate) fn place_of(user: &str, instance: &str) -> Option<u64> {
    let place = instance.split_once('-')?.0.parse().ok()?;
    (instance_id(user, place) == instance).then_some(place)
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

impl Instance {
    pub(crate) fn is_usable(&self) -> bool {
        matches!(self.state, v1::UserCouponState::Claimed | v1::UserCouponState::Returned)
    }

    /// Why one that is not usable is not.
    pub(crate) fn why_not(&self) -> v1::OutcomeCode {
        match self.state {
            v1::UserCouponState::Expired => v1::OutcomeCode::CouponExpired,
            _ => v1::OutcomeCode::CouponUsed,
        }
    }

    /// What expires first is used first; of two that expire together, the one that came first.
    pub(crate) fn order(&self) -> (Timestamp, u64) {
        (self.expires.unwrap_or(Timestamp::MAX), self.place)
    }

    /// The order that has it gives it back before it is asked for again.
    pub(crate) fn free_again(&mut self, at: Timestamp) {
        self.state = if self.own_time_is_over(at) { v1::UserCouponState::Expired } else { v1::UserCouponState::Claimed };
    }

    fn own_time_is_over(&self, at: Timestamp) -> bool {
        own_end(&self.entry).is_some_and(|end| end <= at)
    }

    /// Is it of no use to anybody, for good? What expired lately may be prolonged with its coupon's window.
    fn is_over(&self, published: &Published, now: Timestamp) -> bool {
        let archived = coupon(published, &self.entry.design).is_some_and(|coupon| coupon.status == Status::Archived);
        let long_ago = self.expires.is_some_and(|expires| expires < now.checked_sub(OVER_FOR).unwrap_or(Timestamp::MIN));
        archived || long_ago
    }
}

/// The places of a wallet that matter still, of those below `up_to`; all from there on do.
#[derive(Clone, PartialEq, Eq, Message)]
struct Live {
    #[prost(uint64, tag = "1")]
    up_to: u64,
    #[prost(uint64, repeated, tag = "2")]
    places: Vec<u64>,
}

/// The instances of a customer that matter still, for a moment, and those at the places named besides. HELD is not told
/// from USED.
///
/// What has been over for long is left out of a list beside the wallet, which is written again now and then. One that is
/// behind only makes this read more.
pub(crate) async fn live(
    ledger: &dyn Ledger,
    published: &Published,
    user: &str,
    named: &[u64],
    at: Timestamp,
) -> Result<Vec<Instance>, ApiError> {
    let (list, version, total) = listed(ledger, user).await?;
    let mut wanted: Vec<u64> = list.places.iter().copied().chain(list.up_to..total).collect();
    let of_use = wanted.len();
    wanted.extend(named.iter().filter(|place| **place < total && !wanted.contains(place)).copied().collect::<Vec<u64>>());
    let mut found = read(ledger, published, user, &wanted, at).await?;
    for instance in found.iter_mut().filter(|instance| instance.state == v1::UserCouponState::Expired) {
        // That a coupon's window is over is said of the coupon, not of the instance.
        if !instance.own_time_is_over(at) {
            instance.state = v1::UserCouponState::Claimed;
        }
    }
    if total.saturating_sub(list.up_to) >= RENEWED_AFTER {
        let now = Timestamp::now();
        let over = |place: &u64| found.iter().any(|found| found.place == *place && found.is_over(published, now));
        let places = wanted.iter().take(of_use).filter(|place| !over(place)).copied().collect();
        // Whoever was quicker wrote as good a list.
        ledger.put(&names::live(user), version, Live { up_to: total, places }.encode_to_vec()).await?;
    }
    Ok(found)
}

/// Does a customer hold as many as one may at once?
pub(crate) async fn is_full(ledger: &dyn Ledger, published: &Published, user: &str) -> Result<bool, ApiError> {
    let count = |list: &Live, total: u64| {
        u64::try_from(list.places.len()).unwrap_or(u64::MAX).saturating_add(total.saturating_sub(list.up_to))
    };
    let (list, _, total) = listed(ledger, user).await?;
    if count(&list, total) < LIVE_MAX {
        return Ok(false);
    }
    live(ledger, published, user, &[], Timestamp::now()).await?;
    let (list, _, total) = listed(ledger, user).await?;
    Ok(count(&list, total) >= LIVE_MAX)
}

/// The list with its version, and how many places there are.
async fn listed(ledger: &dyn Ledger, user: &str) -> Result<(Live, u64, u64), ApiError> {
    let name = names::live(user);
    let (document, total) = try_join(ledger.document(&name), places(ledger, user)).await?;
    let Some(document) = document else { return Ok((Live::default(), 0, total)) };
    let list = Live::decode(document.bytes.as_slice());
    let list = list.map_err(|error| ApiError::Bug(format!("the list of a wallet cannot be read: {error}")))?;
    Ok((list, document.version, total))
}

/// How many instances a customer was ever given: the number of the next place.
pub(crate) async fn places(ledger: &dyn Ledger, user: &str) -> Result<u64, LedgerError> {
    let used = ledger.usage(&[names::wallet(user)]).await?;
    Ok(used.first().map_or(0, |used| u64::try_from(*used).unwrap_or(0)))
}

/// The instances at these places of a customer's wallet, in their order; a place that has none is left out.
pub(crate) async fn told(
    ledger: &dyn Ledger,
    published: &Published,
    user: &str,
    places: &[u64],
    now: Timestamp,
) -> Result<Vec<Instance>, ApiError> {
    let mut found = read(ledger, published, user, places, now).await?;
    tell_held_from_used(ledger, user, &mut found).await?;
    Ok(found)
}

/// Likewise, with all that an order has called USED.
async fn read(
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
    let own = own_end(entry);
    let of_coupon = coupon(published, &entry.design).and_then(|coupon| coupon.window.end);
    match (own, of_coupon) {
        (Some(own), Some(of_coupon)) => Some(own.min(of_coupon)),
        (own, of_coupon) => own.or(of_coupon),
    }
}

fn own_end(entry: &Entry) -> Option<Timestamp> {
    entry.until.and_then(|until| Timestamp::from_millisecond(until).ok())
}

/// A coupon of the catalogue, by the id of its promotion.
pub(crate) fn coupon<'a>(published: &'a Published, design: &str) -> Option<&'a Promotion> {
    published.rulebook.find(design).map(|ix| published.rulebook.promotions().at(ix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_known_to_its_user_alone() {
        let id = instance_id("u-1", 17);
        assert_eq!(place_of("u-1", &id), Some(17));
        for (user, instance) in [("u-2", id.as_str()), ("u-1", "17"), ("u-1", "017-00000000"), ("u-1", ""), ("u-1", "-")] {
            assert_eq!(place_of(user, instance), None, "{user} {instance}");
        }
        let padded = format!("0{id}");
        assert_eq!(place_of("u-1", &padded), None);
    }
}
