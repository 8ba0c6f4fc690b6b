//! Where does an increasing function cross zero?

/// The crossing of `f` between `low` and `high`, where `f(low) <= 0 <= f(high)`, to the last digits of `f64`.
///
/// Inverse quadratic interpolation where it is safe, else bisection (T. R. Chandrupatla, Advances in Engineering
/// Software 28 (1997), 145-149).
pub(crate) fn crossing(f: impl Fn(f64) -> f64, low: f64, high: f64) -> f64 {
    let (mut a, mut b) = (low, high);
    let (mut f_a, mut f_b) = (f(a), f(b));
    let mut step = 0.5;
    loop {
        let x = a + step * (b - a);
        let f_x = f(x);
        let (c, f_c) = if (f_x > 0.0) == (f_a > 0.0) {
            (a, f_a)
        } else {
            let old = (b, f_b);
            (b, f_b) = (a, f_a);
            old
        };
        (a, f_a) = (x, f_x);
        let (best, f_best) = if f_a.abs() < f_b.abs() { (a, f_a) } else { (b, f_b) };
        let least = 2.0 * f64::EPSILON * best.abs().max(f64::MIN_POSITIVE) / (b - a).abs();
        // A function that is not a number somewhere ends the search as well.
        if f_best == 0.0 || least > 0.5 || least.is_nan() || f_x.is_nan() {
            return best;
        }
        let (xi, phi) = ((a - b) / (c - b), (f_a - f_b) / (f_c - f_b));
        step = if phi * phi < xi && (1.0 - phi) * (1.0 - phi) < 1.0 - xi {
            f_a / (f_b - f_a) * f_c / (f_b - f_c) + (c - a) / (b - a) * f_a / (f_c - f_a) * f_b / (f_c - f_b)
        } else {
            0.5
        };
        step = step.clamp(least, 1.0 - least);
    }
}

/// The `x > 0` at which a distribution has `target` of its mass below, or above.
///
/// `tails` gives the mass below and above `x`. The search runs over `ln x` and compares logarithms of the smaller
/// wanted tail, so that tiny probabilities keep their digits; it begins at `start`.
pub(crate) fn quantile(tails: impl Fn(f64) -> (f64, f64), target: Tail, start: f64) -> f64 {
    let excess = |u: f64| {
        let (lower, upper) = tails(u.exp());
        match target {
            Tail::Lower(p) => lower.max(f64::MIN_POSITIVE).ln() - p.ln(),
            Tail::Upper(q) => q.ln() - upper.max(f64::MIN_POSITIVE).ln(),
        }
    };
    let start = start.clamp(1e-300, 1e300).ln();
    let (mut low, mut high, mut reach) = (start - 0.1, start + 0.1, 0.2);
    while excess(low) > 0.0 && low > -700.0 {
        high = low;
        low -= reach;
        reach *= 2.0;
    }
    while excess(high) < 0.0 && high < 700.0 {
        low = high;
        high += reach;
        reach *= 2.0;
    }
    crossing(excess, low, high).exp()
}

/// How much of a distribution lies on which side, in (0, 1).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tail {
    Lower(f64),
    Upper(f64),
}

impl Tail {
    /// The same point, told by the side that holds at most half.
    pub(crate) fn smaller(self) -> Self {
        match self {
            Self::Lower(p) if p > 0.5 => Self::Upper(1.0 - p),
            Self::Upper(q) if q > 0.5 => Self::Lower(1.0 - q),
            tail => tail,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crossings_are_found_to_the_last_digits() {
        let check = |found: f64, expected: f64| assert!((found / expected - 1.0).abs() < 1e-14, "{found} {expected}");
        check(crossing(|x| x * x - 2.0, 0.0, 2.0), 2.0_f64.sqrt());
        check(crossing(|x| x.powi(9) - 1e-9, 0.0, 10.0), 0.1);
        check(crossing(|x| x.atan() - 1.0, -1e6, 1e6), 1.0_f64.tan());
        check(crossing(|x| if x < 3.0 { -1.0 } else { 1.0 }, 0.0, 10.0), 3.0);
    }

    #[test]
    fn a_function_that_is_no_number_ends() {
        assert!(crossing(|_| f64::NAN, 0.0, 1.0).is_finite());
    }
}
