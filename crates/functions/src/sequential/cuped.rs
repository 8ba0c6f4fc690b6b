//! How far apart are two means, less what was there before?

use datafusion::arrow::datatypes::DataType;
use tidegate_stats::cuped::{Covariate, adjusted_means, theta};

use super::answer::{Answer, NoAnswer, Row, number, parts};
use super::estimate::welch;
use crate::call::{Function, Parameter, doubles};

const ARMS: &[Parameter] = &[
    number("n_t"),
    number("y_t"),
    number("y2_t"),
    number("x_t"),
    number("x2_t"),
    number("xy_t"),
    number("n_c"),
    number("y_c"),
    number("y2_c"),
    number("x_c"),
    number("x2_c"),
    number("xy_c"),
];

const PARTS: [&str; 6] = ["estimate", "variance", "df", "theta", "variance_t", "variance_c"];

/// `cuped_diff(n_t, y_t, y2_t, x_t, x2_t, xy_t, n_c, ..., xy_c)`: the difference of the means of `y`, adjusted for `x`, the
/// same unit's value before assignment, from units and their sums of `y`, `y^2`, `x`, `x^2` and `x y`. `theta` is the
/// slope, `variance_t` and `variance_c` are those of each arm's adjusted mean.
///
/// Null for an arm of fewer than two units, or an `x` that never varies.
pub(super) fn functions() -> Vec<Function> {
    vec![Function::new("cuped_diff", ARMS, |_| DataType::Struct(doubles(&PARTS)), |rows| parts(rows, &PARTS, answer))]
}

fn answer(row: Row<'_>) -> Answer<[f64; 6]> {
    let sums = |place| -> Answer<Covariate> {
        Ok(Covariate {
            n: row.count(place)?,
            y: row.number(place + 1)?,
            y2: row.number(place + 2)?,
            x: row.number(place + 3)?,
            x2: row.number(place + 4)?,
            xy: row.number(place + 5)?,
        })
    };
    let (treatment, control) = (sums(0)?, sums(6)?);
    let (n, x) = ((treatment.n + control.n) as f64, treatment.x + control.x);
    if treatment.n < 2 || control.n < 2 || treatment.x2 + control.x2 == x * x / n {
        return Err(NoAnswer::Null);
    }
    let arms = adjusted_means(treatment, control)?;
    let [estimate, variance, df] = welch(arms, [treatment.n, control.n])?;
    Ok([estimate, variance, df, theta(treatment, control)?, arms[0].variance(), arms[1].variance()])
}
