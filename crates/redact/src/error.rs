//! What can go wrong with a batch, and what should be done about it?
//!
//! Never a value: only the names of columns and types.

use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use tidegate_contract::IngestPolicy;

/// The result of redacting a batch.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a batch was not redacted. Nothing of it may be written then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A policy cannot be carried out on the type of its column.
    #[error("column `{column}` is {data_type}, which `{}` cannot take: {fix}", policy.as_str())]
    Unfit {
        /// The column.
        column: String,
        /// Its type.
        data_type: DataType,
        /// Its policy.
        policy: IngestPolicy,
        /// What to write instead.
        fix: &'static str,
    },
    /// A column that the redactor needs is not in the batch.
    #[error("the batch has no column `{column}`, which says {role}: name another one, or correct the mapping")]
    NoColumn {
        /// The column.
        column: String,
        /// What it is needed for.
        role: &'static str,
    },
    /// Not as many references as texts were taken out.
    #[error("{references} references for {texts} texts: give one for each text, in their order")]
    References {
        /// How many were given.
        references: usize,
        /// How many are needed.
        texts: usize,
    },
    /// A batch could not be computed on: a column of more than 2 GiB, or damaged arrays.
    #[error("column `{column}` cannot be redacted ({kind}): send smaller batches")]
    Arrow {
        /// The column.
        column: String,
        /// The kind of error. Arrow's own message may quote values.
        kind: &'static str,
    },
    /// There is no key.
    #[error(transparent)]
    Key(#[from] tidegate_keyring::Error),
}

impl Error {
    /// The stable code of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unfit { .. } => "TG727",
            Self::NoColumn { .. } => "TG728",
            Self::References { .. } | Self::Arrow { .. } => "TG729",
            Self::Key(error) => error.code(),
        }
    }

    /// Wraps what Arrow said, without its words.
    pub(crate) fn arrow(column: &str) -> impl Fn(ArrowError) -> Self {
        move |error| Self::Arrow { column: column.to_owned(), kind: kind_of(&error) }
    }
}

fn kind_of(error: &ArrowError) -> &'static str {
    match error {
        ArrowError::CastError(_) => "a cast failed",
        ArrowError::MemoryError(_) => "out of memory",
        ArrowError::OffsetOverflowError(_) | ArrowError::ArithmeticOverflow(_) => "too much text",
        ArrowError::DictionaryKeyOverflowError => "too many distinct values",
        ArrowError::InvalidArgumentError(_) | ArrowError::SchemaError(_) => "its array does not fit its type",
        _ => "an error of Arrow",
    }
}
