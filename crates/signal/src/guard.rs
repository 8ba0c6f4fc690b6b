//! Does a query over internal rows of protected people let a distribution out? What was kept of them as sketches may be
//! merged, and compared with one another; neither a sketch nor what stands in it may be shown.
//!
//! A sketch is of a binary type, and nothing else in internal rows is. So the rule is one of types: whatever takes a binary
//! value must be one of the functions below, nothing but they and columns may give one, and no result column may have one.
//! So a query cannot make a sketch of chosen values beside people's, whose distance would count theirs; nor may it read one:
//! beside guarded rows no released signal and no table with a binary column is read.
//!
//! Plans are looked at after DataFusion has written out which values it converts: `SELECT 'a' UNION ALL SELECT s` turns one
//! of the two into the other's type without saying so.

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result as PlanResult, TableReference};
use datafusion::execution::SessionState;
use datafusion::logical_expr::logical_plan::Aggregate;
use datafusion::logical_expr::{Cast, Distinct, Expr, ExprSchemable, LogicalPlan, WindowFunctionDefinition};

use crate::definition::SignalDefinition;
use crate::{Code, Refusal, refuse};

/// What may be said about sketches: how far they are apart, and how many values stand behind them.
const SAYS: [&str; 21] = [
    "chi2_test",
    "ddsketch_count",
    "drift",
    "freq_count",
    "freq_error",
    "hellinger",
    "hll_count",
    "js_distance",
    "js_divergence",
    "kl_divergence",
    "ks_test",
    "l_infinity",
    "profile_distinct",
    "profile_infinite",
    "profile_nan",
    "profile_nulls",
    "profile_rows",
    "profile_zeros",
    "psi",
    "total_variation",
    "wasserstein",
];

/// What gives sketches of sketches.
const GIVES: [&str; 11] = [
    "coalesce",
    "ddsketch_merge",
    "first_value",
    "freq_merge",
    "hll_merge",
    "lag",
    "last_value",
    "lead",
    "nth_value",
    "profile_merge",
    "profile_sketch",
];

/// Functions that make sketches of rows, or of other sketches.
pub(crate) const SKETCHES: [&str; 8] =
    ["ddsketch", "ddsketch_merge", "freq", "freq_merge", "hll", "hll_merge", "profile", "profile_merge"];

/// Refuses a plan over guarded rows that lets a binary value out, or looks into one.
///
/// # Errors
/// [`Code::SketchShown`] with the name of what would.
pub(crate) fn refuse_shown_sketches(
    plan: &LogicalPlan,
    is_internal: bool,
    is_guarded: impl Fn(&TableReference) -> bool,
    session: &SessionState,
    definition: &SignalDefinition,
) -> Result<(), Refusal> {
    let explain = |error| Refusal::from_datafusion(&error, &definition.query_place);
    let plan =
        session.analyzer().execute_and_check(plan.clone(), session.config_options(), |_, _| {}).map_err(explain)?;
    if !is_internal && let Some(name) = first_binary(plan.schema().as_arrow()) {
        return Err(shown(&name, &format!("result column `{name}` is a sketch"), definition));
    }
    if let Some(name) = foreign_sketch(&plan, is_guarded).map_err(explain)? {
        let what = format!("`{name}` has a column of bytes, which could be a sketch of chosen values");
        return Err(shown(&name, &what, definition));
    }
    refuse_leak(leak_of(&plan).map_err(explain)?, definition)
}

