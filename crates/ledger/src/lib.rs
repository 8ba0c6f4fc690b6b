//! Append-only hash-chained records: how are facts kept so that nobody can change them unseen?
//!
//! Everything that must be atomic in Tidegate is one act: **create the next record of a log if it is not there yet**.
//! A [`Store`] does that on an object store; a [`Chain`] numbers the records and ties each to the one before.
//!
//! ```text
//! log/commits/00000000000000000000.json  {"seq":0,"prev":"000...","body":{...},"sha256":"..."}
//!                                            |
//!                                            +--- sha256 of the whole file ---+
//!                                                                             v
//! log/commits/00000000000000000001.json  {"seq":1,"prev":"5d41...","body":{...},"sha256":"..."}
//! ```
//!
//! # Promises
//! - A record that was appended is on disk, whole, and stays ([`Store`]); held by `tests/it/store.rs` as far as a test
//!   can without cutting the power.
//! - A process that dies at any step of a write leaves a log that opens, with all that was appended. Held by
//!   `tests/it/crash.rs`.
//! - Of two writers at most one appends the next record; the other gets [`Error::Conflict`]. Held by `tests/it/chain.rs`.
//!   That rests on create-if-absent, which [`Store::probe`] tries; held by `tests/it/probe.rs`.
//! - An error that may pass is not the end: a store over a network is asked up to five times. What a caller cannot know
//!   then is said at [`Store::create`]; held by `tests/it/store.rs`.
//! - Below the prefixes of [`Store::sealed`] nothing can be read or changed unseen without the key. Held by `tests/it/seal.rs`.
//! - A [`Budget`] charges all blocks of a release or none, once, and never beyond a cap, however many processes charge.
//!   Held by `tests/it/budget.rs` and what lies below it.
//! - Opening a log reads all of it and notices every changed byte and every missing record but the last ones. Held by
//!   `record::tests`.
//!
//! What is absent: a chain does not know what its records mean, and of all logs only [`budget`] is kept here, because it
//! is the one that several processes let grow. This crate computes no privacy loss, keeps no lock and no lease, and
//! cannot notice that the newest records of a log were removed by someone who removed nothing else; for that, keep the
//! [`head`](Chain::head) elsewhere.

pub mod budget;
mod chain;
mod crash;
mod durable;
mod error;
mod patient;
mod probe;
mod record;
mod retry;
mod seal;
mod store;
mod url;

pub use object_store::{PutPayload, PutPayloadMut};

pub use budget::{Block, BlockReport, Budget, Charge, Paid, Spend};
pub use chain::Chain;
pub use error::{Error, Fault, Result};
pub use record::{Digest, Record, encode, file_name, verify};
pub use seal::{InvalidKey, SealKey};
pub use store::{Created, Store};
pub use url::StoreUrl;
