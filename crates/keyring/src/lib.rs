//! Which key belongs to whom, and is it destroyed?
//!
//! A [`Keyring`] holds one random key for each tenant and, where evidence is kept about a person, one for each user of a
//! tenant. The keys lie on the object store, wrapped under the project's [`MasterKey`], in files whose names tell neither
//! the tenant nor the user. All that a tenant's telemetry is tokenised or encrypted with is derived from its key, so who
//! destroys the key has forgotten what was written under it, wherever copies of that lie.
//!
//! ```text
//! keys/ring/<tenant>/key        the tenant's key, wrapped; or a tombstone
//! keys/ring/<tenant>/<user>     the key of one user of the tenant, wrapped; or a tombstone
//! keys/gone/<tenant>            so that all that is destroyed is found by one listing
//! keys/gone/<tenant>.<user>
//! ```
//!
//! # Promises
//! - Of several processes that make the key of one tenant all end with the same key: a file is created once, and who
//!   comes second reads it. Held by `tests/it/race.rs`.
//! - A destroyed key is destroyed: a tombstone takes its place, in one step that is durable, so no process can make the
//!   key anew. Destroying again does nothing. Held by `tests/it/destroy.rs` and, under faults, `tests/it/faults.rs`.
//! - Another process hears of it within [`Limits::refresh_every`] when it writes, and at once when it reads
//!   ([`Keyring::find`] asks the store each time). Held by `tests/it/destroy.rs`.
//! - Neither a file's name nor its bytes nor an error tells a tenant, a user or a key. Held by `tests/it/ring.rs`.
//!
//! What is absent: a way to put a key back, and what is done with the keys. What an object store keeps of a file that was
//! replaced (versions, backups) is beyond this crate: below `keys/` there should be none.

mod cache;
mod error;
mod fixed;
mod key;
mod master;
mod owner;
mod ring;
mod wrap;

pub use error::{Error, Result};
pub use key::{Key, Token, Tokens};
pub use master::MasterKey;
pub use owner::{NoOwner, Owner};
pub use ring::{Destroyed, ErasedUsers, Keyring, Limits};
