//! Which status is tried again, how often, under which id and until when?

use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::time::Instant;
use tokka_client::{Client, Config, Deadlines, Error, Retries, v1};
use tonic::transport::{Endpoint, Uri};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::scripted::{Line, Scripted};

const MS: fn(u64) -> Duration = Duration::from_millis;

/// A refusal of tokka.
fn status(code: Code, reason: &str) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, "tokka", std::collections::HashMap::new());
    Status::with_error_details(code, "no", details)
}

/// Likewise, with the wait that the server asks for.
fn later(code: Code, reason: &str, after: Duration) -> Status {
    let mut details = ErrorDetails::new();
    details.set_error_info(reason, "tokka", std::collections::HashMap::new()).set_retry_info(Some(after));
    Status::with_error_details(code, "no", details)
}

/// One of each call; every one has its ids.
const CALLS: [&str; 9] = ["quote", "reserve r", "commit r", "rollback b", "extend e", "get r", "claim c", "redeem r", "coupons"];

async fn call(client: &Client, what: &str) -> Result<(), Error> {
    let id = || "r".to_owned();
    match what {
        "quote" => client.quote(v1::QuoteRequest::default()).await.map(drop),
        "reserve r" => client.reserve(v1::ReserveRequest { reservation_id: id(), ..Default::default() }).await.map(drop),
        "commit r" => client.commit(v1::CommitRequest { reservation_id: id(), ..Default::default() }).await.map(drop),
        "rollback b" => {
            let request = v1::RollbackRequest { reservation_id: id(), rollback_id: "b".to_owned(), ..Default::default() };
            client.rollback(request).await.map(drop)
        }
        "extend e" => {
            let request = v1::ExtendReservationRequest { reservation_id: id(), request_id: "e".to_owned(), ..Default::default() };
            client.extend(request).await.map(drop)
        }
        "get r" => client.get(v1::GetReservationRequest { reservation_id: id(), ..Default::default() }).await.map(drop),
        "claim c" => {
            client.claim_coupon(v1::ClaimCouponRequest { request_id: "c".to_owned(), ..Default::default() }).await.map(drop)
        }
        "redeem r" => {
            client.redeem_code(v1::RedeemCodeRequest { request_id: "r".to_owned(), ..Default::default() }).await.map(drop)
        }
        "coupons" => client.user_coupons(v1::ListUserCouponsRequest::default()).await.map(drop),
        other => panic!("no call {other}"),
    }
}

/// How often a call that is refused once comes in, and what the caller gets.
async fn refused_once(what: &str, refusal: Status) -> (usize, Result<(), Error>) {
    let server = Scripted::new([Line::Refuse(refusal)]);
    let answer = call(&server.client(|_| {}), what).await;
    let calls = server.calls();
    assert!(calls.iter().all(|call| call.what == what), "{calls:?}");
    (calls.len(), answer)
}

