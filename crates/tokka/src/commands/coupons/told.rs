//! What does a person read of an instance?

use tokka_client::v1;

use crate::order::when;

/// What became of it, in a word or two.
pub(super) fn state(state: v1::UserCouponState) -> &'static str {
    match state {
        v1::UserCouponState::Claimed => "can be used",
        v1::UserCouponState::Held => "held by an order",
        v1::UserCouponState::Used => "used",
        v1::UserCouponState::Returned => "returned, can be used",
        v1::UserCouponState::Expired => "expired",
        v1::UserCouponState::Unspecified => "unknown to this program",
    }
}

/// What it is called, and until when it is good, in one line.
pub(super) fn line(coupon: &v1::UserCoupon) -> String {
    let v1::UserCoupon { instance, design, name, .. } = coupon;
    let until = coupon.expires_at.map(|expires| format!(", until {}", when(Some(expires)))).unwrap_or_default();
    format!("coupon {instance}: {name} ({design}), {}{until}\n", state(coupon.state()))
}
