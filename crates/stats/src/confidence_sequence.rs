//! Between which values does the truth lie, however often one looks?
//!
//! Asymptotic confidence sequences (I. Waudby-Smith, D. Arbour, R. Sinha, E. Kennedy and A. Ramdas, Annals of
//! Statistics 52 (2024), 2613-2640, arXiv 2103.06476): the normal mixture of [`normal_mixture`](crate::normal_mixture)
//! over the score `S = (estimate - null) I`, in information time `I = 1 / V`.
//!
//! ```text
//! two-sided   half width = sqrt((I + eta) ln((I + eta) / (eta alpha^2))) / I                     equation 9
//! one-sided   half width = sqrt(2 (I + eta) ln(1 + sqrt((I + eta) / eta) / (2 alpha))) / I       equation 134
//! ```
//! With `N` rows of variance `V N` and `rho^2 = r / N*` these are the paper's, as `N rho^2 = I / eta`.
//!
//! **Validity.** With probability `1 - alpha` the truth is inside at every look at once, as looks begin late enough for
//! the estimate to be about normal and its variance to be about right. It asks for no plan of looks. It does ask that
//! the noise of a private release is in the variance ([`Estimate::of_noisy`]), that clusters are
//! ([`cluster`](crate::cluster)), and that allocation between arms does not change: after a change begin anew.

use crate::error::{Result, open_range};
use crate::estimate::Estimate;
use crate::interval::Interval;
use crate::normal;
use crate::normal_mixture::{NormalMixture, Sides};

/// A confidence sequence: its level, and where it is tightest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfidenceSequence {
    mixture: NormalMixture,
    alpha: f64,
}

impl ConfidenceSequence {
    /// A sequence of level `1 - alpha` that is tightest when the information has reached `planned`, in units of one
    /// over the square of the estimate's. Both are fixed before the data is seen.
    ///
    /// ```
    /// use tidegate_stats::{ConfidenceSequence, Estimate, Sides};
    ///
    /// let sequence = ConfidenceSequence::new(Sides::Two, 0.05, 10_000.0)?;
    /// let interval = sequence.interval(Estimate::new(0.02, 1e-4)?)?;
    /// assert!(interval.low < 0.0 && interval.high > 0.04);
    /// # Ok::<(), tidegate_stats::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < planned < inf` and `0 < alpha < 1`, or `< 0.5` for
    /// one side.
    pub fn new(sides: Sides, alpha: f64, planned: f64) -> Result<Self> {
        Ok(Self { mixture: NormalMixture::new(sides, planned, alpha)?, alpha })
    }

    /// The bounds at this look. Of a one-sided sequence each holds at level `1 - alpha` by itself: ask the upper one
    /// whether harm is excluded, the lower one whether there is harm; both together hold at `1 - 2 alpha`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) when the variance of the estimate is 0.
    pub fn interval(&self, estimate: Estimate) -> Result<Interval> {
        let information = estimate.information()?;
        let (boundary, level) = match self.mixture.sides() {
            Sides::Two => (self.mixture.two_sided_boundary(information, self.alpha), 1.0 - self.alpha),
            Sides::One => (self.mixture.one_sided_bound(information, self.alpha), 1.0 - 2.0 * self.alpha),
        };
        let half_width = boundary / information;
        Ok(Interval { low: estimate.value() - half_width, high: estimate.value() + half_width, level })
    }

    /// Logarithm of the e-value against `null`: that the truth differs from it or, one-sided, that it lies above.
    ///
    /// One-sided it is a little sharper than the closed form of [`ConfidenceSequence::interval`].
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) when the variance of the estimate is 0 or `null` is not finite.
    pub fn log_e_value(&self, estimate: Estimate, null: f64) -> Result<f64> {
        self.mixture.log_e_value(estimate.score(null)?, estimate.information()?)
    }

    /// The anytime-valid p-value `min(1, 1 / e)`.
    ///
    /// # Errors
    /// Those of [`ConfidenceSequence::log_e_value`].
    pub fn p_value(&self, estimate: Estimate, null: f64) -> Result<f64> {
        Ok((-self.log_e_value(estimate, null)?).exp().min(1.0))
    }
}

