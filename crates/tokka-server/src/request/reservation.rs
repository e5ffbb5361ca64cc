//! What is to be held, paid, returned? Requests about reservations, with every violation at once.

use std::time::Duration;

use jiff::Timestamp;
use prost::Message;
use tokka_catalog::CatalogueSettings;
use tokka_core::basket::{Basket, FieldViolation};
use tokka_core::id::Token;
use tokka_core::quote::View;
use tokka_core::refund::RefundPolicy;
use tokka_ledger::model::{Millis, Record};
use tokka_proto::v1;
use xxhash_rust::xxh3::xxh3_128;

use super::{Offer, moment, quote_order};
use crate::coupons::offers::Wanted;
use crate::error::ApiError;
use crate::receipt::Receipts;

/// At most this many labels an order.
const LABELS_MAX: usize = 8;
/// A hold is at least this long: a shorter one expires before its answer arrives.
const HOLD_MIN: Duration = Duration::from_secs(1);

/// A Reserve that obeys every bound.
#[derive(Debug)]
pub(crate) struct ReserveOrder {
    pub(crate) target: Target,
    pub(crate) basket: Basket,
    pub(crate) offers: Vec<Offer>,
    pub(crate) auto: bool,
    pub(crate) view: View,
    pub(crate) expect: Expect,
    pub(crate) return_quote: bool,
    pub(crate) hold_for: Duration,
    /// It is longer than today's catalogue allows, which matters only where nothing is held yet.
    pub(crate) too_long: Option<FieldViolation>,
    pub(crate) replaces: Option<String>,
    /// As asked for by name.
    pub(crate) policy: Option<RefundPolicy>,
    pub(crate) accept_below_minimum: bool,
    pub(crate) order: Option<v1::OrderReference>,
    /// The request without what may differ in a repetition, as it is written.
    pub(crate) canonical: Vec<u8>,
    /// 128 bits over `canonical`.
    pub(crate) hash: u128,
}

impl ReserveOrder {
    /// The coupons that it offers.
    pub(crate) fn wanted(&self) -> Wanted<'_> {
        Wanted { offers: &self.offers, auto: self.auto }
    }

    /// Who buys.
    pub(crate) fn user(&self) -> Option<&str> {
        self.basket.user().map(|user| user.as_str())
    }
}

/// The price that the customer agreed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expect {
    Fingerprint(u128),
    Payable(i64),
    Anything,
}

impl Expect {
    /// Is it a price that the customer saw whole?
    pub(crate) fn is_a_fingerprint(&self) -> bool {
        matches!(self, Self::Fingerprint(_))
    }
}

/// Which reservation, and whose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) id: String,
    shard_key: String,
    /// What the receipt says of it that was brought.
    pub(crate) receipt: Option<Box<Record>>,
}

impl Target {
    /// By id and user.
    pub(crate) fn new(id: String, user: Option<String>) -> Self {
        // INVARIANT: no user's id has a space, so nobody can pass for the guest of a reservation.
        let shard_key = user.unwrap_or_else(|| format!(" {id}"));
        Self { id, shard_key, receipt: None }
    }

    /// Where its record lives.
    pub(crate) fn shard_key(&self) -> &str {
        &self.shard_key
    }
}

