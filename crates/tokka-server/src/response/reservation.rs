//! How does a reservation stand, and what goes back? Records and refunds on the wire.

use tokka_core::basket::Basket;
use tokka_core::outcome::LimitName;
use tokka_core::quote::{Counter, CounterKey, Quote};
use tokka_core::refund::{Refund, ToReturn};
use tokka_core::rulebook::Rulebook;
use tokka_core::table::{CounterIx, Ix, LineIx, PromoIx, Table};
use tokka_ledger::model::{Millis, Portion, Record, State};
use tokka_ledger::name::Name;
use tokka_proto::v1;

use crate::claims;
use crate::payload::{Buyer, Stored, Unreadable};

/// Counters named in one answer.
const COUNTERS_MAX: usize = 20;

/// A record without its price. INVARIANT: what went back is in the stored answers of its returns.
pub(crate) fn head(
    record: &Record,
    stored: Option<&Stored>,
    order: Option<v1::OrderReference>,
    receipt: Vec<u8>,
) -> Result<v1::Reservation, Unreadable> {
    use prost::Message;
    let Buyer { currency, user } = stored.map(Stored::buyer).transpose()?.unwrap_or_default();
    let coupons = stored.map(|stored| super::coupons::used(user.as_deref(), &stored.coupons)).unwrap_or_default();
    let payable = stored.map_or(0, |stored| stored.payable);
    let steps = record.returns.iter().filter_map(|step| v1::RollbackStep::decode(step.answer.as_slice()).ok());
    let refunds = steps.filter_map(|step| step.refund).map(|refund| refund.amount);
    let refunded = refunds.fold(0, i64::saturating_add);
    let kept = match record.state {
        // What was paid has gone back, and of an order that never was there is nothing to keep.
        State::RolledBack => 0,
        State::Held | State::Committed | State::Expired => payable.saturating_sub(refunded),
    };
    Ok(v1::Reservation {
        reservation_id: record.id.clone(),
        user,
        state: state(record.state).into(),
        version: i64::try_from(record.version).unwrap_or(i64::MAX),
        deadline: Some(moment(record.deadline)),
        payable,
        refunded,
        kept,
        fingerprint: stored.map(Stored::fingerprint).unwrap_or_default(),
        revision: stored.map(|stored| stored.revision.clone()).unwrap_or_default(),
        refund_policy: stored.map_or(0, |stored| stored.refund_policy),
        order,
        created_at: Some(moment(record.created)),
        changed_at: Some(moment(record.changed)),
        currency,
        receipt,
        coupons,
    })
}

pub(super) fn state(state: State) -> v1::ReservationState {
    match state {
        State::Held => v1::ReservationState::Held,
        State::Committed => v1::ReservationState::Committed,
        State::RolledBack => v1::ReservationState::RolledBack,
        State::Expired => v1::ReservationState::Expired,
    }
}

/// Nanos count forwards from the second, also before 1970.
pub(crate) fn moment(millis: Millis) -> prost_types::Timestamp {
    let nanos = i32::try_from(millis.rem_euclid(1_000)).unwrap_or(0).saturating_mul(1_000_000);
    prost_types::Timestamp { seconds: millis.div_euclid(1_000), nanos }
}

/// A step of a return; `restored` is added by who knows what the ledger takes back.
pub(crate) fn refund(rulebook: &Rulebook, basket: &Basket, refund: &Refund) -> v1::Refund {
    let line = |ix: LineIx| basket.lines().get(ix.position());
    let line_id = |ix: LineIx| line(ix).map(|line| line.line_id.as_str().to_owned()).unwrap_or_default();
    let promotion = |ix: PromoIx| rulebook.promotions().at(ix).id.as_str().to_owned();
    let to_return = |entry: &ToReturn| match *entry {
        ToReturn::Gift { gift, promotion: of, units } => v1::ToReturn {
            promotion: promotion(of),
            what: Some(v1::to_return::What::Gift(rulebook.gifts().at(gift).id.as_str().to_owned())),
            line_id: String::new(),
            quantity: units,
        },
        ToReturn::FreeUnits { line: of_line, promotion: of, units } => v1::ToReturn {
            promotion: promotion(of),
            what: line(of_line).map(|line| v1::to_return::What::Sku(line.sku.as_str().to_owned())),
            line_id: line_id(of_line),
            quantity: units,
        },
    };
    v1::Refund {
        amount: refund.refund.get(),
        lines: refund.lines.iter().map(|(ix, amount)| v1::LineRefund { line_id: line_id(*ix), amount: amount.get() }).collect(),
        waived: refund.waived.get(),
        waived_by: refund
            .waived_by
            .iter()
            .map(|(payer, amount)| v1::WaivedPart { payer: payer.to_string(), amount: amount.get() })
            .collect(),
        to_return: refund.to_return.iter().map(to_return).collect(),
        restored: Vec::new(),
    }
}

pub(crate) fn amounts(portions: &[Portion]) -> Vec<v1::CounterAmount> {
    let one = |portion: &Portion| v1::CounterAmount { counter: Some(claims::to_wire(&portion.counter)), amount: portion.amount };
    portions.iter().filter(|portion| claims::is_told(&portion.counter)).map(one).collect()
}

/// Why a price is not the expected one: the counters that caused it, each with what the order wants of it, and beside it
/// their names, in the same order.
pub(crate) fn price_change(
    rulebook: &Rulebook,
    basket: &Basket,
    counters: &Table<CounterIx, Counter>,
    used: &[i64],
    quote: &Quote,
    causes: &[(CounterIx, i64)],
) -> (v1::PriceChange, Vec<Name>) {
    let (mut short, mut names) = (Vec::new(), Vec::new());
    for (counter, requested) in causes.iter().take(COUNTERS_MAX) {
        let Counter { key, limit } = counters.at(*counter);
        let name = claims::name(rulebook, basket, *key);
        short.push(v1::CounterShortage {
            counter: Some(claims::to_wire(&name)),
            limit: *limit,
            used: used.get(counter.position()).copied().unwrap_or(0),
            requested: *requested,
            held_by_open_orders: None,
        });
        names.push(name);
    }
    let counters_total = i64::try_from(causes.len()).unwrap_or(i64::MAX);
    let fingerprint = format!("{:032x}", quote.fingerprint);
    (v1::PriceChange { payable: quote.payable.get(), fingerprint, counters: short, counters_total }, names)
}

/// Is this counter the one behind a promotion's limit?
pub(crate) fn stands_for(key: CounterKey, promotion: PromoIx, limit: LimitName) -> bool {
    match (key, limit) {
        (CounterKey::Stock(of), LimitName::Stock)
        | (CounterKey::StockBySku(of, _), LimitName::StockBySku)
        | (CounterKey::UserUnits(of, _) | CounterKey::UserUnitsOfSku(of, ..), LimitName::UnitsPerUser)
        | (CounterKey::UserOrders(of, _), LimitName::OrdersPerUser)
        | (CounterKey::Budget(of), LimitName::Budget) => of == promotion,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_before_1970_count_forwards_within_their_second() {
        assert_eq!(moment(-1), prost_types::Timestamp { seconds: -1, nanos: 999_000_000 });
        assert_eq!(moment(1_500), prost_types::Timestamp { seconds: 1, nanos: 500_000_000 });
    }
}
