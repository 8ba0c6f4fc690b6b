//! What can go wrong with what was signed and logged, and what repairs it?
//!
//! Codes are stable: TG640 to TG649. What the store says keeps its own.

use std::fmt;

use crate::tile::ENTRY_BYTES_MAX;

/// The result of signing, logging and verifying.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not signed, logged or verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key cannot be used.
    #[error("the key `{key}` {problem}")]
    Key {
        /// Its file or name.
        key: String,
        /// What is wrong. Never a part of the file.
        problem: String,
    },
    /// Not a statement, or not its one string of bytes.
    #[error("not an in-toto statement: {problem}")]
    Statement {
        /// What is wrong.
        problem: String,
    },
    /// Not an envelope, or not its one string of bytes.
    #[error("not a DSSE envelope: {problem}")]
    Envelope {
        /// What is wrong.
        problem: String,
    },
    /// Somebody signed who is not known here.
    #[error("signed by key {keyid}, which is not on the keyring")]
    UnknownKey {
        /// The key's id.
        keyid: String,
    },
    /// A signature does not hold.
    #[error("the signature of `{name}` does not hold: what was signed was changed")]
    Forged {
        /// Whose signature it claims to be.
        name: String,
    },
    /// An entry does not fit in a bundle.
    #[error("an entry of {bytes} bytes is longer than the {ENTRY_BYTES_MAX} that a log takes")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The log is not what was written.
    #[error("the audit log is damaged at {0}")]
    Damaged(Damage),
    /// A checkpoint that cannot be trusted.
    #[error("not a checkpoint of this log: {problem}")]
    Checkpoint {
        /// What is wrong.
        problem: String,
    },
    /// The log does not begin with what it was when an older checkpoint was signed.
    #[error("the log of {new} entries does not begin with the {old} of the older checkpoint: its past was rewritten")]
    Rewritten {
        /// The size of the older checkpoint.
        old: u64,
        /// The size of the log now.
        new: u64,
    },
    /// There is no such entry.
    #[error("the log has {size} entries, and none with number {index}")]
    NoEntry {
        /// The number, from 0.
        index: u64,
        /// How many entries the log has.
        size: u64,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] tidegate_ledger::Error),
}

/// The first place at which a log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file, as the store names it.
    pub file: String,
    /// The first wrong byte where the right ones are known; else where the wrong entry begins.
    pub offset: u64,
    /// What is wrong.
    pub what: Fault,
}

/// What is wrong with a file of an audit log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The file is not there.
    #[error("the file is missing")]
    Missing,
    /// The bytes differ from those that follow from the entries.
    #[error("its bytes were changed")]
    Changed,
    /// The bytes end before, or go on after, those that follow from the entries.
    #[error("it has {found} bytes instead of {expected}")]
    Length {
        /// How many it must have.
        expected: u64,
        /// How many it has.
        found: u64,
    },
    /// An entry is not an envelope, or its signatures do not hold.
    #[error("entry {index}: {problem}")]
    Entry {
        /// Its number.
        index: u64,
        /// What is wrong.
        problem: String,
    },
    /// The bundle is cut off in an entry, or has more or fewer entries than its name says.
    #[error("it is not a bundle of {entries} entries")]
    Bundle {
        /// How many entries its name says.
        entries: u64,
    },
    /// The entries are in order one by one, but they are not those of the checkpoint.
    #[error("entry {index} is not the one that the log has signed")]
    Replaced {
        /// Its number.
        index: u64,
    },
    /// The checkpoint is no checkpoint of this log.
    #[error("{problem}")]
    Checkpoint {
        /// What is wrong.
        problem: String,
    },
    /// The checkpoint is in order, but its root is not that of the entries.
    #[error("its root is not that of the entries")]
    Root,
    /// Entries lie beyond the checkpoint: a writer died, or somebody added them.
    #[error("it lies beyond the {size} entries of the checkpoint")]
    Beyond {
        /// How many entries the checkpoint has.
        size: u64,
    },
    /// The file has no business in the folder of a log.
    #[error("it does not belong to the log")]
    Stranger,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`, byte {}: {}", self.file, self.offset, self.what)
    }
}

impl Error {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key { .. } => "TG640",
            Self::Statement { .. } => "TG641",
            Self::Envelope { .. } => "TG642",
            Self::UnknownKey { .. } => "TG643",
            Self::Forged { .. } => "TG644",
            Self::TooLong { .. } => "TG645",
            Self::Damaged(_) => "TG646",
            Self::Checkpoint { .. } => "TG647",
            Self::Rewritten { .. } => "TG648",
            Self::NoEntry { .. } => "TG649",
            Self::Store(_) => "TG500",
        }
    }

    /// What repairs it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Key { .. } => {
                "make one with `openssl genpkey -algorithm ed25519`, and its public half with `openssl pkey -pubout`"
            }
            Self::Statement { .. } | Self::Envelope { .. } => {
                "take the bytes as they were written; do not reformat them"
            }
            Self::UnknownKey { .. } => "add the signer's public key to the keyring if you trust it",
            Self::Forged { .. } => "do not act on it; ask the signer for what was signed",
            Self::TooLong { .. } => "put the content into a file of its own, and its SHA-256 into the statement",
            Self::Damaged(Damage { what: Fault::Beyond { .. }, .. }) => {
                "if a writer died, open the log for writing once; else move the file away and look for who wrote it"
            }
            Self::Damaged(Damage { what: Fault::Stranger, .. }) => "move the file away and look for who wrote it",
            Self::Damaged(_) => "restore this file from a backup, and do not edit the log",
            Self::Checkpoint { .. } => "check the origin and the log's public key; restore the file from a backup",
            Self::Rewritten { .. } => "do not trust the log; restore it from a backup, and ask who holds its key",
            Self::NoEntry { .. } => "entries are numbered from 0",
            Self::Store(_) => "see what the store says",
        }
    }
}
