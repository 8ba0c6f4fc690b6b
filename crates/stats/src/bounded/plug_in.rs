//! Intervals in closed form, around a mean that is weighted by the bets.

use crate::error::Result;
use crate::interval::Interval;

use super::bets::bets;
use super::per_side;

/// No bet of the empirical Bernstein sequence is above this: its price `-ln(1 - bet) - bet` has a pole at 1.
const GREATEST_BET: f64 = 0.5;

/// The empirical Bernstein confidence sequence of the mean, after all `values` (Waudby-Smith and Ramdas, theorem 2):
///
/// ```text
/// (sum l_i x_i -+ (ln(2 / alpha) + sum (x_i - m_i)^2 (-ln(1 - l_i) - l_i))) / sum l_i
/// ```
/// with `l_i` the bet on the `i`-th value and `m_i` the mean of those before it.
///
/// # Errors
/// [`Error::EmptySample`](crate::Error::EmptySample) without a value, [`Error::OutOfRange`](crate::Error::OutOfRange)
/// unless all lie in `[0, 1]` and `0 < alpha < 1`.
pub fn empirical_bernstein_interval(values: &[f64], alpha: f64) -> Result<Interval> {
    let per_side = per_side(values, alpha)?;
    let lower = |value_of: fn(f64) -> f64| {
        let mut mean_before = 0.0;
        let terms = bets(values, per_side).zip(values).enumerate().map(|(before, (bet, &value))| {
            let (bet, value) = (bet.min(GREATEST_BET), value_of(value));
            let price = (value - mean_before).powi(2) * (-(-bet).ln_1p() - bet);
            mean_before += (value - mean_before) / (before as f64 + 1.0);
            (bet, value, price)
        });
        lower_bound(terms, per_side)
    };
    Ok(Interval { low: lower(|x| x), high: 1.0 - lower(|x| 1.0 - x), level: 1.0 - alpha })
}

/// The Hoeffding confidence sequence of the mean, after all `values` (Waudby-Smith and Ramdas, proposition 1): bets
/// `min(1, sqrt(8 ln(2 / alpha) / (t ln(1 + t))))` at the price `l^2 / 8`, whatever the values vary.
///
/// # Errors
/// Those of [`empirical_bernstein_interval`].
pub fn hoeffding_interval(values: &[f64], alpha: f64) -> Result<Interval> {
    let per_side = per_side(values, alpha)?;
    let lower = |value_of: fn(f64) -> f64| {
        let terms = values.iter().enumerate().map(|(before, &value)| {
            let t = before as f64 + 1.0;
            let bet = (-8.0 * per_side.ln() / (t * t.ln_1p())).sqrt().min(1.0);
            (bet, value_of(value), bet * bet / 8.0)
        });
        lower_bound(terms, per_side)
    };
    Ok(Interval { low: lower(|x| x), high: 1.0 - lower(|x| 1.0 - x), level: 1.0 - alpha })
}

/// From each value its bet and the price of that bet.
fn lower_bound(terms: impl Iterator<Item = (f64, f64, f64)>, per_side: f64) -> f64 {
    let (mut bets, mut won, mut paid) = (0.0, 0.0, -per_side.ln());
    for (bet, value, price) in terms {
        bets += bet;
        won += bet * value;
        paid += price;
    }
    ((won - paid) / bets).clamp(0.0, 1.0)
}
