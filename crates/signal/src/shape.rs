//! Has the query the shape of a signal: one aggregation, row-wise steps below it, nothing but
//! filters and projections above?
//!
//! What stands below runs per micro-batch and must treat rows one by one; what stands above runs per
//! release and must treat groups one by one. Everything else would give another answer for another cut.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::logical_plan::Aggregate;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use tidegate_algebra::admit;

use crate::definition::SignalDefinition;
use crate::origin::origin;
use crate::window::{TumbleCall, is_window_end, tumble_call};
use crate::{Code, Refusal, refuse};

/// What a signal's query is made of.
pub(crate) struct Shape {
    /// The one aggregation.
    pub(crate) aggregate: Aggregate,
    /// The stream it reads.
    pub(crate) stream: String,
    /// Its tumbling windows.
    pub(crate) window: Option<TumbleCall>,
}

/// Checks the shape of `plan`.
///
/// # Errors
/// A refusal that names the clause, function or aggregate which does not fit.
pub(crate) fn check(plan: &LogicalPlan, signal: &SignalDefinition) -> Result<Shape, Refusal> {
    refuse_expressions(plan, signal)?;
    let aggregate = find_aggregate(plan, signal)?;
    refuse_overlap(&aggregate, signal)?;
    for call in &aggregate.aggr_expr {
        refuse_inadmissible(call, signal)?;
    }
    let stream = find_stream(&aggregate.input, signal)?;
    let window = find_window(&aggregate.input);
    if window.is_some() {
        require_window_keys(&aggregate, signal)?;
        require_window_names(&aggregate.input, signal)?;
        require_window_names(plan, signal)?;
    }
    Ok(Shape { aggregate, stream, window })
}

/// Walks down to the aggregation.
fn find_aggregate(plan: &LogicalPlan, signal: &SignalDefinition) -> Result<Aggregate, Refusal> {
    let after = "keep the signal to its groups and put this into a query over released rows, with `tidegate sql`";
    match plan {
        LogicalPlan::Projection(projection) => find_aggregate(&projection.input, signal),
        LogicalPlan::Filter(filter) => find_aggregate(&filter.input, signal),
        LogicalPlan::SubqueryAlias(alias) => find_aggregate(&alias.input, signal),
        LogicalPlan::Aggregate(aggregate) => Ok(aggregate.clone()),
        LogicalPlan::Sort(_) => {
            Err(unsupported(signal, "order", "ORDER BY: released rows are always sorted by key", after))
        }
        LogicalPlan::Limit(_) => Err(unsupported(signal, "limit", "LIMIT: it would drop groups", after)),
        LogicalPlan::Window(_) => Err(unsupported(signal, "over", "OVER: a group cannot see other groups", after)),
        LogicalPlan::Distinct(_) => {
            let fix = "write GROUP BY with the same columns";
            Err(unsupported(signal, "distinct", "SELECT DISTINCT", fix))
        }
        LogicalPlan::Join(_) => Err(unsupported(signal, "join", "a join", "read one stream per signal")),
        LogicalPlan::Union(_) => Err(unsupported(signal, "union", "UNION", "write one signal for each part")),
        LogicalPlan::TableScan(_) | LogicalPlan::Unnest(_) => Err(refuse(
            Code::UnsupportedClause,
            &signal.query_place,
            "a signal aggregates, and this query has no aggregate",
            "add GROUP BY with count, sum, avg, min or max; to look at rows use `tidegate sql`",
        )),
        other => Err(unsupported(signal, "select", &plan_name(other), after)),
    }
}

/// Walks from the aggregation down to the stream.
fn find_stream(plan: &LogicalPlan, signal: &SignalDefinition) -> Result<String, Refusal> {
    let rows = "below its aggregation a signal may filter, compute and unnest rows of one stream";
    match plan {
        LogicalPlan::Projection(projection) => find_stream(&projection.input, signal),
        LogicalPlan::Filter(filter) => find_stream(&filter.input, signal),
        LogicalPlan::SubqueryAlias(alias) => find_stream(&alias.input, signal),
        LogicalPlan::Unnest(unnest) => find_stream(&unnest.input, signal),
        LogicalPlan::TableScan(scan) => Ok(scan.table_name.table().to_owned()),
        LogicalPlan::Join(_) => Err(unsupported(signal, "join", "a join", rows)),
        LogicalPlan::Union(_) => Err(unsupported(signal, "union", "UNION", rows)),
        LogicalPlan::Aggregate(_) => Err(unsupported(signal, "group", "an aggregation over an aggregation", rows)),
        LogicalPlan::Distinct(_) => Err(unsupported(signal, "distinct", "DISTINCT below the aggregation", rows)),
        LogicalPlan::Window(_) => Err(unsupported(signal, "over", "OVER", rows)),
        LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
            Err(unsupported(signal, "limit", "ORDER BY and LIMIT below the aggregation", rows))
        }
        other => Err(unsupported(signal, "from", &plan_name(other), rows)),
    }
}

