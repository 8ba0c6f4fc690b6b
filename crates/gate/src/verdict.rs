//! What did the gate find, and what follows?
//!
//! A verdict answers four questions in plain words (`what_happened`, `why`, `what_changed`, `what_next`) and
//! carries the numbers they rest on. The same gate file and evidence give the same bytes.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::error::Error;
use crate::file::{Direction, GateFile};

/// How a gate or a check stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Shown to be good enough.
    Pass,
    /// Evidence is missing or impossible.
    Error,
    /// Not yet at the planned horizon.
    Continue,
    /// At the horizon, and neither shown.
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
    /// The plan's digest, see [`GateFile::digest`].
    pub digest: String,
    /// How the gate stands.
    pub verdict: Status,
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
    /// Each check with its numbers; empty when the evidence could not be counted.
    pub checks: Vec<CheckVerdict>,
    /// Rows of arms the gate does not name, by arm.
    pub ignored_rows: BTreeMap<String, u64>,
}

/// One check's numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CheckVerdict {
    /// The check's name.
    pub name: String,
    /// The signal it reads.
    pub signal: String,
    /// How it stands.
    pub verdict: Status,
    /// The kind of test.
    pub test: &'static str,
    /// Which way is worse.
    pub direction: Direction,
    /// What was counted.
    pub observed: Observed,
    /// What it is held against.
    pub threshold: Threshold,
    /// The score statistic at the margin; none before the horizon, where it must not be read.
    pub z: Option<f64>,
    /// One-sided p-value of "worse by the margin or more".
    pub p_value: Option<f64>,
    /// One-sided p-value of "worse by the margin or less".
    pub p_value_harm: Option<f64>,
    /// Where the true contrast lies: inside the margin when the check passes, beyond it when it fails.
    pub interval: Option<Interval>,
    /// Events per arm.
    pub n: PerArm<u64>,
    /// Windows with both arms.
    pub windows: u64,
    /// Distinct buckets per arm with at least one event.
    pub buckets: PerArm<u64>,
}

/// One value per arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PerArm<T> {
    /// Of the control.
    pub control: T,
    /// Of the treatment.
    pub treatment: T,
}

/// What was counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Observed {
    /// In the control.
    pub control: ArmObserved,
    /// In the treatment.
    pub treatment: ArmObserved,
    /// Treatment's rate minus control's.
    pub difference: Option<f64>,
}

/// What was counted in one arm.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArmObserved {
    /// The arm's name.
    pub arm: String,
    /// Hits.
    pub num: u64,
    /// Events.
    pub den: u64,
    /// `num / den`; none without events.
    pub rate: Option<f64>,
}

/// What a check is held against.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threshold {
    /// The margin as written.
    pub margin: String,
    /// The margin as a difference of rates. For a relative margin this is of the control's observed rate
    /// and only shown; the test uses the ratio.
    pub margin_absolute: Option<f64>,
    /// One-sided error rate.
    pub alpha: f64,
}

/// A two-sided confidence interval.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Interval {
    /// What lies in it.
    pub of: Scale,
    /// Lower bound.
    pub low: f64,
    /// Upper bound; none where it is infinite.
    pub high: Option<f64>,
    /// Confidence level, `1 - 2 alpha`.
    pub level: f64,
}

/// What an interval speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// `p_t - p_c`.
    Difference,
    /// `p_t / p_c - 1`.
    RelativeChange,
}

impl Verdict {
    /// The verdict on evidence that cannot be used. Use it for every failure between a valid gate file and
    /// [`decide`](crate::decide()), so that a failure to read is on record like any other answer.
    #[must_use]
    pub fn from_error(gate: &GateFile, error: &Error) -> Self {
        Self {
            gate: gate.gate.clone(),
            version: gate.version,
            digest: gate.digest(),
            verdict: Status::Error,
            reason: error.to_string(),
            what_happened: "the evidence could not be used".into(),
            why: format!("{}: missing or impossible evidence is never a pass", error.code()),
            what_changed: "unknown".into(),
            what_next: error.help(),
            checks: Vec::new(),
            ignored_rows: BTreeMap::new(),
        }
    }

    /// See [`Status::exit_code`].
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }
}
