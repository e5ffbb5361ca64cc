//! Is a promotion open at this moment, and when does that change? Weekly sessions in local time.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::promotion::{Period, Window};

/// `from ≤ local time < to` on its days. `to ≤ from` runs past midnight and belongs to the day on which it began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// On which days it begins.
    pub days: Days,
    /// Minute of the day, 0–1,439.
    pub from: u16,
    /// Minute of the day, 1–1,440 (24:00), or at most `from` where it runs past midnight.
    pub to: u16,
}

/// A set of weekdays; bit 0 is Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Days(u8);

impl Days {
    /// Every day.
    pub const ALL: Days = Days(0b0111_1111);

    /// The days of a week, from Monday on, with their names in files.
    pub const WEEK: [(Weekday, &str); 7] = [
        (Weekday::Monday, "mon"),
        (Weekday::Tuesday, "tue"),
        (Weekday::Wednesday, "wed"),
        (Weekday::Thursday, "thu"),
        (Weekday::Friday, "fri"),
        (Weekday::Saturday, "sat"),
        (Weekday::Sunday, "sun"),
    ];

    /// From weekdays; none = every day.
    #[must_use]
    pub fn of(days: impl IntoIterator<Item = Weekday>) -> Self {
        let bits = days.into_iter().fold(0, |bits, day| bits | Self::bit(day));
        if bits == 0 { Self::ALL } else { Self(bits) }
    }

    fn bit(day: Weekday) -> u8 {
        1u8.checked_shl(u32::from(day.to_monday_zero_offset().unsigned_abs())).unwrap_or(0)
    }

    /// Is `day` one of them?
    #[must_use]
    pub fn contains(self, day: Weekday) -> bool {
        self.0 & Self::bit(day) != 0
    }
}

/// How many minutes a day has on the clock.
pub const MINUTES_A_DAY: u16 = 1_440;

impl Session {
    fn past_midnight(self) -> bool {
        self.to <= self.from
    }

    fn open(self, today: Weekday, minute: u16) -> bool {
        let begins_today = self.days.contains(today);
        if self.past_midnight() {
            (begins_today && minute >= self.from) || (self.days.contains(today.previous()) && minute < self.to)
        } else {
            begins_today && (self.from..self.to).contains(&minute)
        }
    }
}

/// Is a schedule open? An empty one always is. Judged by the local clock alone, so an hour that daylight saving
/// skips does not exist and one that it repeats counts twice.
#[must_use]
pub fn is_open(schedule: &[Session], zone: &TimeZone, at: Timestamp) -> bool {
    if schedule.is_empty() {
        return true;
    }
    let local = zone.to_datetime(at);
    let minute = minute_of_day(local.time());
    schedule.iter().any(|session| session.open(local.weekday(), minute))
}

fn minute_of_day(time: Time) -> u16 {
    let minutes = i32::from(time.hour()).saturating_mul(60).saturating_add(i32::from(time.minute()));
    u16::try_from(minutes).unwrap_or(0)
}

/// The first moment after `at` at which window or schedule changes what applies, if there is one.
#[must_use]
pub fn next_change(window: &Window, schedule: &[Session], zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
    if window.end.is_some_and(|end| end <= at) {
        return None;
    }
    // Before the start nothing else can change what applies.
    if let Some(start) = window.start.filter(|start| *start > at) {
        return Some(start);
    }
    let edge = next_schedule_edge(schedule, zone, at);
    match (window.end, edge) {
        (Some(end), Some(edge)) => Some(end.min(edge)),
        (end, edge) => end.or(edge),
    }
}

/// The first moment after `at` at which a schedule opens or closes. Mostly within nine days; where the clock's changes
/// skip the only session of a week, in the week after.
fn next_schedule_edge(schedule: &[Session], zone: &TimeZone, at: Timestamp) -> Option<Timestamp> {
    if schedule.is_empty() {
        return None;
    }
    [10, 24].into_iter().find_map(|days| edge_within(schedule, zone, at, days))
}

/// Looks at the session borders of so many local days from yesterday on, and at the clock's own changes between them,
/// since these move the local time over a border.
fn edge_within(schedule: &[Session], zone: &TimeZone, at: Timestamp, days: u8) -> Option<Timestamp> {
    let today = zone.to_datetime(at).date();
    let mut candidates: Vec<Timestamp> = Vec::new();
    let mut date = today.yesterday().unwrap_or(today);
    for _ in 0..days {
        for session in schedule {
            for minute in [session.from, session.to] {
                candidates.extend(moments(zone, date, minute));
            }
        }
        date = date.tomorrow().ok()?;
    }
    let horizon = candidates.iter().max().copied()?;
    candidates.extend(zone.following(at).map(|change| change.timestamp()).take_while(|moment| *moment <= horizon));
    candidates.retain(|moment| *moment > at);
    candidates.sort_unstable();
    let open = is_open(schedule, zone, at);
    candidates.into_iter().find(|moment| is_open(schedule, zone, *moment) != open)
}

/// The moments at which the local clock shows this minute of this date: none where it is skipped, two where it is
/// repeated.
fn moments(zone: &TimeZone, date: Date, minute: u16) -> impl Iterator<Item = Timestamp> {
    let (date, minute) = if minute >= MINUTES_A_DAY { (date.tomorrow().ok(), 0) } else { (Some(date), minute) };
    let civil = date.and_then(|date| {
        let (hour, minute) = (minute.checked_div(60)?, minute.checked_rem(60)?);
        Some(date.at(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0))
    });
    let both = civil.map(|civil| {
        let ambiguous = zone.to_ambiguous_timestamp(civil);
        (ambiguous.earlier().ok(), ambiguous.later().ok())
    });
    both.into_iter().flat_map(|(earlier, later)| [earlier, later]).flatten()
}

