//! Is a paid order paid, also when the money comes late, and is a customer given more time?

use tokka_proto::v1;
use tonic::Code;
use tonic_types::StatusExt;

use crate::orders::{SALE, all, is, masks, order, rich};
use crate::running::{Running, line};

const SECOND: Option<prost_types::Duration> = Some(prost_types::Duration { seconds: 1, nanos: 0 });

/// Waits for the sweeper.
async fn expired(server: &mut Running, id: &str, user: &str) {
    loop {
        let got = server.get(id, user).await.expect("a reservation").reservation.expect("a head");
        match got.state() {
            v1::ReservationState::Expired => return,
            v1::ReservationState::Held => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_commit_happens_once_and_names_the_order() {
    let mut server = Running::sale().await;
    let named = v1::OrderReference { order_id: Some("o-1".to_owned()), ..Default::default() };
    server.hold(v1::ReserveRequest { order: Some(named), ..rich("r-1", "u-1") }).await;
    let request = v1::CommitRequest {
        reservation_id: "r-1".to_owned(),
        user: Some("u-1".to_owned()),
        order: Some(v1::OrderReference {
            order_id: None,
            store_order_ids: [("pharma".to_owned(), "p-7".to_owned())].into(),
            labels: [("shop".to_owned(), "tokyo".to_owned())].into(),
        }),
        ..Default::default()
    };
    let paid = server.client.commit(request.clone()).await.expect("paid").into_inner().reservation.expect("a head");
    assert_eq!((paid.state(), paid.version), (v1::ReservationState::Committed, 2));
    let order = paid.order.clone().expect("names");
    assert_eq!((order.order_id.as_deref(), order.store_order_ids["pharma"].as_str()), (Some("o-1"), "p-7"));
    let again = server.client.commit(request).await.expect("paid").into_inner().reservation;
    assert_eq!(again, Some(paid.clone()));
    assert_eq!(server.get("r-1", "u-1").await.expect("a reservation").reservation, Some(paid));

    let other_store = v1::OrderReference { store_order_ids: [("books".to_owned(), "x".to_owned())].into(), ..Default::default() };
    let request = v1::CommitRequest {
        reservation_id: "r-1".to_owned(),
        user: Some("u-1".to_owned()),
        order: Some(other_store),
        ..Default::default()
    };
    is(&server.client.commit(request).await.expect_err("no such store"), Code::InvalidArgument, "INVALID_FIELDS");
}

fn called(id: &str, user: &str, order_id: &str) -> v1::CommitRequest {
    v1::CommitRequest {
        reservation_id: id.to_owned(),
        user: Some(user.to_owned()),
        order: Some(v1::OrderReference { order_id: Some(order_id.to_owned()), ..Default::default() }),
        ..Default::default()
    }
}

#[tokio::test]
async fn an_order_is_called_what_the_commit_says_that_pays_it() {
    let mut server = Running::sale().await;
    server.hold(masks("r-1", "u-1", 1)).await;
    let first = server.client.commit(called("r-1", "u-1", "o-1")).await.expect("paid").into_inner();
    let again = server.client.commit(called("r-1", "u-1", "o-2")).await.expect("paid").into_inner();
    assert_eq!(again, first);
    let got = server.get("r-1", "u-1").await.expect("a reservation");
    assert_eq!(got.reservation, first.reservation);

    // One that is refused leaves the names of Reserve.
    let named = v1::OrderReference { order_id: Some("o-3".to_owned()), ..Default::default() };
    let hold = v1::ReserveRequest { order: Some(named.clone()), hold_for: SECOND, ..masks("r-2", "u-2", 1) };
    server.hold(hold).await;
    expired(&mut server, "r-2", "u-2").await;
    let late = v1::CommitRequest { if_expired: v1::IfExpired::Refuse.into(), ..called("r-2", "u-2", "o-4") };
    is(&server.client.commit(late).await.expect_err("too late"), Code::FailedPrecondition, "EXPIRED");
    let head = server.get("r-2", "u-2").await.expect("a reservation").reservation.expect("a head");
    assert_eq!(head.order, Some(named));

    let server = server.restarted().await;
    let archive = tokka_ledger::archive::Archive::new(server.data.path().join(tokka_server::ARCHIVE));
    let events: Vec<_> = archive.days().expect("days").iter().flat_map(|day| archive.day(day).expect("a day").events).collect();
    let committed = events.iter().find(|event| event.entry.id == "r-1" && event.entry.version == 2).expect("an event");
    assert_eq!(tokka_server::told_event(committed).order.and_then(|order| order.order_id).as_deref(), Some("o-1"));
}

#[tokio::test]
async fn only_its_user_finds_a_reservation_or_who_has_its_receipt() {
    let mut server = Running::sale().await;
    let held = server.hold(masks("r-1", "u-1", 1)).await;
    for (id, user) in [("r-1", "u-2"), ("r-2", "u-1")] {
        is(&server.get(id, user).await.expect_err("not yours"), Code::NotFound, "RESERVATION_NOT_FOUND");
        is(&server.commit(id, user).await.expect_err("not yours"), Code::NotFound, "RESERVATION_NOT_FOUND");
    }
    let by_receipt = v1::CommitRequest { receipt: held.receipt.clone(), ..Default::default() };
    let paid = server.client.commit(by_receipt).await.expect("paid").into_inner().reservation.expect("a head");
    assert_ne!(paid.receipt, held.receipt);
    let refund = v1::RollbackRequest { receipt: paid.receipt, rollback_id: "b-1".to_owned(), all: true, ..Default::default() };
    assert_eq!(server.refund(refund).await.0.amount, 980);

    let mut forged = held.receipt.clone();
    *forged.last_mut().expect("bytes") ^= 1;
    for (receipt, id) in [(forged, ""), (held.receipt, "r-2"), (vec![1, 2, 3], "")] {
        let request = v1::GetReservationRequest { receipt, reservation_id: id.to_owned(), user: None };
        let status = server.client.get_reservation(request).await.expect_err("refused");
        is(&status, Code::InvalidArgument, "INVALID_FIELDS");
    }
}

/// The real shop and the one for trying things out have the same key, say.
#[tokio::test]
async fn a_receipt_of_another_store_with_the_same_key_is_refused() {
    let keys = tempfile::tempdir().expect("a folder");
    let key = keys.path().join("receipt.key");
    std::fs::write(&key, [7; 36]).expect("a key");
    let with_key = |config: &mut tokka_server::Config| config.receipt_key = Some(key.clone());
    let (mut here, mut there) = (Running::of(SALE, with_key).await, Running::of(SALE, with_key).await);
    let paid = here.paid(masks("r-1", "u-1", 1)).await;
    there.paid(masks("r-1", "u-1", 1)).await;
    let get = v1::GetReservationRequest { receipt: paid.receipt.clone(), ..Default::default() };
    let status = there.client.get_reservation(get.clone()).await.expect_err("another store's");
    is(&status, Code::InvalidArgument, "INVALID_FIELDS");
    let described = tonic_types::StatusExt::get_error_details(&status);
    let told = described.bad_request().map(|bad| bad.field_violations[0].description.clone()).unwrap_or_default();
    assert!(told.starts_with("is a receipt of another store, `"), "{told}");
    let refund = v1::RollbackRequest { receipt: paid.receipt, rollback_id: "b-1".to_owned(), all: true, ..Default::default() };
    is(&there.rollback(refund.clone()).await.expect_err("another store's"), Code::InvalidArgument, "INVALID_FIELDS");
    assert_eq!(here.refund(refund).await.0.amount, 980);
    here.client.get_reservation(get).await.expect("its own");
}

#[tokio::test]
async fn late_money_takes_the_claims_again_where_they_fit() {
    let mut server = Running::sale().await;
    server.hold(v1::ReserveRequest { hold_for: SECOND, ..masks("r-1", "u-1", 4) }).await;
    server.hold(v1::ReserveRequest { hold_for: SECOND, ..masks("r-2", "u-2", 4) }).await;
    expired(&mut server, "r-1", "u-1").await;
    expired(&mut server, "r-2", "u-2").await;
    assert_eq!(server.flash_left().await, 10);
    let refuse = |id: &str, user: &str| v1::CommitRequest {
        reservation_id: id.to_owned(),
        user: Some(user.to_owned()),
        if_expired: v1::IfExpired::Refuse.into(),
        ..Default::default()
    };
    let status = server.client.commit(refuse("r-1", "u-1")).await.expect_err("too late");
    is(&status, Code::FailedPrecondition, "EXPIRED");
    is(
        &server.refused(v1::ReserveRequest { hold_for: SECOND, ..masks("r-1", "u-1", 4) }).await,
        Code::FailedPrecondition,
        "EXPIRED",
    );

    let paid = server.commit("r-1", "u-1").await.expect("paid late");
    assert_eq!((paid.state(), paid.payable), (v1::ReservationState::Committed, 4 * 980));
    assert_eq!(server.flash_left().await, 6);
    // Paid is paid: a repetition that would refuse finds nothing to refuse.
    assert!(server.client.commit(refuse("r-1", "u-1")).await.is_ok());

    // Others take what was left, and the second one's money has to go back.
    server.hold(masks("r-3", "u-3", 4)).await;
    let status = server.commit("r-2", "u-2").await.expect_err("nothing left");
    is(&status, Code::ResourceExhausted, "REACQUIRE_REFUSED");
    let [violation] = &status.get_details_quota_failure().expect("a QuotaFailure").violations[..] else { panic!("{status:?}") };
    assert_eq!(violation.description, "promotion `flash` has 2 left of 10, 4 requested");
    assert_eq!(server.flash_left().await, 2);
}

#[tokio::test]
async fn late_money_is_measured_by_the_newest_limits() {
    let mut server = Running::sale().await;
    server.hold(v1::ReserveRequest { hold_for: SECOND, ..masks("r-1", "u-1", 4) }).await;
    expired(&mut server, "r-1", "u-1").await;
    server.write("catalogue.yaml", &SALE.replace("stock: 10", "stock: 3"));
    server.catalogue.wait_for(|state| state.revision.starts_with("2-")).await.expect("a new revision");
    is(&server.commit("r-1", "u-1").await.expect_err("less"), Code::ResourceExhausted, "REACQUIRE_REFUSED");
    server.write("catalogue.yaml", &SALE.replace("stock: 10", "stock: 4"));
    server.catalogue.wait_for(|state| state.revision.starts_with("3-")).await.expect("a new revision");
    assert_eq!(server.commit("r-1", "u-1").await.expect("it fits").payable, 4 * 980);
}

#[tokio::test]
async fn a_hold_is_extended_while_it_is_one() {
    let mut server = Running::sale().await;
    let held = server.hold(masks("r-1", "u-1", 1)).await;
    let deadline = held.deadline.expect("a deadline");
    let extension = |request_id: &str, seconds: i64| v1::ExtendReservationRequest {
        reservation_id: "r-1".to_owned(),
        user: Some("u-1".to_owned()),
        request_id: request_id.to_owned(),
        until: Some(prost_types::Timestamp { seconds: deadline.seconds + seconds, ..deadline }),
        ..Default::default()
    };
    let mut deadlines = Vec::new();
    for (request_id, seconds) in [("e-1", 60), ("e-2", 60), ("e-3", -60)] {
        let answer = server.client.extend_reservation(extension(request_id, seconds)).await.expect("more time").into_inner();
        let head = answer.reservation.expect("a head");
        deadlines.push((head.deadline.expect("a deadline").seconds - deadline.seconds, head.version));
    }
    assert_eq!(deadlines, [(60, 2), (60, 2), (60, 2)], "never shorter, and once");
    let status = server.client.extend_reservation(extension("e-4", 3 * 86_400)).await.expect_err("too long");
    is(&status, Code::InvalidArgument, "INVALID_FIELDS");

    server.commit("r-1", "u-1").await.expect("paid");
    let status = server.client.extend_reservation(extension("e-5", 120)).await.expect_err("paid");
    is(&status, Code::FailedPrecondition, "NOT_HELD");
    let unknown = v1::ExtendReservationRequest { reservation_id: "r-2".to_owned(), ..extension("e-6", 60) };
    let status = server.client.extend_reservation(unknown).await.expect_err("unknown");
    is(&status, Code::NotFound, "RESERVATION_NOT_FOUND");
}

#[tokio::test]
async fn what_ended_cannot_be_paid() {
    let mut server = Running::sale().await;
    server.hold(rich("r-1", "u-1")).await;
    // Nothing was paid or sent out: the tote bag is for sale again at once, and nothing has to come back.
    let (refund, head) = server.refund(all("r-1", "u-1", "b-1")).await;
    assert_eq!((refund.amount, refund.to_return.len(), head.kept), (0, 0, 0));
    assert_eq!(refund.restored.len(), 6);
    is(&server.commit("r-1", "u-1").await.expect_err("rolled back"), Code::FailedPrecondition, "ROLLED_BACK");
    is(&server.refused(rich("r-1", "u-1")).await, Code::FailedPrecondition, "ROLLED_BACK");
    assert_eq!(server.flash_left().await, 10);
    let claims = server.get("r-1", "u-1").await.expect("a reservation").claims;
    assert!(claims.iter().all(|claim| claim.holding == 0), "{claims:?}");

    server.hold(v1::ReserveRequest { hold_for: SECOND, ..masks("r-2", "u-1", 1) }).await;
    expired(&mut server, "r-2", "u-1").await;
    let (_, head) = server.refund(all("r-2", "u-1", "b-1")).await;
    assert_eq!(head.state(), v1::ReservationState::RolledBack);
    assert_eq!(server.flash_left().await, 10);
}

#[tokio::test]
async fn every_store_is_named_by_its_own_number() {
    let mut server = Running::sale().await;
    let lines = vec![line("n", "novel", "books", 2, 700), line("w", "wipes", "pharma", 1, 900)];
    let ids = [("books".to_owned(), "b-1".to_owned()), ("pharma".to_owned(), "p-1".to_owned())].into();
    let names = v1::OrderReference { store_order_ids: ids, ..Default::default() };
    let held = server.hold(v1::ReserveRequest { order: Some(names.clone()), ..order("r-1", "u-1", lines) }).await;
    assert_eq!(held.order, Some(names));
}
