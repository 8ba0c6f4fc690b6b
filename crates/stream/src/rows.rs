//! Where did a row stand, and which rows are left after some were taken out?

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;

use crate::error::Result;
use crate::history::FirstRead;

/// Rows of one file on their way to the signals, with the columns that any of them reads.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    /// The file, relative to its stream's path.
    pub(crate) file: Arc<str>,
    /// The producer.
    pub(crate) split: Arc<str>,
    /// How the stream judged them before; none when it reads them for the first time.
    pub(crate) again: Option<Arc<FirstRead>>,
    /// Rows dated after this are set aside.
    pub(crate) newest_us: i64,
    /// Where each stood in the file.
    pub(crate) positions: Positions,
    /// The row of the file after the last one, bad rows included.
    pub(crate) end: u64,
    /// The smallest event time.
    pub(crate) earliest_us: Option<i64>,
    /// The greatest event time.
    pub(crate) latest_us: Option<i64>,
    pub(crate) batch: RecordBatch,
}

impl Rows {
    /// The rows that `keep` marks, and the others.
    pub(crate) fn split(&self, keep: &BooleanArray) -> Result<(Self, Self)> {
        let drop = arrow::compute::not(keep)?;
        Ok((self.filtered(keep)?, self.filtered(&drop)?))
    }

    fn filtered(&self, keep: &BooleanArray) -> Result<Self> {
        let positions = keep.values().set_indices().map(|index| self.positions.at(index)).collect();
        let batch = filter_record_batch(&self.batch, keep)?;
        Ok(Self { batch, positions: Positions::List(positions), ..self.clone() })
    }
}

/// The places of rows in their file, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Positions {
    /// One after the other.
    From(u64),
    /// With gaps.
    List(Vec<u64>),
}

impl Positions {
    /// The rows from `first` up to `end` without the `missing`, which are ascending.
    pub(crate) fn of(first: u64, end: u64, missing: &[u64]) -> Self {
        if missing.is_empty() {
            return Self::From(first);
        }
        Self::List((first..end).filter(|row| missing.binary_search(row).is_err()).collect())
    }

    pub(crate) fn at(&self, index: usize) -> u64 {
        match self {
            Self::From(first) => first + index as u64,
            Self::List(rows) => rows[index],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_bad_rows() {
        assert_eq!(Positions::of(5, 9, &[]).at(2), 7);
        assert_eq!(Positions::of(5, 9, &[6]), Positions::List(vec![5, 7, 8]));
    }
}
