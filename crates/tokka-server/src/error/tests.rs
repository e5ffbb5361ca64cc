//! Does every error have its row, and do its details fit? One of each is made, and none can be forgotten.

use super::coupon::Refused as NoCoupon;
use super::operator::{Blocking, Refused};
use jiff::Timestamp;

use super::*;
use crate::captured_log::CapturedLog;
use crate::promotions::Key;

fn key() -> Key {
    Key::new(tokka_catalog::Kind::Promotion, "flash")
}

fn stands(state: State) -> Stands {
    Stands { id: "r-1".to_owned(), state, version: 3 }
}

fn blocking(code: &str, times: usize) -> Blocking {
    let words = "more than 70 % off ".repeat(times);
    Blocking { code: code.to_owned(), document: "promotion/flash".to_owned(), words }
}

/// One of each. The `match` makes a new variant a compile error here until it has its line below.
fn every_error() -> Vec<ApiError> {
    let text = |text: &str| text.to_owned();
    let all = vec![
        ApiError::Invalid(vec![FieldViolation::new("basket.currency", "`yen` is not an ISO 4217 code")]),
        ApiError::Malformed("failed to decode".to_owned()),
        ApiError::TooLarge("2 MiB, at most 1 MiB".to_owned()),
        ApiError::NotFound { reservation: "r-1".to_owned() },
        ApiError::NoPromotion("flash".to_owned()),
        ApiError::Taken { field: "reservation_id", id: "r-1".to_owned() },
        ApiError::PriceChanged(Box::default()),
        ApiError::Contention,
        ApiError::VersionMoved { named: 2, is: 3 },
        ApiError::ReacquireRefused(vec![v1::CounterShortage::default()]),
        ApiError::Forbidden(Forbidden::UserRequired),
        ApiError::Forbidden(Forbidden::BelowMinimum(vec![("pharma".to_owned(), 40)])),
        ApiError::Forbidden(Forbidden::ClawbackOnly),
        ApiError::Forbidden(Forbidden::NotReplaceable("r-0".to_owned())),
        ApiError::Forbidden(Forbidden::NotCommitted(stands(State::Held))),
        ApiError::Forbidden(Forbidden::TooManyReturns(stands(State::Committed))),
        ApiError::Forbidden(Forbidden::NotHeld(stands(State::Committed))),
        ApiError::Forbidden(Forbidden::ReceiptSuperseded("r-1".to_owned())),
        ApiError::Forbidden(Forbidden::RolledBack(stands(State::RolledBack))),
        ApiError::Forbidden(Forbidden::Expired(stands(State::Expired))),
        ApiError::Operator(Refused::Files),
        ApiError::Operator(Refused::NoArchive),
        ApiError::Operator(Refused::NoCatalogue),
        ApiError::Operator(Refused::NoDocument { key: key() }),
        ApiError::Operator(Refused::NoRevision { number: 7 }),
        ApiError::Operator(Refused::Exists { key: key() }),
        ApiError::Operator(Refused::Etag { key: Some(key()), is: "3-aa".to_owned() }),
        ApiError::Operator(Refused::Archived { key: key() }),
        ApiError::Operator(Refused::NeverPublished { key: key() }),
        ApiError::Operator(Refused::NotDeletable { key: key() }),
        ApiError::Operator(Refused::Check { findings: vec![blocking("DISCOUNT_OVER_70", 1)] }),
        ApiError::Coupon(NoCoupon::NoDistribution { id: text("mail") }),
        ApiError::Coupon(NoCoupon::NotClaimable { distribution: text("mail") }),
        ApiError::Coupon(NoCoupon::NotOpen { distribution: text("mail"), opens: Timestamp::UNIX_EPOCH }),
        ApiError::Coupon(NoCoupon::Over { distribution: text("mail"), ended: Timestamp::UNIX_EPOCH }),
        ApiError::Coupon(NoCoupon::NotUsable { coupon: text("store-300") }),
        ApiError::Coupon(NoCoupon::UnknownCode),
        ApiError::Coupon(NoCoupon::TooManyAttempts { retry_after: Duration::from_secs(61) }),
        ApiError::Coupon(NoCoupon::IssueEnded { id: text("mail") }),
        ApiError::Coupon(NoCoupon::NoCodes { distribution: text("mail") }),
        ApiError::Coupon(NoCoupon::OperatorsOnly),
        ApiError::Coupon(NoCoupon::WalletFull),
        ApiError::Coupon(NoCoupon::Claim(vec![v1::CounterShortage::default()])),
        ApiError::Stopping,
        ApiError::Store(LedgerError::Unavailable("no".to_owned())),
        ApiError::Store(LedgerError::OutcomeUnknown("no".to_owned())),
        ApiError::Store(LedgerError::Empty("no".to_owned())),
        ApiError::Store(LedgerError::Overloaded),
        ApiError::Store(LedgerError::Malformed("twice".to_owned())),
        ApiError::Bug("secret".to_owned()),
    ];
    for error in &all {
        match error {
            ApiError::Invalid(_)
            | ApiError::Malformed(_)
            | ApiError::TooLarge(_)
            | ApiError::NotFound { .. }
            | ApiError::NoPromotion(_)
            | ApiError::Taken { .. }
            | ApiError::PriceChanged(_)
            | ApiError::Contention
            | ApiError::VersionMoved { .. }
            | ApiError::ReacquireRefused(_)
            | ApiError::Stopping
            | ApiError::Bug(_) => {}
            ApiError::Forbidden(what) => match what {
                Forbidden::UserRequired
                | Forbidden::BelowMinimum(_)
                | Forbidden::ClawbackOnly
                | Forbidden::NotReplaceable(_)
                | Forbidden::NotCommitted(_)
                | Forbidden::TooManyReturns(_)
                | Forbidden::NotHeld(_)
                | Forbidden::ReceiptSuperseded(_)
                | Forbidden::RolledBack(_)
                | Forbidden::Expired(_) => {}
            },
            ApiError::Operator(what) => match what {
                Refused::Files
                | Refused::NoArchive
                | Refused::NoCatalogue
                | Refused::NoDocument { .. }
                | Refused::NoRevision { .. }
                | Refused::Exists { .. }
                | Refused::Etag { .. }
                | Refused::Archived { .. }
                | Refused::NeverPublished { .. }
                | Refused::NotDeletable { .. }
                | Refused::Check { .. } => {}
            },
            ApiError::Coupon(what) => match what {
                NoCoupon::NoDistribution { .. }
                | NoCoupon::NotClaimable { .. }
                | NoCoupon::NotOpen { .. }
                | NoCoupon::Over { .. }
                | NoCoupon::NotUsable { .. }
                | NoCoupon::UnknownCode
                | NoCoupon::TooManyAttempts { .. }
                | NoCoupon::IssueEnded { .. }
                | NoCoupon::NoCodes { .. }
                | NoCoupon::OperatorsOnly
                | NoCoupon::WalletFull
                | NoCoupon::Claim(_) => {}
            },
            ApiError::Store(what) => match what {
                LedgerError::Unavailable(_)
                | LedgerError::OutcomeUnknown(_)
                | LedgerError::Empty(_)
                | LedgerError::Overloaded
                | LedgerError::Malformed(_) => {}
            },
        }
    }
    all
}

