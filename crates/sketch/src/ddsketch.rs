//! How are numbers distributed, within a relative accuracy?

mod bins;
mod encode;
#[cfg(test)]
mod tests;

use crate::codec::add_rows;
use crate::error::{Error, Result};
use crate::gamma::{Gamma, MIN_SIZE};
use bins::Bins;

/// Counts of numbers in bins whose width is relative to their place (Masson, Rim, Lee: "DDSketch: a fast and
/// fully-mergeable quantile sketch with relative-error guarantees", VLDB 2019), never collapsed.
///
/// A finite number falls into a bin of its sign, or counts as zero if its size is at most 1e-9. Nulls, NaN and
/// the infinities are counted apart: quantiles, ranks and bins are of the finite numbers.
///
/// Merging and taking away are exact, because nothing but integers is kept; there is no sum, which could not
/// be. In memory a sketch has 8 bytes for each bin between its smallest and its greatest size, per sign: 345
/// bins for sizes a thousandfold apart at `alpha = 0.01`, and at most `730.5 / ln((1 + alpha) / (1 - alpha))`
/// (36,526 at 0.01), which takes sizes from 1e-9 to 1.8e308. Its bytes hold only bins that are not empty, 2
/// bytes and more each.
#[derive(Debug, Clone, PartialEq)]
pub struct DdSketch {
    gamma: Gamma,
    positive: Bins,
    negative: Bins,
    apart: Apart,
}

/// Rows that fall into no bin of a size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Apart {
    zeros: u64,
    nulls: u64,
    nan: u64,
    pos_inf: u64,
    neg_inf: u64,
}

impl Apart {
    const FIELDS: usize = 5;

    fn counts(&self) -> [u64; Self::FIELDS] {
        [self.zeros, self.nulls, self.nan, self.pos_inf, self.neg_inf]
    }

    fn of([zeros, nulls, nan, pos_inf, neg_inf]: [u64; Self::FIELDS]) -> Self {
        Self { zeros, nulls, nan, pos_inf, neg_inf }
    }
}

/// One bin of a sketch: how many finite numbers lie from `lower` to `upper`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bin {
    /// The bin's place on the number line: 0 is zero, 1 the smallest sizes above it, -1 those below.
    pub key: i32,
    /// The lower edge.
    pub lower: f64,
    /// What the bin stands for: within alpha of each number in it, relatively.
    pub value: f64,
    /// The upper edge.
    pub upper: f64,
    /// How many numbers.
    pub count: u64,
}

impl DdSketch {
    /// The relative accuracy unless another is asked for.
    pub const ALPHA: f64 = 0.01;

    /// An empty sketch of relative accuracy `alpha`.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `alpha` lies in `[0.001, 0.2]`.
    pub fn new(alpha: f64) -> Result<Self> {
        Ok(Self::over(Gamma::new(alpha)?))
    }

    fn over(gamma: Gamma) -> Self {
        Self { gamma, positive: Bins::default(), negative: Bins::default(), apart: Apart::default() }
    }

