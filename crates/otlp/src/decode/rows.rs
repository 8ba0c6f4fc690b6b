//! How are rows of a table read as spans and labels?
//!
//! Each column is an attribute under its name; a column of maps or structs gives one attribute for each of its members,
//! `usage_details.input`. A few columns stand for what a span has apart from attributes: ids, times, a name.

use std::borrow::Cow;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, MapArray, RecordBatch, StringArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use sha2::{Digest, Sha256};

use crate::decode::json::unhex;
use crate::error::{Error, Result};
use crate::mapping::RowFields;
use crate::telemetry::{Interest, Log, Owner, Sink, Span, Status, Value, id, size};

/// The event name of a row that is a label; mappings of tables list it among their label events.
pub(crate) const LABEL_ROW: &str = "row";

/// A table whose columns are in the types they are read in.
pub(crate) struct Table {
    rows: usize,
    ids: Ids,
    name: Option<StringArray>,
    /// Microseconds since 1970.
    start: Option<Int64Array>,
    end: Option<Int64Array>,
    failed: Option<(StringArray, String)>,
    is_labels: bool,
    columns: Vec<Named>,
}

/// A column under the key of its attribute.
struct Named {
    key: String,
    column: Column,
    /// It is read as an id, a time or a name, so it is not dropped when no mapping asks for the attribute.
    is_field: bool,
}

struct Ids {
    trace: StringArray,
    span: Option<StringArray>,
    parent: Option<StringArray>,
}

enum Column {
    Text(StringArray),
    Int(Int64Array),
    Float(Float64Array),
    Bool(BooleanArray),
    Map { map: Box<MapArray>, keys: StringArray, values: Box<Column> },
}

impl Table {
    pub(crate) fn new(batch: &RecordBatch, fields: &RowFields, mapping: &str) -> Result<Self> {
        let is_labels = batch.column_by_name(&fields.labels.present).is_some();
        let required = |name: &str| -> Result<&ArrayRef> {
            let column = batch.column_by_name(name);
            column.ok_or_else(|| Error::MissingColumn { column: name.to_owned(), mapping: mapping.to_owned() })
        };
        let optional = |name: &str| batch.column_by_name(name).map(|column| text(name, column)).transpose();
        let ids = if is_labels {
            let labels = &fields.labels;
            let trace = text(&labels.trace_id, required(&labels.trace_id)?)?;
            Ids { trace, span: optional(&labels.span_id)?, parent: None }
        } else {
            let trace = text(&fields.trace_id, required(&fields.trace_id)?)?;
            let span = Some(text(&fields.span_id, required(&fields.span_id)?)?);
            Ids { trace, span, parent: optional(&fields.parent_span_id)? }
        };
        let end = if is_labels { &fields.labels.time } else { &fields.end_time };
        let time = |name: &str| batch.column_by_name(name).map(|column| micros(name, column)).transpose();
        let failed = optional(&fields.error_column)?.map(|column| (column, fields.error_word.clone()));
        let schema = batch.schema_ref();
        let columns = schema.fields().iter().zip(batch.columns());
        let read = if is_labels { fields.labels.columns() } else { fields.columns() };
        let named = |(key, column): (String, Column)| {
            let is_field = read.contains(&key.as_str());
            Named { key, column, is_field }
        };
        let columns = columns.flat_map(|(field, column)| flatten(field.name(), column)).map(named).collect();
        Ok(Self {
            rows: batch.num_rows(),
            ids,
            name: optional(&fields.name)?,
            start: time(&fields.start_time)?,
            end: time(end)?,
            failed,
            is_labels,
            columns,
        })
    }

