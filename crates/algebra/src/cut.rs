//! How is one query divided into the part that makes state and the part that shows it?
//!
//! ```text
//! Projection, HAVING ...      above: runs at release, over finished groups
//! ReleaseExec                 the cut
//! AggregateExec               partial below, final above; between them lives the state
//! Filter, Projection ...      below: runs per micro-batch
//! source                      replaced by the rows of each micro-batch
//! ```
//!
//! A query without an aggregation stands below the cut as a whole: its state are its rows.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::{ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions, collect, displayable};
use datafusion::prelude::SessionContext;

use crate::checked::check_arithmetic;
use crate::codec::FORMAT;
use crate::error::{Error, Result};
use crate::join::sides;
use crate::lenient::null_on_error;
use crate::node::{Private, Release, ReleaseExec, Rows};
use crate::private::{NOISED_FORMAT, PrivateSpec, noised_schema};
use crate::side::Side;
use crate::state::StateLayout;
use crate::tables::{table_hashes, with_tables_held};
use crate::template::stream_of;
use crate::{Fingerprint, PartialState, Windows};

/// One column of a signal's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateColumn {
    /// Its name in state files.
    pub name: String,
    /// What it stands for in the query.
    pub meaning: String,
    /// Its type.
    pub data_type: DataType,
}

/// What stands below the release barrier, over the template source.
#[derive(Debug)]
pub(crate) enum Below {
    /// Groups: the aggregation in mode `Partial`, and all that stands between the barrier and the source.
    Groups {
        /// Makes the state of a micro-batch.
        partial: Arc<AggregateExec>,
        /// The aggregation, to be replaced by a finished one, and what the planner put above it.
        finish: Arc<dyn ExecutionPlan>,
    },
    /// Groups that are noised: what is kept is the totals of each unit.
    Private {
        /// Makes the totals of a micro-batch.
        partial: Arc<AggregateExec>,
        /// How they are bounded and noised.
        spec: Arc<PrivateSpec>,
        /// The panes of the windows, as windows of their own: each is noised once.
        panes: Option<WindowKey>,
    },
    /// Rows as they are.
    Rows {
        /// Makes the rows of a micro-batch.
        plan: Arc<dyn ExecutionPlan>,
        /// The position of the instant by whose days rows are filed.
        filed_by: Option<usize>,
    },
}

impl Below {
    /// What runs over rows, one by one.
    pub(crate) fn row_wise(&self) -> &Arc<dyn ExecutionPlan> {
        match self {
            Self::Groups { partial, .. } | Self::Private { partial, .. } => partial.input(),
            Self::Rows { plan, .. } => plan,
        }
    }

    /// What makes the state.
    fn state(&self) -> Arc<dyn ExecutionPlan> {
        match self {
            Self::Groups { partial, .. } | Self::Private { partial, .. } => Arc::clone(partial) as _,
            Self::Rows { plan, .. } => Arc::clone(plan),
        }
    }
}

/// Where the windows stand among the columns of a state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WindowKey {
    /// The position of `window_start`.
    pub(crate) start: usize,
    /// The position of `window_end`: only sessions are kept by it.
    pub(crate) end: Option<usize>,
    pub(crate) windows: Windows,
}

/// How many units stand behind a group that is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cohort {
    pub(crate) k: u32,
    /// A group of fewer is counted in its next window.
    pub(crate) carries: bool,
}

/// A query cut at its one aggregation, or above its rows: the recipe for partial, merge and release.
#[derive(Debug)]
pub struct Cut {
    pub(crate) layout: StateLayout,
    /// The whole plan; what stands above [`ReleaseExec`] runs at release.
    pub(crate) above: Arc<dyn ExecutionPlan>,
    pub(crate) below: Below,
    /// What waits: rows of the two streams that it joins, and last the totals of units that are to be noised.
    pub(crate) sides: Vec<Side>,
    pub(crate) threshold: Option<Cohort>,
    pub(crate) windows: Option<WindowKey>,
    pub(crate) context: Arc<TaskContext>,
}

