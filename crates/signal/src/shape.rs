//! Has the query the shape of a signal: one aggregation, row-wise steps below it, nothing but
//! filters and projections above? Or row-wise steps alone?
//!
//! What stands below runs per micro-batch and must treat rows one by one; what stands above runs per
//! release and must treat groups one by one. Everything else would give another answer for another cut.

use std::collections::{BTreeMap, HashSet};

use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::logical_plan::Aggregate;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use tidegate_algebra::private::is_measure;
use tidegate_algebra::{Windows, admit};

use crate::definition::SignalDefinition;
use crate::interval::{Meeting, StreamJoin};
use crate::join::{Tables, stream_side};
use crate::origin::origin;
use crate::pane::{PaneCall, is_window_end, pane_call};
use crate::plan::Stream;
use crate::window::function_name;
use crate::{Code, Refusal, refuse};

/// What a signal's query is made of.
pub(crate) struct Shape {
    /// The stream it reads.
    pub(crate) stream: String,
    /// The stream it joins that with.
    pub(crate) join: Option<StreamJoin>,
    /// Its aggregation; none where rows are released as they are.
    pub(crate) groups: Option<Groups>,
}

/// The groups of a signal.
pub(crate) struct Groups {
    /// The one aggregation.
    pub(crate) aggregate: Aggregate,
    /// Its windows.
    pub(crate) window: Option<PaneCall>,
}

/// Checks the shape of `plan`.
///
/// # Errors
/// A refusal that names the clause, function or aggregate which does not fit.
pub(crate) fn check(
    plan: &LogicalPlan,
    streams: &BTreeMap<String, Stream>,
    tables: &Tables,
    signal: &SignalDefinition,
) -> Result<Shape, Refusal> {
    let sources = Sources { streams, tables, signal };
    refuse_expressions(plan, signal)?;
    let Some(aggregate) = find_aggregate(plan, signal)? else {
        let (stream, join) = sources.find(plan)?;
        if find_window(plan).is_some() {
            return Err(not_grouped(signal));
        }
        return Ok(Shape { stream, join, groups: None });
    };
    refuse_overlap(&aggregate, signal)?;
    for call in &aggregate.aggr_expr {
        refuse_inadmissible(call, signal)?;
    }
    let (stream, join) = sources.find(&aggregate.input)?;
    let window = find_window(&aggregate.input);
    if let Some(PaneCall { windows, .. }) = &window {
        require_window_keys(&aggregate, windows, signal)?;
        // What is below a tumbling window's keys sees the window itself.
        if !matches!(windows, Windows::Tumble(_)) {
            refuse_panes_as_values(&aggregate, windows, signal)?;
        }
        require_window_names(&aggregate.input, signal)?;
        require_window_names(plan, signal)?;
    }
    require_partition(&aggregate, window.as_ref(), signal)?;
    Ok(Shape { stream, join, groups: Some(Groups { aggregate, window }) })
}

/// Walks down to the aggregation, if there is one.
fn find_aggregate(plan: &LogicalPlan, signal: &SignalDefinition) -> Result<Option<Aggregate>, Refusal> {
    let after = "keep the signal to its groups and put this into a query over released rows, with `tidegate sql`";
    match plan {
        LogicalPlan::Projection(projection) => find_aggregate(&projection.input, signal),
        LogicalPlan::Filter(filter) => find_aggregate(&filter.input, signal),
        LogicalPlan::SubqueryAlias(alias) => find_aggregate(&alias.input, signal),
        LogicalPlan::Aggregate(aggregate) => Ok(Some(aggregate.clone())),
        LogicalPlan::TableScan(_) | LogicalPlan::Unnest(_) | LogicalPlan::Join(_) => Ok(None),
        LogicalPlan::Sort(_) => {
            Err(unsupported(signal, "order", "ORDER BY: released rows always lie in one order", after))
        }
        LogicalPlan::Limit(_) => Err(unsupported(signal, "limit", "LIMIT: it would drop groups", after)),
        LogicalPlan::Window(_) => Err(unsupported(signal, "over", "OVER: a group or row cannot see others", after)),
        LogicalPlan::Distinct(_) => {
            let fix = "write GROUP BY with the same columns";
            Err(unsupported(signal, "distinct", "SELECT DISTINCT", fix))
        }
        LogicalPlan::Union(_) => Err(unsupported(signal, "union", "UNION", "write one signal for each part")),
        other => Err(unsupported(signal, "select", &plan_name(other), after)),
    }
}

