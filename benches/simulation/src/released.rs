//! What does a gate see of an arm's counts?

use anyhow::Result;
use rand::Rng;
use rand_distr::{Distribution, Geometric};
use tidegate_stats::{Estimate, Noise, NoisyRow};

use crate::traffic::Counts;

/// Discrete Laplace noise of a scale; none at 0.
#[derive(Clone, Copy)]
pub(crate) struct Laplace {
    noise: Option<Noise>,
    geometric: Option<Geometric>,
    stddev: f64,
}

/// Released rows of one arm, added up.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Released {
    pub(crate) num: f64,
    pub(crate) den: f64,
    /// How many rows: each has its own noise in both counts.
    pub(crate) rows: u64,
}

impl Laplace {
    pub(crate) fn new(scale: f64) -> Result<Self> {
        if scale == 0.0 {
            return Ok(Self { noise: None, geometric: None, stddev: 0.0 });
        }
        let noise = Noise::Laplace { scale };
        let geometric = Geometric::new(-(-scale.recip()).exp_m1())?;
        Ok(Self { noise: Some(noise), geometric: Some(geometric), stddev: noise.stddev()? })
    }

    /// As the e-process is told of it.
    pub(crate) fn noise(&self) -> Option<Noise> {
        self.noise
    }

    pub(crate) fn stddev(&self) -> f64 {
        self.stddev
    }

    /// One draw: the difference of two geometric values.
    pub(crate) fn draw(&self, random: &mut impl Rng) -> f64 {
        self.geometric.map_or(0.0, |geometric| geometric.sample(random) as f64 - geometric.sample(random) as f64)
    }

    /// One row of both counts.
    pub(crate) fn release(&self, random: &mut impl Rng, counts: Counts) -> Released {
        Released { num: counts.num as f64 + self.draw(random), den: counts.den as f64 + self.draw(random), rows: 1 }
    }
}

impl Released {
    pub(crate) fn add(&mut self, other: Self) {
        self.num += other.num;
        self.den += other.den;
        self.rows += other.rows;
    }

    /// The rate, with the noise in its variance that a rule knows of; nothing while there are fewer than 30 events.
    pub(crate) fn rate(&self, noise_stddev: f64) -> Option<Estimate> {
        let stddev = noise_stddev * (self.rows as f64).sqrt();
        let row = NoisyRow { num: self.num, den: self.den, num_noise_stddev: stddev, den_noise_stddev: stddev };
        Estimate::of_noisy([row]).ok()
    }
}

/// The treatment's rate minus the control's.
pub(crate) fn difference([treatment, control]: [Released; 2], noise_stddev: f64) -> Option<Estimate> {
    treatment.rate(noise_stddev)?.minus(control.rate(noise_stddev)?).ok()
}
