//! Between which values does the mean of bounded values lie, exactly and however often one looks?
//!
//! Scores, shares and rewards in `[0, 1]` need no model: confidence sequences that bet on every value as it comes hold from
//! the first one on, and are narrow where values vary little (I. Waudby-Smith and A. Ramdas, Estimating means of bounded
//! random variables by betting, Journal of the Royal Statistical Society B 86 (2024), 1-27).
//!
//! | Sequence | Width | Costs |
//! |---|---|---|
//! | [`hoeffding_interval`] | as of the greatest variance, 1/4 | a pass |
//! | [`empirical_bernstein_interval`] | as of the variance that was seen | a pass |
//! | [`betting_interval`] | the narrowest | some dozens of passes |
//!
//! **Validity.** Exact at every look, for values within `[0, 1]` that have the same mean given those before, in the order in
//! which they came: an order chosen by their values breaks them. Values in the tests are those of the library `confseq`.
//!
//! Absent: sums. Bets need single values, so that these judge small samples, such as evaluation runs, and not released
//! counts.

use crate::error::{Error, Result, open_range};

mod bets;
mod capital;
mod plug_in;

pub use capital::{betting_interval, log_capital};
pub use plug_in::{empirical_bernstein_interval, hoeffding_interval};

/// Half of alpha for each side.
fn per_side(values: &[f64], alpha: f64) -> Result<f64> {
    if values.is_empty() {
        return Err(Error::EmptySample);
    }
    if let Some(&value) = values.iter().find(|value| !(0.0..=1.0).contains(*value)) {
        return Err(Error::OutOfRange { name: "value", value, allowed: "[0, 1]" });
    }
    Ok(0.5 * open_range("alpha", alpha, 0.0, 1.0, "(0, 1)")?)
}

#[cfg(test)]
mod tests;
