//! Which calls are there about coupons? `CouponService`.

use std::sync::Arc;

use jiff::Timestamp;
use tokka_proto::v1;
use tokka_proto::v1::coupon_service_server::CouponService;
use tonic::{Request, Response, Status};

use super::Coupons;
use crate::reservations::to_the_end;

/// The service.
#[derive(Debug, Clone)]
pub(crate) struct CouponDesk {
    pub(crate) coupons: Arc<Coupons>,
}

#[tonic::async_trait]
impl CouponService for CouponDesk {
    async fn claim_coupon(&self, request: Request<v1::ClaimCouponRequest>) -> Result<Response<v1::ClaimCouponResponse>, Status> {
        let coupons = Arc::clone(&self.coupons);
        let answer = to_the_end(async move { coupons.claim(request.into_inner(), Timestamp::now()).await }).await?;
        Ok(Response::new(answer))
    }

    async fn list_user_coupons(
        &self,
        request: Request<v1::ListUserCouponsRequest>,
    ) -> Result<Response<v1::ListUserCouponsResponse>, Status> {
        Ok(Response::new(self.coupons.list(request.into_inner(), Timestamp::now()).await?))
    }
}
