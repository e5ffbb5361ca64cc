//! What are the words of the API called in the shop? States, limited quantities, moments.

use jiff::Timestamp;
use tokka_client::v1;

use crate::money::grouped;

/// Where a reservation stands.
pub(super) fn state(reservation: &v1::Reservation) -> String {
    let until = || when(reservation.deadline);
    match reservation.state() {
        v1::ReservationState::Held => format!("HELD until {}", until()),
        v1::ReservationState::Committed if reservation.refunded > 0 => "COMMITTED (paid, and returned in part)".to_owned(),
        v1::ReservationState::Committed => "COMMITTED (paid)".to_owned(),
        v1::ReservationState::RolledBack => "ROLLED_BACK (cancelled or returned)".to_owned(),
        v1::ReservationState::Expired => format!("EXPIRED since {}", until()),
        v1::ReservationState::Unspecified => "in no state that this program knows".to_owned(),
    }
}

/// How refunds are computed.
pub(super) fn policy(policy: v1::RefundPolicy) -> &'static str {
    match policy {
        v1::RefundPolicy::Proportional => "what was paid for the piece",
        v1::RefundPolicy::Clawback => "what remains is priced again as on the day of the order, the rest goes back",
        v1::RefundPolicy::Unspecified => "as the catalogue says",
    }
}

/// A limited quantity.
pub(crate) fn counter(counter: &v1::Counter) -> String {
    let v1::Counter { promotion, sku, gift, period, distribution, instance, .. } = counter;
    let of_sku = if sku.is_empty() { String::new() } else { format!(" of {sku}") };
    let since = if period.is_empty() { String::new() } else { format!(" since {period}") };
    match counter.kind() {
        v1::CounterKind::Stock => format!("{promotion}: stock"),
        v1::CounterKind::StockBySku => format!("{promotion}: stock{of_sku}"),
        v1::CounterKind::UnitsPerUser => format!("{promotion}: the customer's pieces{of_sku}{since}"),
        v1::CounterKind::OrdersPerUser => format!("{promotion}: the customer's orders{since}"),
        v1::CounterKind::Budget => format!("{promotion}: budget"),
        v1::CounterKind::GiftInventory => format!("gift {gift}: inventory"),
        v1::CounterKind::CouponsIssued => format!("{distribution}: coupons handed out"),
        v1::CounterKind::CouponsPerUser => format!("{distribution}: the customer's coupons"),
        v1::CounterKind::CodeUses => format!("{distribution}: uses of the code"),
        v1::CounterKind::CouponUse => format!("coupon {instance}: its one use"),
        v1::CounterKind::Unspecified => format!("{promotion}{gift}: a limit that this program does not know"),
    }
}

/// A moment to the second, in UTC: a server says nothing of the catalogue's time zone.
pub(crate) fn when(at: Option<prost_types::Timestamp>) -> String {
    let Some(at) = at else { return "an unknown moment".to_owned() };
    match Timestamp::new(at.seconds, at.nanos) {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => "no moment of the calendar".to_owned(),
    }
}

/// What went back in one step.
pub(super) fn gone(step: &v1::RollbackStep) -> String {
    let mut parts: Vec<String> = step.lines.iter().map(|line| format!("{} × {}", line.line_id, grouped(line.units))).collect();
    for received in &step.received {
        let what = match &received.what {
            Some(v1::received_units::What::Gift(gift)) => format!("gift {gift}"),
            Some(v1::received_units::What::Sku(sku)) => format!("free {sku}"),
            None => continue,
        };
        parts.push(format!("{what} × {} received", grouped(received.quantity)));
    }
    parts.join("\n")
}
