//! How is one query divided into the part that makes state and the part that shows it?
//!
//! ```text
//! Projection, HAVING ...      above: runs at release, over finished groups
//! ReleaseExec                 the cut
//! AggregateExec               partial below, final above; between them lives the state
//! Filter, Projection ...      below: runs per micro-batch
//! source                      replaced by the rows of each micro-batch
//! ```

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
use crate::codec::{self, FORMAT};
use crate::error::{Error, Result};
use crate::node::{Release, ReleaseExec};
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

/// Where the windows stand among the columns of a state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WindowKey {
    /// The position of `window_start`.
    pub(crate) start: usize,
    /// The position of `window_end`: only sessions are kept by it.
    pub(crate) end: Option<usize>,
    pub(crate) windows: Windows,
}

/// A query cut at its one aggregation: the recipe for partial, merge and release.
#[derive(Debug)]
pub struct Cut {
    pub(crate) fingerprint: Fingerprint,
    /// The whole plan; what stands above [`ReleaseExec`] runs at release.
    pub(crate) above: Arc<dyn ExecutionPlan>,
    /// What stands between the release barrier and the source, aggregation included.
    pub(crate) below: Arc<dyn ExecutionPlan>,
    /// The aggregation in mode `Partial` over the template source.
    pub(crate) partial: Arc<AggregateExec>,
    pub(crate) state_schema: SchemaRef,
    pub(crate) threshold: Option<u32>,
    pub(crate) windows: Option<WindowKey>,
    pub(crate) context: Arc<TaskContext>,
}

impl Cut {
    /// Plans `query`, which holds one [`Release`] node, and cuts it there.
    ///
    /// # Errors
    /// [`Error::NotOneAggregate`] when there is not exactly one aggregation, [`Error::NoWindowKey`] when
    /// it has windows and no key by which they close; planning errors as they are.
    pub async fn plan(session: &SessionContext, query: &LogicalPlan) -> Result<Self> {
        let release = find_release(query)?;
        let above = check_arithmetic(session.state().create_physical_plan(query).await?)?;
        let below = Arc::clone(find(&above, |node| node.downcast_ref::<ReleaseExec>().is_some())?[0].children()[0]);
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
        let state_schema = state_schema(&partial);
        let windows = release.windows.map(|windows| window_key(&partial, windows)).transpose()?;
        let text = release.aggregation().display_indent_schema().to_string();
        Ok(Self {
            fingerprint: Fingerprint::of(FORMAT, &text, &state_schema, release.threshold.as_ref()),
            above,
            below,
            partial,
            state_schema,
            threshold: release.threshold.as_ref().map(|threshold| threshold.k),
            windows,
            context: session.task_ctx(),
        })
    }

    /// The same plan over rows whose columns stand for something else, as `reading` says: states of unlike readings do
    /// not merge.
    #[must_use]
    pub fn over(self, reading: &str) -> Self {
        Self { fingerprint: self.fingerprint.over(reading), ..self }
    }

    /// The name of this plan's states.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The identity of merge.
    pub fn empty(&self) -> PartialState {
        PartialState { fingerprint: self.fingerprint.clone(), batches: Vec::new() }
    }

    /// The columns of the source that this query reads, in source order.
    ///
    /// # Errors
    /// [`Error::NotOneAggregate`] when the plan has no single source.
    pub fn source_columns(&self) -> Result<Vec<String>> {
        let leaves = find(self.partial.input(), |node| node.children().is_empty())?;
        let [source] = leaves.as_slice() else {
            return Err(Error::NotOneAggregate { found: leaves.len() });
        };
        Ok(source.schema().fields().iter().map(|field| field.name().clone()).collect())
    }

    /// The columns of this query's state, keys first.
    pub fn state_columns(&self) -> Vec<StateColumn> {
        let meanings = self.partial.schema();
        let columns = self.state_schema.fields().iter().zip(meanings.fields());
        columns
            .map(|(column, meaning)| StateColumn {
                name: column.name().clone(),
                meaning: meaning.name().clone(),
                data_type: column.data_type().clone(),
            })
            .collect()
    }

    /// The rows' schema after release, as the query selects them.
    pub fn output_schema(&self) -> SchemaRef {
        self.above.schema()
    }

    /// The three parts as text: what is partial, and what runs at release.
    pub fn describe(&self) -> (String, String) {
        let partial = displayable(self.partial.as_ref()).indent(false).to_string();
        let whole = displayable(self.above.as_ref()).indent(false).to_string();
        let release = whole.lines().take_while(|line| !line.contains("AggregateExec")).collect::<Vec<_>>().join("\n");
        (partial, release)
    }

    /// Writes a state to bytes.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`] when another plan made it.
    pub fn encode(&self, state: &PartialState) -> Result<Vec<u8>> {
        self.check(state)?;
        codec::encode(state, &self.state_schema)
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
        codec::decode(bytes, &self.state_schema, &self.fingerprint)
    }

    pub(crate) fn check(&self, state: &PartialState) -> Result<()> {
        if state.fingerprint == self.fingerprint {
            return Ok(());
        }
        Err(Error::FingerprintMismatch { expected: self.fingerprint.clone(), found: state.fingerprint.clone() })
    }

    /// The aggregation in `mode` over state rows.
    pub(crate) fn over_state(&self, mode: AggregateMode, states: &[PartialState]) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = self.partial.schema();
        let mut batches = Vec::new();
        for state in states {
            self.check(state)?;
            for batch in &state.batches {
                batches.push(RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec())?);
            }
        }
        let source = MemorySourceConfig::try_new_exec(&[batches], schema, None)?;
        Ok(Arc::new(AggregateExec::try_new(
            mode,
            self.partial.group_expr().as_final(),
            in_any_order(self.partial.aggr_expr())?,
            self.partial.filter_expr().to_vec(),
            source,
            self.partial.input_schema(),
        )?))
    }

    /// Runs `plan` and gives its rows as state of this query.
    pub(crate) async fn collect_state(&self, plan: Arc<dyn ExecutionPlan>) -> Result<PartialState> {
        let batches = collect(plan, Arc::clone(&self.context)).await.map_err(Error::of_execution)?;
        let batches = batches
            .into_iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| Ok(RecordBatch::try_new(Arc::clone(&self.state_schema), batch.columns().to_vec())?))
            .collect::<Result<Vec<_>>>()?;
        Ok(PartialState { fingerprint: self.fingerprint.clone(), batches })
    }

    /// Merges states of this query into one.
    ///
    /// # Guarantee
    /// Associative and commutative; the empty state is its identity. Held by `tests/it/laws.rs`.
    ///
    /// # Errors
    /// [`Error::FingerprintMismatch`] when a state comes from another plan.
    pub async fn merge(&self, states: Vec<PartialState>) -> Result<PartialState> {
        let states = self.bridged(states)?;
        let plan = self.over_state(AggregateMode::PartialReduce, &states)?;
        self.collect_state(plan).await
    }
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
