//! Where in a query does state end and release begin? At the [`Release`] node: right above the aggregation, or above a
//! query that has none.
//!
//! The node is a barrier for the optimizer: no filter slips below it and no state column is pruned
//! away. Its physical form only marks the place where [`Cut`](crate::Cut) divides the plan and refuses
//! to run, so that no plan can show a group without passing through [`mod@crate::release`].

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, DFSchemaRef, Result, internal_err};
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::logical_plan::Aggregate;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use crate::aggregate::at_least;
use crate::private::{PrivateSpec, unit_hash};
use crate::{UnitKey, Windows};

/// A group is released only when at least `k` distinct privacy units stand behind it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Threshold {
    /// The least number of distinct units.
    pub k: u32,
    /// The column that names the unit, as seen by the aggregation.
    pub unit: Expr,
    /// The secret under which units are hashed in state.
    pub key: UnitKey,
    /// A group that is too small in a tumbling window is counted in its next one of the same day.
    pub carries: bool,
}

/// Rows that are released as they are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Rows {
    /// The position of the instant by whose days they are filed.
    pub(crate) filed_by: Option<usize>,
}

/// The release barrier above a signal's aggregation, or above its rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Release {
    input: LogicalPlan,
    /// What is released is no groups, but rows.
    pub(crate) rows: Option<Rows>,
    pub(crate) threshold: Option<Threshold>,
    /// Groups are noised.
    pub(crate) private: Option<Private>,
    pub(crate) windows: Option<Windows>,
}

/// Groups that are noised, and the columns that come of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Private {
    pub(crate) spec: Arc<PrivateSpec>,
    schema: DFSchemaRef,
}

/// The name of the column that says how far noise moves statistic `number` of a private query.
pub fn deviation_column(number: usize) -> String {
    format!("__noise_stddev_{number}")
}

/// The name of the column that says of how many panes a window of a private query is the sum, where it may be several.
pub const PANES_COLUMN: &str = "__panes";

impl Release {
    /// Puts the barrier above `aggregate`, whose windows, if any, are `windows`
    /// and keyed by a group column named `window_start`, as [`Cut::plan`](crate::Cut::plan) will check.
    ///
    /// # Errors
    /// When the unit of `threshold` is not a column of the aggregation's input.
    pub fn over(aggregate: Aggregate, threshold: Option<Threshold>, windows: Option<Windows>) -> Result<LogicalPlan> {
        let mut calls = aggregate.aggr_expr;
        if let Some(Threshold { k, unit, key, .. }) = &threshold {
            calls.push(at_least(*k, key.clone(), unit.clone()));
        }
        let aggregate = Aggregate::try_new(aggregate.input, aggregate.group_expr, calls)?;
        let node = Self { input: LogicalPlan::Aggregate(aggregate), rows: None, threshold, private: None, windows };
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }

    /// Puts the barrier above `aggregate`, whose calls are the statistics of `spec`: what is kept is each unit's own
    /// totals, and what comes out are the columns of `aggregate`, then one [`deviation_column`] per statistic, and
    /// [`PANES_COLUMN`] where windows have several panes.
    ///
    /// # Errors
    /// When the unit is not a column of the aggregation's input.
    pub fn private(aggregate: Aggregate, spec: Arc<PrivateSpec>, windows: Option<Windows>) -> Result<LogicalPlan> {
        let mut columns = aggregate
            .schema
            .iter()
            .map(|(table, field)| {
                // What fails on a row is null there.
                (table.cloned(), Arc::new(field.as_ref().clone().with_nullable(true)))
            })
            .collect::<Vec<_>>();
        for number in 0..spec.measures.len() {
            columns.push((None, Arc::new(Field::new(deviation_column(number), DataType::Float64, true))));
        }
        if windows.is_some_and(|windows| windows.panes() != Some(windows)) {
            columns.push((None, Arc::new(Field::new(PANES_COLUMN, DataType::Int64, false))));
        }
        let schema = Arc::new(DFSchema::new_with_metadata(columns, HashMap::new())?);
        // Nobody is no unit: a row of nobody counts for nothing.
        let input = LogicalPlanBuilder::from(aggregate.input).filter(spec.unit.clone().is_not_null())?.build()?;
        let mut keys = aggregate.group_expr;
        keys.push(unit_hash(spec.key.clone(), spec.unit.clone()).alias("__unit"));
        let aggregate = Aggregate::try_new(Arc::new(input), keys, spec.totals().0)?;
        let private = Some(Private { spec, schema });
        let node = Self { input: LogicalPlan::Aggregate(aggregate), rows: None, threshold: None, private, windows };
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }

    /// Puts the barrier above `query`, whose rows are released as they are. They are filed by the days of the instant
    /// in column `filed_by`, if there is one; instants are timestamps in microseconds.
    pub fn of_rows(query: LogicalPlan, filed_by: Option<usize>) -> LogicalPlan {
        let node = Self { input: query, rows: Some(Rows { filed_by }), threshold: None, private: None, windows: None };
        LogicalPlan::Extension(Extension { node: Arc::new(node) })
    }

    /// The plan under the barrier.
    pub(crate) fn input(&self) -> &LogicalPlan {
        &self.input
    }
}

impl PartialOrd for Release {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for Release {
    fn name(&self) -> &'static str {
        "Release"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        self.private.as_ref().map_or(self.input.schema(), |private| &private.schema)
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.threshold {
            _ if self.private.is_some() => write!(f, "Release: noised groups"),
            _ if self.rows.is_some() => write!(f, "Release: every row"),
            Some(threshold) => write!(f, "Release: groups of at least {} distinct {}", threshold.k, threshold.unit),
            None => write!(f, "Release: every group"),
        }
    }

    fn with_exprs_and_inputs(&self, _expressions: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> Result<Self> {
        Ok(Self { input: inputs.remove(0), ..self.clone() })
    }
}

/// Plans [`Release`] nodes beside DataFusion's own.
#[derive(Debug)]
pub(crate) struct ReleaseQueryPlanner;

#[async_trait]
impl QueryPlanner for ReleaseQueryPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(ReleasePlanner)])
            .create_physical_plan(plan, session)
            .await
    }
}

struct ReleasePlanner;

#[async_trait]
impl ExtensionPlanner for ReleasePlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical_inputs: &[&LogicalPlan],
        physical_inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let Some(release) = node.as_any().downcast_ref::<Release>() else { return Ok(None) };
        let input = Arc::clone(&physical_inputs[0]);
        let properties = match &release.private {
            None => Arc::clone(input.properties()),
            Some(private) => {
                let schema = Arc::new(private.schema.as_arrow().clone());
                let (emission, boundedness) = (EmissionType::Final, Boundedness::Bounded);
                let partitioning = Partitioning::UnknownPartitioning(1);
                let equivalences = EquivalenceProperties::new(schema);
                Arc::new(PlanProperties::new(equivalences, partitioning, emission, boundedness))
            }
        };
        Ok(Some(Arc::new(ReleaseExec { input, properties })))
    }
}

/// The mark of the barrier in a physical plan. It has the shape of what is shown and does not run.
#[derive(Debug)]
pub(crate) struct ReleaseExec {
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl DisplayAs for ReleaseExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReleaseExec")
    }
}

impl ExecutionPlan for ReleaseExec {
    fn name(&self) -> &'static str {
        "ReleaseExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(Self { input: children.remove(0), properties: Arc::clone(&self.properties) }))
    }

    fn execute(&self, _partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("groups are released by algebra::release only")
    }
}
