//! What happened to a reservation, on the wire.

use tokka_ledger::model::{Entry, Record, Transition};
use tokka_ledger::name::Name;
use tokka_proto::v1;

use super::reservation::{moment, state};
use crate::claims;
use crate::coupons::instance_id;
use crate::coupons::record::HandedOut;

/// An entry of the log, with its record as it stands now where there is one.
pub(crate) fn event(entry: &Entry, record: Option<&Record>) -> v1::Event {
    let moves = entry.moved.iter().filter(|(counter, _)| claims::is_told(counter));
    v1::Event {
        reservation_id: entry.id.clone(),
        version: number(entry.version),
        transition: transition(entry.transition).into(),
        at: Some(moment(entry.at)),
        moved: moves.map(|(counter, by)| moved(counter, *by)).collect(),
        position: number(entry.position),
        state: record.map_or(v1::ReservationState::Unspecified, |record| state(record.state)).into(),
        current_version: record.map_or(0, |record| number(record.version)),
        ..Default::default()
    }
}

/// What is told of an order besides its transition.
#[derive(Debug, Default)]
pub(crate) struct OfOrder {
    pub(crate) user: Option<String>,
    pub(crate) order: Option<v1::OrderReference>,
    /// The coupons of the user's wallet that it was priced with.
    pub(crate) coupons: Vec<v1::CouponUse>,
}

/// Of an order, with who bought, what it is called, and its coupons.
pub(crate) fn of_order(entry: &Entry, record: &Record, of: OfOrder) -> v1::Event {
    let OfOrder { user, order, coupons } = of;
    v1::Event { user, order, coupons, ..event(entry, Some(record)) }
}

/// Of a coupon that was handed out.
pub(crate) fn handed_out(entry: &Entry, record: &Record, handed_out: &HandedOut) -> v1::Event {
    let HandedOut { user, place, entry: instance, request_id } = handed_out;
    let instance = instance.clone().unwrap_or_default();
    let coupon = v1::HandedOutCoupon {
        user: user.clone(),
        instance: instance_id(user, *place),
        design: instance.design,
        distribution: instance.distribution,
        channel: instance.channel,
        how: instance.how,
        request_id: request_id.clone(),
        at: Some(moment(instance.at)),
        expires_at: instance.until.map(moment),
    };
    v1::Event { user: Some(user.clone()), handed_out: Some(coupon), ..event(entry, Some(record)) }
}

fn number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn moved(counter: &Name, by: i64) -> v1::CounterMove {
    let user = claims::user_of(counter).unwrap_or_default().to_owned();
    v1::CounterMove { counter: Some(claims::to_wire(counter)), by, user }
}

fn transition(transition: Transition) -> v1::Transition {
    match transition {
        Transition::Reserved => v1::Transition::Reserved,
        Transition::Taken => v1::Transition::Taken,
        Transition::Committed => v1::Transition::Committed,
        Transition::Reacquired => v1::Transition::Reacquired,
        Transition::PartReturned => v1::Transition::PartReturned,
        Transition::RolledBack => v1::Transition::RolledBack,
        Transition::Expired => v1::Transition::Expired,
        Transition::Extended => v1::Transition::Extended,
        Transition::Replaced => v1::Transition::Replaced,
        Transition::Tombstone => v1::Transition::Tombstone,
    }
}
