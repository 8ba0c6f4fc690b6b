//! How are effective labels asked for in SQL? As a table function, `labels_effective('<as of>')`.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use datafusion::scalar::ScalarValue;
use tidegate_labels::effective_schema;
use tidegate_source::Source;

use super::{Ruling, resolve};
use crate::instants::Instant;

/// The function's name.
pub(crate) const FUNCTION: &str = "labels_effective";

/// The function over the labels of a project.
#[derive(Debug)]
pub(crate) struct LabelsEffective {
    pub(crate) ruling: Ruling,
    pub(crate) labels: Arc<Source>,
    pub(crate) decisions: Option<Arc<Source>>,
}

impl TableFunctionImpl for LabelsEffective {
    fn call_with_args(&self, arguments: TableFunctionArgs) -> Result<Arc<dyn TableProvider>> {
        let wrong = || {
            let message = format!("{FUNCTION} takes an instant or nothing, as in {FUNCTION}('2026-01-05T10:00:00Z')");
            DataFusionError::Plan(message)
        };
        let as_of = match arguments.exprs() {
            [] => None,
            [Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)), _)] => {
                Some(text.parse::<Instant>().map_err(|_| wrong())?.0)
            }
            _ => return Err(wrong()),
        };
        self.table(as_of)
    }
}

impl LabelsEffective {
    /// The effective labels as of an instant, or now.
    pub(crate) fn table(&self, as_of_us: Option<i64>) -> Result<Arc<dyn TableProvider>> {
        let rows = EffectiveLabels {
            ruling: self.ruling.clone(),
            labels: Arc::clone(&self.labels),
            decisions: self.decisions.clone(),
            as_of_us,
            schema: effective_schema(),
        };
        Ok(Arc::new(StreamingTable::try_new(effective_schema(), vec![Arc::new(rows)])?))
    }
}

/// The effective labels as of an instant, computed when they are asked for.
#[derive(Debug)]
struct EffectiveLabels {
    ruling: Ruling,
    labels: Arc<Source>,
    decisions: Option<Arc<Source>>,
    as_of_us: Option<i64>,
    schema: SchemaRef,
}

impl PartitionStream for EffectiveLabels {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (ruling, labels, decisions) = (self.ruling.clone(), Arc::clone(&self.labels), self.decisions.clone());
        let as_of_us = self.as_of_us;
        let rows = futures::stream::once(async move {
            let external = |error: &dyn std::fmt::Display| DataFusionError::Execution(error.to_string());
            let resolved = resolve(&ruling, &labels, decisions.as_ref(), as_of_us, |_| Ok(())).await;
            let (resolver, decisions) = resolved.map_err(|error| external(&error))?;
            resolver.effective(decisions.as_ref()).map_err(|error| external(&error))
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), rows))
    }
}
