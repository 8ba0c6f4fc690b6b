//! Where does a value stand on an axis, and what is written there?

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveTime, Utc};

/// A linear map from an interval of values to an interval of lengths on the page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    from: (f64, f64),
    to: (f64, f64),
}

impl Scale {
    /// Maps `from.0` to `to.0` and `from.1` to `to.1`; an empty interval to the middle.
    pub(super) fn new(from: (f64, f64), to: (f64, f64)) -> Self {
        Self { from, to }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        // Halves, so that the distance of two finite numbers is finite.
        let span = self.from.1 / 2.0 - self.from.0 / 2.0;
        let share = if span == 0.0 { 0.5 } else { (value / 2.0 - self.from.0 / 2.0) / span };
        self.to.0 + share * (self.to.1 - self.to.0)
    }
}

/// Round values that enclose finite `low <= high`, about `count` of them, and their distance.
///
/// Steps are 1, 2 or 5 times a power of ten (P. Heckbert, "Nice Numbers for Graph Labels", Graphics Gems, 1990).
/// Zero is enclosed where it is near.
pub(super) fn ticks(low: f64, high: f64, count: u32) -> (Vec<f64>, f64) {
    let (low, high) = if low > 0.0 && low < high / 4.0 { (0.0, high) } else { (low, high) };
    let (low, high) = match low == high {
        true if low == 0.0 => (0.0, 1.0),
        true => (low - low.abs() / 10.0, high + high.abs() / 10.0),
        false => (low, high),
    };
    let count = f64::from(count.max(1));
    let step = round_step((high / count - low / count).max(f64::MIN_POSITIVE));
    let (first, last) = ((low / step).floor(), (high / step).ceil());
    let count = (last - first).clamp(1.0, 64.0) as u32;
    // Adding zero makes plain zero of a negative one.
    let tick = |index: u32| ((first + f64::from(index)) * step).clamp(f64::MIN, f64::MAX) + 0.0;
    ((0..=count).map(tick).collect(), step)
}

/// The least of 1, 2, 5 and 10 times a power of ten that is no smaller than `rough`.
fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let share = rough / power;
    let nice = [1.0, 2.0, 5.0].into_iter().find(|nice| share <= nice * 1.000_001);
    nice.unwrap_or(10.0) * power
}

/// The name of a tick, with as many digits as tell it from its neighbours.
pub(super) fn tick_label(value: f64, step: f64) -> String {
    let largest = value.abs().max(step);
    if !(1e-6..1e15).contains(&largest) {
        return format!("{value:e}");
    }
    let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
    let (unit, suffix) =
        units.into_iter().find(|(unit, _)| value.abs() >= *unit && largest >= 1e4).unwrap_or((1.0, ""));
    let digits = (-(step / unit).log10()).ceil().clamp(0.0, 9.0);
    format!("{:.*}{suffix}", digits as usize, value / unit)
}

