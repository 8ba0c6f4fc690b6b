//! When was a bundle made, as the caller says?

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::words;

/// An instant, written `2026-05-04T10:00:00Z`; with a fraction of six digits only where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp {
    since_1970_us: i64,
}

/// A text that is no instant, or another spelling of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be an instant in UTC such as 2026-05-04T10:00:00Z")]
pub struct NotAnInstant;

impl Timestamp {
    /// An instant from microseconds since 1970; `None` beyond the years 0 to 9999, which have no spelling.
    #[must_use]
    pub fn from_unix_us(since_1970_us: i64) -> Option<Self> {
        let (first, last) = (days_from_civil(0, 1, 1) * DAY_US, days_from_civil(10_000, 1, 1) * DAY_US);
        (first..last).contains(&since_1970_us).then_some(Self { since_1970_us })
    }
}

const DAY_US: i64 = 86_400_000_000;

/// Days from 1970-01-01 to a date: Howard Hinnant, "chrono-compatible low-level date algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

impl FromStr for Timestamp {
    type Err = NotAnInstant;

    fn from_str(text: &str) -> Result<Self, NotAnInstant> {
        let number = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<i64>().ok());
        let read = || {
            let day = days_from_civil(number(0, 4)?, number(5, 7)?, number(8, 10)?);
            let seconds = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
            let fraction = if text.len() == 20 { 0 } else { number(20, 26)? };
            Self::from_unix_us(day * DAY_US + seconds * 1_000_000 + fraction)
        };
        // Whatever is not written exactly as it is shown is refused: the 31st of June, a sign, another separator.
        read().filter(|instant| instant.to_string() == text).ok_or(NotAnInstant)
    }
}

impl TryFrom<String> for Timestamp {
    type Error = NotAnInstant;

    fn try_from(text: String) -> Result<Self, NotAnInstant> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(instant: Timestamp) -> Self {
        instant.to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&words::instant(self.since_1970_us))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_instant_is_read_as_it_is_shown(us in -62_167_219_200_000_000_i64..253_402_300_800_000_000) {
            let instant = Timestamp::from_unix_us(us).unwrap();
            prop_assert_eq!(instant.to_string().parse(), Ok(instant));
        }

        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,30}") {
            if let Ok(instant) = text.parse::<Timestamp>() {
                prop_assert_eq!(instant.to_string(), text);
            }
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in [
            "2026-05-04",
            "2026-05-04T10:00:00",
            "2026-05-04 10:00:00Z",
            "2026-05-04T10:00:00+00:00",
            "2026-05-04T10:00:00.000000Z",
            "2026-05-04T10:00:00.5Z",
            "2026-06-31T10:00:00Z",
            "2026-05-04T24:00:00Z",
            "+026-05-04T10:00:00Z",
            "é",
        ] {
            assert_eq!(bad.parse::<Timestamp>(), Err(NotAnInstant), "{bad}");
        }
        assert_eq!("1970-01-01T00:00:00Z".parse(), Ok(Timestamp { since_1970_us: 0 }));
        assert_eq!(Timestamp::from_unix_us(i64::MAX), None);
    }
}
