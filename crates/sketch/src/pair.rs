//! How do two sketches compare, bin by bin?
//!
//! The reference comes first, the current sketch second. Bins are unions of bins that both sketches have, so
//! the counts are exact in both, and so is every statistic of them.

mod categories;
mod numbers;
#[cfg(test)]
mod tests;

pub use categories::{of_categories, only_in_current};
pub use numbers::{KolmogorovSmirnov, Wasserstein, kolmogorov_smirnov, of_numbers, out_of_range, wasserstein};

use crate::Shape;
use crate::error::{Error, Result};

/// Counts of two sketches in the same bins. No bin is empty in both.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paired {
    /// Counts of the reference.
    pub reference: Vec<u64>,
    /// Counts of the current sketch, as many.
    pub current: Vec<u64>,
}

impl Paired {
    /// Appends a bin unless it is empty.
    fn push(&mut self, reference: u64, current: u64) {
        if reference > 0 || current > 0 {
            self.reference.push(reference);
            self.current.push(current);
        }
    }
}

/// Counts of two sketches: of numbers as [`of_numbers`], of categories as [`of_categories`].
///
/// # Errors
/// [`Error::UnlikeKinds`] if one is of numbers and the other of categories; [`Error::Unlike`] if their parameters differ;
/// [`Error::OutOfRange`] of `bins`.
pub fn of_shapes(reference: &Shape, current: &Shape, bins: u32) -> Result<Paired> {
    match (reference, current) {
        (Shape::Numbers(reference), Shape::Numbers(current)) => of_numbers(reference, current, bins),
        (Shape::Categories(reference), Shape::Categories(current)) => of_categories(reference, current),
        (reference, current) => Err(Error::UnlikeKinds { left: reference.kind(), right: current.kind() }),
    }
}
