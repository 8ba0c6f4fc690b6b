//! Through the door: every promise of the crate, over real files.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod bad_data;
mod budget;
mod discovery;
mod formats;
mod remote;
mod resume;
mod schemas;
mod stage;