/// A value for people: whole numbers as they are, others with five digits that count.
pub(super) fn amount(value: f64) -> String {
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e15 {
        return format!("{}", value + 0.0);
    }
    if !(1e-4..1e15).contains(&size) {
        return format!("{value:.4e}");
    }
    let digits = (4.0 - size.log10().floor()).clamp(0.0, 9.0);
    let text = format!("{value:.*}", digits as usize);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// How far apart the ticks of a time axis may be.
#[derive(Debug, Clone, Copy)]
enum Step {
    Seconds(i64),
    Days(u64),
    Months(u32),
}

const STEPS: [Step; 24] = [
    Step::Seconds(1),
    Step::Seconds(5),
    Step::Seconds(15),
    Step::Seconds(60),
    Step::Seconds(300),
    Step::Seconds(900),
    Step::Seconds(1_800),
    Step::Seconds(3_600),
    Step::Seconds(10_800),
    Step::Seconds(21_600),
    Step::Seconds(43_200),
    Step::Days(1),
    Step::Days(2),
    Step::Days(7),
    Step::Days(14),
    Step::Months(1),
    Step::Months(3),
    Step::Months(6),
    Step::Months(12),
    Step::Months(24),
    Step::Months(60),
    Step::Months(120),
    Step::Months(240),
    Step::Months(600),
];

impl Step {
    /// About how long it is, in seconds.
    fn seconds(self) -> i64 {
        match self {
            Self::Seconds(seconds) => seconds,
            Self::Days(days) => days as i64 * 86_400,
            Self::Months(months) => i64::from(months) * 2_629_746,
        }
    }

    /// The last tick that is not after an instant.
    fn before(self, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Seconds(seconds) => DateTime::from_timestamp(at.timestamp() - at.timestamp().rem_euclid(seconds), 0),
            // Counted from a Monday, so that weeks begin as calendars do.
            Self::Days(days) => {
                let past = (i64::from(at.num_days_from_ce()) - 1).rem_euclid(days as i64);
                Some(midnight(at.date_naive().checked_sub_days(Days::new(past.unsigned_abs()))?))
            }
            Self::Months(months) => {
                let past = (at.year().rem_euclid(600) * 12) as u32 + at.month0();
                let first = at.date_naive().with_day(1)?;
                Some(midnight(first.checked_sub_months(Months::new(past % months))?))
            }
        }
    }

    fn after(self, tick: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Seconds(seconds) => DateTime::from_timestamp(tick.timestamp().checked_add(seconds)?, 0),
            Self::Days(days) => tick.checked_add_days(Days::new(days)),
            Self::Months(months) => tick.checked_add_months(Months::new(months)),
        }
    }

    fn label(self, tick: DateTime<Utc>) -> String {
        let is_midnight = tick.time() == NaiveTime::MIN;
        let format = match self {
            Self::Seconds(_) | Self::Days(_) if is_midnight => "%-d %b",
            Self::Seconds(seconds) if seconds < 60 => "%H:%M:%S",
            Self::Seconds(_) | Self::Days(_) => "%H:%M",
            Self::Months(months) if months < 12 => "%b %Y",
            Self::Months(_) => "%Y",
        };
        tick.format(format).to_string()
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

/// At most `count` and one more round instants within `[from_us, to_us]`, microseconds since 1970 in UTC, and their names.
pub(super) fn time_ticks(from_us: i64, to_us: i64, count: i64) -> Vec<(i64, String)> {
    let (Some(from), Some(to)) = (DateTime::from_timestamp_micros(from_us), DateTime::from_timestamp_micros(to_us))
    else {
        return Vec::new();
    };
    let span = (to - from).num_seconds();
    let Some(step) = STEPS.into_iter().find(|step| span / step.seconds() <= count) else {
        return Vec::new();
    };
    let ticks = std::iter::successors(step.before(from), |tick| step.after(*tick));
    let within = ticks.take_while(|tick| *tick <= to).filter(|tick| *tick >= from);
    within.map(|tick| (tick.timestamp_micros(), step.label(tick))).collect()
}

/// An instant as `2026-01-05 00:00`, with seconds where there are any.
pub(super) fn instant(us: i64) -> String {
    let Some(at) = DateTime::from_timestamp_micros(us) else {
        return format!("{us} us");
    };
    let format = if us.rem_euclid(60_000_000) == 0 { "%Y-%m-%d %H:%M" } else { "%Y-%m-%d %H:%M:%S%.f" };
    at.format(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;
    /// 2026-01-05T00:00:00Z, a Monday.
    const MONDAY: i64 = 1_767_571_200_000_000;

    #[test]
    fn ticks_are_round_and_enclose_what_is_there() {
        assert_eq!(ticks(0.0, 1.0, 5).0, [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(ticks(3.0, 98.0, 5).0, [0.0, 20.0, 40.0, 60.0, 80.0, 100.0], "zero is near");
        assert_eq!(ticks(95.0, 98.0, 3).0, [95.0, 96.0, 97.0, 98.0], "and here it is not");
        assert_eq!(ticks(-1.0, 1.0, 2).0, [-1.0, 0.0, 1.0]);
        for (low, high) in [(0.0, 0.0), (7.0, 7.0), (-7.0, -7.0), (1e-300, 1e300), (f64::MIN, f64::MAX), (0.1, 0.3)] {
            let (ticks, step) = ticks(low, high, 4);
            assert!(ticks.iter().all(|tick| !tick.is_nan()) && step > 0.0, "{low} {high}: {ticks:?}");
            assert!((2..=7).contains(&ticks.len()), "{low} {high}: {ticks:?}");
            assert!(ticks[0] <= low && ticks[ticks.len() - 1] >= high, "{low} {high}: {ticks:?}");
        }
    }

    #[test]
    fn a_scale_keeps_ends_and_order() {
        let scale = Scale::new((10.0, 20.0), (100.0, 0.0));
        assert_eq!([10.0, 15.0, 20.0].map(|value| scale.at(value)), [100.0, 50.0, 0.0]);
        assert_eq!(Scale::new((5.0, 5.0), (0.0, 8.0)).at(5.0), 4.0);
        assert_eq!(Scale::new((f64::MIN, f64::MAX), (0.0, 8.0)).at(0.0), 4.0);
    }

    #[test]
    fn labels_have_the_digits_that_count() {
        let labels = [(0.0, 0.2), (0.6000000000000001, 0.2), (1500.0, 500.0), (15_000.0, 5_000.0), (2.5e6, 5e5)];
        let labels = labels.map(|(value, step)| tick_label(value, step));
        assert_eq!(labels, ["0.0", "0.6", "1500", "15k", "2.5M"]);
        let amounts = [0.0, 12.0, -3.0, 0.438_271_6, 1234.5678, 0.5, 1e-9].map(amount);
        assert_eq!(amounts, ["0", "12", "-3", "0.43827", "1234.6", "0.5", "1.0000e-9"]);
    }

    #[test]
    fn time_has_round_instants_too() {
        let names = |from, to, count| time_ticks(from, to, count).into_iter().map(|(_, name)| name).collect::<Vec<_>>();
        assert_eq!(names(MONDAY, MONDAY + 24 * HOUR, 4), ["5 Jan", "06:00", "12:00", "18:00", "6 Jan"]);
        assert_eq!(names(MONDAY + HOUR, MONDAY + 96 * HOUR, 6), ["6 Jan", "7 Jan", "8 Jan", "9 Jan"]);
        assert_eq!(names(MONDAY, MONDAY + 24 * 28 * HOUR, 4), ["5 Jan", "12 Jan", "19 Jan", "26 Jan", "2 Feb"]);
        assert_eq!(names(MONDAY, MONDAY + 24 * 90 * HOUR, 4), ["Feb 2026", "Mar 2026", "Apr 2026"]);
        assert_eq!(names(0, MONDAY, 6), ["1970", "1980", "1990", "2000", "2010", "2020"]);
        assert_eq!(names(i64::MIN, i64::MAX, 5), Vec::<String>::new());
        assert_eq!(instant(MONDAY + 1_500_000), "2026-01-05 00:00:01.500");
        assert_eq!(instant(MONDAY), "2026-01-05 00:00");
    }
}
