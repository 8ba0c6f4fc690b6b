//! Do arms get the shares of units that they should?
//!
//! A sample ratio mismatch says that assignment or logging is broken, and no comparison means anything. It should be
//! found as soon as it shows: sequentially, against a Dirichlet mixture of all other shares (M. Lindon and A. Malek,
//! Anytime-valid inference for multinomial count data, NeurIPS 2022):
//!
//! ```text
//! log e = ln B(a + x) - ln B(a) - sum x_i ln theta_i        ln B(a) = sum ln gamma(a_i) - ln gamma(sum a_i)
//! ```
//! with `a_i = concentration theta_i`. **Validity.** Exact at every look and any size, for units that are assigned
//! independently with the shares `theta`; count units, not their events.

use crate::chi_square::ChiSquare;
use crate::error::{Error, Result, at_least, open_range};
use crate::estimate::Estimate;
use crate::gamma::ln_gamma;
use crate::interval::Interval;
use crate::root;

/// The shares that arms should have, and how close to them a mismatch is expected.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleRatio {
    shares: Vec<f64>,
    concentration: f64,
}

impl SampleRatio {
    /// `weights` are in proportion to the shares; a large `concentration` bets on small mismatches (100 is a usual
    /// choice, 1 knows nothing).
    ///
    /// # Errors
    /// [`Error::SingleBin`] for fewer than two arms, [`Error::OutOfRange`] unless weights are positive and finite and
    /// `0 < concentration < 1e9`.
    pub fn new(weights: &[f64], concentration: f64) -> Result<Self> {
        let (shares, concentration) = (shares(weights)?, checked_concentration(concentration)?);
        Ok(Self { shares, concentration })
    }

    /// Logarithm of the e-value against the shares, over all units so far, in the order of the weights. Its error is
    /// about 1e-14 times the number of units.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless there is a count for each weight.
    pub fn log_e_value(&self, counts: &[u64]) -> Result<f64> {
        one_for_each(counts, &self.shares)?;
        Ok(self.log_ratio(counts))
    }

    /// The anytime-valid p-value `min(1, 1 / e)`.
    ///
    /// # Errors
    /// Those of [`SampleRatio::log_e_value`].
    pub fn p_value(&self, counts: &[u64]) -> Result<f64> {
        Ok((-self.log_e_value(counts)?).exp().min(1.0))
    }

    /// Between which values the share of each arm lies, for all arms and looks at once with probability `1 - alpha`:
    /// the widest that any shares with an e-value below `1 / alpha` give it.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 < alpha < 1` and there is a count for each weight.
    pub fn intervals(&self, counts: &[u64], alpha: f64) -> Result<Vec<Interval>> {
        one_for_each(counts, &self.shares)?;
        let alpha = open_range("alpha", alpha, 0.0, 1.0, "(0, 1)")?;
        let total = counts.iter().map(|&count| count as f64).sum::<f64>();
        let log_best = |count: f64, of: f64| if count == 0.0 { 0.0 } else { count * (count / of).ln() };
        let threshold = log_marginal(&self.shares, self.concentration, counts) + alpha.ln();
        let interval = |(i, &count): (usize, &u64)| {
            let (count, rest) = (count as f64, total - count as f64);
            // The other arms share what is left as they were seen to: the likeliest way.
            let others = counts.iter().enumerate().filter(|&(j, _)| j != i);
            let others = others.map(|(_, &other)| log_best(other as f64, rest)).sum::<f64>();
            let excess = |share: f64| {
                let hits = if count == 0.0 { 0.0 } else { count * share.ln() };
                let misses = if rest == 0.0 { 0.0 } else { rest * (-share).ln_1p() };
                threshold - hits - misses - others
            };
            let best = if total == 0.0 { 0.5 } else { count / total };
            let low = if excess(0.0) > 0.0 { root::crossing(|share| -excess(share), 0.0, best) } else { 0.0 };
            let high = if excess(1.0) > 0.0 { root::crossing(excess, best, 1.0) } else { 1.0 };
            Interval { low, high, level: 1.0 - alpha }
        };
        Ok(counts.iter().enumerate().map(interval).collect())
    }

