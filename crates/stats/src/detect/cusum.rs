//! Did a mean move away from where it was known to be? The tabular cumulative sum.

use super::Answer;
use crate::error::{Result, open_range};

/// Page's two-sided cumulative sum (E. S. Page, Biometrika 41 (1954), 100-115; D. C. Montgomery, Introduction to
/// Statistical Quality Control, chapter 9):
///
/// ```text
/// z = (x - mean) / sd    high = max(0, high + z - k)    low = max(0, low - z - k)    alarm if either exceeds h
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cusum {
    slack: f64,
    limit: f64,
    high: f64,
    low: f64,
}

impl Cusum {
    /// Slack `k` is half the shift to find, limit `h` what a sum must exceed, both in standard deviations, above 0.
    /// With 0.5 and 5, the usual choice, a false alarm comes about every 465 normal values, and a shift of one deviation
    /// is found after about 10.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) if either is not above 0 and finite.
    pub fn new(slack: f64, limit: f64) -> Result<Self> {
        let slack = open_range("k", slack, 0.0, f64::INFINITY, "(0, inf)")?;
        let limit = open_range("h", limit, 0.0, f64::INFINITY, "(0, inf)")?;
        Ok(Self { slack, limit, high: 0.0, low: 0.0 })
    }

    /// The next finite value, and what was expected of it. The statistic is the greater sum, negative for the low one.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `sd` is above 0 and finite.
    pub fn push(&mut self, x: f64, mean: f64, sd: f64) -> Result<Answer> {
        let sd = open_range("sd", sd, 0.0, f64::INFINITY, "(0, inf)")?;
        let z = (x - mean) / sd;
        self.high = (self.high + z - self.slack).max(0.0);
        self.low = (self.low - z - self.slack).max(0.0);
        let statistic = if self.high >= self.low { self.high } else { -self.low };
        let alarm = statistic.abs() > self.limit;
        if alarm {
            (self.high, self.low) = (0.0, 0.0);
        }
        Ok(Answer { statistic, alarm })
    }
}
