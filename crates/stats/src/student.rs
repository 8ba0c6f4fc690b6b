//! How likely is Student's t at most x?
//!
//! `P(|T| > t) = I(df / (df + t^2); df / 2, 1 / 2)`, the regularised incomplete beta function. Held by the tests below,
//! against values of scipy 1.17.

use crate::beta::incomplete_beta;
use crate::error::{Result, at_least, open_range};
use crate::estimate::Estimate;
use crate::root::{self, Tail};

/// `P(T <= t)` with `df` degrees of freedom. `NaN` in, `NaN` out.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < df < 1e12`.
pub fn cdf(t: f64, df: f64) -> Result<f64> {
    let outside = two_sided(t, df)?;
    Ok(if t > 0.0 { 1.0 - 0.5 * outside } else { 0.5 * outside })
}

/// `P(|T| > |t|)`, exact in the tails: the two-sided p-value of `t`. `NaN` in, `NaN` out.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < df < 1e12`.
pub fn two_sided(t: f64, df: f64) -> Result<f64> {
    let df = open_range("degrees of freedom", df, 0.0, 1e12, "(0, 1e12)")?;
    Ok(outside(t, df))
}

/// The `t` with `cdf(t) = p`.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < p < 1` and `0 < df < 1e12`.
pub fn quantile(p: f64, df: f64) -> Result<f64> {
    let p = open_range("probability", p, 0.0, 1.0, "(0, 1)")?;
    let df = open_range("degrees of freedom", df, 0.0, 1e12, "(0, 1e12)")?;
    if p == 0.5 {
        return Ok(0.0);
    }
    // Told by |T|, whose outer mass is twice the smaller tail; 1 - p is exact for p above one half.
    let tail = Tail::Upper(2.0 * p.min(1.0 - p)).smaller();
    let distance = root::quantile(|t| (inside(t, df), outside(t, df)), tail, 1.0);
    Ok(if p > 0.5 { distance } else { -distance })
}

/// The degrees of freedom of the difference of two means of `units` each, whose variances differ:
/// `(V_t + V_c)^2 / (V_t^2 / (n_t - 1) + V_c^2 / (n_c - 1))` (B. Welch, Biometrika 34 (1947), 28-35).
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless each mean is of two units and one of them has a variance.
pub fn welch_df(means: [Estimate; 2], units: [u64; 2]) -> Result<f64> {
    let [treatment, control] = means.map(Estimate::variance);
    let mut spread = 0.0;
    for (variance, n) in [treatment, control].into_iter().zip(units) {
        spread += variance * variance / (at_least("units", n as f64, 2.0, "[2, inf)")? - 1.0);
    }
    let total = treatment + control;
    open_range("degrees of freedom", total * total / spread, 0.0, f64::INFINITY, "(0, inf): a variance is needed")
}

/// `P(|T| > |t|)`.
fn outside(t: f64, df: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    let square = t * t;
    incomplete_beta(0.5 * df, 0.5, df / (df + square), square / (df + square))
}

/// `P(|T| <= |t|)`, exact near zero.
fn inside(t: f64, df: f64) -> f64 {
    let square = t * t;
    incomplete_beta(0.5, 0.5 * df, square / (df + square), df / (df + square))
}

#[cfg(test)]
mod tests;
