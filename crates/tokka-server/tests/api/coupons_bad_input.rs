//! Is every field of a call about coupons that breaks a rule named, all of them at once, and nothing done?

use tokka_proto::v1;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::coupon_shop::{open, reason};

fn fields(status: &Status) -> Vec<String> {
    assert_eq!((status.code(), reason(status).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"), "{status:?}");
    let violations = status.get_details_bad_request().expect("a BadRequest").field_violations;
    violations.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test]
async fn claims() {
    let (_server, mut client) = open().await;
    let good = v1::ClaimCouponRequest { user: "u".to_owned(), distribution: "fifty".to_owned(), request_id: "c".to_owned() };
    let long = "x".repeat(129);
    for (request, expected) in [
        (v1::ClaimCouponRequest::default(), vec!["user", "distribution", "request_id"]),
        (v1::ClaimCouponRequest { user: "u 1".to_owned(), ..good.clone() }, vec!["user"]),
        (v1::ClaimCouponRequest { user: long.clone(), ..good.clone() }, vec!["user"]),
        (v1::ClaimCouponRequest { distribution: "-".to_owned(), ..good.clone() }, vec!["distribution"]),
        (v1::ClaimCouponRequest { distribution: "none".to_owned(), ..good.clone() }, vec!["distribution"]),
        (v1::ClaimCouponRequest { request_id: long.clone(), ..good.clone() }, vec!["request_id"]),
        (v1::ClaimCouponRequest { request_id: "薬".to_owned(), ..good.clone() }, vec!["request_id"]),
    ] {
        let status = client.claim_coupon(request.clone()).await.expect_err("refused");
        assert_eq!(fields(&status), expected, "{request:?}");
    }
}

#[tokio::test]
async fn wallets() {
    let (_server, mut client) = open().await;
    let good = v1::ListUserCouponsRequest { user: "u".to_owned(), ..Default::default() };
    for (request, expected) in [
        (v1::ListUserCouponsRequest { page_size: -1, ..Default::default() }, vec!["user", "page_size"]),
        (v1::ListUserCouponsRequest { states: vec![1, 0, 99], ..good.clone() }, vec!["states[1]", "states[2]"]),
        (v1::ListUserCouponsRequest { page_token: "2-0".to_owned(), ..good.clone() }, vec!["page_token"]),
        (v1::ListUserCouponsRequest { page_token: "x".to_owned(), ..good.clone() }, vec!["page_token"]),
    ] {
        let status = client.list_user_coupons(request.clone()).await.expect_err("refused");
        assert_eq!(fields(&status), expected, "{request:?}");
    }
    let most = v1::ListUserCouponsRequest { page_size: i32::MAX, ..good };
    assert_eq!(client.list_user_coupons(most).await.expect("cut").into_inner().coupons, []);
}