/// Reads a Reserve; `now` is the moment that it is priced for.
pub(crate) fn reserve_order(
    mut request: v1::ReserveRequest,
    now: Timestamp,
    settings: &CatalogueSettings,
) -> Result<ReserveOrder, ApiError> {
    let mut wrong = Vec::new();
    token("reservation_id", &request.reservation_id, &mut wrong);
    if request.basket.as_ref().is_some_and(|basket| basket.at.is_some()) {
        wrong.push(FieldViolation::new("basket.at", "an order is priced for now: leave the moment out"));
    }
    let expect = expectation(request.expect.as_ref(), &mut wrong);
    let return_quote = match v1::OnPriceChange::try_from(request.on_price_change) {
        Ok(v1::OnPriceChange::Unspecified | v1::OnPriceChange::Fail) => false,
        Ok(v1::OnPriceChange::ReturnQuote) => true,
        Err(_) => {
            let known = "there are `ON_PRICE_CHANGE_FAIL` and `ON_PRICE_CHANGE_RETURN_QUOTE`";
            wrong.push(FieldViolation::new("on_price_change", format!("`{}` is none: {known}", request.on_price_change)));
            false
        }
    };
    let mut too_long = None;
    let hold_for = match request.hold_for {
        Some(given) => hold_for(given, settings.hold_max, &mut wrong, &mut too_long),
        None => settings.hold_default,
    };
    let user = request.basket.as_ref().and_then(|basket| basket.user.clone());
    if let Some(replaced) = &request.replaces {
        token("replaces", replaced, &mut wrong);
        if user.is_none() {
            wrong.push(FieldViolation::new("replaces", "a reservation is replaced for its user, and the basket names none"));
        }
        if *replaced == request.reservation_id {
            wrong.push(FieldViolation::new("replaces", "a reservation does not replace itself"));
        }
    }
    let policy = match v1::RefundPolicy::try_from(request.refund_policy) {
        Ok(v1::RefundPolicy::Unspecified) => None,
        Ok(v1::RefundPolicy::Proportional) => Some(RefundPolicy::Proportional),
        Ok(v1::RefundPolicy::Clawback) => Some(RefundPolicy::Clawback),
        Err(_) => {
            let known = "there are `REFUND_POLICY_PROPORTIONAL` and `REFUND_POLICY_CLAWBACK`";
            wrong.push(FieldViolation::new("refund_policy", format!("`{}` is none: {known}", request.refund_policy)));
            None
        }
    };
    if let Some(order) = &request.order {
        let lines = request.basket.iter().flat_map(|basket| &basket.lines);
        let stores: Vec<&str> = lines.map(|line| line.store.as_str()).collect();
        reference(order, &stores, &mut wrong);
    }
    let target = Target::new(request.reservation_id.clone(), user);
    let accept_below_minimum = request.accept_below_minimum;
    let (order, replaces, view) = make_canonical(&mut request);
    let canonical = request.encode_to_vec();
    let quoted = match quote_order(question(request, view), now) {
        Ok(quoted) if wrong.is_empty() => quoted,
        Ok(_) => {
            wrong.extend(too_long);
            return Err(ApiError::Invalid(wrong));
        }
        Err(ApiError::Invalid(more)) => {
            wrong.extend(too_long);
            wrong.extend(more);
            return Err(ApiError::Invalid(wrong));
        }
        Err(other) => return Err(other),
    };
    Ok(ReserveOrder {
        target,
        basket: quoted.basket,
        offers: quoted.offers,
        auto: quoted.auto,
        view: quoted.view,
        // INVARIANT: without one there is a violation, and this is not reached.
        expect: expect.unwrap_or(Expect::Anything),
        return_quote,
        hold_for,
        too_long,
        replaces,
        policy,
        accept_below_minimum,
        order,
        hash: xxh3_128(&canonical),
        canonical,
    })
}

/// The basket of a stored request, as it was priced.
pub(crate) fn basket_as_reserved(request: v1::ReserveRequest, at: prost_types::Timestamp) -> Result<Basket, ApiError> {
    let mut wrong = Vec::new();
    let at = moment(at, Timestamp::UNIX_EPOCH, &mut wrong);
    match quote_order(question(request, v1::View::Full.into()), at) {
        Ok(order) if wrong.is_empty() => Ok(order.basket),
        Ok(_) => Err(ApiError::Bug("the moment of a stored order is none".to_owned())),
        Err(error) => Err(ApiError::Bug(format!("the request of a stored order is refused: {error:?}"))),
    }
}

/// Leaves of a request what a repetition has to be equal in, and answers the rest: order, what is replaced, view. The wire
/// form of a message is its fields in order, each with its length, and maps are sorted, so that equal requests are equal
/// bytes.
fn make_canonical(request: &mut v1::ReserveRequest) -> (Option<v1::OrderReference>, Option<String>, i32) {
    if request.strategy() == v1::Strategy::Unspecified {
        request.set_strategy(v1::Strategy::Sequential);
    }
    request.on_price_change = 0;
    (request.order.take(), request.replaces.take(), std::mem::take(&mut request.view))
}

