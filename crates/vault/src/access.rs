//! Who reads evidence, what for, and how is that written down?

use std::error::Error as StdError;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::EvidenceRef;

/// Who asks for evidence. Who that is, is for the caller to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// The person or service.
    pub who: String,
    /// What they read it for. Without one they are refused.
    pub purpose: Option<String>,
}

/// One attempt to read evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Access {
    /// What was asked for.
    #[serde(serialize_with = "shown")]
    pub reference: EvidenceRef,
    /// Who asked.
    pub who: String,
    /// What for.
    pub purpose: Option<String>,
    /// When, in microseconds since 1970 (UTC).
    pub at_us: i64,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of an attempt to read evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is given out, once this is on record.
    Granted,
    /// The reader did not say who they are, or what for.
    NoPurpose,
    /// The purpose is not on the list.
    PurposeNotAllowed,
    /// Its time is over.
    Expired,
    /// Its key is destroyed.
    Destroyed,
    /// There is nothing under the reference.
    Absent,
    /// What lies there is not what was written.
    Damaged,
    /// The store or the keys could not be read.
    Failed,
}

impl Access {
    pub(crate) fn new(reference: EvidenceRef, reader: &Reader, now: DateTime<Utc>, outcome: Outcome) -> Self {
        let Reader { who, purpose } = reader.clone();
        Self { reference, who, purpose, at_us: now.timestamp_micros(), outcome }
    }
}

/// Where accesses are written down.
pub trait AuditTrail {
    /// Writes down one access. When this returns, the record is durable.
    ///
    /// # Errors
    /// When it may not be: then nothing is given out.
    fn record(&self, access: Access) -> impl Future<Output = Result<(), Box<dyn StdError + Send + Sync>>> + Send;
}

fn shown<S: Serializer>(reference: &EvidenceRef, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(reference)
}
