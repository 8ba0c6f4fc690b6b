//! What does a stream promise?
//!
//! The columns of the canonical streams ([`decisions`], [`decision_steps`], [`labels`]) with their types, nullability,
//! classification and privacy unit, and the closed vocabularies their columns are written in. And data contracts
//! ([`DataContract`]), in which anybody says the same of a stream of theirs: [`check`] holds rows against one, [`Tally`]
//! counts how good they are, [`Held`] does both in one go, [`gaps()`] says what a schema lacks and [`Trial`] what would become
//! of rows, [`compatibility()`] what a new version may not change, and [`upcast()`] reads rows of an old version as the new
//! one. [`shipped`] are those of the canonical streams.
//!
//! It does no I/O and reads no clock, and does not say where a stream comes from or how it lies in files.

mod annotation;
mod check;
mod compatibility;
mod envelope;
mod epoch;
mod error;
mod experiment;
mod field;
mod gaps;
mod held;
mod identity;
mod ingest;
mod keys;
mod kinds;
mod labels;
mod odcs;
mod outcome;
mod quality;
mod risk;
mod schema;
mod shape;
pub mod shipped;
mod steps;
pub mod stream;
mod trial;
mod upcast;
mod violations;
mod vocabulary;

pub use annotation::{AnnotatorKind, LabelKind, Op, TargetScope};
pub use check::{Checked, Reason, check};
pub use compatibility::{Breaks, Incompatibility, compatibility, incompatibility_rows};
pub use envelope::{ENVELOPE_HASH, EnvelopeError, envelope_hash, seal_envelope};
pub use epoch::{EpochUnit, UnknownEpochUnit};
pub use error::{Error, Metadata, Result};
pub use experiment::Arm;
pub use field::{CLASSIFICATION, Classification, PRIVACY_UNIT, SINCE_VERSION};
pub use gaps::{Gap, GapKind, gaps};
pub use held::Held;
pub use identity::{decision_id, label_id, review_id};
pub use ingest::IngestPolicy;
pub use kinds::is_text;
pub use labels::labels;
pub use odcs::{
    Column, DataContract, Literal, Metric, Mode, Operator, Pattern, Range, Reliability, Rule, Severity, Status,
    Threshold, Unit, Valid, Values, Violation,
};
pub use outcome::Outcome;
pub use quality::{MAX_KEYS, RuleResult, Tally, dq_results};
pub use risk::{LearningScope, PolicyResult, RiskClass};
pub use schema::decisions;
pub use steps::{StepKind, StepStatus, decision_steps};
pub use stream::StreamContract;
pub use trial::Trial;
pub use upcast::upcast;

/// The version of the canonical schemas, as written to the `schema_version` column and to file metadata.
pub const SCHEMA_VERSION: &str = "1.0.0";

/// A key in the metadata of Parquet files that Tidegate landed itself: their rows were mapped and redacted when they came.
pub const LANDED: &str = "tidegate.landed";
