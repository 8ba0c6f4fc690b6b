//! In which bin does a number belong?
//!
//! Bin `k` holds the sizes in `[gamma^k, gamma^(k+1))` with `gamma = (1 + alpha) / (1 - alpha)`, so that the
//! bin's value is within `alpha` of everything in it, relatively (Masson, Rim, Lee: "DDSketch", VLDB 2019).
//! The arithmetic is that of Datadog's `LogarithmicMapping`, so that bins have the same numbers there.

use crate::error::{Error, Result};

/// Sizes up to this one are counted as zero.
pub(crate) const MIN_SIZE: f64 = 1e-9;

/// A division of the sizes `(1e-9, f64::MAX]` into bins of equal relative width.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Gamma {
    alpha: f64,
    ln_gamma: f64,
}

impl Gamma {
    /// Bins of relative accuracy `alpha`.
    pub(crate) fn new(alpha: f64) -> Result<Self> {
        if !(0.001..=0.2).contains(&alpha) {
            return Err(Error::OutOfRange { name: "alpha", value: alpha, allowed: "[0.001, 0.2]" });
        }
        Ok(Self::of(alpha))
    }

    /// Bins of a relative accuracy that is within the range.
    pub(crate) fn of(alpha: f64) -> Self {
        let gamma = (1.0 + alpha) / (1.0 - alpha);
        Self { alpha, ln_gamma: gamma.ln() }
    }

    pub(crate) fn alpha(&self) -> f64 {
        self.alpha
    }

    /// The bin of a finite `size` above [`MIN_SIZE`].
    #[inline]
    pub(crate) fn key(&self, size: f64) -> i32 {
        // `f64::floor` is a function call on processors of 2003, which the build is for.
        let power = size.ln() / self.ln_gamma;
        let toward_zero = power as i32;
        toward_zero - i32::from(f64::from(toward_zero) > power)
    }

    /// The first and the last bin that a finite size can fall into.
    pub(crate) fn keys(&self) -> (i32, i32) {
        (self.key(MIN_SIZE), self.key(f64::MAX))
    }

    /// The lower edge of bin `key`.
    pub(crate) fn lower(&self, key: i32) -> f64 {
        (f64::from(key) * self.ln_gamma).exp().min(f64::MAX)
    }

    /// What bin `key` stands for: within `alpha` of every size in it.
    pub(crate) fn value(&self, key: i32) -> f64 {
        (self.lower(key) * (1.0 + self.alpha)).min(f64::MAX)
    }
}
