//! Where are the paths that have not crossed yet?

use crate::normal;
use crate::normal_mixture::Sides;

/// Paths further from their mean than so many standard deviations are left out: 1e-19 of them.
const REACH: f64 = 9.0;

/// Nodes and weights of Gauss and Legendre on [-1, 1], the half above 0.
const NODES: [(f64, f64); 4] = [
    (0.183_434_642_495_649_8, 0.362_683_783_378_362),
    (0.525_532_409_916_329, 0.313_706_645_877_887_27),
    (0.796_666_477_413_626_7, 0.222_381_034_453_374_48),
    (0.960_289_856_497_536_3, 0.101_228_536_290_376_26),
];

/// A point of the score, and how much of the paths it stands for.
#[derive(Debug, Clone, Copy)]
struct Point {
    score: f64,
    mass: f64,
}

/// The paths that have not crossed by the last look, as points in rising order of the score.
#[derive(Debug)]
pub(super) struct Density {
    sides: Sides,
    drift: f64,
    /// Fraction of the last look.
    t: f64,
    points: Vec<Point>,
}

impl Density {
    /// All paths, before the first look.
    pub(super) fn start(sides: Sides, drift: f64) -> Self {
        Self { sides, drift, t: 0.0, points: vec![Point { score: 0.0, mass: 1.0 }] }
    }

    /// The probability not to have crossed before and to be above `z` at the fraction `t`.
    pub(super) fn crossing(&self, t: f64, z: f64) -> f64 {
        self.sum(t, |mean, step| normal::survival((z * t.sqrt() - mean) / step))
    }

    /// The probability not to have crossed before and to be below `-z` at the fraction `t`.
    pub(super) fn crossing_down(&self, t: f64, z: f64) -> f64 {
        self.sum(t, |mean, step| normal::cdf((-z * t.sqrt() - mean) / step))
    }

    /// The paths that have not crossed `z` at `t` either, at points close enough for a step to `next`.
    pub(super) fn advance(&self, t: f64, z: f64, next: f64) -> Self {
        let (step, spread, mean) = ((t - self.t).sqrt(), t.sqrt(), self.drift * t);
        let high = (z * spread).min(mean + REACH * spread);
        let lowest = mean - REACH * spread;
        let low = if self.sides == Sides::Two { lowest.max(-z * spread) } else { lowest };
        let mut points = Vec::new();
        if low < high {
            // As narrow as the density before and the step after are smooth.
            let panels = ((high - low) / step.min((next - t).sqrt())).ceil().max(1.0);
            let half = 0.5 * (high - low) / panels;
            for panel in 0..panels as usize {
                let centre = low + (2 * panel + 1) as f64 * half;
                let below = NODES.iter().rev().map(|&(x, w)| (centre - half * x, w));
                let above = NODES.iter().map(|&(x, w)| (centre + half * x, w));
                points.extend(below.chain(above).map(|(score, weight)| {
                    let mass = half * weight * self.at(t, score, step);
                    Point { score, mass }
                }));
            }
        }
        Self { sides: self.sides, drift: self.drift, t, points }
    }

    /// The density at `score` after a step to `t`.
    fn at(&self, t: f64, score: f64, step: f64) -> f64 {
        let shift = self.drift * (t - self.t);
        let near = |reach: f64| self.points.partition_point(|point| point.score + shift < score + reach);
        let points = &self.points[near(-REACH * step)..near(REACH * step)];
        points.iter().map(|point| point.mass * normal::density((score - point.score - shift) / step)).sum::<f64>()
            / step
    }

    fn sum(&self, t: f64, probability: impl Fn(f64, f64) -> f64) -> f64 {
        let (step, shift) = ((t - self.t).sqrt(), self.drift * (t - self.t));
        self.points.iter().map(|point| point.mass * probability(point.score + shift, step)).sum()
    }
}
