//! Is a call that comes twice done once, and answered alike, also when both arrive at the same time?

use prost_types::{Duration, Timestamp};
use tokka_proto::v1;
use tokka_proto::v1::reserve_request::Expect;
use tonic::{Code, Status};

use crate::orders::{SALE, is, masks};
use crate::running::Running;

/// So many callers at once, of so many orders.
const TWINS: usize = 8;
const ORDERS: usize = 40;

/// A sale with enough for everybody, of which each user may have 4.
async fn plenty() -> Running {
    Running::of(&SALE.replace("stock: 10,", "stock: 100000,"), |_| {}).await
}

/// Sends the same request many times at once.
async fn twins(server: &Running, request: &v1::ReserveRequest) -> Vec<Result<v1::ReserveResponse, Status>> {
    let call = |_| {
        let (mut client, request) = (server.client.clone(), request.clone());
        tokio::spawn(async move { client.reserve(request).await.map(tonic::Response::into_inner) })
    };
    let calls: Vec<_> = (0..TWINS).map(call).collect();
    let mut answers = Vec::new();
    for call in calls {
        answers.push(call.await.expect("no panic"));
    }
    answers
}

fn all_held(answers: Vec<Result<v1::ReserveResponse, Status>>) {
    let answers: Vec<_> = answers.into_iter().map(|answer| answer.expect("a hold")).collect();
    for answer in &answers {
        assert_eq!(answer.outcome(), v1::ReserveOutcome::Reserved);
        assert_eq!(Some(answer), answers.first());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_are_held_once_although_the_first_leaves_nothing_for_the_second() {
    let server = plenty().await;
    for policy in [v1::OnPriceChange::Fail, v1::OnPriceChange::ReturnQuote] {
        for number in 0..ORDERS {
            // All four that this user may have: whoever comes second sees another price.
            let [id, user] = ["r", "u"].map(|kind| format!("{kind}-{}-{number}", policy.as_str_name()));
            let request = v1::ReserveRequest {
                on_price_change: policy.into(),
                expect: Some(Expect::ExpectedPayable(4 * 980)),
                ..masks(&id, &user, 4)
            };
            all_held(twins(&server, &request).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_take_the_place_of_another_reservation_once() {
    let mut server = plenty().await;
    for number in 0..ORDERS {
        let [old, new, user] = ["o", "n", "u"].map(|kind| format!("{kind}-{number}"));
        server.hold(masks(&old, &user, 4)).await;
        let request =
            v1::ReserveRequest { replaces: Some(old), expect: Some(Expect::ExpectedPayable(3 * 980)), ..masks(&new, &user, 3) };
        all_held(twins(&server, &request).await);
    }
}

#[tokio::test]
async fn what_is_held_stays_held_when_holds_become_shorter() {
    let mut server = Running::sale().await;
    let day = Some(Duration { seconds: 86_400, nanos: 0 });
    let long = |id: &str| v1::ReserveRequest { hold_for: day, ..masks(id, "u-1", 1) };
    let held = server.hold(long("r-1")).await;
    let until = held.deadline.map(|deadline| Timestamp { seconds: deadline.seconds + 60, ..deadline });
    let extension = v1::ExtendReservationRequest {
        reservation_id: "r-1".to_owned(),
        user: Some("u-1".to_owned()),
        request_id: "e-1".to_owned(),
        until,
        ..Default::default()
    };
    let extended = server.client.extend_reservation(extension.clone()).await.expect("more time").into_inner();
    server.write("catalogue.yaml", &SALE.replace("max: 2d", "max: 1h"));
    server.catalogue.wait_for(|state| state.revision.starts_with("2-")).await.expect("a new revision");
    assert_eq!(server.hold(long("r-1")).await, extended.reservation.clone().expect("a head"));
    assert_eq!(server.client.extend_reservation(extension).await.expect("more time").into_inner(), extended);
    is(&server.refused(long("r-2")).await, Code::InvalidArgument, "INVALID_FIELDS");
}

#[tokio::test]
async fn an_extension_is_done_once_for_each_request_id() {
    let mut server = Running::sale().await;
    let deadline = server.hold(masks("r-1", "u-1", 1)).await.deadline.expect("a deadline");
    let extension = |request_id: &str, seconds: i64| v1::ExtendReservationRequest {
        reservation_id: "r-1".to_owned(),
        user: Some("u-1".to_owned()),
        request_id: request_id.to_owned(),
        until: Some(Timestamp { seconds: deadline.seconds + seconds, ..deadline }),
        ..Default::default()
    };
    let first = server.client.extend_reservation(extension("e-1", 60)).await.expect("more time").into_inner();
    let other = server.client.extend_reservation(extension("e-1", 120)).await.expect_err("another request");
    is(&other, Code::AlreadyExists, "ID_TAKEN");
    server.client.extend_reservation(extension("e-2", 120)).await.expect("more time");
    server.commit("r-1", "u-1").await.expect("paid");
    // The first answer, whatever has become of the reservation since.
    for _ in 0..2 {
        assert_eq!(server.client.extend_reservation(extension("e-1", 60)).await.expect("as before").into_inner(), first);
        server = server.restarted().await;
    }
    let head = server.get("r-1", "u-1").await.expect("a reservation").reservation.expect("a head");
    assert_eq!(head.deadline.map(|now| now.seconds - deadline.seconds), Some(120));
    let late = server.client.extend_reservation(extension("e-3", 180)).await.expect_err("paid");
    is(&late, Code::FailedPrecondition, "NOT_HELD");
}
