//! Which status does a caller get? One row for each thing that can go wrong, with details that fit into a trailer.

use std::collections::HashMap;
use std::time::Duration;

use tokka_core::basket::FieldViolation;
use tokka_core::quote::QuoteError;
use tokka_core::refund::RefundError;
use tokka_ledger::LedgerError;
use tokka_proto::v1;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, QuotaViolation, StatusExt};

use crate::log_id::LogId;

/// The domain of every reason, as `google.rpc.ErrorInfo` has it.
pub(crate) const DOMAIN: &str = "tokka";

/// Violations named in one answer; `ErrorInfo` says how many there are in all.
const VIOLATIONS_MAX: usize = 20;
/// Bytes of all violations together. With the rest, details stay below 4 KiB: Java breaks at 8 KiB of trailers.
const VIOLATIONS_BYTES_MAX: usize = 3_200;
/// Bytes of one field path, and of one description. Both may repeat what a caller wrote, which may be long.
const FIELD_BYTES_MAX: usize = 120;
const DESCRIPTION_BYTES_MAX: usize = 240;
/// When a call that met others may be repeated, and one that met a silent store.
const RETRY_SOON: Duration = Duration::from_millis(20);
const RETRY_LATER: Duration = Duration::from_millis(250);
/// Bytes of the message beside the details, which the wire percent-encodes.
const MESSAGE_BYTES_MAX: usize = 240;

/// What went wrong with a call.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// Fields of the request that break a rule, by path.
    Invalid(Vec<FieldViolation>),
    /// Bytes that are no message of this API.
    Malformed(String),
    /// A message beyond the limit of its call.
    TooLarge(String),
    /// A field asks for something that is not built yet.
    NotServed {
        /// Its path, where the request was refused by its form.
        field: Option<String>,
        /// What it asks for.
        what: &'static str,
    },
    /// No such reservation of this user.
    NotFound {
        /// Its id.
        reservation: String,
    },
    /// The id stands for another request.
    Taken {
        /// The field that brings it.
        field: &'static str,
        /// The id.
        id: String,
    },
    /// The price is not the expected one.
    PriceChanged(Box<v1::PriceChange>),
    /// Others took what was left, five times in a row.
    Contention,
    /// The reservation is not of the version that the caller looked at.
    VersionMoved {
        /// What the caller looked at.
        named: i64,
        /// What it is.
        is: u64,
    },
    /// An expired reservation does not fit any more.
    ReacquireRefused(Vec<v1::CounterShortage>),
    /// The state of things forbids it.
    Forbidden(Forbidden),
    /// The store did not do it, or nobody knows.
    Store(LedgerError),
    /// A defect of ours. The caller learns where to find it in the log, and nothing else.
    Bug(String),
}

/// What the state of things forbids, each by its own reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Forbidden {
    /// A limit counts by user, and the basket names none.
    UserRequired,
    /// Stores below their minimum, with what is missing to it.
    BelowMinimum(Vec<(String, i64)>),
    /// PROPORTIONAL is asked for by name, and a `qualify` lowered the order.
    ClawbackOnly,
    /// What is to be replaced is not HELD, or not there.
    NotReplaceable(String),
    /// A part of what is not paid yet.
    NotCommitted(String),
    /// More time for what is not HELD any more.
    NotHeld(String),
    /// It is rolled back.
    RolledBack(String),
    /// It is expired.
    Expired(String),
}

impl Forbidden {
    const fn reason(&self) -> &'static str {
        match self {
            Self::UserRequired => "USER_REQUIRED",
            Self::BelowMinimum(_) => "BELOW_MINIMUM",
            Self::ClawbackOnly => "CLAWBACK_ONLY",
            Self::NotReplaceable(_) => "NOT_REPLACEABLE",
            Self::NotCommitted(_) => "NOT_COMMITTED",
            Self::NotHeld(_) => "NOT_HELD",
            Self::RolledBack(_) => "ROLLED_BACK",
            Self::Expired(_) => "EXPIRED",
        }
    }

    /// What it speaks of, and why.
    fn in_words(&self) -> (String, String) {
        let (subject, words) = match self {
            Self::UserRequired => {
                ("basket.user", "a promotion of this order counts by user, and the basket names none".to_owned())
            }
            Self::BelowMinimum(stores) => {
                let missing = stores.iter().map(|(store, missing)| format!("store `{store}` lacks {missing}"));
                let words = "below the minimum order, in minor units: ".to_owned();
                ("basket.lines", words + &missing.collect::<Vec<_>>().join(", "))
            }
            Self::ClawbackOnly => {
                ("refund_policy", "a promotion measured other lines than it discounts, so returns are priced again".to_owned())
            }
            Self::NotReplaceable(id) => ("replaces", format!("reservation `{id}` is not one of this user's that is held")),
            Self::NotCommitted(id) => {
                ("reservation_id", format!("reservation `{id}` is not paid yet: only all of it can go back"))
            }
            Self::NotHeld(id) => ("reservation_id", format!("reservation `{id}` is not held any more")),
            Self::RolledBack(id) => ("reservation_id", format!("reservation `{id}` is rolled back")),
            Self::Expired(id) => ("reservation_id", format!("reservation `{id}` is expired")),
        };
        (subject.to_owned(), words)
    }
}

