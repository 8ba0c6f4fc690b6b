//! May this aggregate call stand in a signal, and if not, what should be written instead?
//!
//! Admitted are functions whose state merges exactly, so that the answer cannot depend on batches,
//! epochs or the order of arrival. The list is closed: a function that is not on it is refused.

use datafusion::logical_expr::expr::AggregateFunction;

use super::sketch;

/// Why an aggregate call cannot stand in a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inadmissible {
    /// The function's name as written in SQL, lower case.
    pub function: String,
    /// What is wrong with it.
    pub cause: String,
    /// What to write instead.
    pub instead: String,
}

/// Functions whose states merge exactly in bounded space.
const EXACT: &[&str] = &[
    "at_least_units",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "count",
    "grouping",
    "max",
    "min",
    "stddev",
    "stddev_pop",
    "sum",
    "var",
    "var_pop",
];

/// Functions that keep every value: exact, but their state grows with the data.
const KEEPS_VALUES: &[&str] = &["median", "percentile_cont"];

/// Functions whose answer follows an order that the call must make total.
const ORDERED: &[&str] = &["array_agg", "first_value", "last_value", "nth_value", "string_agg"];

/// Says whether `call` keeps the laws of the algebra.
///
/// # Errors
/// [`Inadmissible`] with the alternative when it does not.
pub fn admit(call: &AggregateFunction) -> Result<(), Inadmissible> {
    let name = call.func.name();
    let refuse = |cause: &str, instead: &str| {
        Err(Inadmissible { function: name.to_owned(), cause: cause.to_owned(), instead: instead.to_owned() })
    };
    if call.params.distinct && !matches!(name, "count" | "min" | "max") {
        return refuse(
            "over DISTINCT values has no exact mergeable state",
            "group by the value in one signal and aggregate its released rows",
        );
    }
    match name {
        _ if EXACT.contains(&name) || KEEPS_VALUES.contains(&name) || sketch::NAMES.contains(&name) => Ok(()),
        _ if ORDERED.contains(&name) => {
            if orders_by_its_value(call) {
                return Ok(());
            }
            refuse(
                "without a total order depends on the order in which rows arrive",
                "end its ORDER BY with the aggregated value itself, as in array_agg(x ORDER BY ts, x), or use min or max",
            )
        }
        "approx_percentile_cont" | "approx_percentile_cont_with_weight" | "approx_median" => refuse(
            "is a t-digest: its answer depends on the order in which rows arrive and has no stated error",
            "use ddsketch_quantile(ddsketch(x), 0.95), which is within 1 %, or percentile_cont(x, 0.95), which is exact and keeps every value in state",
        ),
        "approx_distinct" => refuse(
            "has an unkeyed sketch whose state names its members",
            "use count(DISTINCT x), which is exact and keeps every distinct value in state",
        ),
        "any_value" => refuse("depends on the order in which rows arrive", "use min or max"),
        "corr" | "covar_samp" | "covar_pop" => refuse(
            "adds floats in order of arrival, so that its last digits depend on it",
            "release the exact sums sum(x), sum(y), sum(x * y), sum(x * x), sum(y * y) and count(*), and combine them",
        ),
        _ if name.starts_with("regr_") => refuse(
            "adds floats in order of arrival, so that its last digits depend on it",
            "release the exact sums sum(x), sum(y), sum(x * y), sum(x * x) and count(*), and combine them",
        ),
        _ => refuse(
            "is not known to merge exactly",
            "use count, sum, avg, min, max, var_pop, stddev_pop or percentile_cont",
        ),
    }
}

/// Says whether the state of `call` grows with the number of (distinct) values of a group.
pub fn is_unbounded(call: &AggregateFunction) -> bool {
    let name = call.func.name();
    KEEPS_VALUES.contains(&name)
        || matches!(name, "array_agg" | "string_agg" | "nth_value")
        || (name == "count" && call.params.distinct)
}

/// True when equal sort keys imply equal values, so that ties cannot show the order of arrival.
fn orders_by_its_value(call: &AggregateFunction) -> bool {
    let Some(value) = call.params.args.first() else {
        return false;
    };
    call.params.order_by.iter().any(|sort| sort.expr == *value)
}

