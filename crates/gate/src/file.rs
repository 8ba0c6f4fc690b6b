//! What does a gate declare?
//!
//! ```yaml
//! gate: assistant-canary                # the gate's name
//! version: 1                            # a changed plan is a new version
//! bundle: assistant                     # whose versions it judges
//! stage: { from: canary, to: general, ramp: [5%, 25%, 50%], hold_back: 5% }
//! arms: { control: control, treatment: treatment }   # values of the evidence's column `arm`
//! unit: { randomised_by: tenant, analysis: buckets, buckets: 32 }
//! time: { window: 1h, min: 3d, max: 14d, label_maturity: 1d, freeze: [{ from: 2026-12-24, to: 2026-12-27, reason: holidays }] }
//! cohort: { min_units: 200, on_small: continue, max_withheld_share: 10% }
//! error: { alpha: 0.05, power: 0.8, sequential: obrien_fleming }
//! trust:
//!   - sample_ratio: { signal: exposures, share: 50% }
//!   - schema_unchanged
//! checks:
//!   - name: edit_rate
//!     signal: edit_rate_by_arm          # or sql: "SELECT ... FROM released.edit_rate_by_arm"
//!     direction: lower_is_better
//!     test: { non_inferior: { margin: 1pp } }
//! decide: { promote: all, rollback: automatic, at_max: hold }
//! approvals: { required: 1, roles: [release], expire: 7d, drill: 30d }
//! ```
//!
//! Every name is enforced; an unknown one is refused. Names that may be absent do not enter the digest while they are,
//! so that an old file keeps its digest when the declaration grows.

use serde::Serialize;
use tidegate_stats as stats;

pub use check::{Check, Direction, Kind, Query, Test};
pub use margin::Margin;
pub use time::{Day, Freeze, Span};
pub use trust::Trust;

use crate::stage::Stage;

mod check;
mod margin;
mod parse;
mod raw;
mod time;
mod trust;

/// A gate's declaration, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GateFile {
    /// The gate's name.
    pub gate: String,
    /// The plan's version, from 1.
    pub version: u32,
    /// The name of the bundles it judges; none for a gate that is only asked, never registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// Who answers for the plan.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What the change is hoped to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypothesis: Option<String>,
    /// Which step it guards.
    pub stage: Step,
    /// Who is compared.
    pub arms: Arms,
    /// What is assigned to an arm, and what counts as independent.
    pub unit: Unit,
    /// When a decision is allowed.
    pub time: Time,
    /// Whom the evidence must speak about.
    pub cohort: Cohort,
    /// How often the gate may be wrong.
    pub error: ErrorRates,
    /// What must hold for the comparison to mean anything.
    pub trust: Vec<Trust>,
    /// What must hold of the version.
    pub checks: Vec<Check>,
    /// What follows.
    pub decide: Decide,
    /// Who must agree.
    pub approvals: Approvals,
}

/// The step of a rollout that a gate guards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Where the candidate is.
    pub from: Stage,
    /// Where it goes if it passes: the next stage.
    pub to: Stage,
    /// Shares of traffic in (0, 1), rising, that the candidate has in `canary` one after the other. Each step begins its
    /// evidence anew: shares must not be pooled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ramp: Vec<f64>,
    /// The share of units in [0, 1) that never see a candidate.
    pub hold_back: f64,
}

/// The two values of the column `arm` that are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arms {
    /// What runs today.
    pub control: String,
    /// What asks to be promoted.
    pub treatment: String,
}

/// What is assigned to an arm, and what counts as independent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// `user`, `session`, `tenant`, `task`: what stays in its arm. Said, not used.
    pub randomised_by: String,
    /// What counts as independent.
    pub analysis: Analysis,
    /// Into how many buckets units are hashed in each arm. Not all need to have events.
    pub buckets: u64,
}

/// What counts as independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Analysis {
    /// Events: right where a unit has about one.
    Events,
    /// Buckets of units: right where units have many events, or tenants are assigned. It measures noise, too.
    Buckets,
}