fn question(request: v1::ReserveRequest, view: i32) -> v1::QuoteRequest {
    let v1::ReserveRequest { basket, coupons, select, select_spend, select_gift, strategy, coupons_auto, .. } = request;
    let (include, suggest) = (Vec::new(), Vec::new());
    v1::QuoteRequest { basket, coupons, select, select_spend, select_gift, view, strategy, coupons_auto, include, suggest }
}

fn expectation(expect: Option<&v1::reserve_request::Expect>, wrong: &mut Vec<FieldViolation>) -> Option<Expect> {
    use v1::reserve_request::Expect as Wire;
    match expect {
        Some(Wire::Fingerprint(text)) => {
            let read = (text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
                .then(|| u128::from_str_radix(text, 16).ok())
                .flatten();
            if read.is_none() {
                wrong.push(FieldViolation::new("fingerprint", format!("`{text}` is not 32 hexadecimal digits")));
            }
            read.map(Expect::Fingerprint)
        }
        Some(Wire::ExpectedPayable(amount)) if *amount >= 0 => Some(Expect::Payable(*amount)),
        Some(Wire::ExpectedPayable(amount)) => {
            wrong.push(FieldViolation::new("expected_payable", format!("`{amount}` is less than 0")));
            None
        }
        Some(Wire::AcceptAnyPrice(true)) => Some(Expect::Anything),
        Some(Wire::AcceptAnyPrice(false)) => {
            wrong.push(FieldViolation::new("accept_any_price", "is true, or another price is expected"));
            None
        }
        None => {
            for field in ["fingerprint", "expected_payable", "accept_any_price"] {
                wrong.push(FieldViolation::new(field, "name the price that the customer agreed to in exactly one of these"));
            }
            None
        }
    }
}

/// Reads how long an order is to be held. Longer than the catalogue's longest is noted by itself: what is held already
/// was allowed under the catalogue of its day.
fn hold_for(
    given: prost_types::Duration,
    max: Duration,
    wrong: &mut Vec<FieldViolation>,
    too_long: &mut Option<FieldViolation>,
) -> Duration {
    let description = format!("{} s is not between 1 s and the catalogue's {} s", given.seconds, max.as_secs());
    let violation = FieldViolation::new("hold_for", description);
    match Duration::try_from(given).ok().filter(|duration| *duration >= HOLD_MIN) {
        Some(duration) => {
            *too_long = (duration > max).then_some(violation);
            duration
        }
        None => {
            wrong.push(violation);
            HOLD_MIN
        }
    }
}

/// Reads which reservation is spoken of: by id and user, or by receipt.
pub(crate) fn target(
    receipts: &Receipts,
    reservation_id: String,
    user: Option<String>,
    receipt: &[u8],
    wrong: &mut Vec<FieldViolation>,
) -> Target {
    if receipt.is_empty() {
        token("reservation_id", &reservation_id, wrong);
        if let Some(user) = &user {
            token("user", user, wrong);
        }
        return Target::new(reservation_id, user);
    }
    match receipts.read(receipt) {
        Ok(record) => {
            if !reservation_id.is_empty() && reservation_id != record.id {
                wrong.push(FieldViolation::new("reservation_id", format!("the receipt is of reservation `{}`", record.id)));
            }
            if user.as_ref().is_some_and(|user| *user != record.shard_key) {
                wrong.push(FieldViolation::new("user", "the receipt is of another user"));
            }
            Target { id: record.id.clone(), shard_key: record.shard_key.clone(), receipt: Some(Box::new(record)) }
        }
        Err(error) => {
            wrong.push(FieldViolation::new("receipt", error.to_string()));
            Target::new(reservation_id, user)
        }
    }
}

/// Checks what a caller calls an order.
pub(crate) fn reference(order: &v1::OrderReference, stores: &[&str], wrong: &mut Vec<FieldViolation>) {
    let v1::OrderReference { order_id, store_order_ids, labels } = order;
    if let Some(order_id) = order_id {
        token("order.order_id", order_id, wrong);
    }
    for (store, id) in store_order_ids {
        let field = format!("order.store_order_ids[{store}]");
        if !stores.contains(&store.as_str()) {
            wrong.push(FieldViolation::new(field.as_str(), format!("the order has no line of store `{store}`")));
        }
        token(&field, id, wrong);
    }
    if labels.len() > LABELS_MAX {
        wrong.push(FieldViolation::new("order.labels", format!("{} labels, at most {LABELS_MAX} are allowed", labels.len())));
    }
    for (name, value) in labels.iter().take(LABELS_MAX) {
        let field = format!("order.labels[{name}]");
        token(&field, name, wrong);
        token(&field, value, wrong);
    }
}

/// A Rollback that obeys every bound that can be seen without its reservation.
#[derive(Debug)]
pub(crate) struct RollbackOrder {
    pub(crate) target: Target,
    pub(crate) rollback_id: String,
    pub(crate) extent: Extent,
    pub(crate) received: Vec<v1::ReceivedUnits>,
    pub(crate) validate_only: bool,
    pub(crate) version: Option<i64>,
    /// 128 bits over what is asked for.
    pub(crate) hash: u128,
}

/// How much goes back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Extent {
    All,
    Stores(Vec<String>),
    Lines(Vec<v1::LineUnits>),
    /// Only gifts and free pieces that came back.
    Received,
}

