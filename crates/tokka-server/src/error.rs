//! Which status does a caller get? One row for each thing that can go wrong, with details that fit into a trailer.

use std::collections::HashMap;

use tokka_core::basket::FieldViolation;
use tokka_core::quote::QuoteError;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

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
    /// A defect of ours. The caller learns where to find it in the log, and nothing else.
    Bug(String),
}

impl ApiError {
    /// The table: a status and a stable reason for each error. Every reason has its page in `docs/reasons/`.
    const fn row(&self) -> (Code, &'static str) {
        match self {
            Self::Invalid(_) => (Code::InvalidArgument, "INVALID_FIELDS"),
            Self::Malformed(_) => (Code::InvalidArgument, "MALFORMED_MESSAGE"),
            Self::TooLarge(_) => (Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
            Self::NotServed { .. } => (Code::Unimplemented, "NOT_SERVED_YET"),
            Self::Bug(_) => (Code::Internal, "INTERNAL"),
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
            Self::Bug(why) => {
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
            ApiError::Bug("secret".to_owned()),
        ];
        for error in &all {
            match error {
                ApiError::Invalid(_)
                | ApiError::Malformed(_)
                | ApiError::TooLarge(_)
                | ApiError::NotServed { .. }
                | ApiError::Bug(_) => {}
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
            let status = ApiError::NotServed { field: Some(long.clone()), what: "this" }.into_status();
            assert!(status.details().len() <= 4_096, "{} bytes of details", status.details().len());
        }
    }
}
