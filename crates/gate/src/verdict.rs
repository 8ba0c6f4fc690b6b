//! What did the gate find, and what follows?
//!
//! A verdict answers four questions in plain words (`what_happened`, `why`, `what_changed`, `what_next`) and
//! carries the numbers they rest on. The same gate file and facts give the same bytes.

use std::fmt;

use serde::Serialize;

use crate::file::{Direction, Query};
use crate::stage::Stage;

/// How a gate or a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Shown to be good enough.
    Pass,
    /// Evidence is missing or impossible.
    Error,
    /// Nothing is shown yet, and there is time left.
    Continue,
    /// Nothing is shown and the time is over, or the evidence cannot be trusted.
    Inconclusive,
    /// Shown to be too bad.
    Fail,
}

impl Status {
    /// The exit code of a job that ends with this status; 2 is kept for an invalid gate file.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Error => 1,
            Self::Continue => 3,
            Self::Inconclusive => 4,
            Self::Fail => 5,
        }
    }

    /// How grave it is: the gravest of the parts is that of the whole.
    pub(crate) fn gravity(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Continue => 1,
            Self::Inconclusive => 2,
            Self::Error => 3,
            Self::Fail => 4,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "PASS",
            Self::Error => "ERROR",
            Self::Continue => "CONTINUE",
            Self::Inconclusive => "INCONCLUSIVE",
            Self::Fail => "FAIL",
        })
    }
}

/// The gate's answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The gate's name.
    pub gate: String,
    /// The plan's version.
    pub version: u32,
    /// The plan's digest, see [`GateFile::digest`](crate::GateFile::digest).
    pub digest: String,
    /// The step that is guarded.
    pub from: Stage,
    /// Where it leads.
    pub to: Stage,
    /// When the step began.
    pub since: Option<String>,
    /// Up to where the evidence goes.
    pub as_of: String,
    /// How the gate stands.
    pub verdict: Status,
    /// The name of what decided, stable for programs: `shown`, `harm`, `hard_limit`, `too_early`, `not_shown`, ...
    pub cause: &'static str,
    /// One sentence with the numbers that decided.
    pub reason: String,
    /// What was read.
    pub what_happened: String,
    /// Which rule led to the verdict.
    pub why: String,
    /// How the treatment differs from the control.
    pub what_changed: String,
    /// What to do now.
    pub what_next: String,
    /// Each check with its numbers.
    pub checks: Vec<CheckVerdict>,
    /// Each trust check.
    pub trust: Vec<TrustVerdict>,
    /// How much of the plan has passed.
    pub progress: Progress,
}

/// How much of the plan has passed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Progress {
    /// Days since the step began.
    pub days: f64,
    /// No promotion before so many.
    pub min_days: f64,
    /// No waiting after so many.
    pub max_days: f64,
}

/// One check's answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckVerdict {
    /// The check's name.
    pub name: String,
    /// Where its evidence is.
    #[serde(flatten)]
    pub query: Query,
    /// The kind of test.
    pub test: &'static str,
    /// Which way is worse.
    pub direction: Direction,
    /// How it stands.
    pub verdict: Status,
    /// The name of what decided.
    pub cause: &'static str,
    /// One sentence.
    pub reason: String,
    /// What it is held against, as written.
    pub threshold: String,
    /// The numbers; none where none could be told or none may be shown.
    pub numbers: Option<Numbers>,
}

/// What a check was decided on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Numbers {
    /// The control's value; none where the treatment alone is judged.
    pub control: Option<f64>,
    /// The treatment's value; of pairs, its value minus the control's.
    pub treatment: f64,
    /// What is judged: the difference, the lift, or the value. Greater is worse.
    pub harm: f64,
    /// Its standard error, with noise and clusters in it.
    pub standard_error: f64,
    /// The share of its variance that is noise of the release.
    pub noise_share: f64,
    /// Where the truth lies at every look at once, each end by itself at the level `1 - alpha_harm`.
    pub interval: Interval,
    /// Standard errors below the edge that had to be reached at the last look, if there was one.
    pub boundary: Option<f64>,
    /// Standard errors below the edge that were.
    pub z: Option<f64>,
    /// Looks that counted.
    pub looks: u64,
    /// The p-value of "no better than the edge" that holds however often one looks.
    pub p_value: f64,
    /// Alpha of this check on the side that promotes.
    pub alpha: f64,
    /// Alpha of this check on the side that rolls back.
    pub alpha_harm: f64,
    /// Denominators, with their noise.
    pub n: PerArm,
    /// Windows that counted.
    pub windows: u64,
    /// The share of expected cells (arm, window) that are withheld or missing.
    pub withheld_share: f64,
}

/// One value per arm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PerArm {
    /// Of the control; none where there is none.
    pub control: Option<f64>,
    /// Of the treatment.
    pub treatment: f64,
}

/// Where the truth lies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// One trust check's answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrustVerdict {
    /// Its name.
    pub name: &'static str,
    /// How it stands.
    pub verdict: Status,
    /// One sentence.
    pub reason: String,
}

impl Verdict {
    /// The exit code of a job that ends with this verdict.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }
}
