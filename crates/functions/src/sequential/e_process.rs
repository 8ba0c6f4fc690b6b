//! What do noisy counts prove, exactly and at any time?

use datafusion::arrow::datatypes::DataType;
use tidegate_stats::EProcess;
use tidegate_stats::drift::Noise;
use tidegate_stats::e_process::{Claim, Count};

use super::answer::{Answer, EVIDENCE, NoAnswer, Row, list, number, optional, parts, word};
use crate::call::{Function, Parameter, doubles};

const RATE: &[Parameter] = &[list("num"), list("den"), number("limit"), word("claim"), optional("noise_scale")];
const DIFFERENCE: &[Parameter] = &[
    list("num_t"),
    list("den_t"),
    list("num_c"),
    list("den_c"),
    number("margin"),
    number("control_at_most"),
    word("claim"),
    optional("noise_scale"),
];

/// What is bet against.
#[derive(Clone, Copy)]
enum Side {
    AtMost,
    AtLeast,
}

const CLAIMS: [(&str, Side); 2] = [("at_most", Side::AtMost), ("at_least", Side::AtLeast)];

/// Lists hold a number per window, in their order: events, which may be noisy, and trials, which are exact.
/// - `e_process(num, den, limit [, claim, noise_scale])`: `{log_e, p}` against the claim that the rate is `'at_most'` (or
///   `'at_least'`) `limit`.
/// - `e_process_diff(num_t, den_t, num_c, den_c, margin, control_at_most [, claim, noise_scale])`: the same of the
///   treatment's rate less the control's, which does not exceed `control_at_most`.
///
/// `noise_scale` is that of discrete Laplace noise in each window's count, 0 where counts are exact. `log_e` is that of the
/// last window, `p` the least so far.
pub(super) fn functions() -> Vec<Function> {
    vec![
        Function::new(
            "e_process",
            RATE,
            |_| DataType::Struct(doubles(&EVIDENCE)),
            |rows| parts(rows, &EVIDENCE, of_rate),
        ),
        Function::new(
            "e_process_diff",
            DIFFERENCE,
            |_| DataType::Struct(doubles(&EVIDENCE)),
            |rows| parts(rows, &EVIDENCE, of_difference),
        ),
    ]
}

fn of_rate(row: Row<'_>) -> Answer<[f64; 2]> {
    let limit = row.number(2)?;
    let claim = match row.word(3, &CLAIMS)? {
        Side::AtMost => Claim::RateAtMost { limit },
        Side::AtLeast => Claim::RateAtLeast { limit },
    };
    let mut process = EProcess::new(claim, noise(row, 4)?)?;
    for count in windows(row, 0)? {
        process.push_rate(count)?;
    }
    Ok([process.log_e_value(), process.p_value()])
}

fn of_difference(row: Row<'_>) -> Answer<[f64; 2]> {
    let (margin, control_at_most) = (row.number(4)?, row.number(5)?);
    let claim = match row.word(6, &CLAIMS)? {
        Side::AtMost => Claim::DifferenceAtMost { margin, control_at_most },
        Side::AtLeast => Claim::DifferenceAtLeast { margin, control_at_most },
    };
    let mut process = EProcess::new(claim, noise(row, 7)?)?;
    let (treatment, control) = (windows(row, 0)?, windows(row, 2)?);
    alike(treatment.len(), control.len())?;
    for (treatment, control) in treatment.into_iter().zip(control) {
        process.push_difference(treatment, control)?;
    }
    Ok([process.log_e_value(), process.p_value()])
}

fn noise(row: Row<'_>, place: usize) -> Answer<Option<Noise>> {
    let scale = row.number_or(place, 0.0)?;
    Ok((scale != 0.0).then_some(Noise::Laplace { scale }))
}

/// The counts of each window, whose events are at `place` and trials at the next.
fn windows(row: Row<'_>, place: usize) -> Answer<Vec<Count>> {
    let (nums, dens) = (row.list(place)?, row.counts(place + 1)?);
    alike(nums.len(), dens.len())?;
    Ok(nums.into_iter().zip(dens).map(|(num, den)| Count { num, den, rows: 1 }).collect())
}

fn alike(left: usize, right: usize) -> Answer<()> {
    if left == right {
        return Ok(());
    }
    Err(NoAnswer::Refused(format!("lists of {left} and of {right} windows; every window has a number in each")))
}
