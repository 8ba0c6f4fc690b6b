//! How do other programs and people read what was decided?
//!
//! Pure functions of verdicts and pointers, one format each.

mod event;
mod flagd;
mod junit;
mod markdown;

pub use event::cloud_event;
pub use flagd::flagd;
pub use junit::junit;
pub use markdown::{changelog, summary};

#[cfg(test)]
mod tests;
