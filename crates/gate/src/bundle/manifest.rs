//! Which bytes are a bundle?

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::error::{Error, Result};
use super::label::can_label;
use super::{Digest, Label, Name, Part, Timestamp, Uri, Version};
use crate::canonical::canonical;

/// How the bytes are laid out. A later layout is another value, so that old bytes keep their meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    /// The first.
    #[serde(rename = "tidegate-bundle-v1")]
    V1,
}

/// Everything one version needs, and its way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// How the bytes are laid out.
    pub format: Format,
    /// The bundle's name.
    pub bundle: Name,
    /// Its version.
    pub version: Version,
    /// Who made it; nobody approves their own.
    pub author: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The bundles before it; none for the first.
    pub parents: Option<Parents<Digest>>,
    /// What it pins, by part and by name. A part without components is not there.
    pub components: BTreeMap<Part, BTreeMap<Name, Pin>>,
    /// What restores the components of the bundle before, in this order.
    pub rollback: Vec<String>,
    /// What is new, for people.
    pub notes: String,
}

/// The bundles before a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parents<T> {
    /// The one it is to replace.
    pub previous: T,
    /// The one to return to: the last that was in service without a complaint.
    pub last_known_good: T,
}

impl<T> Parents<T> {
    /// The same of both.
    pub fn map<U>(&self, of: impl Fn(&T) -> U) -> Parents<U> {
        Parents { previous: of(&self.previous), last_known_good: of(&self.last_known_good) }
    }
}

/// One component at one version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Its version.
    pub version: Version,
    /// Its content.
    pub digest: Digest,
    /// Where its bytes lie; none where they are kept beside the bundle.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<Uri>,
}

impl Pin {
    /// Whether its bytes are kept beside the bundle.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.uri.is_none()
    }
}

impl Manifest {
    /// The canonical bytes: JSON with names in byte order and no white space.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let value = serde_json::to_value(self).expect("a bundle holds only names and text");
        canonical(&value).into_bytes()
    }

    /// Reads what [`encode`](Self::encode) writes, and nothing else.
    ///
    /// # Errors
    /// [`Error::Damaged`] for bytes that are not JSON, not a bundle, or a bundle in another spelling: then two
    /// digests would name one bundle.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let damaged = |reason: String| Error::Damaged { reason };
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if let Some(rule) = manifest.broken_rule() {
            return Err(damaged(rule.to_owned()));
        }
        if manifest.encode() != bytes {
            return Err(damaged("they are not in canonical form".to_owned()));
        }
        Ok(manifest)
    }

    /// The bundle's identity: the SHA-256 of its canonical bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.encode())
    }

    /// What people call it.
    #[must_use]
    pub fn label(&self) -> Label {
        Label { bundle: self.bundle.clone(), version: self.version.clone() }
    }

    /// What is lacking for a promotion: parts without a component, `rollback` without steps, empty `notes`.
    #[must_use]
    pub fn missing_parts(&self) -> Vec<&'static str> {
        let parts = Part::ALL.into_iter().filter(|part| !self.components.contains_key(part)).map(Part::name);
        let rollback = self.rollback.is_empty().then_some("rollback");
        parts.chain(rollback).chain(self.notes.is_empty().then_some("notes")).collect()
    }

    /// Every component, by part and name.
    pub fn pins(&self) -> impl Iterator<Item = (Part, &Name, &Pin)> {
        self.components.iter().flat_map(|(part, pins)| pins.iter().map(|(name, pin)| (*part, name, pin)))
    }

    /// The digests of the bytes that are kept beside the bundle.
    pub fn kept(&self) -> impl Iterator<Item = Digest> {
        self.pins().filter(|(_, _, pin)| pin.is_kept()).map(|(_, _, pin)| pin.digest)
    }

    /// What types do not hold. `bundle.yaml` is held to the same rules, with places.
    fn broken_rule(&self) -> Option<&'static str> {
        if !can_label(&self.version) {
            Some("the version has build metadata")
        } else if self.author.is_empty() {
            Some("the author is empty")
        } else if self.components.values().any(BTreeMap::is_empty) {
            Some("a part has no components")
        } else if self.rollback.iter().any(String::is_empty) {
            Some("a rollback step is empty")
        } else {
            None
        }
    }
}
