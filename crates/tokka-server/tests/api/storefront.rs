//! Do pages show what a quote would say? Cards, offers and zones over gRPC, while orders take what they show.

use std::time::Duration;

use tokka_proto::v1;
use tokka_proto::v1::storefront_service_client::StorefrontServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::running::{Running, line};

/// 2026-11-11 10:00 in Tokyo.
pub(crate) const AT: i64 = 1_794_358_800;

pub(crate) const SHOP: &str = r#"
kind: catalogue
currency: JPY
time_zone: Asia/Tokyo
---
{kind: store, id: pharma, name: 東京ファーマ}
---
kind: promotion
id: flash
name: マスク タイムセール
description: 先着 4 箱
owner: pharma
status: published
window: {start: "2026-11-11T00:00:00+09:00", end: "2026-11-12T00:00:00+09:00"}
schedule: [{from: "10:00", to: "12:00"}]
scope: {include: {skus: [mask-50, mask-7, soap]}}
priority: 10
stacking: {spend: false}
limits: {stock: 10, stock_by_sku: {mask-50: 4}, units_per_user: 2}
display: {original_price: 1980, label: タイムセール}
item_price: {fixed: 980, flash: true}
---
kind: promotion
id: bulk
name: まとめ買い
owner: pharma
status: published
scope: {include: {skus: [gloves, mask-50]}}
volume_price: {mode: all_units, tiers: [{min_quantity: 10, percent_off: "5"}, {min_quantity: 50, fixed: 400}]}
---
kind: promotion
id: tea-3for2
name: お茶 2本で1本
owner: pharma
status: published
scope: {include: {skus: [tea]}}
display: {label: 2+1}
buy_get: {mode: add, repeat: true, tiers: [{buy: 2, get: 1}]}
---
kind: promotion
id: spend-5000
name: 5,000円以上で500円引き
owner: pharma
status: published
spend: {tiers: [{threshold: 5000, amount_off: 500}]}
---
kind: promotion
id: staff
name: 社員割引
owner: platform
status: published
audience: {tags_any: [staff]}
scope: {include: {categories: [drinks]}}
stacking: {spend: true}
item_price: {percent_off: "30"}
---
kind: promotion
id: later
name: 準備中
owner: pharma
scope: {include: {skus: [mask-50]}}
stacking: {spend: true}
item_price: {fixed: 1}
---
kind: promotion
id: store-300
name: 300円クーポン
owner: pharma
status: published
coupon: {threshold: 900, amount_off: 300}
---
kind: promotion
id: big-1000
name: 1,000円クーポン
owner: platform
status: published
coupon: {threshold: 10000, amount_off: 1000}
---
kind: promotion
id: secret-500
name: 内緒のクーポン
owner: platform
status: published
coupon: {amount_off: 500}
---
{kind: distribution, id: by-mail, coupon: secret-500}
---
kind: promotion
id: claimed-200
name: クーポンセンター
owner: platform
status: published
coupon: {amount_off: 200}
---
{kind: distribution, id: centre, coupon: claimed-200, visible: true}
---
{kind: distribution, id: letters, coupon: claimed-200}
"#;

/// A storefront of [`SHOP`].
pub(crate) async fn shop() -> (Running, StorefrontServiceClient<Channel>) {
    let server = Running::of(SHOP, |_| {}).await;
    let pages = StorefrontServiceClient::new(server.channel.clone());
    (server, pages)
}

pub(crate) fn product(sku: &str, unit_price: i64) -> v1::Product {
    let categories = if sku == "tea" { vec!["drinks".to_owned()] } else { Vec::new() };
    v1::Product { sku: sku.to_owned(), store: "pharma".to_owned(), categories, unit_price, ..Default::default() }
}

pub(crate) fn visitor(user: Option<&str>, at: Option<i64>) -> Option<v1::Visitor> {
    let at = at.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 });
    Some(v1::Visitor { user: user.map(str::to_owned), at, ..Default::default() })
}

async fn cards(
    pages: &mut StorefrontServiceClient<Channel>,
    visitor: Option<v1::Visitor>,
    products: Vec<v1::Product>,
) -> v1::PriceCardsResponse {
    let request = v1::PriceCardsRequest { currency: "JPY".to_owned(), products, visitor };
    pages.price_cards(request).await.expect("cards").into_inner()
}

async fn zone(
    pages: &mut StorefrontServiceClient<Channel>,
    promotion: &str,
    page_size: i32,
    page_token: &str,
) -> Result<v1::ListZoneResponse, Status> {
    let request = v1::ListZoneRequest {
        promotion: promotion.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
        visitor: visitor(None, Some(AT)),
    };
    Ok(pages.list_zone(request).await?.into_inner())
}