#[cfg(test)]
mod tests {
    use datafusion::logical_expr::{Expr, LogicalPlan};
    use datafusion::prelude::SessionContext;

    use super::*;

    /// What is wrong with the only aggregate of `SELECT <call> FROM t`, and whether its state grows.
    async fn check(call: &str) -> (Result<(), Inadmissible>, bool) {
        let session = crate::session();
        let columns = "x DOUBLE, y DOUBLE, i BIGINT, s VARCHAR, b BOOLEAN, ts TIMESTAMP";
        session.sql(&format!("CREATE TABLE t ({columns})")).await.unwrap();
        let plan = session.state().create_logical_plan(&format!("SELECT {call} FROM t")).await.unwrap();
        let LogicalPlan::Projection(projection) = plan else { panic!("{call}: {plan}") };
        let LogicalPlan::Aggregate(aggregate) = projection.input.as_ref() else { panic!("{call}") };
        let Expr::AggregateFunction(call) = &aggregate.aggr_expr[0] else { panic!("{call}") };
        (admit(call), is_unbounded(call))
    }

    #[tokio::test]
    async fn functions_with_exact_states_are_admitted() {
        for call in [
            "count(*)",
            "count(DISTINCT s)",
            "sum(x)",
            "mean(x)",
            "avg(i)",
            "min(s)",
            "max(DISTINCT x)",
            "var_samp(x)",
            "stddev_samp(x)",
            "var_population(x)",
            "bit_xor(i)",
            "bool_or(b)",
            "median(x)",
            "percentile_cont(0.5) WITHIN GROUP (ORDER BY x)",
            "array_agg(i ORDER BY ts, i)",
            "first_value(s ORDER BY s DESC)",
            "string_agg(s, ',' ORDER BY ts, s)",
            "nth_value(i, 2 ORDER BY i)",
            "ddsketch(x, alpha => 0.02)",
            "freq(s)",
            "hll(i, lg_k => 10)",
            "profile(b)",
            "ddsketch_merge(NULL)",
        ] {
            assert_eq!(check(call).await.0, Ok(()), "{call}");
        }
    }

    #[tokio::test]
    async fn functions_that_follow_the_order_of_rows_are_refused() {
        for call in [
            "array_agg(i)",
            "array_agg(i ORDER BY ts)",
            "first_value(i)",
            "last_value(i ORDER BY x)",
            "string_agg(s, ',')",
            "string_agg(s, ',' ORDER BY ts)",
            "any_value(i)",
            "corr(x, y)",
            "covar_pop(x, y)",
            "regr_slope(x, y)",
            "approx_distinct(i)",
            "approx_percentile_cont(x, 0.5)",
            "approx_median(x)",
            "sum(DISTINCT i)",
            "avg(DISTINCT x)",
            "array_agg(DISTINCT i ORDER BY i)",
        ] {
            let Err(refusal) = check(call).await.0 else { panic!("{call} is admitted") };
            assert!(call.starts_with(&refusal.function), "{refusal:?}");
            assert!(!refusal.cause.is_empty() && !refusal.instead.is_empty(), "{refusal:?}");
        }
    }

    #[tokio::test]
    async fn states_that_grow_are_known() {
        for call in ["count(DISTINCT s)", "median(x)", "array_agg(i ORDER BY i)", "string_agg(s, ',' ORDER BY s)"] {
            assert!(check(call).await.1, "{call}");
        }
        for call in ["count(*)", "sum(x)", "min(DISTINCT x)", "stddev(x)", "first_value(i ORDER BY i)", "freq(s)"] {
            assert!(!check(call).await.1, "{call}");
        }
    }

    #[tokio::test]
    async fn every_function_is_known() {
        // A function that a new DataFusion brings must be thought about before it can be used.
        let known = |name: &str| {
            EXACT.contains(&name)
                || KEEPS_VALUES.contains(&name)
                || ORDERED.contains(&name)
                || name.starts_with("approx_")
                || name.starts_with("regr_")
                || matches!(name, "any_value" | "corr" | "covar_samp" | "covar_pop")
        };
        let functions = SessionContext::new().state().aggregate_functions().clone();
        let unknown = functions.values().map(|function| function.name()).filter(|name| !known(name));
        assert_eq!(unknown.collect::<Vec<_>>(), Vec::<&str>::new());
    }
}
