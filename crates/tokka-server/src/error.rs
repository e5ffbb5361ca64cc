//! Which status does a caller get? One row for each thing that can go wrong, with details that fit into a trailer.

use std::collections::HashMap;
use std::time::Duration;

use tokka_core::basket::FieldViolation;
use tokka_core::quote::QuoteError;
use tokka_core::refund::RefundError;
use tokka_ledger::LedgerError;
use tokka_ledger::model::State;
use tokka_proto::v1;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use self::details::{
    DESCRIPTION_BYTES_MAX, FIELD_BYTES_MAX, MESSAGE_BYTES_MAX, add_preconditions, add_shortages, add_violations, clip, first_of,
};
use crate::log_id::LogId;

pub(crate) mod coupon;
mod details;
pub(crate) mod operator;

/// The domain of every reason, as `google.rpc.ErrorInfo` has it.
pub(crate) const DOMAIN: &str = "tokka";

/// When a call that met others may be repeated, and one that met a silent store.
const RETRY_SOON: Duration = Duration::from_millis(20);
const RETRY_LATER: Duration = Duration::from_millis(250);

/// What went wrong with a call.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// Fields of the request that break a rule, by path.
    Invalid(Vec<FieldViolation>),
    /// Bytes that are no message of this API.
    Malformed(String),
    /// A message beyond the limit of its call.
    TooLarge(String),
    /// No such reservation of this user.
    NotFound {
        /// Its id.
        reservation: String,
    },
    /// No published promotion of this id.
    NoPromotion(String),
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
    /// A change of the catalogue is refused.
    Operator(operator::Refused),
    /// A coupon is not handed out.
    Coupon(coupon::Refused),
    /// The server stops, and a stream with it.
    Stopping,
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
    NotCommitted(Stands),
    /// A part of what went back in parts too often.
    TooManyReturns(Stands),
    /// More time for what is not HELD any more.
    NotHeld(Stands),
    /// The receipt of an aged reservation, from before its last return.
    ReceiptSuperseded(String),
    /// It is rolled back.
    RolledBack(Stands),
    /// It is expired.
    Expired(Stands),
}

/// How the reservation stands whose state forbids a call: told beside the reason, so that nobody has to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stands {
    pub(crate) id: String,
    pub(crate) state: State,
    pub(crate) version: u64,
}

impl Forbidden {
    const fn reason(&self) -> &'static str {
        match self {
            Self::UserRequired => "USER_REQUIRED",
            Self::BelowMinimum(_) => "BELOW_MINIMUM",
            Self::ClawbackOnly => "CLAWBACK_ONLY",
            Self::NotReplaceable(_) => "NOT_REPLACEABLE",
            Self::NotCommitted(_) => "NOT_COMMITTED",
            Self::TooManyReturns(_) => "TOO_MANY_RETURNS",
            Self::NotHeld(_) => "NOT_HELD",
            Self::ReceiptSuperseded(_) => "RECEIPT_SUPERSEDED",
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
            Self::NotCommitted(Stands { id, .. }) => {
                ("reservation_id", format!("reservation `{id}` is not paid yet: only all of it can go back"))
            }
            Self::TooManyReturns(Stands { id, .. }) => {
                ("reservation_id", format!("reservation `{id}` was returned in too many parts: the rest can go back at once"))
            }
            Self::NotHeld(Stands { id, .. }) => ("reservation_id", format!("reservation `{id}` is not held any more")),
            Self::ReceiptSuperseded(id) => {
                ("receipt", format!("reservation `{id}` was returned since this receipt was written: bring its latest one"))
            }
            Self::RolledBack(Stands { id, .. }) => ("reservation_id", format!("reservation `{id}` is rolled back")),
            Self::Expired(Stands { id, .. }) => ("reservation_id", format!("reservation `{id}` is expired")),
        };
        (subject.to_owned(), words)
    }

    const fn stands(&self) -> Option<&Stands> {
        match self {
            Self::NotCommitted(stands)
            | Self::TooManyReturns(stands)
            | Self::NotHeld(stands)
            | Self::RolledBack(stands)
            | Self::Expired(stands) => Some(stands),
            Self::UserRequired
            | Self::BelowMinimum(_)
            | Self::ClawbackOnly
            | Self::NotReplaceable(_)
            | Self::ReceiptSuperseded(_) => None,
        }
    }
}

