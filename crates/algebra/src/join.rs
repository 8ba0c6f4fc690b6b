//! How do rows of two streams meet? They wait, each with what the query needs of it, until time has passed them both.
//!
//! ```text
//! a ─ Filter, Projection ─ rows of a wait ┐
//!                                         ├ join, once per row of the leading stream ─ as below any cut
//! b ─ Filter, Projection ─ rows of b wait ┘
//! ```
//!
//! A [`Side`] makes waiting rows of a micro-batch; [`Cut::joined`] lets them meet. When they do, and how long they are
//! kept, is the caller's business.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{DataType, Schema, TimeUnit, TimestampMicrosecondType};
use datafusion::common::JoinSide;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_plan::execution_plan::reset_plan_states;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, PhysicalExpr, ReplaceChildrenOptions};

use crate::Fingerprint;
use crate::cut::{Below, Cut, find, row_schema, with_input};
use crate::error::{Error, Result};
use crate::partial::Partial;
use crate::side::{Covers, Side};
use crate::state::{PartialState, StateLayout};
use crate::template::{is_template, only_stream};

/// What came of rows that met.
#[derive(Debug)]
pub struct Joined {
    /// Rows of the leading side, each of which met its partners.
    pub leading_rows: u64,
    /// The state that their pairs make; where groups are noised, totals of units that wait.
    pub partial: Partial,
}

/// Waiting rows that are to meet others.
pub struct Waiting<'a> {
    /// Whose they are.
    pub side: &'a Side,
    /// All that wait, or those of one part.
    pub states: Vec<PartialState>,
    /// Only rows of these event times meet.
    pub times_us: Range<i64>,
}

impl Cut {
    /// Joins waiting rows, the leading side first, and aggregates what comes of it.
    ///
    /// # Guarantee
    /// Parts of the waiting rows that are divided alike give together what the whole gives. Held by the random
    /// schedules of the testkit.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`] when another plan made the states.
    pub async fn joined(&self, waiting: [Waiting<'_>; 2]) -> Result<Joined> {
        let (mut sources, mut counts) = (Vec::new(), Vec::new());
        for Waiting { side, states, times_us } in waiting {
            let schema = side.plan.schema();
            let batches = side.layout.rows_of(&states, &schema)?;
            let Covers::Instants(time) = side.covers else { return Err(Error::NoInterval) };
            let batches = batches.iter().map(|batch| within(batch, time, &times_us)).collect::<Result<Vec<_>>>()?;
            counts.push(batches.iter().map(RecordBatch::num_rows).sum::<usize>() as u64);
            sources.push((side.stream.clone(), MemorySourceConfig::try_new_exec(&[batches], schema, None)?));
        }
        let source_for = |child: &Arc<dyn ExecutionPlan>| -> Result<Arc<dyn ExecutionPlan>> {
            let stream = only_stream(child)?;
            let source = sources.iter().find(|(name, _)| *name == stream);
            source.map(|(_, source)| Arc::clone(source) as _).ok_or(Error::NotOneAggregate { found: 0 })
        };
        let input = Arc::clone(self.below.row_wise()).transform_down(|node| {
            if !is_meeting(&node)? {
                return Ok(Transformed::no(node));
            }
            let children = node.children().into_iter().map(source_for).collect::<Result<Vec<_>>>()?;
            let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
            let met = node.replace_children(children, options)?;
            Ok(Transformed::new(met, true, TreeNodeRecursion::Jump))
        });
        let leading_rows = counts.first().copied().unwrap_or_default();
        let input = reset_plan_states(input.data()?)?;
        let partial = match (&self.below, self.units()) {
            // What comes of it waits again, until its windows are noised.
            (Below::Private { partial, .. }, Some(units)) => {
                units.kept(with_input(Arc::clone(partial) as _, input)?, leading_rows).await?
            }
            _ => self.aggregated(input, leading_rows).await?,
        };
        Ok(Joined { leading_rows, partial })
    }
}

/// The rows of `batch` whose instant in column `time` lies in the range.
fn within(batch: &RecordBatch, time: usize, times_us: &Range<i64>) -> Result<RecordBatch> {
    let times = batch.column(time).as_primitive::<TimestampMicrosecondType>();
    let wanted = times.iter().map(|time| Some(time.is_some_and(|time| times_us.contains(&time))));
    Ok(filter_record_batch(batch, &wanted.collect::<BooleanArray>())?)
}

/// True for the join of two streams: both inputs have a template.
fn is_meeting(node: &Arc<dyn ExecutionPlan>) -> Result<bool> {
    let Some(join) = node.downcast_ref::<HashJoinExec>() else { return Ok(false) };
    Ok(!find(join.left(), is_template)?.is_empty() && !find(join.right(), is_template)?.is_empty())
}

/// The sides of the one join of two streams in `plan`; none when it reads one stream.
pub(crate) fn sides(
    plan: &Arc<dyn ExecutionPlan>,
    fingerprint: &Fingerprint,
    context: &Arc<TaskContext>,
) -> Result<Vec<Side>> {
    let mut meeting = None;
    plan.apply(|node| {
        if is_meeting(node)? {
            meeting = Some(Arc::clone(node));
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    let Some(join) = meeting.as_ref().and_then(|node| node.downcast_ref::<HashJoinExec>()) else {
        return Ok(Vec::new());
    };
    let (left, right) = (join.left().schema(), join.right().schema());
    let left_keys = join.on().iter().map(|(left, _)| position(left)).collect::<Option<Vec<_>>>();
    let right_keys = join.on().iter().map(|(_, right)| position(right)).collect::<Option<Vec<_>>>();
    // Equal values hash alike only where their types are the same.
    let is_alike = |(&l, &r): (&usize, &usize)| left.field(l).data_type() == right.field(r).data_type();
    let (left_keys, right_keys) = match (left_keys, right_keys) {
        (Some(l), Some(r)) if l.iter().zip(&r).all(is_alike) => (l, r),
        _ => (Vec::new(), Vec::new()),
    };
    let side = |plan: &Arc<dyn ExecutionPlan>, keys: Vec<usize>, side: JoinSide| {
        let stream = only_stream(plan)?;
        let layout = StateLayout {
            fingerprint: fingerprint.over(&format!("rows of {stream} that wait")),
            schema: row_schema(&plan.schema()),
            divided_by: keys,
        };
        let covers = Covers::Instants(event_time(join, side, &plan.schema())?);
        Ok::<_, Error>(Side { stream, plan: Arc::clone(plan), layout, covers, context: Arc::clone(context) })
    };
    Ok(vec![side(join.left(), left_keys, JoinSide::Left)?, side(join.right(), right_keys, JoinSide::Right)?])
}

fn position(key: &Arc<dyn PhysicalExpr>) -> Option<usize> {
    key.downcast_ref::<Column>().map(Column::index)
}

/// The one instant of a side that the join compares with the other's.
fn event_time(join: &HashJoinExec, side: JoinSide, schema: &Schema) -> Result<usize> {
    let compared = join.filter().map(|filter| filter.column_indices()).unwrap_or_default();
    let mut compared = compared.iter().filter(|column| column.side == side).map(|column| column.index);
    let time = compared.next().filter(|&time| compared.all(|other| other == time)).ok_or(Error::NoInterval)?;
    match schema.field(time).data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(time),
        _ => Err(Error::NoInterval),
    }
}
