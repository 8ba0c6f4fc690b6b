//! Sums whose upper tails are exponential.

use crate::error::Result;
use crate::gamma::{incomplete, ln_poisson_density};
use crate::normal_mixture::Sides;

use super::Asked;

/// The sum that sub-exponential steps of scale `c` exceed at any time with probability `alpha`: the gamma-exponential
/// mixture (Howard et al., proposition 9). Such steps have `ln E e^(l x) <= v (-ln(1 - c l) - c l) / c^2` for
/// `0 <= l < 1 / c`.
///
/// With `a = (v + eta) / c^2`, `y = a + s / c` and `k = eta / c^2`:
///
/// ```text
/// log e = G(a, y) - G(k, k)          G(a, y) = ln P(a, y) - ln(y^a e^-y / gamma(a))
/// ```
/// where `P` is the regularised incomplete gamma function. Discrete Laplace noise of scale `b` is such a step
/// with `c = max(b, 1/2)` and the variance of the noise: a narrower one still steps by ones.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 <= v < inf`, `0 < best < inf`, `0 < c < 1e150` and
/// `0 < alpha < 0.5`.
pub fn gamma_exponential_bound(c: f64, v: f64, best: f64, alpha: f64) -> Result<f64> {
    let asked = Asked::new(Sides::One, v, best, alpha)?;
    let c = asked.scale(c)?;
    let g = |a: f64, y: f64| incomplete(a, y).0.ln() - ln_poisson_density(a, y) - a.ln();
    let (k, a) = (asked.eta / (c * c), (v + asked.eta) / (c * c));
    let prior = g(k, k);
    Ok(asked.bound(f64::INFINITY, |s| g(a, a + s / c) - prior))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NormalMixture;
    use crate::drift::Noise;
    use crate::score::tests::close;

    /// confseq 0.0.11, `gamma_exponential_mixture_bound`.
    #[test]
    fn the_bound_matches_confseq() {
        let found = gamma_exponential_bound(5.0, 5000.0, 2500.0, 0.05).unwrap();
        close(found, 211.79464745429755, 1e-9, "bound");
    }

    #[test]
    fn laplace_noise_is_sub_exponential() {
        for scale in [0.1, 0.2, 0.3, 0.5, 1.0, 5.0, 40.0] {
            let (noise, c) = (Noise::Laplace { scale }, scale.max(0.5));
            let variance = noise.stddev().unwrap().powi(2);
            for step in 1..100 {
                let cl = f64::from(step) / 100.0;
                let allowed = variance * (-(-cl).ln_1p() - cl) / (c * c);
                assert!(noise.log_mgf(cl / c).unwrap() <= allowed, "{scale} {cl}");
            }
        }
    }

    #[test]
    fn a_small_scale_is_the_normal_mixture_and_a_greater_one_costs_more() {
        let normal = NormalMixture::new(Sides::One, 2500.0, 0.05).unwrap().boundary(5000.0, 0.05).unwrap();
        let mut last = normal;
        for c in [1e-2, 0.1, 1.0, 10.0, 100.0] {
            let found = gamma_exponential_bound(c, 5000.0, 2500.0, 0.05).unwrap();
            assert!(found > last, "{c}: {found} after {last}");
            last = found;
        }
        close(gamma_exponential_bound(1e-2, 5000.0, 2500.0, 0.05).unwrap(), normal, 1e-3, "small scale");
    }

    #[test]
    fn any_scale_and_variance_has_a_bound() {
        for (c, v) in [(1e-300, 1.0), (1e149, 1.0), (1.0, 1e300), (1.0, 0.0), (1e-9, 1e12)] {
            assert!(gamma_exponential_bound(c, v, 1.0, 0.05).unwrap() > 0.0, "{c} {v}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(gamma_exponential_bound(bad, 1.0, 1.0, 0.05).is_err());
            assert!(gamma_exponential_bound(1.0, 1.0, bad, 0.05).is_err());
        }
        assert!(gamma_exponential_bound(1.0, f64::NAN, 1.0, 0.05).is_err());
        assert!(gamma_exponential_bound(1.0, 1.0, 1.0, 0.5).is_err());
    }
}