fn unsupported(signal: &SignalDefinition, word: &str, what: &str, fix: &str) -> Refusal {
    let cause = format!("a signal cannot have {what}");
    refuse(Code::UnsupportedClause, &signal.word_place(word), cause, fix)
}

fn plan_name(plan: &LogicalPlan) -> String {
    let text = plan.display().to_string();
    text.split([':', ' ']).next().unwrap_or("this clause").to_owned()
}

/// Refuses subqueries, and functions that answer differently when asked again.
fn refuse_expressions(plan: &LogicalPlan, signal: &SignalDefinition) -> Result<(), Refusal> {
    let mut refusal = None;
    let visit = plan.apply(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|expression| {
                refusal = refused_expression(expression, signal);
                Ok(if refusal.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })
    });
    match (refusal, visit) {
        (Some(refusal), _) => Err(refusal),
        (None, Err(error)) => Err(Refusal::from_datafusion(&error, &signal.query_place)),
        (None, Ok(_)) => Ok(()),
    }
}

fn refused_expression(expression: &Expr, signal: &SignalDefinition) -> Option<Refusal> {
    match expression {
        Expr::ScalarFunction(call) if call.func.signature().volatility != Volatility::Immutable => Some(refuse(
            Code::VolatileFunction,
            &signal.word_place(call.func.name()),
            format!("`{}` answers differently from run to run, and a signal must not", call.func.name()),
            "compare event times with each other or with a $parameter",
        )),
        Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_) => {
            let fix = "read one stream per signal and combine released rows with `tidegate sql`";
            Some(unsupported(signal, "select", "a subquery in an expression", fix))
        }
        _ => None,
    }
}

fn refuse_inadmissible(call: &Expr, signal: &SignalDefinition) -> Result<(), Refusal> {
    let mut found = Ok(());
    // The closure never fails.
    let _ = call.apply(|node| {
        if let Expr::AggregateFunction(call) = node
            && let Err(inadmissible) = admit(call)
        {
            found = Err(refuse(
                Code::InadmissibleAggregate,
                &signal.word_place(&inadmissible.function),
                format!("`{}` {}", inadmissible.function, inadmissible.cause),
                inadmissible.instead,
            ));
            return Ok(TreeNodeRecursion::Stop);
        }
        Ok(TreeNodeRecursion::Continue)
    });
    found
}

/// Refuses ROLLUP, CUBE and GROUPING SETS: rows would be released in several overlapping groups.
fn refuse_overlap(aggregate: &Aggregate, signal: &SignalDefinition) -> Result<(), Refusal> {
    if !aggregate.group_expr.iter().any(|key| matches!(key, Expr::GroupingSet(_))) {
        return Ok(());
    }
    let code = if signal.clause.is_some() { Code::OverlappingGroups } else { Code::UnsupportedClause };
    Err(refuse(
        code,
        &signal.word_place("group"),
        "ROLLUP, CUBE and GROUPING SETS show the same rows in overlapping groups, whose differences show small ones",
        "write one GROUP BY; coarser totals are sums over the released rows",
    ))
}

fn find_window(plan: &LogicalPlan) -> Option<TumbleCall> {
    let mut call = None;
    let found = plan.apply(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|expression| {
                call = call.take().or_else(|| tumble_call(expression));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    found.ok().and(call)
}

/// A window that is not a key would mix windows in one group.
fn require_window_keys(aggregate: &Aggregate, signal: &SignalDefinition) -> Result<(), Refusal> {
    let is_start = |key: &Expr| matches!(key.clone().unalias(), Expr::Column(column) if column.name == "window_start");
    if aggregate.group_expr.iter().any(is_start) {
        return Ok(());
    }
    Err(refuse(
        Code::WindowNotShown,
        &signal.word_place("group"),
        "the query reads windows and does not group by them",
        "add window_start, window_end to GROUP BY",
    ))
}

/// Refuses other columns under the names of the window's: state is cut and rows are filed by them.
fn require_window_names(plan: &LogicalPlan, signal: &SignalDefinition) -> Result<(), Refusal> {
    for column in plan.schema().columns() {
        let own = match column.name.as_str() {
            "window_start" => origin(plan, &column).is_some_and(|origin| tumble_call(&origin).is_some()),
            "window_end" => origin(plan, &column).is_some_and(|origin| is_window_end(&origin)),
            _ => true,
        };
        if !own {
            let cause = format!("`{}` is not the column of the window here, and rows are filed by it", column.name);
            let fix = format!("give the column another name with AS, and select {} as it is", column.name);
            return Err(refuse(Code::WindowNotShown, &signal.word_place(&column.name), cause, fix));
        }
    }
    Ok(())
}
