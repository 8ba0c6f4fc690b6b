//! How far may a sum wander by chance, whenever somebody looks?
//!
//! A sum `S` whose variance so far is `v` (a Brownian motion, or a martingale that behaves like one) is bet on by a
//! normal mixture of likelihood ratios: the mSPRT of H. Robbins (Annals of Mathematical Statistics 41 (1970),
//! 1397-1409), with one free number `eta` that says at which `v` the boundary is tightest.
//!
//! ```text
//! two-sided   log e = ln(eta / (v + eta)) / 2 + S^2 / (2 (v + eta))
//! one-sided   log e = ln 2 + (two-sided) + ln cdf(S / sqrt(v + eta))      the normal cut at 0
//! ```
//! Under the null `e` is 1 on average at the beginning and never grows on average, so that it exceeds `1 / alpha` at any
//! time with probability `alpha` at most (J. Ville, 1939). Exact for Gaussian sums; for others as good as their normal
//! approximation at the first look. Formulas as in S. Howard et al., Annals of Statistics 49 (2021), 1055-1080,
//! propositions 5 and 6; values in the tests are those of their library `confseq`.

use crate::error::{Result, at_least, open_range};
use crate::{normal, root};

/// Which wanderings count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sides {
    /// Upwards only.
    One,
    /// Upwards and downwards.
    Two,
}

/// A normal mixture with its tuning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NormalMixture {
    sides: Sides,
    eta: f64,
}

impl NormalMixture {
    /// The mixture whose boundary of level `alpha` is tightest at the variance `best`: `eta = best / r(alpha)` with
    /// `r(a) = -2 ln a + ln(1 - 2 ln a)`, and `r(2 alpha)` for one side.
    ///
    /// `best` must be fixed before the data is seen. It decides how early an answer may come, not whether it is right.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < best < inf` and `0 < alpha < 1`, or `< 0.5` for one
    /// side.
    pub fn new(sides: Sides, best: f64, alpha: f64) -> Result<Self> {
        let best = open_range("best variance", best, 0.0, f64::INFINITY, "(0, inf)")?;
        Ok(Self { sides, eta: best / tightness(sides, alpha)? })
    }

    /// `eta`, in units of `v`.
    #[must_use]
    pub fn eta(&self) -> f64 {
        self.eta
    }

    /// Which wanderings count.
    #[must_use]
    pub fn sides(&self) -> Sides {
        self.sides
    }

    /// Logarithm of the e-value of a sum `s` whose variance so far is `v`; one-sided, only a positive `s` is evidence.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `s` is finite and `0 <= v < inf`.
    pub fn log_e_value(&self, s: f64, v: f64) -> Result<f64> {
        let s = open_range("sum", s, f64::NEG_INFINITY, f64::INFINITY, "(-inf, inf)")?;
        let v = at_least("variance", v, 0.0, "[0, inf)")?;
        Ok(self.log_mixture(s, v))
    }

    /// The sum at which the e-value reaches `1 / alpha`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 <= v < inf` and `alpha` lies in its range (see
    /// [`NormalMixture::new`]).
    pub fn boundary(&self, v: f64, alpha: f64) -> Result<f64> {
        let v = at_least("variance", v, 0.0, "[0, inf)")?;
        let alpha = level(self.sides, alpha)?;
        Ok(match self.sides {
            Sides::Two => self.two_sided_boundary(v, alpha),
            Sides::One => {
                let excess = |s: f64| self.log_mixture(s, v) + alpha.ln();
                root::crossing(excess, 0.0, self.one_sided_bound(v, alpha))
            }
        })
    }

    /// A closed form that lies a little above the one-sided boundary: equation 134 of Waudby-Smith et al., see
    /// [`confidence_sequence`](crate::confidence_sequence).
    pub(crate) fn one_sided_bound(&self, v: f64, alpha: f64) -> f64 {
        let total = v + self.eta;
        (2.0 * total * ((total / self.eta).sqrt() / (2.0 * alpha)).ln_1p()).sqrt()
    }

    pub(crate) fn two_sided_boundary(&self, v: f64, alpha: f64) -> f64 {
        let total = v + self.eta;
        (total * ((total / self.eta).ln() - 2.0 * alpha.ln())).sqrt()
    }

