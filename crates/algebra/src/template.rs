//! What stands in a plan for the rows of a stream? A source without rows, whose place each micro-batch takes.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType, SchedulingType};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties};

use crate::cut::find;

/// A stream as plans see it: a name and columns.
#[derive(Debug)]
pub struct StreamTable {
    name: String,
    schema: SchemaRef,
}

impl StreamTable {
    /// The stream of that name and these columns.
    pub fn new(name: impl Into<String>, schema: SchemaRef) -> Self {
        Self { name: name.into(), schema }
    }
}

#[async_trait]
impl TableProvider for StreamTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _session: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = match projection {
            Some(columns) => Arc::new(self.schema.project(columns)?),
            None => Arc::clone(&self.schema),
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        // What takes its place yields by itself.
        let properties = properties.with_scheduling_type(SchedulingType::Cooperative);
        Ok(Arc::new(StreamExec { name: self.name.clone(), properties: Arc::new(properties) }))
    }
}

/// The place of a stream's rows. It never runs.
#[derive(Debug)]
struct StreamExec {
    name: String,
    properties: Arc<PlanProperties>,
}

impl DisplayAs for StreamExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StreamExec: {}", self.name)
    }
}

impl ExecutionPlan for StreamExec {
    fn name(&self) -> &'static str {
        "StreamExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("a stream has no inputs") }
    }

    fn execute(&self, _partition: usize, _context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        internal_err!("a template has no rows: a micro-batch takes the place of stream {}", self.name)
    }
}

/// The stream whose place `node` is.
pub(crate) fn stream_of(node: &Arc<dyn ExecutionPlan>) -> Option<&str> {
    node.downcast_ref::<StreamExec>().map(|stream| stream.name.as_str())
}

/// The one stream that `plan` reads.
pub(crate) fn only_stream(plan: &Arc<dyn ExecutionPlan>) -> crate::Result<String> {
    let templates = find(plan, is_template)?;
    match templates.as_slice() {
        [template] => Ok(stream_of(template).unwrap_or_default().to_owned()),
        _ => Err(crate::Error::NotOneAggregate { found: templates.len() }),
    }
}

/// True for a source whose place micro-batches take.
pub(crate) fn is_template(node: &Arc<dyn ExecutionPlan>) -> bool {
    stream_of(node).is_some()
}
