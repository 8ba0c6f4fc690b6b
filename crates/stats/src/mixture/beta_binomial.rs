//! Sums of bounded steps.

use crate::beta::incomplete_beta;
use crate::error::{Result, open_range};
use crate::gamma::ln_binomial_density;
use crate::normal_mixture::Sides;

use super::Asked;

/// Between which values a step lies: `[-g, h]`. The variance of `t` of them is `g h t`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// How far down, above 0.
    pub g: f64,
    /// How far up, above 0.
    pub h: f64,
}

/// The sum that steps within `[-g, h]` of mean 0 (or less, one-sided) exceed at any time with probability `alpha`: the
/// beta-binomial mixture (Howard et al., propositions 7 and 8).
///
/// With `x = h / (g + h)` and the prior `a = r / (g (g + h))`, `b = r / (h (g + h))`, where `r = best / r(alpha) - g h`:
///
/// ```text
/// log e = F(a + (v - g s) / (g (g + h)), b + (v + h s) / (h (g + h))) - F(a, b)
/// F(a, b) = ln(B_x(a, b) / (x^a (1 - x)^b))          B_x the incomplete beta function, B_1 for two sides
/// ```
/// Exact for independent steps, whatever their distribution, and for martingales. No sum is greater than `v / g`.
///
/// # Errors
/// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 <= v < inf`, `0 < best < inf`, `g` and `h` lie in (0, inf),
/// `0 < alpha < 1`, or `< 0.5` for one side, and there are fewer than 1e12 steps of that variance.
pub fn beta_binomial_bound(steps: Steps, sides: Sides, v: f64, best: f64, alpha: f64) -> Result<f64> {
    let asked = Asked::new(sides, v, best, alpha)?;
    let g = open_range("g", steps.g, 0.0, f64::INFINITY, "(0, inf)")?;
    let h = open_range("h", steps.h, 0.0, f64::INFINITY, "(0, inf)")?;
    // As many steps as a count can be: beyond, the incomplete beta function takes for ever.
    open_range("steps", (v + asked.eta) / (g * h), 0.0, 1e12, "(0, 1e12)")?;
    let width = g + h;
    // A variance that a single step reaches leaves the prior next to nothing.
    let r = (asked.eta - g * h).max(1e-3 * g * h);
    let f = |a: f64, b: f64| {
        let (x, rest) = (h / width, g / width);
        let inside = if sides == Sides::One { incomplete_beta(a, b, x, rest).ln() } else { 0.0 };
        inside - ln_binomial_density(a, b, x, rest) - (a * b / (a + b)).ln()
    };
    let prior = f(r / (g * width), r / (h * width));
    let log_e = |s: f64| f((r + v - g * s) / (g * width), (r + v + h * s) / (h * width)) - prior;
    Ok(asked.bound(v / g, log_e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NormalMixture;
    use crate::score::tests::close;

    const STEPS: Steps = Steps { g: 0.1, h: 0.9 };

    fn bound(steps: Steps, sides: Sides, v: f64) -> f64 {
        beta_binomial_bound(steps, sides, v, 500.0, 0.05).unwrap()
    }

    /// confseq 0.0.11, `beta_binomial_mixture_bound`.
    #[test]
    fn the_bound_matches_confseq() {
        close(bound(STEPS, Sides::One, 900.0), 84.60768278502684, 1e-9, "bound");
    }

    /// Small steps are Gaussian in sum.
    #[test]
    fn of_small_steps_it_is_the_normal_mixture() {
        let small = Steps { g: 1e-3, h: 1e-3 };
        for (sides, v) in [(Sides::One, 300.0), (Sides::Two, 900.0)] {
            let normal = NormalMixture::new(sides, 500.0, 0.05).unwrap().boundary(v, 0.05).unwrap();
            close(bound(small, sides, v), normal, 1e-4, "bound");
        }
    }

    #[test]
    fn no_sum_passes_what_steps_can_reach() {
        assert_eq!(bound(STEPS, Sides::One, 0.0), 0.0);
        for v in [0.01, 1.0, 30.0, 1e6] {
            for sides in [Sides::One, Sides::Two] {
                let found = bound(STEPS, sides, v);
                assert!(0.0 < found && found <= v / STEPS.g, "{v}: {found}");
            }
        }
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let bound = |g, h, v, best, alpha| beta_binomial_bound(Steps { g, h }, Sides::One, v, best, alpha);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(bound(bad, 1.0, 1.0, 1.0, 0.05).is_err() && bound(1.0, bad, 1.0, 1.0, 0.05).is_err());
            assert!(bound(1.0, 1.0, 1.0, bad, 0.05).is_err());
        }
        assert!(bound(1.0, 1.0, 1e15, 1.0, 0.05).is_err() && bound(1e-9, 1.0, 1e6, 1.0, 0.05).is_err());
        assert!(bound(1.0, 1.0, -1.0, 1.0, 0.05).is_err() && bound(1.0, 1.0, 1.0, 1.0, 0.5).is_err());
    }
}