#[tokio::test]
async fn a_card_has_one_price_its_label_countdown_share_and_limit() {
    let (_server, mut pages) = shop().await;
    let masks = v1::Product { list_price: Some(1_500), ..product("mask-50", 1_280) };
    let gloves = v1::Product { list_price: Some(600), ..product("gloves", 500) };
    let products = vec![masks, gloves, product("tea", 150), product("soap", 300), product("soap", 300)];
    let answer = cards(&mut pages, visitor(Some("u1"), Some(AT)), products).await;
    assert_eq!((answer.counters(), answer.currency.as_str()), (v1::CounterState::Known, "JPY"));
    let [masks, gloves, tea, soap, again] = answer.cards.as_slice() else { panic!("{answer:?}") };

    assert_eq!((masks.price, masks.original_price, masks.sold_out), (980, Some(1_980), false));
    assert_eq!(masks.from, None, "one price only");
    let flash = masks.promotion.as_ref().expect("a promotion");
    assert_eq!((flash.promotion.as_str(), flash.label.as_str(), flash.flash), ("flash", "タイムセール", true));
    assert_eq!(flash.code(), v1::OutcomeCode::Applied);
    let noon = prost_types::Timestamp { seconds: AT + 2 * 60 * 60, nanos: 0 };
    assert_eq!(flash.ends_at, Some(noon), "the session ends before the window");
    assert_eq!(masks.next_change_at, Some(noon));
    assert_eq!(flash.stock, Some(v1::StockUse { limit: 4, used: 0, percent: 0 }));
    assert_eq!(flash.limit_left, Some(2));

    assert_eq!((gloves.price, gloves.original_price), (500, Some(600)));
    assert_eq!(gloves.from, Some(v1::PriceFrom { quantity: 10, price: 475, promotion: "bulk".to_owned() }));
    assert_eq!(gloves.promotion.as_ref().expect("one").code(), v1::OutcomeCode::BelowQuantity);

    assert_eq!((tea.price, tea.original_price, &tea.from), (150, None, &None));
    let free = tea.promotion.as_ref().expect("a label for others");
    assert_eq!((free.promotion.as_str(), free.label.as_str()), ("tea-3for2", "2+1"));

    // What would not make it cheaper is not shown.
    assert_eq!((soap.price, &soap.promotion), (300, &None));
    assert_eq!(soap, again, "one that stands there twice has two cards");
}

#[tokio::test]
async fn a_card_is_for_its_audience_and_its_moment() {
    let (_server, mut pages) = shop().await;
    let staff = v1::Visitor { user_tags: vec!["staff".to_owned()], ..visitor(None, Some(AT)).unwrap_or_default() };
    let answer = cards(&mut pages, Some(staff), vec![product("tea", 150)]).await;
    assert_eq!(answer.cards[0].price, 105);
    let answer = cards(&mut pages, visitor(None, Some(AT - 1)), vec![product("mask-50", 1_280)]).await;
    assert_eq!(answer.cards[0].price, 1_280, "the session has not begun");
    let opens = answer.cards[0].next_change_at.as_ref().expect("a moment");
    assert_eq!(opens.seconds, AT);
}