/// When a decision is allowed, counted from the beginning of the stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Time {
    /// How long the windows of the evidence are.
    pub window: Span,
    /// No promotion before.
    pub min: Span,
    /// No waiting after.
    pub max: Span,
    /// A window is evidence once it has been closed for so long: labels have come by then.
    pub label_maturity: Span,
    /// Times in which nothing is promoted. Rolling back is always allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<Freeze>,
}

/// Whom the evidence must speak about.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cohort {
    /// Units in each arm, as the check `sample_ratio` counts them; 0 asks for none.
    pub min_units: u64,
    /// What fewer units mean before the end.
    pub on_small: OnSmall,
    /// Share in [0, 1] of the expected cells (arm, window) that may be withheld.
    pub max_withheld_share: f64,
}

/// What too small a cohort means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnSmall {
    /// More may come.
    Continue,
    /// It cannot be judged.
    Inconclusive,
}

/// How often the gate may be wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorRates {
    /// Chance in (0, 0.5) to pass a version that is worse by the whole margin, over all looks. The chance to roll back
    /// one that is worse by less is at most the same.
    pub alpha: f64,
    /// Wanted chance in (0.5, 1) to pass a version that is as expected.
    pub power: f64,
    /// How alpha is spent over the looks.
    pub sequential: Sequential,
}

/// How alpha is spent over the looks of the promoting side. The side that rolls back looks at every window, by a
/// confidence sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sequential {
    /// Daily looks, next to nothing spent early.
    ObrienFleming,
    /// Daily looks, about the same boundary at each.
    Pocock,
    /// At every window, by a confidence sequence.
    Always,
    /// Once, at the end.
    Fixed,
}

/// What follows from the checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decide {
    /// Which checks must pass.
    pub promote: Promote,
    /// Who rolls back when one fails.
    pub rollback: Rollback,
    /// What the end of the time means when nothing was shown.
    pub at_max: AtMax,
}

/// Which checks must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promote {
    /// All.
    All,
    /// All but the `superior` ones, of which one is enough; they share alpha by Holm's rule.
    AnySuperior,
}

/// Who rolls back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rollback {
    /// The evaluation that finds harm.
    Automatic,
    /// Somebody who read the verdict.
    Manual,
}

/// What the end of the time means when nothing was shown. There is no `promote`: time is no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtMax {
    /// The candidate stays where it is and goes no further.
    Hold,
    /// It is taken back.
    Rollback,
}

/// Who must agree before the candidate moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Approvals {
    /// How many people besides the author.
    pub required: u32,
    /// Their roles, one of which each must have; any if empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// How long an approval holds.
    pub expire: Span,
    /// How old the last drill of the way back may be; none is asked for if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drill: Option<Span>,
}

impl GateFile {
    /// Reads a declaration; `file` names it in errors, nothing is opened.
    ///
    /// # Errors
    /// TG601 to TG607, each with its place in the text.
    pub fn parse(file: &str, text: &str) -> crate::Result<Self> {
        parse::parse(file, text)
    }

    /// The digest by which this plan is registered: sha256 over canonical JSON, so that comments, layout
    /// and the order of names do not count.
    #[must_use]
    pub fn digest(&self) -> String {
        let value = serde_json::to_value(self).expect("a declaration holds only names, text and finite numbers");
        crate::canonical::digest(&value)
    }

    /// What is asked for evidence: that of the checks in their order, then that of the trust checks in theirs.
    pub fn queries(&self) -> impl Iterator<Item = &Query> {
        self.checks.iter().map(|check| &check.query).chain(self.trust.iter().filter_map(Trust::query))
    }

    /// The error rate of one check on the side that rolls back.
    #[must_use]
    pub fn alpha_of_harm(&self) -> f64 {
        self.error.alpha / self.checks.len().max(1) as f64
    }
}

impl From<Direction> for stats::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::LowerIsBetter => Self::LowerIsBetter,
            Direction::HigherIsBetter => Self::HigherIsBetter,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
