//! In which windows does an instant lie, when do they close, and when can nothing change them any more?
//!
//! State is kept by *panes*, the greatest slices that no window divides; windows are merges of panes.
//! Windows are half-open and aligned to 1970-01-01 UTC; sizes of whole weeks are aligned to Mondays;
//! calendar periods follow the days and months of a time zone.
//!
//! ```text
//! TUMBLE    |-----|-----|-----|      pane = window
//! HOP       |-----|                  pane = greatest common divisor of slide and size
//!             |-----|
//! CUMULATE  |--|                     pane = step
//!           |----|
//!           |------|
//! SESSION   |-x--x-gap|              pane = the interval from first to last event, plus the gap
//! ```

use std::fmt;
use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, TimeDelta, TimeZone};
use chrono_tz::Tz;

const DAY_US: i64 = 86_400_000_000;
const WEEK_US: i64 = 7 * DAY_US;
/// 1970-01-05, the first Monday of the epoch.
const FIRST_MONDAY_US: i64 = 4 * DAY_US;
const FIRST_MONDAY: i32 = 4;

/// The windows of a signal. Lengths are microseconds above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Windows {
    /// One after the other.
    Tumble(Period),
    /// A window of `size_us` begins every `slide_us`, which is not above the size.
    Hop {
        /// From one beginning to the next.
        slide_us: i64,
        /// From a window's start to its end.
        size_us: i64,
    },
    /// Windows that begin together every `size_us` and end step after step. The step divides the size.
    Cumulate {
        /// From one end to the next.
        step_us: i64,
        /// The longest window.
        size_us: i64,
    },
    /// Per key, events of which none is more than `gap_us` after the one before.
    Session {
        /// The longest silence within a session, and what its end lies behind its last event.
        gap_us: i64,
    },
}

/// The length of a tumbling window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Period {
    /// Always as long, in UTC.
    Fixed(i64),
    /// Whole days of a time zone, which have 23 to 25 hours; weeks begin on Mondays.
    Days(u32, Tz),
    /// Whole months of a time zone; years begin in January.
    Months(u32, Tz),
}

impl PartialOrd for Period {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Period {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |period: &Self| match *period {
            Self::Fixed(size_us) => (0, size_us, ""),
            Self::Days(days, zone) => (1, i64::from(days), zone.name()),
            Self::Months(months, zone) => (2, i64::from(months), zone.name()),
        };
        key(self).cmp(&key(other))
    }
}

impl Windows {
    /// Tumbling windows of one fixed length.
    pub fn tumble(size_us: i64) -> Self {
        Self::Tumble(Period::Fixed(size_us))
    }

    /// The start of the pane in which an instant lies. For sessions that is the instant itself.
    pub fn pane_of(&self, instant_us: i64) -> i64 {
        match *self {
            Self::Tumble(period) => period.start_of(instant_us),
            Self::Hop { slide_us, size_us } => floor(instant_us, gcd(slide_us, size_us), origin(slide_us)),
            Self::Cumulate { step_us, size_us } => floor(instant_us, step_us, origin(size_us)),
            Self::Session { .. } => instant_us,
        }
    }

    /// The end of the pane that starts at `start_us`. For sessions: of the session that is one event.
    pub fn pane_end(&self, start_us: i64) -> i64 {
        match *self {
            Self::Tumble(period) => period.end_of(start_us),
            Self::Hop { slide_us, size_us } => start_us.saturating_add(gcd(slide_us, size_us)),
            Self::Cumulate { step_us, .. } => start_us.saturating_add(step_us),
            Self::Session { gap_us } => start_us.saturating_add(gap_us),
        }
    }

    /// The panes as windows of their own; none where they depend on events, or where no tumbling windows lie as they do.
    pub fn panes(&self) -> Option<Self> {
        let (length_us, from_us) = match *self {
            Self::Tumble(_) => return Some(*self),
            Self::Hop { slide_us, size_us } => (gcd(slide_us, size_us), origin(slide_us)),
            Self::Cumulate { step_us, size_us } => (step_us, origin(size_us)),
            Self::Session { .. } => return None,
        };
        ((from_us - origin(length_us)) % length_us == 0).then(|| Self::tumble(length_us))
    }

