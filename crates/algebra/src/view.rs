//! How is a signal computed from what other signals have released?
//!
//! What is released may be shown, so anything may be computed from it: the query runs whole, over all released rows of the
//! signals it names, whenever one of them changes. It keeps no state.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::MemTable;
use datafusion::common::TableReference;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNodeRecursion};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::LogicalPlan;
use datafusion::logical_expr::logical_plan::TableScan;

use crate::error::{Error, Result};
use crate::fingerprint::Fingerprint;
use crate::session::{Pool, view_session_in};

/// A query over released rows.
#[derive(Debug, Clone)]
pub struct View {
    plan: LogicalPlan,
    schema: SchemaRef,
    /// The tables it reads that hold released rows, as they are written: `released.latency`.
    reads: Vec<TableReference>,
    fingerprint: Fingerprint,
    pool: Pool,
}

impl View {
    /// A view that `plan` computes, over tables of which those in a schema hold released rows.
    ///
    /// # Errors
    /// When the plan cannot be walked.
    pub fn of(plan: LogicalPlan, pool: &Pool) -> Result<Self> {
        let mut reads = Vec::new();
        plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node
                && scan.table_name.schema().is_some()
                && !reads.contains(&scan.table_name)
            {
                reads.push(scan.table_name.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        let schema = Arc::new(plan.schema().as_arrow().clone());
        let fingerprint = Fingerprint::of_view(&plan.display_indent_schema().to_string());
        Ok(Self { plan, schema, reads, fingerprint, pool: pool.clone() })
    }

    /// The columns of its rows.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The signals whose released rows it reads, each with the schema that it is written with.
    pub fn reads(&self) -> impl Iterator<Item = (&str, &str)> {
        self.reads.iter().map(|table| (table.schema().unwrap_or_default(), table.table()))
    }

    /// The name of its plan.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// Its plan as text.
    pub fn describe(&self) -> String {
        format!("{}\n", self.plan.display_indent())
    }

    /// Runs the query over the rows of each signal that it reads, by name.
    ///
    /// # Errors
    /// [`Error::RowFailed`] when it fails on a row, [`Error::BatchSchema`] when a signal's rows are missing.
    pub async fn run(&self, released: &BTreeMap<String, RecordBatch>) -> Result<RecordBatch> {
        let plan = self.plan.clone().transform_down_with_subqueries(|node| {
            let LogicalPlan::TableScan(scan) = node else { return Ok(Transformed::no(node)) };
            let Some(rows) = released.get(scan.table_name.table()).filter(|_| scan.table_name.schema().is_some())
            else {
                return Ok(Transformed::no(LogicalPlan::TableScan(scan)));
            };
            let rows = MemTable::try_new(rows.schema(), vec![vec![rows.clone()]])?;
            let scan = TableScan { source: provider_as_source(Arc::new(rows)), ..scan };
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        });
        let session = view_session_in(&self.pool);
        let rows = session.execute_logical_plan(plan.data()?).await.map_err(Error::of_execution)?;
        let rows = rows.collect().await.map_err(Error::of_execution)?;
        let rows =
            rows.iter().map(|batch| Ok(RecordBatch::try_new(Arc::clone(&self.schema), batch.columns().to_vec())?));
        Ok(concat_batches(&self.schema, &rows.collect::<Result<Vec<_>>>()?)?)
    }
}
