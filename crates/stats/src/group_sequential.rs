//! Which z-value ends a test early, if the looks are few and the last one is planned?
//!
//! Error spending (K. Lan and D. DeMets, Biometrika 70 (1983), 659-663): a function says how much of `alpha` may be
//! spent by each fraction of the planned information, and the boundary at each look spends what is due. The
//! fractions need not be planned, their end must be: information that never reaches 1 leaves alpha unspent.
//!
//! Under the null the score at fraction `t` is a Brownian motion. Its density among the paths that have not crossed is
//! carried from look to look (P. Armitage, C. McPherson and B. Rowe, Journal of the Royal Statistical Society A 132
//! (1969), 235-244) by Gauss-Legendre quadrature in panels as narrow as one step of the motion, so that crossing
//! probabilities are exact to about 1e-12.
//!
//! **Validity.** Asymptotic: z-values of about normal estimates with independent increments, noise and clusters in
//! their variance. Looks must not be timed by what was seen.

use crate::error::{Error, Result, at_least, open_range};
use crate::normal_mixture::Sides;
use crate::{normal, root};

mod density;

use density::Density;

/// Less than this is not spent at its look but kept for the next: no boundary could be told from infinity.
const LEAST_SPENT: f64 = 1e-14;

/// Looks closer together than this are one look: panels become narrow as the root of the way between two.
const LEAST_RISE: f64 = 1e-6;

/// How much of alpha may be spent by which fraction `t` of the information.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Spending {
    /// `2 - 2 cdf(z / sqrt t)` with `z` the upper `alpha / 2` quantile: next to nothing early, O'Brien and Fleming's
    /// boundary.
    ObrienFleming,
    /// `alpha ln(1 + (e - 1) t)`: about the same boundary at each look, as Pocock's.
    Pocock,
    /// `alpha t^rho` with `rho > 0` (K. Kim and D. DeMets, Biometrika 74 (1987), 149-154).
    Power {
        /// 1 spends evenly, 3 is close to O'Brien and Fleming.
        rho: f64,
    },
}

impl Spending {
    /// Alpha spent by the fraction `t`; all of it at 1.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `0 < t <= 1`, `0 < alpha < 1` and `0 < rho < inf`.
    pub fn spent(self, t: f64, alpha: f64) -> Result<f64> {
        let t = open_range("information fraction", t, 0.0, 1.0_f64.next_up(), "(0, 1]")?;
        let alpha = open_range("alpha", alpha, 0.0, 1.0, "(0, 1)")?;
        Ok(match self {
            Self::ObrienFleming => 2.0 * normal::cdf(normal::quantile(0.5 * alpha)? / t.sqrt()),
            Self::Pocock => alpha * ((std::f64::consts::E - 1.0) * t).ln_1p(),
            Self::Power { rho } => alpha * t.powf(open_range("rho", rho, 0.0, f64::INFINITY, "(0, inf)")?),
        })
    }
}

/// The z-value to cross at each look, infinite where next to nothing may be spent yet.
///
/// `fractions` are those of all looks so far, of the planned information, rising by a millionth at least and at most 1:
/// a look that brought nothing new is none. Boundaries of earlier looks do not depend on later ones: call again with one
/// more. Two-sided, `alpha` is spent half on each side.
///
/// ```
/// use tidegate_stats::{Sides, Spending, group_sequential};
///
/// let z = group_sequential::boundaries(&[0.5, 1.0], Spending::ObrienFleming, Sides::One, 0.025)?;
/// assert!((z[0] - 2.963).abs() < 1e-3 && (z[1] - 1.969).abs() < 1e-3);
/// # Ok::<(), tidegate_stats::Error>(())
/// ```
///
/// # Errors
/// [`Error::OutOfRange`] unless the fractions rise within `(0, 1]`, `0 < alpha < 1` and the spending function is one.
pub fn boundaries(fractions: &[f64], spending: Spending, sides: Sides, alpha: f64) -> Result<Vec<f64>> {
    boundaries_on_calendar(fractions, fractions, spending, sides, alpha)
}

