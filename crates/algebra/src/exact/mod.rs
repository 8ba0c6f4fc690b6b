//! What is the sum of these floats, whatever their order and however they were split?
//!
//! Float addition is not associative: `1e16 + 1.0 - 1e16` is 0 or 1 by the order of its terms, so a
//! sum kept as an `f64` would release different bytes for different splits of the same rows. Here
//! every group keeps the *exact* sum, as an integer times a power of two, and rounds once, when it
//! is read. Exact addition is associative and commutative, and so are the states.
//!
//! ```text
//! a finite f64      = m · 2^q            |m| < 2^53, -1074 <= q <= 971
//!
//! window (usual)    acc · 2^base         acc: i128, 32 bytes per group
//!                   ┌────────── 127 bits ──────────┐
//!                   │ room │ m << (q - base) │ room │        the first value lands in the middle
//!                   └──────┴─────────────────┴──────┘
//!                      a value outside: move the window if one can hold both, else
//!
//! wide (rare)       35 limbs of 64 bits: from 2^-1074 to 2^1024, and 141 bits of headroom above
//!
//! state             kind u8 │ exponent i16 LE │ mantissa, odd, shortest two's complement, LE
//!                   0 finite, 1 NaN, 2 +inf, 3 -inf; a sum of zero is the kind byte alone
//! ```
//!
//! The wide form is the superaccumulator of R. M. Neal, "Fast exact summation using small and large
//! superaccumulators" (2015, arXiv:1505.05571); the window is the part of it most groups ever
//! touch. Which form a group is in shows nowhere but in [`ExactSums::size`]: equal sums have equal
//! states.
//!
//! [`VarianceSums`] is built from the same parts: a sum of values, and a sum of their exact
//! squares.
//!
//! What this does not do: count rows (the empty sum is zero, and a caller who must tell NULL from
//! zero counts), remember the sign of zero (a sum of `-0.0` is `+0.0`), or keep NaN payloads.
//!
//! ```
//! # use tidegate_algebra::exact::ExactSums;
//! let mut sums = ExactSums::new();
//! sums.resize(2);
//! for value in [1e16, 1.0, -1e16] {
//!     sums.add(0, value);
//! }
//! assert_eq!(sums.round(0), 1.0);
//!
//! let mut state = Vec::new();
//! sums.encode(0, &mut state);
//! sums.merge(1, &state)?;
//! assert_eq!(sums.round(1), 1.0);
//! # Ok::<(), tidegate_algebra::exact::CorruptState>(())
//! ```

mod encode;
mod groups;
mod round;
mod variance;
mod wide;
mod window;

#[cfg(test)]
mod tests;

use num_bigint::BigInt;

pub use encode::CorruptState;
pub use round::ratio_to_f64;
pub use variance::VarianceSums;

use groups::Groups;
use window::ValueWindow;

/// Exact sums of `f64` values, one per group: 32 bytes each, 312 where a sum is wide.
///
/// Methods that take a group panic when it is not below [`len`](Self::len), as indexing does.
///
/// # Guarantee
/// [`encode`](Self::encode), [`round`](Self::round) and [`exact`](Self::exact) depend only on the
/// multiset of values that reached the group, by whatever order of adds and merges. Held by
/// `tests.rs`.
#[derive(Debug, Default)]
pub struct ExactSums {
    groups: Groups<ValueWindow>,
}

/// The sum of a group before any rounding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exact {
    /// `mantissa * 2^exponent`; the mantissa is odd, or both are zero.
    Finite {
        /// The digits.
        mantissa: BigInt,
        /// The power of two they are counted in.
        exponent: i32,
    },
    /// A NaN was added, or infinities of both signs.
    NaN,
    /// `+inf` was added.
    PositiveInfinity,
    /// `-inf` was added.
    NegativeInfinity,
}

impl ExactSums {
    /// Sums with no group yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// Whether there is no group.
    pub fn is_empty(&self) -> bool {
        self.groups.len() == 0
    }

    /// Grows to `groups` groups, the new ones holding the empty sum. Never shrinks.
    pub fn resize(&mut self, groups: usize) {
        self.groups.resize(groups);
    }

    /// Adds a value to a group.
    #[inline]
    pub fn add(&mut self, group: usize, value: f64) {
        self.groups.add(group, value);
    }

    /// Adds an encoded sum to a group. The bytes need not be trusted.
    ///
    /// # Errors
    /// [`CorruptState`] when the bytes are none that [`encode`](Self::encode) writes for fewer than
    /// 2^64 rows; the group is then as it was.
    pub fn merge(&mut self, group: usize, state: &[u8]) -> Result<(), CorruptState> {
        self.groups.merge(group, &encode::decode::<ValueWindow>(state)?);
        Ok(())
    }

    /// Appends the state of a group to `out`.
    ///
    /// # Guarantee
    /// Canonical: the bytes are equal exactly when the sums are. Held by `tests.rs`.
    pub fn encode(&self, group: usize, out: &mut Vec<u8>) {
        self.groups.encode(group, out);
    }

    /// The sum of a group, rounded once: to nearest, ties to even, to infinity beyond the range of
    /// `f64`.
    ///
    /// NaN if a NaN was added or infinities of both signs, else the infinity that was added.
    pub fn round(&self, group: usize) -> f64 {
        self.groups.round(group)
    }

    /// The sum of a group, not rounded.
    pub fn exact(&self, group: usize) -> Exact {
        self.groups.exact(group)
    }

    /// Removes the first `n` groups (all, when there are fewer) and returns them; the others move
    /// down by `n`.
    pub fn split_off_front(&mut self, n: usize) -> Self {
        Self { groups: self.groups.split_off_front(n) }
    }

    /// Bytes allocated.
    pub fn size(&self) -> usize {
        self.groups.size()
    }
}
