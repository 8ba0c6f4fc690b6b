//! Does a query over internal rows of protected people let a distribution out? What was kept of them as sketches may be
//! merged, and compared with one another; neither a sketch nor what stands in it may be shown.
//!
//! A sketch is of a binary type, and nothing else in internal rows is. So the rule is one of types: whatever takes a binary
//! value must be one of the functions below, and no result column may have one.

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result as PlanResult};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, WindowFunctionDefinition};

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

/// Refuses a plan that lets a binary value out.
///
/// # Errors
/// [`Code::SketchShown`] with the name of what would.
pub(crate) fn refuse_shown_sketches(
    plan: &LogicalPlan,
    is_internal: bool,
    definition: &SignalDefinition,
) -> Result<(), Refusal> {
    let shown = |name: &str, what: String| {
        let cause = format!("{what}: behind a sketch of a protected stream stand single values");
        let fix = "compare sketches (drift, psi, ks_test, ...), or count (ddsketch_count, hll_count)";
        Err(refuse(Code::SketchShown, &definition.word_place(name), cause, fix))
    };
    if !is_internal && let Some(name) = first_binary(plan.schema().as_arrow()) {
        return shown(&name, format!("result column `{name}` is a sketch"));
    }
    let leak = leak_of(plan).map_err(|error| Refusal::from_datafusion(&error, &definition.query_place))?;
    match leak {
        None => Ok(()),
        Some(name) => shown(&name, format!("`{name}` may not look into a sketch")),
    }
}

fn first_binary(schema: &Schema) -> Option<String> {
    schema.fields().iter().find(|field| is_binary(field.data_type())).map(|field| field.name().clone())
}

/// The first thing in `plan` that takes a binary value and may not.
fn leak_of(plan: &LogicalPlan) -> PlanResult<Option<String>> {
    let mut leak = None;
    plan.apply_with_subqueries(|node| {
        let schema = inputs_of(node)?;
        let compares = match node {
            LogicalPlan::Sort(_) => Some("order"),
            LogicalPlan::Join(_) => Some("join"),
            LogicalPlan::Aggregate(_) => Some("group"),
            _ => None,
        };
        let is_sketch = |expression: &Expr| expression.get_type(&schema).is_ok_and(|found| is_binary(&found));
        if let LogicalPlan::Distinct(_) = node
            && schema.fields().iter().any(|field| is_binary(field.data_type()))
        {
            leak = Some("distinct".to_owned());
        }
        node.apply_expressions(|expression| {
            let is_call = matches!(expression.clone().unalias(), Expr::AggregateFunction(_));
            if let (Some(word), false, true) = (compares, is_call, is_sketch(expression)) {
                leak = Some(word.to_owned());
            }
            expression.apply(|expression| {
                leak = leak.take().or_else(|| looks_into(expression, &schema));
                Ok(if leak.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })
        })
    })?;
    Ok(leak)
}

/// The name of `expression`, if it takes a binary value and may not.
fn looks_into(expression: &Expr, schema: &DFSchema) -> Option<String> {
    let is_sketch = |child: &Expr| child.get_type(schema).is_ok_and(|found| is_binary(&found));
    let among = |name: &str| SAYS.contains(&name) || GIVES.contains(&name);
    let (name, takes) = match expression {
        Expr::Alias(_) | Expr::IsNull(_) | Expr::IsNotNull(_) | Expr::Column(_) => return None,
        Expr::ScalarFunction(call) if among(call.name()) => return None,
        Expr::AggregateFunction(call) if among(call.func.name()) => {
            let sorts = call.params.order_by.iter().any(|sort| is_sketch(&sort.expr));
            (call.func.name().to_owned(), sorts)
        }
        Expr::WindowFunction(call) => {
            let name = match &call.fun {
                WindowFunctionDefinition::AggregateUDF(function) => function.name().to_owned(),
                WindowFunctionDefinition::WindowUDF(function) => function.name().to_owned(),
            };
            let compares = call.params.partition_by.iter().any(is_sketch)
                || call.params.order_by.iter().any(|sort| is_sketch(&sort.expr));
            let takes = compares || (!among(&name) && call.params.args.iter().any(is_sketch));
            (name, takes)
        }
        other => {
            let mut takes = false;
            // The closure never fails.
            let _ = other.apply_children(|child| {
                takes |= is_sketch(child);
                Ok(TreeNodeRecursion::Continue)
            });
            let name = match other {
                Expr::ScalarFunction(call) => call.name().to_owned(),
                Expr::AggregateFunction(call) => call.func.name().to_owned(),
                other => other.variant_name().to_lowercase(),
            };
            (name, takes)
        }
    };
    takes.then_some(name)
}

fn inputs_of(node: &LogicalPlan) -> PlanResult<DFSchema> {
    let mut schema = DFSchema::empty();
    for input in node.inputs() {
        schema.merge(input.schema());
    }
    if let LogicalPlan::TableScan(scan) = node {
        schema.merge(&scan.projected_schema);
    }
    Ok(schema)
}

fn is_binary(data_type: &DataType) -> bool {
    match data_type {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => true,
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            is_binary(field.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|field| is_binary(field.data_type())),
        DataType::Dictionary(_, value) => is_binary(value),
        _ => false,
    }
}
