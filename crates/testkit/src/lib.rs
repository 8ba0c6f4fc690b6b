//! What do tests, benches and the demo need that real life cannot give: rows whose truth is known, and faults on demand?
//!
//! [`generate`] makes decision traces and late labels from a seed, with planted facts to find again; [`canary`] are secrets. [`faulty`] wraps a
//! store and lets it fail, by a seed too; [`servers`] are stores over a real socket, and [`proxy`] is the network before
//! them. The libraries use them under `[dev-dependencies]`; the binary carries [`generate`] for `tidegate generate` and
//! `tidegate demo`.

pub mod canary;
pub mod faulty;
pub mod generate;
pub mod proxy;
mod random;
pub mod servers;
