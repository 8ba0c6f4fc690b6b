//! How much of a beta distribution lies below x?
//!
//! The continued fraction of DLMF 8.17.22 (Lentz's method) and Loader's binomial density. Held by the tests of `student`.

use crate::gamma::binomial_density;

/// The regularised incomplete beta function `I(x; a, b)`, with `rest = 1 - x` given so that neither loses digits.
pub(crate) fn incomplete_beta(a: f64, b: f64, x: f64, rest: f64) -> f64 {
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
