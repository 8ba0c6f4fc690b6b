//! What is wrong with a gate file or with its evidence, where, and what repairs it?
//!
//! Codes are stable: TG60x speak about the gate file, TG62x about evidence, TG63x about the numbers.

pub use tidegate_document::Location;
use tidegate_document::{Codes, Kind, Misread};

use crate::words;

/// `Result` of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How complaints speak about gate files.
const GATE_FILE: Kind = Kind {
    noun: "a gate file",
    codes: Codes {
        yaml: "TG601",
        unknown_name: "TG602",
        missing_name: "TG603",
        repeated_name: "TG604",
        wrong_kind: "TG605",
    },
};

/// A broken rule, with the facts a reader needs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a gate file.
    #[error(transparent)]
    Misread(#[from] Misread),
    /// `margin: 1` could mean one percentage point or one percent of the control; the reader must not guess.
    #[error("{at}: the margin `{found}` has no unit")]
    MarginWithoutUnit {
        /// Where the margin stands.
        at: Location,
        /// The number given.
        found: String,
    },
    /// A value of the right kind that breaks a rule.
    #[error("{at}: {name} is `{found}`, it must be {rule}")]
    NotAllowed {
        /// Where the value stands.
        at: Location,
        /// The value's name.
        name: &'static str,
        /// What was given.
        found: String,
        /// What is allowed.
        rule: &'static str,
    },

    /// The evidence lacks a column a gate reads.
    #[error("the evidence has no column {}", .missing.join(", "))]
    MissingColumns {
        /// The columns that are not there.
        missing: Vec<&'static str>,
        /// All that are read.
        wanted: Vec<&'static str>,
    },
    /// A key that is null.
    #[error("row {row} of the evidence has no {column}")]
    NullCell {
        /// The row, from 0, in the order given.
        row: usize,
        /// The column.
        column: &'static str,
    },
    /// A negative, fractional or non-finite count.
    #[error("row {row} of the evidence has {column} = {found}, which is not a count")]
    NotACount {
        /// The row, from 0, in the order given.
        row: usize,
        /// The column.
        column: &'static str,
        /// What was given.
        found: String,
    },
    /// More hits than trials in one row.
    #[error("row {row} of the evidence has a greater {part} than {whole}")]
    PartAboveWhole {
        /// The row, from 0, in the order given.
        row: usize,
        /// The column of the part.
        part: &'static str,
        /// The column of the whole.
        whole: &'static str,
    },
    /// The same cell twice: a revision, or rows counted double.
    #[error("arm {arm}, bucket {bucket}, window {window} is given twice")]
    RepeatedCell {
        /// The cell's arm.
        arm: String,
        /// The cell's bucket.
        bucket: String,
        /// The cell's window.
        window: String,
    },
    /// An arm the gate compares has no row at all.
    #[error("the evidence has no row of arm {arm}; arms seen: {}", list(.seen))]
    MissingArm {
        /// The missing arm.
        arm: String,
        /// The arms that have rows.
        seen: Vec<String>,
    },
    /// There is no row at all.
    #[error("there is no evidence: no row was released")]
    NoEvidence,
    /// One arm has windows after the last one of the other.
    #[error("arm {arm} has no row since {last}, the other arm has {}", words::count(*.windows, "later window"))]
    StoppedArm {
        /// The arm that stopped.
        arm: String,
        /// The start of its last window.
        last: String,
        /// How many windows the other arm has after it.
        windows: u64,
    },
    /// The evaluation is dated before an earlier one.
    #[error("the gate was evaluated as of {earlier} already, which is after {as_of}")]
    ClockJump {
        /// The instant asked for.
        as_of: String,
        /// That of the earlier verdict.
        earlier: String,
    },
    /// What gives the evidence failed.
    #[error("the evidence cannot be read: {0}")]
    Unreadable(String),
    /// Noise of unknown size is in the numbers.
    #[error("{column} comes from the noised signal {signal}, and the evidence has no {column}_noise_stddev")]
    UnknownNoise {
        /// The number.
        column: &'static str,
        /// The signal.
        signal: String,
    },

    /// The numbers allow no test.
    #[error("the test cannot be computed: {0}")]
    Statistics(#[from] tidegate_stats::Error),
}

impl Error {
    /// The stable code, for documentation and searching.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Misread(misread) => misread.code(&GATE_FILE),
            Self::MarginWithoutUnit { .. } => "TG606",
            Self::NotAllowed { .. } => "TG607",
            Self::MissingColumns { .. } => "TG620",
            Self::NullCell { .. } => "TG621",
            Self::NotACount { .. } => "TG622",
            Self::PartAboveWhole { .. } => "TG623",
            Self::RepeatedCell { .. } => "TG624",
            Self::MissingArm { .. } | Self::NoEvidence => "TG625",
            Self::StoppedArm { .. } => "TG626",
            Self::ClockJump { .. } => "TG627",
            Self::Unreadable(_) => "TG628",
            Self::UnknownNoise { .. } => "TG629",
            Self::Statistics(_) => "TG630",
        }
    }

    /// The name of the rule, stable for programs; verdicts carry it.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::MissingColumns { .. } => "missing_columns",
            Self::NullCell { .. } => "null_key",
            Self::NotACount { .. } => "no_count",
            Self::PartAboveWhole { .. } => "part_above_whole",
            Self::RepeatedCell { .. } => "repeated_cell",
            Self::MissingArm { .. } => "missing_arm",
            Self::NoEvidence => "missing_data",
            Self::StoppedArm { .. } => "stopped_arm",
            Self::ClockJump { .. } => "clock_jump",
            Self::Unreadable(_) => "unreadable",
            Self::UnknownNoise { .. } => "unknown_noise",
            Self::Statistics(_) => "not_computable",
            _ => "invalid_gate",
        }
    }

    /// Where in the gate file; `None` for evidence.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Misread(Misread { at, .. }) | Self::MarginWithoutUnit { at, .. } | Self::NotAllowed { at, .. } => {
                Some(at)
            }
            _ => None,
        }
    }

    /// What repairs it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Misread(misread) => misread.help(&GATE_FILE),
            Self::MarginWithoutUnit { found, .. } => {
                format!("write `{found}pp` for percentage points or `{found}%` for percent of the control's rate")
            }
            Self::NotAllowed { rule, .. } => format!("give a value that is {rule}"),
            Self::MissingColumns { wanted, .. } => format!("give the evidence the columns {}", list(wanted)),
            Self::NullCell { .. } => "leave rows without arm, bucket or window out of the signal".into(),
            Self::NotACount { .. } => {
                "counts are whole and not negative; beside noised ones stands their <name>_noise_stddev".into()
            }
            Self::PartAboveWhole { part, whole, .. } => {
                format!("{part} counts some of what {whole} counts; correct the signal's SQL, or say `kind: ratio`")
            }
            Self::RepeatedCell { .. } => "group the evidence by arm, bucket and window_start".into(),
            Self::MissingArm { .. } => "check the names under `arms:` and that both arms have traffic".into(),
            Self::NoEvidence => "run the signal, or check its name and conditions; silence is never success".into(),
            Self::StoppedArm { .. } => "find out why the arm has no traffic; nothing is decided without both".into(),
            Self::ClockJump { .. } => "evaluate as of a later instant, or set the clock right".into(),
            Self::Unreadable(_) => "correct the query or the signal; an error is never a pass".into(),
            Self::UnknownNoise { column, .. } => {
                format!(
                    "select the signal's noise too, AS {column}_noise_stddev; of a sum, the root of the sum of squares"
                )
            }
            Self::Statistics(_) => "check the evidence; nothing may be promoted on it".into(),
        }
    }
}

/// Names as a list in a sentence.
fn list<S: AsRef<str>>(names: &[S]) -> String {
    if names.is_empty() {
        return "none".into();
    }
    names.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ")
}
