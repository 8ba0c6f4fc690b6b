//! Do arms get the shares of units that they should?

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use tidegate_stats::SampleRatio;
use tidegate_stats::sample_ratio::chi2_p_value;

use super::answer::{Answer, Row, answers, column, evidence, list, list_type, lists, optional};
use crate::call::{Function, Parameter, Rows, structs};

const PARAMETERS: &[Parameter] = &[list("counts"), list("shares"), optional("concentration"), optional("alpha")];

/// Mismatches that matter are small.
const CONCENTRATION: f64 = 100.0;

/// `srm_test(counts, shares [, concentration, alpha])`: `{log_e, p}` of the sequential test that units fall to arms with
/// these shares, `{low, high}` lists of between which values each share lies at every look, and `chi2_p` of Pearson's test,
/// which holds once. Null without a unit.
pub(super) fn functions() -> Vec<Function> {
    vec![Function::new("srm_test", PARAMETERS, |_| DataType::Struct(fields()), tests)]
}

fn fields() -> Fields {
    let number = |name| Field::new(name, DataType::Float64, true);
    let list = |name| Field::new(name, list_type(), true);
    vec![number("log_e"), number("p"), number("chi2_p"), list("low"), list("high")].into()
}

struct Found {
    log_e: f64,
    chi2_p: f64,
    low: Vec<f64>,
    high: Vec<f64>,
}

fn tests(rows: &Rows) -> Result<ArrayRef> {
    let found = answers(rows, answer)?;
    let number = |of: fn(&Found) -> f64| column(found.iter().map(|found| found.as_ref().map(of)));
    let columns = vec![
        number(|found| found.log_e),
        number(|found| evidence(found.log_e)[1]),
        number(|found| found.chi2_p),
        lists(found.iter().map(|found| found.as_ref().map(|found| &found.low))),
        lists(found.iter().map(|found| found.as_ref().map(|found| &found.high))),
    ];
    structs(fields(), columns, found.iter().map(Option::is_some))
}

fn answer(row: Row<'_>) -> Answer<Found> {
    let (counts, shares) = (row.counts(0)?, row.list(1)?);
    let ratio = SampleRatio::new(&shares, row.number_or(2, CONCENTRATION)?)?;
    let intervals = ratio.intervals(&counts, row.alpha(3)?)?;
    Ok(Found {
        log_e: ratio.log_e_value(&counts)?,
        chi2_p: chi2_p_value(&counts, &shares)?,
        low: intervals.iter().map(|interval| interval.low).collect(),
        high: intervals.iter().map(|interval| interval.high).collect(),
    })
}
