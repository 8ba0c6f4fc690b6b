//! In which unit does a number count the time since 1970?

use std::fmt;
use std::str::FromStr;

use crate::vocabulary::vocabulary;

vocabulary! {
    /// The unit of an event time that is a number (`event_time_unit`).
    EpochUnit {
        /// Seconds.
        Seconds = "s",
        /// Milliseconds.
        Millis = "ms",
        /// Microseconds.
        Micros = "us",
        /// Nanoseconds.
        Nanos = "ns",
    }
}

impl EpochUnit {
    /// How many nanoseconds one of it has.
    ///
    /// ```
    /// assert_eq!(tidegate_contract::EpochUnit::Millis.nanos(), 1_000_000);
    /// ```
    pub const fn nanos(self) -> i64 {
        match self {
            Self::Seconds => 1_000_000_000,
            Self::Millis => 1_000_000,
            Self::Micros => 1_000,
            Self::Nanos => 1,
        }
    }
}

/// A word that is no [`EpochUnit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownEpochUnit {
    /// What was written.
    pub given: String,
}

impl fmt::Display for UnknownEpochUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown unit of time `{}`: use one of s, ms, us, ns", self.given)
    }
}

impl std::error::Error for UnknownEpochUnit {}

impl FromStr for EpochUnit {
    type Err = UnknownEpochUnit;

    fn from_str(given: &str) -> Result<Self, UnknownEpochUnit> {
        Self::named(given).ok_or_else(|| UnknownEpochUnit { given: given.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_units() {
        for unit in EpochUnit::ALL {
            assert_eq!(unit.as_str().parse(), Ok(*unit));
        }
        assert_eq!(EpochUnit::ALL.iter().map(|unit| unit.nanos().ilog10()).collect::<Vec<_>>(), [9, 6, 3, 0]);
    }

    #[test]
    fn an_unknown_word_lists_them_all() {
        let error = "min".parse::<EpochUnit>().unwrap_err().to_string();
        assert_eq!(error, "unknown unit of time `min`: use one of s, ms, us, ns");
        assert!(EpochUnit::ALL.iter().all(|unit| error.contains(unit.as_str())));
    }
}