impl Cut {
    /// Plans `query`, which holds one [`Release`] node, and cuts it there.
    ///
    /// # Errors
    /// [`Error::NotOneAggregate`] when groups do not come from exactly one aggregation, [`Error::NoWindowKey`] when
    /// it has windows and no key by which they close; planning errors as they are.
    pub async fn plan(session: &SessionContext, query: &LogicalPlan) -> Result<Self> {
        let release = find_release(query)?;
        let above = check_arithmetic(session.state().create_physical_plan(query).await?)?;
        let above = if release.private.is_some() { null_on_error(above)? } else { above };
        let above = with_tables_held(above)?;
        let barrier = Arc::clone(&find(&above, |node| node.downcast_ref::<ReleaseExec>().is_some())?[0]);
        let below = Arc::clone(barrier.children()[0]);
        let (below, state_schema) = match &release.rows {
            None => groups(below)?,
            Some(Rows { filed_by }) => rows(below, *filed_by)?,
        };
        let windows = match (&below, release.windows) {
            (Below::Groups { partial, .. }, Some(windows)) => Some(window_key(partial, windows)?),
            _ => None,
        };
        // After the optimizer, which leaves columns out that the query does not read: one more in the source is no news.
        let optimized = find_release(&session.state().optimize(query)?)?;
        let mut text = vec![optimized.input().display_indent_schema().to_string()];
        text.extend(table_hashes(&above)?);
        text.extend(release.private.iter().map(|private| format!("{NOISED_FORMAT}: {}", private.spec.text())));
        let context = session.task_ctx();
        let fingerprint = Fingerprint::of(FORMAT, &text.join("\n"), &state_schema, release.threshold.as_ref());
        let (below, sides, layout) = match (release.private, below) {
            (Some(Private { spec, .. }), Below::Groups { partial, .. }) => {
                let panes = windows.map(panes_of).transpose()?;
                let mut sides = sides(partial.input(), &fingerprint, &context)?;
                sides.push(Side::of_units(&partial, state_schema, panes, &fingerprint, &context)?);
                let schema = noised_schema(&partial, &spec)?;
                let layout = StateLayout { fingerprint, schema, divided_by: Vec::new() };
                (Below::Private { partial, spec, panes }, sides, layout)
            }
            (_, below) => {
                let sides = sides(below.row_wise(), &fingerprint, &context)?;
                let divided_by = dividing_keys(&below, windows.as_ref());
                (below, sides, StateLayout { fingerprint, schema: state_schema, divided_by })
            }
        };
        Ok(Self {
            layout,
            above,
            below,
            sides,
            threshold: release
                .threshold
                .as_ref()
                .map(|threshold| Cohort { k: threshold.k, carries: threshold.carries }),
            windows,
            context,
        })
    }

    /// The same plan over rows whose columns stand for something else, as `reading` says: states of unlike readings do
    /// not merge.
    #[must_use]
    pub fn over(self, reading: &str) -> Self {
        let fingerprint = self.layout.fingerprint.over(reading);
        let sides = self.sides.into_iter().map(|side| side.over(reading)).collect();
        Self { layout: StateLayout { fingerprint, ..self.layout }, sides, ..self }
    }

    /// The name of this plan's states.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.layout.fingerprint
    }

    /// How its states are stored.
    pub fn layout(&self) -> &StateLayout {
        &self.layout
    }

    /// The columns of `stream` that this query reads, in the stream's order.
    ///
    /// # Errors
    /// When the plan cannot be walked.
    pub fn source_columns(&self, stream: &str) -> Result<Vec<String>> {
        let sources = find(self.below.row_wise(), |node| stream_of(node) == Some(stream))?;
        let columns = |source: &Arc<dyn ExecutionPlan>| {
            source.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
        };
        Ok(sources.iter().flat_map(columns).collect())
    }

    /// The columns of this query's state, keys first.
    pub fn state_columns(&self) -> Vec<StateColumn> {
        let meanings = self.below.state().schema();
        // Its own layout is of rows that were noised.
        let layout = self.units().map_or(&self.layout, Side::layout);
        let columns = layout.schema.fields().iter().zip(meanings.fields());
        columns
            .map(|(column, meaning)| StateColumn {
                name: column.name().clone(),
                meaning: meaning.name().clone(),
                data_type: column.data_type().clone(),
            })
            .collect()
    }

    /// True when rows are released as they are, without an aggregation.
    pub fn keeps_rows(&self) -> bool {
        matches!(self.below, Below::Rows { .. })
    }

    /// The rows' schema after release, as the query selects them.
    pub fn output_schema(&self) -> SchemaRef {
        self.above.schema()
    }

    /// The three parts as text: what is partial, and what runs at release.
    pub fn describe(&self) -> (String, String) {
        let partial = displayable(self.below.state().as_ref()).indent(false).to_string();
        let whole = displayable(self.above.as_ref()).indent(false).to_string();
        let above = match self.below {
            Below::Groups { .. } | Below::Private { .. } => {
                whole.lines().take_while(|line| !line.contains("AggregateExec")).collect::<Vec<_>>()
            }
            // Nothing stands above the barrier.
            Below::Rows { .. } => whole.lines().take(1).collect(),
        };
        let release = above.join("\n");
        (partial, release)
    }

    /// `partial`, the aggregation of this query, in `mode` over state rows.
    pub(crate) fn over_state(
        &self,
        partial: &AggregateExec,
        mode: AggregateMode,
        states: &[PartialState],
    ) -> Result<Arc<dyn ExecutionPlan>> {
        over_state(&self.layout, partial, mode, states)
    }

    /// Runs `plan` and gives its rows as state of this query.
    pub(crate) async fn collect_state(&self, plan: Arc<dyn ExecutionPlan>) -> Result<PartialState> {
        let batches = collect(plan, Arc::clone(&self.context)).await.map_err(Error::of_execution)?;
        let batches = batches
            .into_iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| Ok(RecordBatch::try_new(Arc::clone(&self.layout.schema), batch.columns().to_vec())?))
            .collect::<Result<Vec<_>>>()?;
        Ok(self.layout.state_of(batches))
    }

    /// Merges states of this query into one.
    ///
    /// # Guarantee
    /// Associative and commutative; the empty state is its identity. Held by `tests/it/laws.rs`.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`] when a state comes from another plan.
    pub async fn merge(&self, states: Vec<PartialState>) -> Result<PartialState> {
        match &self.below {
            Below::Groups { partial, .. } => {
                let states = self.bridged(states)?;
                let plan = self.over_state(partial, AggregateMode::PartialReduce, &states)?;
                self.collect_state(plan).await
            }
            Below::Rows { .. } | Below::Private { .. } => {
                let batches = self.layout.rows_of(&states, &self.layout.schema)?;
                Ok(self.layout.state_of(batches))
            }
        }
    }
}