/// The first local date of the period that `at` lies in; `None` for a lifetime. Weeks begin on Monday.
#[must_use]
pub fn period_start(period: Period, zone: &TimeZone, at: Timestamp) -> Option<Date> {
    let today = zone.to_datetime(at).date();
    match period {
        Period::Lifetime => None,
        Period::Day => Some(today),
        Period::Week => {
            let since_monday = i64::from(today.weekday().to_monday_zero_offset());
            Some(today.checked_sub(Span::new().days(since_monday)).unwrap_or(today))
        }
        Period::Month => Some(today.first_of_month()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_york() -> TimeZone {
        // The rules of 2026: forward on 8 March at 02:00, back on 1 November at 02:00.
        TimeZone::posix("EST5EDT,M3.2.0,M11.1.0").unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn session(days: Days, from: u16, to: u16) -> Session {
        Session { days, from, to }
    }

    #[test]
    fn a_session_past_midnight_belongs_to_the_day_on_which_it_began() {
        let friday = [session(Days::of([Weekday::Friday]), 22 * 60, 2 * 60)];
        let open = |text: &str| is_open(&friday, &TimeZone::UTC, at(text));
        assert!(!open("2026-11-13T21:59:59Z"));
        assert!(open("2026-11-13T22:00:00Z"));
        assert!(open("2026-11-14T01:59:59Z"));
        assert!(!open("2026-11-14T02:00:00Z"));
        assert!(!open("2026-11-13T01:00:00Z"), "Thursday night is not of Friday");
    }

    #[test]
    fn until_24_00_is_the_whole_evening() {
        let evening = [session(Days::ALL, 18 * 60, MINUTES_A_DAY)];
        assert!(is_open(&evening, &TimeZone::UTC, at("2026-11-13T23:59:59Z")));
        assert!(!is_open(&evening, &TimeZone::UTC, at("2026-11-14T00:00:00Z")));
    }

    #[test]
    fn an_hour_that_daylight_saving_skips_does_not_exist() {
        let skipped = [session(Days::ALL, 2 * 60, 3 * 60)];
        let open = |text: &str| is_open(&skipped, &new_york(), at(text));
        assert!(open("2026-03-07T07:30:00Z"), "02:30 the day before");
        assert!(!open("2026-03-08T06:59:59Z"), "01:59:59");
        assert!(!open("2026-03-08T07:00:00Z"), "03:00");
    }

    #[test]
    fn an_hour_that_is_repeated_counts_twice() {
        let repeated = [session(Days::ALL, 60, 2 * 60)];
        let open = |text: &str| is_open(&repeated, &new_york(), at(text));
        assert!(open("2026-11-01T05:30:00Z"), "01:30 in summer time");
        assert!(open("2026-11-01T06:30:00Z"), "01:30 again");
        assert!(!open("2026-11-01T07:00:00Z"), "02:00");
        let window = Window::default();
        let closes = next_change(&window, &repeated, &new_york(), at("2026-11-01T05:30:00Z"));
        assert_eq!(closes, Some(at("2026-11-01T07:00:00Z")), "open through both");
    }

    #[test]
    fn the_next_change_is_the_nearest_edge() {
        let weekly = [session(Days::of([Weekday::Monday]), 10 * 60, 12 * 60)];
        let window = Window { start: Some(at("2026-11-01T00:00:00Z")), end: Some(at("2026-12-01T00:00:00Z")) };
        let next = |text: &str| next_change(&window, &weekly, &TimeZone::UTC, at(text));
        assert_eq!(next("2026-10-01T00:00:00Z"), window.start, "before the window nothing else matters");
        assert_eq!(next("2026-11-10T00:00:00Z"), Some(at("2026-11-16T10:00:00Z")));
        assert_eq!(next("2026-11-16T10:00:00Z"), Some(at("2026-11-16T12:00:00Z")));
        assert_eq!(next("2026-11-30T12:00:00Z"), window.end);
        assert_eq!(next("2026-12-01T00:00:00Z"), None);
    }

    #[test]
    fn a_session_that_the_clock_skips_is_looked_for_a_week_later() {
        let sundays = [session(Days::of([Weekday::Sunday]), 2 * 60 + 15, 2 * 60 + 45)];
        let next = next_change(&Window::default(), &sundays, &new_york(), at("2026-03-01T08:00:00Z"));
        assert_eq!(next, Some(at("2026-03-15T06:15:00Z")));
    }

    #[test]
    fn sessions_that_touch_are_one() {
        let all_day = [session(Days::ALL, 0, 12 * 60), session(Days::ALL, 12 * 60, MINUTES_A_DAY)];
        assert_eq!(next_change(&Window::default(), &all_day, &TimeZone::UTC, at("2026-11-10T08:00:00Z")), None);
    }

    #[test]
    fn periods_begin_at_local_midnight_and_weeks_on_monday() {
        let tokyo = TimeZone::fixed(jiff::tz::offset(9));
        let start = |period, text: &str| period_start(period, &tokyo, at(text)).map(|date| date.to_string());
        assert_eq!(start(Period::Lifetime, "2026-11-10T15:00:00Z"), None);
        assert_eq!(start(Period::Day, "2026-11-10T14:59:59Z").as_deref(), Some("2026-11-10"));
        assert_eq!(start(Period::Day, "2026-11-10T15:00:00Z").as_deref(), Some("2026-11-11"));
        assert_eq!(start(Period::Week, "2026-11-15T14:59:59Z").as_deref(), Some("2026-11-09"));
        assert_eq!(start(Period::Week, "2026-11-15T15:00:00Z").as_deref(), Some("2026-11-16"));
        assert_eq!(start(Period::Month, "2026-11-30T15:00:00Z").as_deref(), Some("2026-12-01"));
    }
}
