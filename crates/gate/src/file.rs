//! What does a gate declare?
//!
//! ```yaml
//! gate: assistant-v2                    # the gate's name
//! version: 1                            # a changed plan is a new version
//! arms: { control: v1, treatment: v2 }  # values of the signal's column `arm`
//! time:
//!   horizon: { events_per_arm: 20000, windows: 7 }   # both must be reached before a decision
//! cohort: { min_buckets: 8 }            # optional: each arm's events come from at least so many buckets
//! error: { alpha: 0.05, power: 0.8 }    # one-sided; power (default 0.8) only says how many events to plan
//! checks:
//!   - name: edit_rate
//!     signal: edit_rate_by_arm          # a released signal with columns arm, bucket, window_start, num, den
//!     direction: lower_is_better        # or higher_is_better
//!     test: { non_inferior: { margin: 1pp } }        # percentage points; `10%` is of the control's rate
//! ```
//!
//! Every name is enforced; an unknown one is refused. The file grows by sections and by kinds of tests;
//! optional names that are absent do not enter the digest, so that an old file keeps its digest.

use serde::Serialize;

pub use margin::Margin;
use tidegate_stats as stats;

mod margin;
mod parse;
mod raw;

/// A gate's declaration, checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct GateFile {
    /// The gate's name.
    pub gate: String,
    /// The plan's version, from 1.
    pub version: u32,
    /// Who is compared.
    pub arms: Arms,
    /// When a decision is allowed.
    pub time: Time,
    /// Whom the evidence must speak about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cohort: Option<Cohort>,
    /// How often the gate may be wrong.
    pub error: ErrorRates,
    /// What must hold; exactly one in this version.
    pub checks: [Check; 1],
}

/// The two values of the column `arm` that are compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Arms {
    /// What runs today.
    pub control: String,
    /// What asks to be promoted.
    pub treatment: String,
}

/// When a decision is allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Time {
    /// The one point at which the test is read.
    pub horizon: Horizon,
}

/// The planned end of collection. A fixed-horizon test is valid at this point only: looking earlier and
/// stopping on a good day passes bad versions far more often than alpha says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Horizon {
    /// Events in each arm, at least 30: the test is asymptotic.
    pub events_per_arm: u64,
    /// Windows with rows of both arms, so that a week is a week however busy it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub windows: Option<u64>,
}

/// Whom the evidence must speak about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cohort {
    /// Distinct buckets each arm's events must come from.
    pub min_buckets: u64,
}

/// How often the gate may be wrong.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorRates {
    /// Chance to pass a version that is worse by the whole margin, in (0, 0.5).
    pub alpha: f64,
    /// Wanted chance to pass a version that changes nothing, in (0.5, 1). Plans only; decides nothing.
    pub power: f64,
}

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The check's name.
    pub name: String,
    /// The released signal that is its evidence.
    pub signal: String,
    /// Which way is worse.
    pub direction: Direction,
    /// How it is decided.
    pub test: Test,
}

/// Which way is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A rise is harm.
    LowerIsBetter,
    /// A fall is harm.
    HigherIsBetter,
}

/// How a check is decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Test {
    /// The treatment is worse by less than the margin: fixed-horizon score test of two proportions.
    NonInferior {
        /// How much worse is still acceptable.
        margin: Margin,
    },
}

impl GateFile {
    /// Reads a declaration; `file` names it in errors, nothing is opened.
    ///
    /// # Errors
    /// TG601 to TG607, each with its place in the text.
    pub fn parse(file: &str, text: &str) -> crate::Result<Self> {
        parse::parse(file, text)
    }

    /// The released signal that holds the evidence.
    #[must_use]
    pub fn signal(&self) -> &str {
        &self.checks[0].signal
    }

    /// The digest by which this plan is registered: sha256 over canonical JSON, so that comments, layout
    /// and the order of names do not count.
    #[must_use]
    pub fn digest(&self) -> String {
        let value = serde_json::to_value(self).expect("a declaration holds only names, text and finite numbers");
        crate::canonical::digest(&value)
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
