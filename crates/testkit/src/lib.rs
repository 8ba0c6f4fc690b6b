//! What do tests need that the product must not carry?
//!
//! [`generate`] makes decision traces and late labels from a seed, with planted facts to find again.
//! Nothing here is a dependency of the product: crates use it under `[dev-dependencies]`.

pub mod generate;
