//! How likely is Student's t at most x?
//!
//! `P(|T| > t) = I(df / (df + t^2); df / 2, 1 / 2)`, the regularised incomplete beta function, by the continued fraction
//! of DLMF 8.17.22 (Lentz's method) and Loader's binomial density. Held by the tests below, against values of scipy 1.17.

use crate::error::{Result, open_range};
use crate::gamma::binomial_density;
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

/// `P(|T| > |t|)`.
fn outside(t: f64, df: f64) -> f64 {
    if t.is_infinite() {
        return 0.0;
    }
    let square = t * t;
    beta(0.5 * df, 0.5, df / (df + square), square / (df + square))
}

/// `P(|T| <= |t|)`, exact near zero.
fn inside(t: f64, df: f64) -> f64 {
    let square = t * t;
    beta(0.5, 0.5 * df, square / (df + square), df / (df + square))
}

/// The regularised incomplete beta function `I(x; a, b)`, with `rest = 1 - x` given so that neither loses digits.
fn beta(a: f64, b: f64, x: f64, rest: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    if x <= 0.0 || rest <= 0.0 {
        return if x <= 0.0 { 0.0 } else { 1.0 };
    }
    // The fraction converges fast below the mean; above it the other tail is small.
    if x > (a + 1.0) / (a + b + 2.0) { 1.0 - lower_beta(b, a, rest, x) } else { lower_beta(a, b, x, rest) }
}

fn lower_beta(a: f64, b: f64, x: f64, rest: f64) -> f64 {
    // x^a (1 - x)^b / (a B(a, b)) is a binomial density of real arguments.
    let prefix = binomial_density(a, b, x, rest) * b / (a + b);
    (prefix * fraction(a, b, x)).min(1.0)
}

/// `1/(1+ d1/(1+ d2/(1+ ...)))`
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let nonzero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = nonzero(1.0 - (a + b) * x / (a + 1.0)).recip();
    let mut value = d;
    let mut m = 0.0;
    loop {
        m += 1.0;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let before = value;
        for coefficient in [even, odd] {
            d = nonzero(1.0 + coefficient * d).recip();
            c = nonzero(1.0 + coefficient / c);
            value *= c * d;
        }
        if (value - before).abs() <= f64::EPSILON * value.abs() {
            return value;
        }
    }
}

#[cfg(test)]
mod tests;
