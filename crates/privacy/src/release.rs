//! How do exact numbers become numbers that may be shown?
//!
//! By [`Calibration::draw`] alone, which takes the exact numbers and a paid [`Grant`] by value.

use std::fmt;

use crate::calibrate::Calibration;
use crate::cost::Cost;
use crate::error::{Error, Result};

/// The exact, bounded numbers. Private: `Debug` prints sizes only, and nothing clones them.
pub struct Exact {
    /// Per group: the number of units. Under public keys only its length counts.
    pub units: Vec<i64>,
    /// Per measure: the coordinates, one group after the other, equally many each.
    pub measures: Vec<Vec<i64>>,
}

impl fmt::Debug for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sizes: Vec<usize> = self.measures.iter().map(Vec::len).collect();
        f.debug_struct("Exact").field("groups", &self.units.len()).field("coordinates", &sizes).finish()
    }
}

/// What may be shown: what is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noised {
    /// Per group: whether it appears. What does not appear must not leave a trace, its index included.
    pub kept: Vec<bool>,
    /// Per group: the noisy number of units, if it was selected by it. Never below the threshold, so its mean is
    /// above the exact number near the threshold.
    pub units: Vec<Option<i64>>,
    /// Per measure: the noisy coordinates, zeros for groups that do not appear. Noise may make any of them negative.
    pub measures: Vec<Vec<i64>>,
}

/// A paid right to draw once.
///
/// # Guarantee
/// It can neither be copied nor made without naming what was paid, so a draw without it or a second draw with it does
/// not compile. Held by `tests/compile_fail`.
#[derive(Debug)]
#[must_use = "what was paid should be drawn"]
pub struct Grant {
    paid: Cost,
}

impl Grant {
    /// A grant for a charge that is durable. Call it only when `cost` stands in the budget log, or was found there.
    pub fn paid(cost: Cost) -> Self {
        Self { paid: cost }
    }

    fn spend(self) -> Cost {
        self.paid
    }
}

impl Calibration {
    /// Draws noise, once for the price of [`Calibration::cost`].
    ///
    /// Measures get noise in all groups, shown or not, so that the time it takes does not tell which are. The time
    /// still depends on the values drawn (Ben Dov et al., arXiv 2112.05307): publish on a schedule, not on completion.
    /// Sums saturate at the ends of the 64-bit integers.
    ///
    /// # Errors
    /// [`Error::Underpaid`] when the grant is for less than the cost; [`Error::Shape`] when the numbers do not have
    /// the design's shape; [`Error::Library`] when the system has no randomness to give. Nothing was shown then, but
    /// the grant is spent: what was charged is looked up in the log, not refunded.
    pub fn draw(&self, exact: Exact, grant: Grant) -> Result<Noised> {
        let paid = grant.spend();
        if !self.cost.fits(paid) {
            return Err(Error::Underpaid { paid, price: self.cost });
        }
        let Exact { units: exact_units, measures: exact_measures } = exact;
        let groups = exact_units.len();
        self.check_shape(groups, &exact_measures)?;
        let units = self.select(&exact_units)?;
        let kept: Vec<bool> = match self.selected {
            None => vec![true; groups],
            Some(_) => units.iter().map(Option::is_some).collect(),
        };
        let mut measures = Vec::with_capacity(exact_measures.len());
        for (noise, values) in self.noises.iter().zip(exact_measures) {
            let mut noised = noise.add(&values)?;
            withhold(&mut noised, &kept);
            measures.push(noised);
        }
        Ok(Noised { kept, units, measures })
    }

    fn check_shape(&self, groups: usize, measures: &[Vec<i64>]) -> Result<()> {
        let (found, expected) = (measures.len(), self.noises.len());
        if found != expected {
            return Err(Error::Shape { what: "measures", found, expected });
        }
        let uneven = measures.iter().map(Vec::len).find(|len| len.checked_rem(groups).unwrap_or(*len) != 0);
        uneven.map_or(Ok(()), |found| Err(Error::Shape { what: "coordinates per group", found, expected: groups }))
    }

    /// The noisy number of units where a key passes; nothing where keys are public.
    fn select(&self, units: &[i64]) -> Result<Vec<Option<i64>>> {
        let Some(selected) = self.selected else { return Ok(vec![None; units.len()]) };
        let shift = selected.shift();
        // One unit changes max(units - shift, 0) by at most 1, and where it is 0 there is nothing to pass.
        let counts: Vec<Option<i64>> =
            units.iter().map(|units| Some(units.saturating_sub(shift)).filter(|count| *count >= 1)).collect();
        let passed = selected.gate.pass(&counts)?;
        Ok(passed.into_iter().map(|count| Some(count?.saturating_add(shift))).collect())
    }
}

/// Zeros where a group does not appear.
fn withhold(coordinates: &mut [i64], kept: &[bool]) {
    let Some(width) = coordinates.len().checked_div(kept.len()).filter(|width| *width > 0) else { return };
    for (group, _) in coordinates.chunks_exact_mut(width).zip(kept).filter(|(_, kept)| !**kept) {
        group.fill(0);
    }
}

#[cfg(test)]
mod tests;
