//! What does a customer hold? Instances on the wire.

use tokka_proto::v1;

use super::reservation::moment;
use super::terms::terms;
use super::timestamp;
use crate::catalogue::Published;
use crate::coupons::instance_id;
use crate::coupons::wallet::{self, Instance};

/// An instance with what the catalogue says of its coupon by now.
pub(crate) fn user_coupon(published: &Published, user: &str, instance: &Instance) -> v1::UserCoupon {
    let Instance { place, entry, state, expires } = instance;
    let coupon = wallet::coupon(published, &entry.design);
    v1::UserCoupon {
        instance: instance_id(user, *place),
        design: entry.design.clone(),
        name: coupon.map(|coupon| coupon.name.clone()).unwrap_or_default(),
        owner: coupon.map(|coupon| coupon.owner.to_string()).unwrap_or_default(),
        terms: coupon.map(terms),
        distribution: entry.distribution.clone(),
        channel: entry.channel.clone(),
        handed_out: entry.how,
        handed_out_at: Some(moment(entry.at)),
        usable_from: coupon.and_then(|coupon| coupon.window.start).map(timestamp),
        expires_at: expires.map(timestamp),
        state: (*state).into(),
    }
}
