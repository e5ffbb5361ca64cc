//! Does everybody who follows hear of everything, again where they broke off, and is all of it kept? Over the admin
//! address of a real server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokka_ledger::archive::Archive;
use tokka_proto::v1;
use tokka_proto::v1::event_service_client::EventServiceClient;
use tokka_proto::v1::store_service_client::StoreServiceClient;
use tokka_proto::v1::subscribe_response::What;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt;

use crate::orders::{SALE, all, is, masks, part, rich};
use crate::running::{Running, connect};

/// A server of the sale with an admin address, and a connection to that.
async fn watched(drain_max: Duration) -> (Running, Channel) {
    let server = Running::of(SALE, |config| {
        config.admin = Some(([127, 0, 0, 1], 0).into());
        config.drain_max = drain_max;
    });
    let server = server.await;
    let admin = connect(server.admin.expect("an admin address")).await;
    (server, admin)
}

const PATIENT: Duration = Duration::from_secs(3_600);

async fn subscribe(admin: &Channel, request: v1::SubscribeRequest) -> Result<Streaming<v1::SubscribeResponse>, Status> {
    Ok(EventServiceClient::new(admin.clone()).subscribe(request).await?.into_inner())
}

fn follow(after: &[u8]) -> v1::SubscribeRequest {
    v1::SubscribeRequest { after: after.to_vec(), ..Default::default() }
}

fn until_now(after: &[u8]) -> v1::SubscribeRequest {
    v1::SubscribeRequest { stop_at_end: true, ..follow(after) }
}

/// Events up to the end, and where to go on.
async fn read(admin: &Channel, request: v1::SubscribeRequest) -> (Vec<v1::Event>, Vec<u8>) {
    let mut stream = subscribe(admin, request).await.expect("a stream");
    let (mut events, mut cursor) = (Vec::new(), Vec::new());
    while let Some(message) = stream.message().await.expect("a message") {
        let Some(What::Batch(batch)) = message.what else { panic!("a gap") };
        events.extend(batch.events);
        cursor = message.cursor;
    }
    (events, cursor)
}

fn told(events: &[v1::Event]) -> Vec<(&str, i64, v1::Transition)> {
    events.iter().map(|event| (event.reservation_id.as_str(), event.version, event.transition())).collect()
}

fn order_id(order_id: &str, label: &str) -> v1::OrderReference {
    v1::OrderReference {
        order_id: Some(order_id.to_owned()),
        labels: [("channel".to_owned(), label.to_owned())].into(),
        ..Default::default()
    }
}