    /// [`SampleRatio::log_e_value`] for as many counts as shares.
    pub(crate) fn log_ratio(&self, counts: &[u64]) -> f64 {
        log_e_value(&self.shares, self.concentration, counts)
    }
}

/// Beyond this the logarithms of gamma functions cancel too many digits.
pub(crate) fn checked_concentration(concentration: f64) -> Result<f64> {
    open_range("concentration", concentration, 0.0, 1e9, "(0, 1e9)")
}

/// Logarithm of the e-value of `counts` against `shares`, as many of the one as of the other.
pub(crate) fn log_e_value(shares: &[f64], concentration: f64, counts: &[u64]) -> f64 {
    let likelihood = shares.iter().zip(counts).map(|(share, &count)| count as f64 * share.ln()).sum::<f64>();
    log_marginal(shares, concentration, counts) - likelihood
}

/// Of the order in which units came, averaged over the mixture: `ln B(a + x) - ln B(a)`.
fn log_marginal(shares: &[f64], concentration: f64, counts: &[u64]) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (share, &count) in shares.iter().zip(counts) {
        let prior = concentration * share;
        sum += ln_gamma(prior + count as f64) - ln_gamma(prior);
        total += count as f64;
    }
    sum - ln_gamma(concentration + total) + ln_gamma(concentration)
}

/// Pearson's test of the shares, for one look at the end: its p-value.
///
/// # Errors
/// [`Error::EmptySample`] without a unit, else those of [`SampleRatio::new`] and [`SampleRatio::log_e_value`].
pub fn chi2_p_value(counts: &[u64], weights: &[f64]) -> Result<f64> {
    let shares = shares(weights)?;
    one_for_each(counts, &shares)?;
    let total = counts.iter().map(|&count| count as f64).sum::<f64>();
    if total == 0.0 {
        return Err(Error::EmptySample);
    }
    let cells = shares.iter().zip(counts).map(|(share, &count)| (count as f64 - total * share, total * share));
    let x2 = cells.map(|(off, expected)| off * off / expected).sum::<f64>();
    Ok(ChiSquare::new(shares.len() as f64 - 1.0)?.survival(x2))
}

/// The share of the treatment's units among both arms' noisy counts, with the variance it has if the share is right:
/// `V = (theta (1 - theta) n + s^2 (theta^2 + (1 - theta)^2)) / n^2`.
///
/// `noise_variance` is that of each arm's count: the variance of one release times the number of those added up. Ask a
/// two-sided [`ConfidenceSequence`](crate::ConfidenceSequence) whether it contains `theta`; a test that ignores the
/// noise raises false alarms.
///
/// # Errors
/// [`Error::OutOfRange`] unless `0 < theta < 1`, the noise has a finite variance and the counts sum to more than 0.
pub fn noisy_share(treatment: f64, control: f64, theta: f64, noise_variance: f64) -> Result<Estimate> {
    let theta = open_range("share", theta, 0.0, 1.0, "(0, 1)")?;
    let noise_variance = at_least("noise variance", noise_variance, 0.0, "[0, inf)")?;
    let total = open_range("noisy units", treatment + control, 0.0, f64::INFINITY, "(0, inf)")?;
    let rest = 1.0 - theta;
    let variance = theta * rest * total + noise_variance * (theta * theta + rest * rest);
    Estimate::new(treatment / total, variance / (total * total))
}

fn shares(weights: &[f64]) -> Result<Vec<f64>> {
    if weights.len() < 2 {
        return Err(Error::SingleBin);
    }
    for &weight in weights {
        open_range("weight", weight, 0.0, f64::INFINITY, "(0, inf)")?;
    }
    let total = open_range("sum of weights", weights.iter().sum(), 0.0, f64::INFINITY, "(0, inf)")?;
    // Weights may be too far apart for shares.
    weights.iter().map(|weight| open_range("share", weight / total, 0.0, 1.0, "(0, 1)")).collect()
}

