//! What can be wrong before any row is read?
//!
//! Everything here is a mistake in the definition of a stream or in its surroundings. A bad file or row is data, not
//! an error: it is a [`Rejection`](crate::Rejection).

use std::path::PathBuf;

use arrow::datatypes::DataType;

use crate::epoch::is_whole;

/// The result of asking for a stream's files or columns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a stream cannot be read at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The `format` option names a format that is not known.
    #[error("unknown format `{given}`: use one of {choices}")]
    UnknownFormat {
        /// What was written.
        given: String,
        /// What could have been written.
        choices: &'static str,
    },
    /// Neither an option nor the path's extension says which format the files have.
    #[error("the path `{path}` does not say its format: add format = one of {choices}")]
    FormatMissing {
        /// The path as it was written.
        path: String,
        /// What could be written.
        choices: &'static str,
    },
    /// The path of a stream does not exist.
    #[error("`{}` does not exist: create it, or correct the stream's path", path.display())]
    PathMissing {
        /// The path after it was resolved against the base directory.
        path: PathBuf,
    },
    /// The path of a stream is not a valid glob.
    #[error("`{pattern}` is not a valid glob: {problem} at character {position}")]
    BadGlob {
        /// The pattern as it was written.
        pattern: String,
        /// Where the pattern stops making sense, counted in characters.
        position: usize,
        /// What is wrong there.
        problem: &'static str,
    },
    /// A folder of the stream cannot be listed.
    #[error("cannot list `{}`: {source}", path.display())]
    Unlistable {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A file of the stream lies in an object store that fails, so that its columns cannot be learned.
    #[error("cannot read `{path}`: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What the store said.
        source: std::io::Error,
    },
    /// There are no declared columns and no file to learn them from.
    #[error(
        "stream `{stream}` has no columns: none are declared and none of its {files} files can be read; \
         declare the columns or add a readable file"
    )]
    NoColumns {
        /// The stream.
        stream: String,
        /// How many files were found, all of them unreadable.
        files: usize,
    },
    /// The event time of the contract is not a column.
    #[error("stream `{stream}` has no event time column `{column}`{}; its columns are: {}",
        suggestion.as_ref().map(|s| format!(" (did you mean `{s}`?)")).unwrap_or_default(), available.join(", "))]
    NoEventTime {
        /// The stream.
        stream: String,
        /// The column that was asked for.
        column: String,
        /// The columns there are.
        available: Vec<String>,
        /// The column that was probably meant.
        suggestion: Option<String>,
    },
    /// The event time of the contract is a column that holds no time.
    #[error(
        "the event time `{column}` of stream `{stream}` is {data_type}: {}",
        if is_whole(data_type) {
            "add event_time_unit = 'ms' (or 's', 'us', 'ns'), the unit in which it counts the time since 1970"
        } else {
            "it must be a timestamp, a date, text such as 2026-01-31T12:00:00Z, or a whole number with an event_time_unit"
        }
    )]
    EventTimeNotATime {
        /// The stream.
        stream: String,
        /// The column.
        column: String,
        /// The type it has.
        data_type: Box<DataType>,
    },
    /// A column was requested that the stream does not have.
    #[error("no column `{column}`{}; the columns are: {}",
        suggestion.as_ref().map(|s| format!(" (did you mean `{s}`?)")).unwrap_or_default(), available.join(", "))]
    UnknownColumn {
        /// The column that was asked for.
        column: String,
        /// The columns there are.
        available: Vec<String>,
        /// The column that was probably meant.
        suggestion: Option<String>,
    },
}
