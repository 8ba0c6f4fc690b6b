//! What is wrong with a contract, where, and what repairs it?
//!
//! Codes are stable: TG700 to TG707 speak about one file, TG710 to TG712 about two versions, TG713 about tallies.

use semver::Version;
use tidegate_document::{Codes, Kind, Location, Misread};

/// `Result` of what speaks about contracts.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How complaints speak about contracts.
const CONTRACT: Kind = Kind {
    noun: "a contract",
    codes: Codes {
        yaml: "TG700",
        unknown_name: "TG701",
        missing_name: "TG702",
        repeated_name: "TG703",
        wrong_kind: "TG704",
    },
};

/// A broken rule, with the facts a reader needs.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a contract.
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
    /// What every contract must say about its stream, and this one does not.
    #[error("{at}: the contract does not say its {}", names(.missing))]
    MissingMetadata {
        /// Where the contract begins.
        at: Location,
        /// All that is missing.
        missing: Vec<Metadata>,
    },
    /// The same column, or the same rule of a column, twice.
    #[error("{at}: {what} `{name}` is given twice")]
    Repeated {
        /// The second one.
        at: Location,
        /// `column`, `rule` or `property`.
        what: &'static str,
        /// Its name.
        name: String,
    },

    /// Two contracts that are not versions of one.
    #[error("{at}: this is a contract of `{found}`, and the earlier one is of `{expected}`")]
    Unrelated {
        /// Where the newer contract says what it is of.
        at: Location,
        /// The stream of the newer one.
        found: String,
        /// That of the earlier one.
        expected: String,
    },
    /// A newer contract whose version is not later.
    #[error("{at}: version {version} does not come after {earlier}")]
    NotLater {
        /// Where the newer version stands.
        at: Location,
        /// The newer contract's version.
        version: Box<Version>,
        /// That of the earlier one.
        earlier: Box<Version>,
    },
    /// Rows of the old version cannot be read as the new one.
    #[error("rows of version {from} cannot be read as {to}: {}", .reasons.join("; "))]
    NoUpcast {
        /// The old version.
        from: Version,
        /// The new one.
        to: Version,
        /// Why, one for each column.
        reasons: Vec<String>,
    },
    /// Tallies of two contracts, or of two versions of one.
    #[error("a tally of {left} cannot be merged with one of {right}")]
    OtherTally {
        /// The contract and version of the one.
        left: String,
        /// Those of the other.
        right: String,
    },
}

/// What every contract must say about its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Metadata {
    /// Which team answers for it.
    Owner,
    /// Where its rows come from.
    Source,
    /// How often a row may be delivered.
    Reliability,
    /// How late a row may be delivered.
    Latency,
    /// Who may see it.
    PrivacyClass,
}

impl Metadata {
    /// What it is called.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Source => "source",
            Self::Reliability => "reliability",
            Self::Latency => "latency",
            Self::PrivacyClass => "privacy class",
        }
    }

    /// The line that says it.
    const fn line(self) -> &'static str {
        match self {
            Self::Owner => "`team: { name: trust-eng }`",
            Self::Source => "`{ property: source, value: otlp }` under customProperties",
            Self::Reliability => "`{ property: reliability, value: at-least-once }` under customProperties",
            Self::Latency => "`{ property: latency, value: 5, unit: m }` under slaProperties",
            Self::PrivacyClass => "`{ property: privacyClass, value: restricted }` under customProperties",
        }
    }
}

impl Error {
    /// The stable code, for documentation and searching.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Misread(misread) => misread.code(&CONTRACT),
            Self::NotAllowed { .. } => "TG705",
            Self::MissingMetadata { .. } => "TG706",
            Self::Repeated { .. } => "TG707",
            Self::Unrelated { .. } => "TG710",
            Self::NotLater { .. } => "TG711",
            Self::NoUpcast { .. } => "TG712",
            Self::OtherTally { .. } => "TG713",
        }
    }

    /// Where in a contract's file.
    #[must_use]
    pub fn location(&self) -> Option<&Location> {
        match self {
            Self::Misread(Misread { at, .. })
            | Self::NotAllowed { at, .. }
            | Self::MissingMetadata { at, .. }
            | Self::Repeated { at, .. }
            | Self::Unrelated { at, .. }
            | Self::NotLater { at, .. } => Some(at),
            Self::NoUpcast { .. } | Self::OtherTally { .. } => None,
        }
    }

    /// What repairs it.
    #[must_use]
    pub fn help(&self) -> String {
        match self {
            Self::Misread(misread) => misread.help(&CONTRACT),
            Self::NotAllowed { rule, .. } => format!("write {rule}"),
            Self::MissingMetadata { missing, .. } => {
                let lines = missing.iter().map(|metadata| metadata.line()).collect::<Vec<_>>();
                format!("add {}", lines.join(", and "))
            }
            Self::Repeated { what, .. } => format!("keep one, or give the second {what} a name of its own"),
            Self::Unrelated { .. } => "compare versions of one contract".into(),
            Self::NotLater { .. } => "raise `version:` above it".into(),
            Self::NoUpcast { .. } => {
                "give new required columns a default (`{ property: default, value: ... }` under customProperties), or let them be optional".into()
            }
            Self::OtherTally { .. } => "keep one tally for each version of a contract".into(),
        }
    }
}

fn names(missing: &[Metadata]) -> String {
    missing.iter().map(|metadata| metadata.as_str()).collect::<Vec<_>>().join(", ")
}
