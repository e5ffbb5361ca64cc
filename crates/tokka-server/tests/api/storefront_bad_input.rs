//! Is every bad request of a page refused at its fields, all of them at once? One case, its fields.

use tokka_proto::v1;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::storefront::{AT, product, shop, visitor};

type Case<R> = (&'static str, &'static [&'static str], fn(&mut R));

fn fields(status: &Status) -> Vec<String> {
    let details = status.get_details_bad_request().expect("a BadRequest");
    details.field_violations.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test]
async fn cards() {
    let cases: [Case<v1::PriceCardsRequest>; 14] = [
        ("no products", &["products"], |r| r.products.clear()),
        ("201 products", &["products"], |r| r.products = vec![product("mask-50", 1); 201]),
        ("a currency in words", &["currency"], |r| r.currency = "yen".into()),
        ("another currency", &["currency"], |r| r.currency = "USD".into()),
        ("no sku", &["products[1].sku"], |r| r.products[1].sku.clear()),
        ("a store that is no id", &["products[0].store"], |r| r.products[0].store = "a b".into()),
        ("the platform as a store", &["products[0].store"], |r| r.products[0].store = "platform".into()),
        ("a price below 0", &["products[0].unit_price"], |r| r.products[0].unit_price = -1),
        ("a price beyond 10^12", &["products[0].unit_price"], |r| r.products[0].unit_price = 1_000_000_000_001),
        ("a list price below 0", &["products[1].list_price"], |r| r.products[1].list_price = Some(-1)),
        ("a floor price below 0", &["products[1].floor_price"], |r| r.products[1].floor_price = Some(-1)),
        ("an empty category", &["products[0].categories[0]"], |r| r.products[0].categories = vec![String::new()]),
        ("a user with a space", &["visitor.user"], |r| r.visitor = visitor(Some("u 1"), None)),
        ("everything at once", &["visitor.at", "currency", "visitor.user_tags[0]", "visitor.region", "products[0].sku"], |r| {
            r.currency = "yen".into();
            r.products[0].sku = "麦茶".into();
            let at = Some(prost_types::Timestamp { seconds: 0, nanos: -1 });
            let (user_tags, region) = (vec![String::new()], Some(String::new()));
            r.visitor = Some(v1::Visitor { at, user_tags, region, ..Default::default() });
        }),
    ];
    let (_server, mut pages) = shop().await;
    for (name, expected, change) in cases {
        let mut request = v1::PriceCardsRequest {
            currency: "JPY".to_owned(),
            products: vec![product("mask-50", 1_280), product("tea", 150)],
            visitor: visitor(Some("u1"), Some(AT)),
        };
        change(&mut request);
        let status = pages.price_cards(request).await.expect_err(name);
        assert_eq!(status.code(), Code::InvalidArgument, "{name}: {status:?}");
        assert_eq!(fields(&status), expected, "{name}");
    }
    let request =
        v1::PriceCardsRequest { currency: "JPY".to_owned(), products: vec![product("mask-50", 1_280); 200], visitor: None };
    let answer = pages.price_cards(request).await.expect("200 are allowed").into_inner();
    assert_eq!(answer.cards.len(), 200);
}

#[tokio::test]
async fn offers() {
    let cases: [Case<v1::GetProductOffersRequest>; 5] = [
        ("no product", &["product"], |r| r.product = None),
        ("too many pieces", &["quantity"], |r| r.quantity = 1_000_000),
        ("pieces below 0", &["quantity"], |r| r.quantity = -1),
        ("another currency", &["currency"], |r| r.currency = "USD".into()),
        ("no sku, no price, bad channel", &["visitor.channel", "product.sku", "product.unit_price"], |r| {
            r.product = Some(product("", -1));
            r.visitor = Some(v1::Visitor { channel: Some(String::new()), ..Default::default() });
        }),
    ];
    let (_server, mut pages) = shop().await;
    for (name, expected, change) in cases {
        let mut request = v1::GetProductOffersRequest {
            currency: "JPY".to_owned(),
            product: Some(product("tea", 150)),
            quantity: 0,
            visitor: None,
        };
        change(&mut request);
        let status = pages.get_product_offers(request).await.expect_err(name);
        assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, strings(expected)), "{name}");
    }
}

#[tokio::test]
async fn zones() {
    let cases: [Case<v1::ListZoneRequest>; 5] = [
        ("no promotion", &["promotion"], |r| r.promotion.clear()),
        ("a page of less than nothing", &["page_size"], |r| r.page_size = -1),
        ("a token that nobody wrote", &["page_token"], |r| r.page_token = "2".into()),
        ("a token behind the end", &["page_token"], |r| r.page_token = "ffffffffffffffff-0".into()),
        ("everything at once", &["promotion", "page_size", "visitor.user", "visitor.user_tags[1]"], |r| {
            r.promotion = "a b".into();
            r.page_size = i32::MIN;
            let user_tags = vec!["vip".into(), "v i p".into()];
            r.visitor = Some(v1::Visitor { user: Some(String::new()), user_tags, ..Default::default() });
        }),
    ];
    let (_server, mut pages) = shop().await;
    for (name, expected, change) in cases {
        let mut request = v1::ListZoneRequest { promotion: "flash".to_owned(), ..Default::default() };
        change(&mut request);
        let status = pages.list_zone(request).await.expect_err(name);
        assert_eq!((status.code(), fields(&status)), (Code::InvalidArgument, strings(expected)), "{name}");
    }
    let request = v1::ListZoneRequest { promotion: "flash".to_owned(), page_size: i32::MAX, ..Default::default() };
    pages.list_zone(request).await.expect("more is cut");
}

fn strings(fields: &[&str]) -> Vec<String> {
    fields.iter().map(|field| (*field).to_owned()).collect()
}
