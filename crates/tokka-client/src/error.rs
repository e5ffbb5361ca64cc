//! Why did a call not do what was asked? The status, its stable reason and its `google.rpc` details as one type.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// Why a call failed. Every variant says what the caller can do; [`Error::refusal`] has what all have in common.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `INVALID_ARGUMENT`: the request breaks rules. It has to be changed.
    #[error("{refusal}")]
    Invalid {
        /// The fields, at most 20.
        violations: Vec<FieldViolation>,
        /// How many there are in all.
        total: usize,
        /// What was answered.
        refusal: Box<Refusal>,
    },
    /// `NOT_FOUND`: no reservation of this user has the id.
    #[error("{0}")]
    NotFound(Box<Refusal>),
    /// `ALREADY_EXISTS`: the id stands for another request. Use a fresh one.
    #[error("{0}")]
    AlreadyExists(Box<Refusal>),
    /// `ABORTED / PRICE_CHANGED`: the price is no longer the one expected. Quote again, and ask the customer.
    #[error("{refusal}")]
    PriceChanged {
        /// The limited quantities that caused it.
        counters: Counters,
        /// What was answered.
        refusal: Box<Refusal>,
    },
    /// `ABORTED / CONTENTION`: others were quicker, several times. Nothing was done.
    #[error("{refusal}")]
    Contention {
        /// When it is worth another try.
        retry_after: Option<Duration>,
        /// What was answered.
        refusal: Box<Refusal>,
    },
    /// `ABORTED` for another reason: the caller's version or etag is not the newest. Read again, decide again.
    #[error("{0}")]
    Moved(Box<Refusal>),
    /// `RESOURCE_EXHAUSTED`: limited quantities do not suffice. Trying again would not help.
    #[error("{refusal}")]
    Exhausted {
        /// Those that refused.
        counters: Counters,
        /// When it is worth another try, where that is known (`TOO_MANY_ATTEMPTS`).
        retry_after: Option<Duration>,
        /// What was answered.
        refusal: Box<Refusal>,
    },
    /// `FAILED_PRECONDITION`: the state forbids it; the reason says which.
    #[error("{refusal}")]
    Forbidden {
        /// What is not as it has to be, at most 20.
        preconditions: Vec<Precondition>,
        /// What was answered.
        refusal: Box<Refusal>,
    },
    /// `UNAVAILABLE`, and nothing was done: the store does not answer, the server is overloaded or cannot be reached.
    #[error("{refusal}")]
    Unavailable {
        /// When it is worth another try, where the server said so.
        retry_after: Option<Duration>,
        /// What was answered.
        refusal: Box<Refusal>,
    },
    /// Nobody knows whether it was done: the deadline passed, or the connection broke. Repeat it **under the same id**.
    #[error("the outcome is unknown: {refusal}")]
    OutcomeUnknown {
        /// When it is worth another try, where the server said so.
        retry_after: Option<Duration>,
        /// What was answered, or what went wrong here.
        refusal: Box<Refusal>,
    },
    /// `UNIMPLEMENTED`: this server does not do it yet.
    #[error("{0}")]
    NotServed(Box<Refusal>),
    /// `INTERNAL`: a bug of the server, which its log tells more about.
    #[error("{refusal}")]
    Bug {
        /// Where to look in the log.
        log_id: Option<String>,
        /// What was answered.
        refusal: Box<Refusal>,
    },
    /// Any other status (`UNAUTHENTICATED`, `PERMISSION_DENIED`, and what only other servers answer).
    #[error("{0}")]
    Other(Box<Refusal>),
}

/// What all failures have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub code: Code,
    /// The stable reason of `google.rpc.ErrorInfo`, such as `PRICE_CHANGED`; `None` where nobody gave one, because the
    /// server was not reached.
    pub reason: Option<String>,
    /// For people and logs.
    pub message: String,
    /// What `ErrorInfo` says besides.
    pub metadata: BTreeMap<String, String>,
    /// How often the call was tried, at least 1.
    pub attempts: u32,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// A field of a request that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    /// Its path: `basket.lines[3].quantity`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// Something that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Precondition {
    /// The kind, a stable word.
    pub kind: String,
    /// What it is about.
    pub subject: String,
    /// What is wrong with it.
    pub description: String,
}

