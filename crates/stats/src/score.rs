//! How far do two proportions lie from a claimed contrast, in standard errors under that claim?
//!
//! ```text
//!            p_t - p_c - d                                 p_t - r p_c
//! z = -----------------------------        z = ------------------------------------
//!     sqrt(P_t Q_t/n_t + P_c Q_c/n_c)          sqrt(P_t Q_t/n_t + r^2 P_c Q_c/n_c)
//! ```
//! where `P_t`, `P_c` maximise the likelihood among all pairs with `P_t - P_c = d` (or `P_t = r P_c`): the
//! score statistics of Farrington and Manning, Statistics in Medicine 9 (1990), 1447-1454. The cubic for
//! the difference is that of Miettinen and Nurminen, Statistics in Medicine 4 (1985), 213-226, appendix;
//! their variance factor `N/(N-1)` is left out, as Mee (1984) and Farrington and Manning do.
//!
//! statsmodels up to 0.15.0 has a wrong linear coefficient in this cubic (its issue 10269) and so differs
//! from the third or fourth digit on; `tests` shows by how much, and that the wrong digit explains it.

use std::f64::consts::PI;

use crate::error::{Result, open_range};
use crate::proportion::Proportions;

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contrast {
    /// `p_t - p_c`, in (-1, 1).
    Difference,
    /// `p_t / p_c`, above 0. Tested as `p_t - r p_c`, so that the control's own uncertainty counts.
    Ratio,
}

/// The score statistic of the claim that the contrast equals `value`; 0 where the counts say nothing.
///
/// Large and positive: the contrast is above `value`. It falls as `value` grows.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) when no pair of proportions has that contrast.
pub fn score_z(contrast: Contrast, arms: Proportions, value: f64) -> Result<f64> {
    match contrast {
        Contrast::Difference => open_range("difference", value, -1.0, 1.0, "(-1, 1)"),
        Contrast::Ratio => open_range("ratio", value, 0.0, f64::INFINITY, "(0, inf)"),
    }?;
    Ok(statistic(contrast, arms, value))
}

/// [`score_z`] for a value known to be in range.
pub(crate) fn statistic(contrast: Contrast, arms: Proportions, value: f64) -> f64 {
    let (observed, treatment, control, weight) = match contrast {
        Contrast::Difference => {
            let control = restricted_by_difference(arms, value);
            (arms.difference() - value, control + value, control, 1.0)
        }
        Contrast::Ratio => {
            let control = restricted_by_ratio(arms, value);
            (arms.treatment.rate() - value * arms.control.rate(), value * control, control, value)
        }
    };
    if observed == 0.0 {
        return 0.0;
    }
    let variance = bernoulli_variance(treatment) / arms.treatment.trials()
        + weight * weight * bernoulli_variance(control) / arms.control.trials();
    observed / variance.sqrt()
}

fn bernoulli_variance(p: f64) -> f64 {
    (p * (1.0 - p)).max(0.0)
}

/// `P_c` that maximises the likelihood among all pairs with `P_t = P_c + d`: the middle root of the cubic
/// `l3 p^3 + l2 p^2 + l1 p + l0`, here divided by `N`.
pub(crate) fn restricted_by_difference(arms: Proportions, d: f64) -> f64 {
    let total = arms.treatment.trials() + arms.control.trials();
    let (n_t, n_c) = (arms.treatment.trials() / total, arms.control.trials() / total);
    let (x_t, x_c) = (arms.treatment.hits() / total, arms.control.hits() / total);
    let l2 = (n_t + 2.0 * n_c) * d - 1.0 - x_t - x_c;
    let l1 = (n_c * d - 1.0 - 2.0 * x_c) * d + x_t + x_c;
    let l0 = x_c * d * (1.0 - d);

    let (low, high) = ((-d).max(0.0), (1.0 - d).min(1.0));
    let root = middle_root(l2, l1, l0).clamp(low, high);
    polish(root, l2, l1, l0).clamp(low, high)
}

/// The trigonometric root of `p^3 + l2 p^2 + l1 p + l0` that lies between the other two.
fn middle_root(l2: f64, l1: f64, l0: f64) -> f64 {
    let q = (l2 / 3.0).powi(3) - l1 * l2 / 6.0 + l0 / 2.0;
    let p = ((l2 / 3.0).powi(2) - l1 / 3.0).max(0.0).sqrt().copysign(q);
    if p == 0.0 {
        return -l2 / 3.0;
    }
    let angle = (PI + (q / p.powi(3)).clamp(-1.0, 1.0).acos()) / 3.0;
    2.0 * p * angle.cos() - l2 / 3.0
}

/// Two Newton steps: `acos` near 1 and the sum above lose digits that small rates need.
fn polish(mut root: f64, l2: f64, l1: f64, l0: f64) -> f64 {
    for _ in 0..2 {
        let value = ((root + l2) * root + l1) * root + l0;
        let slope = (3.0 * root + 2.0 * l2) * root + l1;
        let step = value / slope;
        // A double root has no slope; there the closed form is as good as it gets.
        if !step.is_finite() || step.abs() > 1e-6 {
            return root;
        }
        root -= step;
    }
    root
}

/// `P_c` that maximises the likelihood among all pairs with `P_t = r P_c`: the smaller root of
/// `r N p^2 - (r (x_c + n_t) + x_t + n_c) p + x_t + x_c`, written without cancellation.
fn restricted_by_ratio(arms: Proportions, r: f64) -> f64 {
    let hits = arms.treatment.hits() + arms.control.hits();
    let square = r * (arms.treatment.trials() + arms.control.trials());
    let linear = r * (arms.control.hits() + arms.treatment.trials()) + arms.treatment.hits() + arms.control.trials();
    let root = (linear * linear - 4.0 * square * hits).max(0.0).sqrt();
    (2.0 * hits / (linear + root)).min(1.0).min(r.recip())
}

#[cfg(test)]
pub(crate) mod tests;
