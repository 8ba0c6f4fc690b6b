//! What is wrong with a file of rules, or with what labels are read from; where, and what repairs it?
//!
//! Codes are stable: TG780 to TG784 speak about `labels.toml` and `label_quarantine.toml`, TG785 and TG786 about the
//! columns of streams, TG787 to TG789 about the change log. No value of a row is ever quoted.

use tidegate_document::{Fault, Misread, nearest};

pub use tidegate_document::Location;

/// `Result` of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A broken rule, with the facts a reader needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not TOML.
    #[error("{at}: {message}")]
    Toml {
        /// Where reading stopped.
        at: Location,
        /// What the reader says.
        message: String,
    },
    /// A name that may not stand there.
    #[error("{at}: unknown name `{name}`")]
    UnknownName {
        /// Where it stands.
        at: Location,
        /// The name.
        name: String,
        /// The names that may stand there.
        allowed: Vec<String>,
    },
    /// A name that must be there is not.
    #[error("{at}: `{name}` is missing")]
    MissingName {
        /// The block it is missing from.
        at: Location,
        /// The missing name.
        name: String,
    },
    /// A value of the wrong kind, or one that breaks a rule.
    #[error("{at}: {name} must be {rule}")]
    NotAllowed {
        /// Where the value stands.
        at: Location,
        /// The value's name.
        name: String,
        /// What is allowed.
        rule: &'static str,
    },
    /// A quarantine entry that names nobody would set all labels aside.
    #[error("{at}: the entry names nobody")]
    NamesNobody {
        /// Where the entry begins.
        at: Location,
    },
    /// A stream lacks a column that is read.
    #[error("stream `{stream}` has no column {}", .missing.join(", "))]
    MissingColumns {
        /// The stream.
        stream: &'static str,
        /// The columns that are not there.
        missing: Vec<String>,
    },
    /// A column's type is not what is read.
    #[error("column `{column}` of stream `{stream}` is {found}, and not {wanted}")]
    WrongType {
        /// The stream.
        stream: &'static str,
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What it must be.
        wanted: String,
    },
    /// Changes that do not follow from those before them.
    #[error("the change log does not add up: {problem}")]
    Unbalanced {
        /// What does not fit, without a value of a row.
        problem: &'static str,
    },
    /// The change log was begun with other columns.
    #[error("the change log was begun with the columns {}; now they would be {}", .before.join(", "), .now.join(", "))]
    OtherColumns {
        /// The columns it has.
        before: Vec<String>,
        /// Those that are asked for.
        now: Vec<String>,
    },
    /// A column of decisions has the name of one that changes have anyway.
    #[error("the change log has a column `{column}` of its own")]
    TakenColumn {
        /// The column.
        column: String,
    },
    /// Arrow refused, which no input should make it do.
    #[error("the rows cannot be put together: {0}")]
    Arrow(String),
}

impl Error {
    /// The stable code, for documentation and searching.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Toml { .. } => "TG780",
            Self::UnknownName { .. } => "TG781",
            Self::MissingName { .. } => "TG782",
            Self::NotAllowed { .. } => "TG783",
            Self::NamesNobody { .. } => "TG784",
            Self::MissingColumns { .. } => "TG785",
            Self::WrongType { .. } => "TG786",
            Self::Unbalanced { .. } | Self::Arrow(_) => "TG787",
            Self::OtherColumns { .. } => "TG788",
            Self::TakenColumn { .. } => "TG789",
        }
    }

    /// Where in the file of rules; none for what concerns rows.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Toml { at, .. }
            | Self::UnknownName { at, .. }
            | Self::MissingName { at, .. }
            | Self::NotAllowed { at, .. }
            | Self::NamesNobody { at } => Some(at),
            _ => None,
        }
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn cause(&self) -> String {
        let text = self.to_string();
        let place = self.location().map(|at| format!("{at}: "));
        place.and_then(|place| text.strip_prefix(&place).map(str::to_owned)).unwrap_or(text)
    }

    /// What repairs it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Toml { .. } => "correct it there; the file is TOML".into(),
            Self::UnknownName { name, allowed, .. } => {
                match nearest(name, &allowed.iter().map(String::as_str).collect::<Vec<_>>()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("allowed here: {}", allowed.join(", ")),
                }
            }
            Self::MissingName { name, .. } => format!("add `{name} = ...`"),
            Self::NotAllowed { rule, .. } => format!("write {rule}"),
            Self::NamesNobody { .. } => {
                "add annotator_token, tenant, source_system or schema_version: times alone would set everybody aside"
                    .into()
            }
            Self::MissingColumns { stream, .. } => {
                format!("give the files of `{stream}` its canonical columns, or declare them in CREATE STREAM")
            }
            Self::WrongType { wanted, .. } => format!("declare the column as {wanted}"),
            Self::Unbalanced { .. } | Self::Arrow(_) => {
                "restore the files of the change log from a backup; they are never edited".into()
            }
            Self::TakenColumn { column } => format!("leave `{column}` out of [changelog] columns"),
            Self::OtherColumns { .. } => {
                "keep `columns` as they were, or move the change log and log/labels away and settle anew".into()
            }
        }
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(error: arrow::error::ArrowError) -> Self {
        Self::Arrow(error.to_string())
    }
}

impl From<Misread> for Error {
    fn from(misread: Misread) -> Self {
        let Misread { at, fault } = misread;
        match fault {
            Fault::UnknownName { name, allowed } => Self::UnknownName { at, name, allowed },
            Fault::MissingName { name } => Self::MissingName { at, name },
            fault => Self::Toml { at, message: fault.to_string() },
        }
    }
}
