//! Through the door: the laws of every sketch, and bytes of every kind.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod bytes;
mod laws;
mod sketches;
