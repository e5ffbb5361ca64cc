//! Does the coupon centre show what can be claimed, and how much of it is left for whom?

use tokka_proto::v1;
use tokka_proto::v1::storefront_service_client::StorefrontServiceClient;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::coupon_shop::{claim, open};
use crate::running::{Running, line};

async fn list(server: &Running, request: v1::ListClaimableCouponsRequest) -> Result<v1::ListClaimableCouponsResponse, Status> {
    let mut client = StorefrontServiceClient::new(server.channel.clone());
    Ok(client.list_claimable_coupons(request).await?.into_inner())
}

fn of(user: Option<&str>) -> v1::ListClaimableCouponsRequest {
    let visitor = v1::Visitor { user: user.map(str::to_owned), ..Default::default() };
    v1::ListClaimableCouponsRequest { visitor: Some(visitor), ..Default::default() }
}

fn left(coupons: &[v1::ClaimableCoupon]) -> Vec<(&str, Option<i64>, Option<i64>)> {
    coupons.iter().map(|coupon| (coupon.distribution.as_str(), coupon.left, coupon.claimed)).collect()
}

#[tokio::test]
async fn the_centre_shows_what_can_be_claimed_and_what_is_left_to_whom() {
    let (server, mut client) = open().await;
    // Hidden ones, codes, those that are over or not open yet, and coupons that nobody can use, are not there.
    let guest = list(&server, of(None)).await.expect("a list");
    assert_eq!(
        left(&guest.coupons),
        [("ending", None, None), ("fifty", Some(50), None), ("no-end", None, None), ("two-each", None, None)]
    );
    claim(&mut client, "u-1", "fifty", "c-1").await.expect("claimed");
    claim(&mut client, "u-1", "two-each", "c-2").await.expect("claimed");
    let mine = list(&server, of(Some("u-1"))).await.expect("a list");
    let expected =
        [("ending", None, Some(0)), ("fifty", Some(0), Some(1)), ("no-end", None, Some(0)), ("two-each", Some(1), Some(1))];
    assert_eq!((left(&mine.coupons), mine.counters()), (expected.to_vec(), v1::CounterState::Known));
    let shown = &mine.coupons[3];
    assert_eq!((shown.design.as_str(), shown.owner.as_str(), shown.name.as_str()), ("store-300", "pharma", "300円クーポン"));
    assert_eq!(shown.valid_for, Some(prost_types::Duration { seconds: 14 * 24 * 3_600, nanos: 0 }));
    assert!(shown.terms.is_some() && mine.coupons[0].usable_until.is_some() && shown.usable_until.is_none());
    let others = list(&server, of(Some("u-2"))).await.expect("a list");
    assert_eq!(left(&others.coupons)[3], ("two-each", Some(2), Some(0)));
    let nobodys = v1::ListClaimableCouponsRequest { owner: "platform".to_owned(), ..of(None) };
    assert_eq!(list(&server, nobodys).await.expect("a list").coupons, []);
    let of_store = v1::ListClaimableCouponsRequest { owner: "pharma".to_owned(), ..of(None) };
    assert_eq!(list(&server, of_store).await.expect("a list").coupons.len(), 4);
}

#[tokio::test]
async fn the_centre_comes_page_by_page_and_names_bad_fields() {
    let (server, _client) = open().await;
    let mut request = v1::ListClaimableCouponsRequest { page_size: 3, ..of(Some("u-1")) };
    let first = list(&server, request.clone()).await.expect("a page");
    request.page_token.clone_from(&first.next_page_token);
    let second = list(&server, request.clone()).await.expect("a page");
    assert_eq!((first.coupons.len(), second.coupons.len(), second.next_page_token.as_str()), (3, 1, ""));
    let another = v1::ListClaimableCouponsRequest { page_token: first.next_page_token, ..of(Some("u-2")) };
    let bad = v1::ListClaimableCouponsRequest { owner: "-".to_owned(), page_size: -1, ..of(Some("u 1")) };
    for (request, expected) in [(another, vec!["page_token"]), (bad, vec!["owner", "page_size", "visitor.user"])] {
        let status = list(&server, request).await.expect_err("refused");
        assert_eq!(status.code(), Code::InvalidArgument);
        let violations = status.get_details_bad_request().expect("a BadRequest").field_violations;
        assert_eq!(violations.iter().map(|violation| violation.field.as_str()).collect::<Vec<_>>(), expected);
    }
}

#[tokio::test]
async fn a_quote_brings_what_covers_a_line_and_can_still_be_claimed() {
    let (server, mut client) = open().await;
    let asked = |store: &str, include: Vec<i32>| v1::QuoteRequest {
        basket: Some(v1::Basket {
            currency: "JPY".to_owned(),
            lines: vec![line("a", "mask", store, 1, 500)],
            user: Some("u-1".to_owned()),
            ..Default::default()
        }),
        include,
        ..Default::default()
    };
    let claimable = v1::Include::Claimable.into();
    let names =
        |answer: &v1::QuoteResponse| answer.claimable.iter().map(|coupon| coupon.distribution.clone()).collect::<Vec<_>>();
    let mut pricing = server.client.clone();
    let answer = pricing.quote(asked("pharma", vec![claimable])).await.expect("a price").into_inner();
    assert_eq!(names(&answer).len(), 4);
    claim(&mut client, "u-1", "fifty", "c-1").await.expect("claimed");
    let answer = pricing.quote(asked("pharma", vec![claimable])).await.expect("a price").into_inner();
    assert!(names(&answer).len() == 3 && !names(&answer).contains(&"fifty".to_owned()), "{:?}", names(&answer));
    let nothing = pricing.quote(asked("books", vec![claimable])).await.expect("a price").into_inner();
    assert_eq!(nothing.claimable, []);
    let not_asked = pricing.quote(asked("pharma", Vec::new())).await.expect("a price").into_inner();
    assert_eq!(not_asked.claimable, []);
}
