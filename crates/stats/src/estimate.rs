//! What was estimated, and by how much may chance and noise have moved it?
//!
//! The sequential boundaries of this room ask for an estimate and its variance, nothing else. So proportions, means,
//! ratios over clusters and noisy releases are judged by the same tests: each only has to say its variance honestly.
//!
//! Absent: how often somebody looked. That is for the boundaries.

use crate::error::{Error, Result, at_least, open_range};
use crate::normal;
use crate::proportion::Proportion;

/// Below so many noisy events the normal approximation of a noisy proportion is poor.
const LEAST_NOISY_EVENTS: f64 = 30.0;

/// A value and its variance: finite, the variance 0 or more. The unit of the variance is the square of the value's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    value: f64,
    variance: f64,
}

/// A released row: a noisy count of events among a noisy count of trials.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoisyRow {
    /// Events, with noise; may be negative.
    pub num: f64,
    /// Trials, with noise; may be negative.
    pub den: f64,
    /// Standard deviation of the noise in `num`; 0 where it is exact.
    pub num_noise_stddev: f64,
    /// Standard deviation of the noise in `den`; 0 where it is exact.
    pub den_noise_stddev: f64,
}

impl Estimate {
    /// # Errors
    /// [`Error::OutOfRange`] unless `value` is finite and `0 <= variance < inf`.
    pub fn new(value: f64, variance: f64) -> Result<Self> {
        let value = open_range("estimate", value, f64::NEG_INFINITY, f64::INFINITY, "(-inf, inf)")?;
        let variance = at_least("variance", variance, 0.0, "[0, inf)")?;
        Ok(Self { value, variance })
    }

    /// A rate, with the variance `p (1 - p) / n` of independent trials.
    #[must_use]
    pub fn of_proportion(proportion: Proportion) -> Self {
        let rate = proportion.rate();
        Self { value: rate, variance: rate * (1.0 - rate) / proportion.trials() }
    }

    /// The mean of `n` independent values, from their sum and their sum of squares: variance `s^2 / n`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `n >= 2` and the sums are finite.
    pub fn of_mean(n: u64, sum: f64, sum_of_squares: f64) -> Result<Self> {
        let n = at_least("values", n as f64, 2.0, "[2, inf)")?;
        let spread = (sum_of_squares - sum * sum / n).max(0.0) / (n - 1.0);
        // The maximum of NaN and 0 is 0: the sums are asked themselves.
        at_least("sum of squares", sum_of_squares, 0.0, "[0, inf)")?;
        Self::new(sum / n, spread / n)
    }

    /// The rate over released rows, `p = N / D` with `N`, `D` the sums of their noisy counts.
    ///
    /// `V = (p (1 - p) D + sum (s_N^2 + p^2 s_D^2)) / D^2`: the trials' own chance, and the noise of every row that was
    /// added (delta method). A row that was suppressed is not a row of zeros: leave it out of both arms and add it
    /// once it is released. Trials count as independent; where tenants are assigned use
    /// [`cluster::buckets`](crate::cluster::buckets), which measures both.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless at least 30 noisy events were seen, among a positive number of trials, with noise
    /// of a finite standard deviation.
    pub fn of_noisy(rows: impl IntoIterator<Item = NoisyRow>) -> Result<Self> {
        let (mut num, mut den, mut num_noise, mut den_noise) = (0.0, 0.0, 0.0, 0.0);
        for row in rows {
            num += row.num;
            den += row.den;
            num_noise += at_least("noise stddev", row.num_noise_stddev, 0.0, "[0, inf)")?.powi(2);
            den_noise += at_least("noise stddev", row.den_noise_stddev, 0.0, "[0, inf)")?.powi(2);
        }
        let num = at_least("noisy events", num, LEAST_NOISY_EVENTS, "[30, inf)")?;
        let den = open_range("noisy trials", den, 0.0, f64::INFINITY, "(0, inf)")?;
        let rate = num / den;
        let chance = (rate * (1.0 - rate)).max(0.0) * den;
        Self::new(rate, (chance + num_noise + rate * rate * den_noise) / (den * den))
    }

    /// What was estimated.
    #[must_use]
    pub fn value(self) -> f64 {
        self.value
    }

    /// Its variance.
    #[must_use]
    pub fn variance(self) -> f64 {
        self.variance
    }

    /// `1 / variance`: the clock of the sequential tests.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the variance is 0 or too small to have an inverse: such counts say nothing of chance.
    pub fn information(self) -> Result<f64> {
        if self.variance.recip().is_finite() {
            return Ok(self.variance.recip());
        }
        Err(Error::OutOfRange { name: "variance", value: self.variance, allowed: "(0, inf)" })
    }

