//! Who reads evidence, what for, and how is that written down?

use std::error::Error as StdError;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use crate::{Error, EvidenceRef, Result};

/// Who asks for evidence. Who that is, is for the caller to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reader {
    /// The person or service.
    pub who: String,
    /// What they read it for. Without one they are refused.
    pub purpose: Option<String>,
}

/// What may be read for: a list that an operator wrote.
#[derive(Clone, Debug, Default)]
pub struct Purposes(Vec<String>);

impl Purposes {
    /// These, and no other.
    pub fn new(purposes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(purposes.into_iter().map(Into::into).collect())
    }

    /// Whether a reader says who they are, and names a purpose that is allowed.
    ///
    /// # Errors
    /// [`Error::NoPurpose`] and [`Error::PurposeNotAllowed`].
    pub fn admit(&self, reader: &Reader) -> Result<()> {
        let allowed = || self.0.clone();
        let purpose = reader.purpose.as_deref().map(str::trim).filter(|purpose| !purpose.is_empty());
        let Some(purpose) = purpose.filter(|_| !reader.who.trim().is_empty()) else {
            return Err(Error::NoPurpose { allowed: allowed() });
        };
        if self.0.iter().any(|allowed| allowed == purpose) {
            return Ok(());
        }
        Err(Error::PurposeNotAllowed { purpose: purpose.to_owned(), allowed: allowed() })
    }
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

impl Outcome {
    /// What came of an attempt that ended so.
    pub fn of<T>(found: &Result<T>) -> Self {
        match found {
            Ok(_) => Self::Granted,
            Err(Error::NoPurpose { .. }) => Self::NoPurpose,
            Err(Error::PurposeNotAllowed { .. }) => Self::PurposeNotAllowed,
            Err(Error::Expired { .. }) => Self::Expired,
            Err(Error::Destroyed { .. }) => Self::Destroyed,
            Err(Error::Absent { .. }) => Self::Absent,
            Err(Error::Damaged { .. }) => Self::Damaged,
            Err(_) => Self::Failed,
        }
    }
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
