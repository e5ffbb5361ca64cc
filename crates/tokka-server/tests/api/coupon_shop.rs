//! How do tests hand out coupons? A shop with distributions of every kind, and what its customers ask.

use jiff::{SignedDuration, Timestamp};
use tokka_proto::v1;
use tokka_proto::v1::coupon_service_client::CouponServiceClient;
use tonic::Status;
use tonic::transport::Channel;

use crate::running::Running;

/// Coupons of a store and of the platform, and how they are handed out.
pub(crate) fn catalogue() -> String {
    let day = |days: i64| (Timestamp::now() + SignedDuration::from_hours(24 * days)).to_string();
    format!(
        r#"
kind: catalogue
currency: JPY
time_zone: Asia/Tokyo
---
{{kind: store, id: pharma, name: 東京ファーマ}}
---
kind: promotion
id: store-300
name: 300円クーポン
owner: pharma
status: published
coupon: {{threshold: 1000, amount_off: 300}}
---
kind: promotion
id: soon-over
name: まもなく終了
owner: pharma
status: published
window: {{end: "{tomorrow}"}}
coupon: {{amount_off: 100}}
---
kind: promotion
id: paused-100
name: 休止中
owner: platform
status: paused
coupon: {{amount_off: 100}}
---
kind: promotion
id: past-100
name: 終了
owner: platform
status: published
window: {{end: "{yesterday}"}}
coupon: {{amount_off: 100}}
---
{{kind: distribution, id: fifty, coupon: store-300, channel: app, visible: true, issued: 50, per_user: 1}}
---
{{kind: distribution, id: two-each, coupon: store-300, visible: true, per_user: 2, valid_for: 14d}}
---
{{kind: distribution, id: no-end, coupon: store-300, channel: email, visible: true}}
---
{{kind: distribution, id: ending, coupon: soon-over, visible: true, valid_for: 14d}}
---
{{kind: distribution, id: hidden, coupon: store-300}}
---
{{kind: distribution, id: paper, coupon: store-300, channel: flyer, visible: true, per_user: 2, codes: {{count: 2000}}}}
---
{{kind: distribution, id: shared, coupon: store-300, channel: radio, per_user: 1, codes: {{shared: SAVE300, uses: 10}}}}
---
{{kind: distribution, id: code-later, coupon: store-300, window: {{start: "{tomorrow}"}}, codes: {{shared: TOMORROW, uses: 10}}}}
---
{{kind: distribution, id: code-over, coupon: store-300, window: {{end: "{yesterday}"}}, codes: {{shared: Yesterday, uses: 10}}}}
---
{{kind: distribution, id: crm, coupon: store-300, channel: crm, issued: 20000, per_user: 1, valid_for: 31d}}
---
{{kind: distribution, id: million, coupon: store-300, channel: crm, per_user: 1}}
---
{{kind: distribution, id: later, coupon: store-300, visible: true, window: {{start: "{tomorrow}"}}}}
---
{{kind: distribution, id: over, coupon: store-300, visible: true, window: {{end: "{yesterday}"}}}}
---
{{kind: distribution, id: of-paused, coupon: paused-100, visible: true}}
---
{{kind: distribution, id: of-past, coupon: past-100, visible: true}}
"#,
        tomorrow = day(1),
        yesterday = day(-1),
    )
}

/// A server of [`catalogue`], with an admin address.
pub(crate) async fn open() -> (Running, CouponServiceClient<Channel>) {
    let server = Running::of(&catalogue(), |config| config.admin = Some(([127, 0, 0, 1], 0).into())).await;
    let client = CouponServiceClient::new(server.channel.clone());
    (server, client)
}

pub(crate) type Client = CouponServiceClient<Channel>;

pub(crate) async fn claim(client: &mut Client, user: &str, of: &str, request_id: &str) -> Result<v1::UserCoupon, Status> {
    let [user, distribution, request_id] = [user, of, request_id].map(str::to_owned);
    let answer = client.claim_coupon(v1::ClaimCouponRequest { user, distribution, request_id }).await?;
    Ok(answer.into_inner().coupon.expect("a claim has a coupon"))
}

/// All that a user ever had, newest first, page by page.
pub(crate) async fn wallet(client: &mut Client, user: &str) -> Vec<v1::UserCoupon> {
    let mut request = v1::ListUserCouponsRequest { user: user.to_owned(), ..Default::default() };
    let mut coupons = Vec::new();
    loop {
        let page = client.list_user_coupons(request.clone()).await.expect("a page").into_inner();
        coupons.extend(page.coupons);
        if page.next_page_token.is_empty() {
            return coupons;
        }
        request.page_token = page.next_page_token;
    }
}

pub(crate) fn reason(status: &Status) -> String {
    use tonic_types::StatusExt;
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}
