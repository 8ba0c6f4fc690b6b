//! What was typed, and where? No rule is checked here but kinds and names.

use serde::Deserialize;
use serde_saphyr::Spanned;

use super::Direction;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGateFile {
    pub(super) gate: Spanned<String>,
    pub(super) version: Spanned<u32>,
    pub(super) arms: RawArms,
    pub(super) time: RawTime,
    pub(super) cohort: Option<RawCohort>,
    pub(super) error: RawErrorRates,
    pub(super) checks: Spanned<Vec<RawCheck>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArms {
    pub(super) control: Spanned<String>,
    pub(super) treatment: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTime {
    pub(super) horizon: RawHorizon,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHorizon {
    pub(super) events_per_arm: Spanned<u64>,
    pub(super) windows: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCohort {
    pub(super) min_buckets: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawErrorRates {
    pub(super) alpha: Spanned<f64>,
    pub(super) power: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCheck {
    pub(super) name: Spanned<String>,
    pub(super) signal: Spanned<String>,
    pub(super) direction: Direction,
    pub(super) test: RawTest,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawTest {
    NonInferior(RawNonInferior),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNonInferior {
    pub(super) margin: Spanned<String>,
}
