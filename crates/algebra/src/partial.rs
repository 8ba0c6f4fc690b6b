//! What do the rows of one micro-batch add to a signal's state?

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::unnest::UnnestExec;
use datafusion::physical_plan::{ExecutionPlan, collect_partitioned};

use crate::cut::{Below, Cut, WindowKey, find, replace, with_input};
use crate::error::{Error, Result};
use crate::sessions::rows_in_sessions;
use crate::state::PartialState;
use crate::template::is_template;
use crate::windows::utc_day;

/// The state of one micro-batch and what can be said about it without looking inside.
#[derive(Debug)]
pub struct Partial {
    /// The mergeable state.
    pub state: PartialState,
    /// Rows that passed the query's filters.
    pub rows_aggregated: u64,
    /// Days, counted from 1970-01-01, under which its windows or rows are filed; none for a query without either.
    pub days: BTreeSet<i32>,
    /// The time its panes cover, start and end: ascending, none touching the next.
    pub covered: Vec<(i64, i64)>,
}

impl Cut {
    /// Aggregates the rows of one micro-batch, on as many threads as `partitions` has members.
    ///
    /// # Guarantee
    /// `partial(a ++ b)` releases as `merge(partial(a), partial(b))` does. Held by `tests/it/laws.rs`.
    ///
    /// # Errors
    /// [`Error::BatchSchema`] when the batches lack a column that the query reads.
    pub async fn partial(&self, schema: &SchemaRef, partitions: &[Vec<RecordBatch>]) -> Result<Partial> {
        let rows = partitions.iter().flatten().map(RecordBatch::num_rows).sum::<usize>() as u64;
        self.aggregated(fed(self.below.row_wise(), schema, partitions)?, rows).await
    }

    /// Makes state of `input`, what stands below the aggregation over as many `rows`.
    pub(crate) async fn aggregated(&self, input: Arc<dyn ExecutionPlan>, rows: u64) -> Result<Partial> {
        let plan = match (&self.below, self.windows) {
            (Below::Rows { .. } | Below::Private { .. }, _) => Arc::clone(&input),
            (Below::Groups { partial, .. }, Some(WindowKey { start, end: Some(end), .. })) => {
                let rows = self.in_sessions(partial, &input, start, end).await?;
                with_input(Arc::clone(partial) as _, rows)?
            }
            (Below::Groups { partial, .. }, _) => with_input(Arc::clone(partial) as _, Arc::clone(&input))?,
        };
        let state = self.collect_state(plan).await?;
        let panes = self.windows.map(|key| panes_of(&state, key)).unwrap_or_default();
        Ok(Partial {
            rows_aggregated: rows_after_filters(&input, rows)?,
            days: self.days(&state, &panes),
            covered: intervals(&panes),
            state,
        })
    }

    /// The days under which the windows or the rows of a state are filed.
    fn days(&self, state: &PartialState, panes: &[(i64, i64)]) -> BTreeSet<i32> {
        match (&self.below, self.windows) {
            (_, Some(key)) => days_of(panes, key),
            (Below::Rows { filed_by: Some(filed_by), .. }, _) => {
                let columns = state.batches.iter().map(|batch| batch.column(*filed_by));
                let instants = columns.flat_map(|column| column.as_primitive::<TimestampMicrosecondType>().iter());
                instants.flatten().map(utc_day).collect()
            }
            _ => BTreeSet::new(),
        }
    }

    /// The rows of `input`, each in its session. Whose events follow each other shows only in all of them.
    async fn in_sessions(
        &self,
        partial: &AggregateExec,
        input: &Arc<dyn ExecutionPlan>,
        start: usize,
        end: usize,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let rows = collect_partitioned(Arc::clone(input), Arc::clone(&self.context)).await;
        let rows = rows_in_sessions(partial, start, end, rows.map_err(Error::of_execution)?)?;
        Ok(MemorySourceConfig::try_new_exec(&rows, input.schema(), None)?)
    }
}

