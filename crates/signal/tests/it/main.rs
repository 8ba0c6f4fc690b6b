//! What is promised of all texts that may be SQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod mutated;
mod reading;
