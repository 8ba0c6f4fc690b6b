//! What may be shown? This is the only place where a value leaves a state.
//!
//! Release finishes the aggregation over the merged state, keeps the groups of closed windows, drops
//! every group below the threshold, and only then runs what the query says above its aggregation
//! (`HAVING`, the `SELECT` list). A withheld group is absent from the rows and counted for the operator.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch, UInt64Array};
use datafusion::arrow::compute::{concat_batches, filter_record_batch, prep_null_mask_filter, take_record_batch};
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::{ExecutionPlan, collect};

use crate::cut::{Cut, find, replace};
use crate::error::{Error, Result};
use crate::node::ReleaseExec;
use crate::state::PartialState;

const DAY_US: i64 = 86_400_000_000;

/// The event day, counted from 1970-01-01 UTC, in which an instant lies.
pub(crate) fn day_of(instant_us: i64) -> i32 {
    // i64 microseconds span about 214 million days.
    i32::try_from(instant_us.div_euclid(DAY_US)).unwrap_or(i32::MAX)
}

/// Which windows are to be shown: closed ones, of certain days.
///
/// A window is closed when its end is not after `watermark_us`, or when the input had ended at an
/// event time not before its start (`sealed_us`). A query without windows is always shown whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Panes {
    /// No earlier event is expected.
    pub watermark_us: Option<i64>,
    /// The latest event time when the input was last declared ended.
    pub sealed_us: Option<i64>,
    /// The event days wanted, counted from 1970-01-01; all when absent.
    pub days: Option<BTreeSet<i32>>,
}

impl Panes {
    /// True when a window of `size_us` that starts at `start_us` is to be shown.
    pub fn contains(&self, start_us: i64, size_us: i64) -> bool {
        let passed = self.watermark_us.is_some_and(|watermark| start_us.saturating_add(size_us) <= watermark);
        let sealed = self.sealed_us.is_some_and(|sealed| start_us <= sealed);
        let wanted = self.days.as_ref().is_none_or(|days| days.contains(&day_of(start_us)));
        (passed || sealed) && wanted
    }
}

/// What a release shows, and how many groups it withheld.
#[derive(Debug, Clone)]
pub struct Released {
    /// The rows of the query, in no order.
    pub rows: RecordBatch,
    /// Groups below the threshold. For the operator only: never part of released data.
    pub withheld: u64,
}

impl Released {
    /// The rows in ascending order of `columns`, nulls first. Name enough columns that no two rows
    /// are equal in them: ties lie in no order.
    ///
    /// # Errors
    /// When a column has no order.
    pub fn sorted_by(&self, columns: &[usize]) -> Result<RecordBatch> {
        if columns.is_empty() || self.rows.num_rows() < 2 {
            return Ok(self.rows.clone());
        }
        let keys = columns.iter().map(|&column| Arc::clone(self.rows.column(column))).collect::<Vec<_>>();
        let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
        let rows = RowConverter::new(fields)?.convert_columns(&keys)?;
        let mut order = (0..self.rows.num_rows() as u64).collect::<Vec<_>>();
        order.sort_unstable_by(|&left, &right| rows.row(left as usize).cmp(&rows.row(right as usize)));
        Ok(take_record_batch(&self.rows, &UInt64Array::from(order))?)
    }
}

impl Cut {
    /// Finishes the merged `states` and shows the groups of `panes` that pass the threshold.
    ///
    /// # Guarantee
    /// No group of fewer units and no window that is still open is shown, by whatever path its state
    /// came. Held by `tests/it/laws.rs`.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`](crate::Error::FingerprintMismatch) when a state comes from another
    /// plan, [`Error::Overflow`](crate::Error::Overflow) when a total does not fit its type.
    pub async fn release(&self, states: Vec<PartialState>, panes: &Panes) -> Result<Released> {
        let states = states.into_iter().map(|state| self.only(state, panes)).collect::<Result<Vec<_>>>()?;
        let finished = self.over_state(AggregateMode::Final, &states)?;
        let is_aggregation = |node: &Arc<dyn ExecutionPlan>| node.downcast_ref::<AggregateExec>().is_some();
        let groups = replace(Arc::clone(&self.below), is_aggregation, &finished)?;
        let schema = groups.schema();
        let groups = collect(groups, Arc::clone(&self.context)).await.map_err(Error::of_execution)?;
        let groups = concat_batches(&schema, &groups)?;
        let (shown, withheld) = match self.threshold {
            Some(_) => keep_passing(&groups)?,
            None => (groups, 0),
        };
        let source = MemorySourceConfig::try_new_exec(&[vec![shown]], schema, None)?;
        let rows = self.run_above(source).await?;
        Ok(Released { rows, withheld })
    }

    /// The part of `state` that belongs to `panes`.
    fn only(&self, mut state: PartialState, panes: &Panes) -> Result<PartialState> {
        self.check(&state)?;
        let Some((position, size)) = self.window else {
            return Ok(state);
        };
        for batch in &mut state.batches {
            let starts = batch.column(position).as_primitive::<TimestampMicrosecondType>();
            let wanted = starts.iter().map(|start| Some(start.is_some_and(|start| panes.contains(start, size))));
            *batch = filter_record_batch(batch, &wanted.collect::<BooleanArray>())?;
        }
        Ok(state)
    }

    /// Runs the part of the query above the release barrier over finished groups.
    async fn run_above(&self, groups: Arc<dyn ExecutionPlan>) -> Result<RecordBatch> {
        let is_barrier = |node: &Arc<dyn ExecutionPlan>| node.downcast_ref::<ReleaseExec>().is_some();
        debug_assert_eq!(find(&self.above, is_barrier)?.len(), 1);
        let plan = replace(Arc::clone(&self.above), is_barrier, &groups)?;
        let schema = plan.schema();
        let rows = collect(plan, Arc::clone(&self.context)).await.map_err(Error::of_execution)?;
        Ok(concat_batches(&schema, &rows)?)
    }
}

/// Keeps the groups whose last column, the threshold's answer, is true; counts the others.
fn keep_passing(groups: &RecordBatch) -> Result<(RecordBatch, u64)> {
    let answers = groups.column(groups.num_columns() - 1).as_boolean();
    let answers = if answers.null_count() > 0 { prep_null_mask_filter(answers) } else { answers.clone() };
    let withheld = groups.num_rows() - answers.true_count();
    Ok((filter_record_batch(groups, &answers)?, withheld as u64))
}