/// The panes of a state, start and end, in ascending order.
pub(crate) fn panes_of(state: &PartialState, WindowKey { start, end, windows }: WindowKey) -> Vec<(i64, i64)> {
    let mut panes = Vec::new();
    for batch in &state.batches {
        let starts = batch.column(start).as_primitive::<TimestampMicrosecondType>().iter().flatten();
        match end {
            Some(end) => {
                let ends = batch.column(end).as_primitive::<TimestampMicrosecondType>().iter().flatten();
                panes.extend(starts.zip(ends));
            }
            None => {
                let starts = starts.collect::<BTreeSet<_>>();
                panes.extend(starts.into_iter().map(|start| (start, windows.pane_end(start))));
            }
        }
    }
    panes.sort_unstable();
    panes.dedup();
    panes
}

/// The days under which the windows of `panes` are filed.
pub(crate) fn days_of(panes: &[(i64, i64)], WindowKey { windows, .. }: WindowKey) -> BTreeSet<i32> {
    panes.iter().flat_map(|&(start, end)| windows.days_of_pane(start, end)).collect()
}

/// `plan` over the rows of one micro-batch, ready to run.
pub(crate) fn fed(
    plan: &Arc<dyn ExecutionPlan>,
    schema: &SchemaRef,
    partitions: &[Vec<RecordBatch>],
) -> Result<Arc<dyn ExecutionPlan>> {
    // A plan that sorts its input for an ordered aggregate needs it in one piece.
    let sorts = !find(plan, |node| node.downcast_ref::<SortExec>().is_some())?.is_empty();
    let source = if sorts {
        let whole = partitions.iter().flatten().cloned().collect::<Vec<_>>();
        source(plan, schema, &[whole])?
    } else {
        source(plan, schema, partitions)?
    };
    // A join that ran before keeps what it counted.
    Ok(reset_plan_states(replace(Arc::clone(plan), is_template, &source)?)?)
}

/// The micro-batch in the shape of the template source, checked: a leaf that differs would show up as a panic inside a
/// kernel.
fn source(
    plan: &Arc<dyn ExecutionPlan>,
    schema: &SchemaRef,
    partitions: &[Vec<RecordBatch>],
) -> Result<Arc<dyn ExecutionPlan>> {
    let leaves = find(plan, is_template)?;
    let [template] = leaves.as_slice() else {
        return Err(Error::NotOneAggregate { found: leaves.len() });
    };
    let projection = template
        .schema()
        .fields()
        .iter()
        .map(|field| match schema.column_with_name(field.name()) {
            Some((position, found)) if found.data_type() == field.data_type() => Ok(position),
            _ => Err(Error::BatchSchema { column: field.name().clone(), expected: field.data_type().clone() }),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(MemorySourceConfig::try_new_exec(partitions, Arc::clone(schema), Some(projection))?)
}

/// Ascending intervals, those that touch made one.
pub(crate) fn intervals(intervals: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for &(start, end) in intervals {
        match joined.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((start, end)),
        }
    }
    joined
}

/// How many of `rows` came through the filters of an executed input, and found their partners.
///
/// The topmost filter or join knows; without one every row was aggregated. Rows that an unnest multiplied
/// are counted once, as what is topmost below it saw them.
pub(crate) fn rows_after_filters(input: &Arc<dyn ExecutionPlan>, rows: u64) -> Result<u64> {
    let unnests = find(input, |node| node.downcast_ref::<UnnestExec>().is_some())?;
    // Above an unnest rows are counted as often as it multiplied them.
    let single = unnests.last().map_or(input, |unnest| unnest.children()[0]);
    let is_filter = |node: &Arc<dyn ExecutionPlan>| {
        node.downcast_ref::<FilterExec>().is_some() || node.downcast_ref::<HashJoinExec>().is_some()
    };
    let filters = find(single, is_filter)?;
    let passed = filters.first().and_then(|filter| filter.metrics()?.output_rows());
    Ok(passed.map_or(rows, |passed| passed as u64))
}
