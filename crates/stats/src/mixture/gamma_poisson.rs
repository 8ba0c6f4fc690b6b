//! Sums whose upper tails are those of Poisson counts.

use crate::error::Result;
use crate::gamma::{incomplete, ln_poisson_density};
use crate::normal_mixture::Sides;

use super::Asked;

/// The sum that sub-Poisson steps of scale `c` exceed at any time with probability `alpha`: the gamma-Poisson mixture
/// (Howard et al., proposition 10), for `ln E e^(l x) <= v (e^(c l) - c l - 1) / c^2`.
///
/// With `a = (v + eta) / c^2`, `y = a + s / c` and `k = eta / c^2`:
///
/// ```text
/// log e = G(y, a) - G(k, k)          G(y, a) = ln Q(y, a) - ln(a^y e^-a / gamma(y))
/// ```
/// where `Q` is the upper regularised incomplete gamma function. A Poisson count less its mean is such a sum with `c = 1`
/// and its mean as `v`: a count of rare events against the rate it should have.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 <= v < inf`, `0 < best < inf`, `0 < c < 1e150` and
/// `0 < alpha < 0.5`.
pub fn gamma_poisson_bound(c: f64, v: f64, best: f64, alpha: f64) -> Result<f64> {
    let asked = Asked::new(Sides::One, v, best, alpha)?;
    let c = asked.scale(c)?;
    let g = |y: f64, a: f64| incomplete(y, a).1.ln() - ln_poisson_density(y, a) - y.ln();
    let (k, a) = (asked.eta / (c * c), (v + asked.eta) / (c * c));
    let prior = g(k, k);
    Ok(asked.bound(f64::INFINITY, |s| g(a + s / c, a) - prior))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NormalMixture;
    use crate::score::tests::close;

    /// confseq 0.0.11, `gamma_poisson_mixture_bound`.
    #[test]
    fn the_bound_matches_confseq() {
        close(gamma_poisson_bound(1.0, 120.0, 60.0, 0.05).unwrap(), 31.899732427473282, 1e-9, "bound");
    }

    #[test]
    fn it_lies_between_the_normal_and_the_exponential_one() {
        let normal = NormalMixture::new(Sides::One, 60.0, 0.05).unwrap().boundary(120.0, 0.05).unwrap();
        let exponential = super::super::gamma_exponential_bound(1.0, 120.0, 60.0, 0.05).unwrap();
        let found = gamma_poisson_bound(1.0, 120.0, 60.0, 0.05).unwrap();
        assert!(normal < found && found < exponential, "{normal} {found} {exponential}");
        close(gamma_poisson_bound(1e-3, 120.0, 60.0, 0.05).unwrap(), normal, 1e-3, "small scale");
    }

    #[test]
    fn any_scale_and_variance_has_a_bound() {
        for (c, v) in [(1e-300, 1.0), (1e149, 1.0), (1.0, 1e300), (1.0, 0.0), (1e-9, 1e12)] {
            assert!(gamma_poisson_bound(c, v, 1.0, 0.05).unwrap() > 0.0, "{c} {v}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(gamma_poisson_bound(bad, 1.0, 1.0, 0.05).is_err());
            assert!(gamma_poisson_bound(1.0, 1.0, bad, 0.05).is_err());
        }
        assert!(gamma_poisson_bound(1.0, -1.0, 1.0, 0.05).is_err());
        assert!(gamma_poisson_bound(1.0, 1.0, 1.0, 0.0).is_err());
    }
}
