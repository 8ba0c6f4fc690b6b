//! How is evidence kept so that it can be read for a purpose, and forgotten?
//!
//! What people typed does not belong in the rows that statistics are made of. Where it is needed to look into a case, it
//! lies here, encrypted, for a short time; the row keeps an [`EvidenceRef`]. A [`Vault`] writes it, and gives it back to a
//! [`Reader`] who says who they are and what for, after that is written down.
//!
//! ```text
//! evidence/<tenant>/<day of expiry>/<object>     the texts of one batch, tenant and day, each encrypted by itself
//! ev_<tenant>_<day of expiry>_<object>_<number>  a reference to one of them
//! ```
//!
//! # Promises
//! - Nothing is given out before the access is on record; a read that is refused is on record, too. Held by
//!   `tests/it/access.rs`.
//! - What is expired is refused, whether or not its bytes still lie there. Held by `tests/it/access.rs`.
//! - A record is read as it was written, in its own place, or not at all. Held by `tests/it/vault.rs`.
//! - Once the key of a tenant or a user is destroyed, its evidence is gone for good, copies and backups of it included.
//!   Held by `tests/it/forget.rs`.
//! - A process that dies while it writes leaves nothing that can be read half. Held by `tests/it/faults.rs`.
//!
//! What is absent: a clock (each call is told the time), the audit log itself ([`AuditTrail`] is the caller's), and the
//! question who somebody is.

mod access;
mod error;
mod object;
mod reference;
mod retention;
mod vault;

pub use access::{Access, AuditTrail, Outcome, Purposes, Reader};
pub use error::{Error, Result};
pub use reference::{EvidenceRef, NoReference};
pub use retention::{Plan, Retention, expired};
pub use vault::{Content, Evidence, Vault};
