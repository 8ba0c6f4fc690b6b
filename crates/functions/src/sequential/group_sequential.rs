//! Which z-value ends a test early, if the looks are few and the last one is planned?

use tidegate_stats::Spending;
use tidegate_stats::group_sequential::{boundaries, crossing_probabilities, inflation};

use datafusion::arrow::array::ArrayRef;
use datafusion::common::Result;

use super::answer::{Answer, Row, answers, list, lists, number, numbers, of_lists, of_numbers, optional, word};
use crate::call::{Function, Parameter, Rows};

const BOUNDS: &[Parameter] =
    &[list("fractions"), optional("alpha"), word("spending"), optional("sides"), optional("rho")];
const CROSSING: &[Parameter] = &[list("fractions"), list("bounds"), optional("sides"), optional("drift")];
const INFLATION: &[Parameter] =
    &[list("fractions"), number("power"), optional("alpha"), word("spending"), optional("sides"), optional("rho")];

/// - `group_sequential_bounds(fractions [, alpha, spending, sides, rho])`: the z-value to cross at each look, for the
///   fractions of the planned information so far, and `'obrien_fleming'`, `'pocock'` or `'power'` spending (`alpha t^rho`,
///   rho 2). Two-sided, half of alpha on each side.
/// - `crossing_probabilities(fractions, bounds [, sides, drift])`: how likely each is crossed first, if the z-value at the
///   end is `drift` on average.
/// - `group_sequential_inflation(fractions, power [, alpha, spending, sides, rho])`: how much more information the plan
///   needs than a test that looks once.
pub(super) fn functions() -> Vec<Function> {
    vec![
        of_lists("group_sequential_bounds", BOUNDS, |rows| {
            each(rows, |row| {
                let (alpha, sides) = (row.alpha(1)?, row.sides(3)?);
                Ok(boundaries(&row.list(0)?, spending(row, 2, 4)?, sides, alpha)?)
            })
        }),
        of_lists("crossing_probabilities", CROSSING, |rows| {
            each(rows, |row| {
                let (sides, drift) = (row.sides(2)?, row.number_or(3, 0.0)?);
                Ok(crossing_probabilities(&row.list(0)?, &row.list(1)?, sides, drift)?)
            })
        }),
        of_numbers("group_sequential_inflation", INFLATION, |rows| {
            numbers(rows, |row| {
                let (power, alpha, sides) = (row.number(1)?, row.alpha(2)?, row.sides(4)?);
                Ok(inflation(&row.list(0)?, spending(row, 3, 5)?, sides, alpha, power)?)
            })
        }),
    ]
}

fn each(rows: &Rows, answer: impl Fn(Row<'_>) -> Answer<Vec<f64>>) -> Result<ArrayRef> {
    Ok(lists(answers(rows, answer)?.iter().map(Option::as_ref)))
}

fn spending(row: Row<'_>, place: usize, rho: usize) -> Answer<Spending> {
    let rho = row.number_or(rho, 2.0)?;
    let words =
        [("obrien_fleming", Spending::ObrienFleming), ("pocock", Spending::Pocock), ("power", Spending::Power { rho })];
    row.word(place, &words)
}
