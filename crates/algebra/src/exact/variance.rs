//! How far do values spread around their mean? Computed without rounding until the very end.
//!
//! A group keeps the count `n`, the exact sum `S1` of its values and the exact sum `S2` of their
//! squares; then `(n * S2 - S1^2) / (n * (n - ddof))` is a ratio of integers times a power of two,
//! rounded once. The textbook warning against this formula is about cancellation between rounded
//! sums; here nothing was rounded.
//!
//! A square is exact too: a 53-bit mantissa squares to 106 bits at twice the exponent, which is
//! added as an integer, in a window of 256 bits. There is no underflow and no overflow (an
//! error-free product in `f64` would have both below about 2^-485 and above 2^512), so no value is
//! an exception to the laws.
//!
//! What this does not do: keep a second moment per pair of columns (covariance, correlation), or
//! know NULLs.

use num_bigint::BigInt;

use super::{
    CorruptState, Exact, encode,
    groups::Groups,
    round::ratio_to_f64,
    window::{SquareWindow, ValueWindow},
};

/// Counts, exact sums and exact sums of squares, one of each per group.
///
/// Methods that take a group panic when it is not below [`len`](Self::len), as indexing does.
///
/// # Guarantee
/// Results and states depend only on the multiset of values that reached the group, by whatever
/// order of adds and merges. Held by `tests.rs`.
///
/// # Example
/// ```
/// # use tidegate_algebra::exact::VarianceSums;
/// let mut sums = VarianceSums::new();
/// sums.resize(1);
/// for value in [1e9 + 1.0, 1e9 + 2.0, 1e9 + 3.0] {
///     sums.add(0, value);
/// }
/// assert_eq!(sums.variance(0, 1), Some(1.0));
/// assert_eq!(sums.variance(0, 3), None);
/// ```
#[derive(Debug, Default)]
pub struct VarianceSums {
    counts: Vec<u64>,
    sums: Groups<ValueWindow>,
    squares: Groups<SquareWindow>,
}

impl VarianceSums {
    /// Sums with no group yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Whether there is no group.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Grows to `groups` groups, the new ones empty. Never shrinks.
    pub fn resize(&mut self, groups: usize) {
        if groups > self.counts.len() {
            self.counts.resize(groups, 0);
            self.sums.resize(groups);
            self.squares.resize(groups);
        }
    }

    /// Adds a value to a group.
    #[inline]
    pub fn add(&mut self, group: usize, value: f64) {
        self.counts[group] += 1;
        self.sums.add(group, value);
        self.squares.add(group, value);
    }

    /// Adds the three pieces of an encoded state to a group. They need not be trusted.
    ///
    /// Pieces that are each well-formed but belong to no common set of values are not all
    /// recognised; their variance is some number, never negative.
    ///
    /// # Errors
    /// [`CorruptState`] when a piece is none that this type writes, or the count overflows; the
    /// group is then as it was.
    pub fn merge(&mut self, group: usize, count: u64, sum: &[u8], squares: &[u8]) -> Result<(), CorruptState> {
        let sum = encode::decode::<ValueWindow>(sum)?;
        let squares = encode::decode::<SquareWindow>(squares)?;
        if count == 0 && !(sum.is_zero() && squares.is_zero()) {
            return Err(CorruptState::SumsWithoutRows);
        }
        let left = self.counts[group];
        let total = left.checked_add(count).ok_or(CorruptState::CountOverflow { left, right: count })?;
        self.counts[group] = total;
        self.sums.merge(group, &sum);
        self.squares.merge(group, &squares);
        Ok(())
    }

    /// The first piece of the state of a group: how many values reached it.
    pub fn count(&self, group: usize) -> u64 {
        self.counts[group]
    }

    /// Appends the second piece, canonical as that of [`ExactSums`](super::ExactSums), whose format
    /// it shares.
    pub fn encode_sum(&self, group: usize, out: &mut Vec<u8>) {
        self.sums.encode(group, out);
    }

    /// Appends the third piece, canonical too: the same format with twice the range, and never
    /// negative.
    pub fn encode_squares(&self, group: usize, out: &mut Vec<u8>) {
        self.squares.encode(group, out);
    }

    /// The variance of a group with `ddof` degrees of freedom taken off: 0 for a population, 1 for
    /// a sample.
    ///
    /// Correctly rounded and never negative; infinite only when the exact variance is beyond `f64`.
    /// NaN when a value was NaN or infinite. None when there are no more than `ddof` values.
    pub fn variance(&self, group: usize, ddof: u64) -> Option<f64> {
        let count = self.counts[group];
        let freedom = count.checked_sub(ddof).filter(|&freedom| freedom > 0)?;
        let (
            Exact::Finite { mantissa: sum, exponent: sum_exponent },
            Exact::Finite { mantissa: squares, exponent: squares_exponent },
        ) = (self.sums.exact(group), self.squares.exact(group))
        else {
            return Some(f64::NAN);
        };
        let exponent = (2 * sum_exponent).min(squares_exponent);
        let sum_squared = (&sum * &sum) << (2 * sum_exponent - exponent) as u32;
        let spread = ((squares * count) << (squares_exponent - exponent) as u32) - sum_squared;
        if spread < BigInt::ZERO {
            return Some(0.0); // only from pieces that belong to no common set of values
        }
        Some(ratio_to_f64(&spread, &(BigInt::from(count) * freedom), exponent))
    }

    /// The square root of [`variance`](Self::variance).
    pub fn stddev(&self, group: usize, ddof: u64) -> Option<f64> {
        self.variance(group, ddof).map(f64::sqrt)
    }

    /// Removes the first `n` groups (all, when there are fewer) and returns them; the others move
    /// down by `n`.
    pub fn split_off_front(&mut self, n: usize) -> Self {
        let rest = self.counts.split_off(n.min(self.counts.len()));
        Self {
            counts: std::mem::replace(&mut self.counts, rest),
            sums: self.sums.split_off_front(n),
            squares: self.squares.split_off_front(n),
        }
    }

    /// Bytes allocated.
    pub fn size(&self) -> usize {
        self.counts.capacity() * size_of::<u64>() + self.sums.size() + self.squares.size()
    }
}
