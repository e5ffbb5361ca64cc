//! Do two servers over one store have one catalogue? Over a real Redis.

use std::time::Duration;

use tokka_ledger::redis::{StoreUrl, init};
use tokka_proto::v1;
use tokka_proto::v1::promotion_service_client::PromotionServiceClient;
use tokka_server::{Config, StoreAt};
use tonic::Code;

use crate::desk::{Desk, by};
use crate::kept::Kept;
use crate::orders::{SALE, is, masks};
use crate::running::{Running, connect};

/// A server over this store, which asks for newer revisions so often.
async fn server(url: &StoreUrl, poll: Duration) -> Desk {
    let change = |config: &mut Config| {
        config.catalogue = None;
        config.store = StoreAt::Redis(url.clone());
        config.admin = Some(([127, 0, 0, 1], 0).into());
        config.revisions_poll = poll;
    };
    // What is its own is its own; the store that comes with it is not looked at.
    let server = Running::over(tempfile::tempdir().expect("a folder"), Kept::new(), change).await;
    let calls = PromotionServiceClient::new(connect(server.admin.expect("an admin address")).await);
    Desk { server, calls }
}

async fn store() -> (tokka_rig::Redis, StoreUrl) {
    let redis = tokka_rig::Redis::start();
    let url: StoreUrl = redis.url().parse().expect("a URL");
    init(&url, 2).await.expect("a store");
    (redis, url)
}

const SOON: Duration = Duration::from_millis(20);
const NEVER: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn what_one_publishes_the_other_prices_by() {
    let (_redis, url) = store().await;
    let (mut here, mut there) = (server(&url, SOON).await, server(&url, SOON).await);
    here.apply(&[("shop.yaml", SALE)], false).await.expect("applied");
    there.server.catalogue.wait_for(|state| state.revision == "1").await.expect("a server");
    let held = there.server.hold(masks("r-1", "u-1", 2)).await;
    assert_eq!((held.payable, held.revision.as_str()), (2 * 980, "1"));
    there.pause("flash").await.expect("paused");
    here.server.catalogue.wait_for(|state| state.revision == "2").await.expect("a server");
    let v1::ReserveRequest { basket, .. } = masks("x", "u-2", 2);
    let quote = here.server.quote(v1::QuoteRequest { basket, ..Default::default() }).await.expect("a price");
    assert_eq!((quote.payable, quote.revision.as_str()), (2 * 1280, "2"));
    assert_eq!(here.server.commit("r-1", "u-1").await.expect("paid").payable, 2 * 980, "what is held can be paid anywhere");

    // One that comes later knows all of it.
    let mut late = server(&url, SOON).await;
    assert_eq!(late.server.catalogue.borrow().revision, "2");
    let history = late.calls.list_revisions(v1::ListRevisionsRequest::default()).await.expect("a history").into_inner();
    assert_eq!(history.revisions.len(), 2);
}

#[tokio::test]
async fn an_order_is_never_held_on_what_was_stopped_elsewhere() {
    let (_redis, url) = store().await;
    let mut here = server(&url, SOON).await;
    here.apply(&[("shop.yaml", SALE)], false).await.expect("applied");
    // It looks for nothing by itself: only the store can tell it that its prices are old.
    let mut blind = server(&url, NEVER).await;
    assert_eq!(blind.server.catalogue.borrow().revision, "1");
    here.pause("flash").await.expect("paused");
    let v1::ReserveRequest { basket, .. } = masks("x", "u-1", 2);
    let quote = blind.server.quote(v1::QuoteRequest { basket, ..Default::default() }).await.expect("a price");
    assert_eq!((quote.payable, quote.revision.as_str()), (2 * 980, "1"), "a quote promises nothing");
    let expect = Some(v1::reserve_request::Expect::Fingerprint(quote.fingerprint));
    let refused = blind.server.refused(v1::ReserveRequest { expect, ..masks("r-1", "u-1", 2) }).await;
    is(&refused, Code::Aborted, "PRICE_CHANGED");
    let held = blind.server.hold(masks("r-2", "u-1", 2)).await;
    assert_eq!((held.payable, held.revision.as_str()), (2 * 1280, "2"));
}

#[tokio::test]
async fn of_two_operators_at_two_servers_one_is_told() {
    let (_redis, url) = store().await;
    let (mut here, mut there) = (server(&url, NEVER).await, server(&url, NEVER).await);
    here.apply(&[("shop.yaml", SALE)], false).await.expect("applied");
    let text = |price: i64| format!("{{kind: promotion, id: lamp, name: x, owner: pharma, item_price: {{fixed: {price}}}}}");
    let mut etag = here.write(&text(1), "").await.expect("a draft").etag;
    for round in 0..15 {
        let (a, b) = (text(10 + round * 2), text(11 + round * 2));
        let (a, b) = tokio::join!(here.write(&a, &etag), there.write(&b, &etag));
        assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1, "{a:?} {b:?}");
        for refused in [a.as_ref().err(), b.as_ref().err()].into_iter().flatten() {
            is(refused, Code::Aborted, "ETAG");
        }
        etag = a.or(b).expect("one of both").etag;
    }
    // Changes of different documents from both sides all come in, each as its own revision.
    for round in 0..10 {
        let gift = |id: String| v1::WriteDocumentRequest {
            text: format!("{{kind: gift, id: {id}, name: x}}"),
            etag: String::new(),
            change: Some(by("ada")),
        };
        let (a, b) = tokio::join!(
            here.calls.write_document(gift(format!("a-{round}"))),
            there.calls.write_document(gift(format!("b-{round}"))),
        );
        a.expect("written");
        b.expect("written");
    }
    assert_eq!(here.revision(0).await.expect("a revision").revision.expect("one").number, 21);
    assert_eq!(there.revision(0).await.expect("a revision").revision.expect("one").number, 21);
}