    /// The windows (start, end) that contain the pane starting at `pane_us`, by start, then end.
    /// A session's windows depend on other events, so there are none.
    pub fn of_pane(&self, pane_us: i64) -> Vec<(i64, i64)> {
        match *self {
            Self::Tumble(period) => vec![(pane_us, period.end_of(pane_us))],
            Self::Hop { slide_us, size_us } => {
                let last = floor(pane_us, slide_us, origin(slide_us));
                let mut starts = Vec::new();
                let mut start = last;
                while start.saturating_add(size_us) > pane_us {
                    starts.push((start, start.saturating_add(size_us)));
                    let Some(before) = start.checked_sub(slide_us) else { break };
                    start = before;
                }
                starts.reverse();
                starts
            }
            Self::Cumulate { step_us, size_us } => {
                let start = floor(pane_us, size_us, origin(size_us));
                let first = pane_us.saturating_add(step_us);
                let last = start.saturating_add(size_us);
                let ends = (0..).map_while(|step: i64| {
                    let end = first.checked_add(step.checked_mul(step_us)?)?;
                    (end <= last).then_some((start, end))
                });
                ends.collect()
            }
            Self::Session { .. } => Vec::new(),
        }
    }

    /// The first instant whose row is taken while the watermark stands at `watermark_us`: rows before it
    /// lie only in windows that closed more than `lateness_us` ago.
    pub fn cutoff(&self, watermark_us: i64, lateness_us: i64) -> i64 {
        let closed = watermark_us.saturating_sub(lateness_us);
        match *self {
            Self::Tumble(period) => period.start_of(closed),
            Self::Hop { slide_us, size_us } => {
                floor(closed.saturating_sub(size_us), slide_us, origin(slide_us)).saturating_add(slide_us)
            }
            Self::Cumulate { size_us, .. } => floor(closed, size_us, origin(size_us)),
            Self::Session { gap_us } => closed.saturating_sub(gap_us).saturating_add(1),
        }
    }

    /// The watermark from which on no row is taken that could change the window from `start_us` to
    /// `end_us`, when rows are taken for `lateness_us` after their windows closed.
    pub fn settles_us(&self, start_us: i64, end_us: i64, lateness_us: i64) -> i64 {
        let last_close = match *self {
            Self::Tumble(_) => end_us,
            // The last pane of the window lies in later windows too.
            Self::Hop { slide_us, size_us } => {
                let last_pane = end_us.saturating_sub(gcd(slide_us, size_us));
                floor(last_pane, slide_us, origin(slide_us)).saturating_add(size_us)
            }
            Self::Cumulate { size_us, .. } => start_us.saturating_add(size_us),
            // An event just before the end would prolong the session.
            Self::Session { gap_us } => end_us.saturating_add(gap_us),
        };
        last_close.saturating_add(lateness_us)
    }

    /// The day, counted from 1970-01-01, under which a window that starts at `start_us` is filed: the
    /// day in which it starts, in the time zone of calendar periods and in UTC otherwise.
    pub fn day_of(&self, start_us: i64) -> i32 {
        match *self {
            Self::Tumble(Period::Days(_, zone) | Period::Months(_, zone)) => local_day(start_us, zone),
            _ => utc_day(start_us),
        }
    }

    /// The starts of the windows that are filed under `day`; none where windows begin anywhere or overlap.
    pub fn starts_of_day(&self, day: i32) -> Vec<i64> {
        let Self::Tumble(period) = *self else { return Vec::new() };
        // Days of a time zone begin up to a day before those of UTC, and end up to a day after them.
        let to = i64::from(day).saturating_add(2).saturating_mul(DAY_US);
        let mut start = self.pane_of(i64::from(day).saturating_sub(2).saturating_mul(DAY_US));
        let mut starts = Vec::new();
        while start < to {
            if self.day_of(start) == day {
                starts.push(start);
            }
            start = period.end_of(start);
        }
        starts
    }

    /// The days of UTC that the windows filed under `day` touch.
    pub fn utc_days_of(&self, day: i32) -> RangeInclusive<i32> {
        let starts = self.starts_of_day(day);
        match (starts.first(), starts.last().and_then(|&last| self.end_of(last))) {
            (Some(&first), Some(end)) => utc_day(first)..=utc_day(end - 1),
            _ => day..=day,
        }
    }

