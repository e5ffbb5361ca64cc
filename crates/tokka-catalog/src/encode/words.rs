//! How is a single value written? The way back from [`values`](crate::values).

use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value as Json;
use tokka_core::amount::{Amount, major};
use tokka_core::promotion::{Basis, BuyGetMode, Period, Status, ThresholdOn, VolumeMode};
use tokka_core::rate::Rounding;
use tokka_core::schedule::Days;

pub(super) fn amount(amount: Amount, exponent: u32) -> String {
    major(amount, exponent)
}

/// In UTC. An offset can move the first day of year 0 into the year before, which files cannot write: that moment is
/// written with the largest offset, by which every moment that can be read is in year 0 again.
pub(super) fn moment(moment: Timestamp) -> String {
    const LARGEST_OFFSET_SECONDS: i32 = (25 * 60 + 59) * 60;
    let text = moment.to_string();
    match Offset::from_seconds(LARGEST_OFFSET_SECONDS) {
        Ok(offset) if text.starts_with('-') => moment.display_with_offset(offset).to_string(),
        _ => text,
    }
}

/// `00:00` to `24:00`.
pub(super) fn time_of_day(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// From Monday on; none where it is every day.
pub(super) fn days(days: Days) -> Json {
    let written = Days::WEEK.iter().filter(|(day, _)| days != Days::ALL && days.contains(*day));
    written.map(|(_, word)| *word).collect()
}

pub(super) fn names<T: AsRef<str>>(names: &[T]) -> Json {
    names.iter().map(AsRef::as_ref).collect()
}

pub(super) const fn status(status: Status) -> &'static str {
    match status {
        Status::Draft => "draft",
        Status::Published => "published",
        Status::Paused => "paused",
        Status::Archived => "archived",
    }
}

pub(super) const fn period(period: Period) -> &'static str {
    match period {
        Period::Lifetime => "lifetime",
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
    }
}

pub(super) const fn rounding(rounding: Rounding) -> &'static str {
    match rounding {
        Rounding::HalfUp => "half_up",
        Rounding::HalfDown => "half_down",
        Rounding::HalfEven => "half_even",
        Rounding::Down => "down",
        Rounding::Up => "up",
    }
}

pub(super) const fn volume_mode(mode: VolumeMode) -> &'static str {
    match mode {
        VolumeMode::AllUnits => "all_units",
        VolumeMode::Graduated => "graduated",
    }
}

pub(super) const fn buy_get_mode(mode: BuyGetMode) -> &'static str {
    match mode {
        BuyGetMode::Add => "add",
        BuyGetMode::Include => "include",
    }
}

pub(super) const fn basis(basis: Basis) -> &'static str {
    match basis {
        Basis::Amount => "amount",
        Basis::Quantity => "quantity",
    }
}

pub(super) const fn threshold_on(threshold_on: ThresholdOn) -> &'static str {
    match threshold_on {
        ThresholdOn::Left => "left",
        ThresholdOn::Item => "item",
    }
}
