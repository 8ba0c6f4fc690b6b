//! Which columns does a signal release, and in which order do its rows lie?

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::logical_expr::{Expr, LogicalPlan};
use tidegate_algebra::Windows;
use tidegate_contract::StreamContract;

use crate::definition::SignalDefinition;
use crate::origin::is_stream_column;
use crate::{Code, Policy, Refusal, refuse};

/// Columns that every released file has beside the query's own.
const METADATA_COLUMNS: [&str; 4] = ["signal_version", "scope", "code_hash", "release_id"];

/// The columns that released files have beside them when there are windows.
const WINDOW_COLUMNS: [&str; 2] = ["revision", "is_final"];

/// The column that released files have beside them when groups have a threshold.
const THRESHOLD_COLUMN: &str = "k";

/// The column that released files have beside them when groups below the threshold are carried.
const CARRY_COLUMN: &str = "below_threshold";

/// The columns that released files have beside them when groups are noised.
const NOISE_COLUMNS: [&str; 6] = ["dp_mechanism", "dp_epsilon", "dp_delta", "dp_unit", "dp_bounds", "dp_clause"];

/// Partition columns of released paths.
const PATH_COLUMNS: [&str; 2] = ["signal", "date"];

/// Checks names and types of the released columns.
pub(crate) fn check(
    schema: &Schema,
    windows: Option<&Windows>,
    policy: &Policy,
    signal: &SignalDefinition,
) -> Result<(), Refusal> {
    for (position, field) in schema.fields().iter().enumerate() {
        let name = field.name();
        let place = signal.word_place(name);
        let threshold = policy.threshold().map(|_| THRESHOLD_COLUMN);
        let window = WINDOW_COLUMNS.into_iter().filter(|_| windows.is_some());
        let noise = NOISE_COLUMNS.into_iter().filter(|_| matches!(policy, Policy::Differential { .. }));
        let carry = policy.carries().then_some(CARRY_COLUMN);
        let added =
            METADATA_COLUMNS.into_iter().chain(PATH_COLUMNS).chain(threshold).chain(carry).chain(window).chain(noise);
        if added.into_iter().any(|added| added == name) {
            let cause = format!("`{name}` is a column that Tidegate adds to released rows");
            return Err(refuse(Code::BadOutput, &place, cause, "give the column another name with AS"));
        }
        if schema.fields().iter().take(position).any(|other| other.name().eq_ignore_ascii_case(name)) {
            let cause = format!("two result columns are called `{name}`");
            return Err(refuse(Code::BadOutput, &place, cause, "give one of them another name with AS"));
        }
        let is_plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
        if !is_plain {
            let cause = format!("result column `{name}` has no name of its own");
            return Err(refuse(Code::BadOutput, &place, cause, "give it one with AS"));
        }
        if matches!(field.data_type(), DataType::Null) {
            let cause = format!("result column `{name}` is always null");
            return Err(refuse(Code::BadOutput, &place, cause, "leave it out, or CAST it to a type"));
        }
    }
    let Some(windows) = windows else { return Ok(()) };
    let lacks = |name: &str| schema.column_with_name(name).is_none();
    if lacks("window_start") {
        return Err(refuse(
            Code::WindowNotShown,
            &signal.query_place,
            "the result has no column window_start, by which released rows are filed",
            "add window_start, window_end to the SELECT list",
        ));
    }
    // Where the end does not follow from the start, rows of one start could not be told apart.
    if windows.end_of(0).is_none() && lacks("window_end") {
        return Err(refuse(
            Code::WindowNotShown,
            &signal.query_place,
            "the result has no column window_end, by which its windows are told apart",
            "add window_start, window_end to the SELECT list",
        ));
    }
    Ok(())
}

/// Positions of the result columns by which rows are sorted: the window, then the other keys in the
/// order of the SELECT list, then everything else, so that the order is total.
pub(crate) fn sort_order(plan: &LogicalPlan, schema: &Schema, keys: &[Expr]) -> Vec<usize> {
    let key_names = keys.iter().map(|key| key.clone().unalias().schema_name().to_string()).collect::<Vec<_>>();
    let rank = |position: usize| {
        let name = schema.field(position).name().as_str();
        match name {
            "window_start" => 0,
            "window_end" => 1,
            _ if is_key(plan, position, &key_names) => 2,
            _ => 3,
        }
    };
    let mut order = (0..schema.fields().len()).collect::<Vec<_>>();
    order.sort_by_key(|&position| rank(position));
    order
}

/// The order of rows that are released as they are: by the instant under whose day they are filed, then by everything.
pub(crate) fn row_order(schema: &Schema, filed_by: Option<usize>) -> Vec<usize> {
    let others = (0..schema.fields().len()).filter(|&position| Some(position) != filed_by);
    filed_by.into_iter().chain(others).collect()
}

/// The position of the stream's event time among the result columns, if it is one of them as it is.
pub(crate) fn event_time(plan: &LogicalPlan, stream: &StreamContract) -> Option<usize> {
    let event_time = stream.event_time.as_deref()?;
    plan.schema().columns().iter().position(|column| is_stream_column(plan, column, &stream.name, event_time))
}

/// True when a result column is one of the group keys, possibly renamed.
fn is_key(plan: &LogicalPlan, position: usize, key_names: &[String]) -> bool {
    let LogicalPlan::Projection(projection) = plan else {
        return false;
    };
    let Some(expression) = projection.expr.get(position) else {
        return false;
    };
    match expression.clone().unalias_nested().data {
        Expr::Column(column) => key_names.iter().any(|key| *key == column.flat_name() || *key == column.name),
        _ => false,
    }
}
