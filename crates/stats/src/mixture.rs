//! How far may a sum wander by chance, whenever somebody looks, if it is not Gaussian?
//!
//! [`NormalMixture`](crate::NormalMixture) holds for sums whose steps are about normal. These hold exactly for sums of
//! steps of another kind, whose tails differ; each mixes the exponential bets of its kind by the distribution that makes
//! the mixture a closed form (S. Howard, A. Ramdas, J. McAuliffe and J. Sekhon, Annals of Statistics 49 (2021),
//! 1055-1080). Bounds are one for a sum `S` at the variance `v` so far, exceeded at any time with probability `alpha`
//! at most; they are tightest about where `v` is `best`. Values in the tests are those of their library `confseq`.
//!
//! | Bound | Steps | For example |
//! |---|---|---|
//! | [`beta_binomial_bound`] | within `[-g, h]`, mean 0 or less | differences of rates, scores |
//! | [`gamma_exponential_bound`] | sub-exponential with scale `c`: `ln E e^(lx) <= v (-ln(1 - c l) - c l) / c^2` | sums with Laplace noise |
//! | [`gamma_poisson_bound`] | sub-Poisson with scale `c`: `ln E e^(lx) <= v (e^(cl) - cl - 1) / c^2` | counts of rare events less their rate |
//!
//! Absent: intervals of one rate, which are [`rate_interval`](crate::rate_interval).

use crate::error::{Result, at_least, open_range};
use crate::normal_mixture::{Sides, tightness};
use crate::root;

mod beta_binomial;
mod gamma_exponential;
mod gamma_poisson;

pub use beta_binomial::{Steps, beta_binomial_bound};
pub use gamma_exponential::gamma_exponential_bound;
pub use gamma_poisson::gamma_poisson_bound;

/// What every bound asks for, once it was checked.
#[derive(Debug, Clone, Copy)]
struct Asked {
    v: f64,
    alpha: f64,
    /// `best / r(alpha)`, as of the normal mixture.
    eta: f64,
}

impl Asked {
    fn new(sides: Sides, v: f64, best: f64, alpha: f64) -> Result<Self> {
        let v = at_least("variance", v, 0.0, "[0, inf)")?;
        let best = open_range("best variance", best, 0.0, f64::INFINITY, "(0, inf)")?;
        Ok(Self { v, alpha, eta: best / tightness(sides, alpha)? })
    }

    /// The scale of heavy-tailed steps. A greater one than the true one holds as well, and so small a one is not told from
    /// none: it would only make sums long.
    fn scale(self, c: f64) -> Result<f64> {
        let c = open_range("c", c, 0.0, 1e150, "(0, 1e150)")?;
        Ok(c.max(1e-5 * (self.v + self.eta).sqrt()))
    }

    /// The sum from 0 to `most` at which `log_e` reaches `1 / alpha`; `most` if none does.
    fn bound(self, most: f64, log_e: impl Fn(f64) -> f64) -> f64 {
        let excess = |s: f64| log_e(s) + self.alpha.ln();
        let mut high = (self.v + self.eta).sqrt().min(most);
        while high < most && excess(high) < 0.0 {
            high = (2.0 * high).min(most);
        }
        if excess(high) < 0.0 { most } else { root::crossing(excess, 0.0, high) }
    }
}
