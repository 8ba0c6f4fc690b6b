//! How do rows that arrive become files that are there to stay?
//!
//! A [`Landing`] takes the [`Arrival`]s of many producers and writes them as Parquet. Many arrivals share a file, and one
//! file is one atomic act: it is created whole or not at all. Only then are its arrivals acknowledged.
//!
//! ```text
//! put(p, 1, rows) --.                                  landing/<stream>/date=2026-01-31/
//! put(p, 2, rows) --+--> lane of p: encode, create --> p-00000000000000000001.parquet      holds 1 to 3
//! put(p, 3, rows) --'                                  p-00000000000000000004.parquet      holds 4 to 9
//! put(q, 1, rows) -----> lane of q: ...                q-00000000000000000001.parquet
//! ```
//!
//! **A producer numbers its arrivals 1, 2, 3, and so on.** A number stands for the same rows whenever it is sent. What was
//! landed before is acknowledged at once and not landed again; a number that leaves one out is refused
//! ([`Error::Gap`]), because the one in between could no longer be told from one that was landed.
//!
//! **The name of a file follows from what was landed before it, and from nothing else.** It is the first number that the
//! file holds. So two processes that land arrivals of one producer, in whatever groups, want the same name, and the store
//! lets one of them have it. Were the last number in the name too, both could create their file, and rows would stand
//! twice. The last number is in the file ([`Mark`]).
//!
//! ```text
//! date=2026-01-31/p-...04.parquet   {"producer":"p","first":4,"last":9}
//! date=2026-01-31/p-...10.parquet   {"producer":"p","first":10,"last":9,"moved_to":"2026-02-01"}     no rows
//! date=2026-02-01/p-...10.parquet   {"producer":"p","first":10,"last":12}
//! ```
//!
//! A new day is a new folder, so the chain of a producer's files is closed in the old one first: a file without rows takes
//! the next name there, and a process whose clock is behind can no longer have it. `positions/<stream>/<producer>.json`
//! says from where to follow the chain. It is made before the first file, is replaced behind the files, and may lag.
//!
//! # Promises
//! - What was acknowledged is there; each number stands in at most one file, whenever a process is killed, and however many
//!   processes land at once. Held by `tests/it/crash.rs`, `race.rs` and `model.rs`.
//! - Bytes in flight stay within [`Options::queue_bytes`]; whoever comes then waits, and is told [`Error::Busy`]. Held by
//!   `tests/it/pressure.rs`.
//! - No error says what a row holds. Held by `shape::tests`.
//!
//! What is absent: redaction and contracts (rows are written as they come), sockets, and reading what was landed. Positions
//! must not be deleted while producers go on; nor the landed days since the one that a position names.

mod arrival;
mod chain;
mod day;
mod error;
mod file;
mod group;
mod landing;
mod lane;
mod metrics;
mod options;
mod shape;

pub use arrival::{Arrival, InvalidProducer, Producer, Receipt};
pub use chain::Mark;
pub use error::{Error, Result};
pub use landing::{Landing, Pending};
pub use metrics::Metrics;
pub use options::{Extra, Options};
