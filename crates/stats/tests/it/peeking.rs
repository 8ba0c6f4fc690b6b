//! Do sequential tests keep their promise under somebody who looks all the time?
//!
//! Two weeks of hourly windows with outcomes from a seed, judged after each of them. The bounds are loose, so that they
//! hold for any seed: a test that ignores looks or noise misses them by far.

use tidegate_stats::cluster::{Bucket, buckets};
use tidegate_stats::drift::Noise;
use tidegate_stats::e_process::{Claim, Count};
use tidegate_stats::group_sequential::boundaries;
use tidegate_stats::sample_ratio::noisy_share;
use tidegate_stats::{
    ConfidenceSequence, EProcess, Estimate, NoisyRow, Proportion, QuantileShare, SampleRatio, Sides, Spending,
};

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

/// Noise as it is drawn, and as the variance is told.
#[derive(Clone, Copy)]
struct Scale {
    drawn: f64,
    declared: f64,
}

impl Scale {
    fn folded(drawn: f64) -> Self {
        Self { drawn, declared: drawn }
    }
}

/// The difference of the arms after each window, where the treatment is worse by exactly `harm`; nothing while there
/// are too few events.
fn differences(seed: u64, harm: f64, scale: Scale) -> impl Iterator<Item = Option<Estimate>> {
    let mut chance = chance(seed);
    let arms = [binomial(0.1 + harm), binomial(0.1)];
    // All windows so far: what they say adds up, and so do the variances of their noise.
    let mut so_far = [NoisyRow { num: 0.0, den: 0.0, num_noise_stddev: 0.0, den_noise_stddev: 0.0 }; 2];
    (0..WINDOWS).map(move |_| {
        for (arm, so_far) in arms.iter().zip(&mut so_far) {
            so_far.num += chance.hits(arm) + chance.laplace(scale.drawn);
            so_far.den += TRIALS as f64;
            so_far.num_noise_stddev = so_far.num_noise_stddev.hypot(laplace_stddev(scale.declared));
        }
        let [Ok(treatment), Ok(control)] = so_far.map(|row| Estimate::of_noisy([row])) else { return None };
        Some(treatment.minus(control).unwrap())
    })
}

/// Whether harm of [`MARGIN`] is excluded at any hour.
fn promoted(seed: u64, harm: f64, scale: Scale) -> bool {
    let sequence = ConfidenceSequence::new(Sides::One, 0.05, 100_000.0).unwrap();
    differences(seed, harm, scale).flatten().any(|estimate| sequence.interval(estimate).unwrap().high < MARGIN)
}

#[test]
fn a_confidence_sequence_keeps_its_level_with_noise_folded_in() {
    for scale in [0.0, 2.0, 5.0] {
        let wrong = share(400, |seed| promoted(seed, MARGIN, Scale::folded(scale)));
        assert!(wrong <= 0.05, "noise {scale}: {wrong}");
    }
    let ignored = share(200, |seed| promoted(seed, MARGIN, Scale { drawn: 5.0, declared: 0.0 }));
    assert!(ignored > 0.1, "without the noise in its variance: {ignored}");
    let found = share(100, |seed| promoted(seed, 0.0, Scale::folded(2.0)));
    assert!(found > 0.6, "power {found}");
}

/// Fourteen daily looks, at which the fraction of the information is that of the days.
#[test]
fn a_group_sequential_test_keeps_its_level_with_noise_folded_in() {
    let days = (1..=14).map(|day| f64::from(day) / 14.0).collect::<Vec<_>>();
    let z = boundaries(&days, Spending::ObrienFleming, Sides::One, 0.05).unwrap();
    let promoted = |seed, harm, scale| {
        let daily = differences(seed, harm, scale).skip(23).step_by(24);
        daily.zip(&z).any(|(estimate, z)| estimate.is_some_and(|estimate| estimate.z(MARGIN).unwrap() < -z))
    };
    for scale in [0.0, 2.0, 5.0] {
        let wrong = share(400, |seed| promoted(seed, MARGIN, Scale::folded(scale)));
        assert!((0.01..0.09).contains(&wrong), "noise {scale}: {wrong}");
    }
    assert!(share(100, |seed| promoted(seed, 0.0, Scale::folded(2.0))) > 0.8);
}

/// Units of both arms over all windows so far, each window's count with noise that the variance tells.
fn mismatched(seed: u64, scale: f64, share: f64) -> bool {
    let (mut chance, hits) = (chance(seed), binomial(share));
    let theta = 0.5;
    let sequence = ConfidenceSequence::new(Sides::Two, 0.05, 4.0 * (WINDOWS * TRIALS) as f64).unwrap();
    let (mut treatment, mut control, mut noise) = (0.0, 0.0, 0.0);
    (1..=WINDOWS).any(|window| {
        let hits = chance.hits(&hits);
        treatment += hits + chance.laplace(scale);
        control += TRIALS as f64 - hits + chance.laplace(scale);
        noise += laplace_stddev(scale).powi(2);
        // A normal approximation asks for some units.
        window >= 12 && {
            let found = sequence.interval(noisy_share(treatment, control, theta, noise).unwrap()).unwrap();
            !(found.low..=found.high).contains(&theta)
        }
    })
}

