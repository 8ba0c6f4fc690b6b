//! What is wrong with a bundle, where, and what repairs it?
//!
//! Codes are stable: TG650 to TG655 speak about `bundle.yaml`, TG656 about kept bytes, TG657 about the line of
//! versions, TG658 and TG659 about what a bundle names and the caller could not find.

use super::label::Label;
use super::part::Part;
use super::{Name, Version};
use crate::error::Location;
use crate::yaml::Misread;

/// `Result` of this module.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A broken rule, with the facts a reader needs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not YAML, or not one document.
    #[error("{at}: {message}")]
    Yaml {
        /// Where reading stopped.
        at: Location,
        /// What the reader says.
        message: String,
    },
    /// A name that a bundle does not have.
    #[error("{at}: unknown name `{name}`")]
    UnknownName {
        /// Where it stands.
        at: Location,
        /// The name.
        name: String,
        /// The names that may stand there.
        allowed: Vec<&'static str>,
    },
    /// A name that must be there is not.
    #[error("{at}: `{name}` is missing")]
    MissingName {
        /// The block it is missing from.
        at: Location,
        /// The missing name.
        name: &'static str,
    },
    /// The same name twice in one block.
    #[error("{at}: `{name}` is given twice")]
    RepeatedName {
        /// The second one.
        at: Location,
        /// The name.
        name: String,
    },
    /// A value of another kind was expected.
    #[error("{at}: expected {expected}")]
    WrongKind {
        /// Where the value stands.
        at: Location,
        /// What belongs there.
        expected: String,
    },
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

impl From<Misread> for Error {
    fn from(misread: Misread) -> Self {
        match misread {
            Misread::Yaml { at, message } => Self::Yaml { at, message },
            Misread::UnknownName { at, name, allowed } => Self::UnknownName { at, name, allowed },
            Misread::MissingName { at, name } => Self::MissingName { at, name },
            Misread::RepeatedName { at, name } => Self::RepeatedName { at, name },
            Misread::WrongKind { at, expected } => Self::WrongKind { at, expected },
        }
    }
}

impl Error {
    /// The stable code, for documentation and searching.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Yaml { .. } => "TG650",
            Self::UnknownName { .. } => "TG651",
            Self::MissingName { .. } => "TG652",
            Self::RepeatedName { .. } => "TG653",
            Self::WrongKind { .. } => "TG654",
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
            Self::Yaml { at, .. }
            | Self::UnknownName { at, .. }
            | Self::MissingName { at, .. }
            | Self::RepeatedName { at, .. }
            | Self::WrongKind { at, .. }
            | Self::NotAllowed { at, .. }
            | Self::UnresolvedFile { at, .. } => Some(at),
            _ => None,
        }
    }

    /// What repairs it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Yaml { .. } => "a bundle file is one YAML document".into(),
            Self::UnknownName { name, allowed, .. } => match crate::nearest::nearest(name, allowed) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("allowed here: {}", allowed.join(", ")),
            },
            Self::MissingName { name, .. } => format!("add `{name}:`"),
            Self::RepeatedName { name, .. } => format!("keep one `{name}:`"),
            Self::WrongKind { expected, .. } => format!("write {expected}"),
            Self::NotAllowed { rule, .. } => format!("write {rule}"),
            Self::Damaged { .. } => "restore the file from a backup".into(),
            Self::NotLater { .. } => "raise `version:` above it".into(),
            Self::OtherName { .. } => "name bundles of the same name under `parents:`".into(),
            Self::SameVersion { .. } => "give the changed component a new version: traces are told apart by it".into(),
            Self::UnresolvedParents | Self::UnresolvedFile { .. } => "report this as a bug".into(),
        }
    }
}
