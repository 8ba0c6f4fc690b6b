//! Did a distribution drift, seen through counts that were noised for privacy?
//!
//! All here is post-processing of noisy counts and costs no privacy.
//!
//! Noise of variance `s^2` in each count adds `s^2 / n^2` to the variance of a share. Over equal bins that stretches
//! the index by `1 + s^2 B / n`. Over unequal ones it is a sum of squares with unequal weights, and is approximated by
//! the scaled chi-square with the same mean and variance (F. Satterthwaite, Biometrics Bulletin 2 (1946), 110-114).
//! The materiality `delta` is not stretched: it is asked of the rows, not of the noise.
//!
//! That holds while noise is small beside every count. Where a bin expects fewer rows than ten standard deviations, the
//! logarithm makes tails heavier than any chi-square; there the noisy pooled histogram is sampled and noised again, many
//! times, and the threshold is stretched by what those replicates exceed. Their seed is the caller's, so that the same
//! counts give the same verdict.

use super::replicate::Seeded;
use super::{Drift, DriftTest, LEAST_ROWS, Measured, Spread, Verdict};
use crate::error::{Error, Result, open_range};
use crate::homogeneity::LEAST_EXPECTED;
use crate::noise::Noise;

/// Bins that expect fewer standard deviations of their noise are pooled.
const POOLED_BELOW: f64 = 3.0;
/// Bins that all expect at least so many standard deviations need no replicates.
const CALM_FROM: f64 = 10.0;
/// Replicates beyond the threshold that its estimate should rest on.
const BEYOND: f64 = 10.0;
/// The smallest level that replicates are drawn for.
const LEAST_ALPHA: f64 = 1e-3;

impl Noise {
    fn draw(self, random: &mut Seeded) -> f64 {
        match self {
            Self::Laplace { scale } => random.geometric(scale) - random.geometric(scale),
            Self::Gaussian { scale } => (scale * random.normal()).round(),
        }
    }
}

/// The verdict over noisy counts per bin, which may be negative. No bin may be left out for being empty, and bins must
/// not follow from exact rows: they come from public bounds or from a histogram that was released.
///
/// # Errors
/// [`Error::UnequalBins`] if the sides differ in length, [`Error::OutOfRange`] if `test` or `noise` holds a value
/// outside of its range; with noise `alpha` must be at least 0.001.
pub fn noisy_drift(reference: &[i64], current: &[i64], noise: Noise, test: DriftTest, seed: u64) -> Result<Drift> {
    test.check()?;
    open_range("alpha under noise", test.alpha, LEAST_ALPHA.next_down(), 1.0, "[0.001, 1)")?;
    let noise = noise.checked()?;
    if reference.len() != current.len() {
        return Err(Error::UnequalBins { reference: reference.len(), current: current.len() });
    }
    let bins = reference.iter().zip(current).map(|(&a, &b)| Bin { a: a as f64, b: b as f64, counts: 1.0 }).collect();
    let Some(table) = Table::pooled(bins, noise.variance()) else {
        return Ok(Drift { verdict: Verdict::Insufficient, measured: None });
    };
    let few = table.n.min(table.m) < LEAST_ROWS as f64 || table.bins.len() < 2;
    let spread = table.spread(noise.variance());
    let mut measured = spread.measure(table.psi(), table.bins.len(), test)?;
    if !few && !table.calm(noise.variance()) {
        replicated(&mut measured, &table, spread, noise, test, seed)?;
    }
    Ok(Drift { verdict: test.verdict(few, measured), measured: Some(measured) })
}

/// Stretches the threshold, and draws the p-values, by samples of the pooled histogram that are noised alike.
fn replicated(
    measured: &mut Measured,
    table: &Table,
    spread: Spread,
    noise: Noise,
    test: DriftTest,
    seed: u64,
) -> Result<()> {
    let replicates = (BEYOND / test.alpha).ceil() as usize;
    let mut random = Seeded::new(seed);
    let mut again = table.clone();
    let mut drawn = (0..replicates).map(|_| again.redraw(table, noise, &mut random)).collect::<Vec<_>>();
    drawn.sort_unstable_by(f64::total_cmp);
    let beyond = (test.alpha * replicates as f64) as usize;
    let seen = drawn[replicates - beyond.clamp(1, replicates)];
    let stretch = seen / (spread.scale * spread.under(0.0)?.critical(test.alpha)?);
    measured.threshold *= stretch;
    let as_great = replicates - drawn.partition_point(|&psi| psi < measured.psi);
    measured.p_value = (as_great + 1) as f64 / (replicates + 1) as f64;
    measured.p_material = spread.under(test.delta)?.survival(measured.psi / (stretch * spread.scale));
    Ok(())
}

/// A bin of noisy counts, each of which may be a sum of several.
#[derive(Debug, Clone, Copy)]
struct Bin {
    a: f64,
    b: f64,
    counts: f64,
}