    /// The days under which the windows of a pane are filed, the pane starting at `pane_us` and ending
    /// at `end_us`. For sessions: the days of the interval itself.
    pub fn days_of_pane(&self, pane_us: i64, end_us: i64) -> RangeInclusive<i32> {
        match *self {
            Self::Session { .. } => utc_day(pane_us)..=utc_day(end_us),
            _ => {
                let windows = self.of_pane(pane_us);
                let day = |window: Option<&(i64, i64)>| self.day_of(window.map_or(pane_us, |(start, _)| *start));
                day(windows.first())..=day(windows.last())
            }
        }
    }

    /// The end of the window that starts at `start_us`, where it follows from the start.
    pub fn end_of(&self, start_us: i64) -> Option<i64> {
        match *self {
            Self::Tumble(period) => Some(period.end_of(start_us)),
            Self::Hop { size_us, .. } => Some(start_us.saturating_add(size_us)),
            Self::Cumulate { .. } | Self::Session { .. } => None,
        }
    }

    /// The instant that tells a window from the others of its group: its start, but where windows begin together its end.
    pub(crate) fn key_of(&self, start_us: i64, end_us: i64) -> i64 {
        match self {
            Self::Cumulate { .. } => end_us,
            _ => start_us,
        }
    }

    /// The start of every event's pane. Neighbours mostly share a pane, which spares them the division.
    pub fn panes_of(&self, instants_us: &[i64]) -> Vec<i64> {
        if let Self::Session { .. } = self {
            return instants_us.to_vec();
        }
        let (mut start, mut end) = (0, i64::MIN);
        let file = |&instant: &i64| {
            // A start cut off at the beginning of time is nobody's neighbour.
            if instant < start || instant >= end || start == i64::MIN {
                start = self.pane_of(instant);
                end = self.pane_end(start);
            }
            start
        };
        instants_us.iter().map(file).collect()
    }
}

impl fmt::Display for Windows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Tumble(Period::Fixed(size_us)) => write!(f, "tumbling, {}", Length(size_us)),
            Self::Tumble(Period::Days(days, zone)) => write!(f, "tumbling, {days} calendar days in {zone}"),
            Self::Tumble(Period::Months(months, zone)) => write!(f, "tumbling, {months} calendar months in {zone}"),
            Self::Hop { slide_us, size_us } => {
                write!(f, "hopping, {} every {}", Length(size_us), Length(slide_us))
            }
            Self::Cumulate { step_us, size_us } => {
                write!(f, "cumulating, up to {} by {}", Length(size_us), Length(step_us))
            }
            Self::Session { gap_us } => write!(f, "sessions with gaps up to {}", Length(gap_us)),
        }
    }
}

/// Microseconds in the largest unit that divides them.
struct Length(i64);

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(i64, &str); 6] =
            [(DAY_US, "d"), (3_600_000_000, "h"), (60_000_000, "min"), (1_000_000, "s"), (1_000, "ms"), (1, "us")];
        let unit = UNITS.into_iter().find(|(unit, _)| self.0 % unit == 0);
        let (unit, name) = unit.unwrap_or((1, "us"));
        write!(f, "{} {name}", self.0 / unit)
    }
}

impl Period {
    /// The start of the period in which an instant lies.
    fn start_of(self, instant_us: i64) -> i64 {
        match self {
            Self::Fixed(size_us) => floor(instant_us, size_us, origin(size_us)),
            Self::Days(_, zone) | Self::Months(_, zone) => match self.first_date(instant_us, zone) {
                Some(date) => midnight_us(date, zone),
                // Beyond the calendar, a quarter of a million years from now, days are 24 hours.
                None => floor(instant_us, DAY_US, 0),
            },
        }
    }

    /// The start of the period after the one that starts at `start_us`.
    fn end_of(self, start_us: i64) -> i64 {
        let next = |date: NaiveDate| match self {
            Self::Fixed(_) => None,
            Self::Days(days, _) => date.checked_add_days(Days::new(u64::from(days))),
            Self::Months(months, _) => date.checked_add_months(Months::new(months)),
        };
        match self {
            Self::Fixed(size_us) => start_us.saturating_add(size_us),
            Self::Days(_, zone) | Self::Months(_, zone) => {
                let next = self.first_date(start_us, zone).and_then(next);
                next.map_or(start_us.saturating_add(DAY_US), |date| midnight_us(date, zone))
            }
        }
    }

