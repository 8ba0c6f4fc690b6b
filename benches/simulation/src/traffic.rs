//! What does an arm see in one window?

use std::f64::consts::TAU;
use std::ops::AddAssign;

use anyhow::Result;
use rand::Rng;
use rand_distr::{Binomial, Distribution, Poisson};

/// Exact counts of one arm, before they are released.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) num: u64,
    pub(crate) den: u64,
}

/// Units that come more by day than by night.
pub(crate) struct Traffic {
    by_hour: Vec<Poisson<f64>>,
}

impl Traffic {
    /// So many units in an hour, on average over the day.
    pub(crate) fn new(units: f64) -> Result<Self> {
        let hourly = |hour: u32| Ok(Poisson::new(units * (1.0 + 0.6 * (TAU * (f64::from(hour) - 8.0) / 24.0).sin()))?);
        Ok(Self { by_hour: (0..24).map(hourly).collect::<Result<_>>()? })
    }

    /// The units of an hourly window, each with an event at `rate`.
    pub(crate) fn draw(&self, random: &mut impl Rng, window: usize, rate: f64) -> Result<Counts> {
        let den = self.by_hour[window % 24].sample(random) as u64;
        Ok(Counts { num: Binomial::new(den, rate)?.sample(random), den })
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.num += other.num;
        self.den += other.den;
    }
}
