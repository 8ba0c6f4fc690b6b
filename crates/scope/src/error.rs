//! What is wrong with `risk.toml`, with `tenants.toml` or with a batch's columns, where, and what repairs it?
//!
//! Codes are stable: TG800 to TG805 and TG809 speak about the files, TG806 to TG808 about the columns of a stream. No
//! message holds a value of a row.

use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use tidegate_document::{Fault, Misread, nearest};

pub use tidegate_document::Location;

/// `Result` of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A broken rule, with the facts a reader needs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not TOML, or a value is of another kind than its name asks for.
    #[error("{at}: {message}")]
    Toml {
        /// Where reading stopped.
        at: Location,
        /// What the reader says.
        message: String,
    },
    /// A name that the file does not have.
    #[error("{at}: unknown name `{name}`")]
    UnknownName {
        /// Where it stands.
        at: Location,
        /// The name.
        name: String,
        /// The names that may stand there.
        allowed: Vec<String>,
    },
    /// A class or a scope that there is not.
    #[error("{at}: `{word}` is no {of}")]
    UnknownWord {
        /// Where it stands.
        at: Location,
        /// The word.
        word: String,
        /// The name it is the value of.
        of: &'static str,
        /// The words that may stand there.
        allowed: Vec<&'static str>,
    },
    /// A rule or condition that says too little or too much to be evaluated.
    #[error("{at}: {cause}")]
    Condition {
        /// The rule or condition.
        at: Location,
        /// Which rule was broken.
        cause: &'static str,
        /// What repairs it.
        fix: &'static str,
    },
    /// A map of classes in which more risk would be learnt from more widely.
    #[error("{at}: {cause}")]
    ScopeMap {
        /// The entry.
        at: Location,
        /// Which rule was broken.
        cause: &'static str,
        /// What repairs it.
        fix: &'static str,
    },
    /// Consent that cannot be told.
    #[error("{at}: {cause}")]
    Consent {
        /// The period or the default.
        at: Location,
        /// Which rule was broken.
        cause: &'static str,
        /// What repairs it.
        fix: &'static str,
    },
    /// A column that is read and not there.
    #[error("there is no column `{column}`, which {reader} reads")]
    MissingColumn {
        /// The column.
        column: String,
        /// Who reads it.
        reader: String,
    },
    /// A column whose type its reader cannot take.
    #[error("column `{column}` is {found}, {reader} reads {expected}")]
    WrongColumn {
        /// The column.
        column: String,
        /// Who reads it.
        reader: String,
        /// What it can take.
        expected: &'static str,
        /// What the column is.
        found: DataType,
    },
    /// Arrow could not build the columns.
    #[error("the columns could not be built")]
    Arrow(#[from] ArrowError),
    /// A value of the right kind that breaks a rule.
    #[error("{at}: {name} must be {rule}")]
    NotAllowed {
        /// Where the value stands.
        at: Location,
        /// The value's name.
        name: &'static str,
        /// What is allowed.
        rule: &'static str,
    },
}

impl Error {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Toml { .. } => "TG800",
            Self::UnknownName { .. } => "TG801",
            Self::UnknownWord { .. } => "TG802",
            Self::Condition { .. } => "TG803",
            Self::ScopeMap { .. } => "TG804",
            Self::Consent { .. } => "TG805",
            Self::MissingColumn { .. } => "TG806",
            Self::WrongColumn { .. } => "TG807",
            Self::Arrow(_) => "TG808",
            Self::NotAllowed { .. } => "TG809",
        }
    }

    /// What repairs it.
    pub fn fix(&self) -> String {
        match self {
            Self::Toml { .. } => "correct the file at this place".to_owned(),
            Self::UnknownName { name, allowed, .. } => {
                suggestion(name, &allowed.iter().map(String::as_str).collect::<Vec<_>>())
            }
            Self::UnknownWord { word, allowed, .. } => suggestion(word, allowed),
            Self::Condition { fix, .. } | Self::ScopeMap { fix, .. } | Self::Consent { fix, .. } => (*fix).to_owned(),
            Self::MissingColumn { column, .. } => {
                format!("correct the name, or add `{column}` to the stream's contract")
            }
            Self::WrongColumn { .. } => {
                "compare text with text, numbers with numbers, true and false with `is`".to_owned()
            }
            Self::Arrow(_) => "send smaller batches; if it stays, report it".to_owned(),
            Self::NotAllowed { name, rule, .. } => format!("give {name} a value that is {rule}"),
        }
    }

    /// The place in the file, where there is one.
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Toml { at, .. }
            | Self::UnknownName { at, .. }
            | Self::UnknownWord { at, .. }
            | Self::Condition { at, .. }
            | Self::ScopeMap { at, .. }
            | Self::Consent { at, .. }
            | Self::NotAllowed { at, .. } => Some(at),
            Self::MissingColumn { .. } | Self::WrongColumn { .. } | Self::Arrow(_) => None,
        }
    }
}

impl From<Misread> for Error {
    fn from(misread: Misread) -> Self {
        let Misread { at, fault } = misread;
        match fault {
            Fault::UnknownName { name, allowed } => Self::UnknownName { at, name, allowed },
            fault => Self::Toml { at, message: fault.to_string() },
        }
    }
}

/// The name that was probably meant, or all that may stand there.
fn suggestion(word: &str, allowed: &[&str]) -> String {
    match nearest(word, allowed) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("write one of {}", allowed.join(", ")),
    }
}
