//! Why were rows not landed, and what should be done about it?
//!
//! No error quotes a value of a row.

use std::sync::Arc;
use std::time::Duration;

use crate::{InvalidProducer, Producer};

/// The result of landing rows.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why rows were not landed. An error can be told to several arrivals that shared a file.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that cannot be a stream.
    #[error("`{name}` cannot name a stream: use 1 to 64 lower-case letters, digits and `_`, a letter first")]
    InvalidStream {
        /// The name.
        name: String,
    },
    /// A name that cannot be a producer.
    #[error(transparent)]
    InvalidProducer(#[from] InvalidProducer),
    /// The columns of the stream cannot be written as Parquet.
    #[error("stream `{stream}` cannot be written as Parquet: {problem}; change the type of its columns")]
    Unwritable {
        /// The stream.
        stream: String,
        /// What the writer said of the schema.
        problem: String,
    },
    /// The rows have a column that the stream has not.
    #[error("the stream has no column `{column}`: leave it out, or add it to the stream")]
    UnknownColumn {
        /// The column.
        column: String,
    },
    /// The rows have two columns of one name.
    #[error("there are two columns `{column}`: name one of them otherwise")]
    RepeatedColumn {
        /// The column.
        column: String,
    },
    /// The rows lack a column that the stream requires.
    #[error("the rows have no column `{column}`, which the stream requires: add it")]
    MissingColumn {
        /// The column.
        column: String,
    },
    /// A column has a type that does not become that of the stream without loss.
    #[error("column `{column}` is {found}, and the stream's is {expected}: send it as that")]
    WrongType {
        /// The column.
        column: String,
        /// The type of the stream.
        expected: String,
        /// The type of the rows.
        found: String,
    },
    /// A value does not fit the type of the stream.
    #[error("column `{column}` has a value that does not fit {expected}: leave its row out, or correct it")]
    OutOfRange {
        /// The column.
        column: String,
        /// The type of the stream.
        expected: String,
    },
    /// A column that the stream requires has nulls.
    #[error("column `{column}` has {nulls} nulls, and the stream requires it: leave these rows out, or fill them")]
    Nulls {
        /// The column.
        column: String,
        /// How many.
        nulls: usize,
    },
    /// One arrival is larger than all that may wait.
    #[error("the rows take {bytes} bytes, and at most {limit} may wait: send them in smaller batches")]
    TooLarge {
        /// What they take.
        bytes: usize,
        /// The bytes that may wait.
        limit: usize,
    },
    /// As much is waiting as may wait.
    #[error("too much is waiting to be landed: send the same again in {} ms", retry_after.as_millis())]
    Busy {
        /// How long to wait before sending again.
        retry_after: Duration,
    },
    /// A number was left out.
    #[error("producer `{producer}` sent number {found}, and its next is {expected}: send all from {expected} on")]
    Gap {
        /// Who sent.
        producer: Producer,
        /// The next number.
        expected: u64,
        /// The number that was sent.
        found: u64,
    },
    /// Another process landed arrivals of this producer.
    #[error("another process lands rows of producer `{producer}`: send the same again, and to one process alone")]
    Overtaken {
        /// Who sent.
        producer: Producer,
    },
    /// Files of a producer are not what was written.
    #[error("`{file}` is not what was landed ({problem}): restore it from a backup")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Rows could not be encoded.
    #[error("the rows cannot be written as Parquet: report this")]
    Encode,
    /// The store failed. Whether the rows are landed is not known; sending them again is safe.
    #[error("the rows may not be landed, send the same again: {0}")]
    Store(Arc<tidegate_ledger::Error>),
    /// The landing ended.
    #[error("rows are not taken any more, send the same again to the next process")]
    Closed,
}

impl Error {
    /// A code that stays the same.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidStream { .. } | Self::InvalidProducer(_) => "TG760",
            Self::Unwritable { .. } => "TG761",
            Self::UnknownColumn { .. }
            | Self::RepeatedColumn { .. }
            | Self::MissingColumn { .. }
            | Self::WrongType { .. } => "TG762",
            Self::OutOfRange { .. } | Self::Nulls { .. } => "TG763",
            Self::TooLarge { .. } => "TG764",
            Self::Busy { .. } => "TG765",
            Self::Gap { .. } => "TG766",
            Self::Overtaken { .. } => "TG767",
            Self::Damaged { .. } => "TG768",
            Self::Encode | Self::Store(_) | Self::Closed => "TG769",
        }
    }

    /// Whether sending the same again may succeed.
    pub fn may_pass(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Overtaken { .. } | Self::Store(_) | Self::Closed)
    }
}

impl From<tidegate_ledger::Error> for Error {
    fn from(error: tidegate_ledger::Error) -> Self {
        Self::Store(Arc::new(error))
    }
}