/// The limited quantities that an answer names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counters {
    /// At most 20.
    pub named: Vec<Counter>,
    /// How many there are in all.
    pub total: usize,
}

/// A limited quantity that refused, or that changed a price. Numbers are pieces, sets or orders, of a budget minor units.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counter {
    /// What it is of: `promotion:flash-1`, `gift:eco-bag`.
    pub of: String,
    /// What it counts, a `CounterKind` without its prefix: `STOCK`, `UNITS_PER_USER`.
    pub kind: String,
    /// The sku, where each sku is counted by itself.
    pub sku: Option<String>,
    /// The first day of its period, where it has one.
    pub period: Option<String>,
    /// How much there is in all.
    pub limit: Option<i64>,
    /// What is used of it.
    pub used: Option<i64>,
    /// What was asked for.
    pub requested: Option<i64>,
    /// What the user's own orders hold of it that are not paid yet, where it is the user's own.
    pub held_by_open_orders: Option<i64>,
    /// The same in words.
    pub description: String,
}

impl Error {
    /// What all failures have in common.
    #[must_use]
    pub fn refusal(&self) -> &Refusal {
        match self {
            Self::Invalid { refusal, .. }
            | Self::NotFound(refusal)
            | Self::AlreadyExists(refusal)
            | Self::PriceChanged { refusal, .. }
            | Self::Contention { refusal, .. }
            | Self::Moved(refusal)
            | Self::Exhausted { refusal, .. }
            | Self::Forbidden { refusal, .. }
            | Self::Unavailable { refusal, .. }
            | Self::OutcomeUnknown { refusal, .. }
            | Self::NotServed(refusal)
            | Self::Bug { refusal, .. }
            | Self::Other(refusal) => refusal,
        }
    }

    /// The stable reason, where the server gave one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.refusal().reason.as_deref()
    }

    /// Reads the status of one attempt.
    pub(crate) fn from_status(status: &Status, attempts: u32) -> Self {
        let mut details = status.get_error_details();
        // A reason of somebody between us and the server means something else.
        let info = details.error_info().filter(|info| info.domain == "tokka").cloned();
        let (reason, metadata) = info.map_or_else(Default::default, |info| (Some(info.reason), info.metadata));
        let refusal = Box::new(Refusal {
            code: status.code(),
            reason,
            message: message(status),
            metadata: metadata.into_iter().collect(),
            attempts,
        });
        let retry_after = details.retry_info().and_then(|info| info.retry_delay);
        match (status.code(), refusal.reason.as_deref()) {
            (Code::InvalidArgument, _) => {
                let violations = violations(&mut details);
                Self::Invalid { total: total(&refusal, "violations", violations.len()), violations, refusal }
            }
            (Code::NotFound, _) => Self::NotFound(refusal),
            (Code::AlreadyExists, _) => Self::AlreadyExists(refusal),
            (Code::Aborted, Some("PRICE_CHANGED")) => Self::PriceChanged { counters: counters(&mut details, &refusal), refusal },
            (Code::Aborted, Some("CONTENTION")) => Self::Contention { retry_after, refusal },
            (Code::Aborted, _) => Self::Moved(refusal),
            (Code::ResourceExhausted, _) => Self::Exhausted { counters: counters(&mut details, &refusal), retry_after, refusal },
            (Code::FailedPrecondition, _) => Self::Forbidden { preconditions: preconditions(&mut details), refusal },
            (Code::Unavailable, Some("OUTCOME_UNKNOWN")) => Self::OutcomeUnknown { retry_after, refusal },
            (Code::Unavailable, Some(_)) => Self::Unavailable { retry_after, refusal },
            // Without a reason it is not from a service of tokka: the connection did not come up, or broke on the way.
            (Code::Unavailable, None) if never_left(status) => Self::Unavailable { retry_after, refusal },
            (Code::Unavailable | Code::Cancelled | Code::DeadlineExceeded, _) => Self::OutcomeUnknown { retry_after, refusal },
            (Code::Unknown | Code::Internal, None) if status.source().is_some() => Self::OutcomeUnknown { retry_after, refusal },
            (Code::Unimplemented, _) => Self::NotServed(refusal),
            (Code::Internal, _) => Self::Bug { log_id: refusal.metadata.get("log_id").cloned(), refusal },
            _ => Self::Other(refusal),
        }
    }

    /// The deadline passed before anybody answered.
    pub(crate) fn deadline(deadline: Duration, attempts: u32) -> Self {
        let message = format!("no answer within {} ms", deadline.as_millis());
        let refusal = Refusal { code: Code::DeadlineExceeded, reason: None, message, metadata: BTreeMap::new(), attempts };
        Self::OutcomeUnknown { retry_after: None, refusal: Box::new(refusal) }
    }

    /// A request that is refused before it is sent.
    pub(crate) fn unsent(field: &str, description: &str) -> Self {
        let violation = FieldViolation { field: field.to_owned(), description: description.to_owned() };
        let refusal = Refusal {
            code: Code::InvalidArgument,
            reason: Some("INVALID_FIELDS".to_owned()),
            message: format!("`{field}`: {description}"),
            metadata: BTreeMap::new(),
            attempts: 1,
        };
        Self::Invalid { violations: vec![violation], total: 1, refusal: Box::new(refusal) }
    }

    /// An earlier attempt may have done it.
    pub(crate) fn with_unknown_outcome(self) -> Self {
        match self {
            Self::Unavailable { retry_after, refusal } => Self::OutcomeUnknown { retry_after, refusal },
            other => other,
        }
    }
}