/// `partial` in `mode` over state rows of `layout`.
pub(crate) fn over_state(
    layout: &StateLayout,
    partial: &AggregateExec,
    mode: AggregateMode,
    states: &[PartialState],
) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = partial.schema();
    let batches = layout.rows_of(states, &schema)?;
    let source = MemorySourceConfig::try_new_exec(&[batches], schema, None)?;
    Ok(Arc::new(AggregateExec::try_new(
        mode,
        partial.group_expr().as_final(),
        in_any_order(partial.aggr_expr())?,
        partial.filter_expr().to_vec(),
        source,
        partial.input_schema(),
    )?))
}

/// The one aggregation of `below`, in mode `Partial`.
fn groups(below: Arc<dyn ExecutionPlan>) -> Result<(Below, SchemaRef)> {
    let aggregations = find(&below, |node| node.downcast_ref::<AggregateExec>().is_some())?;
    let innermost = aggregations.last().and_then(|node| node.downcast_ref::<AggregateExec>());
    let aggregation = match innermost {
        // One logical aggregation is one node (Single), or a Final over a Partial.
        Some(single) if aggregations.len() == 1 => single,
        Some(partial) if aggregations.len() == 2 && *partial.mode() == AggregateMode::Partial => partial,
        _ => return Err(Error::NotOneAggregate { found: aggregations.len() }),
    };
    let partial = Arc::new(AggregateExec::try_new(
        AggregateMode::Partial,
        aggregation.group_expr().clone(),
        aggregation.aggr_expr().to_vec(),
        aggregation.filter_expr().to_vec(),
        Arc::clone(aggregation.input()),
        aggregation.input_schema(),
    )?);
    let schema = state_schema(&partial);
    Ok((Below::Groups { partial, finish: below }, schema))
}

/// Rows as they are: every column is one of the state.
fn rows(plan: Arc<dyn ExecutionPlan>, filed_by: Option<usize>) -> Result<(Below, SchemaRef)> {
    let aggregations = find(&plan, |node| node.downcast_ref::<AggregateExec>().is_some())?;
    if !aggregations.is_empty() {
        return Err(Error::NotOneAggregate { found: aggregations.len() });
    }
    let schema = row_schema(&plan.schema());
    Ok((Below::Rows { plan, filed_by }, schema))
}

