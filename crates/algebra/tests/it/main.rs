//! Through the door: queries over rows, cut at their aggregation and put together again.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod builtins;
mod cuts;
mod drift;
mod generators;
mod golden;
mod laws;
mod memory;
mod rows;
mod run;
