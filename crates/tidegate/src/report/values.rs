//! What do columns of released rows say: numbers, instants or words?

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::{cast, is_null, nullif};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::common::ScalarValue;

use super::markup::shortened;
use super::{Table, scale};
use crate::failure::Result;

/// Characters of a cell in a table.
const CELL: usize = 160;

/// Any numbers as doubles.
pub(super) fn numbers(column: &ArrayRef) -> Result<Vec<Option<f64>>> {
    Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().iter().collect())
}

/// Any instants as microseconds since 1970.
pub(super) fn instants(column: &ArrayRef) -> Result<Vec<Option<i64>>> {
    let utc = cast(column, &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())))?;
    Ok(cast(&utc, &DataType::Int64)?.as_primitive::<Int64Type>().iter().collect())
}

/// A text of the first row.
pub(super) fn text(row: &RecordBatch, name: &str) -> Option<String> {
    let column = cast(row.column_by_name(name)?, &DataType::Utf8).ok()?;
    let column = column.as_string::<i32>();
    column.iter().next().flatten().map(str::to_owned)
}

/// A field of a struct, null where the struct is.
pub(super) fn field(array: &ArrayRef, name: &str) -> Option<ArrayRef> {
    let array = array.as_struct_opt()?;
    let part = array.column_by_name(name)?;
    let mask = is_null(array).ok()?;
    nullif(part, &mask).ok()
}

/// Rows in words.
pub(super) fn table(columns: &[String], batches: &[RecordBatch], limit: usize) -> Result<Table> {
    let mut rows = Vec::new();
    for batch in batches {
        let batch = batch.slice(0, batch.num_rows().min(limit - rows.len()));
        let cells = columns.iter().filter_map(|column| batch.column_by_name(column)).map(words);
        let cells = cells.collect::<Result<Vec<_>>>()?;
        rows.extend((0..batch.num_rows()).map(|row| cells.iter().map(|column| column[row].clone()).collect()));
    }
    let count = batches.iter().map(RecordBatch::num_rows).sum();
    Ok(Table { columns: columns.to_vec(), rows, count })
}

/// A column as people read it.
fn words(column: &ArrayRef) -> Result<Vec<Option<String>>> {
    match column.data_type() {
        DataType::Timestamp(_, _) => Ok(instants(column)?.into_iter().map(|at| at.map(scale::instant)).collect()),
        float if float.is_floating() => {
            Ok(numbers(column)?.into_iter().map(|value| value.map(scale::amount)).collect())
        }
        _ => {
            let options = FormatOptions::default();
            let formatter = ArrayFormatter::try_new(column, &options)?;
            let word = |row| column.is_valid(row).then(|| shortened(&formatter.value(row).to_string(), CELL));
            Ok((0..column.len()).map(word).collect())
        }
    }
}

/// The values of a group in words.
pub(super) fn label(values: &[ScalarValue]) -> String {
    let word = |value: &ScalarValue| match value {
        null if null.is_null() => "(null)".to_owned(),
        value => Some(value.to_string()).filter(|text| !text.trim().is_empty()).unwrap_or_else(|| "(empty)".to_owned()),
    };
    values.iter().map(word).collect::<Vec<_>>().join(" \u{b7} ")
}
