//! What does somebody get to hear who wants a coupon and does not get it? Each by its own reason.

use std::time::Duration;

use jiff::Timestamp;
use tokka_proto::v1;
use tonic::Code;

use super::ApiError;
use crate::coupons::wallet;

/// Why a call about coupons is refused.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Refused {
    /// The catalogue has no such distribution.
    NoDistribution { id: String },
    /// It is handed out by codes or by operators, not to whoever asks.
    NotClaimable { distribution: String },
    /// It is handed out later.
    NotOpen { distribution: String, opens: Timestamp },
    /// It is not handed out any more.
    Over { distribution: String, ended: Timestamp },
    /// The coupon is a draft, paused, archived, or its window is over.
    NotUsable { coupon: String },
    /// There is no such code.
    UnknownCode,
    /// The user tried too many codes that are none.
    TooManyAttempts { retry_after: Duration },
    /// An issue that began too long ago to go on.
    IssueEnded { id: String },
    /// The distribution has no single-use codes.
    NoCodes { distribution: String },
    /// The call belongs to operators, on the admin address.
    OperatorsOnly,
    /// The user holds as many as one may.
    WalletFull,
    /// Counters that have nothing left.
    Claim(Vec<v1::CounterShortage>),
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        Self::Coupon(refused)
    }
}

impl Refused {
    /// The stable reason alone.
    pub(crate) const fn reason(&self) -> &'static str {
        self.row().1
    }

    pub(super) const fn row(&self) -> (Code, &'static str) {
        match self {
            Self::NoDistribution { .. } => (Code::NotFound, "DISTRIBUTION_NOT_FOUND"),
            Self::NotClaimable { .. } => (Code::FailedPrecondition, "NOT_CLAIMABLE"),
            Self::NotOpen { .. } => (Code::FailedPrecondition, "CLAIM_NOT_OPEN"),
            Self::Over { .. } => (Code::FailedPrecondition, "CLAIM_OVER"),
            Self::NotUsable { .. } => (Code::FailedPrecondition, "COUPON_NOT_USABLE"),
            Self::UnknownCode => (Code::NotFound, "UNKNOWN_CODE"),
            Self::TooManyAttempts { .. } => (Code::ResourceExhausted, "TOO_MANY_ATTEMPTS"),
            Self::IssueEnded { .. } => (Code::FailedPrecondition, "ISSUE_ENDED"),
            Self::NoCodes { .. } => (Code::FailedPrecondition, "NO_CODES"),
            Self::OperatorsOnly => (Code::PermissionDenied, "OPERATORS_ONLY"),
            Self::WalletFull => (Code::ResourceExhausted, "WALLET_FULL"),
            Self::Claim(_) => (Code::ResourceExhausted, "CLAIM_REFUSED"),
        }
    }

    /// The field or thing that it speaks of, and why.
    pub(super) fn in_words(&self) -> (String, String) {
        let subject = "distribution".to_owned();
        let words = match self {
            Self::NoDistribution { id } => format!("there is no distribution `{id}`"),
            Self::NotClaimable { distribution } => {
                format!("`{distribution}` is handed out by codes or by operators: it cannot be claimed")
            }
            Self::NotOpen { distribution, opens } => format!("`{distribution}` is handed out from {opens} on"),
            Self::Over { distribution, ended } => format!("`{distribution}` was handed out until {ended}"),
            Self::NotUsable { coupon } => format!("coupon `{coupon}` is not published, or over: it is not handed out"),
            // Codes stay out of answers and logs.
            Self::UnknownCode => "there is no such code".to_owned(),
            Self::TooManyAttempts { retry_after } => {
                let minutes = retry_after.as_secs().div_ceil(60);
                format!("this user tried too many codes that are none: no other one for {minutes} minutes")
            }
            Self::IssueEnded { id } => {
                format!("issue `{id}` began more than 6 days ago: who has had theirs is not known any more")
            }
            Self::NoCodes { distribution } => format!("`{distribution}` has no single-use codes"),
            Self::OperatorsOnly => "the call is taken on the admin address only".to_owned(),
            Self::WalletFull => format!("this user holds {} coupons, as many as one may", wallet::LIVE_MAX),
            Self::Claim(_) => "nothing is left of it, or this user has had all that one may have".to_owned(),
        };
        (subject, words)
    }
}
