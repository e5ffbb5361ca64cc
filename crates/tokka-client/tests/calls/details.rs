//! Does an error say everything that the server said?

use std::collections::HashMap;

use tokka_client::{Counter, Error, FieldViolation, Precondition, v1};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, QuotaViolation, StatusExt};

use crate::scripted::{Line, Scripted};

async fn reserve(refusal: Status) -> Error {
    let client = Scripted::new([Line::Refuse(refusal)]).client(|_| {});
    client.reserve(v1::ReserveRequest { reservation_id: "r".to_owned(), ..Default::default() }).await.unwrap_err()
}

fn details(reason: &str, about: &[(&str, &str)]) -> ErrorDetails {
    let mut details = ErrorDetails::new();
    let about: HashMap<String, String> = about.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    details.set_error_info(reason, "tokka", about);
    details
}

#[tokio::test(start_paused = true)]
async fn fields_are_named_and_counted() {
    let mut details = details("INVALID_FIELDS", &[("violations", "30")]);
    details.add_bad_request_violation("basket.lines[0].sku", "an id is not empty");
    let error = reserve(Status::with_error_details(Code::InvalidArgument, "`basket.lines[0].sku`: no", details)).await;
    assert_eq!(error.to_string(), "`basket.lines[0].sku`: no");
    assert_eq!(error.reason(), Some("INVALID_FIELDS"));
    let Error::Invalid { violations, total, .. } = error else { panic!("{error:?}") };
    let field = "basket.lines[0].sku".to_owned();
    assert_eq!((violations, total), (vec![FieldViolation { field, description: "an id is not empty".to_owned() }], 30));
}

#[tokio::test(start_paused = true)]
async fn counters_are_named_and_counted() {
    for (code, reason) in [(Code::Aborted, "PRICE_CHANGED"), (Code::ResourceExhausted, "REACQUIRE_REFUSED")] {
        let mut details = details(reason, &[("counters", "21")]);
        let mut violation = QuotaViolation::new("promotion:flash-1", "7 left of 10, 5 requested");
        violation.quota_metric = "UNITS_PER_USER".to_owned();
        let dimensions = [("limit", "10"), ("used", "7"), ("requested", "5"), ("period", "2026-11-11"), ("sku", "mask")];
        violation.quota_dimensions = dimensions.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
        details.set_quota_failure(vec![violation]);
        let error = reserve(Status::with_error_details(code, "no", details)).await;
        let (Error::PriceChanged { counters, .. } | Error::Exhausted { counters, .. }) = error else { panic!("{error:?}") };
        let named = vec![Counter {
            of: "promotion:flash-1".to_owned(),
            kind: "UNITS_PER_USER".to_owned(),
            sku: Some("mask".to_owned()),
            period: Some("2026-11-11".to_owned()),
            limit: Some(10),
            used: Some(7),
            requested: Some(5),
            held_by_open_orders: None,
            description: "7 left of 10, 5 requested".to_owned(),
        }];
        assert_eq!((counters.named, counters.total), (named, 21));
    }
}

#[tokio::test(start_paused = true)]
async fn a_total_that_is_missing_or_wrong_is_at_least_what_is_named() {
    for about in [&[][..], &[("counters", "many")], &[("counters", "0")]] {
        let mut details = details("PRICE_CHANGED", about);
        details.add_quota_failure_violation("stock/a", "none left").add_quota_failure_violation("stock/b", "none left");
        let error = reserve(Status::with_error_details(Code::Aborted, "no", details)).await;
        let Error::PriceChanged { counters, .. } = error else { panic!("{error:?}") };
        assert_eq!(counters.total, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn preconditions_reasons_and_log_ids_are_kept() {
    let mut forbidden = details("BELOW_MINIMUM", &[("store", "shop")]);
    forbidden.add_precondition_failure_violation("BELOW_MINIMUM", "shop", "300 short of 1,000");
    let error = reserve(Status::with_error_details(Code::FailedPrecondition, "no", forbidden)).await;
    assert_eq!(error.refusal().metadata.get("store").map(String::as_str), Some("shop"));
    let Error::Forbidden { preconditions, refusal } = error else { panic!("{error:?}") };
    assert_eq!(refusal.reason.as_deref(), Some("BELOW_MINIMUM"));
    let expected = Precondition {
        kind: "BELOW_MINIMUM".to_owned(),
        subject: "shop".to_owned(),
        description: "300 short of 1,000".to_owned(),
    };
    assert_eq!(preconditions, [expected]);

    let bug = Status::with_error_details(Code::Internal, "a bug", details("INTERNAL", &[("log_id", "5f-1")]));
    let Error::Bug { log_id, .. } = reserve(bug).await else { panic!("no bug") };
    assert_eq!(log_id.as_deref(), Some("5f-1"));
}

#[tokio::test(start_paused = true)]
async fn each_status_has_its_variant() {
    let name = |error: &Error| format!("{error:?}").split([' ', '(', '{']).next().unwrap_or_default().to_owned();
    for (code, reason, variant) in [
        (Code::NotFound, "NOT_FOUND", "NotFound"),
        (Code::AlreadyExists, "ALREADY_EXISTS", "AlreadyExists"),
        (Code::Aborted, "CONTENTION", "Contention"),
        (Code::Aborted, "VERSION_MOVED", "Moved"),
        (Code::Aborted, "ETAG", "Moved"),
        (Code::Unimplemented, "SOON", "NotServed"),
        (Code::PermissionDenied, "PERMISSION_DENIED", "Other"),
    ] {
        let error = reserve(Status::with_error_details(code, "no", details(reason, &[]))).await;
        assert_eq!((name(&error).as_str(), error.reason()), (variant, Some(reason)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reason_of_somebody_else_is_none_of_ours() {
    let mut details = ErrorDetails::new();
    details.set_error_info("PRICE_CHANGED", "example.com", HashMap::new());
    let error = reserve(Status::with_error_details(Code::Aborted, "no", details)).await;
    assert!(matches!(error, Error::Moved(_)), "{error:?}");
    assert_eq!(error.reason(), None);
}