    pub(crate) fn read<'a>(&'a self, sink: &mut Sink<'_, 'a>) -> Result<()> {
        let resource = sink.resource()?;
        let scope = sink.scope(resource)?;
        for row in 0..self.rows {
            sink.record()?;
            if self.is_labels {
                self.label(sink, scope, row);
            } else {
                self.span(sink, scope, row);
            }
        }
        Ok(())
    }

    fn span<'a>(&'a self, sink: &mut Sink<'_, 'a>, scope: u32, row: usize) {
        let owner = Owner::Span(size(sink.telemetry.spans.len()));
        let attributes = self.attributes(sink, owner, row);
        let no_events = size(sink.telemetry.events.len());
        let failed = self.failed.as_ref().is_some_and(|(column, word)| at(column, row) == Some(word));
        sink.telemetry.spans.push(Span {
            trace: self.trace_id(row),
            id: span_id(self.ids.span.as_ref(), row),
            parent: span_id(self.ids.parent.as_ref(), row),
            name: Cow::Borrowed(self.name.as_ref().and_then(|names| at(names, row)).unwrap_or_default()),
            start_ns: nanos(self.start.as_ref(), row),
            end_ns: nanos(self.end.as_ref(), row),
            status: if failed { Status::Error } else { Status::Unset },
            weight: None,
            attributes,
            events: no_events..no_events,
            link: None,
            scope,
        });
    }

    fn label<'a>(&'a self, sink: &mut Sink<'_, 'a>, scope: u32, row: usize) {
        let owner = Owner::Log(size(sink.telemetry.logs.len()));
        let attributes = self.attributes(sink, owner, row);
        sink.telemetry.logs.push(Log {
            trace: self.trace_id(row),
            span: span_id(self.ids.span.as_ref(), row),
            name: Cow::Borrowed(LABEL_ROW),
            time_ns: nanos(self.end.as_ref(), row),
            attributes,
            scope,
        });
    }

    fn attributes<'a>(&'a self, sink: &mut Sink<'_, 'a>, owner: Owner, row: usize) -> std::ops::Range<u32> {
        let first = sink.mark();
        for Named { key, column, is_field } in &self.columns {
            if *is_field && sink.interest(key) == Interest::Drop {
                continue;
            }
            match column {
                Column::Map { map, keys, values } if map.is_valid(row) => {
                    let offsets = map.value_offsets();
                    for entry in index(offsets[row])..index(offsets[row + 1]) {
                        if let (Some(member), Some(value)) = (at(keys, entry), values.value(entry)) {
                            take(sink, owner, Cow::Owned(format!("{key}.{member}")), value);
                        }
                    }
                }
                column => {
                    if let Some(value) = column.value(row) {
                        take(sink, owner, Cow::Borrowed(key), value);
                    }
                }
            }
        }
        first..sink.mark()
    }

    fn trace_id(&self, row: usize) -> Option<[u8; 16]> {
        at(&self.ids.trace, row).and_then(known_id)
    }
}

fn take<'a>(sink: &mut Sink<'_, 'a>, owner: Owner, key: Cow<'a, str>, value: Value<'a>) {
    match (sink.interest(&key), &key) {
        (Interest::Drop, Cow::Borrowed(key)) => sink.dropped.count(key),
        (Interest::Drop, Cow::Owned(_)) => sink.dropped.count_other(1),
        (interest, _) => sink.attribute(interest, owner, key, value),
    }
}

