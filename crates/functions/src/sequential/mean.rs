//! How far apart are two means?

use tidegate_stats::Estimate;

use super::answer::{Answer, NoAnswer, Row, number, parts};
use super::estimate::{WELCH, estimates, lift, of_estimates, of_welch, welch};
use crate::call::{Function, Parameter};

const ARMS: &[Parameter] =
    &[number("n_t"), number("sum_t"), number("sumsq_t"), number("n_c"), number("sum_c"), number("sumsq_c")];

/// - `mean_diff(n_t, sum_t, sumsq_t, n_c, sum_c, sumsq_c)`: `{estimate, variance, df}` from units, sums and sums of
///   squares, with Welch's degrees of freedom.
/// - `mean_lift(...)`: `{estimate, variance}` of one mean over the other less 1.
///
/// Null for an arm of fewer than two units.
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_welch("mean_diff", ARMS, |rows| {
            parts(rows, &WELCH, |row| welch(means(row)?, [row.count(0)?, row.count(3)?]))
        }),
        of_estimates("mean_lift", ARMS, |rows| estimates(rows, |row| lift(means(row)?))),
    ]
}

fn means(row: Row<'_>) -> Answer<[Estimate; 2]> {
    let mean = |place| -> Answer<Estimate> {
        let (n, sum, sum_of_squares) = (row.count(place)?, row.number(place + 1)?, row.number(place + 2)?);
        if n < 2 { Err(NoAnswer::Null) } else { Ok(Estimate::of_mean(n, sum, sum_of_squares)?) }
    };
    Ok([mean(0)?, mean(3)?])
}
