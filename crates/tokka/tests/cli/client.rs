//! Does the client keep its promises against a real server: errors as they are, and one order for one id, whatever
//! happens to the server meanwhile?

use std::time::Duration;

use tokka_client::{Client, Config, Deadlines, Error, Retries, fresh_id, v1};

use crate::running::{Server, files};

/// A client that waits at most so long.
fn client(server: &Server, max: Duration) -> Client {
    let mut config = Config::new(&server.url);
    config.deadlines = Deadlines::all(max);
    config.retries = Retries { reads_max: u32::MAX, changes_max: u32::MAX, ..Retries::default() };
    Client::new(config).unwrap()
}

/// No test waits so long: it only has to be longer than a busy machine.
const LONG: Duration = Duration::from_secs(300);

fn line(line_id: &str, sku: &str, unit_price: i64, quantity: i64) -> v1::Line {
    let [line_id, sku, store] = [line_id, sku, "shop"].map(str::to_owned);
    v1::Line { line_id, sku, store, unit_price, quantity, ..Default::default() }
}

/// Two masks at the flash price and a lamp: 3,960.
fn order(id: &str) -> v1::ReserveRequest {
    v1::ReserveRequest {
        reservation_id: id.to_owned(),
        basket: Some(v1::Basket {
            currency: "JPY".to_owned(),
            user: Some("u1".to_owned()),
            lines: vec![line("a", "mask-50", 1_280, 2), line("b", "lamp", 2_000, 1)],
            ..Default::default()
        }),
        expect: Some(v1::reserve_request::Expect::ExpectedPayable(3_960)),
        ..Default::default()
    }
}

fn reservation(id: &str) -> v1::GetReservationRequest {
    v1::GetReservationRequest { reservation_id: id.to_owned(), user: Some("u1".to_owned()), ..Default::default() }
}

#[tokio::test]
async fn refusals_have_their_numbers() {
    let folder = files();
    let server = Server::start(&folder);
    let client = client(&server, LONG);
    client.reserve(order("o-1")).await.unwrap();

    let error = client.reserve(order("o-2")).await.unwrap_err();
    assert_eq!(error.reason(), Some("PRICE_CHANGED"));
    let Error::PriceChanged { counters, .. } = error else { panic!("{error:?}") };
    let counter = &counters.named[0];
    assert_eq!((counter.of.as_str(), counter.kind.as_str()), ("promotion:flash", "UNITS_PER_USER"));
    assert_eq!((counter.limit, counter.used, counter.requested, counters.total), (Some(2), Some(2), Some(2), 1));
    assert!(counter.period.as_ref().is_some_and(|day| day.len() == 10), "{counter:?}");

    let mut wrong = order("o-3");
    wrong.basket.as_mut().unwrap().lines[1].quantity = 0;
    let Error::Invalid { violations, total, .. } = client.reserve(wrong).await.unwrap_err() else { panic!("taken") };
    assert_eq!((violations[0].field.as_str(), total), ("basket.lines[1].quantity", 1));

    let other = v1::ReserveRequest { expect: Some(v1::reserve_request::Expect::AcceptAnyPrice(true)), ..order("o-1") };
    assert!(matches!(client.reserve(other).await.unwrap_err(), Error::AlreadyExists(_)));
    assert!(matches!(client.get(reservation("o-9")).await.unwrap_err(), Error::NotFound(_)));
    let part = v1::RollbackRequest {
        reservation_id: "o-1".to_owned(),
        user: Some("u1".to_owned()),
        rollback_id: fresh_id(),
        lines: vec![v1::LineUnits { line_id: "a".to_owned(), units: 1 }],
        ..Default::default()
    };
    let Error::Forbidden { preconditions, .. } = client.rollback(part).await.unwrap_err() else { panic!("gone") };
    assert_eq!(preconditions[0].kind, "NOT_COMMITTED");
}

#[tokio::test]
async fn a_receipt_names_the_order() {
    let folder = files();
    let server = Server::start(&folder);
    let client = client(&server, LONG);
    let held = client.reserve(order("o-1")).await.unwrap().reservation.unwrap();
    let paid = v1::CommitRequest { receipt: held.receipt, ..Default::default() };
    let paid = client.commit(paid).await.unwrap().reservation.unwrap();
    assert_eq!((paid.reservation_id.as_str(), paid.state()), ("o-1", v1::ReservationState::Committed));
    let seen = client.get(v1::GetReservationRequest { receipt: paid.receipt, ..Default::default() }).await.unwrap();
    assert_eq!(seen.reservation.unwrap().version, paid.version);
}

#[cfg(unix)]
#[tokio::test]
async fn a_server_that_falls_silent_leaves_one_order() {
    let folder = files();
    let server = Server::start(&folder);
    let patient = client(&server, LONG);
    // The connection is up before the server freezes, so the request lies in its socket and is done later.
    patient.get(reservation("o-0")).await.unwrap_err();
    server.signal("-STOP");
    let hasty = client(&server, Duration::from_millis(300));
    let error = hasty.reserve(order("o-1")).await.unwrap_err();
    server.signal("-CONT");
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    // Whether the first one came through or not: under the same id it is one order, and the flash price is still there.
    let held = patient.reserve(order("o-1")).await.unwrap().reservation.unwrap();
    assert_eq!((held.version, held.payable), (1, 3_960));
    let claims = patient.get(reservation("o-1")).await.unwrap().claims;
    assert_eq!(claims.iter().map(|claim| (claim.amount, claim.holding)).collect::<Vec<_>>(), [(2, 2)]);
}

#[tokio::test]
async fn a_restart_in_between_is_not_noticed() {
    let folder = files();
    let mut server = Server::start(&folder);
    let client = client(&server, LONG);
    client.reserve(order("o-1")).await.unwrap();
    server.kill();
    // Nobody listens when the call begins; it is tried until somebody does.
    let paying = tokio::spawn({
        let client = client.clone();
        let request = v1::CommitRequest { reservation_id: "o-1".to_owned(), user: Some("u1".to_owned()), ..Default::default() };
        async move { client.commit(request).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let server = tokio::task::spawn_blocking(move || {
        server.again(&folder);
        (server, folder)
    });
    let _running = server.await.unwrap();
    let paid = paying.await.unwrap().unwrap().reservation.unwrap();
    assert_eq!((paid.state(), paid.version), (v1::ReservationState::Committed, 2));
    assert_eq!(client.reserve(order("o-1")).await.unwrap().reservation.unwrap(), paid);
}