    /// The first date of the period in which an instant lies.
    fn first_date(self, instant_us: i64, zone: Tz) -> Option<NaiveDate> {
        let date = local_date(instant_us, zone)?;
        match self {
            Self::Fixed(_) => None,
            Self::Days(days, _) => {
                let days = i32::try_from(days).ok()?;
                let origin = if days % 7 == 0 { FIRST_MONDAY } else { 0 };
                let back = (day_number(date) - origin).rem_euclid(days);
                date.checked_sub_days(Days::new(u64::from(back.unsigned_abs())))
            }
            Self::Months(months, _) => {
                let month = i64::from(date.year()) * 12 + i64::from(date.month0());
                let first = month - month.rem_euclid(i64::from(months));
                let year = i32::try_from(first.div_euclid(12)).ok()?;
                NaiveDate::from_ymd_opt(year, u32::try_from(first.rem_euclid(12)).ok()? + 1, 1)
            }
        }
    }
}

fn local_date(instant_us: i64, zone: Tz) -> Option<NaiveDate> {
    Some(DateTime::from_timestamp_micros(instant_us)?.with_timezone(&zone).date_naive())
}

fn local_day(instant_us: i64, zone: Tz) -> i32 {
    local_date(instant_us, zone).map_or_else(|| utc_day(instant_us), day_number)
}

fn day_number(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}

/// The first instant of a date. Where clocks skip midnight, that is the first instant after the gap.
fn midnight_us(date: NaiveDate, zone: Tz) -> i64 {
    let midnight = date.and_time(chrono::NaiveTime::MIN);
    let quarters = (0..=96).map(|quarter| midnight + TimeDelta::minutes(15 * quarter));
    let first = quarters.filter_map(|time| zone.from_local_datetime(&time).earliest()).next();
    first.map_or_else(|| midnight.and_utc().timestamp_micros(), |instant| instant.timestamp_micros())
}

/// The UTC day, counted from 1970-01-01, in which an instant lies.
pub fn utc_day(instant_us: i64) -> i32 {
    // i64 microseconds span about 214 million days.
    i32::try_from(instant_us.div_euclid(DAY_US)).unwrap_or(i32::MAX)
}

fn floor(instant_us: i64, size_us: i64, origin_us: i64) -> i64 {
    instant_us.saturating_sub(instant_us.wrapping_sub(origin_us).rem_euclid(size_us))
}

