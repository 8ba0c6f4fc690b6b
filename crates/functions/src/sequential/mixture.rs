//! How much does a sum say that is about Gaussian, whenever one looks?

use datafusion::arrow::datatypes::DataType;
use tidegate_stats::NormalMixture;

use super::answer::{ALPHA, Answer, EVIDENCE, Row, evidence, number, numbers, of_numbers, optional, parts};
use crate::call::{Function, Parameter, doubles};

const TEST: &[Parameter] = &[number("s"), number("v"), number("planned"), optional("alpha"), optional("sides")];
const BOUND: &[Parameter] = &[number("v"), number("planned"), optional("alpha"), optional("sides")];

/// - `msprt(s, v, planned [, alpha, sides])`: `{log_e, p}` of a sum `s` whose variance so far is `v`, against a mean of 0
///   (or less, one-sided).
/// - `normal_mixture_bound(v, planned [, alpha, sides])`: the sum that is exceeded at any time with probability `alpha`.
///
/// `planned` is the variance at which the bound of level `alpha` is tightest.
pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new(
            "msprt",
            TEST,
            |_| DataType::Struct(doubles(&EVIDENCE)),
            |rows| {
                parts(rows, &EVIDENCE, |row| {
                    let mixture = mixture(row, 2)?;
                    Ok(evidence(mixture.log_e_value(row.number(0)?, row.number(1)?)?))
                })
            },
        ),
        of_numbers("normal_mixture_bound", BOUND, |rows| {
            numbers(rows, |row| Ok(mixture(row, 1)?.boundary(row.number(0)?, row.alpha(2)?)?))
        }),
    ]
}

/// The mixture whose `planned`, `alpha` and `sides` begin at `place`.
fn mixture(row: Row<'_>, place: usize) -> Answer<NormalMixture> {
    Ok(NormalMixture::new(row.sides(place + 2)?, row.number(place)?, row.number_or(place + 1, ALPHA)?)?)
}