impl ApiError {
    /// The table: a status and a stable reason for each error. Every reason has its page in `docs/reasons/`.
    const fn row(&self) -> (Code, &'static str) {
        match self {
            Self::Invalid(_) => (Code::InvalidArgument, "INVALID_FIELDS"),
            Self::Malformed(_) => (Code::InvalidArgument, "MALFORMED_MESSAGE"),
            Self::TooLarge(_) => (Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
            Self::NotServed { .. } => (Code::Unimplemented, "NOT_SERVED_YET"),
            Self::NotFound { .. } => (Code::NotFound, "RESERVATION_NOT_FOUND"),
            Self::Taken { .. } => (Code::AlreadyExists, "ID_TAKEN"),
            Self::PriceChanged(_) => (Code::Aborted, "PRICE_CHANGED"),
            Self::Contention => (Code::Aborted, "CONTENTION"),
            Self::VersionMoved { .. } => (Code::Aborted, "VERSION_MOVED"),
            Self::ReacquireRefused(_) => (Code::ResourceExhausted, "REACQUIRE_REFUSED"),
            Self::Forbidden(what) => (Code::FailedPrecondition, what.reason()),
            Self::Store(LedgerError::Unavailable(_)) => (Code::Unavailable, "STORE_UNAVAILABLE"),
            Self::Store(LedgerError::OutcomeUnknown(_)) => (Code::Unavailable, "OUTCOME_UNKNOWN"),
            Self::Store(LedgerError::Overloaded) => (Code::Unavailable, "OVERLOADED"),
            Self::Store(LedgerError::Malformed(_)) | Self::Bug(_) => (Code::Internal, "INTERNAL"),
        }
    }

    /// The status with its details. A bug is logged here, so that none is answered unseen.
    pub(crate) fn into_status(self) -> Status {
        let (code, reason) = self.row();
        let mut details = ErrorDetails::new();
        let mut about = HashMap::new();
        let message = match self {
            Self::Invalid(violations) => {
                about.insert("violations".to_owned(), violations.len().to_string());
                let message = first_of(&violations);
                add_violations(&mut details, violations);
                message
            }
            Self::Malformed(why) | Self::TooLarge(why) => why,
            Self::NotServed { field, what } => {
                let message = format!("{what} is not served yet");
                match field.map(|field| clip(field, FIELD_BYTES_MAX)) {
                    Some(field) => {
                        let message = format!("`{field}`: {message}");
                        about.insert("field".to_owned(), field);
                        message
                    }
                    None => message,
                }
            }
            Self::NotFound { reservation } => {
                format!("there is no reservation `{}` of this user", clip(reservation, FIELD_BYTES_MAX))
            }
            Self::Taken { field, id } => {
                about.insert("field".to_owned(), field.to_owned());
                format!("`{field}`: `{}` stands for another request", clip(id, FIELD_BYTES_MAX))
            }
            Self::PriceChanged(change) => {
                let v1::PriceChange { payable, fingerprint, counters, counters_total } = *change;
                about.insert("payable".to_owned(), payable.to_string());
                about.insert("fingerprint".to_owned(), fingerprint);
                about.insert("counters".to_owned(), counters_total.to_string());
                add_shortages(&mut details, counters);
                format!("the price is another one: {payable} minor units")
            }
            Self::Contention => {
                details.set_retry_info(Some(RETRY_SOON));
                "others were quicker five times: the same call may fit next time".to_owned()
            }
            Self::VersionMoved { named, is } => {
                about.insert("version".to_owned(), is.to_string());
                format!("the reservation has version {is}, the call speaks of {named}")
            }
            Self::ReacquireRefused(shortages) => {
                about.insert("counters".to_owned(), shortages.len().to_string());
                add_shortages(&mut details, shortages);
                "the reservation expired and does not fit any more: give the money back".to_owned()
            }
            Self::Forbidden(what) => {
                let (subject, words) = what.in_words();
                let words = clip(words, DESCRIPTION_BYTES_MAX);
                details.add_precondition_failure_violation(reason, subject, words.clone());
                words
            }
            Self::Store(error @ (LedgerError::Unavailable(_) | LedgerError::OutcomeUnknown(_) | LedgerError::Overloaded)) => {
                tracing::warn!(%error, "the store did not answer a call");
                details.set_retry_info(Some(RETRY_LATER));
                match error {
                    LedgerError::OutcomeUnknown(_) => "nobody knows whether it was done: repeat it under the same id",
                    _ => "nothing was done: repeat it under the same id",
                }
                .to_owned()
            }
            Self::Store(LedgerError::Malformed(why)) | Self::Bug(why) => {
                let log_id = LogId::new();
                tracing::error!(%log_id, why, "a call met a bug");
                about.insert("log_id".to_owned(), log_id.to_string());
                format!("a bug of the server; its log tells more under `{log_id}`")
            }
        };
        details.set_error_info(reason, DOMAIN, about);
        let message = clip(message, MESSAGE_BYTES_MAX);
        tracing::debug!(?code, reason, message, "a call is refused");
        Status::with_error_details(code, message, details)
    }
}

impl From<ApiError> for Status {
    fn from(error: ApiError) -> Self {
        error.into_status()
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        Self::Store(error)
    }
}

impl From<RefundError> for ApiError {
    fn from(error: RefundError) -> Self {
        match error {
            RefundError::Invalid(violations) => Self::Invalid(violations),
            RefundError::ClawbackOnly => Self::Forbidden(Forbidden::ClawbackOnly),
            RefundError::Overflow => Self::Bug("a refund of a valid order left 64 bits".to_owned()),
        }
    }
}

impl From<QuoteError> for ApiError {
    fn from(error: QuoteError) -> Self {
        match error {
            QuoteError::Invalid(violations) => Self::Invalid(crate::request::by_wire_path(violations)),
            QuoteError::Unimplemented(what) => Self::NotServed { field: None, what },
            QuoteError::Overflow => Self::Bug("a sum of a valid basket left 64 bits".to_owned()),
        }
    }
}

/// The first violation and how many more there are: enough for a log line without the details.
fn first_of(violations: &[FieldViolation]) -> String {
    let Some(first) = violations.first() else { return "a field breaks a rule".to_owned() };
    let first = format!("`{}`: {}", clip(first.field.clone(), FIELD_BYTES_MAX), first.description);
    match violations.len().saturating_sub(1) {
        0 => first,
        more => format!("{} (and {more} more)", clip(first, MESSAGE_BYTES_MAX.saturating_sub(24))),
    }
}

fn add_violations(details: &mut ErrorDetails, violations: Vec<FieldViolation>) {
    let mut bytes = 0usize;
    for violation in violations.into_iter().take(VIOLATIONS_MAX) {
        let field = clip(violation.field, FIELD_BYTES_MAX);
        let description = clip(violation.description, DESCRIPTION_BYTES_MAX);
        // Tags and lengths of the entry and its two fields take at most 9 bytes.
        bytes = bytes.saturating_add(field.len()).saturating_add(description.len()).saturating_add(9);
        if bytes > VIOLATIONS_BYTES_MAX {
            break;
        }
        details.add_bad_request_violation(field, description);
    }
}

/// The first counters that have too little, by name and in words.
fn add_shortages(details: &mut ErrorDetails, shortages: Vec<v1::CounterShortage>) {
    let mut violations = Vec::new();
    let mut bytes = 0usize;
    for shortage in shortages.into_iter().take(VIOLATIONS_MAX) {
        let v1::CounterShortage { counter, limit, used, requested, held_by_open_orders } = shortage;
        let counter = counter.unwrap_or_default();
        let whose = if counter.gift.is_empty() { ("promotion", &counter.promotion) } else { ("gift", &counter.gift) };
        let left = limit.saturating_sub(used).max(0);
        let description = format!("{} `{}` has {left} left of {limit}, {requested} requested", whose.0, whose.1);
        let kind = counter.kind().as_str_name().trim_start_matches("COUNTER_KIND_").to_owned();
        let numbers = [("limit", Some(limit)), ("used", Some(used)), ("requested", Some(requested))];
        let numbers = numbers.into_iter().chain([("held_by_open_orders", held_by_open_orders)]);
        let mut dimensions: HashMap<String, String> =
            numbers.filter_map(|(name, number)| Some((name.to_owned(), number?.to_string()))).collect();
        for (name, text) in [("sku", counter.sku), ("period", counter.period)] {
            if !text.is_empty() {
                dimensions.insert(name.to_owned(), text);
            }
        }
        let mut violation = QuotaViolation::new(format!("{}:{}", whose.0, whose.1), description);
        violation.quota_metric = kind;
        violation.quota_dimensions = dimensions;
        bytes = bytes.saturating_add(violation_bytes(&violation));
        if bytes > VIOLATIONS_BYTES_MAX {
            break;
        }
        violations.push(violation);
    }
    details.set_quota_failure(violations);
}

/// Texts, and what tags and lengths take at most.
fn violation_bytes(violation: &QuotaViolation) -> usize {
    let dimensions =
        violation.quota_dimensions.iter().map(|(name, text)| name.len().saturating_add(text.len()).saturating_add(6));
    let texts = [&violation.subject, &violation.description, &violation.quota_metric].map(|text| text.len().saturating_add(3));
    dimensions.chain(texts).fold(4, usize::saturating_add)
}

/// At most `bytes_max` bytes of a text, cut between characters.
fn clip(mut text: String, bytes_max: usize) -> String {
    const CUT: &str = "…";
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max.saturating_sub(CUT.len())));
        text.push_str(CUT);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captured_log::CapturedLog;

    /// One of each. The `match` makes a new variant a compile error here until it has its line below.
    fn every_error() -> Vec<ApiError> {
        let all = vec![
            ApiError::Invalid(vec![FieldViolation::new("basket.currency", "`yen` is not an ISO 4217 code")]),
            ApiError::Malformed("failed to decode".to_owned()),
            ApiError::TooLarge("2 MiB, at most 1 MiB".to_owned()),
            ApiError::NotServed { field: Some("strategy".to_owned()), what: "`STRATEGY_BEST`" },
            ApiError::NotFound { reservation: "r-1".to_owned() },
            ApiError::Taken { field: "reservation_id", id: "r-1".to_owned() },
            ApiError::PriceChanged(Box::default()),
            ApiError::Contention,
            ApiError::VersionMoved { named: 2, is: 3 },
            ApiError::ReacquireRefused(vec![v1::CounterShortage::default()]),
            ApiError::Forbidden(Forbidden::UserRequired),
            ApiError::Forbidden(Forbidden::BelowMinimum(vec![("pharma".to_owned(), 40)])),
            ApiError::Forbidden(Forbidden::ClawbackOnly),
            ApiError::Forbidden(Forbidden::NotReplaceable("r-0".to_owned())),
            ApiError::Forbidden(Forbidden::NotCommitted("r-1".to_owned())),
            ApiError::Forbidden(Forbidden::NotHeld("r-1".to_owned())),
            ApiError::Forbidden(Forbidden::RolledBack("r-1".to_owned())),
            ApiError::Forbidden(Forbidden::Expired("r-1".to_owned())),
            ApiError::Store(LedgerError::Unavailable("no".to_owned())),
            ApiError::Store(LedgerError::OutcomeUnknown("no".to_owned())),
            ApiError::Store(LedgerError::Overloaded),
            ApiError::Store(LedgerError::Malformed("twice".to_owned())),
            ApiError::Bug("secret".to_owned()),
        ];
        for error in &all {
            match error {
                ApiError::Invalid(_)
                | ApiError::Malformed(_)
                | ApiError::TooLarge(_)
                | ApiError::NotServed { .. }
                | ApiError::NotFound { .. }
                | ApiError::Taken { .. }
                | ApiError::PriceChanged(_)
                | ApiError::Contention
                | ApiError::VersionMoved { .. }
                | ApiError::ReacquireRefused(_)
                | ApiError::Bug(_) => {}
                ApiError::Forbidden(what) => match what {
                    Forbidden::UserRequired
                    | Forbidden::BelowMinimum(_)
                    | Forbidden::ClawbackOnly
                    | Forbidden::NotReplaceable(_)
                    | Forbidden::NotCommitted(_)
                    | Forbidden::NotHeld(_)
                    | Forbidden::RolledBack(_)
                    | Forbidden::Expired(_) => {}
                },
                ApiError::Store(what) => match what {
                    LedgerError::Unavailable(_)
                    | LedgerError::OutcomeUnknown(_)
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
            (Code::Unimplemented, "NOT_SERVED_YET"),
            (Code::NotFound, "RESERVATION_NOT_FOUND"),
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
            (Code::FailedPrecondition, "NOT_HELD"),
            (Code::FailedPrecondition, "ROLLED_BACK"),
            (Code::FailedPrecondition, "EXPIRED"),
            (Code::Unavailable, "STORE_UNAVAILABLE"),
            (Code::Unavailable, "OUTCOME_UNKNOWN"),
            (Code::Unavailable, "OVERLOADED"),
            (Code::Internal, "INTERNAL"),
            (Code::Internal, "INTERNAL"),
        ];
        assert_eq!(rows, table.map(|(code, reason)| (code, reason.to_owned())));
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
        let violations =
            (0..1_000).map(|n| FieldViolation::new(format!("basket.lines[{n}].sku"), "an id is not empty")).collect();
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
            let status = ApiError::NotServed { field: Some(long.clone()), what: "this" }.into_status();
            assert!(status.details().len() <= 4_096, "{} bytes of details", status.details().len());
        }
    }
}
