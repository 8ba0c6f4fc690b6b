//! How do spans and logs become decisions, steps and labels?
//!
//! ```text
//! protobuf  JSON  decoded messages  rows of a table
//!        \    \        /           /
//!         one flat request, borrowed                 limits; attributes nobody asks for are counted and dropped
//!                   |
//!         which span is a decision, whose step is which
//!                   |
//!         rules of a mapping, column by column
//!                   |
//!         decisions   decision_steps   labels        not redacted yet
//! ```
//!
//! Bytes and batches in, batches out: no I/O, no clock (`ingested_at` is passed in), nothing remembered between requests.
//!
//! # Promises
//! - No input makes it panic. Held by `tests/it/hostile.rs`; the targets in `fuzz` search further. A panic that slips
//!   through becomes [`Error::Panicked`]. What a request may hold is bounded by [`Limits`].
//! - The order of spans does not matter; nor does how they are split over requests, for ids and steps, as long as what
//!   lies between a step and its decision comes with the step. Held by `tests/it/split.rs`.
//! - The value of an attribute that the mapping does not name reaches no column, count or message, and its key only as
//!   a count, if it looks like a name. Held by `tests/it/canary.rs`.
//! - Protobuf, JSON and decoded messages give the same rows. Held by `tests/it/agree.rs`.
//! - Every span is accounted for in the [`Tally`]. Held by `tests/it/agree.rs`.
//!
//! What is absent: redaction (rows hold raw user ids, see [`Mapped`]), joining spans of one trace over requests, prices.

mod decode;
mod error;
mod evaluate;
mod ids;
mod keys;
mod labels;
mod limits;
mod mapped;
mod mapper;
mod mapping;
mod model;
mod run;
mod table;
mod tally;
mod telemetry;
mod trace;

pub use decode::proto::Signal;
pub use error::{Error, Fault, MappingProblem, Place, Result};
pub use limits::Limits;
pub use mapped::{Content, Mapped, Unredacted};
pub use mapper::{ContentPolicy, Context, Format, Mapper};
pub use mapping::Mapping;
pub use model::model_family;
pub use table::Stream;
pub use tally::{Ignored, Reason, Tally};