fn one_for_each(counts: &[u64], shares: &[f64]) -> Result<()> {
    if counts.len() == shares.len() {
        return Ok(());
    }
    Err(Error::OutOfRange { name: "counts", value: counts.len() as f64, allowed: "one for each weight" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    fn halves() -> SampleRatio {
        SampleRatio::new(&[1.0, 1.0], 100.0).unwrap()
    }

    /// savvi 0.3.1, `Multinomial`: its intervals come from a convex solver.
    #[test]
    fn e_values_and_intervals_match_savvi() {
        close(halves().log_e_value(&[5000, 5210]).unwrap(), -0.18126971059427882, 1e-8, "log e");
        close(halves().p_value(&[5000, 5410]).unwrap(), 0.0034478500994743117, 1e-8, "p");
        let intervals = halves().intervals(&[5000, 5410], 0.05).unwrap();
        close(intervals[0].low, 0.46423018466500177, 1e-4, "low");
        close(intervals[0].high, 0.49641184912525044, 1e-4, "high");
        close(intervals[1].low, 1.0 - intervals[0].high, 1e-12, "the other arm");
    }

    /// gbstats 0.8.0, `check_srm`.
    #[test]
    fn a_single_look_matches_gbstats() {
        close(chi2_p_value(&[95000, 5210], &[0.95, 0.05]).unwrap(), 0.0038326652290124026, 1e-10, "p");
    }

    /// Over all ways to assign six units to three arms, the e-value is 1 on average.
    #[test]
    fn e_values_have_a_mean_of_one() {
        let shares = [0.2, 0.3, 0.5];
        let ratio = SampleRatio::new(&shares, 3.0).unwrap();
        let mean = (0..3_usize.pow(6)).map(|code| {
            let arms = (0..6).map(|unit| code / 3_usize.pow(unit) % 3);
            let (mut counts, mut chance) = ([0; 3], 1.0);
            for arm in arms {
                counts[arm] += 1;
                chance *= shares[arm];
            }
            chance * ratio.log_e_value(&counts).unwrap().exp()
        });
        close(mean.sum(), 1.0, 1e-12, "mean");
    }

    #[test]
    fn an_interval_ends_where_its_share_would_be_found() {
        let counts = [40, 0, 200];
        for (i, interval) in halves_of_three().intervals(&counts, 0.05).unwrap().iter().enumerate() {
            assert!(interval.low <= counts[i] as f64 / 240.0 && interval.high >= counts[i] as f64 / 240.0);
            assert!(interval.high < 1.0 && (counts[i] == 0) == (interval.low == 0.0), "{interval:?}");
        }
        let nothing = halves_of_three().intervals(&[0, 0, 0], 0.05).unwrap();
        assert!(nothing.iter().all(|interval| (interval.low, interval.high) == (0.0, 1.0)));
    }

    fn halves_of_three() -> SampleRatio {
        SampleRatio::new(&[1.0, 1.0, 2.0], 10.0).unwrap()
    }

    #[test]
    fn noise_widens_the_variance_of_a_share() {
        let exact = noisy_share(500.0, 500.0, 0.5, 0.0).unwrap();
        close(exact.variance(), 0.25 / 1000.0, 1e-14, "exact");
        let noisy = noisy_share(500.0, 500.0, 0.5, 100.0).unwrap();
        close(noisy.variance(), (250.0 + 50.0) / 1e6, 1e-14, "noisy");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert_eq!(SampleRatio::new(&[1.0], 1.0), Err(Error::SingleBin));
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(SampleRatio::new(&[1.0, bad], 1.0).is_err() && SampleRatio::new(&[1.0, 1.0], bad).is_err());
            assert!(noisy_share(1.0, bad - 1.0, 0.5, 0.0).is_err() && noisy_share(1.0, 1.0, bad, 0.0).is_err());
        }
        assert!(SampleRatio::new(&[1e-300, 1e300], 1.0).is_err() && SampleRatio::new(&[1.0, 1.0], 1e9).is_err());
        assert!(halves().log_e_value(&[1]).is_err() && halves().intervals(&[1, 2, 3], 0.05).is_err());
        assert!(halves().intervals(&[1, 2], 0.0).is_err());
        assert_eq!(chi2_p_value(&[0, 0], &[1.0, 1.0]), Err(Error::EmptySample));
    }
}