/// What a query may read.
struct Sources<'a> {
    streams: &'a BTreeMap<String, Stream>,
    tables: &'a Tables,
    signal: &'a SignalDefinition,
}

impl Sources<'_> {
    /// Walks from the aggregation down to the stream, and to the one that it is joined with.
    fn find(&self, plan: &LogicalPlan) -> Result<(String, Option<StreamJoin>), Refusal> {
        let rows = "before it aggregates a signal may filter, compute and unnest rows of a stream, and join them";
        let unsupported = |word, what: &str| Err(unsupported(self.signal, word, what, rows));
        match plan {
            LogicalPlan::Projection(projection) => self.find(&projection.input),
            LogicalPlan::Filter(filter) => self.find(&filter.input),
            LogicalPlan::SubqueryAlias(alias) => self.find(&alias.input),
            LogicalPlan::Unnest(unnest) => self.find(&unnest.input),
            LogicalPlan::TableScan(scan) => Ok((scan.table_name.table().to_owned(), None)),
            LogicalPlan::Join(join) => match stream_side(join, self.tables, self.signal)? {
                Some(stream) => self.find(stream),
                None => self.find_meeting(&Meeting::of(join, self.signal)?),
            },
            LogicalPlan::Union(_) => unsupported("union", "UNION"),
            LogicalPlan::Aggregate(_) => unsupported("group", "an aggregation over an aggregation"),
            LogicalPlan::Distinct(_) => unsupported("distinct", "DISTINCT below the aggregation"),
            LogicalPlan::Window(_) => unsupported("over", "OVER"),
            LogicalPlan::Sort(_) | LogicalPlan::Limit(_) => {
                unsupported("limit", "ORDER BY and LIMIT below the aggregation")
            }
            other => unsupported("from", &plan_name(other)),
        }
    }

    fn find_meeting(&self, meeting: &Meeting<'_>) -> Result<(String, Option<StreamJoin>), Refusal> {
        let refused = |what, fix| Err(unsupported(self.signal, "join", what, fix));
        let ((leading, None), (other, None)) = (self.find(meeting.leading())?, self.find(meeting.other())?) else {
            return refused("a join of three streams", "join two in one signal, and query its released rows");
        };
        if leading == other {
            let fix = "define a second stream over the same path with CREATE STREAM, and join the two";
            return refused("a join of a stream with itself", fix);
        }
        let (Some(first), Some(second)) = (self.streams.get(&leading), self.streams.get(&other)) else {
            let name = if self.streams.contains_key(&leading) { &other } else { &leading };
            let cause = format!("there is no stream `{name}`");
            let fix = "define it with CREATE STREAM in one of the project's SQL files";
            return Err(refuse(Code::UnknownTable, &self.signal.word_place(name), cause, fix));
        };
        let join = meeting.interval(&first.definition, &second.definition, self.signal)?;
        if self.signal.lateness_us > 0 {
            let what = "lateness over a join of streams: what a row has met, or not met, is not taken back";
            return refused(what, "leave lateness out, and give the streams a longer watermark");
        }
        Ok((leading, Some(join)))
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
        if is_measure(node) {
            return Ok(TreeNodeRecursion::Jump);
        }
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

/// The windows that `plan` reads, if any.
pub(crate) fn find_window(plan: &LogicalPlan) -> Option<PaneCall> {
    let mut call = None;
    let found = plan.apply(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|expression| {
                call = call.take().or_else(|| pane_call(expression));
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    found.ok().and(call)
}

/// A window that is not a key would mix windows in one group.
fn require_window_keys(aggregate: &Aggregate, windows: &Windows, signal: &SignalDefinition) -> Result<(), Refusal> {
    let has = |name: &str| aggregate.group_expr.iter().any(|key| key_name(key).is_some_and(|key| key == name));
    if !has("window_start") {
        return Err(not_grouped(signal));
    }
    // Where the end follows from the start, the start alone tells windows apart.
    if windows.end_of(0).is_none() && !has("window_end") {
        return Err(refuse(
            Code::WindowNotShown,
            &signal.word_place("group"),
            format!(
                "windows of {} are told apart by their ends, and the query does not group by them",
                function_name(windows)
            ),
            "add window_end to GROUP BY, and to the SELECT list",
        ));
    }
    Ok(())
}

fn not_grouped(signal: &SignalDefinition) -> Refusal {
    refuse(
        Code::WindowNotShown,
        &signal.word_place("group"),
        "the query reads windows and does not group by them",
        "add window_start, window_end to GROUP BY",
    )
}

/// The name of a key that is a bare column.
fn key_name(key: &Expr) -> Option<String> {
    match key.clone().unalias() {
        Expr::Column(column) => Some(column.name),
        _ => None,
    }
}

/// Refuses a query that computes with the bounds of windows below its aggregation: a row would show its pane there,
/// and not the windows in which it lies.
fn refuse_panes_as_values(aggregate: &Aggregate, windows: &Windows, signal: &SignalDefinition) -> Result<(), Refusal> {
    let mut used = None;
    let bounds = window_bounds(&aggregate.input, &mut used);
    let is_key = |key: &Expr| matches!(key.clone().unalias(), Expr::Column(_));
    let computed = aggregate.group_expr.iter().filter(|key| !is_key(key)).chain(&aggregate.aggr_expr);
    note_uses(computed, &bounds, &mut used);
    let Some(name) = used else { return Ok(()) };
    Err(refuse(
        Code::BadWindow,
        &signal.word_place(&name),
        format!(
            "`{name}` of {} can only be a key: a row lies in several windows, and below GROUP BY it is in none yet",
            function_name(windows)
        ),
        "use it bare in GROUP BY, and compute with it in the SELECT list or in HAVING; filter rows by their event time",
    ))
}

/// The columns of `plan` that are bounds of windows; notes the name of one that is used otherwise than passed on.
fn window_bounds(plan: &LogicalPlan, used: &mut Option<String>) -> HashSet<Column> {
    let inner = plan.inputs().into_iter().flat_map(|input| window_bounds(input, used)).collect::<HashSet<_>>();
    match plan {
        LogicalPlan::Projection(projection) => {
            let mut bounds = HashSet::new();
            for (column, expression) in projection.schema.columns().into_iter().zip(&projection.expr) {
                match expression.clone().unalias_nested().data {
                    Expr::Column(from) if !inner.contains(&from) => {}
                    Expr::Column(from) if from.name == column.name => {
                        bounds.insert(column);
                    }
                    computed if pane_call(&computed).is_some() || is_window_end(&computed) => {
                        bounds.insert(column);
                    }
                    computed => note_uses([&computed], &inner, used),
                }
            }
            bounds
        }
        LogicalPlan::SubqueryAlias(alias) => {
            let columns = alias.schema.columns().into_iter().zip(alias.input.schema().columns());
            columns.filter(|(_, inside)| inner.contains(inside)).map(|(column, _)| column).collect()
        }
        other => {
            let expressions = other.expressions();
            note_uses(&expressions, &inner, used);
            inner
        }
    }
}

fn note_uses<'a>(expressions: impl IntoIterator<Item = &'a Expr>, bounds: &HashSet<Column>, used: &mut Option<String>) {
    for expression in expressions {
        let bound = expression.column_refs().into_iter().find(|column| bounds.contains(*column));
        *used = used.take().or_else(|| bound.map(|column| column.name.clone()));
    }
}

/// Flink's `PARTITION BY` says whose sessions they are. Ours are those of the other keys, so it must name them.
fn require_partition(
    aggregate: &Aggregate,
    window: Option<&PaneCall>,
    signal: &SignalDefinition,
) -> Result<(), Refusal> {
    let Some(columns) = &signal.partition else { return Ok(()) };
    let place = columns.first().map_or_else(|| signal.query_place.clone(), |column| column.place.clone());
    if !matches!(window, Some(PaneCall { windows: Windows::Session { .. }, .. })) {
        let cause = "PARTITION BY belongs to SESSION: other windows are the same for every key";
        return Err(refuse(Code::BadWindow, &place, cause, "leave it out"));
    }
    let is_bound = |key: &Option<String>| matches!(key.as_deref(), Some("window_start" | "window_end"));
    let keys = aggregate.group_expr.iter().map(key_name).filter(|key| !is_bound(key)).collect::<HashSet<_>>();
    let partition = columns.iter().map(|column| Some(column.value.clone())).collect::<HashSet<_>>();
    if keys == partition {
        return Ok(());
    }
    Err(refuse(
        Code::BadWindow,
        &place,
        "the columns of PARTITION BY are not the keys of GROUP BY beside the window",
        "group by window_start, window_end and the columns of PARTITION BY",
    ))
}

/// Refuses other columns under the names of the window's: state is cut and rows are filed by them.
fn require_window_names(plan: &LogicalPlan, signal: &SignalDefinition) -> Result<(), Refusal> {
    for column in plan.schema().columns() {
        let own = match column.name.as_str() {
            "window_start" => origin(plan, &column).is_some_and(|origin| pane_call(&origin).is_some()),
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
