//! Who wants which coupon? Requests about wallets, with every violation at once.

use std::collections::BTreeSet;

use tokka_catalog::CODES_MAX;
use tokka_core::basket::FieldViolation;
use tokka_core::id::Id;
use tokka_proto::v1;

use super::reservation::token;
use crate::error::ApiError;

/// A code that somebody types is no longer.
const CODE_BYTES_MAX: usize = 128;

/// Users of one message.
const USERS_MAX: usize = 1_000;

/// A claim that obeys every bound.
pub(crate) fn claim(request: v1::ClaimCouponRequest) -> Result<v1::ClaimCouponRequest, ApiError> {
    let mut wrong = Vec::new();
    token("user", &request.user, &mut wrong);
    id("distribution", &request.distribution, &mut wrong);
    token("request_id", &request.request_id, &mut wrong);
    if wrong.is_empty() { Ok(request) } else { Err(ApiError::Invalid(wrong)) }
}

/// A code to be redeemed.
pub(crate) fn redeem(request: v1::RedeemCodeRequest) -> Result<v1::RedeemCodeRequest, ApiError> {
    let mut wrong = Vec::new();
    token("user", &request.user, &mut wrong);
    code("code", &request.code, &mut wrong);
    token("request_id", &request.request_id, &mut wrong);
    if wrong.is_empty() { Ok(request) } else { Err(ApiError::Invalid(wrong)) }
}

/// A page of users. Issue and distribution are those of the first page, which names both.
pub(crate) fn issue(
    request: v1::IssueCouponsRequest,
    named: Option<&(String, String)>,
) -> Result<v1::IssueCouponsRequest, ApiError> {
    let mut wrong = Vec::new();
    let v1::IssueCouponsRequest { mut request_id, mut distribution, users } = request;
    match named {
        None => {
            token("request_id", &request_id, &mut wrong);
            id("distribution", &distribution, &mut wrong);
        }
        Some((of, handed_out)) => {
            for (field, given, first) in [("request_id", &mut request_id, of), ("distribution", &mut distribution, handed_out)] {
                if given.is_empty() {
                    given.clone_from(first);
                } else if given != first {
                    wrong.push(FieldViolation::new(field, format!("`{given}` is not `{first}`, which the first message names")));
                }
            }
        }
    }
    if users.len() > USERS_MAX {
        let description = format!("{} users, at most {USERS_MAX} are allowed in a message", users.len());
        wrong.push(FieldViolation::new("users", description));
    }
    if wrong.is_empty() { Ok(v1::IssueCouponsRequest { request_id, distribution, users }) } else { Err(ApiError::Invalid(wrong)) }
}

/// Codes to be generated.
pub(crate) fn codes(request: v1::GenerateCodesRequest) -> Result<v1::GenerateCodesRequest, ApiError> {
    let mut wrong = Vec::new();
    id("distribution", &request.distribution, &mut wrong);
    for (field, number) in [("first", request.first), ("count", request.count)] {
        if !(0..=CODES_MAX).contains(&number) {
            wrong.push(FieldViolation::new(field, format!("`{number}` is not between 0 and {CODES_MAX}")));
        }
    }
    if wrong.is_empty() { Ok(request) } else { Err(ApiError::Invalid(wrong)) }
}

/// A code as somebody typed it. What is wrong does not repeat it: codes stay out of answers and logs.
pub(super) fn code(field: &str, code: &str, wrong: &mut Vec<FieldViolation>) {
    let typed = |byte: u8| (b' '..=b'~').contains(&byte);
    if code.trim().is_empty() || code.len() > CODE_BYTES_MAX || !code.bytes().all(typed) {
        wrong.push(FieldViolation::new(field, format!("a code is 1 to {CODE_BYTES_MAX} bytes of ` ` to `~`")));
    }
}

/// Which page of whose wallet.
#[derive(Debug)]
pub(crate) struct WalletPage {
    pub(crate) user: String,
    pub(crate) states: BTreeSet<v1::UserCouponState>,
    pub(crate) page_size: usize,
    pub(crate) page_token: String,
}

/// Reads a request for a page.
pub(crate) fn wallet(request: v1::ListUserCouponsRequest) -> Result<WalletPage, ApiError> {
    let v1::ListUserCouponsRequest { user, states, page_size, page_token } = request;
    let mut wrong = Vec::new();
    token("user", &user, &mut wrong);
    let mut wanted = BTreeSet::new();
    for (index, state) in states.into_iter().enumerate() {
        match v1::UserCouponState::try_from(state) {
            Ok(v1::UserCouponState::Unspecified) | Err(_) => {
                let description = format!("`{state}` is no state of a coupon");
                wrong.push(FieldViolation::new(format!("states[{index}]"), description));
            }
            Ok(state) => {
                wanted.insert(state);
            }
        }
    }
    let page_size = super::page_size(page_size, &mut wrong);
    if wrong.is_empty() { Ok(WalletPage { user, states: wanted, page_size, page_token }) } else { Err(ApiError::Invalid(wrong)) }
}

/// A page that does not begin where its token says.
pub(crate) fn wrong_page() -> ApiError {
    let description = "no token of this list: its other fields are not the same; begin without one";
    ApiError::Invalid(vec![FieldViolation::new("page_token", description)])
}

/// The id of a document.
fn id(field: &str, id: &str, wrong: &mut Vec<FieldViolation>) {
    if let Err(error) = Id::parse(id) {
        wrong.push(FieldViolation::new(field, format!("`{id}`: {error}")));
    }
}