#[tokio::test]
async fn every_transition_is_told_with_what_moved_and_what_the_order_is_called() {
    let (mut server, admin) = watched(PATIENT).await;
    server.hold(v1::ReserveRequest { order: Some(order_id("1001", "app")), ..rich("r-1", "u-1") }).await;
    // What Commit says of the order is told beside what Reserve said.
    let paid = v1::CommitRequest {
        reservation_id: "r-1".to_owned(),
        user: Some("u-1".to_owned()),
        order: Some(v1::OrderReference { labels: [("paid".to_owned(), "konbini".to_owned())].into(), ..Default::default() }),
        ..Default::default()
    };
    server.client.commit(paid).await.expect("paid");
    server.refund(part("r-1", "u-1", "b-1", &[("a", 1)])).await;
    server.rollback(all("r-2", "u-2", "b-1")).await.expect("a tombstone");

    let (events, _) = read(&admin, until_now(&[])).await;
    let happened = [
        ("r-1", 1, v1::Transition::Reserved),
        ("r-1", 2, v1::Transition::Committed),
        ("r-1", 3, v1::Transition::PartReturned),
        ("r-2", 1, v1::Transition::Tombstone),
    ];
    assert_eq!(told(&events), happened);
    for event in &events[..3] {
        assert_eq!((event.state(), event.current_version), (v1::ReservationState::Committed, 3));
        assert_eq!(event.user.as_deref(), Some("u-1"));
        let order = event.order.as_ref().expect("an order");
        assert_eq!(order.order_id.as_deref(), Some("1001"));
        assert_eq!(order.labels, [("paid".to_owned(), "konbini".to_owned())].into());
    }
    assert_eq!((events[3].state(), events[3].user.as_deref()), (v1::ReservationState::RolledBack, None));
    assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position));
    // What an ERP books: the order as it was reserved, whatever came back since, and what came back.
    for event in &events[..2] {
        let priced = event.priced.as_ref().expect("a price");
        let promotions: Vec<_> = priced.promotions.iter().map(|of| (of.promotion.as_str(), of.discount)).collect();
        assert_eq!((priced.payable, priced.currency.as_str()), (4_760, "JPY"));
        assert_eq!(promotions, [("flash", 600), ("spend-5000", 500), ("store-300", 300)]);
        let gift = &priced.gifts[0];
        assert_eq!((gift.gift.as_str(), gift.quantity, gift.value, &gift.erp_sku), ("tote-bag", 1, 300, &None));
        assert!(gift.note.contains("トートバッグ"), "{gift:?}");
        assert_eq!(event.returned, None);
    }
    let step = events[2].returned.as_ref().expect("a return");
    assert_eq!((step.rollback_id.as_str(), step.version, step.lines[0].units), ("b-1", 3, 1));
    assert!(step.refund.as_ref().is_some_and(|refund| refund.amount > 0) && events[2].priced.is_none());
    assert_eq!((&events[3].priced, &events[3].returned), (&None, &None));

    let moved = |event: &v1::Event| -> BTreeMap<(v1::CounterKind, String, String), i64> {
        let one = |moved: &v1::CounterMove| {
            let counter = moved.counter.clone().expect("a counter");
            ((counter.kind(), counter.promotion + &counter.gift, moved.user.clone()), moved.by)
        };
        event.moved.iter().map(one).collect()
    };
    let key = |kind, of: &str, user: &str| (kind, of.to_owned(), user.to_owned());
    let taken = moved(&events[0]);
    assert_eq!(taken[&key(v1::CounterKind::Stock, "flash", "")], 2);
    assert_eq!(taken[&key(v1::CounterKind::UnitsPerUser, "flash", "u-1")], 2);
    assert_eq!(taken[&key(v1::CounterKind::GiftInventory, "tote-bag", "")], 1);
    assert!(events[1].moved.is_empty());
    assert_eq!(moved(&events[2])[&key(v1::CounterKind::Stock, "flash", "")], -1);
}

#[tokio::test]
async fn a_follower_hears_of_what_happens_and_goes_on_where_it_broke_off() {
    let (mut server, admin) = watched(PATIENT).await;
    let mut stream = subscribe(&admin, follow(&[])).await.expect("a stream");
    server.hold(masks("r-1", "u-1", 2)).await;
    let first = stream.message().await.expect("a message").expect("one");
    let Some(What::Batch(batch)) = first.what else { panic!("a gap") };
    assert_eq!(told(&batch.events), [("r-1", 1, v1::Transition::Reserved)]);
    drop(stream);

    server.hold(masks("r-2", "u-2", 2)).await;
    server.commit("r-1", "u-1").await.expect("paid");
    // Through a restart: cursors are of the store, not of the process.
    let Running { client, channel, folder, data, stop, served, .. } = server;
    drop((client, channel, admin));
    stop.send(()).expect("a server");
    served.await.expect("no panic").expect("a clean end");
    let server = Running::over(folder, data, |config| config.admin = Some(([127, 0, 0, 1], 0).into())).await;
    let admin = connect(server.admin.expect("an admin address")).await;
    let (events, cursor) = read(&admin, until_now(&first.cursor)).await;
    assert_eq!(told(&events), [("r-2", 1, v1::Transition::Reserved), ("r-1", 2, v1::Transition::Committed)]);
    let (events, again) = read(&admin, until_now(&cursor)).await;
    assert_eq!((events, again), (Vec::new(), cursor));
    // So many and no more, and a cursor that fits.
    let (events, cursor) = read(&admin, v1::SubscribeRequest { events_max: 2, ..follow(&[]) }).await;
    assert_eq!(told(&events), [("r-1", 1, v1::Transition::Reserved), ("r-2", 1, v1::Transition::Reserved)]);
    assert_eq!(read(&admin, until_now(&cursor)).await.0.len(), 1);
}

