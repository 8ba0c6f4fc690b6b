//! Why is evidence not written, or not given out?

use std::error::Error as StdError;

use crate::EvidenceRef;

/// The result of asking for evidence.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why evidence is not written, or not given out. No message holds content, a tenant or a user.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The reader does not say who they are, or what for.
    #[error("what people look at is read by somebody for a purpose: say who reads it, and name {}", one_of(allowed))]
    NoPurpose {
        /// The purposes there are.
        allowed: Vec<String>,
    },
    /// The purpose is none of those that are allowed.
    #[error("`{purpose}` is not a purpose for which anybody may look: name {}", one_of(allowed))]
    PurposeNotAllowed {
        /// The purpose that was named.
        purpose: String,
        /// The purposes there are.
        allowed: Vec<String>,
    },
    /// Its time is over.
    #[error("{reference} has expired: what is past its time is given to nobody")]
    Expired {
        /// The reference.
        reference: EvidenceRef,
    },
    /// The key of its tenant or user was destroyed.
    #[error("{reference} was destroyed with the key of its {}: it cannot be read by anybody any more", scope(*of_user))]
    Destroyed {
        /// The reference.
        reference: EvidenceRef,
        /// Whether the key of the user was destroyed, or that of the whole tenant.
        of_user: bool,
    },
    /// There is nothing under this reference.
    #[error("there is no {reference}: it was removed when its time was over, or is of another project")]
    Absent {
        /// The reference.
        reference: EvidenceRef,
    },
    /// What lies there is not what was written.
    #[error("{reference} was changed, cut off or moved after it was written: restore its object from a backup")]
    Damaged {
        /// The reference.
        reference: EvidenceRef,
    },
    /// The access could not be written down, so nothing is given out.
    #[error(
        "the access to {reference} could not be recorded, so nothing is given out: repair the audit log ({source})"
    )]
    NotRecorded {
        /// The reference.
        reference: EvidenceRef,
        /// What the audit log said.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// Evidence that would be expired at once, or that no calendar reaches.
    #[error("evidence is kept for at least a second and at most 3650 days: give such a time to live")]
    TimeToLive,
    /// More than one object can hold.
    #[error("a text of evidence has at most {limit} bytes: cut it")]
    TooLong {
        /// Bytes at most.
        limit: usize,
    },
    /// The keys of the owner cannot be had.
    #[error(transparent)]
    Key(#[from] tidegate_keyring::Error),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] tidegate_ledger::Error),
    /// The system gives no random numbers.
    #[error("evidence cannot be encrypted: the system gives no random numbers ({source})")]
    NoRandom {
        /// What the system said.
        source: getrandom::Error,
    },
}

impl Error {
    /// The stable code of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPurpose { .. } => "TG730",
            Self::PurposeNotAllowed { .. } => "TG731",
            Self::Expired { .. } => "TG732",
            Self::Destroyed { .. } => "TG733",
            Self::Absent { .. } => "TG734",
            Self::Damaged { .. } => "TG735",
            Self::NotRecorded { .. } => "TG736",
            Self::TimeToLive | Self::TooLong { .. } => "TG738",
            Self::Key(error) => error.code(),
            Self::Store(_) | Self::NoRandom { .. } => "TG500",
        }
    }
}

/// The purposes there are, in words.
fn one_of(allowed: &[String]) -> String {
    match allowed {
        [] => "one that an operator has listed; none is".to_owned(),
        allowed => format!("one of {}", allowed.join(", ")),
    }
}

fn scope(of_user: bool) -> &'static str {
    if of_user { "user" } else { "tenant" }
}
