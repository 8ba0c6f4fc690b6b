//! Who speaks Arrow Flight and OTLP?
//!
//! A [`Receiver`] serves both, and hands what comes to an [`Intake`]. What is acknowledged to a sender is what the intake
//! said is there to stay.
//!
//! ```text
//! Flight DoPut -------- decode, checked --> rows -----.
//! OTLP gRPC   -.                                       +--> Intake --> redaction, contract, Landing
//! OTLP HTTP   -+------> bytes, decompressed -----------'
//! ```
//!
//! # Promises
//! - A listener that other machines can reach does not start without TLS and a token, and every call but `/healthz` shows
//!   the token. Held by `listen::tests` and `tests/it/guard.rs`.
//! - What is not trusted does not take the process down: messages have limits, before and after they are decompressed, and a
//!   panic of a decoder ends one call. Held by `tests/it/hostile.rs`, and `fuzz/`.
//! - Beyond what may be in flight senders are told to come back, by `RESOURCE_EXHAUSTED` or 429. Held by
//!   `tests/it/overload.rs`.
//! - What was acknowledged is landed, once, however often the process is killed. Held by `tests/it/killed.rs`.
//! - No answer and no log says what was sent.
//!
//! What is absent: what OTLP means as rows, redaction, contracts, tenants, and any way to read rows.

mod connection;
mod error;
mod flight;
mod gate;
mod intake;
mod limits;
mod listen;
mod otlp;
mod refusal;
mod server;

pub use error::{Error, Result};
pub use flight::decode::{Decoded, Decoder};
pub use intake::{Encoding, Export, Intake, Landed, Origin, Partial, Refused, Rows, Signal, Taken};
pub use limits::Limits;
pub use listen::{Listen, Secret, Tls};
pub use server::Receiver;
