//! How many units does a test need?

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use tidegate_stats::power::{planned_events, planned_units};
use tidegate_stats::{Margin, SampleSize};

use super::answer::{Answer, Row, answers, integers, number, optional, word};
use super::non_inferiority::BETTER;
use crate::call::{Function, Parameter, Rows, structs};

const PROPORTION: &[Parameter] =
    &[number("rate"), number("margin"), optional("alpha"), optional("power"), word("method"), word("better")];
const MEAN: &[Parameter] = &[number("gap"), number("variance"), optional("alpha"), optional("power")];

/// Power where none is asked for.
const POWER: f64 = 0.8;

/// What makes a margin of a number.
type Method = fn(f64) -> Margin;

const METHODS: [(&str, Method); 2] = [("absolute", Margin::Absolute), ("relative", Margin::Relative)];

/// - `sample_size_proportion(rate, margin [, alpha, power, method, better])`: trials so that a test of non-inferiority passes
///   with probability `power` (0.8) if both arms have this rate.
/// - `sample_size_mean(gap, variance [, alpha, power])`: units so that a test finds a difference `gap` of means.
///
/// Both `{per_arm, total}`: in each of two arms, and in both together, which is rounded once. `alpha` is that of one side.
pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new(
            "sample_size_proportion",
            PROPORTION,
            |_| DataType::Struct(fields()),
            |rows| {
                sizes(rows, |row| {
                    let plan = SampleSize {
                        rate: row.number(0)?,
                        direction: row.word(5, &BETTER)?,
                        margin: row.word(4, &METHODS)?(row.number(1)?),
                        alpha: row.alpha(2)?,
                        power: row.number_or(3, POWER)?,
                    };
                    Ok(planned_events(plan)?)
                })
            },
        ),
        Function::new(
            "sample_size_mean",
            MEAN,
            |_| DataType::Struct(fields()),
            |rows| {
                sizes(rows, |row| {
                    Ok(planned_units(row.number(0)?, row.number(1)?, row.alpha(2)?, row.number_or(3, POWER)?)?)
                })
            },
        ),
    ]
}

fn fields() -> Fields {
    ["per_arm", "total"].iter().map(|name| Field::new(*name, DataType::Int64, true)).collect()
}

fn sizes(rows: &Rows, size: impl Fn(Row<'_>) -> Answer<f64>) -> Result<ArrayRef> {
    let sizes = answers(rows, size)?;
    // A cast saturates: what no integer holds, nobody has.
    let column = |arms: f64| integers(sizes.iter().map(|size| size.map(|size| (arms * size).ceil() as i64)));
    structs(fields(), vec![column(1.0), column(2.0)], sizes.iter().map(Option::is_some))
}
