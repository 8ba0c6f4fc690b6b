//! How far do two proportions lie from a claimed difference, if both arms are taken to have one rate?
//!
//! ```text
//! z = (p_t - p_c - d) / sqrt(p (1 - p) (1 / n_t + 1 / n_c))        p = (x_t + x_c) / (n_t + n_c)
//! ```
//! The two-sample z of the textbooks, and what many tools report for non-inferiority. **Validity.** A fixed horizon, many
//! hits and misses, and a small `d`: the variance is that of equal rates, which a claim `d` other than 0 denies. The score
//! statistic ([`score`](crate::score)) asks for the variance under the claim itself and is what gates use; this one is
//! there to be compared with.

use crate::error::{Error, Result, open_range};
use crate::non_inferiority::{Direction, Margin, NonInferiority};
use crate::normal;
use crate::proportion::Proportions;

/// Wald's statistic of the claim that `p_t - p_c` is `difference`, with pooled variance.
///
/// # Errors
/// [`Error::OutOfRange`] unless `-1 < difference < 1`, and when the pooled rate is 0 or 1: such counts say nothing of
/// chance.
pub fn pooled_z(arms: Proportions, difference: f64) -> Result<f64> {
    let difference = open_range("difference", difference, -1.0, 1.0, "(-1, 1)")?;
    let (treatment, control) = (arms.treatment, arms.control);
    let pooled = (treatment.hits() + control.hits()) / (treatment.trials() + control.trials());
    let pooled = open_range("pooled rate", pooled, 0.0, 1.0, "(0, 1)")?;
    let variance = pooled * (1.0 - pooled) * (treatment.trials().recip() + control.trials().recip());
    Ok((arms.difference() - difference) / variance.sqrt())
}

/// [`non_inferiority`](crate::non_inferiority()) by Wald's statistic. The margin is absolute.
///
/// # Errors
/// Those of [`pooled_z`], and [`Error::OutOfRange`] for a relative margin.
pub fn pooled_non_inferiority(arms: Proportions, direction: Direction, margin: Margin) -> Result<NonInferiority> {
    if let Margin::Relative(value) = margin {
        return Err(Error::OutOfRange {
            name: "relative margin",
            value,
            allowed: "an absolute one, with pooled variance",
        });
    }
    let z = pooled_z(arms, margin.limit(direction)?)?;
    let (below, above) = (normal::cdf(z), normal::survival(z));
    let (p_value, p_value_harm) = match direction {
        Direction::LowerIsBetter => (below, above),
        Direction::HigherIsBetter => (above, below),
    };
    Ok(NonInferiority { z, p_value, p_value_harm })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::{arms, close};

    /// statsmodels 0.15.0, `proportions_ztest(value=.01, alternative=smaller, prop_var=False)`.
    #[test]
    fn the_test_matches_statsmodels() {
        let arms = arms(6030, 60000, 6000, 60000);
        let test = pooled_non_inferiority(arms, Direction::LowerIsBetter, Margin::Absolute(0.01)).unwrap();
        close(test.z, -5.478745340899554, 1e-12, "z");
        close(test.p_value, 2.141761692467348e-08, 1e-10, "p");
    }

    #[test]
    fn higher_is_better_is_the_mirror() {
        let margin = Margin::Absolute(0.02);
        let lower = pooled_non_inferiority(arms(45, 400, 40, 400), Direction::LowerIsBetter, margin).unwrap();
        let higher = pooled_non_inferiority(arms(355, 400, 360, 400), Direction::HigherIsBetter, margin).unwrap();
        close(higher.p_value, lower.p_value, 1e-10, "p");
        close(higher.p_value_harm, lower.p_value_harm, 1e-10, "p of harm");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for counts in [arms(0, 5, 0, 5), arms(5, 5, 5, 5)] {
            assert!(pooled_z(counts, 0.0).is_err());
        }
        for bad in [1.0, -1.0, f64::NAN] {
            assert!(pooled_z(arms(1, 5, 2, 5), bad).is_err());
        }
        let relative = Margin::Relative(0.1);
        assert!(pooled_non_inferiority(arms(1, 5, 2, 5), Direction::LowerIsBetter, relative).is_err());
    }
}