#[test]
fn every_error_has_its_status_and_reason() {
    let rows: Vec<_> = every_error()
        .into_iter()
        .map(|error| {
            let status = error.into_status();
            let info = status.get_details_error_info().expect("an ErrorInfo");
            assert_eq!(info.domain, "tokka");
            (status.code(), info.reason)
        })
        .collect();
    let table = [
        (Code::InvalidArgument, "INVALID_FIELDS"),
        (Code::InvalidArgument, "MALFORMED_MESSAGE"),
        (Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
        (Code::NotFound, "RESERVATION_NOT_FOUND"),
        (Code::NotFound, "PROMOTION_NOT_FOUND"),
        (Code::AlreadyExists, "ID_TAKEN"),
        (Code::Aborted, "PRICE_CHANGED"),
        (Code::Aborted, "CONTENTION"),
        (Code::Aborted, "VERSION_MOVED"),
        (Code::ResourceExhausted, "REACQUIRE_REFUSED"),
        (Code::FailedPrecondition, "USER_REQUIRED"),
        (Code::FailedPrecondition, "BELOW_MINIMUM"),
        (Code::FailedPrecondition, "CLAWBACK_ONLY"),
        (Code::FailedPrecondition, "NOT_REPLACEABLE"),
        (Code::FailedPrecondition, "NOT_COMMITTED"),
        (Code::FailedPrecondition, "TOO_MANY_RETURNS"),
        (Code::FailedPrecondition, "NOT_HELD"),
        (Code::FailedPrecondition, "RECEIPT_SUPERSEDED"),
        (Code::FailedPrecondition, "ROLLED_BACK"),
        (Code::FailedPrecondition, "EXPIRED"),
        (Code::FailedPrecondition, "CATALOGUE_IS_FILES"),
        (Code::FailedPrecondition, "NO_ARCHIVE"),
        (Code::FailedPrecondition, "NO_CATALOGUE"),
        (Code::NotFound, "DOCUMENT_NOT_FOUND"),
        (Code::NotFound, "REVISION_NOT_FOUND"),
        (Code::AlreadyExists, "DOCUMENT_EXISTS"),
        (Code::Aborted, "ETAG"),
        (Code::FailedPrecondition, "ARCHIVED"),
        (Code::FailedPrecondition, "NEVER_PUBLISHED"),
        (Code::FailedPrecondition, "NOT_DELETABLE"),
        (Code::FailedPrecondition, "CHECK_REFUSED"),
        (Code::NotFound, "DISTRIBUTION_NOT_FOUND"),
        (Code::FailedPrecondition, "NOT_CLAIMABLE"),
        (Code::FailedPrecondition, "CLAIM_NOT_OPEN"),
        (Code::FailedPrecondition, "CLAIM_OVER"),
        (Code::FailedPrecondition, "COUPON_NOT_USABLE"),
        (Code::NotFound, "UNKNOWN_CODE"),
        (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS"),
        (Code::FailedPrecondition, "ISSUE_ENDED"),
        (Code::FailedPrecondition, "NO_CODES"),
        (Code::PermissionDenied, "OPERATORS_ONLY"),
        (Code::ResourceExhausted, "WALLET_FULL"),
        (Code::ResourceExhausted, "CLAIM_REFUSED"),
        (Code::Unavailable, "STOPPING"),
        (Code::Unavailable, "STORE_UNAVAILABLE"),
        (Code::Unavailable, "OUTCOME_UNKNOWN"),
        (Code::Unavailable, "STORE_EMPTY"),
        (Code::Unavailable, "OVERLOADED"),
        (Code::Internal, "INTERNAL"),
        (Code::Internal, "INTERNAL"),
    ];
    assert_eq!(rows, table.map(|(code, reason)| (code, reason.to_owned())));
}

#[test]
fn what_blocks_is_told_with_every_code_that_has_to_be_acknowledged() {
    let findings = vec![blocking("FLASH_WITHOUT_LIMIT", 1), blocking("DISCOUNT_OVER_70", 1), blocking("DISCOUNT_OVER_70", 1)];
    let status = ApiError::Operator(Refused::Check { findings }).into_status();
    let about = status.get_details_error_info().expect("an ErrorInfo").metadata;
    assert_eq!((about["codes"].as_str(), about["violations"].as_str()), ("DISCOUNT_OVER_70,FLASH_WITHOUT_LIMIT", "3"));
    let details = status.get_details_precondition_failure().expect("details").violations;
    assert_eq!((details[0].r#type.as_str(), details[0].subject.as_str()), ("FLASH_WITHOUT_LIMIT", "promotion/flash"));
}

#[test]
fn a_state_that_forbids_a_call_is_told_with_its_version() {
    for state in [State::Held, State::RolledBack, State::Expired] {
        let status = ApiError::Forbidden(Forbidden::NotHeld(stands(state))).into_status();
        let about = status.get_details_error_info().expect("an ErrorInfo").metadata;
        assert_eq!((about["state"].as_str(), about["version"].as_str()), (state.name(), "3"));
    }
}

#[test]
fn a_bug_names_its_log_line_and_nothing_of_itself() {
    let log = CapturedLog::start();
    let status = ApiError::Bug("secret".to_owned()).into_status();
    let info = status.get_details_error_info().expect("an ErrorInfo");
    let log_id = info.metadata.get("log_id").expect("a log id");
    assert!(status.message().contains(log_id.as_str()));
    assert!(!status.message().contains("secret"));
    let lines = log.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains(&format!("log_id={log_id}"))).collect();
    assert!(told.len() == 1 && told[0].contains("ERROR") && told[0].contains("secret"), "{lines:#?}");
}

#[test]
fn the_first_20_violations_are_named_and_all_are_counted() {
    let violations = (0..1_000).map(|n| FieldViolation::new(format!("basket.lines[{n}].sku"), "an id is not empty")).collect();
    let status = ApiError::Invalid(violations).into_status();
    let fields = status.get_details_bad_request().expect("a BadRequest").field_violations;
    assert_eq!(fields.len(), 20);
    assert_eq!(fields[19].field, "basket.lines[19].sku");
    assert_eq!(status.get_details_error_info().expect("an ErrorInfo").metadata["violations"], "1000");
    assert_eq!(status.message(), "`basket.lines[0].sku`: an id is not empty (and 999 more)");
}

#[test]
fn details_stay_below_4_kib_whatever_a_caller_wrote() {
    for text in ["x", "薬", "🍣"] {
        let long = text.repeat(100_000);
        let violation = FieldViolation::new(format!("select[{long}]"), format!("no line has the sku `{long}`"));
        for count in [1, 20, 1_000] {
            let status = ApiError::Invalid(vec![violation.clone(); count]).into_status();
            assert!(status.details().len() <= 4_096, "{} bytes of details", status.details().len());
            assert!(status.message().len() <= MESSAGE_BYTES_MAX, "{} bytes of message", status.message().len());
            assert!(!status.get_details_bad_request().expect("a BadRequest").field_violations.is_empty());
        }
        let counter = v1::Counter { promotion: "p".repeat(64), sku: long.chars().take(128).collect(), ..Default::default() };
        let shortage = v1::CounterShortage { counter: Some(counter), limit: i64::MAX, ..Default::default() };
        let shortages = vec![shortage; 1_000];
        let status = ApiError::ReacquireRefused(shortages.clone()).into_status();
        assert!(status.details().len() <= 4_096, "{} bytes of details", status.details().len());
        let change = v1::PriceChange { counters: shortages, fingerprint: "f".repeat(32), ..Default::default() };
        let status = ApiError::PriceChanged(Box::new(change)).into_status();
        assert!(status.details().len() <= 4_096, "{} bytes of details", status.details().len());
        assert!(!status.get_details_quota_failure().expect("a QuotaFailure").violations.is_empty());
        let findings = vec![blocking("FLASH_WITHOUT_LIMIT", 40); 1_000];
        let status = ApiError::Operator(Refused::Check { findings }).into_status();
        assert!(status.details().len() <= 4_096, "{} bytes of details", status.details().len());
    }
}