/// Bins that were pooled until noise is smaller than what they hold.
#[derive(Debug, Clone)]
struct Table {
    bins: Vec<Bin>,
    n: f64,
    m: f64,
    /// What each bin is expected to hold of both sides together.
    shares: Vec<f64>,
}

impl Table {
    /// Nothing, if noise left no rows on a side.
    fn pooled(bins: Vec<Bin>, variance: f64) -> Option<Self> {
        let total = |bins: &[Bin]| bins.iter().fold((0.0, 0.0), |sum, bin| (sum.0 + bin.a, sum.1 + bin.b));
        let (n, m) = total(&bins);
        if n <= 0.0 || m <= 0.0 {
            return None;
        }
        let smaller = n.min(m) / (n + m);
        let rare =
            |bin: &Bin| (bin.a + bin.b) * smaller < LEAST_EXPECTED.max(POOLED_BELOW * (variance * bin.counts).sqrt());
        let (rest, mut kept): (Vec<_>, Vec<_>) = bins.into_iter().partition(rare);
        kept.sort_by(|x, y| (y.a + y.b).total_cmp(&(x.a + x.b)));
        if !rest.is_empty() {
            let (a, b) = total(&rest);
            let mut pool = Bin { a, b, counts: rest.len() as f64 };
            while rare(&pool)
                && let Some(next) = kept.pop()
            {
                pool = Bin { a: pool.a + next.a, b: pool.b + next.b, counts: pool.counts + next.counts };
            }
            kept.push(pool);
        }
        // A share below nothing is noise.
        kept.iter_mut().for_each(|bin| (bin.a, bin.b) = (bin.a.max(0.0), bin.b.max(0.0)));
        let (n, m) = total(&kept);
        if n <= 0.0 || m <= 0.0 {
            return None;
        }
        let shares = kept.iter().map(|bin| (bin.a + bin.b) / (n + m)).collect();
        Some(Self { bins: kept, n, m, shares })
    }

    fn psi(&self) -> f64 {
        let (n, m) = self.bins.iter().fold((0.0, 0.0), |sum, bin| (sum.0 + bin.a + 0.5, sum.1 + bin.b + 0.5));
        let shares = self.bins.iter().map(|bin| ((bin.a + 0.5) / n, (bin.b + 0.5) / m));
        shares.map(|(p, q)| (p - q) * (p / q).ln()).sum::<f64>().max(0.0)
    }

    /// True if noise is small beside every bin.
    fn calm(&self, variance: f64) -> bool {
        let smaller = self.n.min(self.m);
        let mut bins = self.bins.iter().zip(&self.shares);
        bins.all(|(bin, share)| share * smaller >= CALM_FROM * (variance * bin.counts).sqrt())
    }

    /// The scaled chi-square whose mean and variance are those of `sum (p - q)^2 / share`, where sampling gives `p - q`
    /// the covariance `w (diag(share) - share share')` and noise, after division by its own total, that of
    /// `(I - share 1') diag(v) (I - 1 share')`.
    fn spread(&self, variance: f64) -> Spread {
        let w = 1.0 / self.n + 1.0 / self.m;
        let df = self.bins.len() as f64 - 1.0;
        let per_count = variance * (1.0 / (self.n * self.n) + 1.0 / (self.m * self.m));
        let total = per_count * self.bins.iter().map(|bin| bin.counts).sum::<f64>();
        let (mut mean, mut squares) = (-total, total * total);
        for (bin, share) in self.bins.iter().zip(&self.shares) {
            let v = per_count * bin.counts;
            let ratio = v / share;
            mean += ratio;
            squares += ratio * (ratio - 2.0 * v);
        }
        let half_variance = w * w * df + 2.0 * w * mean + squares;
        let mean = w * df + mean;
        Spread { scale: half_variance / mean, df: mean * mean / half_variance }
    }

    /// Counts drawn from the shares of `of` and noised anew; their index.
    fn redraw(&mut self, of: &Self, noise: Noise, random: &mut Seeded) -> f64 {
        let mut counts = vec![0.0; of.bins.len()];
        random.multinomial(of.n.round() as u64, &of.shares, &mut counts);
        for (bin, &count) in self.bins.iter_mut().zip(&counts) {
            bin.a = noised(count, bin.counts, noise, random);
        }
        random.multinomial(of.m.round() as u64, &of.shares, &mut counts);
        for (bin, &count) in self.bins.iter_mut().zip(&counts) {
            bin.b = noised(count, bin.counts, noise, random);
        }
        self.psi()
    }
}

fn noised(count: f64, counts: f64, noise: Noise, random: &mut Seeded) -> f64 {
    /// A sum of so many is as good as normal.
    const MANY: f64 = 20.0;
    let noise = if counts > MANY {
        (noise.variance() * counts).sqrt() * random.normal()
    } else {
        (0..counts as u64).map(|_| noise.draw(random)).sum()
    };
    (count + noise).max(0.0)
}