impl Column {
    fn value(&self, row: usize) -> Option<Value<'_>> {
        match self {
            Self::Text(column) => at(column, row).map(|text| Value::Text(Cow::Borrowed(text))),
            Self::Int(column) => column.is_valid(row).then(|| Value::Int(column.value(row))),
            Self::Float(column) => column.is_valid(row).then(|| Value::Double(column.value(row))),
            Self::Bool(column) => column.is_valid(row).then(|| Value::Bool(column.value(row))),
            Self::Map { .. } => None,
        }
    }

    /// A column of plain values; nothing for what no attribute can be.
    fn plain(column: &ArrayRef) -> Option<Self> {
        let to = |data_type: &DataType| cast(column, data_type).ok();
        Some(match column.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..) => {
                Self::Text(to(&DataType::Utf8)?.as_string::<i32>().clone())
            }
            DataType::Timestamp(..) => {
                let micros = to(&DataType::Timestamp(TimeUnit::Microsecond, None))?;
                Self::Int(cast(&micros, &DataType::Int64).ok()?.as_primitive::<Int64Type>().clone())
            }
            DataType::Boolean => Self::Bool(column.as_boolean().clone()),
            other if other.is_integer() => Self::Int(to(&DataType::Int64)?.as_primitive::<Int64Type>().clone()),
            other if other.is_floating() || matches!(other, DataType::Decimal128(..) | DataType::Decimal256(..)) => {
                Self::Float(to(&DataType::Float64)?.as_primitive::<Float64Type>().clone())
            }
            _ => return None,
        })
    }
}

/// The columns that `column` stands for: itself, or each member of a struct.
fn flatten(name: &str, column: &ArrayRef) -> Vec<(String, Column)> {
    match column.data_type() {
        DataType::Struct(_) => {
            let members = column.as_struct();
            let named = members.column_names().into_iter().map(|member| format!("{name}.{member}"));
            named.zip(members.columns()).flat_map(|(name, column)| flatten(&name, column)).collect()
        }
        DataType::Map(..) => {
            let map = Box::new(column.as_map().clone());
            let keys = cast(map.keys(), &DataType::Utf8).ok().map(|keys| keys.as_string::<i32>().clone());
            let values = Column::plain(map.values());
            let found = keys.zip(values).map(|(keys, values)| Column::Map { map, keys, values: Box::new(values) });
            found.map(|column| (name.to_owned(), column)).into_iter().collect()
        }
        _ => Column::plain(column).map(|column| (name.to_owned(), column)).into_iter().collect(),
    }
}

fn text(name: &str, column: &ArrayRef) -> Result<StringArray> {
    match Column::plain(column) {
        Some(Column::Text(text)) => Ok(text),
        _ => Err(wrong(name, "text", column)),
    }
}

/// A column of times, as microseconds since 1970: a timestamp, or a text that is one in UTC.
fn micros(name: &str, column: &ArrayRef) -> Result<Int64Array> {
    let timestamp = DataType::Timestamp(TimeUnit::Microsecond, None);
    let wrong = || wrong(name, "a time", column);
    let times = match column.data_type() {
        DataType::Timestamp(..) | DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => column,
        _ => return Err(wrong()),
    };
    let micros = cast(times, &timestamp).and_then(|times| cast(&times, &DataType::Int64)).map_err(|_| wrong())?;
    Ok(micros.as_primitive::<Int64Type>().clone())
}

fn wrong(name: &str, expected: &'static str, column: &ArrayRef) -> Error {
    Error::WrongColumn { column: name.to_owned(), expected, found: column.data_type().to_string() }
}

fn at(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row)).filter(|text| !text.is_empty())
}

fn nanos(column: Option<&Int64Array>, row: usize) -> u64 {
    let micros = column.filter(|column| column.is_valid(row)).map_or(0, |column| column.value(row));
    u64::try_from(micros).unwrap_or(0).saturating_mul(1_000)
}

fn span_id(column: Option<&StringArray>, row: usize) -> Option<[u8; 8]> {
    column.and_then(|column| at(column, row)).and_then(known_id)
}

/// An id as bytes: as it is, if it is hexadecimal of the right length or a UUID, else the beginning of its SHA-256.
fn known_id<const N: usize>(text: &str) -> Option<[u8; N]> {
    let as_is = unhex(&text.replace('-', "")).and_then(|bytes| id(&bytes));
    as_is.or_else(|| id(&Sha256::digest(text)[..N]))
}

/// An offset of Arrow, which is never negative.
fn index(offset: i32) -> usize {
    usize::try_from(offset).unwrap_or_default()
}