#[tokio::test(start_paused = true)]
async fn every_status_is_tried_again_or_not() {
    let table: [(Code, &str, bool); 20] = [
        (Code::Unavailable, "STORE_UNAVAILABLE", true),
        (Code::Unavailable, "OVERLOADED", true),
        (Code::Unavailable, "OUTCOME_UNKNOWN", true),
        (Code::Unavailable, "", true),
        (Code::Cancelled, "", true),
        (Code::DeadlineExceeded, "", true),
        (Code::InvalidArgument, "INVALID_FIELDS", false),
        (Code::NotFound, "NOT_FOUND", false),
        (Code::AlreadyExists, "ALREADY_EXISTS", false),
        (Code::Aborted, "PRICE_CHANGED", false),
        (Code::Aborted, "CONTENTION", false),
        (Code::Aborted, "VERSION_MOVED", false),
        (Code::ResourceExhausted, "REACQUIRE_REFUSED", false),
        (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS", false),
        (Code::FailedPrecondition, "EXPIRED", false),
        (Code::Unimplemented, "SOON", false),
        (Code::Internal, "INTERNAL", false),
        (Code::Unauthenticated, "UNAUTHENTICATED", false),
        (Code::PermissionDenied, "PERMISSION_DENIED", false),
        (Code::Unknown, "", false),
    ];
    for (code, reason, again) in table {
        for what in CALLS {
            let refusal = if reason.is_empty() { Status::new(code, "no") } else { status(code, reason) };
            let (calls, answer) = refused_once(what, refusal).await;
            assert_eq!((calls, answer.is_ok()), (if again { 2 } else { 1 }, again), "{what}: {code:?} {reason}: {answer:?}");
            if let Err(error) = answer {
                assert_eq!((error.refusal().code, error.refusal().attempts), (code, 1), "{what}: {code:?} {reason}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn no_refusal_is_tried_again_even_where_the_server_says_when() {
    for (code, reason) in [(Code::Aborted, "CONTENTION"), (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS")] {
        let (calls, answer) = refused_once("reserve r", later(code, reason, MS(7))).await;
        assert_eq!(calls, 1);
        let retry_after = match answer.unwrap_err() {
            Error::Contention { retry_after, .. } | Error::Exhausted { retry_after, .. } => retry_after,
            other => panic!("{other:?}"),
        };
        assert_eq!(retry_after, Some(MS(7)));
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_are_bounded_and_all_under_one_id() {
    for (what, attempts_max) in [("quote", 3), ("get r", 3), ("reserve r", 2), ("commit r", 2), ("rollback b", 2)] {
        let server = Scripted::new((0..9).map(|_| Line::Refuse(status(Code::Unavailable, "STORE_UNAVAILABLE"))));
        let client = server.client(|config| config.retries = Retries { reads_max: 3, changes_max: 2, ..Retries::default() });
        let error = call(&client, what).await.unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
        assert_eq!(error.refusal().attempts, attempts_max, "{what}");
        let calls: Vec<String> = server.calls().into_iter().map(|call| call.what).collect();
        assert_eq!(calls, vec![what; attempts_max as usize]);
    }
}

#[tokio::test(start_paused = true)]
async fn waits_grow_and_are_never_the_whole_story() {
    let server = Scripted::new((0..3).map(|_| Line::Refuse(status(Code::Unavailable, "OVERLOADED"))));
    call(&server.client(|_| {}), "commit r").await.unwrap();
    let times: Vec<Duration> = server.calls().iter().map(|call| call.after).collect();
    let waits: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits.len(), 3);
    // Timers of the clock are whole milliseconds.
    for (wait, step) in waits.into_iter().zip([20, 40, 80]) {
        assert!(MS(step / 2) <= wait && wait <= MS(step + 1), "{wait:?} of {step} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn the_server_says_when_to_come_back() {
    let server = Scripted::new([Line::Refuse(later(Code::Unavailable, "OVERLOADED", MS(400)))]);
    call(&server.client(|_| {}), "reserve r").await.unwrap();
    let calls = server.calls();
    let wait = calls[1].after - calls[0].after;
    assert!(MS(400) <= wait && wait <= MS(411), "{wait:?}");
}

#[tokio::test(start_paused = true)]
async fn who_would_have_to_wait_beyond_the_deadline_hears_at_once() {
    let server = Scripted::new([Line::Refuse(later(Code::Unavailable, "OVERLOADED", MS(5_000)))]);
    let before = Instant::now();
    let error = call(&server.client(|_| {}), "reserve r").await.unwrap_err();
    let Error::Unavailable { retry_after, refusal } = error else { panic!("{error:?}") };
    assert_eq!((retry_after, refusal.reason.as_deref()), (Some(MS(5_000)), Some("OVERLOADED")));
    assert!(before.elapsed() < MS(10), "{:?}", before.elapsed());
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_length_of_time_is_too_long() {
    let forever = |config: &mut Config| config.deadlines = Deadlines::all(Duration::MAX);
    let server = Scripted::new([Line::Refuse(later(Code::Unavailable, "OVERLOADED", Duration::MAX))]);
    let error = call(&server.client(forever), "reserve r").await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
    let server = Scripted::new([Line::Silence]);
    let error = call(&server.client(forever), "reserve r").await.unwrap_err();
    assert_eq!(error.to_string(), "the outcome is unknown: no answer within 86400000 ms");
}

#[tokio::test(start_paused = true)]
async fn every_call_ends_at_its_deadline() {
    for (what, deadline) in
        [("quote", 150), ("get r", 300), ("reserve r", 1_000), ("commit r", 1_000), ("rollback b", 1_000), ("extend e", 1_000)]
    {
        let server = Scripted::new([Line::Silence]);
        let before = Instant::now();
        let error = call(&server.client(|_| {}), what).await.unwrap_err();
        let Error::OutcomeUnknown { refusal, .. } = &error else { panic!("{error:?}") };
        assert_eq!(refusal.code, Code::DeadlineExceeded, "{what}");
        assert_eq!(error.to_string(), format!("the outcome is unknown: no answer within {deadline} ms"));
        let took = before.elapsed();
        assert!(MS(deadline) <= took && took <= MS(deadline + 2), "{what}: {took:?}");
        assert_eq!(server.calls().len(), 1, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_is_for_all_attempts_together() {
    let server = Scripted::new([Line::Refuse(status(Code::Unavailable, "OVERLOADED")), Line::Silence]);
    let before = Instant::now();
    let error = call(&server.client(|config| config.deadlines.change = MS(200)), "reserve r").await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
    assert!(before.elapsed() <= MS(202), "{:?}", before.elapsed());
    let timeouts: Vec<String> = server.calls().into_iter().map(|call| call.timeout.unwrap()).collect();
    let micros = |text: &String| text.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse::<u64>().unwrap();
    // The second attempt tells the server that less is left.
    assert!(micros(&timeouts[1]) < micros(&timeouts[0]), "{timeouts:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_stays_unknown() {
    // The first attempt may have reserved; that the later ones certainly did nothing changes nothing about it.
    let down = || Line::Refuse(status(Code::Unavailable, "STORE_UNAVAILABLE"));
    let server = Scripted::new([Line::Refuse(status(Code::Unavailable, "OUTCOME_UNKNOWN")), down(), down(), down()]);
    let error = call(&server.client(|_| {}), "reserve r").await.unwrap_err();
    let Error::OutcomeUnknown { refusal, .. } = &error else { panic!("{error:?}") };
    assert_eq!((refusal.attempts, refusal.reason.as_deref()), (4, Some("STORE_UNAVAILABLE")));
    // A later answer under the same id settles it.
    let unknown = Line::Refuse(status(Code::Unavailable, "OUTCOME_UNKNOWN"));
    let server = Scripted::new([unknown, Line::Refuse(status(Code::Aborted, "PRICE_CHANGED"))]);
    let error = call(&server.client(|_| {}), "reserve r").await.unwrap_err();
    assert!(matches!(error, Error::PriceChanged { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_balancer_that_gives_no_reason_may_have_passed_it_on() {
    let server = Scripted::new((0..9).map(|_| Line::Refuse(Status::unavailable("upstream connect error"))));
    let error = call(&server.client(|_| {}), "reserve r").await.unwrap_err();
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_come_up_ends_at_the_deadline_too() {
    let never = tower::service_fn(|_: Uri| std::future::pending::<Result<TokioIo<DuplexStream>, std::io::Error>>());
    let channel = Endpoint::from_static("http://nowhere").connect_with_connector_lazy(never);
    let before = Instant::now();
    let error = call(&Client::over(channel, Config::new("nowhere")), "reserve r").await.unwrap_err();
    assert_eq!(error.refusal().code, Code::DeadlineExceeded, "{error:?}");
    let took = before.elapsed();
    assert!(MS(1_000) <= took && took <= MS(1_002), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_without_an_id() {
    let server = Scripted::new([]);
    let client = server.client(|_| {});
    let field = |error: Error| match error {
        Error::Invalid { violations, total: 1, .. } => violations[0].field.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(field(client.reserve(v1::ReserveRequest::default()).await.unwrap_err()), "reservation_id");
    assert_eq!(field(client.commit(v1::CommitRequest::default()).await.unwrap_err()), "reservation_id");
    assert_eq!(field(client.get(v1::GetReservationRequest::default()).await.unwrap_err()), "reservation_id");
    let rollback = v1::RollbackRequest { reservation_id: "r".to_owned(), all: true, ..Default::default() };
    assert_eq!(field(client.rollback(rollback.clone()).await.unwrap_err()), "rollback_id");
    let extend = v1::ExtendReservationRequest { reservation_id: "r".to_owned(), ..Default::default() };
    assert_eq!(field(client.extend(extend).await.unwrap_err()), "request_id");
    assert_eq!(field(client.claim_coupon(v1::ClaimCouponRequest::default()).await.unwrap_err()), "request_id");
    assert_eq!(field(client.redeem_code(v1::RedeemCodeRequest::default()).await.unwrap_err()), "request_id");
    assert_eq!(server.calls(), []);
    // A preview changes nothing, and a receipt names the reservation.
    client.rollback(v1::RollbackRequest { validate_only: true, ..rollback }).await.unwrap();
    client.commit(v1::CommitRequest { receipt: vec![1], ..Default::default() }).await.unwrap();
    assert_eq!(server.calls().len(), 2);
}
