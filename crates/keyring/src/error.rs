//! What can go wrong with keys, and what should be done about it?
//!
//! No message names a tenant, a user or a key: such errors end in logs.

use crate::Owner;

/// The result of asking for a key.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no master key at the place that was named, or what is there is none.
    #[error("{place} holds no key: {problem}; write one with `openssl rand -hex 32`, and keep it apart from the data")]
    NoMasterKey {
        /// The file or the environment variable.
        place: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The keys of tenants that were given are not a table of tenants and keys.
    #[error("the keys of tenants are not lines of `tenant = \"64 hex digits\"`: {problem}")]
    NotATable {
        /// What is wrong, without what stands there.
        problem: String,
    },
    /// A key lies there that was wrapped under another master key.
    #[error("`{path}` was wrapped under master key {wrapped_under}, and the one given is {given}: give the other one")]
    OtherMaster {
        /// The file.
        path: String,
        /// The name of the master key it was wrapped under.
        wrapped_under: String,
        /// The name of the master key that was given.
        given: String,
    },
    /// The file of a key is not as it was written.
    #[error(
        "`{path}` is no wrapped key, or was changed: restore it from a backup; without it what it encrypts is lost"
    )]
    Damaged {
        /// The file.
        path: String,
    },
    /// The tenant's key was destroyed, and so is all that was written under it.
    #[error("the key of tenant {owner} was destroyed: nothing is read or written for this tenant any more")]
    TenantDestroyed {
        /// The tenant, by the name of its files.
        owner: Owner,
    },
    /// The user's key was destroyed, and so is all evidence that was written under it.
    #[error("the key of user {owner} was destroyed: nothing is read or written about this user any more")]
    UserDestroyed {
        /// The user, by the name of its file.
        owner: Owner,
    },
    /// Keys are given by hand, and a tenant has none.
    #[error("keys of tenants are given by hand, and this tenant has none: add its line, or correct the tenant")]
    NotGiven,
    /// There is no key where one must have been.
    #[error(
        "the key of {owner} is not below `keys/ring`: restore it from a backup; without it what it encrypts is lost"
    )]
    Missing {
        /// Whose key.
        owner: Owner,
    },
    /// Keys that are given by hand cannot be destroyed here.
    #[error("keys from a file or the environment are destroyed where they are kept: remove the tenant's line there")]
    FixedKeys,
    /// The system gives no random numbers.
    #[error("cannot make a key: the system gives no random numbers ({source})")]
    NoRandom {
        /// What the system said.
        source: getrandom::Error,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] tidegate_ledger::Error),
}

impl Error {
    /// The stable code of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoMasterKey { .. } | Self::NotATable { .. } => "TG720",
            Self::OtherMaster { .. } => "TG721",
            Self::Damaged { .. } => "TG722",
            Self::TenantDestroyed { .. } => "TG723",
            Self::UserDestroyed { .. } => "TG724",
            Self::NotGiven | Self::Missing { .. } => "TG725",
            Self::FixedKeys => "TG726",
            Self::NoRandom { .. } | Self::Store(_) => "TG500",
        }
    }
}
