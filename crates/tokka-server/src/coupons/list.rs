//! What does a customer hold and what did they hold? ListUserCoupons, newest first, page by page.

use jiff::Timestamp;
use prost::Message;
use tokka_proto::v1;

use super::{Coupons, wallet};
use crate::error::ApiError;
use crate::page_token;
use crate::request::coupons as request;
use crate::response::coupons as response;
use crate::response::timestamp;

/// A page looks at no more places, however few of them are in a state that was asked for.
const LOOKED_AT_MAX: u64 = 1_000;

impl Coupons {
    /// See `CouponService.ListUserCoupons`.
    pub(crate) async fn list(
        &self,
        asked: v1::ListUserCouponsRequest,
        now: Timestamp,
    ) -> Result<v1::ListUserCouponsResponse, ApiError> {
        let list = v1::ListUserCouponsRequest { page_size: 0, page_token: String::new(), ..asked.clone() }.encode_to_vec();
        let page = request::wallet(asked)?;
        // Places never move, so that a token needs no revision: it says how many places are still to be told.
        let token = page_token::Of::new(&list, "");
        let total = wallet::places(&*self.ledger, &page.user).await?;
        let begin = match page.page_token.as_str() {
            "" => total,
            text => {
                let left = token.read(text).and_then(|left| u64::try_from(left).ok());
                left.filter(|left| (1..=total).contains(left)).ok_or_else(request::wrong_page)?
            }
        };
        let published = self.catalogue.current();
        let mut coupons = Vec::new();
        let mut left = begin;
        let lowest = begin.saturating_sub(LOOKED_AT_MAX);
        while left > lowest && coupons.len() < page.page_size {
            let wanted = u64::try_from(page.page_size.saturating_sub(coupons.len())).unwrap_or(u64::MAX);
            let from = left.saturating_sub(wanted).max(lowest);
            let places: Vec<u64> = (from..left).rev().collect();
            let found = wallet::told(&*self.ledger, &published, &page.user, &places, now).await?;
            let told = found.iter().filter(|instance| page.states.is_empty() || page.states.contains(&instance.state));
            coupons.extend(told.map(|instance| response::user_coupon(&published, &page.user, instance)));
            left = from;
        }
        let next = usize::try_from(left).ok().filter(|left| *left > 0);
        Ok(v1::ListUserCouponsResponse {
            coupons,
            next_page_token: next.map(|left| token.write(left)).unwrap_or_default(),
            coupons_total: i64::try_from(total).unwrap_or(i64::MAX),
            at: Some(timestamp(now)),
        })
    }
}
