//! How exactly is a quantile known, from two quantiles beside it?
//!
//! The number of values below the true quantile of level `nu` is binomial. So the values at the levels
//! `nu -+ z sqrt(nu (1 - nu) / n)` enclose it with the probability that belongs to `z`, and their distance tells the
//! standard error, without a density (A. Deng, U. Knoblich and J. Lu, KDD 2018):
//!
//! ```text
//! V = ((high - low) / (2 z))^2 (n_star / n) (n - 1) / n        z = cdf^-1(0.975)
//! ```
//! where `low` and `high` were taken at the levels of `n_star` values, which may be fewer than the `n` there are.
//! **Validity.** Asymptotic: [`band`] must lie within (0, 1), and the values beside the quantile must not be few.

use crate::cluster::{ClusterSums, ratio};
use crate::error::{Result, at_least, open_range};
use crate::normal;

/// Of both sides of the quantile, 95 % inside.
const INSIDE: f64 = 0.975;

/// Quantiles beside the one that is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beside {
    /// The quantile at the lower level of [`band`].
    pub low: f64,
    /// The quantile at the upper level.
    pub high: f64,
    /// Values there are.
    pub n: u64,
    /// The number of values for which the levels were chosen.
    pub n_star: u64,
}

/// The levels at which to ask for `low` and `high`: `level -+ z sqrt(level (1 - level) / n)`.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < level < 1` and both levels lie in (0, 1): of fewer values
/// the quantile cannot be told from the least or greatest.
pub fn band(level: f64, n: u64) -> Result<(f64, f64)> {
    let level = open_range("quantile level", level, 0.0, 1.0, "(0, 1)")?;
    let reach = normal::quantile(INSIDE)? * (level * (1.0 - level) / n as f64).sqrt();
    let within = |x: f64| open_range("level beside the quantile", x, 0.0, 1.0, "(0, 1): more values are needed");
    Ok((within(level - reach)?, within(level + reach)?))
}

/// The variance of the quantile of independent values.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `low <= high` are finite, and there are two values and one for
/// the levels.
pub fn variance(beside: Beside) -> Result<f64> {
    let width = at_least("width between the quantiles", beside.high - beside.low, 0.0, "[0, inf)")?;
    let n = at_least("values", beside.n as f64, 2.0, "[2, inf)")?;
    let n_star = at_least("values of the levels", beside.n_star as f64, 1.0, "[1, inf)")?;
    let stderr = width / (2.0 * normal::quantile(INSIDE)?);
    Ok(stderr * stderr * n_star / n * (n - 1.0) / n)
}

/// The variance of the quantile of level `level`, where values come in clusters: that of independent ones, times how much
/// more the share of values below the quantile varies than that of independent ones would, `level (1 - level) / n`.
///
/// Of `below`, `m` counts a cluster's values at or below the quantile and `d` all its values.
///
/// # Errors
/// Those of [`variance`] and [`cluster::ratio`](crate::cluster::ratio()), and
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < level < 1`.
pub fn clustered_variance(beside: Beside, level: f64, below: ClusterSums) -> Result<f64> {
    let level = open_range("quantile level", level, 0.0, 1.0, "(0, 1)")?;
    let independent = level * (1.0 - level) / beside.n as f64;
    Ok(variance(beside)? * (ratio(below)?.variance() / independent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    const P95: Beside = Beside { low: 1815.0, high: 1869.0, n: 12000, n_star: 6400 };
    const BELOW: ClusterSums =
        ClusterSums { clusters: 240, m: 11400.0, m2: 840000.0, d: 12000.0, d2: 930000.0, md: 883000.0 };

    /// gbstats 0.8.0, `QuantileStatistic` and `QuantileClusteredStatistic`.
    #[test]
    fn variances_match_gbstats() {
        close(variance(P95).unwrap(), 101.2031153127791, 1e-12, "independent");
        close(clustered_variance(P95, 0.95, BELOW).unwrap(), 289.724840137905, 1e-12, "clustered");
    }

    /// Of even values the quantile has the variance `level (1 - level) / n` in units of their range.
    #[test]
    fn even_values_have_the_variance_of_the_textbooks() {
        let n = 10_000;
        let (low, high) = band(0.9, n).unwrap();
        close(variance(Beside { low, high, n, n_star: n }).unwrap(), 0.09 / n as f64, 2e-4, "variance");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert!(band(0.95, 10).is_err() && band(0.95, 0).is_err() && band(1.0, 100).is_err());
        assert!(variance(Beside { n: 1, ..P95 }).is_err() && variance(Beside { n_star: 0, ..P95 }).is_err());
        for bad in [f64::NAN, f64::NEG_INFINITY, 1800.0] {
            assert!(variance(Beside { high: bad, ..P95 }).is_err());
        }
        assert!(clustered_variance(P95, f64::NAN, BELOW).is_err());
        assert!(clustered_variance(P95, 0.95, ClusterSums { clusters: 1, ..BELOW }).is_err());
    }
}
