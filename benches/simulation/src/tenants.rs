//! Does the level hold where tenants are assigned and their events counted?
//!
//! Tenants of very unequal size, each with a rate of its own, are hashed into an arm and one of its buckets. What is
//! released is a row for each arm, bucket and six hours.

use anyhow::Result;
use rand::Rng;
use rand_distr::{Beta, Distribution, Poisson};
use tidegate_stats::cluster::{Bucket, buckets};

use crate::peeking::{excludes_harm, promotion};
use crate::released::{Laplace, Released, difference};
use crate::runs::{Runs, Stops, Tally};
use crate::table::Table;
use crate::traffic::Counts;
use crate::{ALPHA, BASE, FIRST_LOOK, MARGIN, UNITS, WINDOWS};

/// In the order of the verdicts of [`World::run`].
const RULES: [&str; 2] = ["events as independent, noise folded in", "32 buckets in each arm"];
const TENANTS: usize = 512;
const BUCKETS: usize = 32;
/// Hours of a window.
const HOURS: usize = 6;
/// Standard deviation of the tenants' rates.
const SPREAD: f64 = 0.04;
const SCALES: [f64; 2] = [0.0, 2.0];

/// How sizes fall: the `i`th tenant has `i^-exponent` of the first, and at most `cap` times the mean.
struct Sizes {
    name: &'static str,
    exponent: f64,
    cap: f64,
}

const SIZES: [Sizes; 3] = [
    Sizes { name: "Zipf 0.5", exponent: 0.5, cap: f64::INFINITY },
    Sizes { name: "Zipf 1", exponent: 1.0, cap: f64::INFINITY },
    Sizes { name: "Zipf 1 capped", exponent: 1.0, cap: 4.0 },
];

pub(crate) fn tables(runs: &Runs) -> Result<Vec<Table>> {
    let mut wrong = Table::new("Promoted although worse by exactly the margin, tenants assigned", &RULES);
    let mut right = Table::new("Promoted where there is no difference, tenants assigned", &RULES);
    let mut cell = 0;
    for sizes in &SIZES {
        for scale in SCALES {
            let world = World { units: sizes.units(), noise: Laplace::new(scale)? };
            let name = format!("{}, b = {scale}", sizes.name);
            wrong.push(&name, runs.tally(cell, |random| world.run(random, MARGIN))?.each_ref().map(Tally::share));
            right.push(&name, runs.tally(cell + 1, |random| world.run(random, 0.0))?.each_ref().map(Tally::power));
            cell += 2;
        }
    }
    Ok(vec![wrong, right])
}

impl Sizes {
    /// Units of each tenant in a window, on average.
    fn units(&self) -> Vec<f64> {
        let sizes = (1..=TENANTS).map(|rank| (rank as f64).powf(-self.exponent)).collect::<Vec<_>>();
        let mean = sizes.iter().sum::<f64>() / TENANTS as f64;
        let units = 2.0 * UNITS * HOURS as f64 / TENANTS as f64;
        sizes.iter().map(|size| units * (size / mean).min(self.cap)).collect()
    }
}

struct World {
    /// Of each tenant in a window, on average.
    units: Vec<f64>,
    noise: Laplace,
}

/// What the tenants of a bucket do in a window together: sums of Poisson counts are one; nothing without a tenant.
#[derive(Clone, Copy)]
struct Activity {
    hits: Option<Poisson<f64>>,
    misses: Option<Poisson<f64>>,
}

impl World {
    fn run(&self, random: &mut impl Rng, harm: f64) -> Result<Stops<2>> {
        let sequence = promotion(ALPHA)?;
        let activities = self.assign(random, harm)?;
        let (mut so_far, mut stops) = ([[Released::default(); BUCKETS]; 2], Stops::none());
        for window in 0..WINDOWS / HOURS {
            for (sum, activity) in so_far.as_flattened_mut().iter_mut().zip(activities.as_flattened()) {
                let counts = activity.draw(random);
                sum.add(self.noise.release(random, counts));
            }
            let hour = HOURS * (window + 1);
            if hour >= FIRST_LOOK {
                let independent = difference(so_far.each_ref().map(|arm| total(arm)), self.noise.stddev());
                let [treatment, control] = so_far
                    .each_ref()
                    .map(|arm| buckets(&arm.map(|bucket| Bucket { num: bucket.num, den: bucket.den })));
                let clustered = treatment?.minus(control?)?;
                stops.note(hour - 1, [independent, Some(clustered)].map(|found| excludes_harm(&sequence, found)));
            }
        }
        Ok(stops)
    }

    /// Hashes each tenant into an arm and a bucket, and gives it a rate.
    fn assign(&self, random: &mut impl Rng, harm: f64) -> Result<[[Activity; BUCKETS]; 2]> {
        let rates = [beta(BASE + harm)?, beta(BASE)?];
        let mut means = [[(0.0, 0.0); BUCKETS]; 2];
        for units in &self.units {
            let (arm, bucket) = (random.random_range(0..2), random.random_range(0..BUCKETS));
            let rate = rates[arm].sample(random);
            let (hits, misses): &mut (f64, f64) = &mut means[arm][bucket];
            *hits += units * rate;
            *misses += units * (1.0 - rate);
        }
        let poisson = |mean: f64| Poisson::new(mean).ok();
        Ok(means.map(|arm| arm.map(|(hits, misses)| Activity { hits: poisson(hits), misses: poisson(misses) })))
    }
}

impl Activity {
    fn draw(&self, random: &mut impl Rng) -> Counts {
        let [num, misses] = [self.hits, self.misses].map(|of| of.map_or(0, |of| of.sample(random) as u64));
        Counts { num, den: num + misses }
    }
}

fn total(buckets: &[Released]) -> Released {
    let mut sum = Released::default();
    buckets.iter().for_each(|&bucket| sum.add(bucket));
    sum
}

/// Rates around `mean`.
fn beta(mean: f64) -> Result<Beta<f64>> {
    let concentration = mean * (1.0 - mean) / (SPREAD * SPREAD) - 1.0;
    Ok(Beta::new(mean * concentration, (1.0 - mean) * concentration)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runs::{about, few};

    #[test]
    fn buckets_keep_the_level_where_tenants_are_assigned() {
        let promoted = |sizes: &Sizes, harm: f64| {
            let world = World { units: sizes.units(), noise: Laplace::new(0.0).unwrap() };
            few(|random| world.run(random, harm))
        };
        for sizes in &SIZES {
            let [independent, buckets] = promoted(sizes, MARGIN);
            assert!(independent > about(ALPHA) && buckets <= about(ALPHA), "{independent} {buckets}");
        }
    }
}
