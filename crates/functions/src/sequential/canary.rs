//! Do rare events come faster in the canary?

use datafusion::arrow::datatypes::DataType;
use tidegate_stats::poisson::{Canary, Events};

use super::answer::{Answer, Row, evidence, number, optional, parts};
use crate::call::{Function, Parameter, doubles};

const PARAMETERS: &[Parameter] =
    &[number("events_t"), number("events_c"), optional("share_t"), optional("concentration"), optional("alpha")];

const PARTS: [&str; 5] = ["estimate", "low", "high", "log_e", "p"];

/// `poisson_canary(events_t, events_c [, share_t, concentration, alpha])`: the logarithm of the rate ratio, between which
/// values it lies however often one looks, and the evidence against equal rates. `share_t` (0.5) is the treatment's of the
/// exposure, `concentration` (1) how near to 1 the ratio is expected.
pub(super) fn functions() -> Vec<Function> {
    vec![Function::new(
        "poisson_canary",
        PARAMETERS,
        |_| DataType::Struct(doubles(&PARTS)),
        |rows| parts(rows, &PARTS, answer),
    )]
}

fn answer(row: Row<'_>) -> Answer<[f64; 5]> {
    let events = Events { treatment: row.count(0)?, control: row.count(1)? };
    let (share, concentration, alpha) = (row.number_or(2, 0.5)?, row.number_or(3, 1.0)?, row.alpha(4)?);
    let canary = Canary::new(share, concentration)?;
    let interval = canary.log_rate_ratio(events, alpha)?;
    let log_odds = (events.treatment as f64 / events.control as f64).ln();
    let [log_e, p] = evidence(canary.log_e_value(events));
    Ok([log_odds - (share / (1.0 - share)).ln(), interval.low, interval.high, log_e, p])
}
