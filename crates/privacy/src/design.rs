//! What is released, and how much can one unit change it?

use std::fmt;

use crate::error::{Result, range};

/// The largest epsilon of a design, all its shares together. Beyond it noise no longer hides anything.
pub const MOST_EPSILON: f64 = 20.0;

/// The largest noise scale: beyond it, noise of a few dozen scales leaves the 64-bit integers.
pub const MOST_SCALE: f64 = 1e17;

/// The distribution of the noise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Discrete Laplace noise, calibrated by L1: best for few coordinates.
    Laplace,
    /// Discrete Gaussian noise, calibrated by L2: best when a unit touches many coordinates.
    Gaussian,
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Laplace => "LAPLACE",
            Self::Gaussian => "GAUSSIAN",
        })
    }
}

/// How the keys of groups are chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Selection {
    /// Keys are public: all appear, those without data too. The caller passes every key.
    Public,
    /// A key appears when at least `min_units` units stand behind it and the noisy number of units passes a threshold.
    Threshold {
        /// Its share of epsilon, above 0.
        epsilon: f64,
        /// Its share of delta, in (0, 1): the chance that one unit alone makes a key appear.
        delta: f64,
        /// The least number of units, from 1.
        min_units: u32,
    },
}

/// What is measured per group, in integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measure {
    /// Its share of epsilon, above 0.
    pub epsilon: f64,
    /// Its share of delta: in (0, 1) for Gaussian noise, 0 for Laplace noise.
    pub delta: f64,
    /// By how much one unit changes one group's coordinates of this measure at most, in L1 (the sum of absolute
    /// changes over the group's coordinates), from 1.
    pub l1: u64,
    /// Likewise in L2, from 1. For one coordinate both are the bound; for a histogram of `r` rows both are `r`; for
    /// a tree of `h` levels `l1 = r h` and `l2 = r sqrt(h)`.
    pub l2: f64,
}

/// A release: one mechanism over all groups of a block (an event-day).
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// The distribution of the measures' noise. Keys are always selected with Laplace noise.
    pub mechanism: Mechanism,
    /// L0: in how many groups one unit is counted at most, from 1.
    pub max_groups: u32,
    /// How keys are chosen.
    pub selection: Selection,
    /// What is measured.
    pub measures: Vec<Measure>,
}

impl Design {
    /// Refuses what has no meaning or no price.
    pub(crate) fn check(&self) -> Result<()> {
        range(self.max_groups >= 1, "max_groups", f64::from(self.max_groups), "[1, ..)")?;
        let mut epsilon = 0.0;
        if let Selection::Threshold { epsilon: share, delta, min_units } = self.selection {
            epsilon += range(share > 0.0, "epsilon of key selection", share, "(0, 20]")?;
            range(delta > 0.0 && delta < 1.0, "delta of key selection", delta, "(0, 1)")?;
            // A key behind which nobody stands must not be told from one that does not exist.
            range(min_units >= 1, "min_units", f64::from(min_units), "[1, ..)")?;
        }
        for measure in &self.measures {
            epsilon += range(measure.epsilon > 0.0, "epsilon of a measure", measure.epsilon, "(0, 20]")?;
            let delta = measure.delta;
            match self.mechanism {
                Mechanism::Laplace => range(delta == 0.0, "delta of a Laplace measure", delta, "[0, 0]")?,
                Mechanism::Gaussian => {
                    range(delta > 0.0 && delta < 1.0, "delta of a Gaussian measure", delta, "(0, 1)")?
                }
            };
            range(measure.l1 >= 1, "l1", measure.l1 as f64, "[1, ..)")?;
            // A change of integers is at least 1 long, and never longer in L2 than in L1.
            range(measure.l2 >= 1.0 && measure.l2.is_finite(), "l2", measure.l2, "[1, l1]")?;
        }
        range(epsilon <= MOST_EPSILON, "epsilon of all shares", epsilon, "[0, 20]").map(drop)
    }
}