/// Was the request certainly not sent?
fn never_left(status: &Status) -> bool {
    causes(status).any(|cause| cause.is::<tonic::ConnectError>())
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(status.source(), |cause| (*cause).source())
}

/// What the status says; where the transport failed, its causes say more than `transport error`.
fn message(status: &Status) -> String {
    let mut parts: Vec<String> = Vec::new();
    let causes = causes(status).map(ToString::to_string);
    for text in std::iter::once(status.message().to_owned()).chain(causes) {
        // Wrappers often repeat what they wrap; a status among the causes shows itself with all its fields.
        let known = parts.iter().any(|part| part.contains(&text) || text.contains(part.as_str()) && !part.is_empty());
        if !text.is_empty() && !known {
            parts.push(text);
        }
    }
    if parts.is_empty() { format!("{:?}", status.code()) } else { parts.join(": ") }
}

fn violations(details: &mut ErrorDetails) -> Vec<FieldViolation> {
    let Some(request) = details.bad_request() else { return Vec::new() };
    let violation = |violation: &tonic_types::FieldViolation| FieldViolation {
        field: violation.field.clone(),
        description: violation.description.clone(),
    };
    request.field_violations.iter().map(violation).collect()
}

fn counters(details: &mut ErrorDetails, refusal: &Refusal) -> Counters {
    let Some(failure) = details.quota_failure() else { return Counters::default() };
    let counter = |violation: &tonic_types::QuotaViolation| {
        let text = |key: &str| violation.quota_dimensions.get(key).cloned();
        let number = |key: &str| text(key).and_then(|text| text.parse().ok());
        Counter {
            of: violation.subject.clone(),
            kind: violation.quota_metric.clone(),
            sku: text("sku"),
            period: text("period"),
            limit: number("limit"),
            used: number("used"),
            requested: number("requested"),
            held_by_open_orders: number("held_by_open_orders"),
            description: violation.description.clone(),
        }
    };
    let named: Vec<Counter> = failure.violations.iter().map(counter).collect();
    Counters { total: total(refusal, "counters", named.len()), named }
}

fn preconditions(details: &mut ErrorDetails) -> Vec<Precondition> {
    let Some(failure) = details.precondition_failure() else { return Vec::new() };
    let precondition = |violation: &tonic_types::PreconditionViolation| Precondition {
        kind: violation.r#type.clone(),
        subject: violation.subject.clone(),
        description: violation.description.clone(),
    };
    failure.violations.iter().map(precondition).collect()
}

/// How many there are, of which at most 20 are named.
fn total(refusal: &Refusal, key: &str, named: usize) -> usize {
    refusal.metadata.get(key).and_then(|text| text.parse().ok()).unwrap_or(named).max(named)
}
