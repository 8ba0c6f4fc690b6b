//! What of a row may be kept?
//!
//! Telemetry of agents carries what people typed and who they are. Before a row is written anywhere, be it to the landing
//! zone, to quarantine or to a log, its columns pass here: a [`Redactor`] does to each what its
//! [`IngestPolicy`](tidegate_contract::IngestPolicy) says. What is left over is what may be kept.
//!
//! ```text
//! batch -> rows without a tenant -> out, with a reason
//!          every column: keep | drop | hash | tokenize | pattern | evidence -> batch that may be written
//!                                                          |         |
//!                                                       counts    texts for the evidence store
//! ```
//!
//! [`scrub()`] is the detectors alone, for texts that are no column: error messages, free attributes.
//!
//! # Promises
//! - A column without a policy is dropped, not kept. Held by `tests/it/policies.rs`.
//! - A planted secret survives nowhere: not in a batch, not in an error, not in the counts. Held by `tests/it/canary.rs`.
//! - Scrubbing twice is scrubbing once, and takes time in proportion to the text. Held by `tests/it/scrub.rs`.
//! - Work is done once for each distinct value of a batch where values repeat. Measured by `benches/redact.rs`.
//!
//! What is absent: models. A name, an address or an illness in free text is not recognised; see `docs/redaction.md` for
//! what is. And this room writes nothing: texts for the evidence store are handed to the caller.

mod column;
mod counts;
mod error;
mod redactor;
mod scrub;

pub use counts::{ColumnCounts, Counts};
pub use error::{Error, Result};
pub use redactor::{EvidenceText, Redacted, Redactor, Refusal};
pub use scrub::{Detected, Detector, Scrubber, scrub};
