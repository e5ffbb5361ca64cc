//! Which codes does a distribution have? GenerateCodes computes them, from any number on, the same each time.

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokka_proto::v1;
use tonic::Status;

use super::redeem::single_use;
use super::{Coupons, code};
use crate::error::ApiError;
use crate::error::coupon::Refused;
use crate::request::coupons as request;

/// Codes of one message.
const AT_ONCE: u32 = 1_000;

/// The answer of `GenerateCodes`.
pub(crate) type Codes = BoxStream<'static, Result<v1::GenerateCodesResponse, Status>>;

impl Coupons {
    /// See `CouponService.GenerateCodes`.
    pub(crate) async fn generate(&self, asked: v1::GenerateCodesRequest) -> Result<Codes, ApiError> {
        let v1::GenerateCodesRequest { distribution, first, count } = request::codes(asked)?;
        let published = self.catalogue.current();
        published.ready()?;
        let found = published.coupons.get(&distribution);
        let found = found.ok_or_else(|| Refused::NoDistribution { id: distribution.clone() })?;
        let total = single_use(found).ok_or_else(|| Refused::NoCodes { distribution: distribution.clone() })?;
        let end = if count == 0 { total } else { first.saturating_add(count).min(total) };
        let [first, end] = [first.min(end), end].map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        let key = self.code_key().await?;
        let pages = stream::unfold(first, move |from| {
            let distribution = distribution.clone();
            async move {
                if from >= end {
                    return None;
                }
                let next = from.saturating_add(AT_ONCE).min(end);
                let codes = (from..next).map(|number| code::write(&key, &distribution, number)).collect();
                let page = v1::GenerateCodesResponse { first: i64::from(from), codes, codes_total: total };
                Some((Ok(page), next))
            }
        });
        Ok(pages.boxed())
    }
}
