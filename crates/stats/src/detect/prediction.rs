//! Does a value lie where its history predicts it?

use crate::error::{Result, open_range};
use crate::student;

/// The values before, as count, mean and sum of squared deviations (B. P. Welford, Technometrics 4 (1962), 419-420).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct History {
    count: u64,
    mean: f64,
    squares: f64,
}

impl History {
    /// Adds a value, which must be finite.
    pub fn push(&mut self, x: f64) {
        self.count += 1;
        let deviation = x - self.mean;
        self.mean += deviation / self.count as f64;
        self.squares += deviation * (x - self.mean);
    }

    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; nothing of no value.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// Their standard deviation, with `count - 1`; nothing of fewer than two.
    #[must_use]
    pub fn sd(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
    }

    /// Whether the next value `x`, which must be finite, lies where these predict it.
    ///
    /// ```text
    /// t = (x - mean) / (sd sqrt(1 + 1/k)) follows Student's distribution with k - 1 degrees of freedom
    /// ```
    /// if all `k + 1` values are independent and normal (G. J. Hahn and W. Q. Meeker, Statistical Intervals, 1991,
    /// section 4.7). Unlike three sigma it counts that mean and deviation of few values are uncertain themselves.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < alpha < 1`.
    pub fn predict(&self, x: f64, alpha: f64) -> Result<Prediction> {
        let alpha = open_range("alpha", alpha, 0.0, 1.0, "(0, 1)")?;
        let Some(sd) = self.sd() else { return Ok(Prediction::Insufficient) };
        let k = self.count as f64;
        let t = (x - self.mean) / (sd * (1.0 + 1.0 / k).sqrt());
        if sd == 0.0 || !t.is_finite() {
            return Ok(if x == self.mean { Prediction::Same } else { Prediction::Uninformative });
        }
        let p = student::two_sided(t, k - 1.0)?;
        Ok(Prediction::Told { t, p, outside: p < alpha })
    }
}

/// What a history says of the next value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Prediction {
    /// Fewer than two values say nothing.
    Insufficient,
    /// The history is one value again and again, and so is this.
    Same,
    /// The history never moved, so that it cannot say how far is too far.
    Uninformative,
    /// The usual answer.
    Told {
        /// Student's t.
        t: f64,
        /// Its two-sided p-value.
        p: f64,
        /// True if `p < alpha`.
        outside: bool,
    },
}
