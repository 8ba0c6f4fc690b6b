//! What does one version of an agent consist of, and what is its way back?
//!
//! ```text
//! bundle.yaml --Declaration::parse--> Declaration --seal--> Manifest --encode--> canonical JSON
//!                                                   ^                                  |
//!                 digests of local files, parents, time                   sha256: its identity
//! ```
//!
//! A bundle pins seven parts: checkpoint, prompt templates, tool schemas, retrieval (an index and the
//! embedding model it was built with), policy rules, traffic routing and feature flags; and it names the
//! bundles before it and the steps that bring them back. What it is called (`support@1.5.0`) is a label; what
//! it *is* is the digest of its bytes. A bundle with a missing part can be kept, and not be promoted:
//! [`Manifest::missing_parts`].
//!
//! ```
//! use std::collections::BTreeMap;
//! use tidegate_gate::bundle::{Declaration, Digest, Manifest, Resolved, Timestamp};
//!
//! let declaration = Declaration::parse("bundle.yaml", "
//! bundle: support
//! version: 1.4.0
//! author: ann@example.com
//! components:
//!   prompt_templates:
//!     system: { version: 1.2.0, file: prompts/system.md }
//! ")?;
//! let files = BTreeMap::from([("prompts/system.md".to_owned(), Digest::of(b"You help."))]);
//! let created_at: Timestamp = "2026-05-04T10:00:00Z".parse()?;
//! let manifest = declaration.seal(&Resolved { created_at, files, parents: None })?;
//! assert_eq!(Manifest::decode(&manifest.encode())?, manifest);
//! assert_eq!(manifest.label().to_string(), "support@1.4.0");
//! assert!(manifest.missing_parts().contains(&"checkpoint"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Promises
//! - Decoding undoes encoding, and any changed byte is noticed: `tests::laws`.
//! - A component's version never means two contents from one bundle to the next: [`lineage`].
//!
//! Deliberately absent: no file is opened, no clock read, no store known. What came of a bundle (verdicts,
//! approvals, drills) is not in it either: it is written before it is judged.

pub mod lineage;

mod changes;
mod declaration;
mod digest;
mod error;
mod label;
mod manifest;
mod name;
mod parse;
mod part;
mod raw;
#[cfg(test)]
mod tests;
mod timestamp;

pub use changes::{Change, Kind, diff};
pub use declaration::{Content, Declaration, DeclaredPin, LocalFile, Resolved};
pub use digest::Digest;
pub use error::{Error, Result};
pub use label::{Label, Reference};
pub use manifest::{Format, Manifest, Parents, Pin};
pub use name::{Name, Uri};
pub use part::Part;
pub use semver::Version;
pub use timestamp::Timestamp;
