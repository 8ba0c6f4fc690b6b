//! What can go wrong between a batch and a released row?

use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;

use crate::Fingerprint;
use crate::exact::CorruptState;

/// The result of an algebra step.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A step of the algebra failed. No message carries a value out of telemetry or state.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Two states of different plans were brought together.
    #[error("state {found} was made by another definition than {expected}; unlike states do not merge")]
    FingerprintMismatch {
        /// The fingerprint of the plan at work.
        expected: Fingerprint,
        /// The fingerprint that the state carries.
        found: Fingerprint,
    },
    /// Bytes that should hold a state do not.
    #[error("not a readable partial state: {what}")]
    CorruptState {
        /// Which part is broken.
        what: &'static str,
    },
    /// A state file of a format this version does not read.
    #[error("state format {found} is not readable by this version, which reads format {expected}")]
    UnknownFormat {
        /// The format this version reads.
        expected: u32,
        /// The format the file declares.
        found: String,
    },
    /// A finished total does not fit its result type.
    #[error("{function} does not fit {output}; cast its argument to DOUBLE or DECIMAL(38, 0)")]
    Overflow {
        /// The aggregate function.
        function: &'static str,
        /// Its result type.
        output: DataType,
    },
    /// The query has no aggregate, or more than one, where it could be cut.
    #[error("a signal has exactly one aggregation, this one has {found}")]
    NotOneAggregate {
        /// How many aggregations the plan has.
        found: usize,
    },
    /// A windowed query does not group by what tells its windows apart.
    #[error("a windowed aggregation has a key window_start, and for sessions window_end, timestamps in microseconds")]
    NoWindowKey,
    /// A join of two streams does not say how far apart in time its rows may be.
    #[error("a join of two streams compares their event times, timestamps in microseconds, and nothing beside")]
    NoInterval,
    /// Noise was asked of a query that has none.
    #[error("this query is not differentially private")]
    NotPrivate,
    /// A differentially private query whose declaration has no meaning, or whose price is not paid.
    #[error("{0}")]
    Spec(String),
    /// A micro-batch lacks a column that the plan reads.
    #[error("the micro-batch has no column {column} of type {expected}")]
    BatchSchema {
        /// The missing column.
        column: String,
        /// The type that the plan expects.
        expected: DataType,
    },
    /// A value in a row made an expression fail. Which value is not said: it is telemetry.
    #[error("a row makes the query fail by {what}; its value is not shown")]
    RowFailed {
        /// What failed.
        what: &'static str,
    },
    /// A sketch cannot be made, read or merged.
    #[error(transparent)]
    Sketch(#[from] tidegate_sketch::Error),
    /// Planning or execution failed in DataFusion.
    #[error(transparent)]
    DataFusion(DataFusionError),
    /// A kernel failed in Arrow.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

impl From<DataFusionError> for Error {
    fn from(error: DataFusionError) -> Self {
        // Our own errors travel through DataFusion's operators as `External`; take them out again.
        match error {
            DataFusionError::External(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => Self::DataFusion(DataFusionError::External(other)),
            },
            DataFusionError::Context(_, inner) if is_own(&inner) => Self::from(*inner),
            other => Self::DataFusion(other),
        }
    }
}

impl Error {
    /// What stopped a plan that ran over telemetry: messages of kernels quote values, so only their kind is kept.
    pub(crate) fn of_execution(error: DataFusionError) -> Self {
        let what = match error.find_root() {
            DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
                ArrowError::CastError(_) | ArrowError::ParseError(_) => "a value that cannot be cast",
                ArrowError::DivideByZero => "a division by zero",
                ArrowError::ArithmeticOverflow(_) => "an arithmetic overflow",
                _ => "a value that a function does not take",
            },
            DataFusionError::Execution(_) => "a value that a function does not take",
            _ => return Self::from(error),
        };
        Self::RowFailed { what }
    }
}

fn is_own(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::External(inner) if inner.is::<Error>())
}

impl From<Error> for DataFusionError {
    fn from(error: Error) -> Self {
        match error {
            Error::DataFusion(inner) => inner,
            own => Self::External(Box::new(own)),
        }
    }
}

impl From<CorruptState> for Error {
    fn from(_: CorruptState) -> Self {
        Self::CorruptState { what: "exact sum" }
    }
}
