//! Does a server stop without a caller noticing, and does it stop at all?

use std::time::Duration;

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::running::{Running, SHOP, masks};

#[tokio::test]
async fn first_not_serving_then_the_end() {
    let mut server = Running::of(SHOP, |config| config.drain_max = Duration::from_secs(3600)).await;
    server.quote(masks()).await.expect("a price");
    let mut probe = HealthClient::new(server.channel.clone());
    let mut health = probe.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
    assert_eq!(health.message().await.expect("a message").expect("one").status(), ServingStatus::Serving);

    server.stop.send(()).expect("a server");
    assert_eq!(health.message().await.expect("a message").expect("one").status(), ServingStatus::NotServing);
    // The server waits for this stream, and for nothing else.
    drop(health);
    server.served.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn a_call_that_never_ends_does_not_keep_it() {
    let server = Running::of(SHOP, |config| config.drain_max = Duration::from_millis(1)).await;
    let mut probe = HealthClient::new(server.channel.clone());
    let _open = probe.watch(HealthCheckRequest::default()).await.expect("a stream");
    server.stop.send(()).expect("a server");
    server.served.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn calls_are_answered_during_the_pause() {
    let mut server = Running::of(SHOP, |config| config.stop_pause = Duration::from_secs(3600)).await;
    let mut probe = HealthClient::new(server.channel.clone());
    let mut health = probe.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
    let (stop, _) = tokio::sync::oneshot::channel();
    std::mem::replace(&mut server.stop, stop).send(()).expect("a server");
    while health.message().await.expect("a message").expect("one").status() != ServingStatus::NotServing {}
    server.quote(masks()).await.expect("a price");
    server.served.abort();
}
