//! Between which values does the difference of two rates lie, looked at once?

use tidegate_stats::{Contrast, miettinen_nurminen_interval, newcombe_interval, score_interval};

use super::answer::{intervals, number, of_intervals, optional};
use super::proportion::arms;
use crate::call::{Function, Parameter};

const PARAMETERS: &[Parameter] = &[number("x_t"), number("n_t"), number("x_c"), number("n_c"), optional("alpha")];

/// `newcombe_ci`, `score_ci` and `miettinen_nurminen_ci` `(x_t, n_t, x_c, n_c [, alpha])`: `{low, high}` of level `1 - alpha`,
/// for the rate of the treatment less that of the control. Null for an arm without trials.
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_intervals("newcombe_ci", PARAMETERS, |rows| {
            intervals(rows, |row| Ok(newcombe_interval(arms(row)?, 1.0 - row.alpha(4)?)?))
        }),
        of_intervals("score_ci", PARAMETERS, |rows| {
            intervals(rows, |row| Ok(score_interval(Contrast::Difference, arms(row)?, 1.0 - row.alpha(4)?)?))
        }),
        of_intervals("miettinen_nurminen_ci", PARAMETERS, |rows| {
            intervals(rows, |row| {
                Ok(miettinen_nurminen_interval(Contrast::Difference, arms(row)?, 1.0 - row.alpha(4)?)?)
            })
        }),
    ]
}
