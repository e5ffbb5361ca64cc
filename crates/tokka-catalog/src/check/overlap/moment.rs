//! Is there a moment at which two promotions are open?

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokka_core::promotion::{Promotion, Window};
use tokka_core::schedule::{MINUTES_A_DAY, Session, is_open, next_change};

/// Two schedules that do not meet within these days do not meet at all: a week, and one more for a clock that is changed.
const DAYS_LOOKED_AT: i64 = 15;
const MINUTES_A_WEEK: u16 = 7 * MINUTES_A_DAY;

/// When a schedule is open by the local clock: minutes from Monday 00:00, `from ≤ minute < to`. `None` = always.
pub(super) struct Week(Option<Vec<(u16, u16)>>);

impl Week {
    pub(super) fn of(schedule: &[Session]) -> Self {
        if schedule.is_empty() {
            return Self(None);
        }
        let mut spans = Vec::new();
        for session in schedule {
            for (number, day) in Weekday::Monday.cycle_forward().take(7).enumerate() {
                if !session.days.contains(day) {
                    continue;
                }
                let midnight = u16::try_from(number).unwrap_or(0) * MINUTES_A_DAY;
                let next_day = if session.to <= session.from { MINUTES_A_DAY } else { 0 };
                let (from, to) = (midnight + session.from, midnight + session.to + next_day);
                spans.push((from, to.min(MINUTES_A_WEEK)));
                if to > MINUTES_A_WEEK {
                    spans.push((0, to - MINUTES_A_WEEK));
                }
            }
        }
        Self(Some(spans))
    }

    pub(super) fn meets(&self, other: &Self) -> bool {
        let (Some(spans), Some(others)) = (&self.0, &other.0) else { return true };
        spans.iter().any(|(from, to)| others.iter().any(|(other_from, other_to)| from < other_to && other_from < to))
    }
}

/// Have two windows a moment in common?
pub(in crate::check) fn windows_meet(one: &Window, other: &Window) -> bool {
    let (start, end) = common(one, other);
    start.is_none_or(|start| end.is_none_or(|end| start < end))
}

fn common(one: &Window, other: &Window) -> (Option<Timestamp>, Option<Timestamp>) {
    let end = match (one.end, other.end) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    (one.start.max(other.start), end)
}

/// Are both open at some moment?
pub(super) fn share_a_moment(
    (one, week): (&Promotion, &Week),
    (other, other_week): (&Promotion, &Week),
    zone: &TimeZone,
) -> bool {
    // A schedule goes by the local clock alone, so what never shows on one clock face is never open.
    if !windows_meet(&one.window, &other.window) || !week.meets(other_week) {
        return false;
    }
    if one.schedule.is_empty() && other.schedule.is_empty() {
        return true;
    }
    let (start, end) = common(&one.window, &other.window);
    let days = SignedDuration::from_hours(24 * DAYS_LOOKED_AT);
    // Where nothing is said of the start, the last days before the end are as good as any.
    let from = start.or_else(|| end.and_then(|end| end.checked_sub(days).ok())).unwrap_or(Timestamp::UNIX_EPOCH);
    let horizon = from.checked_add(days).unwrap_or(Timestamp::MAX);
    let until = end.map_or(horizon, |end| end.min(horizon));
    let mut moment = from;
    while moment < until {
        if is_open(&one.schedule, zone, moment) && is_open(&other.schedule, zone, moment) {
            return true;
        }
        let edges = [one, other].map(|promotion| next_change(&promotion.window, &promotion.schedule, zone, moment));
        match edges.into_iter().flatten().min() {
            Some(next) if next > moment => moment = next,
            _ => return false,
        }
    }
    false
}

/// Is it open at any moment of its window?
pub(in crate::check) fn is_ever_open(promotion: &Promotion, zone: &TimeZone) -> bool {
    if promotion.schedule.is_empty() {
        return true;
    }
    let week = Week::of(&promotion.schedule);
    share_a_moment((promotion, &week), (promotion, &week), zone)
}

/// Are two promotions with any schedules both open at some moment?
pub(in crate::check) fn share_a_moment_by_the_clock(one: &Promotion, other: &Promotion, zone: &TimeZone) -> bool {
    share_a_moment((one, &Week::of(&one.schedule)), (other, &Week::of(&other.schedule)), zone)
}
