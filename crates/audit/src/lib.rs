//! How is what was decided proven later?
//!
//! Each decision is a [`Statement`] about files known by their SHA-256, signed by those who made it (an [`Envelope`]), and
//! an entry of an [`AuditLog`]: a Merkle tree whose head the log signs (a [`Checkpoint`]).
//!
//! ```text
//! statement   what is said about what      in-toto Statement v1, canonical JSON
//! envelope    who says it                  DSSE, ed25519
//! merkle      one hash for all of it       RFC 6962
//! tile        where it lies                C2SP tlog-tiles: checkpoint, tile/entries/..., tile/<level>/...
//! checkpoint  what the log says it is      C2SP tlog-checkpoint, signed note
//! log         append, prove, verify        on a `tidegate_ledger::Store`
//! ```
//!
//! # Promises
//! - An entry that was appended stays, at its index, however many processes append. Held by `tests/it/race.rs`.
//! - A writer that dies at any step leaves a log that the next one completes. Held by `tests/it/crash.rs`.
//! - Of every file of the log, every changed bit, and every file that is missing or too many, is named. Held by
//!   `tests/it/verify.rs`.
//! - Who kept an older checkpoint notices when the past was rewritten or cut off. Held by `tests/it/proofs.rs`.
//! - An append, and a proof, read and write O(log n) files. Held by `tests/it/proofs.rs`; measured by `benches/audit.rs`.
//!
//! What is absent: what predicates mean and who may decide what; witnesses; a way to remove an entry. Without an older
//! checkpoint kept elsewhere nobody notices that the holder of the log's key cut off its end, or wrote it anew.

mod canonical;
pub mod checkpoint;
pub mod edge;
pub mod envelope;
pub mod error;
pub mod key;
pub mod log;
pub mod merkle;
pub mod statement;
pub mod tile;

pub use checkpoint::Checkpoint;
pub use envelope::Envelope;
pub use error::{Damage, Error, Fault, Result};
pub use key::{Keyring, PrivateKey, PublicKey};
pub use log::{AuditLog, Inclusion, Reader};
pub use statement::{Statement, Subject};
