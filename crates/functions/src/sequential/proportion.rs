//! How far apart are two rates?

use tidegate_stats::{Estimate, Proportion, Proportions};

use super::answer::{Answer, Row, number};
use super::estimate::{difference, estimates, lift, of_estimates};
use crate::call::{Function, Parameter};

const ARMS: &[Parameter] = &[number("x_t"), number("n_t"), number("x_c"), number("n_c")];

/// - `proportion_diff(x_t, n_t, x_c, n_c)`: the rate of the treatment less that of the control, of independent trials.
/// - `proportion_lift(x_t, n_t, x_c, n_c)`: one over the other less 1; null for a control without a hit.
///
/// Both `{estimate, variance}`, and null for an arm without trials.
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_estimates("proportion_diff", ARMS, |rows| estimates(rows, |row| difference(rates(row)?))),
        of_estimates("proportion_lift", ARMS, |rows| estimates(rows, |row| lift(rates(row)?))),
    ]
}

/// The counts of both arms, which come first.
pub(super) fn arms(row: Row<'_>) -> Answer<Proportions> {
    let arm = |place| -> Answer<Proportion> { Ok(Proportion::new(row.count(place)?, row.count(place + 1)?)?) };
    Ok(Proportions { treatment: arm(0)?, control: arm(2)? })
}

fn rates(row: Row<'_>) -> Answer<[Estimate; 2]> {
    let Proportions { treatment, control } = arms(row)?;
    Ok([treatment, control].map(Estimate::of_proportion))
}