/// The z-value to cross at each look where alpha is spent by the time that has passed, and not by information, whose end
/// nobody knows: the longest duration is planned instead (K. Lan and D. DeMets, Biometrics 45 (1989), 1017-1020).
///
/// `information` is that of each look, in any unit, rising by a millionth of the last at least. `elapsed` are the fractions
/// of the planned time at the same looks, not falling within `(0, 1]`. With both the same it is [`boundaries`].
///
/// # Errors
/// [`Error::OutOfRange`] unless information rises and time does not fall within `(0, 1]`, there is one for each look,
/// `0 < alpha < 1` and the spending function is one.
pub fn boundaries_on_calendar(
    information: &[f64],
    elapsed: &[f64],
    spending: Spending,
    sides: Sides,
    alpha: f64,
) -> Result<Vec<f64>> {
    open_range("alpha", alpha, 0.0, 1.0, "(0, 1)")?;
    if elapsed.len() != information.len() {
        return Err(Error::OutOfRange { name: "elapsed", value: elapsed.len() as f64, allowed: "one for each look" });
    }
    // Only ratios of information matter. What is a fraction already stays as it is.
    let end = information.last().copied().filter(|&last| last > 1.0).unwrap_or(1.0);
    let fractions = information.iter().map(|information| information / end).collect::<Vec<_>>();
    check_fractions(&fractions)?;
    let per_side = match sides {
        Sides::One => alpha,
        Sides::Two => 0.5 * alpha,
    };
    let mut density = Density::start(sides, 0.0);
    let (mut boundaries, mut spent) = (Vec::with_capacity(fractions.len()), 0.0);
    for (i, (&t, &elapsed)) in fractions.iter().zip(elapsed).enumerate() {
        let due = spending.spent(elapsed, per_side)? - spent;
        let boundary = if due < LEAST_SPENT {
            f64::INFINITY
        } else {
            spent += due;
            solve(&density, t, due)
        };
        boundaries.push(boundary);
        if let Some(&next) = fractions.get(i + 1) {
            density = density.advance(t, boundary, next);
        }
    }
    Ok(boundaries)
}

/// The boundary that is crossed upwards at `t` with the probability `due`.
fn solve(density: &Density, t: f64, due: f64) -> f64 {
    // Nobody crosses more often for having survived: the upper end is that of a single look. The lower one nobody is
    // below.
    let excess = |z: f64| due.ln() - density.crossing(t, z).max(f64::MIN_POSITIVE).ln();
    let highest = (-2.0 * due.ln()).sqrt() + 1.0;
    root::crossing(excess, -40.0, highest)
}

/// The probability to cross each of `boundaries` for the first time, if the z-value at the end of the plan is `drift` on
/// average: 0 for the error rate, above 0 for the power. One-sided upwards, two-sided on either side of 0.
///
/// # Errors
/// [`Error::OutOfRange`] unless the fractions rise within `(0, 1]` and `drift` is finite and there is a boundary, which
/// is no `NaN` and two-sided not negative, for each of them.
pub fn crossing_probabilities(fractions: &[f64], boundaries: &[f64], sides: Sides, drift: f64) -> Result<Vec<f64>> {
    check_fractions(fractions)?;
    let drift = open_range("drift", drift, f64::NEG_INFINITY, f64::INFINITY, "(-inf, inf)")?;
    if boundaries.len() != fractions.len() {
        let value = boundaries.len() as f64;
        return Err(Error::OutOfRange { name: "boundaries", value, allowed: "one for each fraction" });
    }
    let least = if sides == Sides::Two { 0.0 } else { f64::NEG_INFINITY };
    if let Some(&value) = boundaries.iter().find(|&&z| z.is_nan() || z < least) {
        return Err(Error::OutOfRange { name: "boundary", value, allowed: "[0, inf] for two sides, no NaN" });
    }
    let mut density = Density::start(sides, drift);
    let mut probabilities = Vec::with_capacity(fractions.len());
    for (i, (&t, &boundary)) in fractions.iter().zip(boundaries).enumerate() {
        let downwards = if sides == Sides::Two { density.crossing_down(t, boundary) } else { 0.0 };
        probabilities.push(density.crossing(t, boundary) + downwards);
        if let Some(&next) = fractions.get(i + 1) {
            density = density.advance(t, boundary, next);
        }
    }
    Ok(probabilities)
}

/// How much more information than a test that looks once the plan needs for the same power: its information at the end
/// is `inflation ((z_alpha + z_power) / gap)^2`, with `z_alpha` that of one side.
///
/// # Errors
/// [`Error::OutOfRange`] as in [`boundaries`], unless the last fraction is 1 and `alpha` (of one side) `< power < 1`.
pub fn inflation(fractions: &[f64], spending: Spending, sides: Sides, alpha: f64, power: f64) -> Result<f64> {
    let boundaries = boundaries(fractions, spending, sides, alpha)?;
    let last = fractions.last().copied().unwrap_or(0.0);
    at_least("last information fraction", last, 1.0, "[1, 1]")?;
    let per_side = if sides == Sides::Two { 0.5 * alpha } else { alpha };
    let power = open_range("power", power, alpha, 1.0, "(alpha, 1)")?;
    let once = normal::quantile(power)? - normal::quantile(per_side)?;
    let reached = |drift: f64| -> f64 {
        crossing_probabilities(fractions, &boundaries, sides, drift).map_or(f64::NAN, |each| each.iter().sum())
    };
    let drift = root::crossing(|drift| reached(drift) - power, 0.0, 2.0 * once + 2.0);
    Ok((drift / once).powi(2))
}

fn check_fractions(fractions: &[f64]) -> Result<()> {
    let mut least = 0.0;
    for &t in fractions {
        open_range("information fraction", t, least, 1.0_f64.next_up(), "(the one before, 1]")?;
        least = t + LEAST_RISE;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