pub(crate) fn rollback_order(receipts: &Receipts, request: v1::RollbackRequest) -> Result<RollbackOrder, ApiError> {
    let mut wrong = Vec::new();
    let hash = {
        let asked = v1::RollbackRequest {
            reservation_id: String::new(),
            user: None,
            receipt: Vec::new(),
            version: None,
            validate_only: false,
            ..request.clone()
        };
        xxh3_128(&asked.encode_to_vec())
    };
    let v1::RollbackRequest { reservation_id, user, receipt, rollback_id, all, stores, lines, received, validate_only, version } =
        request;
    let target = target(receipts, reservation_id, user, &receipt, &mut wrong);
    if !(validate_only && rollback_id.is_empty()) {
        token("rollback_id", &rollback_id, &mut wrong);
    }
    let extent = match (all, stores.is_empty(), lines.is_empty()) {
        (true, true, true) => Extent::All,
        (false, false, true) => Extent::Stores(stores),
        (false, true, false) => Extent::Lines(lines),
        (false, true, true) if !received.is_empty() => Extent::Received,
        _ => {
            for field in ["all", "stores", "lines"] {
                wrong.push(FieldViolation::new(field, "say what goes back in exactly one of these, or what was `received`"));
            }
            Extent::All
        }
    };
    for (index, received) in received.iter().enumerate() {
        if received.what.is_none() {
            wrong.push(FieldViolation::new(format!("received[{index}]"), "names a `gift` or a `sku`"));
        }
        if received.quantity < 1 {
            let description = format!("`{}` is not at least 1", received.quantity);
            wrong.push(FieldViolation::new(format!("received[{index}].quantity"), description));
        }
    }
    if let Some(version) = version.filter(|version| *version < 1) {
        wrong.push(FieldViolation::new("version", format!("`{version}` is not at least 1")));
    }
    if wrong.is_empty() {
        Ok(RollbackOrder { target, rollback_id, extent, received, validate_only, version, hash })
    } else {
        Err(ApiError::Invalid(wrong))
    }
}

/// Reads until when a reservation is to be held.
pub(crate) fn until(
    until: Option<prost_types::Timestamp>,
    now: Millis,
    hold_max: Duration,
    wrong: &mut Vec<FieldViolation>,
) -> Millis {
    let Some(prost_types::Timestamp { seconds, nanos }) = until else {
        wrong.push(FieldViolation::new("until", "an extension names the new deadline"));
        return now;
    };
    let millis = Timestamp::new(seconds, nanos).ok().map(Timestamp::as_millisecond);
    let latest = now.saturating_add(Millis::try_from(hold_max.as_millis()).unwrap_or(Millis::MAX));
    match millis.filter(|millis| *millis <= latest) {
        Some(millis) => millis,
        None => {
            let description = format!("is later than the catalogue's {} s from now, or no moment", hold_max.as_secs());
            wrong.push(FieldViolation::new("until", description));
            now
        }
    }
}

/// A caller's id.
pub(crate) fn token(field: &str, text: &str, wrong: &mut Vec<FieldViolation>) {
    if let Err(error) = Token::parse(text) {
        wrong.push(FieldViolation::new(field, format!("`{text}`: {error}")));
    }
}
