//! How much of a gamma distribution lies below x, and how likely is a Poisson count?
//!
//! Both rest on Loader's saddle-point form of the Poisson density, which keeps its digits where the logarithms of
//! gamma functions would cancel (C. Loader, Fast and accurate computation of binomial probabilities, 2000):
//!
//! ```text
//! lambda^x e^-lambda / gamma(x + 1) = exp(-s(x) - d(x, lambda)) / sqrt(2 pi x)
//! s(x) = ln gamma(x + 1) - (x + 1/2) ln x + x - ln sqrt(2 pi)        d(x, m) = x ln(x / m) + m - x
//! ```

use std::f64::consts::TAU;

/// `lambda^x e^-lambda / gamma(x + 1)` for real `x >= 0` and `lambda >= 0`.
pub(crate) fn poisson_density(x: f64, lambda: f64) -> f64 {
    if lambda == 0.0 {
        return if x == 0.0 { 1.0 } else { 0.0 };
    }
    if x == 0.0 {
        return (-lambda).exp();
    }
    (-stirling_error(x) - deviance(x, lambda)).exp() / (TAU * x).sqrt()
}

/// The logarithm of [`poisson_density`] for `x > 0` and `lambda > 0`, where the density itself is too small for a number.
pub(crate) fn ln_poisson_density(x: f64, lambda: f64) -> f64 {
    -stirling_error(x) - deviance(x, lambda) - 0.5 * (TAU * x).ln()
}

/// `p^x q^y gamma(x + y + 1) / (gamma(x + 1) gamma(y + 1))` for real `x, y >= 0` and `p + q = 1`: the probability of `x`
/// successes and `y` failures.
pub(crate) fn binomial_density(x: f64, y: f64, p: f64, q: f64) -> f64 {
    if x == 0.0 || y == 0.0 {
        return if x == 0.0 { q.powf(y) } else { p.powf(x) };
    }
    let n = x + y;
    let error = stirling_error(n) - stirling_error(x) - stirling_error(y);
    (error - deviance(x, n * p) - deviance(y, n * q)).exp() * (n / (TAU * x * y)).sqrt()
}

/// The logarithm of [`binomial_density`] for `x, y > 0`.
pub(crate) fn ln_binomial_density(x: f64, y: f64, p: f64, q: f64) -> f64 {
    let n = x + y;
    let error = stirling_error(n) - stirling_error(x) - stirling_error(y);
    error - deviance(x, n * p) - deviance(y, n * q) + 0.5 * (n / (TAU * x * y)).ln()
}

/// `ln gamma(x)` for `x > 0`.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    stirling_error(x) + (x - 0.5) * x.ln() - x + 0.5 * TAU.ln()
}

/// `P(a, x)` and `Q(a, x) = 1 - P(a, x)`, the regularised incomplete gamma functions, for `a > 0` and `x >= 0`: each
/// accurate to its own last digits where it is the smaller one.
///
/// The series and the continued fraction of DLMF 8.7.1 and 8.9.2 (Lentz's method), each where it converges fast.
pub(crate) fn incomplete(a: f64, x: f64) -> (f64, f64) {
    if x <= 0.0 {
        return (0.0, 1.0);
    }
    if x.is_infinite() {
        return (1.0, 0.0);
    }
    let density = poisson_density(a, x);
    if x < a + 1.0 {
        let lower = (density * lower_series(a, x)).min(1.0);
        (lower, 1.0 - lower)
    } else {
        let upper = (density * a * upper_fraction(a, x)).min(1.0);
        (1.0 - upper, upper)
    }
}

/// `1 + x/(a+1) + x^2/((a+1)(a+2)) + ...`
fn lower_series(a: f64, x: f64) -> f64 {
    let (mut sum, mut term, mut next) = (1.0, 1.0, a);
    while term > sum * f64::EPSILON {
        next += 1.0;
        term *= x / next;
        sum += term;
    }
    sum
}

/// `1/(x+1-a- 1(1-a)/(x+3-a- 2(2-a)/(x+5-a- ...)))`
fn upper_fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let nonzero = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / nonzero(b);
    let mut fraction = d;
    let mut i = 0.0;
    loop {
        i += 1.0;
        let numerator = i * (a - i);
        b += 2.0;
        d = 1.0 / nonzero(numerator * d + b);
        c = nonzero(b + numerator / c);
        let factor = c * d;
        fraction *= factor;
        if (factor - 1.0).abs() <= f64::EPSILON {
            return fraction;
        }
    }
}

/// `s(x)` above, for `x > 0`.
fn stirling_error(x: f64) -> f64 {
    /// From here on five terms of Stirling's series (DLMF 5.11.1) have all digits.
    const FAR: f64 = 16.0;
    if x < FAR {
        return (x + 0.5) * x.recip().ln_1p() - 1.0 + stirling_error(x + 1.0);
    }
    let square = x * x;
    (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - (1.0 / 1680.0 - 1.0 / 1188.0 / square) / square) / square) / square)
        / x
}

/// `d(x, m)` above, for `x > 0` and `m > 0`.
fn deviance(x: f64, m: f64) -> f64 {
    let v = (x - m) / (x + m);
    if v.abs() >= 0.1 {
        return x * (x / m).ln() + m - x;
    }
    // ln(x / m) = 2 atanh(v): the first term is (x - m) v, the others fall by v^2 < 1/100.
    let (mut sum, mut power, mut odd) = ((x - m) * v, 2.0 * x * v, 1.0);
    loop {
        power *= v * v;
        odd += 2.0;
        let more = sum + power / odd;
        if more == sum {
            return sum;
        }
        sum = more;
    }
}

#[cfg(test)]
mod tests;
