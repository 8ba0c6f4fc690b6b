//! What waits of a stream? Rows that are to meet those of another, or the totals of units that are to be noised.
//!
//! What waits is state: like any other it can be stored, divided and read back, and not be looked into. It is divided such
//! that what must come together lies in the same part: rows by the columns of their join, totals by their unit.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use datafusion::execution::TaskContext;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::{ExecutionPlan, collect};

use crate::Fingerprint;
use crate::cut::{Below, Cut, WindowKey};
use crate::error::{Error, Result};
use crate::partial::{Partial, days_of, fed, intervals, panes_of, rows_after_filters};
use crate::state::{PartialState, StateLayout};
use crate::template::only_stream;
use crate::windows::utc_day;

/// A stream up to where something of it waits.
#[derive(Debug)]
pub struct Side {
    pub(crate) stream: String,
    pub(crate) plan: Arc<dyn ExecutionPlan>,
    pub(crate) layout: StateLayout,
    pub(crate) covers: Covers,
    pub(crate) context: Arc<TaskContext>,
}

/// Which time is covered by what waits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Covers {
    /// From the first to the last instant in a column.
    Instants(usize),
    /// The panes of windows.
    Panes(WindowKey),
    /// All of it.
    Everything,
}

impl Side {
    /// The stream; empty where it is two that were joined.
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// How that which waits is stored.
    pub fn layout(&self) -> &StateLayout {
        &self.layout
    }

    /// Makes of the rows of a micro-batch what waits. `covered` spans their event times.
    ///
    /// # Errors
    /// As [`Cut::partial`].
    pub async fn partial(&self, schema: &SchemaRef, partitions: &[Vec<RecordBatch>]) -> Result<Partial> {
        let rows = partitions.iter().flatten().map(RecordBatch::num_rows).sum::<usize>() as u64;
        self.kept(fed(&self.plan, schema, partitions)?, rows).await
    }

    /// What waits of what `input` gives, which is the side's own plan over as many `rows`.
    pub(crate) async fn kept(&self, input: Arc<dyn ExecutionPlan>, rows: u64) -> Result<Partial> {
        let batches = collect(Arc::clone(&input), Arc::clone(&self.context)).await.map_err(Error::of_execution)?;
        let schema = &self.layout.schema;
        let batches = batches.into_iter().filter(|batch| batch.num_rows() > 0);
        let batches = batches.map(|batch| Ok(RecordBatch::try_new(Arc::clone(schema), batch.columns().to_vec())?));
        let state = self.layout.state_of(batches.collect::<Result<Vec<_>>>()?);
        let (days, covered) = self.covered(&state);
        Ok(Partial { rows_aggregated: rows_after_filters(&input, rows)?, days, covered, state })
    }

    fn covered(&self, state: &PartialState) -> (BTreeSet<i32>, Vec<(i64, i64)>) {
        match self.covers {
            Covers::Instants(column) => {
                let columns = state.batches.iter().map(|batch| batch.column(column));
                let instants = columns.flat_map(|column| column.as_primitive::<TimestampMicrosecondType>().iter());
                let span = instants.flatten().map(|instant| (instant, instant));
                let span = span.reduce(|(first, last), (instant, _)| (first.min(instant), last.max(instant)));
                let days = span.iter().flat_map(|&(first, last)| utc_day(first)..=utc_day(last)).collect();
                (days, span.iter().map(|&(first, last)| (first, last.saturating_add(1))).collect())
            }
            Covers::Panes(key) => {
                let panes = panes_of(state, key);
                (days_of(&panes, key), intervals(&panes))
            }
            Covers::Everything => (BTreeSet::new(), Vec::new()),
        }
    }

    /// What waits of a query whose groups are noised: the totals of each unit, by `partial`.
    pub(crate) fn of_units(
        partial: &Arc<AggregateExec>,
        schema: SchemaRef,
        windows: Option<WindowKey>,
        fingerprint: &Fingerprint,
        context: &Arc<TaskContext>,
    ) -> Result<Self> {
        let unit = partial.group_expr().expr().len() - 1;
        let fingerprint = fingerprint.over("totals of units that wait");
        Ok(Self {
            stream: only_stream(partial.input()).unwrap_or_default(),
            plan: Arc::clone(partial) as _,
            layout: StateLayout { fingerprint, schema, divided_by: vec![unit] },
            covers: windows.map_or(Covers::Everything, Covers::Panes),
            context: Arc::clone(context),
        })
    }

    /// The same over rows that are read as `reading` says.
    pub(crate) fn over(mut self, reading: &str) -> Self {
        self.layout.fingerprint = self.layout.fingerprint.over(reading);
        self
    }
}

impl Cut {
    /// What waits of `stream`, where two streams are joined or groups are noised.
    pub fn side(&self, stream: &str) -> Option<&Side> {
        self.sides.iter().find(|side| side.stream == stream)
    }

    /// The totals of units that wait to be noised.
    pub fn units(&self) -> Option<&Side> {
        matches!(self.below, Below::Private { .. }).then(|| self.sides.last()).flatten()
    }
}
