//! Which calls are there about coupons? `CouponService`.

use std::sync::Arc;

use jiff::Timestamp;
use tokka_proto::v1;
use tokka_proto::v1::coupon_service_server::CouponService;
use tonic::{Request, Response, Status, Streaming};

use super::Coupons;
use super::generate::Codes;
use super::issue::Progress;
use crate::error::ApiError;
use crate::error::coupon::Refused;
use crate::reservations::to_the_end;

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct CouponDesk {
    pub(crate) coupons: Arc<Coupons>,
    /// On the admin address, where operators call.
    pub(crate) of_operators: bool,
}

impl CouponDesk {
    fn operators_only(&self) -> Result<(), ApiError> {
        if self.of_operators { Ok(()) } else { Err(Refused::OperatorsOnly.into()) }
    }
}

#[tonic::async_trait]
impl CouponService for CouponDesk {
    async fn claim_coupon(&self, request: Request<v1::ClaimCouponRequest>) -> Result<Response<v1::ClaimCouponResponse>, Status> {
        let coupons = Arc::clone(&self.coupons);
        let answer = to_the_end(async move { coupons.claim(request.into_inner(), Timestamp::now()).await }).await?;
        Ok(Response::new(answer))
    }

    async fn redeem_code(&self, request: Request<v1::RedeemCodeRequest>) -> Result<Response<v1::RedeemCodeResponse>, Status> {
        let coupons = Arc::clone(&self.coupons);
        let answer = to_the_end(async move { coupons.redeem(request.into_inner(), Timestamp::now()).await }).await?;
        Ok(Response::new(answer))
    }

    type IssueCouponsStream = Progress;

    async fn issue_coupons(&self, request: Request<Streaming<v1::IssueCouponsRequest>>) -> Result<Response<Progress>, Status> {
        self.operators_only()?;
        Ok(Response::new(self.clone().issue(request.into_inner())))
    }

    type GenerateCodesStream = Codes;

    async fn generate_codes(&self, request: Request<v1::GenerateCodesRequest>) -> Result<Response<Codes>, Status> {
        self.operators_only()?;
        Ok(Response::new(self.coupons.generate(request.into_inner()).await?))
    }

    async fn list_user_coupons(
        &self,
        request: Request<v1::ListUserCouponsRequest>,
    ) -> Result<Response<v1::ListUserCouponsResponse>, Status> {
        Ok(Response::new(self.coupons.list(request.into_inner(), Timestamp::now()).await?))
    }
}
