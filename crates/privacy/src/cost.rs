//! In which currency is privacy paid, and what does a sum of it guarantee?
//!
//! Approximate zero-concentrated differential privacy (Bun and Steinke, TCC 2016): costs add up, and the sum converts
//! to (epsilon, delta). Costs are integers rounded up, so that a log adds them without error.

use dashu::integer::IBig;
use dashu::rational::RBig;
use opendp::combinators::ConcentratedMeasure;
use opendp::measures::ZeroConcentratedDivergence;

use crate::error::{Result, range};

const NANO: u64 = 1_000_000_000;
const ATTO: u64 = 1_000_000_000_000_000_000;

/// What a release costs, or what a block may cost: (rho, delta) in integers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cost {
    /// In units of 1e-9 rho.
    pub rho_nano: u64,
    /// In units of 1e-18 delta.
    pub delta_atto: u64,
}

/// What may be spent, as people say it: everything together is (epsilon, delta)-differentially private.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Allowance {
    /// How much what is shown may depend on one unit.
    pub epsilon: f64,
    /// The chance of more than that.
    pub delta: f64,
}

impl Allowance {
    /// The same in the currency of charges.
    ///
    /// # Errors
    /// Those of [`Cost::cap`].
    pub fn cap(self) -> Result<Cost> {
        Cost::cap(self.epsilon, self.delta)
    }
}

impl Cost {
    /// Both, one after the other. Saturates, and a saturated cost guarantees nothing.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            rho_nano: self.rho_nano.saturating_add(other.rho_nano),
            delta_atto: self.delta_atto.saturating_add(other.delta_atto),
        }
    }

    /// `n` times the same cost. Saturates.
    #[must_use]
    pub fn times(self, n: u64) -> Self {
        Self { rho_nano: self.rho_nano.saturating_mul(n), delta_atto: self.delta_atto.saturating_mul(n) }
    }

    /// Whether neither part is above the cap's. (The derived order is only for sorting.)
    #[must_use]
    pub fn fits(self, cap: Self) -> bool {
        self.rho_nano <= cap.rho_nano && self.delta_atto <= cap.delta_atto
    }

    /// The epsilon that this cost guarantees at a total `delta`.
    ///
    /// What key selection spent of delta is taken off; the rest goes into the conversion of zCDP, which is Proposition
    /// 12 of Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy" (2020), as OpenDP has it.
    /// Infinite when nothing of delta is left, when `delta` is `NaN`, and for a saturated cost.
    #[must_use]
    pub fn epsilon_at(self, delta: f64) -> f64 {
        let left = self.delta_left(delta);
        if left.is_nan() || left <= 0.0 || self.rho_nano == u64::MAX {
            return f64::INFINITY;
        }
        if left >= 1.0 || self.rho_nano == 0 {
            return 0.0;
        }
        let epsilon = ZeroConcentratedDivergence::convert(rho(self.rho_nano, f64::next_up))
            .and_then(|profile| profile.epsilon(left));
        // What cannot be computed is not guaranteed.
        epsilon.unwrap_or(f64::INFINITY)
    }

    /// An epsilon of pure differential privacy that surely costs no more rho than this; rounded down.
    #[must_use]
    pub fn epsilon_within(self) -> f64 {
        // The square root and the product are each off by less than a step of the number format.
        (2.0 * rho(self.rho_nano, f64::next_down)).sqrt().next_down().next_down().max(0.0)
    }

    /// The cap under which everything together is (epsilon, delta)-differentially private.
    ///
    /// Half of delta is for key selection; rho is the largest whose epsilon at the other half is at most `epsilon`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless `0 < epsilon <= 1000` and `0 < delta < 1`.
    pub fn cap(epsilon: f64, delta: f64) -> Result<Self> {
        range(epsilon > 0.0 && epsilon <= 1000.0, "epsilon of a cap", epsilon, "(0, 1000]")?;
        range(delta > 0.0 && delta < 1.0, "delta of a cap", delta, "(0, 1)")?;
        // Rounded down, unlike a price.
        let delta_atto = (delta / 2.0 * ATTO as f64).floor() as u64;
        let left = Self { rho_nano: 0, delta_atto }.delta_left(delta);
        Ok(Self { rho_nano: most_rho_nano(epsilon, left)?, delta_atto })
    }

    /// The cost of pure `epsilon`: rho = epsilon^2 / 2 (Bun and Steinke, Proposition 1.4), and of `delta` beside it
    /// (their section 8). Rounded up from exact fractions.
    pub(crate) fn pure(epsilon: f64, delta: f64) -> Self {
        let rho = |epsilon: RBig| epsilon.pow(2) * RBig::from(NANO) / RBig::from(2u8);
        Self {
            rho_nano: RBig::try_from(epsilon).map_or(u64::MAX, |epsilon| rounded_up(&rho(epsilon))),
            delta_atto: RBig::try_from(delta).map_or(u64::MAX, |delta| rounded_up(&(delta * RBig::from(ATTO)))),
        }
    }

    /// What is left of `delta`, rounded down.
    fn delta_left(self, delta: f64) -> f64 {
        let spent = if self.delta_atto == 0 { 0.0 } else { self.delta_atto as f64 / ATTO as f64 };
        // The quotient is off by less than two steps of the number format, the difference by one.
        (delta - spent.next_up().next_up()).next_down()
    }
}

/// The largest rho, in nano, that is (epsilon, delta)-differentially private.
///
/// # Errors
/// Only what OpenDP's conversion refuses.
pub(crate) fn most_rho_nano(epsilon: f64, delta: f64) -> Result<u64> {
    let holds = |nano: u64| -> Result<bool> {
        Ok(ZeroConcentratedDivergence::convert(rho(nano, f64::next_up))?.delta(epsilon)? <= delta)
    };
    let (mut low, mut high) = (0, NANO);
    while high < u64::MAX / 2 && holds(high)? {
        (low, high) = (high, high * 2);
    }
    while high - low > 1 {
        let middle = low.midpoint(high);
        if holds(middle)? { low = middle } else { high = middle }
    }
    Ok(low)
}

/// Nano-rho as rho, rounded in one direction: twice, for the conversion and the division.
pub(crate) fn rho(nano: u64, towards: fn(f64) -> f64) -> f64 {
    if nano == 0 { 0.0 } else { towards(towards(nano as f64 / NANO as f64)) }
}

fn rounded_up(value: &RBig) -> u64 {
    let whole: IBig = value.ceil();
    u64::try_from(whole).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
