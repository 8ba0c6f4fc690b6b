//! How do estimates of two arms differ?

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use tidegate_stats::Estimate;

use super::answer::{Answer, NoAnswer, Row, number, parts};
use crate::call::{Function, Parameter, Rows, doubles};

/// The parts of an estimate.
pub(super) const ESTIMATE: [&str; 2] = ["estimate", "variance"];

const ARMS: &[Parameter] = &[number("estimate_t"), number("variance_t"), number("estimate_c"), number("variance_c")];

/// - `estimate_diff(estimate_t, variance_t, estimate_c, variance_c)`: treatment less control; variances add.
/// - `estimate_lift(...)`: treatment over control less 1, by the delta method; null for a control of 0.
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_estimates("estimate_diff", ARMS, |rows| estimates(rows, |row| difference(of_arms(row)?))),
        of_estimates("estimate_lift", ARMS, |rows| estimates(rows, |row| lift(of_arms(row)?))),
    ]
}

fn of_arms(row: Row<'_>) -> Answer<[Estimate; 2]> {
    let estimate = |place| -> Answer<Estimate> { Ok(Estimate::new(row.number(place)?, row.number(place + 1)?)?) };
    Ok([estimate(0)?, estimate(2)?])
}

/// Treatment less control.
pub(super) fn difference([treatment, control]: [Estimate; 2]) -> Answer<Estimate> {
    Ok(treatment.minus(control)?)
}

/// Treatment over control less 1; none for a control of 0.
pub(super) fn lift([treatment, control]: [Estimate; 2]) -> Answer<Estimate> {
    if control.value() == 0.0 { Err(NoAnswer::Null) } else { Ok(treatment.relative_to(control)?) }
}

/// A function that answers an estimate.
pub(super) fn of_estimates(
    name: &'static str,
    parameters: &'static [Parameter],
    answer: fn(&Rows) -> Result<ArrayRef>,
) -> Function {
    Function::new(name, parameters, |_| DataType::Struct(doubles(&ESTIMATE)), answer)
}

/// Estimates.
pub(super) fn estimates(rows: &Rows, answer: impl Fn(Row<'_>) -> Answer<Estimate>) -> Result<ArrayRef> {
    parts(rows, &ESTIMATE, |row| answer(row).map(|estimate| [estimate.value(), estimate.variance()]))
}

/// The parts of an estimate that has degrees of freedom.
pub(super) const WELCH: [&str; 3] = ["estimate", "variance", "df"];

/// The difference of two arms, each of some units, with Welch's degrees of freedom; those are null without variance.
pub(super) fn welch(arms: [Estimate; 2], units: [u64; 2]) -> Answer<[f64; 3]> {
    let estimate = difference(arms)?;
    let df = tidegate_stats::student::welch_df(arms, units).unwrap_or(f64::NAN);
    Ok([estimate.value(), estimate.variance(), df])
}

/// A function that answers such a difference.
pub(super) fn of_welch(
    name: &'static str,
    parameters: &'static [Parameter],
    answer: fn(&Rows) -> Result<ArrayRef>,
) -> Function {
    Function::new(name, parameters, |_| DataType::Struct(doubles(&WELCH)), answer)
}
