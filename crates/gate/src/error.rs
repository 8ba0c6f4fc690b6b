//! What is wrong with a gate file or with its evidence, where, and what repairs it?
//!
//! Codes are stable: TG60x speak about the gate file, TG62x about evidence, TG63x about the numbers.

use std::fmt;

use crate::words;

/// `Result` of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A place in a gate file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The file's name as the caller gave it.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Bytes before the place.
    pub offset: usize,
    /// Bytes the place covers; 0 where only its start is known.
    pub length: usize,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A broken rule, with the facts a reader needs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not YAML, or not one document.
    #[error("{at}: {message}")]
    Yaml {
        /// Where reading stopped.
        at: Location,
        /// What the reader says.
        message: String,
    },
    /// A name the declaration does not have.
    #[error("{at}: unknown name `{name}`")]
    UnknownName {
        /// Where it stands.
        at: Location,
        /// The name.
        name: String,
        /// The names that may stand there.
        allowed: Vec<&'static str>,
    },
    /// A name that must be there is not.
    #[error("{at}: `{name}` is missing")]
    MissingName {
        /// The block it is missing from.
        at: Location,
        /// The missing name.
        name: &'static str,
    },
    /// The same name twice in one block.
    #[error("{at}: `{name}` is given twice")]
    RepeatedName {
        /// The second one.
        at: Location,
        /// The name.
        name: String,
    },
    /// A value of another kind was expected.
    #[error("{at}: expected {expected}")]
    WrongKind {
        /// Where the value stands.
        at: Location,
        /// What belongs there.
        expected: String,
    },
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

    /// The released signal lacks a column a gate reads.
    #[error("the released signal has no column {}", .missing.join(", "))]
    MissingColumns {
        /// The columns that are not there.
        missing: Vec<&'static str>,
    },
    /// A null cell: withheld, suppressed or lost; in no case a zero.
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
    /// More hits than trials in one cell.
    #[error("arm {arm}, bucket {bucket}, window {window}: num {num} is above den {den}")]
    NumAboveDen {
        /// The cell's arm.
        arm: String,
        /// The cell's bucket.
        bucket: String,
        /// The cell's window.
        window: String,
        /// Its hits.
        num: u64,
        /// Its trials.
        den: u64,
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
    /// A window has rows of one arm only.
    #[error("{} with rows of one arm only, the first is {first}, without arm {arm}", words::count(*.windows, "window"))]
    UnpairedWindows {
        /// How many.
        windows: u64,
        /// The first of them.
        first: String,
        /// The arm missing there.
        arm: String,
    },
    /// The counts of an arm do not fit 64 bits.
    #[error("the counts of arm {arm} exceed 64 bits")]
    TooManyEvents {
        /// The arm.
        arm: String,
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
            Self::Yaml { .. } => "TG601",
            Self::UnknownName { .. } => "TG602",
            Self::MissingName { .. } => "TG603",
            Self::RepeatedName { .. } => "TG604",
            Self::WrongKind { .. } => "TG605",
            Self::MarginWithoutUnit { .. } => "TG606",
            Self::NotAllowed { .. } => "TG607",
            Self::MissingColumns { .. } => "TG620",
            Self::NullCell { .. } => "TG621",
            Self::NotACount { .. } => "TG622",
            Self::NumAboveDen { .. } => "TG623",
            Self::RepeatedCell { .. } => "TG624",
            Self::MissingArm { .. } => "TG625",
            Self::UnpairedWindows { .. } => "TG626",
            Self::TooManyEvents { .. } => "TG627",
            Self::Statistics(_) => "TG630",
        }
    }

    /// Where in the gate file; `None` for evidence.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Yaml { at, .. }
            | Self::UnknownName { at, .. }
            | Self::MissingName { at, .. }
            | Self::RepeatedName { at, .. }
            | Self::WrongKind { at, .. }
            | Self::MarginWithoutUnit { at, .. }
            | Self::NotAllowed { at, .. } => Some(at),
            _ => None,
        }
    }

    /// What repairs it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Yaml { .. } => "a gate file is one YAML document".into(),
            Self::UnknownName { name, allowed, .. } => match crate::nearest::nearest(name, allowed) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("allowed here: {}", list(allowed)),
            },
            Self::MissingName { name, .. } => format!("add `{name}:`"),
            Self::RepeatedName { name, .. } => format!("keep one `{name}:`"),
            Self::WrongKind { expected, .. } => format!("write {expected}"),
            Self::MarginWithoutUnit { found, .. } => {
                format!("write `{found}pp` for percentage points or `{found}%` for percent of the control's rate")
            }
            Self::NotAllowed { rule, .. } => format!("give a value that is {rule}"),
            Self::MissingColumns { .. } => format!("let the signal release the columns {}", list(&crate::COLUMNS)),
            Self::NullCell { .. } => "leave suppressed rows out of the signal or lower its threshold; \
                                      a withheld cell is not a zero"
                .into(),
            Self::NotACount { .. } => {
                "num and den are exact counts; noisy counts need a test that knows the noise".into()
            }
            Self::NumAboveDen { .. } => {
                "num counts some of the events that den counts; correct the signal's SQL".into()
            }
            Self::RepeatedCell { .. } => "read only the latest revision of each window".into(),
            Self::MissingArm { .. } => "check the names under `arms:` and that both arms have traffic".into(),
            Self::UnpairedWindows { .. } => {
                "release both arms for every window; a row with den 0 says that nothing happened".into()
            }
            Self::TooManyEvents { .. } => "release fewer windows per evaluation".into(),
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
