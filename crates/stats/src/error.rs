//! Which rule did the numbers break?

use std::fmt;

/// `Result` of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A broken rule, with the facts a reader needs.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A proportion of nothing has no value.
    EmptyProportion,
    /// More hits than trials.
    NumAboveDen {
        /// Hits.
        num: u64,
        /// Trials.
        den: u64,
    },
    /// A sample without rows has no distribution.
    EmptySample,
    /// Two sides that are compared bin by bin differ in their bins.
    UnequalBins {
        /// Bins of the reference.
        reference: usize,
        /// Bins of the current rows.
        current: usize,
    },
    /// One bin alone cannot differ.
    SingleBin,
    /// A parameter lies outside the values it may take; `NaN` lies outside every range.
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: f64,
        /// What is allowed, as an interval.
        allowed: &'static str,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyProportion => f.write_str("a proportion needs at least one trial"),
            Self::NumAboveDen { num, den } => write!(f, "{num} hits in {den} trials"),
            Self::EmptySample => f.write_str("a sample needs at least one row"),
            Self::UnequalBins { reference, current } => {
                write!(f, "{reference} bins of the reference, {current} of the current rows")
            }
            Self::SingleBin => f.write_str("a test of homogeneity needs at least two bins"),
            Self::OutOfRange { name, value, allowed } => write!(f, "{name} is {value}, it must lie in {allowed}"),
        }
    }
}

impl std::error::Error for Error {}

/// Refuses a `value` that is not strictly between `low` and `high`; `NaN` is refused too.
pub(crate) fn open_range(name: &'static str, value: f64, low: f64, high: f64, allowed: &'static str) -> Result<f64> {
    if value > low && value < high {
        return Ok(value);
    }
    Err(Error::OutOfRange { name, value, allowed })
}

/// Refuses a `value` below `low` or infinite; `NaN` is refused too.
pub(crate) fn at_least(name: &'static str, value: f64, low: f64, allowed: &'static str) -> Result<f64> {
    if (low..f64::INFINITY).contains(&value) {
        return Ok(value);
    }
    Err(Error::OutOfRange { name, value, allowed })
}
