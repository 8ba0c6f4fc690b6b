//! How far may a sum wander that is not Gaussian, whenever one looks?

use tidegate_stats::mixture::Steps;
use tidegate_stats::{beta_binomial_bound, gamma_exponential_bound, gamma_poisson_bound, stitched_bound};

use super::answer::{number, numbers, of_numbers, optional};
use crate::call::{Function, Parameter};

const BOUNDED: &[Parameter] =
    &[number("v"), number("g"), number("h"), number("planned"), optional("alpha"), optional("sides")];
const GAMMA: &[Parameter] = &[number("v"), number("c"), number("planned"), optional("alpha")];
const STITCHED: &[Parameter] = &[number("v"), number("least"), optional("alpha"), optional("c")];

/// The sum that is exceeded at any time with probability `alpha`, at the variance `v` so far, tightest about at `planned`:
/// - `beta_binomial_bound(v, g, h, planned [, alpha, sides])` of steps within `[-g, h]`,
/// - `gamma_exponential_bound(v, c, planned [, alpha])` of sub-exponential steps, as of Laplace noise of scale `c`,
/// - `gamma_poisson_bound(v, c, planned [, alpha])` of sub-Poisson steps, as of counts less their mean with `c` = 1,
/// - `stitched_bound(v, least [, alpha, c])` of Gaussian or sub-gamma steps, tight from `least` on for ever.
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_numbers("beta_binomial_bound", BOUNDED, |rows| {
            numbers(rows, |row| {
                let steps = Steps { g: row.number(1)?, h: row.number(2)? };
                Ok(beta_binomial_bound(steps, row.sides(5)?, row.number(0)?, row.number(3)?, row.alpha(4)?)?)
            })
        }),
        of_numbers("gamma_exponential_bound", GAMMA, |rows| {
            numbers(rows, |row| {
                Ok(gamma_exponential_bound(row.number(1)?, row.number(0)?, row.number(2)?, row.alpha(3)?)?)
            })
        }),
        of_numbers("gamma_poisson_bound", GAMMA, |rows| {
            numbers(rows, |row| Ok(gamma_poisson_bound(row.number(1)?, row.number(0)?, row.number(2)?, row.alpha(3)?)?))
        }),
        of_numbers("stitched_bound", STITCHED, |rows| {
            numbers(rows, |row| {
                Ok(stitched_bound(row.number(0)?, row.number(1)?, row.number_or(3, 0.0)?, row.alpha(2)?)?)
            })
        }),
    ]
}