#[tokio::test]
async fn what_is_sold_shows_within_a_second_and_what_is_the_customers_own_at_once() {
    // A sale without a schedule: orders are priced for now.
    let text = SHOP.replace("schedule: [{from: \"10:00\", to: \"12:00\"}]", "");
    let text = text.replace("window: {start: \"2026-11-11T00:00:00+09:00\", end: \"2026-11-12T00:00:00+09:00\"}", "");
    let mut server = Running::of(&text, |_| {}).await;
    let mut pages = StorefrontServiceClient::new(server.channel.clone());
    let masks = || vec![product("mask-50", 1_280), product("mask-7", 1_100)];
    let before = cards(&mut pages, visitor(Some("u1"), None), masks()).await;
    assert_eq!(before.cards[0].promotion.as_ref().expect("one").limit_left, Some(2));

    for (number, user) in ["u1", "u2"].into_iter().enumerate() {
        let request = v1::ReserveRequest {
            reservation_id: format!("r{number}"),
            basket: Some(v1::Basket {
                currency: "JPY".to_owned(),
                user: Some(user.to_owned()),
                lines: vec![line("a", "mask-50", "pharma", 2, 1_280)],
                ..Default::default()
            }),
            expect: Some(v1::reserve_request::Expect::AcceptAnyPrice(true)),
            ..Default::default()
        };
        server.client.reserve(request).await.expect("held");
    }
    let own = cards(&mut pages, visitor(Some("u1"), None), masks()).await;
    let shown = own.cards[1].promotion.as_ref().expect("one");
    assert_eq!((own.cards[1].price, shown.limit_left, shown.code()), (1_100, Some(0), v1::OutcomeCode::LimitReached));
    assert!(!own.cards[1].sold_out, "others may still have it");

    // The shared stock may be a second old; then all four are gone, and six of the ten are left for the other mask.
    tokio::time::sleep(Duration::from_millis(1_010)).await;
    let after = cards(&mut pages, visitor(Some("u3"), None), masks()).await;
    let [fifty, seven] = after.cards.as_slice() else { panic!("{after:?}") };
    assert_eq!((fifty.price, fifty.sold_out, fifty.original_price), (1_280, true, None));
    let shown = fifty.promotion.as_ref().expect("what is sold out is named");
    assert_eq!((shown.promotion.as_str(), shown.code()), ("flash", v1::OutcomeCode::StockExhausted));
    assert_eq!(shown.stock, Some(v1::StockUse { limit: 4, used: 4, percent: 100 }));
    assert_eq!(fifty.from.as_ref().map(|from| from.quantity), Some(10), "the tiers are still there");
    assert_eq!(seven.price, 980);
    assert_eq!(seven.promotion.as_ref().and_then(|shown| shown.stock), Some(v1::StockUse { limit: 10, used: 4, percent: 40 }));

    let listed = pages.list_zone(v1::ListZoneRequest { promotion: "flash".to_owned(), ..Default::default() }).await;
    let listed = listed.expect("a zone").into_inner();
    assert_eq!(listed.zone.and_then(|zone| zone.stock), Some(v1::StockUse { limit: 10, used: 4, percent: 40 }));
    assert_eq!(listed.products[0].stock, Some(v1::StockUse { limit: 4, used: 4, percent: 100 }));
}

#[tokio::test]
async fn a_card_is_what_the_quote_of_one_piece_says_after_stage_1() {
    let (mut server, mut pages) = shop().await;
    for (sku, unit_price) in [("mask-50", 1_280), ("gloves", 500), ("tea", 150), ("soap", 300), ("other", 77)] {
        let card = cards(&mut pages, visitor(Some("u1"), Some(AT)), vec![product(sku, unit_price)]).await.cards.remove(0);
        let request = v1::QuoteRequest {
            basket: Some(v1::Basket {
                currency: "JPY".to_owned(),
                user: Some("u1".to_owned()),
                at: Some(prost_types::Timestamp { seconds: AT, nanos: 0 }),
                lines: vec![line("a", sku, "pharma", 1, unit_price)],
                ..Default::default()
            }),
            ..Default::default()
        };
        let quote = server.quote(request).await.expect("a price");
        let item = quote.discounts.as_ref().map_or(0, |discounts| discounts.item);
        assert_eq!(card.price, quote.gross - item, "{sku}");
    }
}

#[tokio::test]
async fn a_product_gets_its_price_spends_and_coupons_each_with_its_outcome() {
    let (_server, mut pages) = shop().await;
    let request = v1::GetProductOffersRequest {
        currency: "JPY".to_owned(),
        product: Some(product("mask-50", 1_280)),
        quantity: 3,
        visitor: visitor(Some("u1"), Some(AT)),
    };
    let answer = pages.get_product_offers(request).await.expect("offers").into_inner();
    assert_eq!(answer.card.as_ref().map(|card| card.price), Some(980), "the card is of one piece");
    assert_eq!(answer.payable, 2 * 980 + 1_280, "two at the sale's price, the third at its own, no coupon used");
    let told: Vec<_> = answer
        .offers
        .iter()
        .map(|offer| {
            let outcome = offer.outcome.as_ref().expect("an outcome");
            (outcome.promotion.as_str(), outcome.code())
        })
        .collect();
    use v1::OutcomeCode::{Applied, BelowQuantity, BelowThreshold};
    assert_eq!(
        told,
        [
            ("flash", Applied),
            ("bulk", BelowQuantity),
            ("spend-5000", BelowThreshold),
            ("store-300", Applied),
            ("big-1000", BelowThreshold),
            ("claimed-200", Applied),
        ],
        "both coupons apply, each for itself; what only an operator hands out and what is a draft is not shown"
    );
    assert_eq!(answer.coupons_total, 3);
    let offer = |id: &str| {
        let of = |offer: &&v1::ProductOffer| offer.outcome.as_ref().is_some_and(|outcome| outcome.promotion == id);
        answer.offers.iter().find(of).expect("an offer")
    };
    assert_eq!(offer("flash").description, "先着 4 箱");
    assert_eq!(offer("bulk").hint.as_ref().map(|hint| hint.missing), Some(7));
    let Some(v1::terms::Rule::VolumePrice(bulk)) = offer("bulk").terms.clone().and_then(|terms| terms.rule) else {
        panic!("{:?}", offer("bulk"))
    };
    assert_eq!(bulk.tiers.iter().map(|tier| tier.min_quantity).collect::<Vec<_>>(), [10, 50]);
    // Only the piece beyond the limit counts towards the spend.
    assert_eq!(offer("spend-5000").hint.as_ref().map(|hint| hint.missing), Some(5_000 - 1_280));
    let Some(v1::outcome::Details::Applied(coupon)) = offer("store-300").outcome.clone().and_then(|outcome| outcome.details)
    else {
        panic!("{:?}", offer("store-300"))
    };
    assert_eq!(coupon.discount, 300);
}

