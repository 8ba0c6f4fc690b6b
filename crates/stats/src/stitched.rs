//! How far may a sum wander by chance, if nobody says when the answer is wanted?
//!
//! Mixtures are tightest at one variance and grow as `sqrt(v ln v)`. Bounds of ever longer epochs, stitched together, grow
//! as `sqrt(v ln ln v)`, the slowest there is (the law of the iterated logarithm): S. Howard et al., Annals of Statistics
//! 49 (2021), 1055-1080, theorem 1, with epochs that double and error `1 / k^1.4` for the `k`-th.
//!
//! ```text
//! l = 1.4 ln ln(2 v / least) + ln(zeta(1.4) / (alpha ln(2)^1.4))
//! bound = sqrt(k1^2 v l + (k2 c l)^2) + k2 c l        k1 = (2^(1/4) + 2^(-1/4)) / sqrt 2        k2 = (sqrt 2 + 1) / 2
//! ```
//! **Validity.** Exact at every look for sums whose steps are sub-gamma with scale `c`; `c = 0` for Gaussian ones and for
//! those within a range. Where a plan says how much information comes, a normal mixture is tighter.

use crate::error::{Result, at_least, open_range};

/// `ln(zeta(1.4) / ln(2)^1.4)`, by mpmath 1.3.
const LOG_EPOCHS: f64 = 1.646_308_045_662_946_6;

/// The sum that is exceeded at any time with probability `alpha` at most, at the variance `v` so far; below `least` it is
/// that of `least`.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 <= v < inf`, `0 < least < inf`, `0 <= c < inf` and
/// `0 < alpha < 1`.
pub fn stitched_bound(v: f64, least: f64, c: f64, alpha: f64) -> Result<f64> {
    let v = at_least("variance", v, 0.0, "[0, inf)")?;
    let least = open_range("least variance", least, 0.0, f64::INFINITY, "(0, inf)")?;
    let c = at_least("c", c, 0.0, "[0, inf)")?;
    let alpha = open_range("alpha", alpha, 0.0, 1.0, "(0, 1)")?;
    let v = v.max(least);
    let log = 1.4 * (2.0 * (v / least)).ln().ln() + LOG_EPOCHS - alpha.ln();
    let k1 = (2.0_f64.powf(0.25) + 2.0_f64.powf(-0.25)) * std::f64::consts::FRAC_1_SQRT_2;
    let heavy = 0.5 * (std::f64::consts::SQRT_2 + 1.0) * c * log;
    Ok((k1 * k1 * v * log).sqrt().hypot(heavy) + heavy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;
    use crate::{NormalMixture, Sides};

    /// confseq 0.0.11, `poly_stitching_bound` with `c = 0, s = 1.4, eta = 2`.
    #[test]
    fn the_bound_matches_confseq() {
        close(stitched_bound(1000.0, 10.0, 0.0, 0.05).unwrap(), 119.89978894413399, 1e-12, "bound");
    }

    #[test]
    fn it_wins_in_the_long_run_only() {
        let normal = NormalMixture::new(Sides::One, 100.0, 0.05).unwrap();
        let wins = |v: f64| stitched_bound(v, 10.0, 0.0, 0.05).unwrap() < normal.boundary(v, 0.05).unwrap();
        assert!(!wins(100.0) && !wins(1e4) && wins(1e12));
    }

    #[test]
    fn it_never_falls_and_a_heavier_tail_costs_more() {
        let bound = |v, c| stitched_bound(v, 10.0, c, 0.05).unwrap();
        assert_eq!(bound(0.0, 0.0), bound(10.0, 0.0));
        for v in [10.0, 100.0, 1e9] {
            assert!(bound(v, 0.0) < bound(2.0 * v, 0.0) && bound(v, 0.0) < bound(v, 1.0));
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert!(stitched_bound(f64::NAN, 1.0, 0.0, 0.05).is_err() && stitched_bound(1.0, 0.0, 0.0, 0.05).is_err());
        assert!(stitched_bound(1.0, 1.0, -1.0, 0.05).is_err() && stitched_bound(1.0, 1.0, 0.0, 1.0).is_err());
    }
}
