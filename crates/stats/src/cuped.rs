//! How much of a difference was there before the change?
//!
//! CUPED (A. Deng, Y. Xu, R. Kohavi and T. Walker, WSDM 2013): what a unit did before it was assigned explains a part of
//! what it does now, and that part is taken out.
//!
//! ```text
//! Delta = (y_t - y_c) - theta (x_t - x_c)        V = sum over arms of (V_y + theta^2 V_x - 2 theta Cov) / n
//! ```
//! with `theta = Cov(x, y) / Var(x)` over the units of both arms together. **Validity.** Asymptotic; `x` must have been
//! measured before assignment, else the change itself is taken out.

use crate::error::{Result, at_least, open_range};
use crate::estimate::Estimate;

/// Sums over the units of one arm: `y` is what is judged, `x` the same unit's value before assignment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Covariate {
    /// Units.
    pub n: u64,
    /// Sum of `y`.
    pub y: f64,
    /// Sum of `y^2`.
    pub y2: f64,
    /// Sum of `x`.
    pub x: f64,
    /// Sum of `x^2`.
    pub x2: f64,
    /// Sum of `x y`.
    pub xy: f64,
}

impl Covariate {
    /// `Cov(x, y) / Var(x)`.
    fn theta(self) -> Result<f64> {
        let n = self.n as f64;
        let spread = self.x2 - self.x * self.x / n;
        Ok((self.xy - self.x * self.y / n) / open_range("covariate variance", spread, 0.0, f64::INFINITY, "(0, inf)")?)
    }

    fn and(self, other: Self) -> Self {
        Self {
            n: self.n.saturating_add(other.n),
            y: self.y + other.y,
            y2: self.y2 + other.y2,
            x: self.x + other.x,
            x2: self.x2 + other.x2,
            xy: self.xy + other.xy,
        }
    }

    /// The mean of `y - theta x`.
    fn adjusted(self, theta: f64) -> Result<Estimate> {
        let sum_of_squares = self.y2 - 2.0 * theta * self.xy + theta * theta * self.x2;
        let sum_of_squares = open_range("sums", sum_of_squares, f64::NEG_INFINITY, f64::INFINITY, "(-inf, inf)")?;
        Estimate::of_mean(self.n, self.y - theta * self.x, sum_of_squares.max(0.0))
    }
}

/// The difference of the means of `y`, adjusted for `x`.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless each arm has two units, `x` varies and all sums are finite.
pub fn adjusted_difference(treatment: Covariate, control: Covariate) -> Result<Estimate> {
    let [treatment, control] = adjusted_means(treatment, control)?;
    treatment.minus(control)
}

/// The means of `y - theta x` of treatment and control, of which [`adjusted_difference`] is the difference.
///
/// # Errors
/// Those of [`adjusted_difference`].
pub fn adjusted_means(treatment: Covariate, control: Covariate) -> Result<[Estimate; 2]> {
    let theta = theta(treatment, control)?;
    Ok([treatment.adjusted(theta)?, control.adjusted(theta)?])
}

/// The slope of `y` over `x`, of both arms together.
///
/// # Errors
/// Those of [`adjusted_difference`].
pub fn theta(treatment: Covariate, control: Covariate) -> Result<f64> {
    for arm in [treatment, control] {
        at_least("units", arm.n as f64, 2.0, "[2, inf)")?;
    }
    treatment.and(control).theta()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    const CONTROL: Covariate = Covariate { n: 3000, y: 3100.0, y2: 9900.0, x: 3000.0, x2: 9600.0, xy: 8800.0 };
    const TREATMENT: Covariate = Covariate { n: 3010, y: 3320.0, y2: 10500.0, x: 3030.0, x2: 9700.0, xy: 9150.0 };

    /// gbstats 0.8.0, `RegressionAdjustedStatistic`.
    #[test]
    fn the_adjusted_difference_matches_gbstats() {
        close(theta(TREATMENT, CONTROL).unwrap(), 0.8685806351961081, 1e-12, "theta");
        let estimate = adjusted_difference(TREATMENT, CONTROL).unwrap();
        close(estimate.value(), 0.06388539998762255, 1e-12, "difference");
        close(estimate.variance().sqrt(), 0.019802306185660087, 1e-12, "standard error");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert!(adjusted_difference(TREATMENT, Covariate { n: 1, ..CONTROL }).is_err());
        let still = Covariate { n: 10, y: 5.0, y2: 4.0, x: 10.0, x2: 10.0, xy: 5.0 };
        assert!(adjusted_difference(still, still).is_err());
        for bad in [f64::NAN, f64::INFINITY] {
            assert!(adjusted_difference(TREATMENT, Covariate { y2: bad, ..CONTROL }).is_err());
            assert!(adjusted_difference(TREATMENT, Covariate { xy: bad, ..CONTROL }).is_err());
        }
    }
}