fn origin(size_us: i64) -> i64 {
    if size_us % WEEK_US == 0 { FIRST_MONDAY_US } else { 0 }
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_US: i64 = 3_600_000_000;
    const MINUTE_US: i64 = 60_000_000;

    fn at(text: &str) -> i64 {
        text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_micros()
    }

    #[test]
    fn windows_are_aligned_to_the_epoch_on_both_sides_of_it() {
        let start_of = |instant, size| Windows::tumble(size).pane_of(instant);
        assert_eq!(start_of(HOUR_US - 1, HOUR_US), 0);
        assert_eq!(start_of(HOUR_US, HOUR_US), HOUR_US);
        assert_eq!(start_of(-1, HOUR_US), -HOUR_US);
        assert_eq!(start_of(5 * DAY_US + 3, 2 * DAY_US), 4 * DAY_US);
    }

    #[test]
    fn weeks_begin_on_mondays() {
        let week = Windows::tumble(WEEK_US);
        assert_eq!(week.pane_of(FIRST_MONDAY_US), FIRST_MONDAY_US);
        assert_eq!(week.pane_of(FIRST_MONDAY_US - 1), FIRST_MONDAY_US - WEEK_US);
    }

    #[test]
    fn neighbours_do_not_change_an_instants_pane() {
        let instants = [0, 1, HOUR_US, 5, -1, -HOUR_US, i64::MAX, i64::MIN, 7, HOUR_US - 1, WEEK_US, 3];
        let berlin = Tz::Europe__Berlin;
        for windows in [
            Windows::tumble(1),
            Windows::tumble(HOUR_US),
            Windows::tumble(WEEK_US),
            Windows::Hop { slide_us: 2 * MINUTE_US, size_us: 5 * MINUTE_US },
            Windows::Cumulate { step_us: MINUTE_US, size_us: HOUR_US },
            Windows::Tumble(Period::Months(1, berlin)),
            Windows::Session { gap_us: 1 },
        ] {
            let alone = instants.map(|instant| windows.pane_of(instant));
            assert_eq!(windows.panes_of(&instants), alone, "{windows:?}");
        }
    }

    #[test]
    fn a_hop_is_every_window_that_contains_the_pane() {
        let hop = Windows::Hop { slide_us: 2, size_us: 5 };
        assert_eq!(hop.pane_of(7), 7);
        assert_eq!(hop.of_pane(7), [(4, 9), (6, 11)]);
        assert_eq!(hop.of_pane(8), [(4, 9), (6, 11), (8, 13)]);
    }

    #[test]
    fn cumulated_windows_begin_together() {
        let cumulate = Windows::Cumulate { step_us: 2, size_us: 6 };
        assert_eq!(cumulate.of_pane(cumulate.pane_of(9)), [(6, 10), (6, 12)]);
    }

    #[test]
    fn a_row_is_too_late_when_its_last_window_has_closed() {
        for windows in [
            Windows::tumble(6),
            Windows::Hop { slide_us: 2, size_us: 5 },
            Windows::Hop { slide_us: 4, size_us: 6 },
            Windows::Cumulate { step_us: 2, size_us: 6 },
            Windows::Session { gap_us: 3 },
        ] {
            for (watermark, lateness) in [(20, 0), (21, 0), (22, 7), (24, 1), (-5, 3)] {
                let late = |instant: i64| {
                    let pane = windows.pane_of(instant);
                    let close = windows.of_pane(pane).last().map_or(instant + 3, |(_, end)| *end);
                    close + lateness <= watermark
                };
                let cutoff = windows.cutoff(watermark, lateness);
                assert!(late(cutoff - 1) && !late(cutoff), "{windows:?} at {watermark}: {cutoff}");
            }
        }
    }

    #[test]
    fn a_window_settles_when_none_of_its_panes_takes_rows() {
        for windows in [
            Windows::tumble(6),
            Windows::Hop { slide_us: 2, size_us: 5 },
            Windows::Hop { slide_us: 4, size_us: 6 },
            Windows::Cumulate { step_us: 2, size_us: 6 },
        ] {
            for (start, end) in windows.of_pane(windows.pane_of(100)) {
                let settles = windows.settles_us(start, end, 9);
                assert!(windows.cutoff(settles, 9) >= end, "{windows:?}");
                assert!(windows.cutoff(settles - 1, 9) < end, "{windows:?}");
            }
        }
    }

    #[test]
    fn calendar_days_have_23_to_25_hours() {
        let day = Windows::Tumble(Period::Days(1, Tz::Europe__Berlin));
        let spring = day.pane_of(at("2026-03-29T12:00:00Z"));
        assert_eq!(spring, at("2026-03-28T23:00:00Z"));
        assert_eq!(day.pane_end(spring) - spring, 23 * HOUR_US);
        let autumn = day.pane_of(at("2026-10-25T12:00:00Z"));
        assert_eq!(day.pane_end(autumn) - autumn, 25 * HOUR_US);
        assert_eq!(day.day_of(spring), utc_day(at("2026-03-29T00:00:00Z")));
    }

    #[test]
    fn months_and_years_follow_the_calendar() {
        let month = Windows::Tumble(Period::Months(1, Tz::America__New_York));
        let february = month.pane_of(at("2024-02-29T23:00:00Z"));
        assert_eq!(february, at("2024-02-01T05:00:00Z"));
        assert_eq!(month.pane_end(february), at("2024-03-01T05:00:00Z"));
        let year = Windows::Tumble(Period::Months(12, Tz::UTC));
        assert_eq!(year.pane_of(at("2026-11-20T00:00:00Z")), at("2026-01-01T00:00:00Z"));
    }

    #[test]
    fn a_day_without_a_midnight_begins_after_the_gap() {
        // Clocks in São Paulo went from 2018-11-04 00:00 to 01:00.
        let day = Windows::Tumble(Period::Days(1, Tz::America__Sao_Paulo));
        let start = day.pane_of(at("2018-11-04T12:00:00Z"));
        assert_eq!(start, at("2018-11-04T03:00:00Z"));
        assert_eq!(day.pane_of(start), start);
        assert_eq!(day.pane_of(start - 1), at("2018-11-03T03:00:00Z"));
    }
}
