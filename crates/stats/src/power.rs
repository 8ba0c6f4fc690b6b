//! How many events does an arm need before the test can answer?
//!
//! ```text
//! n per arm = (z(1 - alpha) + z(power))^2 (p_t q_t + p_c q_c) / gap^2
//! ```
//! with `gap` the way from the expected contrast to the margin: the textbook formula for two means with
//! known variances (Julious, Statistics in Medicine 23 (2004), 1921-1986, non-inferiority of proportions).
//! A plan, not a promise: it takes the variance at the expected rates, not at the margin.

use crate::error::{Result, open_range};
use crate::non_inferiority::{Direction, Margin};
use crate::normal;

/// What a plan assumes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampleSize {
    /// The rate both arms are expected to have, in (0, 1): a treatment that changes nothing.
    pub rate: f64,
    /// Which way is worse.
    pub direction: Direction,
    /// What is still acceptable.
    pub margin: Margin,
    /// One-sided error rate, in (0, 1).
    pub alpha: f64,
    /// Wanted probability of an answer, in (0, 1).
    pub power: f64,
}

/// Events per arm so that the non-inferiority test passes with the wanted power if the arms are alike.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) when a field lies outside its range.
pub fn events_per_arm(plan: SampleSize) -> Result<u64> {
    Ok(planned_events(plan)?.ceil() as u64)
}

/// [`events_per_arm`] before it is rounded up: both arms together need twice as many, rounded once.
///
/// # Errors
/// Those of [`events_per_arm`].
pub fn planned_events(plan: SampleSize) -> Result<f64> {
    let rate = open_range("rate", plan.rate, 0.0, 1.0, "(0, 1)")?;
    let limit = plan.margin.limit(plan.direction)?;
    let (variance, gap) = match plan.margin {
        Margin::Absolute(_) => (2.0 * rate * (1.0 - rate), limit),
        // p_t - r p_c has expectation (1 - r) p and variance (1 + r^2) p q / n.
        Margin::Relative(_) => ((1.0 + limit * limit) * rate * (1.0 - rate), (1.0 - limit) * rate),
    };
    per_arm(variance, gap, plan.alpha, plan.power)
}

/// Units per arm so that a one-sided test of a difference of means finds a `gap` with the wanted power, where one unit
/// has the given `variance` in either arm: `n = 2 (z_alpha + z_power)^2 variance / gap^2`.
///
/// Times [`group_sequential::inflation`](crate::group_sequential::inflation) for a test that looks often; with
/// [`planned_information`](crate::planned_information) for one that looks always, `n = 2 variance information`.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `gap` and `variance` lie in (0, inf), and `alpha` and `power`
/// in (0, 1).
pub fn units_per_arm(gap: f64, variance: f64, alpha: f64, power: f64) -> Result<u64> {
    Ok(planned_units(gap, variance, alpha, power)?.ceil() as u64)
}

/// [`units_per_arm`] before it is rounded up.
///
/// # Errors
/// Those of [`units_per_arm`].
pub fn planned_units(gap: f64, variance: f64, alpha: f64, power: f64) -> Result<f64> {
    let gap = open_range("gap", gap, 0.0, f64::INFINITY, "(0, inf)")?;
    let variance = open_range("variance", variance, 0.0, f64::INFINITY, "(0, inf)")?;
    per_arm(2.0 * variance, gap, alpha, power)
}

/// `variance` is that of one event of each arm together.
fn per_arm(variance: f64, gap: f64, alpha: f64, power: f64) -> Result<f64> {
    let alpha = open_range("alpha", alpha, 0.0, 1.0, "(0, 1)")?;
    let power = open_range("power", power, 0.0, 1.0, "(0, 1)")?;
    let z = (normal::quantile(power)? - normal::quantile(alpha)?).max(0.0);
    Ok(z * z * variance / (gap * gap))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::{arms, close};
    use crate::{non_inferiority, normal::quantile};

    const PLAN: SampleSize = SampleSize {
        rate: 0.1,
        direction: Direction::LowerIsBetter,
        margin: Margin::Absolute(0.01),
        alpha: 0.05,
        power: 0.8,
    };

    /// statsmodels 0.15.0: `NormalIndPower().solve_power(effect=.02/.3, alpha=.05, power=.8, alternative=larger)`
    /// as recorded, with effect 1/30 and unit variances.
    #[test]
    fn the_formula_matches_statsmodels() {
        close(per_arm(2.0, 0.03333333333333333, 0.05, 0.8).unwrap(), 11128.603016988904, 1e-9, "n");
    }

    /// spotify-confidence 4.1.0: `SampleSize.binomial(.01, .10, alpha=.05, power=.8)` is 28256 in both arms
    /// together, two-sided; `SampleSize.continuous(2, 400, alpha=.05, power=.9)` is 4203.
    #[test]
    fn the_formula_matches_spotify_confidence() {
        assert_eq!(events_per_arm(SampleSize { alpha: 0.025, ..PLAN }).unwrap() * 2, 28256);
        assert_eq!((per_arm(800.0, 2.0, 0.025, 0.9).unwrap() * 2.0).ceil(), 4203.0);
        assert_eq!(units_per_arm(2.0, 400.0, 0.025, 0.9), Ok(2102));
    }

    #[test]
    fn a_relative_margin_of_a_tenth_needs_about_what_one_point_of_ten_needs() {
        let absolute = events_per_arm(PLAN).unwrap();
        let relative = events_per_arm(SampleSize { margin: Margin::Relative(0.1), ..PLAN }).unwrap();
        assert!(absolute < relative && relative < absolute * 12 / 10, "{absolute} {relative}");
    }

    #[test]
    fn the_planned_size_is_where_the_test_starts_to_answer() {
        let n = events_per_arm(PLAN).unwrap();
        // The worst observed difference that still passes lies z(power) standard errors above no change.
        let unlucky = quantile(0.8).unwrap() * (2.0 * 0.09 / n as f64).sqrt();
        let hits = |share: f64| (share * n as f64).round() as u64;
        let test = |shift: f64| {
            let arms = arms(hits(0.1 + shift), n, hits(0.1), n);
            non_inferiority(arms, PLAN.direction, PLAN.margin).unwrap().p_value
        };
        assert!(test(unlucky * 0.95) < 0.05);
        assert!(test(unlucky * 1.05) > 0.05);
    }

    #[test]
    fn plans_that_mean_nothing_are_refused() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(units_per_arm(bad, 1.0, 0.05, 0.8).is_err() && units_per_arm(1.0, bad, 0.05, 0.8).is_err());
        }
        for bad in [0.0, 1.0, -1.0, f64::NAN] {
            assert!(events_per_arm(SampleSize { rate: bad, ..PLAN }).is_err());
            assert!(units_per_arm(1.0, 1.0, bad, 0.8).is_err() && units_per_arm(1.0, 1.0, 0.05, bad).is_err());
            assert!(events_per_arm(SampleSize { alpha: bad, ..PLAN }).is_err());
            assert!(events_per_arm(SampleSize { power: bad, ..PLAN }).is_err());
            assert!(events_per_arm(SampleSize { margin: Margin::Absolute(bad), ..PLAN }).is_err());
        }
    }
}
