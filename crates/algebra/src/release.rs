//! What may be shown? This is the only place where a value leaves a state.
//!
//! Release finishes the aggregation over the merged state, keeps the groups of closed windows, drops
//! every group below the threshold, and only then runs what the query says above its aggregation
//! (`HAVING`, the `SELECT` list). A withheld group is absent from the rows and counted for the operator.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt64Array};
use datafusion::arrow::compute::{concat_batches, filter_record_batch, prep_null_mask_filter, take, take_record_batch};
use datafusion::arrow::datatypes::{DataType, SchemaRef, TimeUnit, TimestampMicrosecondType};
use datafusion::arrow::row::{RowConverter, Rows, SortField};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::{ExecutionPlan, collect};

use serde::{Deserialize, Serialize};

use crate::Windows;
use crate::cut::{Below, Cut, find, replace};
use crate::error::{Error, Result};
use crate::node::ReleaseExec;
use crate::state::PartialState;
use crate::windows::utc_day;

/// How far the windows of a stream are closed.
///
/// A window is closed when its end is not after `watermark_us`, or when the input had ended at an
/// event time not before its start (`sealed_us`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// No earlier event is expected.
    pub watermark_us: Option<i64>,
    /// The latest event time when the input was last declared ended.
    pub sealed_us: Option<i64>,
}

impl Closed {
    /// True when the window from `start_us` to `end_us` is closed.
    pub fn contains(&self, start_us: i64, end_us: i64) -> bool {
        let passed = self.watermark_us.is_some_and(|watermark| end_us <= watermark);
        passed || self.sealed_us.is_some_and(|sealed| start_us <= sealed)
    }
}

/// Which windows are to be shown: closed ones, of certain days. A query without windows is always shown whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Panes {
    /// Which windows are closed.
    pub closed: Closed,
    /// For how long a closed window takes late rows.
    pub lateness_us: i64,
    /// A closed window takes none back, whatever later windows it overlaps.
    pub stands: bool,
    /// The days wanted, as [`Windows::day_of`](crate::Windows::day_of) counts them; all when absent.
    pub days: Option<BTreeSet<i32>>,
}

impl Panes {
    /// True when nothing can change the window any more.
    pub fn is_final(&self, windows: &Windows, start_us: i64, end_us: i64) -> bool {
        if self.stands {
            return self.closed.contains(start_us, end_us);
        }
        let settled = |watermark: i64| windows.settles_us(start_us, end_us, self.lateness_us) <= watermark;
        let sealed = self.closed.sealed_us.is_some_and(|sealed| start_us <= sealed);
        sealed || self.closed.watermark_us.is_some_and(settled)
    }

    /// True when windows that are filed under `day` are wanted.
    pub(crate) fn wants(&self, day: i32) -> bool {
        self.days.as_ref().is_none_or(|days| days.contains(&day))
    }
}

/// What a release shows, and how many groups it withheld.
#[derive(Debug, Clone)]
pub struct Released {
    /// The rows of the query, in no order.
    pub rows: RecordBatch,
    /// Groups below the threshold. For the operator only: never part of released data.
    pub withheld: u64,
    /// Groups that were finished, the withheld ones included.
    pub groups: u64,
    /// Per day, the first watermark at which its rows change by themselves: an open window closes, or a
    /// shown one settles. Days of which nothing is pending are absent.
    pub pending: BTreeMap<i32, i64>,
}

impl Released {
    /// What the parts of a state show together; `schema` is that of their rows.
    ///
    /// # Errors
    /// When a part has other columns.
    pub fn together(schema: &SchemaRef, parts: Vec<Self>) -> Result<Self> {
        let rows = concat_batches(schema, parts.iter().map(|part| &part.rows))?;
        let mut all = Self { rows, withheld: 0, groups: 0, pending: BTreeMap::new() };
        for part in parts {
            all.withheld += part.withheld;
            all.groups += part.groups;
            for (day, next) in part.pending {
                all.pending.entry(day).and_modify(|first| *first = next.min(*first)).or_insert(next);
            }
        }
        Ok(all)
    }

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
        let order = match keys.split_first() {
            Some((first, others)) if is_instant(first) => by_instant(first, others)?,
            _ => in_order(&keys, (0..self.rows.num_rows() as u64).collect())?,
        };
        Ok(take_record_batch(&self.rows, &UInt64Array::from(order))?)
    }
}

fn is_instant(column: &ArrayRef) -> bool {
    matches!(column.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _))
}

