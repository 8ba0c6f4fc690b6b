//! What is a partial state, and what can be done with it outside this crate? Move it and merge it.

use std::fmt;

use datafusion::arrow::array::RecordBatch;

use crate::Fingerprint;

/// Mergeable state of one signal over some rows: Arrow batches of key columns and aggregate state.
///
/// Keys need not be unique. The columns are private to this crate, so that a value can leave a state
/// only through [`Cut::release`](crate::Cut::release); `Debug` prints sizes alone.
#[derive(Clone)]
pub struct PartialState {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) batches: Vec<RecordBatch>,
}

impl PartialState {
    /// The plan that made this state.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// How many state rows it has: one per group and source partition.
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// True for the identity of merge.
    pub fn is_empty(&self) -> bool {
        self.rows() == 0
    }

    /// Bytes held in memory.
    pub fn memory_bytes(&self) -> usize {
        self.batches.iter().map(RecordBatch::get_array_memory_size).sum()
    }
}

impl fmt::Debug for PartialState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartialState")
            .field("fingerprint", &self.fingerprint)
            .field("rows", &self.rows())
            .finish_non_exhaustive()
    }
}
