//! Which counter or document of the ledger is a coupon's?
//!
//! | what | parts of its name | a customer's own |
//! |---|---|---|
//! | how many coupons a distribution has handed out | `issued`, distribution | |
//! | how many of them one customer has had | `claimed`, distribution, user | yes |
//! | how many instances a customer was ever given | `wallet`, user | yes |
//! | the instance at a place: a document | `wallet_entry`, user, place | yes |
//! | the places that matter still: a document | `wallet_live`, user | yes |
//! | the one use of an instance | `coupon_use`, user, place | yes |
//! | how many orders ever used it, returned ones too | `coupon_orders`, user, place | yes |
//!
//! | the one use of a single-use code | `code`, distribution, number | |
//! | uses of a shared code | `shared_code`, distribution | |
//! | the wrong codes that a customer tried: a document | `code_attempts`, user | yes |
//! | what an issue is of: a document | `issue`, id | |
//! | the secret of single-use codes: a document | `code_key` | |
//!
//! Places and numbers are decimal. The names are stored, so they never change.

use tokka_catalog::Codes;
use tokka_ledger::model::AMOUNT_MAX;
use tokka_ledger::name::Name;
use tokka_proto::v1;

use crate::coupons::{Distributions, instance_id};

const ISSUED: &str = "issued";
const CLAIMED: &str = "claimed";
const WALLET: &str = "wallet";
const WALLET_ENTRY: &str = "wallet_entry";
const WALLET_LIVE: &str = "wallet_live";
const COUPON_USE: &str = "coupon_use";
const COUPON_ORDERS: &str = "coupon_orders";

const CODE: &str = "code";
const SHARED_CODE: &str = "shared_code";
const CODE_ATTEMPTS: &str = "code_attempts";
const ISSUE: &str = "issue";
const CODE_KEY: &str = "code_key";

/// Uses of a code: of the single-use one with this number, or of the shared one.
pub(crate) fn code(distribution: &str, number: Option<u32>) -> Name {
    match number {
        Some(number) => Name::of(&[CODE, distribution, &number.to_string()]),
        None => Name::of(&[SHARED_CODE, distribution]),
    }
}

pub(crate) fn attempts(user: &str) -> Name {
    Name::of(&[CODE_ATTEMPTS, user])
}

pub(crate) fn issue(id: &str) -> Name {
    Name::of(&[ISSUE, id])
}

pub(crate) fn code_key() -> Name {
    Name::of(&[CODE_KEY])
}

pub(crate) fn issued(distribution: &str) -> Name {
    Name::of(&[ISSUED, distribution])
}

pub(crate) fn claimed(distribution: &str, user: &str) -> Name {
    Name::of(&[CLAIMED, distribution, user])
}

pub(crate) fn wallet(user: &str) -> Name {
    Name::of(&[WALLET, user])
}

pub(crate) fn entry(user: &str, place: u64) -> Name {
    Name::of(&[WALLET_ENTRY, user, &place.to_string()])
}

pub(crate) fn live(user: &str) -> Name {
    Name::of(&[WALLET_LIVE, user])
}

pub(crate) fn one_use(user: &str, place: u64) -> Name {
    Name::of(&[COUPON_USE, user, &place.to_string()])
}

pub(crate) fn orders(user: &str, place: u64) -> Name {
    Name::of(&[COUPON_ORDERS, user, &place.to_string()])
}

/// The instance whose use a counter is: its key in a wallet, by user and place.
pub(crate) fn used_instance(name: &Name) -> Option<Vec<u8>> {
    match name.parts()?[..] {
        [COUPON_USE, user, place] => Some(Name::of(&[user, place]).as_bytes().to_vec()),
        _ => None,
    }
}

/// Likewise, of an instance that was handed out.
pub(crate) fn instance_key(user: &str, place: u64) -> Vec<u8> {
    Name::of(&[user, &place.to_string()]).as_bytes().to_vec()
}

/// Does nobody outside need to hear of it? It only keeps a wallet in order.
pub(super) fn is_inner(parts: &[&str]) -> bool {
    matches!(parts, [WALLET, _] | [COUPON_ORDERS, _, _])
}

/// As callers read it; `None`: it is no coupon's.
pub(super) fn to_wire(parts: &[&str]) -> Option<v1::Counter> {
    let of = |kind: v1::CounterKind, distribution: &str, instance: String| v1::Counter {
        kind: kind.into(),
        distribution: distribution.to_owned(),
        instance,
        ..Default::default()
    };
    Some(match *parts {
        [ISSUED, distribution] => of(v1::CounterKind::CouponsIssued, distribution, String::new()),
        [CLAIMED, distribution, _] => of(v1::CounterKind::CouponsPerUser, distribution, String::new()),
        [COUPON_USE, user, place] => {
            of(v1::CounterKind::CouponUse, "", place.parse().map(|place| instance_id(user, place)).unwrap_or_default())
        }
        [CODE, distribution, _] | [SHARED_CODE, distribution] => of(v1::CounterKind::CodeUses, distribution, String::new()),
        _ => return None,
    })
}

/// Whose it is, where it counts or names a user.
pub(super) fn user_of<'a>(parts: &[&'a str]) -> Option<&'a str> {
    match *parts {
        [CLAIMED, _, user]
        | [WALLET | WALLET_LIVE | CODE_ATTEMPTS, user]
        | [WALLET_ENTRY | COUPON_USE | COUPON_ORDERS, user, _] => Some(user),
        _ => None,
    }
}

/// The limit that the newest catalogue has; `None`: it is no coupon's, or the catalogue does not know it any more.
pub(super) fn limit_now(distributions: &Distributions, parts: &[&str]) -> Option<i64> {
    match *parts {
        [ISSUED, id] => Some(distributions.get(id)?.issued.unwrap_or(AMOUNT_MAX)),
        [SHARED_CODE, id] => match &distributions.get(id)?.codes {
            Codes::Shared { uses, .. } => Some(*uses),
            Codes::None | Codes::SingleUse(_) => None,
        },
        [CLAIMED, id, _] => Some(distributions.get(id)?.per_user.unwrap_or(AMOUNT_MAX)),
        _ => None,
    }
}
