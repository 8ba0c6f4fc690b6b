//! What does a test say that looks once?

use datafusion::arrow::datatypes::DataType;
use tidegate_stats::{Estimate, normal, student};

use super::answer::{Answer, Row, number, optional, parts};
use crate::call::{Function, Parameter, doubles};

const Z: &[Parameter] = &[number("estimate"), number("variance"), optional("null_value"), optional("alpha")];
const T: &[Parameter] =
    &[number("estimate"), number("variance"), number("df"), optional("null_value"), optional("alpha")];

const Z_PARTS: [&str; 6] = ["z", "p", "p_less", "p_greater", "low", "high"];
const T_PARTS: [&str; 6] = ["t", "p", "p_less", "p_greater", "low", "high"];

/// - `z_test(estimate, variance [, null_value, alpha])`: standard errors above `null_value`, p-values that the truth is
///   another, is less, is greater, and the interval of level `1 - alpha`.
/// - `t_test(estimate, variance, df [, null_value, alpha])`: the same by Student's t.
///
/// Null without variance. They hold when looked at once.
pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new("z_test", Z, |_| DataType::Struct(doubles(&Z_PARTS)), |rows| parts(rows, &Z_PARTS, by_normal)),
        Function::new("t_test", T, |_| DataType::Struct(doubles(&T_PARTS)), |rows| parts(rows, &T_PARTS, by_student)),
    ]
}

fn by_normal(row: Row<'_>) -> Answer<[f64; 6]> {
    let estimate = row.estimate(0)?;
    let (z, alpha) = (estimate.z(row.number_or(2, 0.0)?)?, row.alpha(3)?);
    let [low, high] = within(estimate, normal::quantile(1.0 - 0.5 * alpha)?);
    Ok([z, 2.0 * normal::survival(z.abs()), normal::cdf(z), normal::survival(z), low, high])
}

fn by_student(row: Row<'_>) -> Answer<[f64; 6]> {
    let (estimate, df) = (row.estimate(0)?, row.number(2)?);
    let (t, alpha) = (estimate.z(row.number_or(3, 0.0)?)?, row.alpha(4)?);
    let [low, high] = within(estimate, student::quantile(1.0 - 0.5 * alpha, df)?);
    let (less, greater) = (student::cdf(t, df)?, student::cdf(-t, df)?);
    Ok([t, student::two_sided(t, df)?, less, greater, low, high])
}

fn within(estimate: Estimate, standard_errors: f64) -> [f64; 2] {
    let half_width = standard_errors * estimate.variance().sqrt();
    [estimate.value() - half_width, estimate.value() + half_width]
}
