//! Do statistics, settlement and counters say what happened, and are wrong questions told from right ones?

use tokka_proto::v1;
use tokka_proto::v1::StatsDimension as By;
use tokka_proto::v1::insight_service_client::InsightServiceClient;
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt;

use crate::books::{administered, counted, insight};
use crate::coupon_shop;
use crate::orders::{SALE, all, gift, is, masks, part, rich};
use crate::running::Running;

fn last(reservation: &v1::Reservation) -> (i64, i32) {
    let at = reservation.changed_at.expect("a moment");
    (at.seconds, at.nanos)
}

async fn stats(client: &mut InsightServiceClient<Channel>, request: v1::PromotionStatsRequest) -> Vec<v1::StatsRow> {
    client.promotion_stats(request).await.expect("statistics").into_inner().rows
}

fn by(by: &[By]) -> v1::PromotionStatsRequest {
    v1::PromotionStatsRequest { by: by.iter().map(|by| i32::from(*by)).collect(), ..Default::default() }
}

fn people(count: i64) -> Option<v1::People> {
    Some(v1::People { count, estimate: None })
}

/// 5,560 − 500 − 300 = 4,760 with a tote bag; one of the two masks goes back, then everything, then the bag.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_told_from_reserved_to_returned() {
    let mut server = Running::of(SALE, administered).await;
    let mut request = rich("r-1", "u-1");
    request.basket.as_mut().expect("a basket").channel = Some("app".to_owned());
    server.hold(request).await;
    let cancelled = server.hold(masks("r-2", "u-2", 1)).await;
    server.refund(all("r-2", "u-2", "b-1")).await;
    let paid = server.commit("r-1", "u-1").await.expect("paid");
    let mut client = insight(&server).await;
    let settlement = counted(&mut client, last(&paid).max(last(&cancelled))).await;
    let total = settlement.total.expect("a total");
    assert_eq!((total.orders, total.sold.expect("sold").payable, total.returned.expect("returned").payable), (1, 4_760, 0));
    let given = v1::GivenValue { payer: "pharma".to_owned(), given: 300, came_back: 0 };
    assert_eq!(settlement.given, std::slice::from_ref(&given));

    let rows = stats(&mut client, by(&[By::Channel])).await;
    let told: Vec<_> =
        rows.iter().map(|row| (row.channel.as_str(), row.reserved, row.cancelled, row.orders, row.value)).collect();
    assert_eq!(told, [("", 1, 1, 0, 0), ("app", 1, 0, 1, 4_760)]);
    let coupon = stats(&mut client, v1::PromotionStatsRequest { promotions: vec!["store-300".to_owned()], ..by(&[]) }).await;
    let [coupon] = &coupon[..] else { panic!("one row: {coupon:?}") };
    assert_eq!((coupon.coupons_used, coupon.discount, coupon.return_on_discount_percent), (1, 300, 1_586));
    assert_eq!((coupon.used_by, coupon.returned_by), (people(1), people(0)));

    let (refund, one_back) = server.refund(part("r-1", "u-1", "b-1", &[("a", 1)])).await;
    let settlement = counted(&mut client, last(&one_back)).await;
    assert_eq!(settlement.total.and_then(|total| total.returned).expect("returned").payable, refund.amount);
    let flash = stats(&mut client, v1::PromotionStatsRequest { promotions: vec!["flash".to_owned()], ..by(&[]) }).await;
    assert_eq!((flash[0].units, flash[0].units_returned, flash[0].orders_with_returns), (2, 1, 1));
    assert_eq!((flash[0].discount, flash[0].discount_returned), (600, 300));

    server.refund(all("r-1", "u-1", "b-2")).await;
    let back = v1::RollbackRequest { all: false, received: vec![gift("tote-bag", 1)], ..all("r-1", "u-1", "b-3") };
    let (_, ended) = server.refund(back).await;
    let settlement = counted(&mut client, last(&ended)).await;
    let net = settlement.total.and_then(|total| total.net).expect("net");
    assert_eq!(net, v1::SettlementColumn::default(), "everything is back");
    assert!(settlement.sellers.iter().all(|seller| seller.net == Some(v1::SettlementColumn::default())));
    assert!(settlement.funders.iter().all(|part| part.net == 0 && part.funded > 0));
    assert_eq!(settlement.given, [v1::GivenValue { came_back: 300, ..given }]);
    let whole = stats(&mut client, by(&[])).await;
    assert_eq!((whole[0].orders, whole[0].orders_returned, whole[0].orders_with_returns), (1, 1, 1));
    assert_eq!((whole[0].value, whole[0].value_returned, whole[0].average_order_value), (4_760, 4_760, 0));
    let coupon = stats(&mut client, v1::PromotionStatsRequest { promotions: vec!["store-300".to_owned()], ..by(&[]) }).await;
    assert_eq!((coupon[0].coupons_returned, coupon[0].returned_by), (1, people(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_is_never_paid_and_what_is_paid_late_is() {
    let mut server = Running::of(SALE, administered).await;
    let hold = |id: &str, user: &str| {
        let hold_for = Some(prost_types::Duration { seconds: 1, nanos: 0 });
        v1::ReserveRequest { hold_for, ..masks(id, user, 1) }
    };
    server.hold(hold("r-1", "u-1")).await;
    let held = server.hold(hold("r-2", "u-2")).await;
    let mut client = insight(&server).await;
    counted(&mut client, last(&held)).await;
    while stats(&mut client, by(&[])).await.first().is_none_or(|row| row.expired < 2) {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let late = server.commit("r-2", "u-2").await.expect("paid late");
    counted(&mut client, last(&late)).await;
    let whole = stats(&mut client, by(&[])).await;
    assert_eq!((whole[0].reserved, whole[0].expired, whole[0].orders, whole[0].value), (2, 2, 1, 980));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_goes_on_where_the_one_before_ended() {
    let mut server = Running::of(SALE, administered).await;
    let paid = server.paid(rich("r-1", "u-1")).await;
    let mut client = insight(&server).await;
    counted(&mut client, last(&paid)).await;
    let whole = stats(&mut client, by(&[By::Promotion])).await;
    assert_eq!(whole.iter().map(|row| row.promotion.as_str()).collect::<Vec<_>>(), ["flash", "spend-5000", "store-300"]);
    let mut request = v1::PromotionStatsRequest { page_size: 2, ..by(&[By::Promotion]) };
    let first = client.promotion_stats(request.clone()).await.expect("a page").into_inner();
    request.page_token = first.next_page_token;
    let second = client.promotion_stats(request.clone()).await.expect("a page").into_inner();
    assert_eq!([first.rows, second.rows].concat(), whole);
    assert!(second.next_page_token.is_empty());
    let other = v1::PromotionStatsRequest { store: "pharma".to_owned(), ..request };
    is(&client.promotion_stats(other).await.expect_err("a token of another list"), Code::InvalidArgument, "INVALID_FIELDS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_question_is_told_by_its_fields() {
    let server = Running::of(SALE, administered).await;
    let mut client = insight(&server).await;
    let fields = |status: &tonic::Status| -> Vec<String> {
        let violations = status.get_details_bad_request().expect("fields").field_violations;
        violations.into_iter().map(|violation| violation.field).collect()
    };
    let request = v1::PromotionStatsRequest {
        first_day: "2026-13-01".to_owned(),
        last_day: "20261101".to_owned(),
        by: vec![0, 99, By::CouponChannel.into()],
        page_size: -1,
        page_token: "x".to_owned(),
        ..Default::default()
    };
    let refused = client.promotion_stats(request).await.expect_err("wrong");
    assert_eq!(fields(&refused), ["first_day", "last_day", "page_size", "by[0]", "by[1]", "by", "page_token"]);
    let request = v1::SettlementRequest { first_day: "2026-11-02".to_owned(), last_day: "2026-11-01".to_owned() };
    assert_eq!(fields(&client.settlement(request).await.expect_err("wrong")), ["last_day"]);
    let request = v1::ListEntriesRequest { page_token: "00-00".to_owned(), ..Default::default() };
    assert_eq!(fields(&client.list_entries(request).await.expect_err("wrong")), ["page_token"]);
    let request =
        v1::CounterUsageRequest { promotions: vec!["flash".to_owned(), "none".to_owned()], gifts: vec!["x".to_owned()] };
    assert_eq!(fields(&client.counter_usage(request).await.expect_err("wrong")), ["promotions[1]", "gifts[0]"]);
    let watch = |promotion: &str, every_ms| v1::WatchSaleRequest { promotion: promotion.to_owned(), every_ms, looks_max: -1 };
    assert_eq!(fields(&client.watch_sale(watch("flash", 99)).await.expect_err("wrong")), ["every_ms", "looks_max"]);
    let request = v1::WatchSaleRequest { promotion: "spend-5000".to_owned(), ..Default::default() };
    assert_eq!(fields(&client.watch_sale(request).await.expect_err("no stock")), ["promotion"]);
    let request = v1::WatchSaleRequest { promotion: "none".to_owned(), ..Default::default() };
    is(&client.watch_sale(request).await.expect_err("unknown"), Code::NotFound, "PROMOTION_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_watched_as_it_goes_until_the_server_stops() {
    let mut server = Running::of(SALE, administered).await;
    let mut client = insight(&server).await;
    let request = v1::WatchSaleRequest { promotion: "flash".to_owned(), every_ms: 100, looks_max: 0 };
    let mut sale = client.watch_sale(request.clone()).await.expect("a stream").into_inner();
    let first = sale.message().await.expect("a look").expect("a look");
    assert_eq!((first.counters[0].limit, first.counters[0].remaining, first.counters[0].rate_per_minute), (10, 10, 0));
    server.hold(masks("r-1", "u-1", 4)).await;
    let mut look = sale.message().await.expect("a look").expect("a look");
    while look.counters[0].remaining == 10 {
        look = sale.message().await.expect("a look").expect("a look");
    }
    assert_eq!(look.counters[0].remaining, 6);
    assert!(look.counters[0].rate_per_minute > 0, "{look:?}");
    let usage = v1::CounterUsageRequest {
        promotions: vec!["store-300".to_owned(), "flash".to_owned()],
        gifts: vec!["tote-bag".to_owned()],
    };
    let counters = client.counter_usage(usage).await.expect("counters").into_inner().counters;
    assert_eq!(counters.iter().map(|row| (row.limit, row.used)).collect::<Vec<_>>(), [(5, 0), (1_500, 0), (10, 4), (3, 0)]);
    let two = v1::WatchSaleRequest { looks_max: 2, ..request };
    let mut two = client.watch_sale(two).await.expect("a stream").into_inner();
    assert!(two.message().await.expect("a look").is_some() && two.message().await.expect("a look").is_some());
    assert_eq!(two.message().await.expect("the end"), None);
    server.stop.send(()).expect("a server");
    while let Ok(Some(_)) = sale.message().await {}
    server.served.await.expect("no panic").expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claimed_coupon_is_counted_by_its_channel() {
    let (server, mut coupons) = coupon_shop::open().await;
    for (user, distribution, id) in
        [("u-1", "no-end", "c-1"), ("u-2", "no-end", "c-1"), ("u-1", "no-end", "c-2"), ("u-3", "fifty", "c-1")]
    {
        coupon_shop::claim(&mut coupons, user, distribution, id).await.expect("claimed");
    }
    let now = jiff::Timestamp::now();
    let mut client = insight(&server).await;
    counted(&mut client, (now.as_second(), now.subsec_nanosecond())).await;
    let rows = stats(&mut client, by(&[By::Promotion, By::CouponChannel])).await;
    let told = |row: &v1::StatsRow| (row.promotion.clone(), row.coupon_channel.clone(), row.coupons_claimed, row.claimed_by);
    let of = |channel: &str, pieces, users| ("store-300".to_owned(), channel.to_owned(), pieces, people(users));
    assert_eq!(rows.iter().map(told).collect::<Vec<_>>(), [of("app", 1, 1), of("email", 3, 2)]);
}
