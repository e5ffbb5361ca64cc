//! May this customer take one? ClaimCoupon, for what the coupon centre shows.

use jiff::Timestamp;
use tokka_catalog::{Codes, Distribution};
use tokka_proto::v1;

use super::hand_out::{Order, usable};
use super::record::HandedOut;
use super::{Coupons, wallet};
use crate::error::ApiError;
use crate::error::coupon::Refused;
use crate::request::coupons as request;
use crate::response::coupons as response;

impl Coupons {
    /// See `CouponService.ClaimCoupon`.
    pub(crate) async fn claim(&self, asked: v1::ClaimCouponRequest, now: Timestamp) -> Result<v1::ClaimCouponResponse, ApiError> {
        let v1::ClaimCouponRequest { user, distribution, request_id } = request::claim(asked)?;
        let how = v1::HandedOut::Claimed;
        let order = Order { user: &user, distribution: &distribution, how, request_id: &request_id, code: None };
        // The id is answered for before the claim: a repetition gets its first answer, whatever is left by now.
        let claimed = match self.handed_out_before(&order).await? {
            Some(claimed) => claimed,
            None => {
                claimable(usable(&self.catalogue.current(), &distribution, now)?, now)?;
                self.hand_out(&order, now).await?
            }
        };
        Ok(v1::ClaimCouponResponse { coupon: Some(self.as_it_stands(&claimed, now).await?) })
    }

    /// An instance with what became of it by now.
    pub(super) async fn as_it_stands(&self, handed_out: &HandedOut, now: Timestamp) -> Result<v1::UserCoupon, ApiError> {
        let published = self.catalogue.current();
        let (user, place) = (&handed_out.user, handed_out.place);
        let found = wallet::told(&*self.ledger, &published, user, &[place], now).await?;
        let instance = found.first().ok_or_else(|| ApiError::Bug(format!("place {place} of a wallet is empty")))?;
        Ok(response::user_coupon(&published, user, instance))
    }
}

/// Is it handed out to whoever asks, and now?
///
/// # Errors
/// `NOT_CLAIMABLE`, `CLAIM_NOT_OPEN`, `CLAIM_OVER`.
pub(super) fn claimable(distribution: &Distribution, now: Timestamp) -> Result<(), Refused> {
    let id = || distribution.id.as_str().to_owned();
    if !distribution.visible || distribution.codes != Codes::None {
        return Err(Refused::NotClaimable { distribution: id() });
    }
    open(distribution, now)
}

/// Can it be had now?
///
/// # Errors
/// `CLAIM_NOT_OPEN`, `CLAIM_OVER`.
pub(super) fn open(distribution: &Distribution, now: Timestamp) -> Result<(), Refused> {
    let id = || distribution.id.as_str().to_owned();
    match (distribution.window.start, distribution.window.end) {
        (Some(opens), _) if now < opens => Err(Refused::NotOpen { distribution: id(), opens }),
        (_, Some(ended)) if ended <= now => Err(Refused::Over { distribution: id(), ended }),
        _ => Ok(()),
    }
}
