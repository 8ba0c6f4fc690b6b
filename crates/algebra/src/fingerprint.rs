//! Which plan made a state?
//!
//! A fingerprint names everything that decides what a state means: the format version, the query up
//! to its aggregation, the types of the state columns, the threshold, and the key under which units
//! were hashed.
//! States with unlike fingerprints refuse to merge.

use std::fmt;
use std::str::FromStr;

use datafusion::arrow::datatypes::Schema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::node::Threshold;

/// The name of the plan that made a state: 32 lower-case hex digits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(String);

impl Fingerprint {
    /// The fingerprint of a plan given as text, its state columns and its threshold.
    pub(crate) fn of(format: u32, plan: &str, state: &Schema, threshold: Option<&Threshold>) -> Self {
        let mut digest = Sha256::new();
        digest.update(format!("state format {format}\n{plan}\n"));
        for field in state.fields() {
            digest.update(format!("{} {}\n", field.name(), field.data_type()));
        }
        // A set of the k smallest hashes cannot answer for a larger k.
        digest.update(match threshold {
            Some(Threshold { k, key, .. }) => format!("at least {k} units under key {}", key.id()),
            None => "no threshold".to_owned(),
        });
        Self(digest.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The fingerprint of a view's plan, given as text.
    pub(crate) fn of_view(plan: &str) -> Self {
        Self::default().over(&format!("view\n{plan}"))
    }

    /// The fingerprint of the same plan over rows that are read as `reading` says.
    pub(crate) fn over(&self, reading: &str) -> Self {
        let digest = Sha256::digest(format!("{self}\n{reading}"));
        Self(digest[..16].iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The fingerprint's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Fingerprint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err("a fingerprint is 32 hex digits")
        }
    }
}
