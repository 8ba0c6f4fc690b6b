//! Where does a query look at the people it protects? Counting them is all that may be done.

use std::collections::HashSet;

use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::logical_plan::{Aggregate, Join};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

use crate::definition::SignalDefinition;
use crate::interval::StreamJoin;
use crate::origin::is_stream_column;
use crate::{Code, Refusal, refuse};

/// The privacy units of the streams that a signal reads: stream and column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct People(Vec<(String, String)>);

impl People {
    /// The `unit` of `stream`, and that of the stream which its rows meet.
    pub(crate) fn of(stream: &str, unit: &str, join: Option<&StreamJoin>) -> Self {
        let met = join.and_then(|join| Some((join.stream.clone(), join.unit.clone()?)));
        Self(std::iter::once((stream.to_owned(), unit.to_owned())).chain(met).collect())
    }

    /// Refuses a query that shows, groups by, compares or filters by privacy units, or by anything computed from them:
    /// counting them is all that may be done.
    pub(crate) fn refuse_shown(
        &self,
        aggregate: &Aggregate,
        unit: &str,
        signal: &SignalDefinition,
    ) -> Result<(), Refusal> {
        let mut filtered = false;
        let derived = self.derived(&aggregate.input, &mut filtered);
        let uses = |expression: &Expr| expression.column_refs().iter().any(|column| derived.contains(*column));
        let counts_only = |call: &Expr| match call {
            Expr::AggregateFunction(call) if matches!(call.func.name(), "count" | "dp_count" | "dp_units") => {
                let bare = |argument: &Expr| matches!(argument, Expr::Column(_)) || !uses(argument);
                call.params.args.iter().all(bare) && call.params.filter.as_deref().is_none_or(|filter| !uses(filter))
            }
            other => !uses(other),
        };
        let calls = aggregate.aggr_expr.iter().map(|call| call.clone().unalias());
        if filtered || aggregate.group_expr.iter().any(uses) || !calls.into_iter().all(|call| counts_only(&call)) {
            return Err(refuse(
                Code::UnitShown,
                &signal.word_place(unit),
                format!(
                    "`{unit}` is the privacy unit: a signal may count units, never show, group by, compare, filter or join them"
                ),
                format!("use count(DISTINCT {unit}), or group by a coarser column"),
            ));
        }
        Ok(())
    }

    /// The columns of `plan` that are the unit or computed from it; notes when a filter looks at one.
    ///
    /// Asking whether there is a unit at all (`IS NULL`, `IS NOT NULL`) tells nobody apart and is allowed.
    fn derived(&self, plan: &LogicalPlan, filtered: &mut bool) -> HashSet<Column> {
        let derived = plan.inputs().into_iter().flat_map(|input| self.derived(input, filtered));
        let inner = derived.collect::<HashSet<_>>();
        match plan {
            LogicalPlan::TableScan(scan) => {
                let is_unit = |column: &Column| {
                    self.0.iter().any(|(stream, unit)| scan.table_name.table() == stream && column.name == *unit)
                };
                scan.projected_schema.columns().into_iter().filter(is_unit).collect()
            }
            LogicalPlan::Projection(projection) => {
                let columns = projection.schema.columns().into_iter().zip(&projection.expr);
                columns.filter(|(_, computed)| looks_at(computed, &inner)).map(|(column, _)| column).collect()
            }
            LogicalPlan::SubqueryAlias(alias) => {
                let columns = alias.schema.columns().into_iter().zip(alias.input.schema().columns());
                columns.filter(|(_, inside)| inner.contains(inside)).map(|(column, _)| column).collect()
            }
            // Who is in a table is a question about units too.
            LogicalPlan::Join(join) => {
                let equal = join.on.iter().filter(|(left, right)| !self.is_one_unit(join, left, right));
                let conditions = join.filter.iter().flat_map(split_conjunction).filter(|condition| match condition {
                    Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                        !self.is_one_unit(join, left, right)
                    }
                    _ => true,
                });
                let mut looked_at = equal.flat_map(|(left, right)| [left, right]).chain(conditions);
                *filtered |= looked_at.any(|condition| looks_at(condition, &inner));
                inner
            }
            LogicalPlan::Filter(filter) => {
                *filtered |= looks_at(&filter.predicate, &inner);
                inner
            }
            other => {
                let names = inner.iter().map(|column| column.name.as_str()).collect::<HashSet<_>>();
                other.schema().columns().into_iter().filter(|column| names.contains(column.name.as_str())).collect()
            }
        }
    }

    /// True where rows of one unit meet: both sides are units as they are.
    fn is_one_unit(&self, join: &Join, one: &Expr, other: &Expr) -> bool {
        let is_unit = |key: &Expr, plan: &LogicalPlan| match key {
            Expr::Column(column) if plan.schema().has_column(column) => {
                self.0.iter().any(|(stream, unit)| is_stream_column(plan, column, stream, unit))
            }
            _ => false,
        };
        let meet = |left, right| is_unit(left, &join.left) && is_unit(right, &join.right);
        meet(one, other) || meet(other, one)
    }
}

/// True when `expression` uses one of `columns` other than by asking whether it is null.
fn looks_at(expression: &Expr, columns: &HashSet<Column>) -> bool {
    let mut found = false;
    // The closure never fails.
    let _ = expression.apply(|node| {
        if let Expr::IsNull(inner) | Expr::IsNotNull(inner) = node
            && matches!(inner.as_ref(), Expr::Column(_))
        {
            return Ok(TreeNodeRecursion::Jump);
        }
        found |= matches!(node, Expr::Column(column) if columns.contains(column));
        Ok(TreeNodeRecursion::Continue)
    });
    found
}
