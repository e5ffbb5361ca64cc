//! What does somebody get to hear who wants a coupon and does not get it? Each by its own reason.

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
    pub(super) const fn row(&self) -> (Code, &'static str) {
        match self {
            Self::NoDistribution { .. } => (Code::NotFound, "DISTRIBUTION_NOT_FOUND"),
            Self::NotClaimable { .. } => (Code::FailedPrecondition, "NOT_CLAIMABLE"),
            Self::NotOpen { .. } => (Code::FailedPrecondition, "CLAIM_NOT_OPEN"),
            Self::Over { .. } => (Code::FailedPrecondition, "CLAIM_OVER"),
            Self::NotUsable { .. } => (Code::FailedPrecondition, "COUPON_NOT_USABLE"),
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
            Self::WalletFull => format!("this user holds {} coupons, as many as one may", wallet::LIVE_MAX),
            Self::Claim(_) => "nothing is left of it, or this user has had all that one may have".to_owned(),
        };
        (subject, words)
    }
}