/// The order of rows by instant, and by `others` among equal ones. What is large is compared within ties only.
fn by_instant(instants: &ArrayRef, others: &[ArrayRef]) -> Result<Vec<u64>> {
    let instants = instants.as_primitive::<TimestampMicrosecondType>();
    let mut rows = instants.iter().zip(0_u64..).collect::<Vec<_>>();
    rows.sort_unstable();
    let ties = rows.chunk_by(|left, right| left.0 == right.0).map(<[_]>::len).collect::<Vec<_>>();
    let mut order = rows.into_iter().map(|(_, row)| row).collect::<Vec<_>>();
    if others.is_empty() || ties.iter().all(|&length| length == 1) {
        return Ok(order);
    }
    let mut from = 0;
    let mut tied = Vec::new();
    for &length in &ties {
        if length > 1 {
            tied.push(from..from + length);
        }
        from += length;
    }
    let in_ties = tied.iter().flat_map(|range| order[range.clone()].iter().copied()).collect();
    let compared = Compared::of(others, in_ties)?;
    let mut from = 0;
    for range in tied {
        let to = from + range.len();
        order[range].copy_from_slice(&compared.sorted(from..to));
        from = to;
    }
    Ok(order)
}

/// `rows` in ascending order of `keys`.
fn in_order(keys: &[ArrayRef], rows: Vec<u64>) -> Result<Vec<u64>> {
    let all = 0..rows.len();
    Ok(Compared::of(keys, rows)?.sorted(all))
}

/// Some rows and the bytes by which they are compared.
struct Compared {
    rows: UInt64Array,
    bytes: Rows,
}

impl Compared {
    fn of(keys: &[ArrayRef], rows: Vec<u64>) -> Result<Self> {
        let rows = UInt64Array::from(rows);
        let keys = keys.iter().map(|key| take(key, &rows, None)).collect::<Result<Vec<_>, _>>()?;
        let fields = keys.iter().map(|key| SortField::new(key.data_type().clone())).collect();
        let bytes = RowConverter::new(fields)?.convert_columns(&keys)?;
        Ok(Self { rows, bytes })
    }

    /// Those at `range`, in ascending order.
    fn sorted(&self, range: Range<usize>) -> Vec<u64> {
        let mut order = range.collect::<Vec<_>>();
        order.sort_unstable_by(|&left, &right| self.bytes.row(left).cmp(&self.bytes.row(right)));
        order.into_iter().map(|place| self.rows.value(place)).collect()
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
        let (partial, finish) = match &self.below {
            Below::Groups { partial, finish } => (partial, finish),
            Below::Rows { filed_by, .. } => return self.release_rows(&states, panes, *filed_by),
            Below::Private { spec, .. } => return self.release_noised(states, spec, panes).await,
        };
        let (states, pending) = self.shown(states, panes)?;
        let states = self.carried(states)?;
        let finished = self.over_state(partial, AggregateMode::Final, &states)?;
        let is_aggregation = |node: &Arc<dyn ExecutionPlan>| node.downcast_ref::<AggregateExec>().is_some();
        let groups = replace(Arc::clone(finish), is_aggregation, &finished)?;
        let schema = groups.schema();
        let groups = collect(groups, Arc::clone(&self.context)).await.map_err(Error::of_execution)?;
        let groups = concat_batches(&schema, &groups)?;
        let count = groups.num_rows() as u64;
        let (shown, withheld) = match self.threshold {
            Some(_) => keep_passing(&groups)?,
            None => (groups, 0),
        };
        let source = MemorySourceConfig::try_new_exec(&[vec![shown]], schema, None)?;
        let rows = self.run_above(source).await?;
        Ok(Released { rows, withheld, groups: count, pending })
    }

    /// The rows of the wanted days, as they are. Nothing of them is pending.
    fn release_rows(&self, states: &[PartialState], panes: &Panes, filed_by: Option<usize>) -> Result<Released> {
        let schema = self.output_schema();
        let mut batches = self.layout.rows_of(states, &schema)?;
        if let Some(filed_by) = filed_by {
            for batch in &mut batches {
                let instants = batch.column(filed_by).as_primitive::<TimestampMicrosecondType>();
                let wanted = |instant: Option<i64>| instant.is_some_and(|instant| panes.wants(utc_day(instant)));
                let wanted = instants.iter().map(wanted).collect::<Vec<_>>();
                *batch = filter_record_batch(batch, &BooleanArray::from(wanted))?;
            }
        }
        Ok(Released { rows: concat_batches(&schema, &batches)?, withheld: 0, groups: 0, pending: BTreeMap::new() })
    }

    /// Runs the part of the query above the release barrier over finished groups.
    pub(crate) async fn run_above(&self, groups: Arc<dyn ExecutionPlan>) -> Result<RecordBatch> {
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
