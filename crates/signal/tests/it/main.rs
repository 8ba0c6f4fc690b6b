//! What is promised of all texts that may be SQL.

mod mutated;
mod reading;
