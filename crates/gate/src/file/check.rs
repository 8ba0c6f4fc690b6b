//! What must hold of a version, and where is the evidence?

use serde::{Deserialize, Serialize};

use super::Margin;

/// One thing that must hold.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// The check's name.
    pub name: String,
    /// Where its evidence is.
    #[serde(flatten)]
    pub query: Query,
    /// What its numbers are.
    pub kind: Kind,
    /// Which way is worse.
    pub direction: Direction,
    /// How it is decided.
    pub test: Test,
}

/// Where evidence is: a signal whole, or a query over released signals.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Query {
    /// A signal; for a hard limit also one that is kept inside.
    Signal(String),
    /// A query that gives the columns by name.
    Sql(String),
}

/// What the numbers of a check are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// `num` of `den` events hit: columns arm, bucket, window_start, num, den.
    Proportion,
    /// A sum over a count or another sum: the same columns. Its variance is measured between buckets.
    Ratio,
    /// Both versions decided the same cases: columns bucket, window_start, pairs, and of them gained (the treatment alone
    /// hit) and lost (the control alone hit).
    Paired,
}

/// Which way is worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A rise is harm.
    LowerIsBetter,
    /// A fall is harm.
    HigherIsBetter,
}

impl Direction {
    /// 1 where a rise is harm, -1 where a fall is.
    pub(crate) fn harm(self) -> f64 {
        match self {
            Self::LowerIsBetter => 1.0,
            Self::HigherIsBetter => -1.0,
        }
    }
}

/// How a check is decided.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Test {
    /// The treatment is worse by less than the margin.
    NonInferior {
        /// How much worse is still acceptable.
        margin: Margin,
    },
    /// The treatment is better, by more than the margin if there is one.
    Superior {
        /// How much better is not enough yet; 0 if left out.
        margin: Margin,
        /// How much better the treatment is expected to be: for the plan.
        expect: Margin,
    },
    /// The treatment's value lies below a limit, whatever the control's is.
    Below {
        /// The limit, in the metric's own unit.
        limit: f64,
        /// The value that is expected: for the plan.
        expect: f64,
    },
    /// The treatment's value is above a limit: stop at once. On exact counts, also on those kept inside; no number of it
    /// is shown.
    HardLimit {
        /// The limit, in the metric's own unit.
        limit: f64,
        /// Events before the limit means anything.
        min_events: u64,
    },
}

impl Test {
    /// Its name in a file and in a verdict.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::NonInferior { .. } => "non_inferior",
            Self::Superior { .. } => "superior",
            Self::Below { .. } => "below",
            Self::HardLimit { .. } => "hard_limit",
        }
    }

    /// Whether the treatment is held against the control.
    #[must_use]
    pub fn compares(&self) -> bool {
        matches!(self, Self::NonInferior { .. } | Self::Superior { .. })
    }
}
