//! How does a coupon come into a wallet? What is left of it, the customer's cap and the wallet change in one step of the
//! ledger.

use jiff::Timestamp;
use prost::Message;
use sha2::{Digest, Sha256};
use tokka_catalog::{Codes, Distribution};
use tokka_core::promotion::Status;
use tokka_ledger::model::{AMOUNT_MAX, Claim, Document, Hold, Record, Reserved};
use tokka_ledger::name::Name;
use tokka_proto::v1;

use super::record::{Entry, HandedOut};
use super::redeem::folded;
use super::{Coupons, wallet};
use crate::catalogue::Published;
use crate::claims;
use crate::claims::coupons as names;
use crate::error::ApiError;
use crate::error::coupon::Refused;

/// One customer's calls that meet each other so often in a row are answered `CONTENTION`.
const TRIES_MAX: usize = 64;

/// A coupon to be handed out.
#[derive(Debug, Clone)]
pub(super) struct Order<'a> {
    pub(super) user: &'a str,
    pub(super) distribution: &'a str,
    pub(super) how: v1::HandedOut,
    pub(super) request_id: &'a str,
    /// The code that it is had for, as typed, and its number where it is a single-use one.
    pub(super) code: Option<(&'a str, Option<u32>)>,
}

impl Order<'_> {
    /// What the record is called. INVARIANT: no reservation's id has a space, so that none is mistaken for another's.
    pub(super) fn record_id(&self) -> String {
        let parts = Name::of(&[self.kind(), self.user, self.request_id]);
        format!(" {} {:032x}", self.kind(), digest(&[parts.as_bytes()]))
    }

    /// Issues have ids of their own.
    fn kind(&self) -> &'static str {
        if self.how == v1::HandedOut::Issued { "issue" } else { "claim" }
    }

    /// Over what a repetition has to be equal in.
    fn hash(&self) -> u128 {
        match self.code {
            // What it brings is looked up after the repetition was.
            Some((code, _)) => digest(&[b"code", folded(code).as_bytes()]),
            None => digest(&[Name::of(&[self.distribution]).as_bytes()]),
        }
    }
}

/// When a coupon was handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handed {
    Now,
    /// Under the same id.
    Before,
}

/// 128 bits of SHA-256 over the parts as they are; callers join what has to be told apart.
pub(super) fn digest(parts: &[&[u8]]) -> u128 {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part);
    }
    let digest = hash.finalize();
    digest.iter().take(16).fold(0, |sum, byte| (sum << 8) | u128::from(*byte))
}

impl Coupons {
    /// What a request id stands for that has a record.
    ///
    /// # Errors
    /// `ID_TAKEN`.
    pub(super) async fn handed_out_before(&self, order: &Order<'_>) -> Result<Option<HandedOut>, ApiError> {
        match self.ledger.get(order.user, &order.record_id()).await? {
            Some(record) if record.request_hash == order.hash() => handed_out(&record).map(Some),
            Some(_) => Err(taken(order)),
            None => Ok(None),
        }
    }

    /// Hands one out, or answers what was handed out before under the same id.
    ///
    /// # Errors
    /// `CLAIM_REFUSED`, `WALLET_FULL`, `ID_TAKEN`, `CONTENTION`, `COUPON_NOT_USABLE`, `DISTRIBUTION_NOT_FOUND`.
    pub(super) async fn hand_out(&self, order: &Order<'_>, now: Timestamp) -> Result<HandedOut, ApiError> {
        let place = wallet::places(&*self.ledger, order.user).await?;
        Ok(self.hand_out_from(order, place, now).await?.0)
    }

    /// Likewise, with a guess of the next place, and whether it happened now.
    pub(super) async fn hand_out_from(
        &self,
        order: &Order<'_>,
        mut place: u64,
        now: Timestamp,
    ) -> Result<(HandedOut, Handed), ApiError> {
        for _ in 0..TRIES_MAX {
            let published = self.catalogue.current();
            published.ready()?;
            let distribution = usable(&published, order.distribution, now)?;
            if place >= wallet::LIVE_MAX && wallet::is_full(&*self.ledger, &published, order.user).await? {
                return Err(Refused::WalletFull.into());
            }
            let handed_out = HandedOut {
                user: order.user.to_owned(),
                place,
                entry: Some(entry(distribution, order, now)),
                request_id: order.request_id.to_owned(),
            };
            match self.ledger.take(self.hold(order, distribution, &handed_out, &published).await?).await? {
                Reserved::Taken(_) => return Ok((handed_out, Handed::Now)),
                Reserved::Repeated(record) => return Ok((self::handed_out(&record)?, Handed::Before)),
                Reserved::Refused { shortages, usage } => {
                    let wallet = names::wallet(order.user);
                    let refused: Vec<_> = shortages.iter().filter(|short| short.counter != wallet).collect();
                    if !refused.is_empty() {
                        let told = refused.into_iter().map(claims::shortage).collect();
                        return Err(Refused::Claim(told).into());
                    }
                    // Another call of this user was quicker: the next place is free.
                    place = usage.first().map_or(place, |used| u64::try_from(*used).unwrap_or(place));
                }
                Reserved::Stale { admitted } => self.catalogue.reach(admitted).await,
                Reserved::Conflict => return Err(taken(order)),
                other @ (Reserved::Ended(_) | Reserved::NotReplaceable(_)) => {
                    return Err(ApiError::Bug(format!("a coupon was handed out and {other:?}")));
                }
            }
        }
        Err(ApiError::Contention)
    }

