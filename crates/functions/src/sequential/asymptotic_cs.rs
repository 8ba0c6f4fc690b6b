//! Between which values does the truth lie, however often one looks?

use datafusion::arrow::datatypes::DataType;
use tidegate_stats::{ConfidenceSequence, planned_information};

use super::answer::{ALPHA, Answer, Row, evidence, number, numbers, of_numbers, optional, parts};
use crate::call::{Function, Parameter, doubles};

const PARAMETERS: &[Parameter] = &[
    number("estimate"),
    number("variance"),
    number("planned"),
    optional("alpha"),
    optional("sides"),
    optional("null_value"),
];

const PARTS: [&str; 4] = ["low", "high", "log_e", "p"];

/// - `asymptotic_cs(estimate, variance, planned [, alpha, sides, null_value])`: the confidence sequence that is tightest at
///   the information `planned`, one over a variance. One-sided (1, the default) each bound holds at level `1 - alpha` by
///   itself, and the evidence is that the truth lies above `null_value`; two-sided (2) both hold together, and the evidence
///   is that the truth is another. Null without variance.
/// - `planned_information(gap [, alpha, power])`: the information at which a one-sided sequence excludes a value `gap` away
///   with probability `power` (0.8).
pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new(
            "asymptotic_cs",
            PARAMETERS,
            |_| DataType::Struct(doubles(&PARTS)),
            |rows| parts(rows, &PARTS, answer),
        ),
        of_numbers("planned_information", const { &[number("gap"), optional("alpha"), optional("power")] }, |rows| {
            numbers(rows, |row| {
                Ok(planned_information(row.number(0)?, row.number_or(1, ALPHA)?, row.number_or(2, 0.8)?)?)
            })
        }),
    ]
}

fn answer(row: Row<'_>) -> Answer<[f64; 4]> {
    let (planned, alpha, sides, null) = (row.number(2)?, row.alpha(3)?, row.sides(4)?, row.number_or(5, 0.0)?);
    let sequence = ConfidenceSequence::new(sides, alpha, planned)?;
    let estimate = row.estimate(0)?;
    let interval = sequence.interval(estimate)?;
    let [log_e, p] = evidence(sequence.log_e_value(estimate, null)?);
    Ok([interval.low, interval.high, log_e, p])
}
