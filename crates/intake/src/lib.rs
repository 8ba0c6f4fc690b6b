//! What is done with rows before anything of them is written?
//!
//! ```text
//! spans, logs --mapping--> rows --redact--> --scope--> rows that may be written --contract--> rows that stand
//!                                                                                         \--> rows set aside
//! ```
//!
//! A [`Door`] is what a stream's data contract, its redactor and its scoper say together. Files that others wrote pass
//! it as they are read ([`tidegate_source::Admit`]); rows that arrive over a network pass it before they are landed, and
//! are held against the contract when they are read.
//!
//! What is absent: where rows come from and go to, and every rule: contracts, policies and scopes are rooms of their own.

mod conform;
mod door;
mod mapped;

pub use conform::{Misfit, conform};
pub use door::{Denied, Door, EvidenceShelf};
pub use mapped::MappedFiles;
