//! What do pages show while the store is away? Nothing that is limited, and nothing is called sold out.

use tokka_proto::v1;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::away::until;
use crate::storefront::{AT, product, shop, visitor};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_limited_is_shown_while_redis_is_dead() {
    let (server, mut pages) = shop().await;
    server.data.server.kill9();
    until(&server, "tokka.store", ServingStatus::NotServing).await;

    let request = v1::PriceCardsRequest {
        currency: "JPY".to_owned(),
        products: vec![product("mask-50", 1_280), product("mask-7", 1_100), product("gloves", 500)],
        visitor: visitor(Some("u1"), Some(AT)),
    };
    let answer = pages.price_cards(request).await.expect("cards").into_inner();
    assert_eq!(answer.counters(), v1::CounterState::Unknown);
    let shown: Vec<_> = answer.cards.iter().map(|card| (card.price, card.sold_out)).collect();
    assert_eq!(shown, [(1_280, false), (1_100, false), (500, false)]);
    let names: Vec<_> = answer.cards.iter().map(|card| card.promotion.as_ref().map(|shown| shown.promotion.as_str())).collect();
    assert_eq!(names, [Some("bulk"), None, Some("bulk")], "what is not limited goes on");

    let request = v1::ListZoneRequest { promotion: "flash".to_owned(), visitor: visitor(None, Some(AT)), ..Default::default() };
    let zone = pages.list_zone(request).await.expect("a zone").into_inner();
    assert_eq!((zone.counters(), zone.products.len()), (v1::CounterState::Unknown, 3));
    assert!(zone.products.iter().all(|product| product.stock.is_none()));

    let request = v1::GetProductOffersRequest {
        currency: "JPY".to_owned(),
        product: Some(product("mask-50", 1_280)),
        visitor: visitor(Some("u1"), Some(AT)),
        ..Default::default()
    };
    let offers = pages.get_product_offers(request).await.expect("offers").into_inner();
    assert_eq!((offers.counters(), offers.payable), (v1::CounterState::Unknown, 1_280));
}
