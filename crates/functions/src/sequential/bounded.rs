//! Between which values does the mean of scores in [0, 1] lie, or a rate, exactly and however often one looks?

use tidegate_stats::{
    Proportion, betting_interval, bounded, empirical_bernstein_interval, hoeffding_interval, rate_interval,
};

use super::answer::{intervals, list, number, numbers, of_intervals, of_numbers, optional};
use crate::call::{Function, Parameter};

const VALUES: &[Parameter] = &[list("values"), optional("alpha")];

/// - `bernoulli_cs(x, n, planned [, alpha])`: `{low, high}` of a rate, exactly; tightest at `planned` trials.
/// - `betting_cs(values [, alpha])`, `empirical_bernstein_cs`, `hoeffding_cs`: `{low, high}` of the mean of values in
///   [0, 1], in the order in which they came.
/// - `betting_log_capital(values, mean [, alpha])`: the logarithm of an e-value against that mean.
///
/// Null without values, or trials.
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_intervals(
            "bernoulli_cs",
            const { &[number("x"), number("n"), number("planned"), optional("alpha")] },
            |rows| {
                intervals(rows, |row| {
                    let rate = Proportion::new(row.count(0)?, row.count(1)?)?;
                    Ok(rate_interval(rate, row.number(2)?, row.alpha(3)?)?)
                })
            },
        ),
        of_intervals("betting_cs", VALUES, |rows| {
            intervals(rows, |row| Ok(betting_interval(&row.list(0)?, row.alpha(1)?)?))
        }),
        of_intervals("empirical_bernstein_cs", VALUES, |rows| {
            intervals(rows, |row| Ok(empirical_bernstein_interval(&row.list(0)?, row.alpha(1)?)?))
        }),
        of_intervals("hoeffding_cs", VALUES, |rows| {
            intervals(rows, |row| Ok(hoeffding_interval(&row.list(0)?, row.alpha(1)?)?))
        }),
        of_numbers("betting_log_capital", const { &[list("values"), number("mean"), optional("alpha")] }, |rows| {
            numbers(rows, |row| Ok(bounded::log_capital(&row.list(0)?, row.number(1)?, row.alpha(2)?)?))
        }),
    ]
}
