//! What is wrong with a bundle, where, and what repairs it?
//!
//! Codes are stable: TG650 to TG655 speak about `bundle.yaml`, TG656 about kept bytes, TG657 about the line of
//! versions, TG658 and TG659 about what a bundle names and the caller could not find.

use tidegate_document::{Codes, Kind, Location, Misread};

use super::label::Label;
use super::part::Part;
use super::{Name, Version};

/// `Result` of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How complaints speak about bundle files.
const BUNDLE_FILE: Kind = Kind {
    noun: "a bundle file",
    codes: Codes {
        yaml: "TG650",
        unknown_name: "TG651",
        missing_name: "TG652",
        repeated_name: "TG653",
        wrong_kind: "TG654",
    },
};

/// A broken rule, with the facts a reader needs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a bundle file.
    #[error(transparent)]
    Misread(#[from] Misread),
    /// A value of the right kind that breaks a rule.
    #[error("{at}: {name} is `{found}`, it must be {rule}")]
    NotAllowed {
        /// Where the value stands.
        at: Location,
        /// The value's name.
        name: &'static str,
        /// What was given.
        found: String,
        /// What is allowed.
        rule: &'static str,
    },

    /// Kept bytes that are not the canonical bytes of a bundle.
    #[error("these bytes are not a bundle: {reason}")]
    Damaged {
        /// What is wrong with them.
        reason: String,
    },

    /// A version that does not come after the one before.
    #[error("{label} does not come after {previous}, which it names as the one before")]
    NotLater {
        /// The bundle's label.
        label: Box<Label>,
        /// The label of the one before.
        previous: Box<Label>,
    },
    /// A parent with another name.
    #[error("{label} names {parent} as its {role}, which is a bundle of another name")]
    OtherName {
        /// The bundle's label.
        label: Box<Label>,
        /// `previous` or `last_known_good`.
        role: &'static str,
        /// The parent's label.
        parent: Box<Label>,
    },
    /// A component's version that means two contents.
    #[error("{part} `{component}` has version {version} here and in {parent}, with other bytes")]
    SameVersion {
        /// The component's part.
        part: Part,
        /// The component's name.
        component: Name,
        /// The version both have.
        version: Version,
        /// The label of the bundle it is compared with.
        parent: Box<Label>,
    },

    /// The caller gave no digests of the bundles before.
    #[error("the bundles named under `parents:` were not looked up")]
    UnresolvedParents,
    /// The caller gave no digest of a local file.
    #[error("{at}: nobody has read `{path}`")]
    UnresolvedFile {
        /// Where the file is named.
        at: Location,
        /// The file's path, relative to the bundle file.
        path: String,
    },
}

impl Error {
    /// The stable code, for documentation and searching.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Misread(misread) => misread.code(&BUNDLE_FILE),
            Self::NotAllowed { .. } => "TG655",
            Self::Damaged { .. } => "TG656",
            Self::NotLater { .. } | Self::OtherName { .. } | Self::SameVersion { .. } => "TG657",
            Self::UnresolvedParents => "TG658",
            Self::UnresolvedFile { .. } => "TG659",
        }
    }

    /// Where in the bundle file; `None` for what was kept and for the line of versions.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Misread(Misread { at, .. }) | Self::NotAllowed { at, .. } | Self::UnresolvedFile { at, .. } => {
                Some(at)
            }
            _ => None,
        }
    }

    /// What repairs it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Misread(misread) => misread.help(&BUNDLE_FILE),
            Self::NotAllowed { rule, .. } => format!("write {rule}"),
            Self::Damaged { .. } => "restore the file from a backup".into(),
            Self::NotLater { .. } => "raise `version:` above it".into(),
            Self::OtherName { .. } => "name bundles of the same name under `parents:`".into(),
            Self::SameVersion { .. } => "give the changed component a new version: traces are told apart by it".into(),
            Self::UnresolvedParents | Self::UnresolvedFile { .. } => "report this as a bug".into(),
        }
    }
}
