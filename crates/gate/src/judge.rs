//! How does one check stand?
//!
//! Pure functions of the declaration and of one check's evidence; `decide` puts their answers together.

use crate::error::Error;
use crate::evidence::Evidence;
use crate::facts::Facts;
use crate::file::{GateFile, Span};
use crate::series::Period;
use crate::stage::Stage;
use crate::verdict::Status;
use crate::words;

pub(crate) mod check;
pub(crate) mod limit;
pub(crate) mod trust;

/// What every check is judged by: the plan and the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) gate: &'a GateFile,
    /// When the step began.
    pub(crate) since_us: i64,
    /// Up to where evidence counts: not beyond the longest time.
    pub(crate) until_us: i64,
    /// The treatment's share of the units of both arms, if it follows from the ramp.
    pub(crate) share: Option<f64>,
}

impl<'a> Context<'a> {
    /// The plan in time; none where there is no evidence that could have begun it.
    pub(crate) fn new(gate: &'a GateFile, facts: &Facts) -> Option<Self> {
        let read = || facts.checks.iter().filter_map(|read| read.as_ref().ok());
        let window_us = gate.time.window.0;
        let (since_us, mut until_us) = if gate.stage.from == Stage::Local {
            // Historical traces: the time is that for which the treatment was asked, whenever that was.
            let spans = || read().filter_map(|evidence| evidence.span_us(&gate.arms.treatment));
            let last = spans().map(|(_, last)| last).max()?;
            let end = last.saturating_add(window_us).saturating_add(gate.time.label_maturity.0);
            (spans().map(|(first, _)| first).min()?, facts.as_of_us.min(end))
        } else {
            (facts.since_us.or(read().filter_map(Evidence::first_us).min())?, facts.as_of_us)
        };
        until_us = until_us.min(since_us.saturating_add(gate.time.max.0));
        // The ramp is of all units; those that are held back are in neither arm.
        let share = facts.share.map(|share| share / (1.0 - gate.stage.hold_back));
        Some(Self { gate, since_us, until_us, share })
    }

    /// How much of the plan has passed.
    pub(crate) fn elapsed(self) -> Span {
        Span((self.until_us - self.since_us).max(0))
    }

    /// Whether no more evidence will count.
    pub(crate) fn is_over(self) -> bool {
        self.elapsed() >= self.gate.time.max
    }

    /// What it means that nothing is shown.
    pub(crate) fn open(self) -> Status {
        if self.is_over() { Status::Inconclusive } else { Status::Continue }
    }

    /// Where evidence is taken from, if it is mature so long after a window.
    pub(crate) fn period(self, maturity: Span) -> Period {
        Period {
            since_us: self.since_us,
            as_of_us: self.until_us,
            window_us: self.gate.time.window.0,
            maturity_us: maturity.0,
        }
    }
}

/// A part's status with the name of what decided and a sentence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Finding {
    pub(crate) status: Status,
    pub(crate) cause: &'static str,
    pub(crate) reason: String,
}

impl Finding {
    pub(crate) fn new(status: Status, cause: &'static str, reason: impl Into<String>) -> Self {
        Self { status, cause, reason: reason.into() }
    }
}

impl From<&Error> for Finding {
    fn from(error: &Error) -> Self {
        let reason = format!("{error} ({}); {}", error.code(), error.help());
        Self::new(Status::Error, error.cause(), reason)
    }
}

/// An arm without a row in the last windows of the other has stopped.
pub(crate) fn stopped(evidence: &Evidence, arms: &[(usize, &str)], period: Period) -> Option<Error> {
    /// Fewer windows may be the release that is under way.
    const PATIENCE: usize = 3;
    let starts = |arm: usize| {
        let windows =
            evidence.cells.iter().filter(move |cell| cell.arm == arm && cell.window_start_us >= period.since_us);
        windows.map(|cell| cell.window_start_us).filter(|&start| period.matures_us(start) <= period.as_of_us)
    };
    let last = |arm: usize| starts(arm).max();
    arms.iter().find_map(|&(arm, name)| {
        let end = last(arm)?;
        let later = arms.iter().map(|&(other, _)| {
            let mut windows: Vec<i64> = starts(other).filter(|&start| start > end).collect();
            windows.dedup();
            windows.len()
        });
        let windows = later.max().unwrap_or(0);
        (windows >= PATIENCE).then(|| Error::StoppedArm {
            arm: name.to_owned(),
            last: words::instant(end),
            windows: windows as u64,
        })
    })
}