    async fn hold(
        &self,
        order: &Order<'_>,
        distribution: &Distribution,
        handed_out: &HandedOut,
        published: &Published,
    ) -> Result<Hold, ApiError> {
        let HandedOut { user, place, entry, .. } = handed_out;
        let claim = |counter: Name, limit: i64| Claim { counter, amount: 1, limit };
        let next = i64::try_from(place.saturating_add(1)).unwrap_or(i64::MAX);
        let id = distribution.id.as_str();
        let mut claims = vec![
            // The place is the first: its usage is read from there.
            claim(names::wallet(user), next),
            claim(names::claimed(id, user), distribution.per_user.unwrap_or(AMOUNT_MAX)),
            claim(names::issued(id), distribution.issued.unwrap_or(AMOUNT_MAX)),
        ];
        if let Some((_, number)) = order.code {
            claims.push(claim(names::code(id, number), uses(distribution, number)));
        }
        let bytes = entry.as_ref().map(Message::encode_to_vec).unwrap_or_default();
        Ok(Hold {
            id: order.record_id(),
            shard_key: user.clone(),
            request_hash: order.hash(),
            claims,
            // It is committed in the same step, so that this only says how long its record stays.
            deadline: self.ledger.now().await?,
            revision: published.admission,
            payload: handed_out.to_bytes(),
            documents: vec![Document { name: names::entry(user, *place), bytes }],
        })
    }
}

/// How often a code of a distribution can be used.
pub(super) fn uses(distribution: &Distribution, number: Option<u32>) -> i64 {
    match (&distribution.codes, number) {
        (Codes::Shared { uses, .. }, None) => *uses,
        (Codes::SingleUse(_), Some(_)) => 1,
        // It was taken out of the catalogue since it was found.
        _ => 0,
    }
}

/// The distribution of an id, whose coupon can be used now or later.
///
/// # Errors
/// `DISTRIBUTION_NOT_FOUND`, `COUPON_NOT_USABLE`.
pub(super) fn usable<'a>(published: &'a Published, id: &str, now: Timestamp) -> Result<&'a Distribution, ApiError> {
    let found = published.coupons.get(id);
    let distribution = found.ok_or_else(|| Refused::NoDistribution { id: id.to_owned() })?;
    let coupon = wallet::coupon(published, distribution.coupon.as_str());
    let usable = coupon.filter(|coupon| coupon.status == Status::Published && coupon.window.end.is_none_or(|end| now < end));
    match usable {
        Some(_) => Ok(distribution),
        None => Err(Refused::NotUsable { coupon: distribution.coupon.as_str().to_owned() }.into()),
    }
}

fn entry(distribution: &Distribution, order: &Order<'_>, now: Timestamp) -> Entry {
    let until = distribution.valid_for.map(|valid_for| {
        let valid_for = i64::try_from(valid_for.as_millis()).unwrap_or(i64::MAX);
        now.as_millisecond().saturating_add(valid_for)
    });
    Entry {
        design: distribution.coupon.as_str().to_owned(),
        distribution: distribution.id.as_str().to_owned(),
        channel: distribution.channel.as_ref().map(|channel| channel.as_str().to_owned()).unwrap_or_default(),
        how: order.how.into(),
        at: now.as_millisecond(),
        until,
        code: order.code.and_then(|(_, number)| number),
    }
}

fn handed_out(record: &Record) -> Result<HandedOut, ApiError> {
    let read = HandedOut::of(record).map_err(ApiError::Bug)?;
    read.ok_or_else(|| ApiError::Bug("a record with the id of a claim is an order's".to_owned()))
}

fn taken(order: &Order<'_>) -> ApiError {
    ApiError::Taken { field: "request_id", id: order.request_id.to_owned() }
}
