//! How is a distribution kept in a few numbers that merge exactly?
//!
//! - [`DdSketch`] keeps numbers: quantiles within a relative accuracy.
//! - [`Freq`] keeps categories: how often each occurred.
//! - [`Hll`] keeps how many values were distinct.
//! - [`Profile`] keeps a whole column: one of the first two, and the third.
//!
//! All of them hold integers alone, so that merging is associative and commutative to the last bit, and
//! each content has one string of bytes ([`DdSketch::to_bytes`] and its like) with a checksum: two sketches
//! are equal exactly if their bytes are. [`pair`] sets two sketches side by side in bins that are exact in
//! both.
//!
//! Not here: distances and tests over the paired counts (`tidegate-stats`), Arrow, SQL, chance.

mod codec;
mod datadog;
mod ddsketch;
mod error;
mod freq;
mod gamma;
mod hash;
mod hll;
pub mod pair;
mod profile;

pub use ddsketch::{Bin, DdSketch};
pub use error::{Error, Result};
pub use freq::Freq;
pub use hll::Hll;
pub use profile::{Profile, Shape};
