//! What do noisy counts prove about a rate, exactly and at any time?
//!
//! A bet against a claim: the capital `E` begins at 1 and is, while the claim is true, never more on average after a
//! window than before it. So it reaches `1 / alpha` with probability `alpha` at most (J. Ville, 1939), whatever the
//! number of windows and however small they are: no approximation, unlike
//! [`confidence_sequence`](crate::confidence_sequence).
//!
//! ```text
//! E = mean over lambda of  prod over windows of  exp(L - psi - noise)
//! L      = u N_t + v N_c        noisy events, weighted so that arms of unequal size balance: u n_t = -v n_c
//! psi    = the greatest  n_t ln(1 + p_t (e^u - 1)) + n_c ln(1 + p_c (e^v - 1))  that the claim allows
//! noise  = the log generating functions of the noise at u and v, once for each released row
//! ```
//! with `max(|u|, |v|) = lambda`. **Validity.** Exact, where exposures are exact and known before outcomes, each trial
//! has one event at most, trials are independent given the past, and noisy counts are as they were drawn, neither cut
//! at 0 nor left out by their value. Rates may change from window to window as long as the claim holds in each.

use crate::drift::Noise;
use crate::error::{Error, Result, open_range};

/// Bets that are placed side by side, each half of the one before it.
const BETS: usize = 12;

/// Of the greatest lambda that noise allows the share that is used.
const BELOW_POLE: f64 = 0.9;

/// What is bet against.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Claim {
    /// The rate is at most `limit`: broken by harm where lower is better.
    RateAtMost {
        /// In (0, 1).
        limit: f64,
    },
    /// The rate is at least `limit`: broken by a rate that is safely below.
    RateAtLeast {
        /// In (0, 1).
        limit: f64,
    },
    /// `p_t - p_c` is at most `margin`: broken by harm where lower is better.
    DifferenceAtMost {
        /// In (-1, 1).
        margin: f64,
        /// What `p_c` is declared not to exceed, in (0, 1]. The lower, the stronger is the evidence.
        control_at_most: f64,
    },
    /// `p_t - p_c` is at least `margin`: broken by non-inferiority where lower is better.
    DifferenceAtLeast {
        /// In (-1, 1).
        margin: f64,
        /// What `p_c` is declared not to exceed, in (0, 1]. The lower, the stronger is the evidence.
        control_at_most: f64,
    },
}

/// Counts of one arm in one window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Count {
    /// Events, with noise; may be negative.
    pub num: f64,
    /// Trials, exact.
    pub den: u64,
    /// Released rows that `num` is the sum of: each brought its own noise.
    pub rows: u64,
}

/// A bet against a [`Claim`], window by window.
#[derive(Debug, Clone, PartialEq)]
pub struct EProcess {
    claim: Claim,
    noise: Option<Noise>,
    lambdas: [f64; BETS],
    /// Logarithm of the capital of each bet.
    logs: [f64; BETS],
    peak: f64,
}

impl EProcess {
    /// `noise` is that of each released row; nothing where counts are exact.
    ///
    /// ```
    /// use tidegate_stats::drift::Noise;
    /// use tidegate_stats::e_process::{Claim, Count, EProcess};
    ///
    /// let mut process = EProcess::new(Claim::RateAtMost { limit: 0.01 }, Some(Noise::Laplace { scale: 1.0 }))?;
    /// process.push_rate(Count { num: 31.0, den: 1000, rows: 1 })?;
    /// assert!(process.p_value() < 0.05);
    /// # Ok::<(), tidegate_stats::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when a number of the claim or the scale of the noise lies outside its range.
    pub fn new(claim: Claim, noise: Option<Noise>) -> Result<Self> {
        match claim {
            Claim::RateAtMost { limit } | Claim::RateAtLeast { limit } => {
                open_range("limit", limit, 0.0, 1.0, "(0, 1)")?;
            }
            Claim::DifferenceAtMost { margin, control_at_most }
            | Claim::DifferenceAtLeast { margin, control_at_most } => {
                open_range("margin", margin, -1.0, 1.0, "(-1, 1)")?;
                open_range("control_at_most", control_at_most, 0.0, 1.0_f64.next_up(), "(0, 1]")?;
            }
        }
        let greatest = match noise {
            Some(Noise::Laplace { scale }) => (BELOW_POLE / scale).min(1.0),
            // Beyond one over the scale, noise costs more than a bet can win.
            Some(Noise::Gaussian { scale }) => scale.recip().min(1.0),
            None => 1.0,
        };
        let lambdas = std::array::from_fn(|i| greatest * 0.5_f64.powi(i as i32));
        if let Some(noise) = noise {
            noise.log_mgf(lambdas[0])?;
        }
        Ok(Self { claim, noise, lambdas, logs: [0.0; BETS], peak: 0.0 })
    }

