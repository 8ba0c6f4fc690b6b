//! Where does chance enter?
//!
//! Here alone, and it is OpenDP's: exact samplers over the integers, fed by the operating system. Nothing can be
//! seeded. A measurement is neither `Send` nor `Sync`, so it lives inside one synchronous call. No floating-point
//! number is ever noised: that is slow, and its price depends on rounding.

use opendp::core::Measurement;
use opendp::domains::{AtomDomain, MapDomain, VectorDomain};
use opendp::measurements::{make_gaussian, make_laplace, make_laplace_threshold};
use opendp::measures::{Approximate, MaxDivergence, ZeroConcentratedDivergence};
use opendp::metrics::{AbsoluteDistance, L1Distance, L01InfDistance, L2Distance};

use crate::cost::{most_rho_nano, rho};
use crate::design::MOST_SCALE;
use crate::error::{Error, Result, range};

type Integers = VectorDomain<AtomDomain<i64>>;
type Counts = MapDomain<AtomDomain<u64>, AtomDomain<i64>>;

/// Noise of one measure, calibrated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Noise {
    /// Scale.
    Laplace(f64),
    /// Sigma.
    Gaussian(f64),
}

impl Noise {
    /// Laplace noise that hides a change of `l1` at `epsilon`.
    pub(crate) fn laplace(l1: i64, epsilon: f64) -> Result<Self> {
        let price = |scale| Ok(laplace(scale)?.map(&l1)?);
        least_scale(l1 as f64 / epsilon, epsilon, price).map(Self::Laplace)
    }

    /// Gaussian noise that hides a change of `l2` at (epsilon, delta), and its price in nano-rho.
    pub(crate) fn gaussian(l2: f64, epsilon: f64, delta: f64) -> Result<(Self, u64)> {
        let nano = most_rho_nano(epsilon, delta)?;
        // Rounded down: noise must be enough for the price in the log.
        let rho = rho(nano, f64::next_down);
        let price = |scale| Ok(gaussian(scale)?.map(&l2)?);
        Ok((least_scale(l2 / (2.0 * rho).sqrt(), rho, price).map(Self::Gaussian)?, nano))
    }

    /// The values with noise, saturating.
    pub(crate) fn add(self, values: &Vec<i64>) -> Result<Vec<i64>> {
        Ok(match self {
            Self::Laplace(scale) => laplace(scale)?.invoke(values)?,
            Self::Gaussian(scale) => gaussian(scale)?.invoke(values)?,
        })
    }

    /// Standard deviation.
    pub(crate) fn stddev(self) -> f64 {
        match self {
            // The variance is 2 p / (1 - p)^2 with p = exp(-1 / scale) (Inusah and Kozubowski, 2006).
            Self::Laplace(scale) => std::f64::consts::FRAC_1_SQRT_2 / (0.5 / scale).sinh(),
            // The discrete and the continuous variance differ by about exp(-2 pi^2 sigma^2) (Poisson summation).
            Self::Gaussian(sigma) if sigma > 4.0 => sigma,
            Self::Gaussian(sigma) => {
                let (mut mass, mut square) = (1.0, 0.0);
                for x in (1..=50).map(f64::from) {
                    let weight = 2.0 * (-x * x / (2.0 * sigma * sigma)).exp();
                    mass += weight;
                    square += x * x * weight;
                }
                (square / mass).sqrt()
            }
        }
    }
}

/// Laplace noise on counts, of which those below `at` are dropped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Gate {
    /// Noise of the counts.
    pub(crate) scale: f64,
    /// The least noisy count that is kept.
    pub(crate) at: i64,
}

impl Gate {
    /// The lowest gate that is (epsilon, delta)-differentially private when one unit changes `max_groups` counts by 1.
    pub(crate) fn new(max_groups: u32, epsilon: f64, delta: f64) -> Result<Self> {
        let Noise::Laplace(scale) = Noise::laplace(i64::from(max_groups), epsilon)? else {
            return Err(Error::NoThreshold { delta, max_groups });
        };
        // opendp#2922: a count equal to the threshold is kept, but the delta that the library reports leaves it out.
        // So the price of a gate is the one it reports for a gate one lower.
        let reaches = |at: i64| -> Result<bool> {
            let (_, price) = threshold(scale, at - 1)?.map(&(max_groups, i64::from(max_groups), 1))?;
            Ok(price <= delta)
        };
        // Gates below 2 keep a single unit with probability 1/2 or more, and the library has no price for them.
        let (mut low, mut high) = (1, 2);
        while !reaches(high)? {
            (low, high) = (high, high * 2);
            if high > 1 << 50 {
                return Err(Error::NoThreshold { delta, max_groups });
            }
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            if reaches(middle)? { high = middle } else { low = middle }
        }
        Ok(Self { scale, at: high })
    }

    /// The noisy count where it is kept. A count that is `None` is not there.
    pub(crate) fn pass(self, counts: &[Option<i64>]) -> Result<Vec<Option<i64>>> {
        let present = (0..).zip(counts).filter_map(|(key, count)| Some((key, (*count)?))).collect();
        let kept = threshold(self.scale, self.at)?.invoke(&present)?;
        Ok((0..).zip(counts).map(|(key, _)| kept.get(&key).copied()).collect())
    }
}

/// The least scale, from a first guess on, whose price by OpenDP's own map is within the share.
fn least_scale(guess: f64, share: f64, price: impl Fn(f64) -> Result<f64>) -> Result<f64> {
    let mut scale = guess;
    // The guess is off by a rounding error or two, so steps that double need few rounds.
    let mut step = scale.next_up() - scale;
    loop {
        range(scale > 0.0 && scale <= MOST_SCALE, "noise scale", scale, "(0, 1e17]")?;
        if price(scale)? <= share {
            return Ok(scale);
        }
        scale += step;
        step *= 2.0;
    }
}

fn laplace(scale: f64) -> Result<Measurement<Integers, L1Distance<i64>, MaxDivergence, Vec<i64>>> {
    Ok(make_laplace(Integers::default(), L1Distance::default(), scale, None)?)
}

fn gaussian(scale: f64) -> Result<Measurement<Integers, L2Distance<f64>, ZeroConcentratedDivergence, Vec<i64>>> {
    Ok(make_gaussian(Integers::default(), L2Distance::default(), scale, None)?)
}

type ThresholdMeasurement = Measurement<
    Counts,
    L01InfDistance<AbsoluteDistance<i64>>,
    Approximate<MaxDivergence>,
    std::collections::HashMap<u64, i64>,
>;

fn threshold(scale: f64, at: i64) -> Result<ThresholdMeasurement> {
    let counts = MapDomain::new(AtomDomain::default(), AtomDomain::default());
    Ok(make_laplace_threshold(counts, L01InfDistance::default(), scale, at, None)?)
}

#[cfg(test)]
mod tests;
