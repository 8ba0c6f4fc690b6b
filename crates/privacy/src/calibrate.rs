//! How much noise does a design need, and what does it cost?

use crate::cost::Cost;
use crate::design::{Design, Measure, Mechanism, Selection};
use crate::error::{Result, range};
use crate::noise::{Gate, Noise};

/// A design with its noise scales and its price.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    pub(crate) noises: Vec<Noise>,
    pub(crate) selected: Option<Selected>,
    pub(crate) cost: Cost,
}

/// Selection by a threshold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Selected {
    pub(crate) gate: Gate,
    pub(crate) min_units: u32,
}

impl Selected {
    /// Units that are counted away before the gate.
    pub(crate) fn shift(self) -> i64 {
        i64::from(self.min_units) - 1
    }
}

impl Calibration {
    /// Finds the least noise that keeps the promise of every share.
    ///
    /// Laplace noise has scale `max_groups l1 / epsilon` and costs rho = epsilon^2 / 2. Gaussian noise has sigma
    /// `l2 sqrt(max_groups / (2 rho))` and costs the largest rho that is (epsilon, delta)-private. Key selection adds
    /// Laplace noise of scale `max_groups / epsilon` to numbers of units and costs rho = epsilon^2 / 2 and its delta.
    /// OpenDP's privacy maps confirm each; where rounding makes a map larger than the share, noise grows.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) for a parameter without meaning, an epsilon above
    /// [`MOST_EPSILON`](crate::MOST_EPSILON) in sum, or noise above [`MOST_SCALE`](crate::MOST_SCALE);
    /// [`Error::NoThreshold`](crate::Error::NoThreshold) for a delta that no threshold reaches (about 1e-15).
    pub fn of(design: &Design) -> Result<Self> {
        design.check()?;
        let mut cost = Cost::default();
        let mut noises = Vec::with_capacity(design.measures.len());
        for measure in &design.measures {
            let (noise, price) = match design.mechanism {
                Mechanism::Laplace => of_laplace(measure, design.max_groups)?,
                Mechanism::Gaussian => of_gaussian(measure, design.max_groups)?,
            };
            noises.push(noise);
            cost = cost.plus(price);
        }
        let selected = match design.selection {
            Selection::Public => None,
            Selection::Threshold { epsilon, delta, min_units } => {
                cost = cost.plus(Cost::pure(epsilon, delta));
                Some(Selected { gate: Gate::new(design.max_groups, epsilon, delta)?, min_units })
            }
        };
        Ok(Self { noises, selected, cost })
    }

    /// What one release costs: the sum over measures and key selection.
    #[must_use]
    pub fn cost(&self) -> Cost {
        self.cost
    }

    /// Standard deviation of the noise on one coordinate of a measure, in the measure's unit; infinite for a measure
    /// that the design does not have.
    #[must_use]
    pub fn stddev(&self, measure: usize) -> f64 {
        self.noises.get(measure).map_or(f64::INFINITY, |noise| noise.stddev())
    }

    /// Standard deviation of the noise on numbers of units, before selection; `None` when keys are public.
    #[must_use]
    pub fn selection_stddev(&self) -> Option<f64> {
        self.selected.map(|selected| Noise::Laplace(selected.gate.scale).stddev())
    }

    /// The least noisy number of units with which a key appears; `None` when keys are public.
    #[must_use]
    pub fn threshold(&self) -> Option<i64> {
        self.selected.map(|selected| selected.gate.at.saturating_add(selected.shift()))
    }

    /// The least number of units with which a key appears with a chance of at least `chance`, which is at least 1/2 and
    /// below 1; `None` when keys are public.
    #[must_use]
    pub fn units_shown(&self, chance: f64) -> Option<i64> {
        let Selected { gate, .. } = self.selected?;
        // Noise of scale b is at least -k with chance 1 - exp(-(k + 1) / b) / (1 + exp(-1 / b)).
        let tail = (1.0 - chance) * (1.0 + (-1.0 / gate.scale).exp());
        let above = (-gate.scale * tail.ln() - 1.0).ceil().max(0.0) as i64;
        Some(self.threshold()?.saturating_add(above))
    }
}

fn of_laplace(measure: &Measure, max_groups: u32) -> Result<(Noise, Cost)> {
    let l1 = u128::from(measure.l1) * u128::from(max_groups);
    range(i64::try_from(l1).is_ok(), "l1 times max_groups", l1 as f64, "[1, 2^63)")?;
    Ok((Noise::laplace(l1 as i64, measure.epsilon)?, Cost::pure(measure.epsilon, 0.0)))
}

fn of_gaussian(measure: &Measure, max_groups: u32) -> Result<(Noise, Cost)> {
    // Rounded up: the caller's square root may be a step too low, and so may ours and the product.
    let l2 = (measure.l2.next_up() * f64::from(max_groups).sqrt().next_up()).next_up();
    let (noise, rho_nano) = Noise::gaussian(l2, measure.epsilon, measure.delta)?;
    Ok((noise, Cost { rho_nano, delta_atto: 0 }))
}

#[cfg(test)]
mod tests;
