//! How does a sketch follow a moving window frame?

use std::collections::VecDeque;
use std::fmt;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::Accumulator;

use super::super::single::SingleGroup;
use super::groups::Groups;
use super::source::{Sketch, Source, Subtract};
use crate::error::Error;

/// A sketch from which rows that leave the frame are taken back.
pub(super) struct Subtracting<F: Source> {
    source: F,
    sketch: Option<F::Sketch>,
    /// How many rows of the frame have a value.
    rows: usize,
}

impl<F: Source<Sketch: Subtract>> Subtracting<F> {
    pub(super) fn boxed(source: F) -> Box<dyn Accumulator> {
        let sketch = source.empty();
        Box::new(Self { source, sketch, rows: 0 })
    }

    fn of(&self, values: &ArrayRef) -> Result<Option<F::Sketch>> {
        let mut sketch = [self.source.empty()];
        self.source.add(&mut sketch, values, &vec![0; values.len()], None)?;
        let [sketch] = sketch;
        Ok(sketch)
    }
}

impl<F: Source<Sketch: Subtract>> Accumulator for Subtracting<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.rows += values[0].len() - values[0].null_count();
        let mut sketch = [self.sketch.take()];
        self.source.add(&mut sketch, &values[0], &vec![0; values[0].len()], None)?;
        [self.sketch] = sketch;
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.rows -= values[0].len() - values[0].null_count();
        let leaving = self.of(&values[0])?;
        if let (Some(sketch), Some(leaving)) = (&mut self.sketch, leaving) {
            sketch.subtract(&leaving).map_err(Error::from)?;
        }
        if self.rows == 0 && self.source.empty().is_none() {
            self.sketch = None;
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        no_states()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        no_states()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Binary(self.sketch.as_ref().map(Sketch::to_bytes)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sketch.as_ref().map_or(0, Sketch::heap_size)
    }
}

/// The rows of the frame, counted afresh for each answer.
pub(super) struct Recounting<F> {
    source: F,
    rows: VecDeque<ArrayRef>,
}

impl<F: Source> Recounting<F> {
    pub(super) fn boxed(source: F) -> Box<dyn Accumulator> {
        Box::new(Self { source, rows: VecDeque::new() })
    }
}

impl<F: Source> Accumulator for Recounting<F> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.rows.push_back(ArrayRef::clone(&values[0]));
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        // Rows leave in the order in which they came.
        let mut leaving = values[0].len();
        while leaving > 0 {
            let Some(first) = self.rows.pop_front() else {
                return internal_err!("more rows leave the frame than came");
            };
            if first.len() > leaving {
                self.rows.push_front(first.slice(leaving, first.len() - leaving));
            }
            leaving -= leaving.min(first.len());
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        no_states()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        no_states()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut counted = SingleGroup::boxed(Groups::new(self.source.clone()));
        for rows in &self.rows {
            counted.update_batch(std::slice::from_ref(rows))?;
        }
        counted.evaluate()
    }

    fn size(&self) -> usize {
        size_of_val(self)
            + self.rows.iter().map(|rows| rows.to_data().get_slice_memory_size().unwrap_or(0)).sum::<usize>()
    }
}

/// A frame lies within one partition: nothing is merged.
fn no_states<T>() -> Result<T> {
    internal_err!("a window frame has no state")
}

impl<F: Source> fmt::Debug for Subtracting<F> {
    // State is never printed: it may hold values of one person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Subtracting")
    }
}

impl<F> fmt::Debug for Recounting<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recounting")
    }
}
