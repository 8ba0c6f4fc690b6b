//! The room through its door: laws, and the oracle where it is at hand.

#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

mod case;
mod generators;
mod laws;
mod oracle;
mod pairs;
mod peeking;
mod sequential;
mod statsmodels;
