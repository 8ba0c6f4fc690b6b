//! May this aggregate call stand in a signal, and if not, what should be written instead?
//!
//! Admitted are functions whose state merges exactly, so that the answer cannot depend on batches,
//! epochs or the order of arrival. The list is closed: a function that is not on it is refused.

use datafusion::logical_expr::expr::AggregateFunction;

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
        _ if EXACT.contains(&name) || KEEPS_VALUES.contains(&name) => Ok(()),
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
            "use percentile_cont(x, 0.95), which is exact and keeps every value in state",
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