#[tokio::test]
async fn many_events_come_in_order_each_once_to_everybody() {
    let (mut server, admin) = watched(PATIENT).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(subscribe(&admin, follow(&[])).await.expect("a stream"));
    }
    for n in 0..120 {
        let lines = vec![crate::running::line("w", "wipes", "pharma", 1, 900)];
        server.hold(crate::orders::order(&format!("r-{n}"), "u-1", lines)).await;
    }
    for mut stream in streams {
        let mut seen = Vec::new();
        while seen.len() < 120 {
            let message = stream.message().await.expect("a message").expect("one");
            let Some(What::Batch(batch)) = message.what else { panic!("a gap") };
            seen.extend(batch.events.into_iter().map(|event| event.reservation_id));
        }
        assert_eq!(seen, (0..120).map(|n| format!("r-{n}")).collect::<Vec<_>>());
    }
    assert_eq!(read(&admin, until_now(&[])).await.0.len(), 120);
}

#[tokio::test]
async fn who_cannot_go_on_is_told_so_and_goes_on_with_what_there_is() {
    let (mut server, admin) = watched(PATIENT).await;
    server.hold(masks("r-1", "u-1", 2)).await;
    let (mut other, of_other) = watched(PATIENT).await;
    other.hold(masks("r-9", "u-1", 2)).await;
    let (_, foreign) = read(&of_other, until_now(&[])).await;

    let mut stream = subscribe(&admin, until_now(&foreign)).await.expect("a stream");
    let gap = stream.message().await.expect("a message").expect("one");
    assert_eq!(gap.what, Some(What::Gap(v1::Gap {})));
    let rest = stream.message().await.expect("a message").expect("one");
    let Some(What::Batch(batch)) = rest.what else { panic!("another gap") };
    assert_eq!(told(&batch.events), [("r-1", 1, v1::Transition::Reserved)]);
    assert_eq!(read(&admin, until_now(&gap.cursor)).await.0, batch.events, "the gap is a place to go on from");

    for (request, field) in
        [(follow(b"rubbish"), "after"), (v1::SubscribeRequest { events_max: -1, ..follow(&[]) }, "events_max")]
    {
        let status = subscribe(&admin, request).await.expect_err("a refusal");
        is(&status, Code::InvalidArgument, "INVALID_FIELDS");
        assert_eq!(status.get_details_bad_request().expect("a BadRequest").field_violations[0].field, field);
    }
}

