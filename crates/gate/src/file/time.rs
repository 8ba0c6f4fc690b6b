//! How are lengths of time and days written?

use std::fmt;

use serde::{Serialize, Serializer};

use crate::words;

/// A length of time in microseconds, written `90m`, `1h` or `14d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub i64);

const UNITS: [(char, i64); 4] = [('d', 86_400_000_000), ('h', 3_600_000_000), ('m', 60_000_000), ('s', 1_000_000)];

impl Span {
    /// One day.
    pub const DAY: Self = Self(86_400_000_000);

    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (unit, us) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit))?;
        let number = text.strip_suffix(unit)?.trim().parse::<u32>().ok()?;
        i64::from(number).checked_mul(us).map(Self)
    }

    /// In days.
    #[must_use]
    pub fn days(self) -> f64 {
        self.0 as f64 / Self::DAY.0 as f64
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.into_iter().find(|(_, us)| self.0 % us == 0) {
            Some((unit, us)) if self.0 != 0 => write!(f, "{}{unit}", self.0 / us),
            _ => write!(f, "{}s", self.0 / 1_000_000),
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A day in UTC, counted from 1970-01-01, written `2026-12-24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        // Howard Hinnant, "chrono-compatible low-level date algorithms", `days_from_civil`.
        let years = year - i64::from(month <= 2);
        let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
        let of_era = years.rem_euclid(400);
        let days = years.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        // A day that no month has would be another one.
        Some(Self(days)).filter(|found| found.to_string() == text.trim())
    }

    /// When it begins, in microseconds since 1970.
    #[must_use]
    pub fn start_us(self) -> i64 {
        self.0 * Span::DAY.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words::instant(self.start_us())[..10])
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Days in which nothing is promoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Freeze {
    /// The first day.
    pub from: Day,
    /// The last day.
    pub to: Day,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Freeze {
    /// Whether nothing is promoted at an instant, in microseconds since 1970.
    #[must_use]
    pub fn holds_at(&self, at_us: i64) -> bool {
        self.from.start_us() <= at_us && at_us < self.to.start_us() + Span::DAY.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_a_number_and_a_unit() {
        for (text, shown) in [("14d", "14d"), ("48h", "2d"), ("90m", "90m"), ("0s", "0s"), ("25h", "25h")] {
            assert_eq!(Span::parse(text).unwrap().to_string(), shown);
        }
        for bad in ["", "d", "-1d", "1", "1w", "1.5h", "99999999999d"] {
            assert_eq!(Span::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn days_are_dates_that_exist() {
        for text in ["1970-01-01", "2000-02-29", "2026-12-24", "9999-12-31"] {
            assert_eq!(Day::parse(text).unwrap().to_string(), text);
        }
        for bad in ["2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", "1969-12-31", "tomorrow"] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_freeze_holds_from_its_first_day_to_its_last() {
        let day = |text| Day::parse(text).unwrap();
        let freeze = Freeze { from: day("2026-12-24"), to: day("2026-12-26"), reason: String::new() };
        assert!(!freeze.holds_at(day("2026-12-24").start_us() - 1) && freeze.holds_at(day("2026-12-24").start_us()));
        assert!(freeze.holds_at(day("2026-12-27").start_us() - 1) && !freeze.holds_at(day("2026-12-27").start_us()));
    }
}
