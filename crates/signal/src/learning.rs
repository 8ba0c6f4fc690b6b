//! How far may the rows of a stream be learnt from? A signal reads only those that its scope allows.
//!
//! The condition is put right above the stream, whatever the query says: before a row of a tenant becomes part of a state
//! that speaks about several, it must be marked for that.
//!
//! | Signal | Rows |
//! |---|---|
//! | released or internal | `learning_scope = 'global'` |
//! | `scope = 'local'` | `global` and `local` |
//! | `scope = 'local'`, `kind = 'ops'` | all: an alert must see what nothing may be learnt from |

use std::collections::BTreeMap;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, Result as PlanResult};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, col, in_list, lit};
use tidegate_contract::LearningScope;

use datafusion::arrow::datatypes::DataType;
use datafusion::logical_expr::logical_plan::Aggregate;

use crate::definition::{Scope, SignalDefinition, StreamDefinition};
use crate::origin::is_stream_column;
use crate::plan::Stream;
use crate::{Code, Refusal, refuse};

/// `plan`, which reads only what may be learnt from.
pub(crate) fn restrict(
    plan: LogicalPlan,
    streams: &BTreeMap<String, Stream>,
    signal: &SignalDefinition,
) -> PlanResult<LogicalPlan> {
    let Some(scopes) = readable(signal) else { return Ok(plan) };
    let restricted = plan.transform_up(|node| {
        let LogicalPlan::TableScan(scan) = &node else { return Ok(Transformed::no(node)) };
        let stream = streams.get(scan.table_name.table());
        let Some(column) = stream.and_then(|stream| stream.definition.contract.learning_scope.as_ref()) else {
            return Ok(Transformed::no(node));
        };
        let column = cast(col(Column::new(Some(scan.table_name.clone()), column)), DataType::Utf8View);
        let scopes = scopes.iter().map(|scope| lit(scope.as_str())).collect::<Vec<Expr>>();
        let filtered = LogicalPlanBuilder::from(node).filter(in_list(column, scopes, false))?.build()?;
        Ok(Transformed::yes(filtered))
    });
    Ok(restricted?.data)
}

/// The scopes of the rows that a signal may read; all of them when absent.
fn readable(signal: &SignalDefinition) -> Option<&'static [LearningScope]> {
    match signal.scope {
        Scope::Global | Scope::Internal => Some(&[LearningScope::Global]),
        Scope::Local if signal.kind.as_deref() == Some("ops") => None,
        Scope::Local => Some(&[LearningScope::Global, LearningScope::Local]),
    }
}

/// Refuses a local signal whose groups may speak of several tenants.
///
/// # Errors
/// [`Code::NotLocal`] where the stream names no tenant, or the tenant is not one of the group keys.
pub(crate) fn require_tenant(
    aggregate: &Aggregate,
    signal: &SignalDefinition,
    stream: &StreamDefinition,
) -> Result<(), Refusal> {
    if signal.scope != Scope::Local {
        return Ok(());
    }
    let name = &stream.name.value;
    let Some(tenant) = &stream.contract.tenant else {
        let cause =
            format!("a local signal speaks of one tenant at a time, and stream `{name}` does not say whose a row is");
        return Err(refuse(Code::NotLocal, &signal.query_place, cause, "add tenant = '...' to its CREATE STREAM"));
    };
    let is_tenant = |key: &Expr| match key {
        Expr::Column(column) => is_stream_column(&aggregate.input, column, name, tenant),
        _ => false,
    };
    if aggregate.group_expr.iter().any(is_tenant) {
        return Ok(());
    }
    let cause = format!("a local signal speaks of one tenant at a time, and its groups are not of one `{tenant}`");
    Err(refuse(Code::NotLocal, &signal.query_place, cause, format!("add {tenant} to SELECT and GROUP BY")))
}
