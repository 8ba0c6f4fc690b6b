//! Did a distribution drift by more than chance and more than matters?
//!
//! Without drift the population stability index of samples of `n` and `m` rows over `B` bins is about
//! `w chi2(B - 1)` with `w = 1/n + 1/m`; with a true index of `delta` it is about `w chi2(B - 1, delta / w)`, the
//! noncentral distribution: both follow from `psi = sum (p - q)^2 / p` to second order (B. Yurdakul and J. Naranjo,
//! Statistical properties of the population stability index, Journal of Risk Model Validation 14 (2020), 89-100). So
//!
//! ```text
//! threshold = w chi2(B - 1, delta / w) at 1 - alpha
//! ```
//! is passed with probability `alpha` by a drift that just does not matter, and more seldom by a smaller one, whatever the
//! number of rows. A fixed 0.1 or 0.25 is passed by every third pair of 200 rows without any drift.
//!
//! Three things keep the level, as `benches/calibration` measures:
//! - Rare bins are pooled first ([`pool_rare`]): a bin of a row or two is far from normal, and a thousand of them made
//!   the test reject nothing at all.
//! - Half a count more per bin takes off what the logarithm adds ([`crate::distance`]).
//! - Below [`LEAST_ROWS`] rows on a side the answer is [`Verdict::Insufficient`].

mod noisy;
mod replicate;

pub use noisy::noisy_drift;

pub use crate::noise::Noise;

use std::fmt;

use crate::chi_square::ChiSquare;
use crate::distance::{filled, psi, totals};
use crate::error::{Error, Result, open_range};
use crate::homogeneity::pool_rare;

/// Fewer rows than this on a side are no sample to judge by: five expected in each of the ten bins that a reference is
/// cut into. With 50 rows the level of 0.01 is kept (0.007 to 0.011), with 30 it falls below 0.005 where bins are many.
pub const LEAST_ROWS: u64 = 50;

/// Above this width of the interval that the Kolmogorov-Smirnov distance lies in, the bins hide too much.
pub const MOST_UNRESOLVED: f64 = 0.2;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DriftTest {
    /// How often a drift of exactly `delta` may raise an alarm, in (0, 1).
    pub alpha: f64,
    /// The greatest index that does not matter, 0 and up; with 0 every drift matters.
    pub delta: f64,
    /// Width of the interval that the Kolmogorov-Smirnov distance is known to lie in, from 0 to 1: how much of the rows
    /// a bin may hide. 0 where bins are the values themselves.
    pub unresolved: f64,
}

impl Default for DriftTest {
    /// An alarm in a hundred for an index of 0.02.
    fn default() -> Self {
        Self { alpha: 0.01, delta: 0.02, unresolved: 0.0 }
    }
}

/// What the counts say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// No more than chance and what does not matter explain.
    Stable,
    /// More than that.
    Drift,
    /// Too few rows to tell.
    Insufficient,
    /// Bins too coarse for these values to tell.
    Uninformative,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stable => "stable",
            Self::Drift => "drift",
            Self::Insufficient => "insufficient",
            Self::Uninformative => "uninformative",
        })
    }
}

/// A verdict and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Drift {
    /// The answer.
    pub verdict: Verdict,
    /// What was measured; nothing if a side is empty.
    pub measured: Option<Measured>,
}

/// What a verdict rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measured {
    /// Population stability index over the bins after pooling, in nats.
    pub psi: f64,
    /// What the index has to exceed.
    pub threshold: f64,
    /// How likely is an index at least as great without any drift.
    pub p_value: f64,
    /// How likely is it under a drift of `delta`: below `alpha` exactly where the index exceeds the threshold.
    pub p_material: f64,
    /// Bins after pooling.
    pub bins: usize,
}

/// The verdict over counts per bin of the reference and of the current rows.
///
/// ```
/// use tidegate_stats::drift::{DriftTest, Verdict, drift};
///
/// let same = drift(&[100; 10], &[95, 105, 98, 102, 100, 100, 97, 103, 90, 110], DriftTest::default())?;
/// assert_eq!(same.verdict, Verdict::Stable);
/// let moved = drift(&[100; 10], &[10, 20, 40, 60, 100, 100, 140, 160, 180, 190], DriftTest::default())?;
/// assert_eq!(moved.verdict, Verdict::Drift);
/// # Ok::<(), tidegate_stats::Error>(())
/// ```
///
/// # Errors
/// [`Error::UnequalBins`] if the sides differ in length, [`Error::OutOfRange`] if `test` holds a value outside of its
/// range.
pub fn drift(reference: &[u64], current: &[u64], test: DriftTest) -> Result<Drift> {
    test.check()?;
    let (n, m) = match totals(reference, current) {
        Err(Error::EmptySample) => return Ok(Drift { verdict: Verdict::Insufficient, measured: None }),
        totals => totals?,
    };
    let constant = filled(reference, current).count() == 1;
    let (reference, current) = pool_rare(reference, current)?;
    let spread = Spread { scale: 1.0 / n + 1.0 / m, df: reference.len() as f64 - 1.0 };
    let measured = spread.measure(psi(&reference, &current)?, reference.len(), test)?;
    let few = n.min(m) < LEAST_ROWS as f64 || (measured.bins == 1 && !constant);
    Ok(Drift { verdict: test.verdict(few, measured), measured: Some(measured) })
}

impl DriftTest {
    fn check(&self) -> Result<()> {
        open_range("alpha", self.alpha, 0.0, 1.0, "(0, 1)")?;
        if !(self.delta >= 0.0 && self.delta.is_finite()) {
            return Err(Error::OutOfRange { name: "delta", value: self.delta, allowed: "[0, inf)" });
        }
        if !(0.0..=1.0).contains(&self.unresolved) {
            return Err(Error::OutOfRange { name: "unresolved", value: self.unresolved, allowed: "[0, 1]" });
        }
        Ok(())
    }

    fn verdict(&self, few: bool, measured: Measured) -> Verdict {
        if few {
            Verdict::Insufficient
        } else if measured.psi > measured.threshold {
            // However coarse the bins: rows moved between them.
            Verdict::Drift
        } else if self.unresolved > MOST_UNRESOLVED {
            Verdict::Uninformative
        } else {
            Verdict::Stable
        }
    }
}

/// How the index spreads without drift: as `scale` times a chi-square with `df` degrees of freedom.
#[derive(Debug, Clone, Copy)]
struct Spread {
    scale: f64,
    df: f64,
}

impl Spread {
    fn measure(self, psi: f64, bins: usize, test: DriftTest) -> Result<Measured> {
        if bins < 2 {
            return Ok(Measured { psi, threshold: 0.0, p_value: 1.0, p_material: 1.0, bins });
        }
        let material = self.under(test.delta)?;
        Ok(Measured {
            psi,
            threshold: self.scale * material.critical(test.alpha)?,
            p_value: self.under(0.0)?.survival(psi / self.scale),
            p_material: material.survival(psi / self.scale),
            bins,
        })
    }

    /// The distribution of the index over `scale`, if the true one is `delta`.
    fn under(self, delta: f64) -> Result<ChiSquare> {
        ChiSquare::noncentral(self.df, delta / self.scale)
    }
}

#[cfg(test)]
mod tests;
