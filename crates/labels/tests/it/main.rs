//! Do labels come to the same, however they come?

#![expect(clippy::unwrap_used, reason = "a test that cannot set its stage fails")]

mod changes;
mod history;
mod laws;
mod rows;
mod work;
