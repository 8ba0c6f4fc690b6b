//! What columns does a file with one JSON object per line have?

use std::path::Path;

use arrow::datatypes::{DataType, Field, Fields};
use arrow::json::reader::infer_json_schema_from_iterator;
use serde_json::Value;

use super::{LINE_BYTES, next_line};
use crate::read::SAMPLE_ROWS;

/// The columns that the first rows have, in alphabetical order; lines that are no JSON objects are passed over.
pub(in crate::read) fn columns(path: &Path) -> Option<Fields> {
    let mut input = super::open(path).ok()?;
    let mut rows = Vec::new();
    let mut line = Vec::new();
    for _ in 0..SAMPLE_ROWS {
        line.clear();
        if !next_line(&mut input, &mut line, LINE_BYTES).ok()? {
            break;
        }
        rows.extend(serde_json::from_slice::<Value>(&line).ok().filter(Value::is_object));
    }
    let mut fields = infer(&rows).unwrap_or_else(|| first_types(&rows));
    fields.sort_by(|a, b| a.name().cmp(b.name()));
    Some(fields.into())
}

/// The types that hold all the rows, if there are such.
fn infer(rows: &[Value]) -> Option<Vec<Field>> {
    let schema = infer_json_schema_from_iterator(rows.iter().map(Ok)).ok()?;
    Some(schema.fields().iter().map(|field| sorted(field)).collect())
}

/// The type that each column has in the first row that has the column; rows that disagree will be rejected one by one.
fn first_types(rows: &[Value]) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    for new in rows.iter().filter_map(|row| infer(std::slice::from_ref(row))).flatten() {
        match fields.iter_mut().find(|old| old.name() == new.name()) {
            None => fields.push(new),
            Some(old) if old.data_type() == &DataType::Null => *old = new,
            Some(old) if old.data_type() == &DataType::Int64 && new.data_type() == &DataType::Float64 => *old = new,
            Some(_) => {}
        }
    }
    fields
}

/// A field whose inner fields are in alphabetical order: Arrow gives them in the order of a hash map.
fn sorted(field: &Field) -> Field {
    let data_type = match field.data_type() {
        DataType::Struct(inner) => {
            let mut inner: Vec<Field> = inner.iter().map(|f| sorted(f)).collect();
            inner.sort_by(|a, b| a.name().cmp(b.name()));
            DataType::Struct(inner.into())
        }
        DataType::List(item) => DataType::List(sorted(item).into()),
        other => other.clone(),
    };
    field.clone().with_data_type(data_type)
}
