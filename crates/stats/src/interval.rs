//! Between which values does a contrast of two proportions lie?
//!
//! - [`score_interval`]: every value the two-sided score test does not reject, found by bisection (Mee,
//!   Biometrics 40 (1984), 1168-1176; for the ratio Koopman, Biometrics 40 (1984), 513-517). It agrees
//!   with the test: a one-sided test at level a rejects a value exactly when the interval at level 1 - 2a
//!   leaves it out. [`miettinen_nurminen_interval`] differs by a factor that matters in small samples.
//! - [`newcombe_interval`]: Newcombe's hybrid of two Wilson intervals, in closed form (Statistics in
//!   Medicine 17 (1998), 873-890, method 10). A cross-check that shares no code with the score test.

use crate::error::{Result, open_range};
use crate::normal;
use crate::proportion::{Proportion, Proportions};
use crate::score::{Contrast, statistic};

/// A two-sided confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound; infinite for a ratio to a control without a hit.
    pub high: f64,
    /// Confidence level, in (0, 1).
    pub level: f64,
}

/// The score interval of a contrast.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < level < 1`.
pub fn score_interval(contrast: Contrast, arms: Proportions, level: f64) -> Result<Interval> {
    let critical = critical_value(level)?;
    Ok(Interval { low: crossing(contrast, arms, critical), high: crossing(contrast, arms, -critical), level })
}

/// Miettinen and Nurminen's interval of a contrast: [`score_interval`] with their variance factor `N / (N - 1)`, where `N`
/// are the trials of both arms (Statistics in Medicine 4 (1985), 213-226).
///
/// A little wider, and of no matter beyond a hundred trials.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < level < 1`.
pub fn miettinen_nurminen_interval(contrast: Contrast, arms: Proportions, level: f64) -> Result<Interval> {
    let total = arms.treatment.trials() + arms.control.trials();
    let critical = critical_value(level)? * (total / (total - 1.0)).sqrt();
    Ok(Interval { low: crossing(contrast, arms, critical), high: crossing(contrast, arms, -critical), level })
}

/// Newcombe's interval of `p_t - p_c`.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < level < 1`.
pub fn newcombe_interval(arms: Proportions, level: f64) -> Result<Interval> {
    let critical = critical_value(level)?;
    let (difference, p_t, p_c) = (arms.difference(), arms.treatment.rate(), arms.control.rate());
    let (low_t, high_t) = wilson(arms.treatment, critical);
    let (low_c, high_c) = wilson(arms.control, critical);
    Ok(Interval {
        low: difference - (p_t - low_t).hypot(high_c - p_c),
        high: difference + (high_t - p_t).hypot(p_c - low_c),
        level,
    })
}

/// Wilson's interval of one proportion: the `p` with `|rate - p| <= critical sqrt(p (1 - p) / n)`.
fn wilson(proportion: Proportion, critical: f64) -> (f64, f64) {
    let (rate, trials, square) = (proportion.rate(), proportion.trials(), critical * critical);
    let centre = rate + square / (2.0 * trials);
    let reach = critical * (rate * (1.0 - rate) / trials + square / (4.0 * trials * trials)).sqrt();
    let scale = 1.0 + square / trials;
    (((centre - reach) / scale).max(0.0), ((centre + reach) / scale).min(1.0))
}

/// The `z` that both tails leave `1 - level` outside of.
fn critical_value(level: f64) -> Result<f64> {
    let level = open_range("level", level, 0.0, 1.0, "(0, 1)")?;
    Ok(-normal::quantile((1.0 - level) / 2.0)?)
}

/// Where the statistic, which falls as the value grows, crosses `target`; the end of the scale if nowhere.
fn crossing(contrast: Contrast, arms: Proportions, target: f64) -> f64 {
    // The scale is walked as u in (0, 1): the difference is 2u - 1, the ratio u / (1 - u).
    let value = |u: f64| match contrast {
        Contrast::Difference => 2.0 * u - 1.0,
        Contrast::Ratio => u / (1.0 - u),
    };
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    loop {
        let middle = low.midpoint(high);
        if middle <= low || middle >= high || middle < f64::EPSILON {
            break;
        }
        if statistic(contrast, arms, value(middle)) > target { low = middle } else { high = middle }
    }
    // Closer to an end of the scale than f64 can say is the end.
    if high >= 1.0 {
        value(1.0)
    } else if low <= 0.0 {
        value(0.0)
    } else {
        value(low.midpoint(high))
    }
}

#[cfg(test)]
mod tests;