#[test]
fn a_sample_ratio_test_keeps_its_level_with_noise_folded_in() {
    for scale in [0.0, 5.0, 10.0] {
        let wrong = share(400, |seed| mismatched(seed, scale, 0.5));
        assert!(wrong <= 0.05, "noise {scale}: {wrong}");
    }
    assert!(share(50, |seed| mismatched(seed, 5.0, 0.53)) > 0.8);
}

#[test]
fn an_exact_sample_ratio_test_keeps_its_level() {
    let hits = [0.5, 0.52].map(binomial);
    let ratio = SampleRatio::new(&[1.0, 1.0], 100.0).unwrap();
    let found = |seed, hits: &[f64]| {
        let (mut chance, mut counts) = (chance(seed), [0, 0]);
        (0..WINDOWS).any(|_| {
            let treatment = chance.hits(hits) as u64;
            counts[0] += treatment;
            counts[1] += TRIALS as u64 - treatment;
            ratio.p_value(&counts).unwrap() <= 0.05
        })
    };
    assert!(share(400, |seed| found(seed, &hits[0])) <= 0.06);
    assert!(share(100, |seed| found(seed, &hits[1])) > 0.8);
}

#[test]
fn an_e_process_keeps_its_level_under_noise() {
    let scale = 1.0;
    let claim = Claim::DifferenceAtMost { margin: 0.0, control_at_most: 0.05 };
    let fresh = EProcess::new(claim, Some(Noise::Laplace { scale })).unwrap();
    let found = |seed, rates: [f64; 2]| {
        let (mut chance, mut process) = (chance(seed), fresh.clone());
        let arms = rates.map(binomial);
        (0..WINDOWS).any(|_| {
            let [treatment, control] = arms.each_ref().map(|arm| {
                let num = chance.hits(arm) + chance.laplace(scale);
                Count { num, den: TRIALS as u64, rows: 1 }
            });
            process.push_difference(treatment, control).unwrap();
            process.p_value() <= 0.05
        })
    };
    assert!(share(200, |seed| found(seed, [0.05, 0.05])) <= 0.06);
    assert!(share(50, |seed| found(seed, [0.06, 0.03])) > 0.9);
}

/// Lognormal latencies, the treatment's stretched by just the acceptable factor: the share above the threshold lies as
/// far from 5 % as its variance says, which counts the control's own quantile.
#[test]
fn a_quantile_as_a_proportion_keeps_its_level_in_one_look() {
    let found = |seed, factor: f64| {
        let mut chance = chance(seed);
        let mut latencies = |stretch: f64| {
            let mut next =
                || (0.5 * (-2.0 * chance.next().ln()).sqrt() * (std::f64::consts::TAU * chance.next()).cos()).exp();
            (0..2000).map(|_| stretch * next()).collect::<Vec<_>>()
        };
        let mut control = latencies(1.0);
        control.sort_by(f64::total_cmp);
        let threshold = 1.1 * control[1899];
        let above = latencies(factor).into_iter().filter(|&latency| latency > threshold).count() as u64;
        let above = Proportion::new(above, 2000).unwrap();
        let excess = QuantileShare { above, level: 0.95, control: Some(2000) }.excess().unwrap();
        excess.z(0.0).unwrap() > 1.6448536269514722
    };
    let wrong = share(400, |seed| found(seed, 1.1));
    assert!((0.01..0.09).contains(&wrong), "{wrong}");
    assert!(share(100, |seed| found(seed, 1.3)) > 0.8);
}

/// Tenants are assigned, and each has a rate of its own. Counted as independent trials they promote what does harm;
/// thirty-two buckets, noised hour by hour, do not.
#[test]
fn buckets_keep_the_level_where_tenants_are_assigned() {
    const BUCKETS: usize = 32;
    let rates = [0.0, MARGIN].map(|harm| [0.02, 0.06, 0.1, 0.14, 0.18].map(|rate| binomial(rate + harm)));
    let sequence = ConfidenceSequence::new(Sides::One, 0.05, 30_000.0).unwrap();
    let promoted = |seed, scale: f64, clustered: bool| {
        let mut chance = chance(seed);
        // Four tenants in each bucket of each arm.
        let tenants = [(); 2].map(|()| [(); 4 * BUCKETS].map(|()| (chance.next() * 5.0) as usize));
        let mut so_far = [[Bucket { num: 0.0, den: 0.0 }; BUCKETS]; 2];
        (0..14).any(|day| {
            for (arm, tenants) in tenants.iter().enumerate() {
                for (i, &tenant) in tenants.iter().enumerate() {
                    let bucket = &mut so_far[arm][i % BUCKETS];
                    bucket.num += chance.hits(&rates[arm][tenant]) + chance.laplace(scale);
                    bucket.den += TRIALS as f64;
                }
            }
            let [control, treatment] = so_far.each_ref().map(|arm| {
                let estimate = buckets(arm).unwrap();
                if clustered {
                    return estimate;
                }
                let den = arm.iter().map(|bucket| bucket.den).sum::<f64>();
                Estimate::new(estimate.value(), estimate.value() * (1.0 - estimate.value()) / den).unwrap()
            });
            day > 0 && sequence.interval(treatment.minus(control).unwrap()).unwrap().high < MARGIN
        })
    };
    for scale in [0.0, 2.0] {
        let wrong = share(200, |seed| promoted(seed, scale, true));
        assert!(wrong <= 0.06, "noise {scale}: {wrong}");
    }
    assert!(share(100, |seed| promoted(seed, 0.0, false)) > 0.1);
}
