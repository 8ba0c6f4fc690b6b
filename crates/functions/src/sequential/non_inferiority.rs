//! Is the treatment at most a margin worse than the control?

use datafusion::arrow::datatypes::DataType;
use tidegate_stats::{Direction, Margin, non_inferiority, pooled_non_inferiority};

use super::answer::{Answer, NoAnswer, Row, number, parts, word};
use super::proportion::arms;
use crate::call::{Function, Parameter, doubles};

const PARAMETERS: &[Parameter] =
    &[number("x_t"), number("n_t"), number("x_c"), number("n_c"), number("margin"), word("better"), word("method")];

const PARTS: [&str; 3] = ["z", "p", "p_harm"];

/// Which way is better, the first word where none is given.
pub(super) const BETTER: [(&str, Direction); 2] =
    [("lower", Direction::LowerIsBetter), ("higher", Direction::HigherIsBetter)];

#[derive(Clone, Copy)]
enum Method {
    Absolute,
    Relative,
    Pooled,
}

const METHODS: [(&str, Method); 3] =
    [("absolute", Method::Absolute), ("relative", Method::Relative), ("pooled", Method::Pooled)];

/// `non_inferiority_test(x_t, n_t, x_c, n_c, margin [, better, method])`: the statistic at the margin, `p` of "worse by the
/// margin or more", `p_harm` of the converse. `better` is `'lower'` or `'higher'`; `method` is `'absolute'` (the score test of
/// a difference), `'relative'` (of a share of the control's rate) or `'pooled'` (Wald's, for comparison). It holds when
/// looked at once. Null for an arm without trials.
pub(super) fn functions() -> Vec<Function> {
    vec![Function::new(
        "non_inferiority_test",
        PARAMETERS,
        |_| DataType::Struct(doubles(&PARTS)),
        |rows| parts(rows, &PARTS, answer),
    )]
}

fn answer(row: Row<'_>) -> Answer<[f64; 3]> {
    let (arms, margin) = (arms(row)?, row.number(4)?);
    let (better, method) = (row.word(5, &BETTER)?, row.word(6, &METHODS)?);
    let hits = arms.treatment.num() + arms.control.num();
    let found = match method {
        Method::Absolute => non_inferiority(arms, better, Margin::Absolute(margin))?,
        Method::Relative => non_inferiority(arms, better, Margin::Relative(margin))?,
        // All alike, rates have no variance.
        Method::Pooled if hits == 0 || hits == arms.treatment.den() + arms.control.den() => return Err(NoAnswer::Null),
        Method::Pooled => pooled_non_inferiority(arms, better, Margin::Absolute(margin))?,
    };
    Ok([found.z, found.p_value, found.p_value_harm])
}