    /// The relative accuracy.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.gamma.alpha()
    }

    /// Counts `x`.
    #[inline]
    pub fn add(&mut self, x: f64) {
        let size = x.abs();
        if size > MIN_SIZE && size <= f64::MAX {
            let key = self.gamma.key(size);
            let bins = if x > 0.0 { &mut self.positive } else { &mut self.negative };
            bins.add(key, 1, &self.gamma);
        } else {
            *self.place_apart(x) += 1;
        }
    }

    /// Counts every one of `values`.
    pub fn extend(&mut self, values: &[f64]) {
        for &x in values {
            self.add(x);
        }
    }

    /// Counts a row without a value.
    pub fn add_null(&mut self) {
        self.apart.nulls += 1;
    }

    /// Counts `count` numbers whose sizes are of bin `key` of [`Gamma`], or zeros if that is below the first. `None` if there
    /// is no such bin. The caller sees to it that the rows are not too many.
    pub(crate) fn put(&mut self, positive: bool, key: i64, count: u64) -> Option<()> {
        let (lowest, highest) = self.gamma.keys();
        if key < i64::from(lowest) {
            self.put_zeros(count);
            return Some(());
        }
        let key = i32::try_from(key).ok().filter(|key| *key <= highest)?;
        let bins = if positive { &mut self.positive } else { &mut self.negative };
        bins.add(key, count, &self.gamma);
        Some(())
    }

    /// Counts `count` zeros, under the same condition.
    pub(crate) fn put_zeros(&mut self, count: u64) {
        self.apart.zeros += count;
    }

    /// Where a number that has no bin is counted.
    fn place_apart(&mut self, x: f64) -> &mut u64 {
        if x.is_nan() {
            &mut self.apart.nan
        } else if x == f64::INFINITY {
            &mut self.apart.pos_inf
        } else if x == f64::NEG_INFINITY {
            &mut self.apart.neg_inf
        } else {
            &mut self.apart.zeros
        }
    }

    /// Counts all that `other` counted.
    ///
    /// # Errors
    /// [`Error::Unlike`] if the accuracies differ; [`Error::Overflow`] if there are more than 2^63 - 1 rows. The
    /// sketch is then as it was.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.alike(other)?;
        // No single count is above the number of rows: what fits in all fits in each.
        add_rows(self.rows(), other.rows()).ok_or(Error::Overflow)?;
        self.positive.merge(&other.positive);
        self.negative.merge(&other.negative);
        let (mine, theirs) = (self.apart.counts(), other.apart.counts());
        self.apart = Apart::of(std::array::from_fn(|at| mine[at] + theirs[at]));
        Ok(())
    }

    /// Takes away all that `other` counted: undoes [`merge`](Self::merge).
    ///
    /// # Errors
    /// [`Error::Unlike`] if the accuracies differ; [`Error::NotHeld`] if `other` holds a row that this sketch does not.
    /// The sketch is then as it was.
    pub fn subtract(&mut self, other: &Self) -> Result<()> {
        self.alike(other)?;
        let (mine, theirs) = (self.apart.counts(), other.apart.counts());
        let held = mine.iter().zip(theirs).all(|(mine, theirs)| *mine >= theirs);
        if !held || !self.positive.holds(&other.positive) || !self.negative.holds(&other.negative) {
            return Err(Error::NotHeld);
        }
        self.positive.subtract(&other.positive);
        self.negative.subtract(&other.negative);
        self.apart = Apart::of(std::array::from_fn(|at| mine[at] - theirs[at]));
        Ok(())
    }

    /// Refuses another accuracy.
    pub(crate) fn alike(&self, other: &Self) -> Result<()> {
        let (left, right) = (self.alpha(), other.alpha());
        if left == right { Ok(()) } else { Err(Error::Unlike { name: "alpha", left, right }) }
    }

    /// The `q`-quantile of the finite numbers, within [`alpha`](Self::alpha) relatively: of `n` numbers in
    /// order, the one at `floor(q (n - 1))` from 0, as Datadog's sketches have it. `None` of no numbers.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] unless `q` lies in `[0, 1]`.
    pub fn quantile(&self, q: f64) -> Result<Option<f64>> {
        if !(0.0..=1.0).contains(&q) {
            return Err(Error::OutOfRange { name: "q", value: q, allowed: "[0, 1]" });
        }
        let Some(last) = self.count().checked_sub(1) else {
            return Ok(None);
        };
        let rank = ((q * last as f64) as u64).min(last);
        let mut below = 0;
        Ok(self.bins().find_map(|bin| {
            below += bin.count;
            (below > rank).then_some(bin.value)
        }))
    }

    /// The share of the finite numbers that lie in the bin of `x` or below it: exact for some number within
    /// [`alpha`](Self::alpha) of `x`, relatively. `None` of no numbers, and of a NaN.
    #[must_use]
    pub fn rank(&self, x: f64) -> Option<f64> {
        let count = self.count();
        if count == 0 || x.is_nan() {
            return None;
        }
        let key = self.place(x);
        let below = self.bins().take_while(|bin| bin.key <= key).map(|bin| bin.count).sum::<u64>();
        Some(below as f64 / count as f64)
    }

    /// The place of `x` on the number line, see [`Bin::key`]. No NaN.
    fn place(&self, x: f64) -> i32 {
        let size = x.abs().min(f64::MAX);
        if size <= MIN_SIZE {
            return 0;
        }
        let steps = self.gamma.key(size) - self.gamma.keys().0 + 1;
        if x > 0.0 { steps } else { -steps }
    }

    /// How many finite numbers were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.positive.total() + self.negative.total() + self.apart.zeros
    }

    /// How many rows were counted: finite numbers, nulls, NaN and infinities.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.positive.total() + self.negative.total() + self.apart.counts().iter().sum::<u64>()
    }

    /// How many numbers of a size up to 1e-9.
    #[must_use]
    pub fn zeros(&self) -> u64 {
        self.apart.zeros
    }

    /// How many rows without a value.
    #[must_use]
    pub fn nulls(&self) -> u64 {
        self.apart.nulls
    }

    /// How many NaN.
    #[must_use]
    pub fn nan(&self) -> u64 {
        self.apart.nan
    }

    /// How many positive infinities.
    #[must_use]
    pub fn pos_inf(&self) -> u64 {
        self.apart.pos_inf
    }

    /// How many negative infinities.
    #[must_use]
    pub fn neg_inf(&self) -> u64 {
        self.apart.neg_inf
    }

    /// The bins that are not empty, from the lowest to the highest.
    pub fn bins(&self) -> impl Iterator<Item = Bin> {
        let gamma = self.gamma;
        let first = gamma.keys().0;
        let positive = move |(key, count): (i32, u64)| {
            let (lower, value, upper) = (gamma.lower(key), gamma.value(key), gamma.lower(key + 1));
            Bin { key: key - first + 1, lower, value, upper, count }
        };
        let negative = move |bin: (i32, u64)| {
            let Bin { key, lower, value, upper, count } = positive(bin);
            Bin { key: -key, lower: -upper, value: -value, upper: -lower, count }
        };
        let zero = Bin { key: 0, lower: -MIN_SIZE, value: 0.0, upper: MIN_SIZE, count: self.apart.zeros };
        let zero = (zero.count > 0).then_some(zero);
        self.negative.iter().rev().map(negative).chain(zero).chain(self.positive.iter().map(positive))
    }

    /// How many bytes the sketch takes beside its own value.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.positive.heap_size() + self.negative.heap_size()
    }
}

impl Default for DdSketch {
    /// An empty sketch of accuracy [`ALPHA`](Self::ALPHA).
    fn default() -> Self {
        Self::over(Gamma::of(Self::ALPHA))
    }
}
