//! Which distribution does a code belong to, and what does it bring? RedeemCode, and codes that a basket offers.

use jiff::Timestamp;
use tokka_catalog::Distribution;
use tokka_ledger::model::Put;
use tokka_proto::v1;

use super::claim::open;
use super::hand_out::{Order, usable};
use super::{Coupons, code};
use crate::catalogue::Published;
use crate::claims::coupons as names;
use crate::error::ApiError;
use crate::error::coupon::Refused;
use crate::request::coupons as request;

/// A code that is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The id of its distribution.
    pub(crate) distribution: String,
    /// Which of its single-use codes; `None`: its shared one.
    pub(crate) number: Option<u32>,
}

impl Coupons {
    /// See `CouponService.RedeemCode`.
    pub(crate) async fn redeem(&self, asked: v1::RedeemCodeRequest, now: Timestamp) -> Result<v1::RedeemCodeResponse, ApiError> {
        let v1::RedeemCodeRequest { user, code, request_id } = request::redeem(asked)?;
        let order =
            |distribution, code| Order { user: &user, distribution, how: v1::HandedOut::Redeemed, request_id: &request_id, code };
        let redeemed = match self.handed_out_before(&order("", Some((&code, None)))).await? {
            Some(redeemed) => redeemed,
            None => {
                let found = self.try_code(&user, &code, now).await?.ok_or(Refused::UnknownCode)?;
                open(usable(&self.catalogue.current(), &found.distribution, now)?, now)?;
                self.hand_out(&order(&found.distribution, Some((&code, found.number))), now).await?
            }
        };
        Ok(v1::RedeemCodeResponse { coupon: Some(self.as_it_stands(&redeemed, now).await?) })
    }

    /// What a customer's code is; one that is none is counted before that is said.
    ///
    /// # Errors
    /// `TOO_MANY_ATTEMPTS`, or the store does not answer.
    pub(crate) async fn try_code(&self, user: &str, code: &str, now: Timestamp) -> Result<Option<Found>, ApiError> {
        let turn = self.attempts.turn(&*self.ledger, user, now).await?;
        let published = self.catalogue.current();
        match self.find(&published, code).await? {
            Some(found) => Ok(Some(found)),
            None => {
                turn.was_wrong(&*self.ledger, &folded(code), now).await?;
                Ok(None)
            }
        }
    }

    async fn find(&self, published: &Published, code: &str) -> Result<Option<Found>, ApiError> {
        if let Some(distribution) = published.coupons.of_shared_code(&folded(code)) {
            return Ok(Some(Found { distribution: distribution.id.as_str().to_owned(), number: None }));
        }
        let Some(read) = code::read(code) else { return Ok(None) };
        let mut found = None;
        let key = self.code_key().await?;
        for distribution in published.coupons.with_tag(read.tag) {
            let there = single_use(distribution).is_some_and(|count| i64::from(read.number) < count);
            if read.is_of(&key, distribution.id.as_str()) && there {
                found = Some(Found { distribution: distribution.id.as_str().to_owned(), number: Some(read.number) });
            }
        }
        Ok(found)
    }

    /// The secret that codes are computed from: 32 random bytes, made by whoever needs them first, the same for all servers
    /// of a store ever after.
    pub(super) async fn code_key(&self) -> Result<code::Key, ApiError> {
        if let Some(key) = self.key.get() {
            return Ok(*key);
        }
        let name = names::code_key();
        let bytes = match self.ledger.document(&name).await? {
            Some(document) => document.bytes,
            None => {
                let mut fresh: code::Key = [0; 32];
                getrandom::fill(&mut fresh).map_err(|error| ApiError::Bug(format!("there are no random numbers: {error}")))?;
                match self.ledger.put(&name, 0, fresh.to_vec()).await? {
                    Put::Done(_) => fresh.to_vec(),
                    Put::Moved(_) => self.ledger.document(&name).await?.map(|document| document.bytes).unwrap_or_default(),
                }
            }
        };
        let key: code::Key = bytes.try_into().map_err(|_| ApiError::Bug("the key of codes is damaged".to_owned()))?;
        Ok(*self.key.get_or_init(|| key))
    }
}

/// How many single-use codes a distribution has; `None`: it has none.
pub(super) fn single_use(distribution: &Distribution) -> Option<i64> {
    match &distribution.codes {
        tokka_catalog::Codes::SingleUse(count) => Some(*count),
        tokka_catalog::Codes::None | tokka_catalog::Codes::Shared { .. } => None,
    }
}

/// Upper and lower case are the same code, and so is one with spaces around it.
pub(crate) fn folded(code: &str) -> String {
    code.trim().to_ascii_uppercase()
}
