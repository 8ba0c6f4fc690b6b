//! What can be wrong with telemetry as a whole, or with a mapping?
//!
//! A problem of telemetry is told by its place and kind, never by what was sent. A problem of a mapping file is told with
//! the words of the file, because an operator wrote it.

use std::fmt;

/// The result of reading telemetry or a mapping.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a request or a mapping was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More bytes than are taken at once.
    #[error(
        "{bytes} bytes of telemetry came at once, and {limit} are allowed: send smaller batches, or raise the limit"
    )]
    TooLarge {
        /// How many came.
        bytes: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// Bytes that are no telemetry.
    #[error("the telemetry cannot be read: {fault} in {place}; check the exporter and the format of the stream")]
    Malformed {
        /// Where.
        place: Place,
        /// What is wrong.
        fault: Fault,
    },
    /// More spans, events, links and log records than are taken at once.
    #[error("more than {limit} spans, events, links and log records came at once: send smaller batches")]
    TooMany {
        /// How many are allowed.
        limit: usize,
    },
    /// Values nested in each other too deep.
    #[error("attribute values are nested more than {limit} deep: flatten them at the exporter")]
    TooDeep {
        /// How deep is allowed.
        limit: usize,
    },
    /// A JSON document of something else.
    #[error("the document has neither `resourceSpans` nor `resourceLogs`: OTLP writes its keys in camelCase")]
    NotTelemetry,
    /// Reading went wrong in a way that it must not. This is a bug of Tidegate; nothing of the request was taken.
    #[error("reading this telemetry failed inside Tidegate; nothing of it was taken: please report it")]
    Panicked,
    /// Rows of a table lack a column.
    #[error("the rows have no column `{column}`, which mapping `{mapping}` needs: export it")]
    MissingColumn {
        /// The column.
        column: String,
        /// The mapping.
        mapping: String,
    },
    /// A column of a table has a type that cannot be read.
    #[error("column `{column}` of the rows is {found}, which is not {expected}")]
    WrongColumn {
        /// The column.
        column: String,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The mapping does not read tables.
    #[error("mapping `{mapping}` reads spans and logs, not tables: it has no section [rows]")]
    NoRows {
        /// The mapping.
        mapping: String,
    },
    /// The batches cannot be put together. This is a bug of Tidegate.
    #[error("the rows of `{table}` cannot be put together: {problem}; please report it")]
    Unbuildable {
        /// The table.
        table: &'static str,
        /// What Arrow said, about types and lengths.
        problem: String,
    },
    /// No mapping of that name is shipped.
    #[error("no mapping `{name}` is shipped; there are {}", known.join(", "))]
    UnknownMapping {
        /// The name.
        name: String,
        /// Those that are shipped.
        known: Vec<&'static str>,
    },
    /// A mapping file is not what one looks like.
    #[error("{file}:{line}:{column}: {problem}")]
    Mapping {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong with it, and what to write instead.
        problem: MappingProblem,
    },
}

/// What is wrong with a mapping file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MappingProblem {
    /// It is no TOML, or not of this form.
    #[error("{0}")]
    Syntax(String),
    /// A column that the table does not have.
    #[error("`{table}` has no column `{column}`: see the schema")]
    UnknownColumn {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
    },
    /// A column that follows from what a row is, not from attributes.
    #[error("column `{0}` is set by Tidegate: leave it out")]
    FixedColumn(String),
    /// A source that cannot be read.
    #[error("`{0}` is no source: write an attribute's key, `resource:key`, `event:name/key`, or one of {known}", known = crate::mapping::KNOWN_INTRINSICS)]
    UnknownSource(String),
    /// A word outside a closed list.
    #[error("`{word}` is not {what}: use one of {known}")]
    UnknownWord {
        /// What was written.
        word: String,
        /// What it should be.
        what: &'static str,
        /// The words there are.
        known: String,
    },
    /// Content would become a column.
    #[error("`{0}` is content, which no column may hold: take its hash (`convert = \"hash\"`), or another attribute")]
    Content(String),
    /// A default of the wrong type.
    #[error("the default of `{column}` must be {expected}")]
    WrongDefault {
        /// The column.
        column: String,
        /// What it must be.
        expected: &'static str,
    },
    /// What a mapping must say and does not.
    #[error("the mapping does not say {0}")]
    Missing(&'static str),
    /// The mapping that is extended is not shipped.
    #[error("no mapping `{0}` is shipped that could be extended")]
    UnknownBase(String),
}

/// Where in a request something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At a byte of a binary request.
    Byte(usize),
    /// At a line and column of a JSON document, from 1.
    Line {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
        /// In what.
        within: &'static str,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(byte) => write!(f, "byte {byte}"),
            Self::Line { line, column, within } => write!(f, "{within}, line {line}, column {column}"),
        }
    }
}

/// What is wrong with the bytes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// They end too early.
    #[error("it ends too early")]
    CutOff,
    /// A field has another type than OTLP gives it.
    #[error("a value of the wrong type")]
    WrongType,
    /// They are not of the format at all.
    #[error("bytes that are not of this format")]
    Syntax,
    /// A text that is not UTF-8.
    #[error("a text that is not UTF-8")]
    NotUtf8,
}

impl Error {
    /// The stable code of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "TG740",
            Self::Malformed { .. } => "TG741",
            Self::TooMany { .. } => "TG742",
            Self::TooDeep { .. } => "TG743",
            Self::NotTelemetry => "TG744",
            Self::Panicked | Self::Unbuildable { .. } => "TG745",
            Self::MissingColumn { .. } => "TG746",
            Self::WrongColumn { .. } => "TG747",
            Self::NoRows { .. } => "TG748",
            Self::UnknownMapping { .. } => "TG750",
            Self::Mapping { problem, .. } => problem.code(),
        }
    }

    /// Whether the sender could do better with a smaller request, as OTLP's `RESOURCE_EXHAUSTED` and 413 say.
    pub fn is_too_much(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::TooMany { .. })
    }
}

impl MappingProblem {
    fn code(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "TG751",
            Self::UnknownColumn { .. } | Self::FixedColumn(_) => "TG752",
            Self::UnknownSource(_) => "TG753",
            Self::UnknownWord { .. } => "TG754",
            Self::Content(_) => "TG755",
            Self::WrongDefault { .. } => "TG756",
            Self::Missing(_) => "TG757",
            Self::UnknownBase(_) => "TG758",
        }
    }
}