/// The columns of rows that are kept as they are, by position.
pub(crate) fn row_schema(rows: &Schema) -> SchemaRef {
    let fields = rows.fields().iter().enumerate();
    let fields = fields.map(|(at, field)| field.as_ref().clone().with_name(format!("row{at}")));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Positions of the group keys, the window left out: all panes of a group, and all intervals of a session, lie in the
/// same part of a state. Rows as they are cannot be divided.
fn dividing_keys(below: &Below, windows: Option<&WindowKey>) -> Vec<usize> {
    let Below::Groups { partial, .. } = below else { return Vec::new() };
    let is_window = |key: &usize| windows.is_some_and(|windows| windows.start == *key || windows.end == Some(*key));
    (0..partial.group_expr().expr().len()).filter(|key| !is_window(key)).collect()
}

/// The state's columns by position: SQL text in names would not survive a rewrite of the query.
fn state_schema(partial: &AggregateExec) -> SchemaRef {
    let schema = partial.schema();
    let keys = schema.fields().len() - state_widths(partial).iter().sum::<usize>();
    let mut names = (0..keys).map(|key| format!("key{key}")).collect::<Vec<_>>();
    for (aggregate, width) in state_widths(partial).into_iter().enumerate() {
        names.extend((0..width).map(|part| format!("agg{aggregate}_{part}")));
    }
    let fields = schema.fields().iter().zip(names);
    Arc::new(Schema::new(
        fields
            .map(|(field, name)| Field::new(name, field.data_type().clone(), field.is_nullable()))
            .collect::<Vec<_>>(),
    ))
}

/// The calls as they fold state: an input that was sorted for them says nothing about the order in
/// which states meet.
fn in_any_order(calls: &[Arc<AggregateFunctionExpr>]) -> Result<Vec<Arc<AggregateFunctionExpr>>> {
    let unsorted = |call: &Arc<AggregateFunctionExpr>| {
        let changed = Arc::clone(call).with_beneficial_ordering(false)?;
        Ok(changed.map_or_else(|| Arc::clone(call), Arc::new))
    };
    calls.iter().map(unsorted).collect()
}

fn state_widths(partial: &AggregateExec) -> Vec<usize> {
    let width = |call: &Arc<AggregateFunctionExpr>| call.state_fields().map_or(0, |fields| fields.len());
    partial.aggr_expr().iter().map(width).collect()
}

/// The panes of windows, as windows of their own.
fn panes_of(key: WindowKey) -> Result<WindowKey> {
    let windows = key.windows.panes().filter(|_| key.end.is_none()).ok_or(Error::NotPrivate)?;
    Ok(WindowKey { windows, ..key })
}

/// The positions of the windows among the keys. Without them no window would ever be open.
fn window_key(partial: &AggregateExec, windows: Windows) -> Result<WindowKey> {
    let schema = partial.schema();
    let keys = partial.group_expr().expr();
    let position_of = |wanted: &str| {
        let position = keys.iter().position(|(_, name)| name == wanted).ok_or(Error::NoWindowKey)?;
        match schema.field(position).data_type() {
            DataType::Timestamp(TimeUnit::Microsecond, _) => Ok(position),
            _ => Err(Error::NoWindowKey),
        }
    };
    let end = match windows {
        Windows::Session { .. } => Some(position_of("window_end")?),
        _ => None,
    };
    Ok(WindowKey { start: position_of("window_start")?, end, windows })
}

fn find_release(query: &LogicalPlan) -> Result<Release> {
    let mut found = Vec::new();
    query.apply(|node| {
        if let LogicalPlan::Extension(extension) = node
            && let Some(release) = extension.node.as_any().downcast_ref::<Release>()
        {
            found.push(release.clone());
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    match found.len() {
        1 => Ok(found.remove(0)),
        found => Err(Error::NotOneAggregate { found }),
    }
}

/// The nodes of `plan` that satisfy `wanted`, outermost first.
pub(crate) fn find(
    plan: &Arc<dyn ExecutionPlan>,
    wanted: impl Fn(&Arc<dyn ExecutionPlan>) -> bool,
) -> Result<Vec<Arc<dyn ExecutionPlan>>> {
    let mut found = Vec::new();
    plan.apply(|node| {
        if wanted(node) {
            found.push(Arc::clone(node));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Replaces the outermost node that satisfies `wanted` by `replacement`.
pub(crate) fn replace(
    plan: Arc<dyn ExecutionPlan>,
    wanted: impl Fn(&Arc<dyn ExecutionPlan>) -> bool,
    replacement: &Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let replaced = plan
        .transform_down(|node| {
            if wanted(&node) {
                Ok(Transformed::new(Arc::clone(replacement), true, TreeNodeRecursion::Jump))
            } else {
                Ok(Transformed::no(node))
            }
        })
        .data()?;
    Ok(replaced)
}

/// `node` over another input.
pub(crate) fn with_input(
    node: Arc<dyn ExecutionPlan>,
    input: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    Ok(node.replace_children(vec![input], ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))?)
}
