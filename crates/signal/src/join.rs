//! May a join with a table run row by row? Where the table stays as it is, and every row finds one partner at most:
//! everything else would count rows twice.

use std::collections::{BTreeMap, HashSet};

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::Column;
use datafusion::logical_expr::logical_plan::Join;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, ExprSchemable, JoinType, LogicalPlan, Operator};

use crate::definition::{SignalDefinition, StreamDefinition};
use crate::interval;
use crate::origin::origin;
use crate::{Code, Refusal, refuse};

/// A table that signals may join: its definition, and all its rows.
#[derive(Debug, Clone)]
pub struct Table {
    /// The definition.
    pub definition: StreamDefinition,
    /// Its rows.
    pub rows: RecordBatch,
}

/// Tables by name.
pub(crate) type Tables = BTreeMap<String, Table>;

/// The input of `join` that rows come from when the other is a table; none when neither is.
///
/// # Errors
/// A refusal that says why the join cannot run row by row.
pub(crate) fn stream_side<'a>(
    join: &'a Join,
    tables: &Tables,
    signal: &SignalDefinition,
) -> Result<Option<&'a LogicalPlan>, Refusal> {
    let refused = |what: &str, fix: &str| {
        let cause = format!("a signal cannot have {what}");
        Err(refuse(Code::UnsupportedClause, &signal.word_place("join"), cause, fix))
    };
    let (stream, lookup, name) = match (table_of(&join.left, tables), table_of(&join.right, tables)) {
        (None, Some(name)) => (&join.left, &join.right, name),
        (Some(name), None) if join.join_type == JoinType::Inner => (&join.right, &join.left, name),
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return refused("a join of two tables", "join each of them with the stream"),
        (Some(_), None) => {
            return refused("a join that starts from a table", "write stream JOIN table or stream LEFT JOIN table");
        }
    };
    if !matches!(join.join_type, JoinType::Inner | JoinType::Left) {
        let what = format!(
            "a {} JOIN: whether a row of the table stays without a partner shows only when the stream has ended",
            join.join_type.to_string().to_uppercase()
        );
        return refused(&what, "write stream JOIN table or stream LEFT JOIN table");
    }
    let Some(keys) = keys(join, stream, lookup) else {
        return refused(
            "a join on anything but equal columns, of the stream on one side and of the table on the other",
            "write ON stream.column = table.column AND ..., and put other conditions into WHERE",
        );
    };
    if keys.is_empty() {
        return refused(
            "a join without keys: every row would count once per row of the table",
            "add ON stream.column = table.column",
        );
    }
    if let Some((_, column)) = keys.iter().find(|(key, column)| !is_alike(key, stream, column, lookup)) {
        let cause = format!(
            "the join compares `{}` with a value of another type, and unlike values could be equal then",
            column.name
        );
        return Err(refuse(
            Code::InvalidQuery,
            &signal.word_place(&column.name),
            cause,
            "declare both columns with one type",
        ));
    }
    require_unique(&tables[&name], &keys, lookup, signal)?;
    Ok(Some(stream))
}

/// The table that `plan` is, or is a part of.
fn table_of(plan: &LogicalPlan, tables: &Tables) -> Option<String> {
    match plan {
        LogicalPlan::TableScan(scan) => {
            Some(scan.table_name.table().to_owned()).filter(|name| tables.contains_key(name))
        }
        LogicalPlan::SubqueryAlias(alias) => table_of(&alias.input, tables),
        LogicalPlan::Projection(projection) => table_of(&projection.input, tables),
        LogicalPlan::Filter(filter) => table_of(&filter.input, tables),
        _ => None,
    }
}

/// The pairs that must be equal, the stream's expression and the table's column; none when there is another condition.
fn keys(join: &Join, stream: &LogicalPlan, lookup: &LogicalPlan) -> Option<Vec<(Expr, Column)>> {
    let conditions = join.filter.iter().flat_map(split_conjunction);
    let written = conditions.map(|condition| match condition {
        Expr::BinaryExpr(pair) if pair.op == Operator::Eq => Some((pair.left.as_ref(), pair.right.as_ref())),
        _ => None,
    });
    let pairs = join.on.iter().map(|(left, right)| Some((left, right))).chain(written);
    let of = |expression: &Expr, plan: &LogicalPlan| {
        let columns = expression.column_refs();
        !columns.is_empty() && columns.into_iter().all(|column| plan.schema().has_column(column))
    };
    let key = |pair: Option<(&Expr, &Expr)>| {
        let (left, right) = pair?;
        let (key, column) = if of(left, stream) { (left, right) } else { (right, left) };
        let column = column.try_as_col().filter(|column| lookup.schema().has_column(column))?;
        of(key, stream).then(|| (key.clone(), column.clone()))
    };
    pairs.map(key).collect()
}

/// True when values of both are equal only if they are the same.
fn is_alike(key: &Expr, stream: &LogicalPlan, column: &Column, lookup: &LogicalPlan) -> bool {
    let found = key.get_type(stream.schema());
    let wanted = Expr::Column(column.clone()).get_type(lookup.schema());
    matches!((found, wanted), (Ok(found), Ok(wanted)) if interval::is_alike(&found, &wanted))
}

/// Refuses a table that has a key twice.
fn require_unique(
    table: &Table,
    keys: &[(Expr, Column)],
    lookup: &LogicalPlan,
    signal: &SignalDefinition,
) -> Result<(), Refusal> {
    let name = &table.definition.name.value;
    let mut values = Vec::new();
    for (_, column) in keys {
        let source = match origin(lookup, column) {
            Some(Expr::Column(source)) => table.rows.column_by_name(&source.name).cloned(),
            _ => None,
        };
        let Some(source) = source else {
            let cause = format!("`{}` is not a column of table `{name}` as it is", column.name);
            let fix = "join on columns of the table itself, and compute on the side of the stream";
            return Err(refuse(Code::UnsupportedClause, &signal.word_place(&column.name), cause, fix));
        };
        values.push(source);
    }
    let columns = keys.iter().map(|(_, column)| format!("`{}`", column.name)).collect::<Vec<_>>().join(", ");
    match is_repeated(&values) {
        Ok(false) => Ok(()),
        Ok(true) => Err(refuse(
            Code::RepeatedKey,
            &signal.word_place(name),
            format!(
                "table `{name}` has the same {columns} in several rows, and a row of the stream would count once for each"
            ),
            "join on all columns that tell its rows apart, or leave one row of each key in the table",
        )),
        Err(_) => Err(refuse(
            Code::InvalidQuery,
            &signal.word_place(name),
            format!("values of {columns} cannot be compared"),
            "join on columns of numbers, text or times",
        )),
    }
}

/// True when two rows have the same values, none of them null: a null is equal to nothing.
fn is_repeated(values: &[ArrayRef]) -> Result<bool, ArrowError> {
    let fields = values.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let rows = RowConverter::new(fields)?.convert_columns(values)?;
    let mut seen = HashSet::new();
    let is_known = |row: &usize| values.iter().all(|column| column.is_valid(*row));
    Ok(!(0..rows.num_rows()).filter(is_known).all(|row| seen.insert(rows.row(row))))
}
