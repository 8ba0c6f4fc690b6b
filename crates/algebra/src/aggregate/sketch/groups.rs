//! How are sketches kept per group?

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BinaryBuilder, BooleanArray};
use datafusion::common::Result;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};

use super::super::rows::for_each_value;
use super::super::single::Grouped;
use super::source::{Sketch, Source, merge_bytes};
use crate::error::Error;

/// A sketch per group; none where no row has come and there is none of no rows.
pub(super) struct Groups<F: Source> {
    source: F,
    sketches: Vec<Option<F::Sketch>>,
}

impl<F: Source> Groups<F> {
    pub(super) fn new(source: F) -> Self {
        Self { source, sketches: Vec::new() }
    }

    /// The sketch of each group; of a source that has one of no rows.
    pub(super) fn sketches(&mut self) -> impl Iterator<Item = &mut F::Sketch> {
        self.sketches.iter_mut().flatten()
    }
}

impl<F: Source> Grouped for Groups<F> {
    fn resize(&mut self, groups: usize) {
        self.sketches.resize_with(groups, || self.source.empty());
    }

    fn fresh(&self) -> Self {
        Self::new(self.source.clone())
    }
}

impl<F: Source> GroupsAccumulator for Groups<F> {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.resize(total_groups);
        self.source.add(&mut self.sketches, &values[0], groups, filter)
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total_groups: usize) -> Result<()> {
        self.resize(total_groups);
        let states = states[0].as_binary::<i32>();
        let mut merged = Ok(());
        for_each_value(states, groups, None, |group, row| {
            if merged.is_ok() {
                merged = merge_bytes(&mut self.sketches[group], states.value(row));
            }
        });
        Ok(merged.map_err(Error::from)?)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let mut column = BinaryBuilder::new();
        for sketch in emit_to.take_needed(&mut self.sketches) {
            column.append_option(sketch.map(|sketch| sketch.to_bytes()));
        }
        Ok(Arc::new(column.finish()))
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.rows_as_state(values, filter)
    }

    fn size(&self) -> usize {
        let kept = self.sketches.iter().flatten().map(Sketch::heap_size).sum::<usize>();
        self.sketches.capacity() * size_of::<Option<F::Sketch>>() + kept
    }
}