    /// The next window of a claim about one rate.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the claim is about two arms, or the count is not finite or exact and impossible.
    pub fn push_rate(&mut self, count: Count) -> Result<()> {
        let (sign, limit) = match self.claim {
            Claim::RateAtMost { limit } => (1.0, limit),
            Claim::RateAtLeast { limit } => (-1.0, limit),
            _ => return Err(wrong_arms(1.0, "2: the claim is about a difference")),
        };
        let num = self.events(count)?;
        self.bet(|lambda, noise| {
            let u = sign * lambda;
            Ok(u * num - log_mgf(count.den as f64, limit, u) - count.rows as f64 * noise(u)?)
        })
    }

    /// The next window of a claim about a difference. Without trials in both arms there is nothing to bet on.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] when the claim is about one arm, or a count is not finite or exact and impossible.
    pub fn push_difference(&mut self, treatment: Count, control: Count) -> Result<()> {
        let (sign, margin, cap) = match self.claim {
            Claim::DifferenceAtMost { margin, control_at_most } => (1.0, margin, control_at_most),
            Claim::DifferenceAtLeast { margin, control_at_most } => (-1.0, margin, control_at_most),
            _ => return Err(wrong_arms(2.0, "1: the claim is about one rate")),
        };
        let (num_t, num_c) = (self.events(treatment)?, self.events(control)?);
        let (n_t, n_c) = (treatment.den as f64, control.den as f64);
        if treatment.den == 0 || control.den == 0 {
            return Ok(());
        }
        self.bet(|lambda, noise| {
            let (u, v) = (sign * lambda * (n_c / n_t).min(1.0), -sign * lambda * (n_t / n_c).min(1.0));
            let noise = treatment.rows as f64 * noise(u)? + control.rows as f64 * noise(v)?;
            Ok(u * num_t + v * num_c - greatest_log_mgf([n_t, n_c], [u, v], margin, cap) - noise)
        })
    }

    /// Logarithm of the capital after the windows so far.
    #[must_use]
    pub fn log_e_value(&self) -> f64 {
        let greatest = self.logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        greatest + (self.logs.iter().map(|log| (log - greatest).exp()).sum::<f64>() / BETS as f64).ln()
    }

    /// The anytime-valid p-value of the claim: one over the greatest capital so far, 1 at most.
    #[must_use]
    pub fn p_value(&self) -> f64 {
        (-self.peak).exp()
    }

    /// The events of a count, which only noise can bring outside of its trials.
    fn events(&self, count: Count) -> Result<f64> {
        let (value, possible) = (count.num, 0.0..=count.den as f64);
        if self.noise.is_none() && !possible.contains(&value) {
            return Err(Error::OutOfRange { name: "exact events", value, allowed: "[0, trials]" });
        }
        open_range("events", value, f64::NEG_INFINITY, f64::INFINITY, "(-inf, inf)")
    }

    /// Adds to each bet its `gain(lambda, log_mgf of the noise)`; all or none.
    fn bet(&mut self, gain: impl Fn(f64, &dyn Fn(f64) -> Result<f64>) -> Result<f64>) -> Result<()> {
        let noise = |u: f64| self.noise.map_or(Ok(0.0), |noise| noise.log_mgf(u));
        let mut logs = self.logs;
        for (log, &lambda) in logs.iter_mut().zip(&self.lambdas) {
            *log = open_range("capital", *log + gain(lambda, &noise)?, f64::MIN, f64::MAX, "(-inf, inf)")?;
        }
        self.logs = logs;
        self.peak = self.peak.max(self.log_e_value());
        Ok(())
    }
}

/// `ln E exp(u X)` of the hits `X` among `n` trials of the rate `p`.
fn log_mgf(n: f64, p: f64, u: f64) -> f64 {
    n * (p * u.exp_m1()).ln_1p()
}

/// The greatest `psi` of all pairs with `p_t - p_c = margin` and `p_c <= cap`; `u` and `v` have opposite signs, so that
/// pairs within the claim have less.
///
/// As a function of `p_c` it is concave, and its derivative has one zero, in closed form.
fn greatest_log_mgf([n_t, n_c]: [f64; 2], [u, v]: [f64; 2], margin: f64, cap: f64) -> f64 {
    let (k_t, k_c) = (u.exp_m1(), v.exp_m1());
    let stationary = -(n_c * k_c * (1.0 + margin * k_t) + n_t * k_t) / (k_c * k_t * (n_c + n_t));
    let high = cap.min(1.0 - margin);
    let low = (-margin).max(0.0).min(high);
    let p_c = stationary.clamp(low, high);
    log_mgf(n_t, (p_c + margin).clamp(0.0, 1.0), u) + log_mgf(n_c, p_c, v)
}

fn wrong_arms(value: f64, allowed: &'static str) -> Error {
    Error::OutOfRange { name: "arms", value, allowed }
}

#[cfg(test)]
mod tests;
