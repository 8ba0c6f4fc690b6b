//! What columns does a file with one JSON object per line have?

use std::collections::BTreeMap;
use std::io::BufReader;

use arrow::datatypes::{DataType, Field, Fields};
use arrow::json::reader::infer_json_schema_from_iterator;
use serde_json::{Map, Value};

use super::{LINE_BYTES, next_line};
use crate::place::Opened;
use crate::read::{SAMPLE_ROWS, open_to_look};
use crate::{Columns, SourceFile};

/// The columns that the first rows have, in alphabetical order; lines that are no JSON objects are passed over.
pub(in crate::read) fn columns(file: Opened) -> Option<Fields> {
    let rows = sample(file)?;
    let mut fields = infer(&rows).unwrap_or_else(|| first_types(&rows));
    fields.sort_by(|a, b| a.name().cmp(b.name()));
    Some(fields.into())
}

/// The kind of value that each column has in most of the first rows; none where all are null.
pub(crate) fn kinds(file: &SourceFile) -> Option<Columns> {
    let mut votes: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for row in sample(open_to_look(file)?)?.into_iter().filter_map(object) {
        for (name, value) in row {
            let column = votes.entry(name).or_default();
            if let Some(kind) = kind_of(&value) {
                *column.entry(kind).or_default() += 1;
            }
        }
    }
    let most =
        |votes: BTreeMap<&str, usize>| votes.into_iter().max_by_key(|(_, rows)| *rows).map(|(kind, _)| kind.into());
    Some(votes.into_iter().map(|(name, votes)| (name, most(votes))).collect())
}

fn object(row: Value) -> Option<Map<String, Value>> {
    match row {
        Value::Object(row) => Some(row),
        _ => None,
    }
}

fn kind_of(value: &Value) -> Option<&'static str> {
    match value {
        Value::Null => None,
        Value::Bool(_) => Some("Boolean"),
        Value::Number(_) => Some("Number"),
        Value::String(_) => Some("Utf8"),
        Value::Array(_) => Some("List"),
        Value::Object(_) => Some("Struct"),
    }
}

/// The first rows that are JSON objects.
fn sample(file: Opened) -> Option<Vec<Value>> {
    let mut input = BufReader::new(file);
    let mut rows = Vec::new();
    let mut line = Vec::new();
    for _ in 0..SAMPLE_ROWS {
        line.clear();
        if !next_line(&mut input, &mut line, LINE_BYTES).ok()? {
            break;
        }
        rows.extend(serde_json::from_slice::<Value>(&line).ok().filter(Value::is_object));
    }
    Some(rows)
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
