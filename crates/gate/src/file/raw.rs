//! What was typed, and where? No rule is checked here but kinds and names.

use serde::Deserialize;
use tidegate_document::Spanned;

use super::{Analysis, AtMax, Direction, Kind, OnSmall, Promote, Rollback, Sequential};
use crate::stage::Stage;

type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGateFile {
    pub(super) gate: Text,
    pub(super) version: Spanned<u32>,
    pub(super) bundle: Option<Text>,
    pub(super) owner: Option<Text>,
    pub(super) hypothesis: Option<String>,
    pub(super) stage: RawStep,
    pub(super) arms: RawArms,
    pub(super) unit: Option<RawUnit>,
    pub(super) time: RawTime,
    pub(super) cohort: Option<RawCohort>,
    pub(super) error: RawErrorRates,
    pub(super) trust: Option<Vec<Spanned<RawTrust>>>,
    pub(super) checks: Spanned<Vec<RawCheck>>,
    pub(super) decide: Option<RawDecide>,
    pub(super) approvals: Option<RawApprovals>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStep {
    pub(super) from: Spanned<Stage>,
    pub(super) to: Spanned<Stage>,
    pub(super) ramp: Option<Spanned<Vec<Text>>>,
    pub(super) hold_back: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawArms {
    pub(super) control: Text,
    pub(super) treatment: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUnit {
    pub(super) randomised_by: Option<Text>,
    pub(super) analysis: Option<Analysis>,
    pub(super) buckets: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTime {
    pub(super) window: Option<Text>,
    pub(super) min: Text,
    pub(super) max: Text,
    pub(super) label_maturity: Option<Text>,
    pub(super) freeze: Option<Vec<RawFreeze>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFreeze {
    pub(super) from: Text,
    pub(super) to: Text,
    pub(super) reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCohort {
    pub(super) min_units: Option<Spanned<u64>>,
    pub(super) on_small: Option<OnSmall>,
    pub(super) max_withheld_share: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawErrorRates {
    pub(super) alpha: Spanned<f64>,
    pub(super) power: Option<Spanned<f64>>,
    pub(super) sequential: Option<Sequential>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawTrust {
    SampleRatio(RawSampleRatio),
    OneExposure(RawOneExposure),
    EqualLabelDelay(RawLabelDelay),
    SchemaUnchanged,
    OpenLedger,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSampleRatio {
    pub(super) signal: Option<Text>,
    pub(super) sql: Option<Text>,
    pub(super) share: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOneExposure {
    pub(super) signal: Option<Text>,
    pub(super) sql: Option<Text>,
    pub(super) max_share: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLabelDelay {
    pub(super) signal: Option<Text>,
    pub(super) sql: Option<Text>,
    pub(super) tolerance: Option<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCheck {
    pub(super) name: Text,
    pub(super) signal: Option<Text>,
    pub(super) sql: Option<Text>,
    pub(super) kind: Option<Kind>,
    pub(super) direction: Direction,
    pub(super) test: Spanned<RawTest>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawTest {
    NonInferior(RawNonInferior),
    Superior(RawSuperior),
    Below(RawBelow),
    HardLimit(RawHardLimit),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNonInferior {
    pub(super) margin: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSuperior {
    pub(super) margin: Option<Text>,
    pub(super) expect: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBelow {
    pub(super) limit: Text,
    pub(super) expect: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHardLimit {
    pub(super) limit: Text,
    pub(super) min_events: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDecide {
    pub(super) promote: Option<Promote>,
    pub(super) rollback: Option<Rollback>,
    pub(super) at_max: Option<AtMax>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawApprovals {
    pub(super) required: Spanned<u32>,
    pub(super) roles: Option<Vec<Text>>,
    pub(super) expire: Option<Text>,
    pub(super) drill: Option<Text>,
}
