//! Where do batches come from?
//!
//! This crate answers four questions about a stream of files: which files does it have ([`discover`]), in what order
//! (by path, byte for byte), with what columns ([`infer`]), and what are their rows ([`Source::open`]).
//!
//! ```text
//! path option --Location--> files --infer--> stream schema
//!                             |
//!                             +--open(file, columns, rows)--> Item, Item, ...
//!                                                             Rows { batch, rejected } | FileRejected
//! ```
//!
//! # Promises
//! - One bad file or row never stops a run: it becomes a [`Rejection`] with a [`Reason`], and the good rows go on.
//! - A rejection never carries a value out of the data, only names of columns and types.
//! - Every delivered batch has exactly the requested columns of the stream schema, whatever the file looked like.
//! - Rows come in file order, and reading from row `n` gives the rows that reading from 0 gives after the first `n`. Any
//!   range of rows that were delivered can be read again.
//! - Memory is bounded by the batch size, not by the file: at most [`BATCHES_IN_FLIGHT`] batches of a file wait for the
//!   reader, and those of all files together are bounded in bytes ([`Source::with_budget`]). Nobody who reads waits
//!   forever for that, in whatever order.
//! - What lies in an object store ([`Remote`]) gives the same files, columns, rows and rejections as the same files on a
//!   disk. A store that fails makes a file [`Reason::FileUnreadable`], to be read again, and never a corrupt one.
//!
//! All are held by `tests/it`. Damaged files can make a decoder panic; the panic is caught and becomes
//! [`Reason::FileCorrupt`], so a binary that uses this crate must not be built with `panic = "abort"`.
//!
//! What is absent: watermarks, late rows and positions that survive a restart belong to `stream`; this crate keeps no
//! state between two calls. It does not know DataFusion.

mod admit;
mod budget;
mod columns;
mod convert;
mod discover;
mod epoch;
mod error;
mod format;
mod listing;
mod location;
mod partition;
mod place;
mod read;
mod reject;
mod remote;
mod schema;
mod shape;
mod source;
mod suggest;

pub use admit::{Adapt, Adapted, Admit, Admitted};
pub use columns::{Columns, FileColumns};
pub use discover::{SourceFile, discover};
pub use error::{Error, Result};
pub use format::Format;
pub use location::Location;
pub use place::Place;
pub use read::BATCHES_IN_FLIGHT;
pub use reject::{Delivery, Item, Reason, Rejection};
pub use remote::Remote;
pub use schema::infer;
pub use source::Source;
