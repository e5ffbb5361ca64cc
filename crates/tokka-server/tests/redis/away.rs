//! What do callers and probes hear while the store is away, and what when it comes back without something?

use tokka_proto::v1;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::kept::Kept;
use crate::orders::{SALE, is, masks};
use crate::running::Running;

/// How one name of the health service stands, once it is so.
pub(crate) async fn until(server: &Running, name: &str, status: ServingStatus) {
    let request = HealthCheckRequest { service: name.to_owned() };
    let mut told = HealthClient::new(server.channel.clone()).watch(request).await.expect("a stream").into_inner();
    while told.message().await.expect("a message").expect("one").status() != status {}
}

async fn quoted(server: &mut Running) -> v1::Quote {
    let order = masks("r", "u-1", 2);
    server.quote(v1::QuoteRequest { basket: order.basket, ..Default::default() }).await.expect("a price")
}

#[tokio::test(flavor = "multi_thread")]
async fn quotes_go_on_without_what_is_limited_while_redis_is_dead() {
    let mut server = Running::sale().await;
    until(&server, "tokka.store", ServingStatus::Serving).await;
    let before = quoted(&mut server).await;
    assert_eq!((before.counters(), before.payable), (v1::CounterState::Known, 2 * 980));
    server.data.server.kill9();
    until(&server, "tokka.store", ServingStatus::NotServing).await;
    until(&server, "", ServingStatus::Serving).await;
    let without = quoted(&mut server).await;
    assert_eq!((without.counters(), without.payable), (v1::CounterState::Unknown, 2 * 1280));
    is(&server.refused(masks("r-1", "u-1", 2)).await, Code::Unavailable, "STORE_UNAVAILABLE");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_emptied_store_is_told_from_a_new_one() {
    let mut server = Running::sale().await;
    server.hold(masks("r-1", "u-1", 2)).await;
    server.data.server.cli(&["FLUSHALL"]);
    is(&server.refused(masks("r-2", "u-2", 2)).await, Code::Unavailable, "STORE_EMPTY");
    is(&server.get("r-1", "u-1").await.expect_err("gone"), Code::Unavailable, "STORE_EMPTY");
    assert_eq!(quoted(&mut server).await.counters(), v1::CounterState::Unknown);
    until(&server, "tokka.store", ServingStatus::NotServing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_hangs_and_comes_back_goes_on() {
    let mut server = Running::sale().await;
    server.data.server.pause();
    until(&server, "tokka.store", ServingStatus::NotServing).await;
    server.data.server.resume();
    until(&server, "tokka.store", ServingStatus::Serving).await;
    server.hold(masks("r-1", "u-1", 2)).await;
}

/// What was acknowledged last by a server that is gone is known to nobody but the caller, who has the receipt.
#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_a_restart_lost_comes_back_by_its_receipt() {
    let mut server = Running::sale().await;
    server.hold(masks("r-1", "u-1", 2)).await;
    server.data.server.cli(&["SAVE"]);
    let paid = server.commit("r-1", "u-1").await.expect("paid");
    let unheard = server.paid(masks("r-2", "u-2", 1)).await;
    let Running { client, channel, folder, data, served, .. } = server;
    drop((client, channel));
    // Dead at once: it tells nobody what it knew.
    served.abort();
    let _ = served.await;
    data.server.kill9();
    data.server.restart();

    let mut server = Running::over(folder, data, |_| {}).await;
    let lost = server.get("r-1", "u-1").await.expect("a reservation").reservation.expect("a head");
    assert_eq!(lost.state(), v1::ReservationState::Held, "the payment is lost");
    let request = v1::GetReservationRequest { receipt: paid.receipt.clone(), ..Default::default() };
    let back = server.client.get_reservation(request).await.expect("a reservation").into_inner().reservation.expect("a head");
    assert_eq!((back.state(), back.payable), (v1::ReservationState::Committed, paid.payable));
    // One of which nothing is left, by the first call that brings its receipt.
    let part = v1::RollbackRequest {
        receipt: unheard.receipt,
        rollback_id: "back-1".to_owned(),
        lines: vec![v1::LineUnits { line_id: "a".to_owned(), units: 1 }],
        ..Default::default()
    };
    // Until the shard is open again, this is answered as any call is that has to wait.
    let returned = loop {
        match server.rollback(part.clone()).await {
            Ok(returned) => break returned,
            Err(status) => is(&status, Code::Unavailable, "STORE_UNAVAILABLE"),
        }
    };
    assert_eq!(returned.refund.expect("a refund").amount, 980);
    until(&server, "tokka.store", ServingStatus::Serving).await;
    assert_eq!(server.flash_left().await, 10 - 2, "two are paid, and the third has come back");
    server.hold(masks("r-3", "u-3", 1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_store_does_not_start_and_says_what_to_do() {
    let kept = Kept::new();
    kept.server.cli(&["FLUSHALL"]);
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("catalogue.yaml"), SALE).expect("a file");
    let mut config = tokka_server::Config::new(([127, 0, 0, 1], 0).into(), folder.path());
    crate::kept::apply(&mut config, &kept.words());
    let refused = tokka_server::serve(config, std::future::pending(), |_| panic!("it serves")).await.expect_err("no store");
    let said = refused.to_string();
    assert!(said.starts_with("STORE_EMPTY: ") && said.contains("tokka store init --store URL"), "{said}");
}