impl ApiError {
    /// The table: a status and a stable reason for each error. Every reason has its page in `docs/reasons/`.
    const fn row(&self) -> (Code, &'static str) {
        match self {
            Self::Invalid(_) => (Code::InvalidArgument, "INVALID_FIELDS"),
            Self::Malformed(_) => (Code::InvalidArgument, "MALFORMED_MESSAGE"),
            Self::TooLarge(_) => (Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
            Self::NotFound { .. } => (Code::NotFound, "RESERVATION_NOT_FOUND"),
            Self::NoPromotion(_) => (Code::NotFound, "PROMOTION_NOT_FOUND"),
            Self::Taken { .. } => (Code::AlreadyExists, "ID_TAKEN"),
            Self::PriceChanged(_) => (Code::Aborted, "PRICE_CHANGED"),
            Self::Contention => (Code::Aborted, "CONTENTION"),
            Self::VersionMoved { .. } => (Code::Aborted, "VERSION_MOVED"),
            Self::ReacquireRefused(_) => (Code::ResourceExhausted, "REACQUIRE_REFUSED"),
            Self::Forbidden(what) => (Code::FailedPrecondition, what.reason()),
            Self::Operator(refused) => refused.row(),
            Self::Coupon(refused) => refused.row(),
            Self::Stopping => (Code::Unavailable, "STOPPING"),
            Self::Store(LedgerError::Unavailable(_)) => (Code::Unavailable, "STORE_UNAVAILABLE"),
            Self::Store(LedgerError::OutcomeUnknown(_)) => (Code::Unavailable, "OUTCOME_UNKNOWN"),
            Self::Store(LedgerError::Empty(_)) => (Code::Unavailable, "STORE_EMPTY"),
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
            Self::NotFound { reservation } => {
                format!("there is no reservation `{}` of this user", clip(reservation, FIELD_BYTES_MAX))
            }
            Self::NoPromotion(id) => format!("no published promotion is called `{}`", clip(id, FIELD_BYTES_MAX)),
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
                if let Some(Stands { state, version, .. }) = what.stands() {
                    about.insert("state".to_owned(), state.name().to_owned());
                    about.insert("version".to_owned(), version.to_string());
                }
                let (subject, words) = what.in_words();
                let words = clip(words, DESCRIPTION_BYTES_MAX);
                details.add_precondition_failure_violation(reason, subject, words.clone());
                words
            }
            Self::Operator(refused) => {
                if let Some(etag) = refused.etag() {
                    about.insert("etag".to_owned(), etag.to_owned());
                }
                if code == Code::FailedPrecondition {
                    add_preconditions(&mut details, refused.violations(), &mut about);
                }
                let codes: Vec<&str> = refused.codes().into_iter().collect();
                if !codes.is_empty() {
                    about.insert("codes".to_owned(), codes.join(","));
                }
                refused.in_words().1
            }
            Self::Coupon(refused) => {
                let (subject, words) = refused.in_words();
                let words = clip(words, DESCRIPTION_BYTES_MAX);
                if code == Code::FailedPrecondition {
                    details.add_precondition_failure_violation(reason, subject, words.clone());
                }
                if let coupon::Refused::TooManyAttempts { retry_after } = refused {
                    details.set_retry_info(Some(retry_after));
                }
                if let coupon::Refused::Claim(shortages) = refused {
                    about.insert("counters".to_owned(), shortages.len().to_string());
                    add_shortages(&mut details, shortages);
                }
                words
            }
            Self::Stopping => {
                details.set_retry_info(Some(RETRY_LATER));
                "the server stops: subscribe again after the last cursor".to_owned()
            }
            Self::Store(LedgerError::Empty(why)) => {
                tracing::error!(why, "the store is empty: nothing is promised until it is restored");
                details.set_retry_info(Some(RETRY_LATER));
                "the store is empty, and nothing was done: its operator has to bring it back".to_owned()
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
            QuoteError::Overflow => Self::Bug("a sum of a valid basket left 64 bits".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
