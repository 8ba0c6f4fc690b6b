//! Where does a column come from? It is followed down through every step that passes it on unchanged.

use datafusion::common::Column;
use datafusion::logical_expr::{Expr, LogicalPlan};

/// The expression that computes `column` of `plan`, or the column of the stream or table itself.
pub(crate) fn origin(plan: &LogicalPlan, column: &Column) -> Option<Expr> {
    match plan {
        LogicalPlan::TableScan(_) => Some(Expr::Column(column.clone())),
        LogicalPlan::Projection(projection) => {
            let position = projection.schema.maybe_index_of_column(column)?;
            follow(&projection.input, &projection.expr[position])
        }
        // Of the columns of an aggregation only its keys come from somewhere.
        LogicalPlan::Aggregate(aggregate) => {
            let position = aggregate.schema.maybe_index_of_column(column)?;
            follow(&aggregate.input, aggregate.group_expr.get(position)?)
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let position = alias.schema.maybe_index_of_column(column)?;
            origin(&alias.input, &Column::from(alias.input.schema().qualified_field(position)))
        }
        LogicalPlan::Filter(filter) => origin(&filter.input, column),
        LogicalPlan::Join(join) => {
            let side = [&join.left, &join.right].into_iter().find(|side| side.schema().has_column(column))?;
            origin(side, column)
        }
        LogicalPlan::Unnest(unnest) if unnest.input.schema().has_column(column) => origin(&unnest.input, column),
        _ => None,
    }
}

/// True when `column` of `plan` is the column `name` of the stream itself.
pub(crate) fn is_stream_column(plan: &LogicalPlan, column: &Column, stream: &str, name: &str) -> bool {
    match origin(plan, column) {
        Some(Expr::Column(source)) => {
            source.name == name && source.relation.is_some_and(|relation| relation.table() == stream)
        }
        _ => false,
    }
}

fn follow(input: &LogicalPlan, expression: &Expr) -> Option<Expr> {
    match expression.clone().unalias_nested().data {
        Expr::Column(column) => origin(input, &column),
        computed => Some(computed),
    }
}
