//! What does a person write?
//!
//! ```yaml
//! bundle: support
//! version: 1.5.0                        # later than that of the previous one
//! author: ann@example.com
//! parents:                              # left out in the first bundle of a name; a label or a digest
//!   previous: support@1.4.0
//!   last_known_good: support@1.4.0
//! notes: Refunds are answered in the customer's language.
//! components:                           # all eight before it can be promoted; each may have several
//!   checkpoint:
//!     agent: { version: 3.1.0, digest: "sha256:...", uri: "s3://models/agent-3.1.0" }
//!   prompt_templates:
//!     system: { version: 1.5.0, file: prompts/system.md }   # relative to this file
//! rollback:
//!   - restore the routing of support@1.4.0
//! ```
//!
//! Nothing is opened here: digests of local files and of the bundles before come from the caller.

use std::collections::BTreeMap;

use super::error::{Error, Result};
use super::manifest::{Format, Manifest, Parents, Pin};
use super::{Digest, Label, Name, Part, Reference, Timestamp, Uri, Version, parse};
use crate::error::Location;

/// A bundle as it was written, checked.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Declaration {
    /// The bundle's label.
    pub label: Label,
    /// Where its version is written, for what is wrong with the label.
    pub version_at: Location,
    /// Who made it.
    pub author: String,
    /// The bundles before it, as they were named.
    pub parents: Option<Parents<(Reference, Location)>>,
    /// What it pins.
    pub components: BTreeMap<Part, BTreeMap<Name, DeclaredPin>>,
    /// What restores the bundle before.
    pub rollback: Vec<String>,
    /// What is new.
    pub notes: String,
}

/// One component, as it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredPin {
    /// Its version.
    pub version: Version,
    /// Where that is written.
    pub version_at: Location,
    /// Its bytes.
    pub content: Content,
}

/// Where a component's bytes are.
#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    /// In a file beside the bundle file.
    Local(LocalFile),
    /// Elsewhere, and known by their digest.
    Elsewhere(Digest, Uri),
}

/// A file beside the bundle file.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalFile {
    /// Its path, relative to the bundle file: `/` between names, none of them `..`.
    pub path: String,
    /// Where it is named.
    pub at: Location,
}

/// What only the caller can know.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// When the bundle is made.
    pub created_at: Timestamp,
    /// The digest of each local file, by its path.
    pub files: BTreeMap<String, Digest>,
    /// The digests of the bundles before.
    pub parents: Option<Parents<Digest>>,
}

impl Declaration {
    /// Reads a declaration; `file` names it in errors, nothing is opened.
    ///
    /// # Errors
    /// TG650 to TG655, each with its place in the text.
    pub fn parse(file: &str, text: &str) -> Result<Self> {
        parse::parse(file, text)
    }

    /// The local files it names.
    pub fn files(&self) -> impl Iterator<Item = &LocalFile> {
        self.components.values().flat_map(BTreeMap::values).filter_map(|pin| match &pin.content {
            Content::Local(file) => Some(file),
            Content::Elsewhere(..) => None,
        })
    }

    /// Where to look for an error: where it says itself, else at the version that it is about.
    #[must_use]
    pub fn place_of<'a>(&'a self, error: &'a Error) -> &'a Location {
        if let Error::SameVersion { part, component, .. } = error
            && let Some(pin) = self.components.get(part).and_then(|pins| pins.get(component))
        {
            return &pin.version_at;
        }
        error.location().unwrap_or(&self.version_at)
    }

    /// The bundle that it declares.
    ///
    /// # Errors
    /// [`Error::UnresolvedFile`] and [`Error::UnresolvedParents`] when the caller left a digest out.
    pub fn seal(&self, resolved: &Resolved) -> Result<Manifest> {
        if self.parents.is_some() != resolved.parents.is_some() {
            return Err(Error::UnresolvedParents);
        }
        let seal_part = |(part, pins): (&Part, &BTreeMap<Name, DeclaredPin>)| {
            let pins = pins.iter().map(|(name, pin)| Ok((name.clone(), pin.seal(&resolved.files)?)));
            Ok((*part, pins.collect::<Result<_>>()?))
        };
        Ok(Manifest {
            format: Format::V1,
            bundle: self.label.bundle.clone(),
            version: self.label.version.clone(),
            author: self.author.clone(),
            created_at: resolved.created_at,
            parents: resolved.parents,
            components: self.components.iter().map(seal_part).collect::<Result<_>>()?,
            rollback: self.rollback.clone(),
            notes: self.notes.clone(),
        })
    }
}

impl DeclaredPin {
    fn seal(&self, files: &BTreeMap<String, Digest>) -> Result<Pin> {
        let (digest, uri) = match &self.content {
            Content::Elsewhere(digest, uri) => (*digest, Some(uri.clone())),
            Content::Local(LocalFile { path, at }) => match files.get(path) {
                Some(digest) => (*digest, None),
                None => return Err(Error::UnresolvedFile { at: at.clone(), path: path.clone() }),
            },
        };
        Ok(Pin { version: self.version.clone(), digest, uri })
    }
}
