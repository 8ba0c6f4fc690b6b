//! How do rows that somebody sends get the columns of their stream?

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, TimestampMicrosecondArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tidegate_contract::is_text;

/// The column that says when rows came, which the receiver knows best.
const INGESTED_AT: &str = "ingested_at";

/// A column that cannot become one of its stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` is {found}, and the stream expects {expected}: send it as that")]
pub struct Misfit {
    /// The column.
    pub column: String,
    /// Its type as it came.
    pub found: Box<DataType>,
    /// The type it should have.
    pub expected: Box<DataType>,
}

/// `rows` with the columns of `schema`, all of which may be null: what is missing is null, what is too much is left out,
/// and types are converted where no value is lost. Text stays laid out as it is: whoever takes the rows reads text in any
/// layout, and most write it in yet another. `ingested_at` is `now_us`.
///
/// # Errors
/// [`Misfit`], which tells types and no value.
pub fn conform(rows: &RecordBatch, schema: &SchemaRef, now_us: i64) -> Result<RecordBatch, Misfit> {
    let count = rows.num_rows();
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let mut fields = Vec::with_capacity(schema.fields().len());
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let column = match rows.column_by_name(field.name()) {
            // A stream of one's own may mean something else by the name.
            _ if field.name() == INGESTED_AT && is_instant(field.data_type()) => {
                Arc::new(TimestampMicrosecondArray::from(vec![now_us; count]).with_data_type(field.data_type().clone()))
            }
            None => new_null_array(field.data_type(), count),
            Some(column) if column.data_type() == field.data_type() => Arc::clone(column),
            Some(column) if is_text(column.data_type()) && is_text(field.data_type()) => Arc::clone(column),
            Some(column) => cast_with_options(column, field.data_type(), &strict).map_err(|_| Misfit {
                column: field.name().clone(),
                found: Box::new(column.data_type().clone()),
                expected: Box::new(field.data_type().clone()),
            })?,
        };
        fields.push(Field::new(field.name(), column.data_type().clone(), true));
        columns.push(column);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    let schema = Arc::new(Schema::new(fields));
    let conformed = RecordBatch::try_new_with_options(schema, columns, &options);
    Ok(conformed.expect("columns of their fields' types, each as long as the batch"))
}

fn is_instant(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Timestamp(TimeUnit::Microsecond, _))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, AsArray, Int32Array, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;

    use super::*;

    fn schema() -> SchemaRef {
        let instant = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        Arc::new(Schema::new(vec![
            Field::new("a", DataType::Int64, false),
            Field::new("b", DataType::Utf8, true),
            Field::new(INGESTED_AT, instant, false),
        ]))
    }

    fn rows(column: ArrayRef) -> RecordBatch {
        RecordBatch::try_from_iter([("extra", Arc::new(StringArray::from(vec!["x"])) as ArrayRef), ("a", column)])
            .unwrap()
    }

    #[test]
    fn columns_are_those_of_the_stream() {
        let conformed = conform(&rows(Arc::new(Int32Array::from(vec![7]))), &schema(), 5).unwrap();
        assert_eq!(conformed.num_columns(), 3);
        assert_eq!(conformed.column(0).as_primitive::<Int64Type>().value(0), 7);
        assert!(conformed.column(1).is_null(0));
        assert!(conformed.column(2).is_valid(0));
    }

    #[test]
    fn a_column_that_only_has_the_name_is_kept() {
        let text = Arc::new(Schema::new(vec![Field::new(INGESTED_AT, DataType::Utf8, true)]));
        let sent: ArrayRef = Arc::new(StringArray::from(vec!["by hand"]));
        let sent = RecordBatch::try_from_iter([(INGESTED_AT, sent)]).unwrap();
        assert_eq!(conform(&sent, &text, 5).unwrap().column(0).as_string::<i32>().value(0), "by hand");
    }

    #[test]
    fn what_would_lose_a_value_is_refused_without_it() {
        let error = conform(&rows(Arc::new(StringArray::from(vec!["secret"]))), &schema(), 5).unwrap_err();
        assert_eq!(error.column, "a");
        assert!(!error.to_string().contains("secret"));
        assert!(conform(&rows(Arc::new(Int64Array::from(vec![1]))), &schema(), 5).is_ok());
    }
}