    fn log_mixture(&self, s: f64, v: f64) -> f64 {
        let total = v + self.eta;
        let x = s / total.sqrt();
        let prior = 0.5 * (self.eta / total).ln();
        match self.sides {
            Sides::Two => prior + 0.5 * x * x,
            Sides::One => prior + std::f64::consts::LN_2 + log_half_mixture(x),
        }
    }
}

/// `x^2 / 2 + ln cdf(x)`.
fn log_half_mixture(x: f64) -> f64 {
    /// Below this the two terms would cancel and then run out of the range of numbers.
    const FAR: f64 = -30.0;
    if x > FAR {
        return 0.5 * x * x + normal::cdf(x).ln();
    }
    // Mills' ratio is at least |x| / (1 + x^2): on the side that claims less.
    (-x / (1.0 + x * x)).ln() - 0.5 * std::f64::consts::TAU.ln()
}

/// `r` of [`NormalMixture::new`]: the best variance in units of `eta`.
pub(crate) fn tightness(sides: Sides, alpha: f64) -> Result<f64> {
    let alpha = level(sides, alpha)?;
    let log = match sides {
        Sides::Two => -2.0 * alpha.ln(),
        Sides::One => -2.0 * (2.0 * alpha).ln(),
    };
    Ok(log + log.ln_1p())
}

fn level(sides: Sides, alpha: f64) -> Result<f64> {
    match sides {
        Sides::Two => open_range("alpha", alpha, 0.0, 1.0, "(0, 1)"),
        Sides::One => open_range("alpha", alpha, 0.0, 0.5, "(0, 0.5)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::tests::close;

    fn mixture(sides: Sides) -> NormalMixture {
        NormalMixture::new(sides, 100.0, 0.05).unwrap()
    }

    /// confseq 0.0.11: `normal_mixture_bound` and `normal_log_mixture` with `v_opt = 100`, `alpha_opt = .05`.
    #[test]
    fn boundaries_and_e_values_match_confseq() {
        close(mixture(Sides::Two).boundary(100.0, 0.05).unwrap(), 30.35208990376253, 1e-10, "two-sided");
        close(mixture(Sides::One).boundary(1000.0, 0.05).unwrap(), 94.39391616939474, 1e-8, "one-sided");
        close(mixture(Sides::Two).log_e_value(30.0, 100.0).unwrap(), 2.901375010405018, 1e-10, "two-sided");
        close(mixture(Sides::One).log_e_value(12.0, 100.0).unwrap(), 0.17697418668503265, 1e-10, "one-sided");
    }

    #[test]
    fn the_closed_form_lies_just_above_the_boundary() {
        for v in [0.0, 0.1, 10.0, 100.0, 1e4, 1e9] {
            for alpha in [1e-9, 0.001, 0.05, 0.4] {
                let (exact, bound) =
                    (mixture(Sides::One).boundary(v, alpha).unwrap(), mixture(Sides::One).one_sided_bound(v, alpha));
                assert!(exact <= bound && bound < 1.6 * exact, "{v} {alpha}: {exact} {bound}");
            }
        }
    }

    #[test]
    fn a_sum_far_on_the_wrong_side_is_still_a_number() {
        let log = |s: f64| mixture(Sides::One).log_e_value(s, 100.0).unwrap();
        assert!((log(-30.0 * 108.0_f64.sqrt()) - log(-30.0 * 109.0_f64.sqrt())).abs() < 0.1);
        assert!(log(-1e9) < log(-1e3) && log(-1e9) > -30.0);
        assert!((log_half_mixture(-30.0) - log_half_mixture(-29.999_999)).abs() < 1e-5);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        assert!(NormalMixture::new(Sides::One, 1.0, 0.5).is_err() && NormalMixture::new(Sides::Two, 1.0, 1.0).is_err());
        assert!(NormalMixture::new(Sides::Two, 0.0, 0.05).is_err());
        assert!(mixture(Sides::Two).boundary(-1.0, 0.05).is_err() && mixture(Sides::Two).boundary(1.0, 0.0).is_err());
        assert!(mixture(Sides::Two).log_e_value(f64::NAN, 1.0).is_err());
    }
}
