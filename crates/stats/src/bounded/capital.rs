//! Intervals of the means against which nobody could have grown rich.

use crate::error::{Result, open_range};
use crate::interval::Interval;
use crate::root;

use super::bets::bets;
use super::per_side;

/// Of what a single value could lose the share that is risked.
const RISKED: f64 = 0.5;

/// Logarithm of the hedged capital of who bets that the mean is not `mean`, after all `values`: half of it on a greater
/// mean and half on a smaller one, of which the richer counts (Waudby-Smith and Ramdas, theorem 3).
///
/// ```text
/// K+ = prod (1 + min(l_i, c / mean) (x_i - mean))    K- = prod (1 - min(l_i, c / (1 - mean)) (x_i - mean))    c = 1/2
/// ```
/// An e-process: while `mean` is true it exceeds `1 / alpha` at any time with probability `alpha` at most. Bets `l_i` are
/// those that are best for this `alpha`.
///
/// # Errors
/// [`Error::EmptySample`](crate::Error::EmptySample) without a value, [`Error::OutOfRange`](crate::Error::OutOfRange)
/// unless all lie in `[0, 1]`, `0 < mean < 1` and `0 < alpha < 1`.
pub fn log_capital(values: &[f64], mean: f64, alpha: f64) -> Result<f64> {
    let per_side = per_side(values, alpha)?;
    let mean = open_range("mean", mean, 0.0, 1.0, "(0, 1)")?;
    let (greater, smaller) =
        (log_won(values, |x| x, mean, per_side), log_won(values, |x| 1.0 - x, 1.0 - mean, per_side));
    Ok(greater.max(smaller) - std::f64::consts::LN_2)
}

/// The means whose capital stayed below `1 / alpha`. `confseq` rounds this to a grid, outwards; here bounds are exact.
///
/// # Errors
/// Those of [`log_capital`].
pub fn betting_interval(values: &[f64], alpha: f64) -> Result<Interval> {
    let per_side = per_side(values, alpha)?;
    // The capital falls as the mean that is bet against grows: each of its factors does.
    let lower = |value_of: fn(f64) -> f64| {
        let short = |mean: f64| -per_side.ln() - log_won(values, value_of, mean, per_side);
        if short(0.0) >= 0.0 { 0.0 } else { root::crossing(short, 0.0, 1.0) }
    };
    Ok(Interval { low: lower(|x| x), high: 1.0 - lower(|x| 1.0 - x), level: 1.0 - alpha })
}

/// Logarithm of what was won on a mean above `mean`.
fn log_won(values: &[f64], value_of: fn(f64) -> f64, mean: f64, alpha: f64) -> f64 {
    let factors =
        bets(values, alpha).zip(values).map(|(bet, &value)| bet.min(RISKED / mean) * (value_of(value) - mean));
    factors.map(f64::ln_1p).sum()
}
