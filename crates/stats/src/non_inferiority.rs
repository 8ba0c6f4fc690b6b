//! Is the treatment at most a margin worse than the control?
//!
//! A **fixed-horizon** test: its error rate holds when it is looked at once, at a sample size fixed before
//! any outcome was seen. Looking every day and stopping at the first good day makes it worthless; the
//! caller must hold it back until the horizon.
//!
//! It treats every trial as independent. Where trials come in clusters (tenants, users), the true variance
//! is larger and the error rate is not kept.

use crate::error::{Result, open_range};
use crate::normal;
use crate::proportion::Proportions;
use crate::score::{Contrast, statistic};

/// Which way is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// A rise is harm: errors, edits, refusals.
    LowerIsBetter,
    /// A fall is harm: completions, acceptances.
    HigherIsBetter,
}

/// How much worse is still acceptable, as a share in (0, 1).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Margin {
    /// Of `p_t - p_c`: 0.01 is one percentage point.
    Absolute(f64),
    /// Of the control's rate: 0.1 accepts `p_t < 1.1 p_c` where lower is better, `p_t > 0.9 p_c` where
    /// higher is. The control's true rate is meant, not the observed one: its uncertainty counts.
    Relative(f64),
}

impl Margin {
    /// The contrast this margin speaks about.
    #[must_use]
    pub fn contrast(self) -> Contrast {
        match self {
            Self::Absolute(_) => Contrast::Difference,
            Self::Relative(_) => Contrast::Ratio,
        }
    }

    /// The value of that contrast at which the treatment is just too bad: the edge of the null hypothesis.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless the margin lies in (0, 1).
    pub fn limit(self, direction: Direction) -> Result<f64> {
        let (Self::Absolute(share) | Self::Relative(share)) = self;
        let share = open_range("margin", share, 0.0, 1.0, "(0, 1)")?;
        let harm = match direction {
            Direction::LowerIsBetter => share,
            Direction::HigherIsBetter => -share,
        };
        Ok(match self {
            Self::Absolute(_) => harm,
            Self::Relative(_) => 1.0 + harm,
        })
    }
}

/// What the test says about both sides of the margin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NonInferiority {
    /// The score statistic at the margin, see [`score_z`](crate::score_z).
    pub z: f64,
    /// One-sided p-value of "at least the margin worse": small means non-inferior.
    pub p_value: f64,
    /// One-sided p-value of "at most the margin worse": small means harm. `1 - p_value`.
    pub p_value_harm: f64,
}

/// Tests H0 "the treatment is worse by the margin or more" against "by less than the margin".
///
/// With lower better, H0 is `p_t - p_c >= margin` and `p = cdf(z)`; with higher better, H0 is
/// `p_t - p_c <= -margin` and `p = cdf(-z)`.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless the margin lies in (0, 1).
///
/// ```
/// use tidegate_stats::{Direction, Margin, Proportion, Proportions, non_inferiority};
///
/// let arms = Proportions { treatment: Proportion::new(6030, 60000)?, control: Proportion::new(6000, 60000)? };
/// let answer = non_inferiority(arms, Direction::LowerIsBetter, Margin::Absolute(0.01))?;
/// assert!(answer.p_value < 0.05);
/// # Ok::<(), tidegate_stats::Error>(())
/// ```
pub fn non_inferiority(arms: Proportions, direction: Direction, margin: Margin) -> Result<NonInferiority> {
    let z = statistic(margin.contrast(), arms, margin.limit(direction)?);
    let (p_value, p_value_harm) = match direction {
        Direction::LowerIsBetter => (normal::cdf(z), normal::survival(z)),
        Direction::HigherIsBetter => (normal::survival(z), normal::cdf(z)),
    };
    Ok(NonInferiority { z, p_value, p_value_harm })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;
    use crate::interval::score_interval;
    use crate::score::tests::{arms, close};

    fn check(counts: (u64, u64, u64, u64), direction: Direction, margin: Margin) -> NonInferiority {
        let (x_t, n_t, x_c, n_c) = counts;
        non_inferiority(arms(x_t, n_t, x_c, n_c), direction, margin).unwrap()
    }

    /// z from mpmath 1.3.0 (see `score`), p from `erfc` in 30 digits.
    #[test]
    fn p_values_match_the_normal_distribution() {
        let one_pp = Margin::Absolute(0.01);
        let got = check((6030, 60000, 6000, 60000), Direction::LowerIsBetter, one_pp);
        close(got.z, -5.4744104563947245, 1e-11, "z");
        close(got.p_value, 2.1948526773996414e-08, 1e-9, "p");
        let got = check((6420, 60000, 6000, 60000), Direction::LowerIsBetter, one_pp);
        close(got.p_value, 0.0440416573129665, 1e-9, "p");
    }

    #[test]
    fn higher_is_better_is_the_mirror_of_lower_is_better() {
        let edits = check((6030, 60000, 6000, 60000), Direction::LowerIsBetter, Margin::Absolute(0.01));
        let kept = check((53970, 60000, 54000, 60000), Direction::HigherIsBetter, Margin::Absolute(0.01));
        close(kept.p_value, edits.p_value, 1e-8, "p");
        close(kept.z, -edits.z, 1e-10, "z");
    }

    #[test]
    fn more_harm_is_never_more_convincing() {
        for margin in [Margin::Absolute(0.02), Margin::Relative(0.2)] {
            let mut last = 0.0;
            for x_t in 0..=400 {
                let p = check((x_t, 400, 40, 400), Direction::LowerIsBetter, margin).p_value;
                assert!(p >= last, "{margin:?}: p falls to {p} at {x_t} hits");
                last = p;
            }
            assert!(last > 0.999);
        }
    }

    #[test]
    fn the_test_and_the_interval_agree() {
        let margin = Margin::Absolute(0.03);
        for x_t in 0..=120 {
            let arms = arms(x_t, 400, 40, 400);
            let test = non_inferiority(arms, Direction::LowerIsBetter, margin).unwrap();
            let interval = score_interval(Contrast::Difference, arms, 0.9).unwrap();
            assert_eq!(test.p_value < 0.05, interval.high < 0.03, "{x_t} hits");
            assert_eq!(test.p_value_harm < 0.05, interval.low > 0.03, "{x_t} hits");
        }
    }

    #[test]
    fn nothing_seen_convinces_nobody() {
        let got = check((0, 10, 0, 10), Direction::LowerIsBetter, Margin::Relative(0.1));
        assert_eq!((got.z, got.p_value, got.p_value_harm), (0.0, 0.5, 0.5));
    }

    #[test]
    fn margins_outside_the_open_unit_interval_are_refused() {
        for share in [0.0, 1.0, -0.01, f64::NAN, f64::INFINITY] {
            for margin in [Margin::Absolute(share), Margin::Relative(share)] {
                let got = non_inferiority(arms(1, 10, 1, 10), Direction::LowerIsBetter, margin);
                assert!(matches!(got, Err(Error::OutOfRange { name: "margin", .. })), "{margin:?}: {got:?}");
            }
        }
    }
}
