//! What can rows be looked up in? A table that was read once: it stays as it is while a signal runs.
//!
//! In a plan it is a source of its own kind, so that micro-batches never take its place. What is in it
//! decides what a state means, so its hash is part of the plan's fingerprint.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, internal_err};
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties};
use sha2::{Digest, Sha256};

use crate::cut::find;
use crate::template::is_template;

/// A table whose rows are in memory.
#[derive(Debug)]
pub struct StaticTable {
    name: String,
    rows: RecordBatch,
    hash: String,
}

impl StaticTable {
    /// The table of that name.
    ///
    /// # Errors
    /// When a column's values have no order, so that they could not be compared with those of another day.
    pub fn new(name: impl Into<String>, rows: RecordBatch) -> crate::Result<Self> {
        let hash = hash(&rows)?;
        Ok(Self { name: name.into(), rows, hash })
    }
}

/// SHA-256 over names, types and values.
fn hash(rows: &RecordBatch) -> crate::Result<String> {
    let mut digest = Sha256::new();
    for field in rows.schema().fields() {
        digest.update(format!("{} {}\n", field.name(), field.data_type()));
    }
    let fields = rows.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
    for row in &RowConverter::new(fields)?.convert_columns(rows.columns())? {
        digest.update((row.as_ref().len() as u64).to_le_bytes());
        digest.update(row.as_ref());
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

#[async_trait]
impl TableProvider for StaticTable {
    fn schema(&self) -> SchemaRef {
        self.rows.schema()
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
        let rows = MemorySourceConfig::try_new_exec(&[vec![self.rows.clone()]], self.schema(), projection.cloned())?;
        Ok(Arc::new(StaticExec { name: self.name.clone(), hash: self.hash.clone(), rows }))
    }
}

/// The rows of a [`StaticTable`].
#[derive(Debug)]
struct StaticExec {
    name: String,
    hash: String,
    rows: Arc<dyn ExecutionPlan>,
}

impl DisplayAs for StaticExec {
    fn fmt_as(&self, _format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StaticExec: {}", self.name)
    }
}

impl ExecutionPlan for StaticExec {
    fn name(&self) -> &'static str {
        "StaticExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.rows.properties()
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
        if children.is_empty() { Ok(self) } else { internal_err!("a table has no inputs") }
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        self.rows.execute(partition, context)
    }
}

/// The hashes of the tables in which `plan` looks rows up.
pub(crate) fn table_hashes(plan: &Arc<dyn ExecutionPlan>) -> crate::Result<Vec<String>> {
    let tables = find(plan, |node| node.downcast_ref::<StaticExec>().is_some())?;
    let tables = tables.iter().filter_map(|node| node.downcast_ref::<StaticExec>());
    Ok(tables.map(|table| format!("table {} {}", table.name, table.hash)).collect())
}

/// `plan` with every table on the side of its join that is held in memory: rows of all partitions pass by it.
pub(crate) fn with_tables_held(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| {
        let Some(join) = node.downcast_ref::<HashJoinExec>() else {
            return Ok(Transformed::no(node));
        };
        let reads_stream = |input: &Arc<dyn ExecutionPlan>| find(input, is_template).map(|found| !found.is_empty());
        if !reads_stream(join.left())? || reads_stream(join.right())? {
            return Ok(Transformed::no(node));
        }
        Ok(Transformed::yes(join.swap_inputs(PartitionMode::CollectLeft)?))
    })
    .data()
}
