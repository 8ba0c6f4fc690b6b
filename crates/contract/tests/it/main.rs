//! Is the room what its users are told it is?

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

mod laws;
mod schema;
mod shipped;
