//! Do sequential tests keep their promise under somebody who looks all the time?
//!
//! Two weeks of hourly windows with outcomes from a seed, judged after each of them. The bounds are loose, so that they
//! hold for any seed: a test that ignores looks or noise misses them by far.

use tidegate_stats::{ConfidenceSequence, Estimate, NoisyRow, Sides};

use crate::generators::uniform;

const WINDOWS: usize = 336;
const TRIALS: usize = 100;
const MARGIN: f64 = 0.01;

/// Draws of one run.
struct Chance<I>(I);

impl<I: Iterator<Item = f64>> Chance<I> {
    fn next(&mut self) -> f64 {
        self.0.next().unwrap()
    }

    /// Hits among [`TRIALS`], by the cumulated probabilities of `binomial`.
    fn hits(&mut self, cumulated: &[f64]) -> f64 {
        let u = self.next();
        cumulated.partition_point(|&c| c <= u) as f64
    }

    /// Discrete Laplace noise, as a difference of two geometric values.
    fn laplace(&mut self, scale: f64) -> f64 {
        if scale == 0.0 {
            return 0.0;
        }
        let (there, back) = (self.next(), self.next());
        (-scale * there.ln()).floor() - (-scale * back.ln()).floor()
    }
}

fn chance(seed: u64) -> Chance<impl Iterator<Item = f64>> {
    // Far apart, so that no run sees the draws of another.
    Chance(uniform(seed.wrapping_mul(0xD134_2543_DE82_EF95)))
}

/// Probabilities of at most 0, 1, 2, ... hits.
fn binomial(p: f64) -> Vec<f64> {
    let mut density = (1.0 - p).powi(TRIALS as i32);
    let mut sum = 0.0;
    (0..TRIALS)
        .map(|hits| {
            sum += density;
            density *= (TRIALS - hits) as f64 / (hits + 1) as f64 * p / (1.0 - p);
            sum
        })
        .collect()
}

fn laplace_stddev(scale: f64) -> f64 {
    if scale == 0.0 {
        return 0.0;
    }
    let a = (-1.0 / scale).exp();
    (2.0 * a).sqrt() / (1.0 - a)
}

/// Of `runs` the share in which `stops` says so at some look.
fn share(runs: u64, stops: impl Fn(u64) -> bool) -> f64 {
    (0..runs).filter(|&seed| stops(seed)).count() as f64 / runs as f64
}

/// Whether a treatment that is worse by exactly `harm` is found to be worse by less than [`MARGIN`], at any hour.
fn promoted(seed: u64, harm: f64, scale: f64, declared: f64) -> bool {
    let mut chance = chance(seed);
    let arms = [binomial(0.1 + harm), binomial(0.1)];
    let sequence = ConfidenceSequence::new(Sides::One, 0.05, 100_000.0).unwrap();
    // All windows so far: what they say adds up, and so do the variances of their noise.
    let mut so_far = [NoisyRow { num: 0.0, den: 0.0, num_noise_stddev: 0.0, den_noise_stddev: 0.0 }; 2];
    (0..WINDOWS).any(|_| {
        for (arm, so_far) in arms.iter().zip(&mut so_far) {
            so_far.num += chance.hits(arm) + chance.laplace(scale);
            so_far.den += TRIALS as f64;
            so_far.num_noise_stddev = so_far.num_noise_stddev.hypot(laplace_stddev(declared));
        }
        let [Ok(treatment), Ok(control)] = so_far.map(|row| Estimate::of_noisy([row])) else { return false };
        sequence.interval(treatment.minus(control).unwrap()).unwrap().high < MARGIN
    })
}

#[test]
fn a_confidence_sequence_keeps_its_level_with_noise_folded_in() {
    for scale in [0.0, 2.0, 5.0] {
        let wrong = share(400, |seed| promoted(seed, MARGIN, scale, scale));
        assert!(wrong <= 0.05, "noise {scale}: {wrong}");
    }
    let ignored = share(200, |seed| promoted(seed, MARGIN, 5.0, 0.0));
    assert!(ignored > 0.1, "without the noise in its variance: {ignored}");
    let found = share(100, |seed| promoted(seed, 0.0, 2.0, 2.0));
    assert!(found > 0.6, "power {found}");
}