#[tokio::test]
async fn a_zone_lists_its_products_page_by_page() {
    let (server, mut pages) = shop().await;
    let whole = zone(&mut pages, "flash", 0, "").await.expect("a zone");
    let skus = |page: &v1::ListZoneResponse| page.products.iter().map(|product| product.sku.clone()).collect::<Vec<_>>();
    assert_eq!(skus(&whole), ["mask-50", "mask-7", "soap"]);
    assert_eq!((whole.next_page_token.as_str(), whole.products_total), ("", 3));
    let shown = whole.zone.as_ref().expect("a zone");
    assert_eq!(
        (shown.name.as_str(), shown.owner.as_str(), shown.closed()),
        ("マスク タイムセール", "pharma", v1::OutcomeCode::Unspecified)
    );
    assert!(!shown.all_products && shown.stores == ["pharma"]);
    assert!(matches!(shown.terms.as_ref().and_then(|terms| terms.rule.as_ref()), Some(v1::terms::Rule::ItemPrice(_))));

    let first = zone(&mut pages, "flash", 2, "").await.expect("a page");
    assert_eq!((skus(&first), first.products_total), (vec!["mask-50".to_owned(), "mask-7".to_owned()], 3));
    let second = zone(&mut pages, "flash", 2, &first.next_page_token).await.expect("a page");
    assert_eq!((skus(&second), second.next_page_token.as_str()), (vec!["soap".to_owned()], ""));
    assert_eq!(zone(&mut pages, "flash", 1, &first.next_page_token).await.map(|page| skus(&page)).expect("a page"), ["soap"]);

    // A token is of one list and one catalogue.
    let refused = zone(&mut pages, "bulk", 2, &first.next_page_token).await.expect_err("another list");
    assert_eq!(refused.get_details_bad_request().expect("a BadRequest").field_violations[0].field, "page_token");
    let mut catalogue = server.catalogue.clone();
    catalogue.mark_unchanged();
    server.write("more.yaml", "{kind: store, id: books, name: 月読書房}");
    catalogue.changed().await.expect("a new revision");
    let refused = zone(&mut pages, "flash", 2, &first.next_page_token).await.expect_err("another catalogue");
    assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
}

#[tokio::test]
async fn a_zone_says_what_it_covers_and_when_it_opens() {
    let (_server, mut pages) = shop().await;
    let spend = zone(&mut pages, "spend-5000", 0, "").await.expect("a zone").zone.expect("one");
    assert!(spend.all_products && spend.stores == ["pharma"]);
    let staff = zone(&mut pages, "staff", 0, "").await.expect("a zone").zone.expect("one");
    assert_eq!((staff.categories.as_slice(), staff.closed()), (["drinks".to_owned()].as_slice(), v1::OutcomeCode::Audience));
    let request = v1::ListZoneRequest {
        promotion: "flash".to_owned(),
        visitor: visitor(None, Some(AT - 24 * 60 * 60)),
        ..Default::default()
    };
    let early = pages.list_zone(request).await.expect("a zone").into_inner().zone.expect("one");
    assert_eq!(early.closed(), v1::OutcomeCode::NotStarted);
    assert_eq!(early.starts_at.map(|at| at.seconds), Some(AT - 10 * 60 * 60));
    for id in ["later", "nobody"] {
        let refused = zone(&mut pages, id, 0, "").await.expect_err("not published, or not there");
        assert_eq!(refused.code(), Code::NotFound);
        assert_eq!(refused.get_details_error_info().expect("an ErrorInfo").reason, "PROMOTION_NOT_FOUND");
    }
}
