//! Did a quantile grow by more than is acceptable? Asked as a proportion.
//!
//! "The p95 of latency rises by 10 % at most" says: at most 5 % of the treatment's requests take longer than 1.1 times
//! the control's p95. Those are counted, and a count needs neither a density nor an order: it adds over windows, can be
//! noised, and goes where every [`Estimate`] goes.

use crate::error::{Result, open_range};
use crate::estimate::Estimate;
use crate::proportion::Proportion;

/// What is judged, and where its threshold came from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileShare {
    /// Of the treatment's values those above the threshold: the acceptable factor times the control's quantile.
    pub above: Proportion,
    /// The quantile's level, in (0, 1): 0.95 for a p95.
    pub level: f64,
    /// Values that the control's quantile was taken from; nothing if the threshold is a fixed number.
    pub control: Option<u64>,
}

impl QuantileShare {
    /// The share above the threshold less the share that should be: the quantile is acceptable where it is below 0.
    ///
    /// `V = s (1 - s) / n + level (1 - level) / n_c` with `s` the share above. The second term is what the control's
    /// quantile itself owes to chance, where the treatment is the control stretched by just the acceptable factor: the
    /// density of one at the threshold is that of the other at its quantile, and cancels.
    ///
    /// **Validity.** Asymptotic, for independent values; some dozens of them above the threshold. With another shape at
    /// the threshold the second term is off by the square of the ratio of the densities.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < level < 1` and the control has values, if it has a
    /// say.
    pub fn excess(self) -> Result<Estimate> {
        let level = open_range("quantile level", self.level, 0.0, 1.0, "(0, 1)")?;
        let of_quantile = match self.control {
            Some(n) => level * (1.0 - level) / open_range("control values", n as f64, 0.0, f64::INFINITY, "(0, inf)")?,
            None => 0.0,
        };
        Estimate::of_proportion(self.above).minus(Estimate::new(1.0 - level, of_quantile)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    fn share(control: Option<u64>, level: f64) -> QuantileShare {
        QuantileShare { above: Proportion::new(60, 1000).unwrap(), level, control }
    }

    #[test]
    fn the_excess_by_hand() {
        let fixed = share(None, 0.95).excess().unwrap();
        close(fixed.value(), 0.01, 1e-12, "excess");
        close(fixed.variance(), 0.06 * 0.94 / 1000.0, 1e-12, "variance");
        let taken = share(Some(500), 0.95).excess().unwrap();
        close(taken.variance(), 0.06 * 0.94 / 1000.0 + 0.05 * 0.95 / 500.0, 1e-12, "variance");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert!(share(Some(0), 0.95).excess().is_err());
        for level in [0.0, 1.0, f64::NAN] {
            assert!(share(None, level).excess().is_err());
        }
    }
}
