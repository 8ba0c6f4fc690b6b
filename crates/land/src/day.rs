//! On which day, by UTC, do rows arrive?

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use arrow::compute::kernels::cast_utils::Parser;
use arrow::datatypes::Date32Type;
use arrow::temporal_conversions::date32_to_datetime;
use serde::{Deserialize, Serialize};

const SECONDS: u64 = 86_400;

/// A day, counted from 1970-01-01 and written like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Day(i32);

impl Day {
    pub(crate) fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self(i32::try_from(seconds / SECONDS).unwrap_or(i32::MAX))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match date32_to_datetime(self.0) {
            Some(time) => time.date().fmt(f),
            // A clock that has left the calendar gets the last day that has four digits.
            None => f.write_str("9999-12-31"),
        }
    }
}

impl From<Day> for String {
    fn from(day: Day) -> Self {
        day.to_string()
    }
}

impl TryFrom<String> for Day {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let day = if plain { Date32Type::parse(&text) } else { None };
        day.map(Self).ok_or("not a date")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn days_are_written_as_dates_and_read_back() {
        for (seconds, date) in [(0, "1970-01-01"), (86_399, "1970-01-01"), (951_782_400, "2000-02-29")] {
            let day = Day::of(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(day.to_string(), date);
            assert_eq!(Day::try_from(date.to_owned()), Ok(day));
        }
        for text in ["", "2000-02-30", "2000-2-29", "2000-02-29T00:00:00", "../../../.."] {
            assert!(Day::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
