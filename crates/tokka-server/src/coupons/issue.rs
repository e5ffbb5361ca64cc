//! How does an operator give a coupon to very many users? IssueCoupons: users come page by page, progress goes back, and
//! what broke off is sent again under the same id.
//!
//! Each user's coupon is a step of its own under an id made of the issue's and the user's: it happens once, however often and
//! in whatever order users are sent, by whichever server.

use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use tokka_core::id::Token;
use tokka_ledger::model::Put;
use tokka_proto::v1;
use tonic::{Status, Streaming};

use super::hand_out::{Handed, Order, usable};
use super::{CouponDesk, Coupons};
use crate::claims::coupons as names;
use crate::error::ApiError;
use crate::error::coupon::Refused;
use crate::request::coupons as request;

/// Users of one message that are served at once: a batch of the embedded store.
const AT_ONCE: usize = 256;
/// An issue goes on for so long. INVARIANT: shorter than records stay, which know who has had theirs.
const GOES_ON_FOR: SignedDuration = SignedDuration::from_hours(6 * 24);

/// The answer of `IssueCoupons`.
pub(crate) type Progress = BoxStream<'static, Result<v1::IssueCouponsResponse, Status>>;

/// What an id of an issue stands for.
#[derive(Clone, PartialEq, Eq, Message)]
struct Begun {
    #[prost(string, tag = "1")]
    distribution: String,
    /// Milliseconds since 1970.
    #[prost(int64, tag = "2")]
    at: i64,
}

/// An issue while its stream is open.
struct Issue {
    desk: CouponDesk,
    users: Streaming<v1::IssueCouponsRequest>,
    /// As the first message named it: id and distribution.
    named: Option<(String, String)>,
    done: v1::IssueCouponsResponse,
    over: bool,
}

/// What became of one user.
enum Outcome {
    Issued,
    Repeated,
    Refused(v1::IssueRefusal),
}

impl CouponDesk {
    /// See `CouponService.IssueCoupons`.
    pub(crate) fn issue(self, users: Streaming<v1::IssueCouponsRequest>) -> Progress {
        let issue = Issue { desk: self, users, named: None, done: v1::IssueCouponsResponse::default(), over: false };
        stream::unfold(issue, Issue::next).boxed()
    }
}

impl Issue {
    async fn next(mut self) -> Option<(Result<v1::IssueCouponsResponse, Status>, Self)> {
        if self.over {
            return None;
        }
        match self.users.message().await {
            Ok(Some(page)) => match self.page(page).await {
                Ok(()) => Some((Ok(self.done.clone()), self)),
                Err(error) => self.end(error.into()),
            },
            Ok(None) => None,
            Err(status) => self.end(status),
        }
    }

    fn end(mut self, status: Status) -> Option<(Result<v1::IssueCouponsResponse, Status>, Self)> {
        self.over = true;
        Some((Err(status), self))
    }

    async fn page(&mut self, page: v1::IssueCouponsRequest) -> Result<(), ApiError> {
        let page = request::issue(page, self.named.as_ref())?;
        if self.named.is_none() {
            self.desk.coupons.begin(&page.request_id, &page.distribution).await?;
            self.named = Some((page.request_id.clone(), page.distribution.clone()));
        }
        let users = i64::try_from(page.users.len()).unwrap_or(i64::MAX);
        let (id, distribution) = (page.request_id, page.distribution);
        let each = stream::iter(page.users).map(|user| {
            let coupons = Arc::clone(&self.desk.coupons);
            let (id, distribution) = (id.clone(), distribution.clone());
            async move { coupons.issue_one(&id, &distribution, user).await }
        });
        let mut outcomes = each.buffered(AT_ONCE);
        self.done.refused.clear();
        while let Some(outcome) = outcomes.next().await {
            let count = match outcome? {
                Outcome::Issued => &mut self.done.issued,
                Outcome::Repeated => &mut self.done.repeated,
                Outcome::Refused(refusal) => {
                    self.done.refused.push(refusal);
                    &mut self.done.refused_total
                }
            };
            *count = count.saturating_add(1);
        }
        self.done.users_done = self.done.users_done.saturating_add(users);
        Ok(())
    }
}

impl Coupons {
    /// Binds an id to its distribution, or finds it bound.
    ///
    /// # Errors
    /// `ID_TAKEN`, `ISSUE_ENDED`, `DISTRIBUTION_NOT_FOUND`, `COUPON_NOT_USABLE`.
    async fn begin(&self, id: &str, distribution: &str) -> Result<(), ApiError> {
        let now = Timestamp::now();
        let published = self.catalogue.current();
        published.ready()?;
        usable(&published, distribution, now)?;
        let begun = Begun { distribution: distribution.to_owned(), at: now.as_millisecond() };
        let name = names::issue(id);
        if let Put::Done(_) = self.ledger.put(&name, 0, begun.encode_to_vec()).await? {
            return Ok(());
        }
        let stands = self.ledger.document(&name).await?.map(|document| document.bytes).unwrap_or_default();
        let stands = Begun::decode(stands.as_slice());
        let stands = stands.map_err(|error| ApiError::Bug(format!("an issue cannot be read: {error}")))?;
        if stands.distribution != distribution {
            return Err(ApiError::Taken { field: "request_id", id: id.to_owned() });
        }
        let begun = Timestamp::from_millisecond(stands.at).unwrap_or(Timestamp::MIN);
        if now.duration_since(begun) > GOES_ON_FOR {
            return Err(Refused::IssueEnded { id: id.to_owned() }.into());
        }
        Ok(())
    }

    async fn issue_one(&self, id: &str, distribution: &str, user: String) -> Result<Outcome, ApiError> {
        let refused = |user: &str, reason: &str| v1::IssueRefusal { user: user.to_owned(), reason: reason.to_owned() };
        if Token::parse(user.as_str()).is_err() {
            return Ok(Outcome::Refused(refused(&user, "INVALID_FIELDS")));
        }
        let order = Order { user: &user, distribution, how: v1::HandedOut::Issued, request_id: id, code: None };
        match self.hand_out_from(&order, 0, Timestamp::now()).await {
            Ok((_, Handed::Now)) => Ok(Outcome::Issued),
            Ok((_, Handed::Before)) => Ok(Outcome::Repeated),
            // A matter of this user or of what is left; the others are served all the same.
            Err(ApiError::Coupon(why @ (Refused::Claim(_) | Refused::WalletFull | Refused::NotUsable { .. }))) => {
                Ok(Outcome::Refused(refused(&user, why.reason())))
            }
            Err(error) => Err(error),
        }
    }
}