/// The information at which a one-sided sequence that is tightest there excludes a value `gap` away from the truth
/// with probability `power`: the greatest that a plan needs, since looks before may answer earlier.
///
/// `I = ((c + z) / gap)^2` with `c = sqrt(I)` half widths and `z` the normal quantile of `power`.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < gap < inf`, `0 < alpha < 0.5` and `0.5 <= power < 1`.
pub fn planned_information(gap: f64, alpha: f64, power: f64) -> Result<f64> {
    let gap = open_range("gap", gap, 0.0, f64::INFINITY, "(0, inf)")?;
    let power = open_range("power", power, 0.5_f64.next_down(), 1.0, "[0.5, 1)")?;
    // In units where the information is 1.
    let width = NormalMixture::new(Sides::One, 1.0, alpha)?.one_sided_bound(1.0, alpha);
    Ok(((width + normal::quantile(power)?) / gap).powi(2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Proportion;
    use crate::score::tests::close;

    fn difference(x_t: u64, x_c: u64, n: u64) -> Estimate {
        let rate = |x| Estimate::of_proportion(Proportion::new(x, n).unwrap());
        rate(x_t).minus(rate(x_c)).unwrap()
    }

    /// Information after `rows` of the `so_far` behind the estimate.
    fn sequence(sides: Sides, estimate: Estimate, rows: f64, so_far: f64) -> ConfidenceSequence {
        ConfidenceSequence::new(sides, 0.05, estimate.information().unwrap() * rows / so_far).unwrap()
    }

    /// gbstats 0.8.0 (two-sided) and its repository at 8f1db445 (one-sided), tuned to 5000 rows.
    #[test]
    fn intervals_match_gbstats() {
        let estimate = difference(1150, 1000, 10_000);
        let two_sided = sequence(Sides::Two, estimate, 5000.0, 20_000.0);
        let interval = two_sided.interval(estimate).unwrap();
        close(interval.low, 0.0013057034100168365, 1e-9, "low");
        close(interval.high, 0.02869429658998316, 1e-9, "high");
        close(two_sided.p_value(estimate, 0.0).unwrap(), 0.019395219955838743, 1e-9, "p");

        let estimate = difference(1010, 1000, 10_000);
        let interval = sequence(Sides::One, estimate, 5000.0, 20_000.0).interval(estimate).unwrap();
        close(interval.low, -0.011195705245618363, 1e-9, "lower bound");
        close(interval.high, 0.013195705245618364, 1e-9, "upper bound");
    }

    #[test]
    fn the_two_sided_interval_and_its_p_value_agree() {
        let estimate = difference(1150, 1000, 10_000);
        let two_sided = sequence(Sides::Two, estimate, 5000.0, 20_000.0);
        let Interval { low, high, .. } = two_sided.interval(estimate).unwrap();
        for edge in [low, high] {
            close(two_sided.p_value(estimate, edge).unwrap(), 0.05, 1e-9, "p at the edge");
        }
    }

    #[test]
    fn the_sequence_is_tightest_where_it_was_planned() {
        let width = |planned: f64| {
            let sequence = ConfidenceSequence::new(Sides::Two, 0.05, planned).unwrap();
            sequence.interval(Estimate::new(0.0, 1e-3).unwrap()).unwrap().high
        };
        assert!(width(1000.0) < width(900.0) && width(1000.0) < width(1100.0));
    }

    #[test]
    fn the_planned_information_is_where_the_answer_comes() {
        let information = planned_information(0.01, 0.05, 0.8).unwrap();
        let sequence = ConfidenceSequence::new(Sides::One, 0.05, information).unwrap();
        let unlucky = normal::quantile(0.8).unwrap() / information.sqrt();
        let estimate = Estimate::new(unlucky, information.recip()).unwrap();
        close(sequence.interval(estimate).unwrap().high, 0.01, 1e-12, "upper bound");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for bad in [0.0, 1.0, f64::NAN] {
            assert!(ConfidenceSequence::new(Sides::Two, bad, 1.0).is_err());
            assert!(planned_information(0.01, bad, 0.8).is_err() && planned_information(0.01, 0.05, bad).is_err());
        }
        assert!(planned_information(0.0, 0.05, 0.8).is_err());
        let sequence = ConfidenceSequence::new(Sides::One, 0.05, 1.0).unwrap();
        let certain = Estimate::new(0.0, 0.0).unwrap();
        assert!(sequence.interval(certain).is_err() && sequence.p_value(certain, 0.0).is_err());
    }
}
