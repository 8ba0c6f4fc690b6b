//! What can be wrong with a generator's configuration or its output?

use std::path::PathBuf;

use arrow::error::ArrowError;
use parquet::errors::ParquetError;

/// The result of generating.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a generator cannot be made or cannot write.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A count that must be at least `least` is less.
    #[error("{name} is {value}, and must be at least {least}")]
    TooFew {
        /// Which setting.
        name: &'static str,
        /// What it is.
        value: u64,
        /// What it must be at least.
        least: u64,
    },
    /// A share lies outside its range.
    #[error("{name} is {value}, and must lie between {least} and {most}")]
    OutOfRange {
        /// Which setting.
        name: &'static str,
        /// What it is.
        value: f64,
        /// The least it may be.
        least: f64,
        /// The most it may be.
        most: f64,
    },
    /// The first day does not begin at midnight UTC, so days and files would not agree.
    #[error("start_us is {start_us}, and must be a midnight UTC")]
    StartNotMidnight {
        /// The start, in microseconds since the epoch.
        start_us: i64,
    },
    /// A planted regression takes more from the accepted outcomes of a task than there are.
    #[error("regression takes {taken} from the accepted share of {task_class}, which is {accepted}")]
    RegressionTooLarge {
        /// The task.
        task_class: &'static str,
        /// The share of accepted outcomes without the regression.
        accepted: f64,
        /// What the regression takes from it.
        taken: f64,
    },
    /// Arrow refused to build or to write a batch.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
    /// Parquet refused to write a batch.
    #[error(transparent)]
    Parquet(#[from] ParquetError),
    /// A file could not be read, written or renamed.
    #[error("cannot read or write {}", path.display())]
    Io {
        /// Which file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Says which `path` a system error is about.
    pub(super) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        |source| Self::Io { path, source }
    }
}