/// A table that is not guarded and has a binary column.
fn foreign_sketch(plan: &LogicalPlan, is_guarded: impl Fn(&TableReference) -> bool) -> PlanResult<Option<String>> {
    let mut found = None;
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && !is_guarded(&scan.table_name)
            && first_binary(scan.projected_schema.as_arrow()).is_some()
        {
            found = Some(scan.table_name.table().to_owned());
        }
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// Refuses internal rows of people that show what stands in a sketch: other signals may show them on.
///
/// # Errors
/// [`Code::SketchShown`] with the name of what looks into a sketch above `aggregate`.
pub(crate) fn refuse_opened_sketches(
    plan: &LogicalPlan,
    aggregate: &Aggregate,
    definition: &SignalDefinition,
) -> Result<(), Refusal> {
    let mut leak = None;
    let above = plan.apply(|node| {
        if matches!(node, LogicalPlan::Aggregate(found) if found == aggregate) {
            return Ok(TreeNodeRecursion::Stop);
        }
        leak = leak_in(node)?;
        Ok(if leak.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    above.map_err(|error| Refusal::from_datafusion(&error, &definition.query_place))?;
    refuse_leak(leak, definition)
}

fn refuse_leak(leak: Option<String>, definition: &SignalDefinition) -> Result<(), Refusal> {
    let Some(name) = leak else { return Ok(()) };
    Err(shown(&name, &format!("`{name}` may neither look into a sketch nor make one here"), definition))
}

fn shown(name: &str, what: &str, definition: &SignalDefinition) -> Refusal {
    let cause = format!("{what}: behind a sketch of a protected stream stand single values");
    let fix = "compare sketches (drift, psi, ks_test, ...), or count (ddsketch_count, hll_count)";
    refuse(Code::SketchShown, &definition.word_place(name), cause, fix)
}

fn first_binary(schema: &Schema) -> Option<String> {
    schema.fields().iter().find(|field| is_binary(field.data_type())).map(|field| field.name().clone())
}

/// The first thing in `plan` that takes or makes a binary value and may not.
fn leak_of(plan: &LogicalPlan) -> PlanResult<Option<String>> {
    let mut leak = None;
    plan.apply_with_subqueries(|node| {
        leak = leak_in(node)?;
        Ok(if leak.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(leak)
}

/// The first thing in `node` itself that takes or makes a binary value and may not.
fn leak_in(node: &LogicalPlan) -> PlanResult<Option<String>> {
    let schemas = Schemas::of(node);
    if let Some(word) = compares(node, &schemas) {
        return Ok(Some(word.to_owned()));
    }
    let mut leak = None;
    node.apply_expressions(|expression| {
        expression.apply(|expression| {
            leak = makes(expression, &schemas).or_else(|| looks_into(expression, &schemas));
            Ok(if leak.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        })
    })?;
    Ok(leak)
}

/// The columns that expressions of a node see: of each input alone, because two may have one name, and of all.
struct Schemas(Vec<DFSchema>);

impl Schemas {
    fn of(node: &LogicalPlan) -> Self {
        let mut schemas = node.inputs().iter().map(|input| input.schema().as_ref().clone()).collect::<Vec<_>>();
        if let LogicalPlan::TableScan(scan) = node {
            schemas.push(scan.projected_schema.as_ref().clone());
        }
        let mut all = DFSchema::empty();
        schemas.iter().for_each(|schema| all.merge(schema));
        schemas.push(all);
        Self(schemas)
    }

    /// Whether `expression` is a sketch, or has one in it.
    fn is_sketch(&self, expression: &Expr) -> bool {
        self.0.iter().any(|schema| expression.get_type(schema).is_ok_and(|found| is_binary(&found)))
    }
}

/// What a node is called that orders, groups or pairs rows by a sketch, and so tells which ones are equal.
fn compares(node: &LogicalPlan, schemas: &Schemas) -> Option<&'static str> {
    let any = |mut expressions: std::slice::Iter<'_, Expr>| expressions.any(|expression| schemas.is_sketch(expression));
    let has_sketch = |plan: &LogicalPlan| first_binary(plan.schema().as_arrow()).is_some();
    match node {
        LogicalPlan::Sort(sort) => sort.expr.iter().any(|by| schemas.is_sketch(&by.expr)).then_some("order"),
        LogicalPlan::Aggregate(aggregate) => any(aggregate.group_expr.iter()).then_some("group"),
        LogicalPlan::Join(join) => {
            join.on.iter().any(|(left, right)| schemas.is_sketch(left) || schemas.is_sketch(right)).then_some("join")
        }
        LogicalPlan::Distinct(Distinct::All(input)) => has_sketch(input).then_some("distinct"),
        LogicalPlan::Distinct(Distinct::On(on)) => any(on.on_expr.iter()).then_some("distinct"),
        LogicalPlan::RecursiveQuery(query) => (query.is_distinct && has_sketch(&query.static_term)).then_some("union"),
        _ => None,
    }
}

/// The name of `expression`, if it makes a sketch of something else.
fn makes(expression: &Expr, schemas: &Schemas) -> Option<String> {
    let hands_on = match expression {
        Expr::Alias(_) | Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::ScalarSubquery(_) => true,
        Expr::Literal(value, _) => value.is_null(),
        // Of what it may be cast, `looks_into` says.
        Expr::Cast(Cast { expr, .. }) => schemas.is_sketch(expr) || is_null(expr),
        other => GIVES.contains(&name_of(other).as_str()),
    };
    (!hands_on && schemas.is_sketch(expression)).then(|| name_of(expression))
}

/// The name of `expression`, if it takes a binary value and may not.
fn looks_into(expression: &Expr, schemas: &Schemas) -> Option<String> {
    let is_sketch = |child: &Expr| schemas.is_sketch(child);
    let name = name_of(expression);
    let may = SAYS.contains(&name.as_str()) || GIVES.contains(&name.as_str());
    let takes = match expression {
        Expr::Alias(_) | Expr::IsNull(_) | Expr::IsNotNull(_) => false,
        // From one binary type to another, as arguments are.
        Expr::Cast(Cast { expr, field }) => is_sketch(expr) && !is_bytes(field.data_type()),
        Expr::ScalarFunction(_) if may => false,
        Expr::AggregateFunction(call) if may => {
            call.params.distinct || call.params.order_by.iter().any(|by| is_sketch(&by.expr))
        }
        Expr::WindowFunction(call) if may => {
            call.params.distinct
                || call.params.partition_by.iter().any(is_sketch)
                || call.params.order_by.iter().any(|by| is_sketch(&by.expr))
        }
        // What is looked up may be text, and still be compared with bytes.
        Expr::InSubquery(lookup) => {
            is_sketch(&lookup.expr) || first_binary(lookup.subquery.subquery.schema().as_arrow()).is_some()
        }
        Expr::SetComparison(lookup) => {
            is_sketch(&lookup.expr) || first_binary(lookup.subquery.subquery.schema().as_arrow()).is_some()
        }
        other => {
            let mut takes = false;
            // The closure never fails.
            let _ = other.apply_children(|child| {
                takes |= is_sketch(child);
                Ok(TreeNodeRecursion::Continue)
            });
            takes
        }
    };
    takes.then_some(name)
}

fn is_null(expression: &Expr) -> bool {
    matches!(expression, Expr::Literal(value, _) if value.is_null())
}

/// What `expression` is called where it was written, as nearly as can be told.
fn name_of(expression: &Expr) -> String {
    match expression {
        Expr::ScalarFunction(call) => call.name().to_owned(),
        Expr::AggregateFunction(call) => call.func.name().to_owned(),
        Expr::WindowFunction(call) => match &call.fun {
            WindowFunctionDefinition::AggregateUDF(function) => function.name().to_owned(),
            WindowFunctionDefinition::WindowUDF(function) => function.name().to_owned(),
        },
        other => other.variant_name().to_lowercase(),
    }
}

/// Bytes as they are.
fn is_bytes(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
}

/// Bytes, or something with bytes in it.
fn is_binary(data_type: &DataType) -> bool {
    match data_type {
        DataType::FixedSizeBinary(_) => true,
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::Map(field, _)
        | DataType::RunEndEncoded(_, field) => is_binary(field.data_type()),
        DataType::Struct(fields) => fields.iter().any(|field| is_binary(field.data_type())),
        DataType::Union(fields, _) => fields.iter().any(|(_, field)| is_binary(field.data_type())),
        DataType::Dictionary(_, value) => is_binary(value),
        other => is_bytes(other),
    }
}
