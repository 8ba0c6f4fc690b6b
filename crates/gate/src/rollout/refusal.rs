//! Why may a version not take its next step?

use crate::stage::Stage;
use crate::verdict::Status;

/// A refusal is an answer, not a failure: nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// There is no such registration.
    #[error("nothing is registered as {0}")]
    Unknown(String),
    /// Parts are missing, so that it could neither run nor be restored.
    #[error("the bundle has no {}: it can neither run whole nor be restored", .0.join(", no "))]
    MissingParts(Vec<String>),
    /// Nothing runs yet, so that nothing could be compared or restored.
    #[error("nothing runs yet that a version could be compared with or rolled back to")]
    NoBaseline,
    /// Something runs already.
    #[error("generation {0} runs already; a baseline is taken over only where nothing does")]
    BaselineRuns(u64),
    /// It was taken back or held.
    #[error("the registration was {0}; register the bundle anew to try again")]
    Ended(&'static str),
    /// Everybody has it.
    #[error("it is general already")]
    Arrived,
    /// Another version is on its way.
    #[error("{label} is in {stage}; one version moves at a time")]
    Occupied {
        /// Its label.
        label: String,
        /// Where it is.
        stage: Stage,
    },
    /// No gate was registered for the step.
    #[error("no gate was registered for the step from {0}")]
    NoGate(Stage),
    /// The gate has not been asked.
    #[error("the gate {0} was not evaluated for this step")]
    NotJudged(String),
    /// The gate does not say PASS.
    #[error("the gate {gate} says {status}")]
    NotPassed {
        /// The gate's name.
        gate: String,
        /// What it says.
        status: Status,
    },
    /// People must agree first.
    #[error("{have} of {need} approvals")]
    AwaitingApproval {
        /// That hold.
        have: u32,
        /// That are needed.
        need: u32,
    },
    /// The way back was not rehearsed lately.
    #[error("the way back was not rehearsed within {0}")]
    StaleDrill(String),
    /// Nothing is promoted now.
    #[error("nothing is promoted from {from} to {to}{}", if .reason.is_empty() { String::new() } else { format!(" ({})", .reason) })]
    Frozen {
        /// The first day.
        from: String,
        /// The last day.
        to: String,
        /// Why.
        reason: String,
    },
    /// The step is dated before the last one.
    #[error("generation {generation} is dated {latest}, after this step")]
    ClockJump {
        /// The last generation.
        generation: u64,
        /// Its date.
        latest: String,
    },
    /// There is nothing to take back.
    #[error("{0} is what everybody has and the last known good: there is nothing to return to")]
    NothingToRestore(String),
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "TG660",
            Self::MissingParts(_) => "TG661",
            Self::NoBaseline | Self::BaselineRuns(_) => "TG662",
            Self::Ended(_) | Self::Arrived => "TG663",
            Self::Occupied { .. } => "TG664",
            Self::NoGate(_) => "TG665",
            Self::NotJudged(_) | Self::NotPassed { .. } => "TG666",
            Self::AwaitingApproval { .. } => "TG667",
            Self::StaleDrill(_) => "TG668",
            Self::Frozen { .. } => "TG669",
            Self::ClockJump { .. } => "TG670",
            Self::NothingToRestore(_) => "TG671",
        }
    }

    /// The exit code of a job that is refused.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NotPassed { status, .. } => match status {
                // A verdict of PASS is no refusal; were it one, it would not be a success.
                Status::Pass => 1,
                status => status.exit_code(),
            },
            Self::NotJudged(_) => 3,
            Self::AwaitingApproval { .. } => 6,
            Self::Frozen { .. } | Self::StaleDrill(_) | Self::Occupied { .. } => 4,
            _ => 1,
        }
    }

    /// What repairs it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "register the bundle first; `promote status` lists what is registered",
            Self::MissingParts(_) => "create a bundle that has all of its parts",
            Self::NoBaseline => "register what runs today with `promote register BUNDLE --baseline`, then promote it",
            Self::BaselineRuns(_) => "register the bundle without --baseline, with its gates",
            Self::Ended(_) => "an old plan has spent its alpha: register the bundle with a new version of the gates",
            Self::Arrived => "there is no further step",
            Self::Occupied { .. } => "wait for it, or roll it back",
            Self::NoGate(_) => "register the bundle with a gate for each step",
            Self::NotJudged(_) => "run `promote evaluate`",
            Self::NotPassed { .. } => {
                "read the verdict with `promote status`; evaluate again when there is more evidence"
            }
            Self::AwaitingApproval { .. } => "have somebody other than the author run `promote approve`",
            Self::StaleDrill(_) => "run `promote drill`",
            Self::Frozen { .. } => "wait; rolling back is always possible, --break-glass REASON is recorded",
            Self::ClockJump { .. } => "set the clock right, or give a later --at",
            Self::NothingToRestore(_) => "promote another version instead",
        }
    }
}
