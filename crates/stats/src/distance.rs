//! How far apart are two distributions over the same bins?
//!
//! Each function takes counts per bin: `reference` first, `current` second, one entry per bin on both sides. Shares are
//! `p = reference / n` and `q = current / m`. Bins that are empty on both sides say nothing and are left out.
//!
//! `psi` and `kl_divergence` would be infinite where one side is empty, so they take half a count more in every bin,
//! on both sides. That is also what makes the expectation of `psi` under no drift that of its chi-square
//! approximation, up to the square of the counts per bin (`crate::drift`).

use crate::error::{Error, Result};

/// Population stability index, `sum (p - q) ln(p / q)`, with half a count added to every bin; in nats, 0 and up.
///
/// It is the sum of both Kullback-Leibler divergences, Jeffreys' divergence (H. Jeffreys, Proc. Royal Society A 186
/// (1946), 453-461).
///
/// ```
/// let psi = tidegate_stats::distance::psi(&[2, 1, 1, 0], &[1, 2, 0, 1])?;
/// assert!((psi - 0.5364793041447002).abs() < 1e-14);
/// # Ok::<(), tidegate_stats::Error>(())
/// ```
///
/// # Errors
/// [`Error::UnequalBins`] if the sides differ in length, [`Error::EmptySample`] if one of them counts nothing.
pub fn psi(reference: &[u64], current: &[u64]) -> Result<f64> {
    let shares = smoothed(reference, current)?;
    Ok(shares.map(|(p, q)| (p - q) * (p / q).ln()).sum::<f64>().max(0.0))
}

/// Kullback-Leibler divergence of the current from the reference, `sum q ln(q / p)`, with half a count added to every
/// bin; in nats, 0 and up: how surprising the current rows are to one who expects the reference.
///
/// # Errors
/// As [`psi`].
pub fn kl_divergence(reference: &[u64], current: &[u64]) -> Result<f64> {
    let shares = smoothed(reference, current)?;
    Ok(shares.map(|(p, q)| q * (q / p).ln()).sum::<f64>().max(0.0))
}

/// Jensen-Shannon divergence, `(KL(p, m) + KL(q, m)) / 2` with `m = (p + q) / 2`; in bits, from 0 to 1
/// (J. Lin, IEEE Transactions on Information Theory 37 (1991), 145-151).
///
/// # Errors
/// As [`psi`].
pub fn js_divergence(reference: &[u64], current: &[u64]) -> Result<f64> {
    let towards = |p: f64, m: f64| if p > 0.0 { p * (p / m).log2() } else { 0.0 };
    let halves = shares(reference, current)?.map(|(p, q)| {
        let middle = p.midpoint(q);
        towards(p, middle) + towards(q, middle)
    });
    Ok((0.5 * halves.sum::<f64>()).clamp(0.0, 1.0))
}

/// The root of [`js_divergence`], which is a metric; from 0 to 1.
///
/// # Errors
/// As [`psi`].
pub fn js_distance(reference: &[u64], current: &[u64]) -> Result<f64> {
    Ok(js_divergence(reference, current)?.sqrt())
}

/// Hellinger distance, `sqrt(sum (sqrt p - sqrt q)^2 / 2)`; from 0 to 1.
///
/// # Errors
/// As [`psi`].
pub fn hellinger(reference: &[u64], current: &[u64]) -> Result<f64> {
    let squares = shares(reference, current)?.map(|(p, q)| (p.sqrt() - q.sqrt()).powi(2));
    Ok((0.5 * squares.sum::<f64>()).sqrt().min(1.0))
}

/// Total variation, `sum |p - q| / 2`: the share of rows that would have to move; from 0 to 1.
///
/// # Errors
/// As [`psi`].
pub fn total_variation(reference: &[u64], current: &[u64]) -> Result<f64> {
    Ok((0.5 * shares(reference, current)?.map(|(p, q)| (p - q).abs()).sum::<f64>()).min(1.0))
}

/// The greatest difference of a share, `max |p - q|`; from 0 to 1.
///
/// # Errors
/// As [`psi`].
pub fn l_infinity(reference: &[u64], current: &[u64]) -> Result<f64> {
    Ok(shares(reference, current)?.map(|(p, q)| (p - q).abs()).fold(0.0, f64::max))
}

/// Number of rows on each side.
///
/// # Errors
/// As [`psi`].
pub(crate) fn totals(reference: &[u64], current: &[u64]) -> Result<(f64, f64)> {
    if reference.len() != current.len() {
        return Err(Error::UnequalBins { reference: reference.len(), current: current.len() });
    }
    // Sums of u64 as floats: what overflows or rounds is beyond 2^53 rows.
    let total = |counts: &[u64]| counts.iter().map(|&count| count as f64).sum::<f64>();
    let (n, m) = (total(reference), total(current));
    if n == 0.0 || m == 0.0 {
        return Err(Error::EmptySample);
    }
    Ok((n, m))
}

/// Counts of the bins that are not empty on both sides.
pub(crate) fn filled(reference: &[u64], current: &[u64]) -> impl Iterator<Item = (f64, f64)> + Clone {
    let pairs = reference.iter().zip(current).filter(|&(&a, &b)| a > 0 || b > 0);
    pairs.map(|(&a, &b)| (a as f64, b as f64))
}

fn shares(reference: &[u64], current: &[u64]) -> Result<impl Iterator<Item = (f64, f64)>> {
    let (n, m) = totals(reference, current)?;
    Ok(filled(reference, current).map(move |(a, b)| (a / n, b / m)))
}

fn smoothed(reference: &[u64], current: &[u64]) -> Result<impl Iterator<Item = (f64, f64)>> {
    let (n, m) = totals(reference, current)?;
    let bins = filled(reference, current);
    let more = 0.5 * bins.clone().count() as f64;
    Ok(bins.map(move |(a, b)| ((a + 0.5) / (n + more), (b + 0.5) / (m + more))))
}

#[cfg(test)]
mod tests;
