//! What happens when arithmetic on a row overflows? It is an error: DataFusion would wrap around silently.
//!
//! `SUM(n * 1000)` must not release a small number because one product left its type. Every `+`, `-` and `*` of a
//! signal's plan is therefore checked; floats and decimals are as they were.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;
use datafusion::physical_expr::expressions::BinaryExpr;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, PhysicalGroupBy};
use datafusion::physical_plan::filter::{FilterExec, FilterExecBuilder};
use datafusion::physical_plan::projection::{ProjectionExec, ProjectionExpr};

type Expression = Arc<dyn PhysicalExpr>;

/// What is done to an expression.
type Change<'a> = &'a dyn Fn(&Expression) -> Result<Expression>;

/// The same plan with checked arithmetic.
pub(crate) fn check_arithmetic(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>> {
    plan.transform_up(|node| match with_expressions(&node, &checked)? {
        Some(changed) => Ok(Transformed::yes(changed)),
        None => Ok(Transformed::no(node)),
    })
    .data()
}

/// `node` with its expressions changed, where it computes row by row or aggregates.
pub(crate) fn with_expressions(
    node: &Arc<dyn ExecutionPlan>,
    change: Change<'_>,
) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if let Some(projection) = node.downcast_ref::<ProjectionExec>() {
        return changed_projection(projection, change).map(Some);
    }
    if let Some(filter) = node.downcast_ref::<FilterExec>() {
        let predicate = change(filter.predicate())?;
        return Ok(Some(Arc::new(FilterExecBuilder::from(filter).with_predicate(predicate).build()?)));
    }
    match node.downcast_ref::<AggregateExec>() {
        Some(aggregation) => changed_aggregation(aggregation, change).map(Some),
        None => Ok(None),
    }
}

fn changed_projection(projection: &ProjectionExec, change: Change<'_>) -> Result<Arc<dyn ExecutionPlan>> {
    let columns = projection
        .expr()
        .iter()
        .map(|column| Ok(ProjectionExpr { expr: change(&column.expr)?, alias: column.alias.clone() }));
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(ProjectionExec::try_new(columns, Arc::clone(projection.input()))?))
}

fn changed_aggregation(aggregation: &AggregateExec, change: Change<'_>) -> Result<Arc<dyn ExecutionPlan>> {
    let keys = aggregation.group_expr();
    let named = |keys: &[(Expression, String)]| {
        keys.iter().map(|(key, name)| Ok((change(key)?, name.clone()))).collect::<Result<Vec<_>>>()
    };
    let groups = PhysicalGroupBy::new(
        named(keys.expr())?,
        named(keys.null_expr())?,
        keys.groups().to_vec(),
        keys.has_grouping_set(),
    );
    let calls = aggregation.aggr_expr().iter().map(|call| changed_call(call, change)).collect::<Result<Vec<_>>>()?;
    let filters = aggregation.filter_expr().iter().map(|filter| filter.as_ref().map(change).transpose());
    Ok(Arc::new(AggregateExec::try_new(
        *aggregation.mode(),
        groups,
        calls,
        filters.collect::<Result<Vec<_>>>()?,
        Arc::clone(aggregation.input()),
        aggregation.input_schema(),
    )?))
}

fn changed_call(call: &Arc<AggregateFunctionExpr>, change: Change<'_>) -> Result<Arc<AggregateFunctionExpr>> {
    let arguments = call.expressions().iter().map(change).collect::<Result<Vec<_>>>()?;
    let order = call.order_bys().iter().map(|sort| change(&sort.expr)).collect::<Result<Vec<_>>>()?;
    Ok(call.with_new_expressions(arguments, order).map_or_else(|| Arc::clone(call), Arc::new))
}

fn checked(expression: &Expression) -> Result<Expression> {
    Arc::clone(expression)
        .transform_up(|node| {
            let Some(binary) = node.downcast_ref::<BinaryExpr>() else {
                return Ok(Transformed::no(node));
            };
            if !matches!(binary.op(), Operator::Plus | Operator::Minus | Operator::Multiply) {
                return Ok(Transformed::no(node));
            }
            let (left, right) = (Arc::clone(binary.left()), Arc::clone(binary.right()));
            let checked = BinaryExpr::new(left, *binary.op(), right).with_fail_on_overflow(true);
            Ok(Transformed::yes(Arc::new(checked) as Expression))
        })
        .data()
}
