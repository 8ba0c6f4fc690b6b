//! What do tests, benches and the demo need that real telemetry cannot give: rows whose truth is known?
//!
//! [`generate`] makes decision traces and late labels from a seed, with planted facts to find again. The libraries use it
//! under `[dev-dependencies]`; the binary carries it for `tidegate generate` and `tidegate demo`.

pub mod generate;
