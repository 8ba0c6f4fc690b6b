//! What can stop a run?

use tidegate_algebra::Fingerprint;

/// The result of a run.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A run that could not go on. Committed epochs stand; the next run resumes from them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A landed file has another size than when it was read.
    #[error("file {file} of stream {stream} changed after it was read: it had {size_before} bytes and has {size_now}")]
    FileChanged {
        /// The stream.
        stream: String,
        /// The file, relative to the stream's path.
        file: String,
        /// Bytes when it was read.
        size_before: u64,
        /// Bytes now.
        size_now: u64,
    },
    /// A day cannot pay for the noise of a signal.
    #[error("signal `{signal}`: {source}")]
    Unpaid {
        /// The signal, which stays where it is.
        signal: String,
        /// Which days lack what.
        source: tidegate_ledger::Error,
    },
    /// There is no such stream.
    #[error("there is no stream `{stream}`")]
    UnknownStream {
        /// What was asked for.
        stream: String,
    },
    /// Rows went missing or were counted twice.
    #[error("the rows of epoch {record} do not add up for signal {signal}: {rows}")]
    Unbalanced {
        /// The log record the epoch would have had.
        record: u64,
        /// The signal.
        signal: String,
        /// Its account.
        rows: String,
    },
    /// A state file is not what its commit record says.
    #[error("state file {path} of signal {signal} ({fingerprint}) is missing or damaged")]
    DamagedState {
        /// The file.
        path: String,
        /// The signal.
        signal: String,
        /// The plan that made it.
        fingerprint: Fingerprint,
    },
    /// A private file is not what its commit record says.
    #[error("file {path} is missing or damaged")]
    DamagedFile {
        /// The file.
        path: String,
    },
    /// More keys lie within a stream's horizon than memory allows.
    #[error("stream {stream} would have to remember more than {most} keys to know duplicates")]
    TooManyKeys {
        /// The stream.
        stream: String,
        /// How many it may remember.
        most: usize,
    },
    /// A signal has more groups than it may have.
    #[error("signal {signal} has more than {most} groups")]
    TooManyGroups {
        /// The signal.
        signal: String,
        /// Its `max_groups`.
        most: u64,
    },
    /// A signal could not be computed.
    #[error("signal {signal}: {source}")]
    Signal {
        /// The signal.
        signal: String,
        /// What went wrong.
        source: tidegate_algebra::Error,
    },
    /// A stream could not be read.
    #[error("stream {stream}: {source}")]
    Source {
        /// The stream.
        stream: String,
        /// What went wrong.
        source: tidegate_source::Error,
    },
    /// A row breaks a rule of its stream's contract that says to stop.
    #[error("stream {stream}: {rejection}")]
    Stopped {
        /// The stream.
        stream: String,
        /// Where, and which rule.
        rejection: Box<tidegate_source::Rejection>,
    },
    /// The files of an epoch were held against two contracts.
    #[error("stream {stream}: {source}")]
    Quality {
        /// The stream.
        stream: String,
        /// Which ones.
        source: Box<tidegate_contract::Error>,
    },
    /// The project's store or log failed.
    #[error(transparent)]
    Ledger(#[from] tidegate_ledger::Error),
    /// A Parquet file could not be written.
    #[error("cannot encode {what}: {source}")]
    Encode {
        /// What was being written.
        what: &'static str,
        /// What went wrong.
        source: parquet::errors::ParquetError,
    },
    /// Arrow could not put a batch together.
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
}

impl Error {
    /// True when a private file is not as the log says.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::DamagedState { .. } | Self::DamagedFile { .. })
    }

    /// True when one signal cannot take the rows while others may.
    pub(crate) fn is_the_signals_own(&self) -> bool {
        match self {
            Self::TooManyGroups { .. } => true,
            Self::Signal { source, .. } => matches!(source, tidegate_algebra::Error::RowFailed { .. }),
            _ => false,
        }
    }
}
