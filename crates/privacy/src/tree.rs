//! Where do the quantiles lie, when only noisy counts may be seen?
//!
//! A public range is cut into leaves, and counts are kept for every node of a b-ary tree over them: a unit changes one
//! node per level, and any prefix is the sum of few nodes. The counts are a measure like any other (they merge by
//! addition and are noised by [`Calibration::draw`](crate::Calibration::draw)); everything after is free of charge.
//!
//! ```text
//! level 0            root               b = 2, 5 leaves, h = 4 levels
//! level 1        .         .
//! level 2      .   .     .   .
//! level 3     0 1 2 3   4               nodes after the last leaf are not stored
//! ```

use opendp::transformations::make_consistent_b_ary_tree;

use crate::error::{Result, range};

/// The most leaves a tree may have: each costs a noise draw per group.
const MOST_LEAVES: usize = 1 << 20;

/// The shape of a tree. Its nodes are stored level by level from the root, as OpenDP's `make_b_ary_tree` stores them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tree {
    leaves: usize,
    branching: usize,
    height: usize,
}

impl Tree {
    /// A tree over `leaves` leaves in which a node has `branching` children.
    ///
    /// # Errors
    /// [`Error::OutOfRange`](crate::Error::OutOfRange) unless there are 1 to 2^20 leaves and 2 to 1024 branches.
    pub fn new(leaves: usize, branching: usize) -> Result<Self> {
        range((1..=MOST_LEAVES).contains(&leaves), "leaves", leaves as f64, "[1, 2^20]")?;
        range((2..=1024).contains(&branching), "branching", branching as f64, "[2, 1024]")?;
        let (mut height, mut width) = (1, 1);
        while width < leaves {
            (height, width) = (height + 1, width * branching);
        }
        Ok(Self { leaves, branching, height })
    }

    /// Levels, the root and the leaves included: how many nodes one row is counted in. With `r` rows per unit and
    /// group the bounds of the measure are `l1 = r height` and `l2 = r sqrt(height)`.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Number of leaves.
    #[must_use]
    pub fn leaves(&self) -> usize {
        self.leaves
    }

    /// Coordinates per group: all nodes above the leaves, and the leaves.
    #[must_use]
    pub fn nodes(&self) -> usize {
        let above: usize = (0..self.height - 1).map(|level| self.width(level)).sum();
        above + self.leaves
    }

    /// The count of every node, level by level from the root. Missing leaves count 0, those too many are left out,
    /// and sums saturate.
    #[must_use]
    pub fn counts(&self, leaf_counts: &[i64]) -> Vec<i64> {
        let mut level = leaf_counts.to_vec();
        level.resize(self.leaves, 0);
        let mut levels = vec![level];
        for depth in (0..self.height - 1).rev() {
            let below = levels.last().map_or(&[][..], Vec::as_slice);
            let sum = |children: &[i64]| children.iter().fold(0_i64, |sum, count| sum.saturating_add(*count));
            let mut above: Vec<i64> = below.chunks(self.branching).map(sum).collect();
            above.resize(self.width(depth), 0);
            levels.push(above);
        }
        levels.into_iter().rev().flatten().collect()
    }

    /// Where the quantile `q` lies, in leaves from the left end of the range: from 0 to the number of leaves.
    ///
    /// Noisy nodes are first made to agree by weighted least squares (Hay et al., VLDB 2010, section 4, as OpenDP's
    /// `make_consistent_b_ary_tree` has it for trees that lack leaves). The sums from the left are then made to grow
    /// (isotonic regression) and kept between 0 and the total. Inside a leaf counts are taken as evenly spread.
    ///
    /// `None` when the total is not above 0, when `q` is not in [0, 1], or when `noisy` has not as many coordinates
    /// as [`Tree::nodes`].
    #[must_use]
    pub fn quantile(&self, noisy: &[i64], q: f64) -> Option<f64> {
        if noisy.len() != self.nodes() || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let cumulative = self.cumulative(noisy)?;
        let target = q * cumulative.last()?;
        let mut before = 0.0;
        for (leaf, sum) in (0_u32..).zip(cumulative) {
            if sum >= target && sum > before {
                return Some(f64::from(leaf) + (target - before) / (sum - before));
            }
            before = sum;
        }
        None
    }

    /// Growing sums from the left, from 0 to a total above 0.
    fn cumulative(&self, noisy: &[i64]) -> Option<Vec<f64>> {
        let branching = u32::try_from(self.branching).ok()?;
        let consistent = make_consistent_b_ary_tree::<i64, f64>(branching).ok()?;
        let leaves = consistent.eval(&noisy.to_vec()).ok()?;
        let sums: Vec<f64> = leaves
            .iter()
            .scan(0.0, |sum, count| {
                *sum += count;
                Some(*sum)
            })
            .collect();
        let total = sums.last().copied().filter(|total| *total > 0.0 && total.is_finite())?;
        let mut sums = isotonic(&sums);
        for sum in &mut sums {
            *sum = sum.clamp(0.0, total);
        }
        // Regression never lowers the last value; what rounding took from it is given back.
        *sums.last_mut()? = total;
        Some(sums)
    }

    /// Nodes of a level above the leaves.
    fn width(&self, level: usize) -> usize {
        (0..level).fold(1, |width, _| width * self.branching)
    }
}

/// The growing sequence nearest in least squares, by pooling adjacent violators (Ayer et al., 1955).
fn isotonic(values: &[f64]) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::with_capacity(values.len());
    for value in values {
        let mut pool = (*value, 1);
        while let Some((mean, len)) = pools.pop_if(|(mean, _)| *mean > pool.0) {
            let joined = len + pool.1;
            pool = ((mean * len as f64 + pool.0 * pool.1 as f64) / joined as f64, joined);
        }
        pools.push(pool);
    }
    pools.into_iter().flat_map(|(mean, len)| std::iter::repeat_n(mean, len)).collect()
}

#[cfg(test)]
mod tests;
