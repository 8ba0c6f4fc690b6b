//! The room through its door: SQL in, numbers out.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod case;
mod sequential;
