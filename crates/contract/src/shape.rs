//! Which of a batch's columns are those of the contract, and what stands where one is not?

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::compute::cast;

use crate::DataContract;
use crate::gaps::{Gap, gaps};
use crate::kinds::{Fit, fit};

/// A batch in the contract's shape.
pub(crate) struct Shaped {
    /// One array for each column of the contract; null where the batch has none, or one of another type.
    pub(crate) arrays: Vec<ArrayRef>,
    /// What the batch lacks, and what it has too much.
    pub(crate) gaps: Vec<Gap>,
}

pub(crate) fn shape(contract: &DataContract, batch: &RecordBatch) -> Shaped {
    let arrays = contract.columns.iter().map(|column| {
        let found = batch.column_by_name(&column.name);
        let array = found.and_then(|array| match fit(&column.data_type, array.data_type()) {
            Fit::Same => Some(Arc::clone(array)),
            Fit::Widened => cast(array, &column.data_type).ok(),
            Fit::No => None,
        });
        array.unwrap_or_else(|| new_null_array(&column.data_type, batch.num_rows()))
    });
    Shaped { arrays: arrays.collect(), gaps: gaps(contract, &batch.schema()) }
}
