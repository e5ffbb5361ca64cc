//! What happened to a reservation, on the wire.

use tokka_ledger::model::{Entry, Record, Transition};
use tokka_ledger::name::Name;
use tokka_proto::v1;

use super::reservation::{moment, state};
use crate::claims;

/// An entry of the log with the record as it stands now, who bought, and what the order is called.
pub(crate) fn event(
    entry: &Entry,
    record: Option<&Record>,
    user: Option<String>,
    order: Option<v1::OrderReference>,
) -> v1::Event {
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    v1::Event {
        reservation_id: entry.id.clone(),
        version: number(entry.version),
        transition: transition(entry.transition).into(),
        at: Some(moment(entry.at)),
        moved: entry.moved.iter().map(|(counter, by)| moved(counter, *by)).collect(),
        position: number(entry.position),
        user,
        state: record.map_or(v1::ReservationState::Unspecified, |record| state(record.state)).into(),
        current_version: record.map_or(0, |record| number(record.version)),
        order,
    }
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
