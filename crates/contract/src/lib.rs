//! What does a stream promise?
//!
//! The columns of the canonical streams ([`decisions`], [`labels`]) with their types, nullability,
//! classification and privacy unit, and the closed vocabularies their columns are written in. It does
//! no I/O and reads no clock, and does not say where a stream comes from or how it lies in files.

mod annotation;
mod epoch;
mod experiment;
mod field;
mod labels;
mod outcome;
mod risk;
mod schema;
pub mod stream;
mod vocabulary;

pub use annotation::{AnnotatorKind, LabelKind, Op, TargetScope};
pub use epoch::{EpochUnit, UnknownEpochUnit};
pub use experiment::Arm;
pub use field::{CLASSIFICATION, Classification, PRIVACY_UNIT, SINCE_VERSION};
pub use labels::labels;
pub use outcome::Outcome;
pub use risk::{LearningScope, PolicyResult, RiskClass};
pub use schema::decisions;
pub use stream::StreamContract;

/// The version of the canonical schemas, as written to the `schema_version` column and to file metadata.
pub const SCHEMA_VERSION: &str = "1.0.0";
