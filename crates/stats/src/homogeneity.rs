//! Do two samples of categories come from one distribution? Pearson's test of homogeneity.

use crate::chi_square::ChiSquare;
use crate::distance::{filled, totals};
use crate::error::{Error, Result};

/// Below this expected count the chi-square approximation of a cell is poor (W. G. Cochran, Annals of Mathematical
/// Statistics 23 (1952), 315-345).
pub(crate) const LEAST_EXPECTED: f64 = 5.0;

/// What the test says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Homogeneity {
    /// The statistic, `sum (sqrt(m/n) a - sqrt(n/m) b)^2 / (a + b)`, 0 and up.
    pub x2: f64,
    /// Degrees of freedom: categories less one.
    pub df: u64,
    /// How likely is a statistic at least as great, if nothing differs.
    pub p: f64,
    /// Cramer's V, `sqrt(x2 / (n + m))`, from 0 to 1: how strong the difference is, whatever the number of rows.
    pub cramers_v: f64,
}

/// Pearson's two-sample test over counts per category, both sides taken as samples, without a continuity correction.
///
/// Categories whose expected count is below 5 on a side are pooled first ([`pool_rare`]).
///
/// ```
/// let test = tidegate_stats::chi2_test(&[30, 70], &[50, 50])?;
/// assert!((test.x2 - 25.0 / 3.0).abs() < 1e-12 && test.df == 1);
/// # Ok::<(), tidegate_stats::Error>(())
/// ```
///
/// # Errors
/// [`Error::UnequalBins`] if the sides differ in length, [`Error::EmptySample`] if one of them counts nothing,
/// [`Error::SingleBin`] if fewer than two categories are left.
pub fn chi2_test(reference: &[u64], current: &[u64]) -> Result<Homogeneity> {
    let (reference, current) = pool_rare(reference, current)?;
    unpooled(&reference, &current)
}

/// The test over the categories as they are.
pub(crate) fn unpooled(reference: &[u64], current: &[u64]) -> Result<Homogeneity> {
    let (n, m) = totals(reference, current)?;
    let (to_m, to_n) = ((m / n).sqrt(), (n / m).sqrt());
    let cells = filled(reference, current);
    let df = cells.clone().count() as u64 - 1;
    if df == 0 {
        return Err(Error::SingleBin);
    }
    let x2 = cells.map(|(a, b)| (to_m * a - to_n * b).powi(2) / (a + b)).sum::<f64>();
    let p = ChiSquare::new(df as f64)?.survival(x2);
    Ok(Homogeneity { x2, df, p, cramers_v: (x2 / (n + m)).sqrt().min(1.0) })
}

/// Counts after all categories with an expected count below 5 on a side became one, which is the last; bins that are
/// empty on both sides are gone. If that one still expects less, the rarest category left joins it.
///
/// Rare is what both sides together have little of: given the sum of a category's counts its rows are split by chance
/// alone if nothing differs, so that pooling by the sum does not favour either answer. Pooling by the reference's counts would:
/// a category that was rare there by chance is more frequent in the next sample.
///
/// # Errors
/// [`Error::UnequalBins`] if the sides differ in length, [`Error::EmptySample`] if one of them counts nothing.
pub fn pool_rare(reference: &[u64], current: &[u64]) -> Result<(Vec<u64>, Vec<u64>)> {
    let (n, m) = totals(reference, current)?;
    let least = LEAST_EXPECTED * (n + m) / n.min(m);
    let sum = |&(a, b): &(u64, u64)| a as f64 + b as f64;
    let cells = reference.iter().copied().zip(current.iter().copied()).filter(|cell| sum(cell) > 0.0);
    let (mut kept, rare): (Vec<_>, Vec<_>) = cells.partition(|cell| sum(cell) >= least);
    if !rare.is_empty() {
        let mut pool = rare.iter().fold((0, 0), add);
        if sum(&pool) < least
            && let Some(rarest) = (0..kept.len()).min_by(|&i, &j| sum(&kept[i]).total_cmp(&sum(&kept[j])))
        {
            let next = kept.remove(rarest);
            pool = add(pool, &next);
        }
        kept.push(pool);
    }
    Ok(kept.into_iter().unzip())
}

/// Counts of the `bins - 1` most frequent categories, most frequent first, and of all others together; bins that are
/// empty on both sides are gone. Frequent is what both sides together have most of, as in [`pool_rare`].
///
/// A verdict over a thousand categories finds a drift of all of them only in many rows: chance alone moves each a little.
/// Ten bins find the same index with as few rows as ten bins of numbers do, but see no drift among the others.
///
/// # Errors
/// [`Error::UnequalBins`] if the sides differ in length, [`Error::SingleBin`] if `bins` is below 2.
pub fn most_frequent(reference: &[u64], current: &[u64], bins: usize) -> Result<(Vec<u64>, Vec<u64>)> {
    if reference.len() != current.len() {
        return Err(Error::UnequalBins { reference: reference.len(), current: current.len() });
    }
    if bins < 2 {
        return Err(Error::SingleBin);
    }
    let sum = |&(a, b): &(u64, u64)| a.saturating_add(b);
    let mut cells = reference.iter().copied().zip(current.iter().copied()).collect::<Vec<_>>();
    cells.retain(|cell| sum(cell) > 0);
    cells.sort_by_key(|cell| std::cmp::Reverse(sum(cell)));
    let others = cells.split_off(cells.len().min(bins - 1));
    if !others.is_empty() {
        cells.push(others.iter().fold((0, 0), add));
    }
    Ok(cells.into_iter().unzip())
}

fn add(pool: (u64, u64), cell: &(u64, u64)) -> (u64, u64) {
    (pool.0.saturating_add(cell.0), pool.1.saturating_add(cell.1))
}

#[cfg(test)]
mod tests;