    /// `self - control`, for independent arms: the variances add.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if the difference is too great for a number.
    pub fn minus(self, control: Self) -> Result<Self> {
        Self::new(self.value - control.value, self.variance + control.variance)
    }

    /// `self / control - 1`, the relative lift of independent arms: `V = V_t / c^2 + V_c t^2 / c^4` (delta method).
    ///
    /// Good while the control lies many standard errors away from 0.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the control is 0.
    pub fn relative_to(self, control: Self) -> Result<Self> {
        let ratio = self.value / control.value;
        Self::new(ratio - 1.0, (self.variance + ratio * ratio * control.variance) / control.value.powi(2))
    }

    /// How many standard errors above `null`, for a test that looks once.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the variance is 0 or `null` is not finite.
    pub fn z(self, null: f64) -> Result<f64> {
        Ok(self.score(null)? / self.information()?.sqrt())
    }

    /// Two-sided p-value of the claim that the truth is `null`, for a test that looks once.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the variance is 0 or `null` is not finite.
    pub fn p_value(self, null: f64) -> Result<f64> {
        Ok(2.0 * normal::survival(self.z(null)?.abs()))
    }

    /// `S = (value - null) / variance`: under `null` about a Brownian motion at the time `1 / variance`.
    pub(crate) fn score(self, null: f64) -> Result<f64> {
        let null = open_range("null", null, f64::NEG_INFINITY, f64::INFINITY, "(-inf, inf)")?;
        Ok((self.value - null) * self.information()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    fn rate(num: u64, den: u64) -> Estimate {
        Estimate::of_proportion(Proportion::new(num, den).unwrap())
    }

    /// gbstats 0.8.0: the standard errors of its differences and lifts.
    #[test]
    fn variances_match_gbstats() {
        let stddev = |estimate: Result<Estimate>| estimate.unwrap().variance().sqrt();
        close(stddev(rate(1010, 10000).minus(rate(1000, 10000))), 0.004252046566066745, 1e-12, "difference");
        close(stddev(rate(1150, 10000).relative_to(rate(1000, 10000))), 0.04698936049788292, 1e-12, "lift");
        let control = Estimate::of_mean(5000, 61250.0, 812400.0).unwrap();
        let treatment = Estimate::of_mean(5100, 63400.0, 856900.0).unwrap();
        close(stddev(treatment.minus(control)), 0.07160842846325323, 1e-11, "means");
    }

    /// spotify-confidence 4.1.0: `ZTest.difference`.
    #[test]
    fn a_test_that_looks_once_matches_spotify_confidence() {
        let difference = rate(6030, 60000).minus(rate(6000, 60000)).unwrap();
        close(difference.p_value(0.0).unwrap(), 0.7730749200003597, 1e-12, "p");
    }

    #[test]
    fn noise_of_every_row_adds_to_the_variance() {
        let row = NoisyRow { num: 50.0, den: 200.0, num_noise_stddev: 0.0, den_noise_stddev: 0.0 };
        assert_eq!(Estimate::of_noisy([row, row]), Ok(rate(100, 400)));
        let noisy = NoisyRow { num_noise_stddev: 3.0, den_noise_stddev: 4.0, ..row };
        let expected = rate(100, 400).variance() + 2.0 * (9.0 + 16.0 / 16.0) / 160_000.0;
        close(Estimate::of_noisy([noisy, noisy]).unwrap().variance(), expected, 1e-14, "variance");
    }

    #[test]
    fn what_cannot_be_estimated_is_refused() {
        let row = NoisyRow { num: 29.0, den: 200.0, num_noise_stddev: 1.0, den_noise_stddev: 1.0 };
        assert!(Estimate::of_noisy([]).is_err() && Estimate::of_noisy([row]).is_err());
        for bad in [f64::NAN, -1.0, f64::INFINITY] {
            assert!(Estimate::of_noisy([NoisyRow { num: 40.0, num_noise_stddev: bad, ..row }]).is_err());
            assert!(Estimate::of_noisy([NoisyRow { num: 40.0, den: bad, ..row }]).is_err());
            assert!(Estimate::new(0.0, bad).is_err() && Estimate::of_mean(2, 1.0, bad).is_err());
        }
        assert!(Estimate::new(f64::NAN, 1.0).is_err() && Estimate::of_mean(1, 1.0, 1.0).is_err());
        assert!(Estimate::of_mean(2, f64::NAN, 1.0).is_err());
        assert!(rate(0, 9).information().is_err() && rate(0, 9).z(0.0).is_err());
        assert!(rate(3, 9).relative_to(rate(0, 9)).is_err() && rate(3, 9).z(f64::NAN).is_err());
    }
}
