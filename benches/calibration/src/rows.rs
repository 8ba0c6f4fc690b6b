//! What do rows look like, in bins as fine as a sketch's?
//!
//! A sample of rows that is only ever counted is a multinomial draw over those bins, so a million rows cost no more than
//! a thousand bins. Numbers lie in the bins of a DDSketch of 1 %, which are cut into ten by the reference sample, as the
//! product does; categories are counted as they are.

use rand_chacha::ChaCha8Rng;
use rand_distr::{Binomial, Distribution};
use tidegate_stats::distance::psi;
use tidegate_stats::normal;

/// A distribution over fine bins, lowest values first.
pub(crate) struct Rows {
    pub(crate) name: &'static str,
    pub(crate) shares: Vec<f64>,
    binning: Binning,
}

/// How fine bins become the bins of a verdict.
#[derive(Clone, Copy)]
enum Binning {
    /// Ten of about as many reference rows.
    Tenths,
    /// Every one is a category.
    Categories,
    /// Nine most frequent categories and the others.
    MostFrequent,
}

/// The bounds of a DDSketch's bins are powers of this.
const GAMMA: f64 = 1.01 / 0.99;

impl Rows {
    pub(crate) fn all() -> Vec<Self> {
        let lognormal = |x: f64| normal::cdf(x.ln() / 0.8);
        let pareto = |x: f64| if x < 1.0 { 0.0 } else { 1.0 - x.powf(-1.5) };
        let zero_inflated = [0.6].into_iter().chain(positive(lognormal).into_iter().map(|share| 0.4 * share));
        let zipf = || (1..=1000).map(|rank| 1.0 / f64::from(rank)).collect();
        vec![
            Self::of("normal", both_signs(normal::cdf), Binning::Tenths),
            Self::of("lognormal", positive(lognormal), Binning::Tenths),
            Self::of("Pareto", positive(pareto), Binning::Tenths),
            Self::of("integers 0-4", vec![0.2; 5], Binning::Tenths),
            Self::of("zero-inflated", zero_inflated.collect(), Binning::Tenths),
            Self::of("Zipf, 1,000 categories", zipf(), Binning::Categories),
            Self::of("Zipf, 9 most frequent and others", zipf(), Binning::MostFrequent),
        ]
    }

    fn of(name: &'static str, shares: Vec<f64>, binning: Binning) -> Self {
        let total = shares.iter().sum::<f64>();
        let shares = shares.into_iter().map(|share| share / total).filter(|&share| share > 1e-12).collect();
        Self { name, shares, binning }
    }

    /// The bins a reference is cut into: the fine bin at which each ends.
    pub(crate) fn cut(&self, reference: &[f64]) -> Vec<usize> {
        match self.binning {
            Binning::Tenths => tenths(reference),
            Binning::Categories => (0..reference.len()).collect(),
            // Categories stand in order of their frequency.
            Binning::MostFrequent => (0..9).chain([reference.len() - 1]).collect(),
        }
    }

    /// Shares of rows that drifted so far that the index over `bins` is `wanted`: weights that rise with the rank.
    pub(crate) fn drifted(&self, bins: &[usize], wanted: f64) -> Vec<f64> {
        let ranks = self.shares.iter().scan(0.0, |below, share| {
            *below += share;
            Some(*below - 0.5 * share)
        });
        let ranks = ranks.collect::<Vec<_>>();
        let tilted = |tilt: f64| {
            let weights = self.shares.iter().zip(&ranks).map(|(share, rank)| share * (tilt * rank).exp());
            let weights = weights.collect::<Vec<_>>();
            let total = weights.iter().sum::<f64>();
            weights.into_iter().map(|weight| weight / total).collect::<Vec<_>>()
        };
        // Counts of many rows, so that half a count more per bin is nothing.
        let counts =
            |shares: &[f64]| coarse(shares, bins).iter().map(|share| (share * 1e15) as u64).collect::<Vec<_>>();
        let (mut low, mut high) = (0.0, 5.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            let index = psi(&counts(&self.shares), &counts(&tilted(middle))).unwrap_or(f64::INFINITY);
            if index < wanted { low = middle } else { high = middle }
        }
        tilted(high)
    }
}

/// Sums of what lies in each bin.
pub(crate) fn coarse(fine: &[f64], bins: &[usize]) -> Vec<f64> {
    let mut begin = 0;
    bins.iter()
        .map(|&end| {
            let sum = fine[begin..=end].iter().sum();
            begin = end + 1;
            sum
        })
        .collect()
}

/// `rows` rows, counted.
pub(crate) fn sample(random: &mut ChaCha8Rng, rows: u64, shares: &[f64]) -> Vec<f64> {
    let (mut left, mut rest) = (rows, 1.0);
    shares
        .iter()
        .map(|&share| {
            let chance = (share / rest).clamp(0.0, 1.0);
            rest -= share;
            let drawn = Binomial::new(left, chance).map_or(left, |binomial| binomial.sample(random));
            left -= drawn;
            drawn as f64
        })
        .collect()
}

/// Cuts at the bin whose distribution function is nearest to each tenth, and around bins that hold a tenth alone.
fn tenths(reference: &[f64]) -> Vec<usize> {
    let total = reference.iter().sum::<f64>();
    let cumulated = reference.iter().scan(0.0, |sum, count| {
        *sum += count / total;
        Some(*sum)
    });
    let cumulated = cumulated.collect::<Vec<_>>();
    let last = reference.iter().rposition(|&count| count > 0.0).unwrap_or(0);
    let mut ends = (1..10)
        .map(|tenth| {
            let wanted = f64::from(tenth) / 10.0;
            let after = cumulated.partition_point(|&share| share < wanted).min(last);
            // Between two bins that hold rows the lower end is the same cut.
            let before = reference[..after].iter().rposition(|&count| count > 0.0).unwrap_or(after);
            if wanted - cumulated[before] <= cumulated[after] - wanted { before } else { after }
        })
        .filter(|&end| end < last)
        .collect::<Vec<_>>();
    for (i, _) in reference.iter().enumerate().filter(|(_, count)| **count >= 0.1 * total) {
        ends.extend(i.checked_sub(1));
        ends.push(i);
    }
    ends.push(reference.len() - 1);
    ends.sort_unstable();
    ends.dedup();
    ends
}

/// Shares of the bins above 0.
fn positive(cdf: impl Fn(f64) -> f64) -> Vec<f64> {
    (-500..500).map(|i| cdf(GAMMA.powi(i + 1)) - cdf(GAMMA.powi(i))).collect()
}

/// Shares of the bins on both sides of 0.
fn both_signs(cdf: impl Fn(f64) -> f64) -> Vec<f64> {
    let below = (-500..500).rev().map(|i| cdf(-GAMMA.powi(i)) - cdf(-GAMMA.powi(i + 1))).collect::<Vec<_>>();
    below.into_iter().chain(positive(cdf)).collect()
}
