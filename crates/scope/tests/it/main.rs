//! What the room promises, through its door.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod apply;
mod files;
mod laws;
