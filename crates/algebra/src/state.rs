//! What is a partial state, and what can be done with it outside this crate? Move it, store it and merge it.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;

use crate::error::{Error, Result};
use crate::{Fingerprint, codec};

/// Mergeable state of one signal over some rows: Arrow batches of key columns and aggregate state.
///
/// Keys need not be unique. The columns are private to this crate, so that a value can leave a state
/// only through [`Cut::release`](crate::Cut::release); `Debug` prints sizes alone.
///
/// ```no_run
/// fn sizes(state: &tidegate_algebra::PartialState) -> (usize, String) {
///     (state.rows(), format!("{state:?}"))
/// }
/// ```
///
/// Its columns cannot be read outside this crate:
///
/// ```compile_fail,E0616
/// fn values(state: &tidegate_algebra::PartialState) -> usize {
///     state.batches.len()
/// }
/// ```
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

/// How states of one plan are stored: the columns they have, and by which of them they are divided into parts.
#[derive(Debug, Clone)]
pub struct StateLayout {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) schema: SchemaRef,
    /// Positions of the columns by whose values rows are dealt to parts.
    pub(crate) divided_by: Vec<usize>,
}

impl StateLayout {
    /// The name of the plan.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The identity of merge.
    pub fn empty(&self) -> PartialState {
        self.state_of(Vec::new())
    }

    /// `batches`, which have this layout's columns, as a state.
    pub(crate) fn state_of(&self, batches: Vec<RecordBatch>) -> PartialState {
        PartialState { fingerprint: self.fingerprint.clone(), batches }
    }

    /// Writes a state to bytes.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`] when another plan made it.
    pub fn encode(&self, state: &PartialState) -> Result<Vec<u8>> {
        self.check(state)?;
        codec::encode(state, &self.schema)
    }

    /// Reads a state back from bytes, which need not be trusted to be whole.
    ///
    /// # Guarantee
    /// Undoes [`encode`](Self::encode); bytes that were cut short or changed are an error. Held by
    /// `tests/it/laws.rs`.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`] when another plan made it, [`Error::CorruptState`] and
    /// [`Error::UnknownFormat`] when the bytes are not a state this version reads.
    pub fn decode(&self, bytes: &[u8]) -> Result<PartialState> {
        codec::decode(bytes, &self.schema, &self.fingerprint)
    }

    /// States of this plan as one that is not merged: for states without a group in common.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`] when a state comes from another plan.
    pub fn together(&self, states: Vec<PartialState>) -> Result<PartialState> {
        let mut all = self.empty();
        for state in states {
            self.check(&state)?;
            all.batches.extend(state.batches);
        }
        Ok(all)
    }

    pub(crate) fn check(&self, state: &PartialState) -> Result<()> {
        if state.fingerprint == self.fingerprint {
            return Ok(());
        }
        Err(Error::FingerprintMismatch { expected: self.fingerprint.clone(), found: state.fingerprint.clone() })
    }

    /// The rows of `states` under the names of `schema`.
    pub(crate) fn rows_of(&self, states: &[PartialState], schema: &SchemaRef) -> Result<Vec<RecordBatch>> {
        let mut batches = Vec::new();
        for state in states {
            self.check(state)?;
            for batch in &state.batches {
                batches.push(RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec())?);
            }
        }
        Ok(batches)
    }
}
