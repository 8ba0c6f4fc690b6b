//! What becomes of a row on which an expression fails, where people are protected? The expression is null there.
//!
//! An error would say something about one row: that it was there, and that it failed. So the rows of a batch that fails
//! are computed one by one, and those that fail are null.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use datafusion::arrow::array::{Array, RecordBatch, new_null_array};
use datafusion::arrow::compute::concat;
use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, Literal};
use datafusion::physical_plan::ExecutionPlan;

use crate::checked::with_expressions;

/// The same plan, whose expressions are null where they fail.
pub(crate) fn null_on_error(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    let lenient = |expression: &Arc<dyn PhysicalExpr>| Ok(Lenient::of(expression));
    plan.transform_up(|node| match with_expressions(&node, &lenient)? {
        Some(changed) => Ok(Transformed::yes(changed)),
        None => Ok(Transformed::no(node)),
    })
    .data()
}

/// An expression that is null where it fails.
#[derive(Debug)]
struct Lenient {
    inner: Arc<dyn PhysicalExpr>,
}

impl Lenient {
    /// Columns and constants do not fail.
    fn of(expression: &Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
        let cannot_fail =
            expression.downcast_ref::<Column>().is_some() || expression.downcast_ref::<Literal>().is_some();
        if cannot_fail { Arc::clone(expression) } else { Arc::new(Self { inner: Arc::clone(expression) }) }
    }
}

impl fmt::Display for Lenient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.inner)
    }
}

impl PartialEq for Lenient {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
    }
}

impl Eq for Lenient {}

impl Hash for Lenient {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl PhysicalExpr for Lenient {
    fn data_type(&self, input: &Schema) -> Result<DataType> {
        self.inner.data_type(input)
    }

    fn nullable(&self, _input: &Schema) -> Result<bool> {
        Ok(true)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        if let Ok(values) = self.inner.evaluate(batch) {
            return Ok(values);
        }
        let data_type = self.inner.data_type(&batch.schema())?;
        let rows = (0..batch.num_rows()).map(|row| {
            let value = self.inner.evaluate(&batch.slice(row, 1)).and_then(|value| value.into_array(1));
            value.unwrap_or_else(|_| new_null_array(&data_type, 1))
        });
        let rows = rows.collect::<Vec<_>>();
        if rows.is_empty() {
            return Ok(ColumnarValue::Array(new_null_array(&data_type, 0)));
        }
        let rows = rows.iter().map(|row| row.as_ref() as &dyn Array).collect::<Vec<_>>();
        Ok(ColumnarValue::Array(concat(&rows)?))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn PhysicalExpr>>) -> Result<Arc<dyn PhysicalExpr>> {
        Ok(Arc::new(Self { inner: children.remove(0) }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt_sql(f)
    }
}