#[tokio::test]
async fn a_stop_ends_the_streams_and_says_so() {
    let (mut server, admin) = watched(PATIENT).await;
    server.hold(masks("r-1", "u-1", 2)).await;
    let mut stream = subscribe(&admin, follow(&[])).await.expect("a stream");
    stream.message().await.expect("a message").expect("one");
    server.stop.send(()).expect("a server");
    let status = stream.message().await.expect_err("the end");
    is(&status, Code::Unavailable, "STOPPING");
    // The server waits an hour for whoever does not go, so this one did.
    server.served.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_keeps_nobody_from_anything() {
    let (mut server, admin) = watched(Duration::from_millis(1)).await;
    let _unread = subscribe(&admin, follow(&[])).await.expect("a stream");
    server.hold(masks("r-1", "u-1", 2)).await;
    assert_eq!(read(&admin, until_now(&[])).await.0.len(), 1);
    server.stop.send(()).expect("a server");
    server.served.await.expect("no panic").expect("a clean end");
}

#[tokio::test]
async fn subscribers_are_bounded_and_a_place_is_free_again() {
    let (_server, admin) = watched(PATIENT).await;
    let mut streams = Vec::new();
    for _ in 0..64 {
        streams.push(subscribe(&admin, follow(&[])).await.expect("a stream"));
    }
    is(&subscribe(&admin, follow(&[])).await.expect_err("full"), Code::Unavailable, "OVERLOADED");
    streams.pop();
    while subscribe(&admin, follow(&[])).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn operators_come_in_at_the_admin_address_only() {
    let (server, admin) = watched(PATIENT).await;
    let status = subscribe(&server.channel, follow(&[])).await.expect_err("not here");
    assert_eq!(status.code(), Code::Unimplemented);
    let mut stores = StoreServiceClient::new(server.channel.clone());
    assert_eq!(stores.verify(v1::VerifyRequest {}).await.expect_err("not here").code(), Code::Unimplemented);
    assert!(StoreServiceClient::new(admin).verify(v1::VerifyRequest {}).await.expect("an answer").into_inner().clean);
}

#[tokio::test]
async fn a_store_agrees_with_itself_while_orders_go_on() {
    let (server, admin) = watched(PATIENT).await;
    let mut stores = StoreServiceClient::new(admin);
    let client = server.client.clone();
    let orders = tokio::spawn(async move {
        for n in 0..100 {
            let mut client = client.clone();
            let (id, user) = (format!("r-{n}"), format!("u-{n}"));
            client.reserve(masks(&id, &user, 1)).await.expect("a hold");
            if n % 2 == 0 {
                client.rollback(all(&id, &user, "b-1")).await.expect("a rollback");
            }
        }
    });
    let mut audits = 0;
    while !orders.is_finished() || audits == 0 {
        let audit = stores.verify(v1::VerifyRequest {}).await.expect("an answer").into_inner();
        assert!(audit.clean, "{audit:?}");
        audits += 1;
    }
    orders.await.expect("no panic");
    let audit = stores.verify(v1::VerifyRequest {}).await.expect("an answer").into_inner();
    assert_eq!((audit.clean, audit.held, audit.rolled_back, audit.log_entries), (true, 50, 50, 150));
}

#[tokio::test]
async fn the_archive_has_everything_once_also_through_restarts() {
    let mut server = Running::sale().await;
    let mut expected = BTreeSet::new();
    let mut archive = Archive::new(server.data.path().join(tokka_server::ARCHIVE));
    for round in 0..3 {
        let user = format!("u-{round}");
        let id = format!("r-{round}");
        server.paid(masks(&id, &user, 2)).await;
        server.refund(part(&id, &user, "b-1", &[("a", 1)])).await;
        expected.extend((1..=3).map(|version| (id.clone(), version)));
        server = server.restarted().await;
        archive = Archive::new(server.data.path().join(tokka_server::ARCHIVE));
        // A stop moves all that is left.
        assert_eq!(kept(&archive), expected);
    }
    // Without a stop, it follows.
    server.hold(masks("r-9", "u-9", 1)).await;
    expected.insert(("r-9".to_owned(), 1));
    while kept(&archive).len() < expected.len() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(kept(&archive), expected);
    // What prices these orders again lies beside them: settings, the store, and the promotions that looked at masks.
    let documents = archive.documents().expect("documents");
    let texts: Vec<String> = documents.into_iter().map(|(_, bytes)| String::from_utf8(bytes).expect("text")).collect();
    assert!(texts.iter().any(|text| text.contains("\"flash\"")), "{texts:?}");
    assert!(texts.iter().any(|text| text.contains("pharma")), "{texts:?}");
}

/// What the archive has: nothing twice, and no gap.
fn kept(archive: &Archive) -> BTreeSet<(String, u64)> {
    let mut kept = BTreeSet::new();
    for day in archive.days().expect("days") {
        let day = archive.day(&day).expect("a day");
        assert_eq!(day.gaps, 0);
        for event in day.events {
            assert!(event.record.is_some());
            assert!(kept.insert((event.entry.id, event.entry.version)), "twice");
        }
    }
    kept
}
