//! What columns does a stream have?
//!
//! The declared ones, or else those of the first and the last file that can be opened, so that a column that appeared
//! over time is seen without opening every file. Then the types are normalised, so that every signal meets the same
//! few: the event time is `Timestamp(Microsecond, "UTC")`, text is `Utf8View`, and everything may be null.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use tidegate_contract::stream::StreamContract;

use tidegate_contract::is_text;

use crate::convert::is_time;
use crate::epoch::is_whole;
use crate::{Error, Format, Result, SourceFile, partition, read, suggest};

/// The time zone of every event time.
const UTC: &str = "UTC";

/// Finds the columns of a stream from its contract and its files.
///
/// Columns of JSON files come in alphabetical order, those of other files in file order, and those that only folders
/// give come last.
///
/// # Errors
/// [`Error::NoColumns`], [`Error::NoEventTime`] or [`Error::EventTimeNotATime`].
pub fn infer(contract: &StreamContract, format: Format, files: &[SourceFile]) -> Result<SchemaRef> {
    let fields = match &contract.declared {
        Some(declared) => declared.fields().iter().map(|f| f.as_ref().clone()).collect(),
        None => from_files(contract, format, files)?,
    };
    normalise(contract, format, fields)
}

fn from_files(contract: &StreamContract, format: Format, files: &[SourceFile]) -> Result<Vec<Field>> {
    let open = |file: &SourceFile| {
        let columns = read::columns(format, file);
        columns.map_err(|source| Error::Unreadable { path: file.path.to_string(), source }).transpose()
    };
    let no_columns = || Error::NoColumns { stream: contract.name.clone(), files: files.len() };
    let mut rising = files.iter().enumerate();
    let (first, fields) = rising.find_map(|(at, file)| Some((at, open(file)?))).ok_or_else(no_columns)?;
    let mut fields = fields?;
    if let Some(last) = files[first + 1..].iter().rev().find_map(open) {
        union(&mut fields, last?);
    }
    for column in partition::columns(files) {
        if !fields.iter().any(|f| f.name() == column.name()) {
            fields.push(column);
        }
    }
    Ok(fields)
}

/// Adds what `later` has and `fields` has not, and widens types where no value can be lost.
fn union(fields: &mut Vec<Field>, later: Vec<Field>) {
    for new in later {
        match fields.iter_mut().find(|f| f.name() == new.name()) {
            None => fields.push(new),
            Some(old) => *old = old.clone().with_data_type(widen(old.data_type(), new.data_type())),
        }
    }
}

/// The type that holds the values of both, or else the first.
fn widen(first: &DataType, last: &DataType) -> DataType {
    use DataType::{Float16, Float32, Float64, Int8, Int16, Int32, Int64, Null, UInt8, UInt16, UInt32};
    match (first, last) {
        (Null, other) => other.clone(),
        (a, b) if a == b => a.clone(),
        (
            Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32,
            Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32,
        ) => Int64,
        (Float16 | Float32 | Float64, Float16 | Float32 | Float64) => Float64,
        (a, _) => a.clone(),
    }
}

fn normalise(contract: &StreamContract, format: Format, fields: Vec<Field>) -> Result<SchemaRef> {
    if let Some(column) = &contract.event_time {
        let Some(field) = fields.iter().find(|f| f.name() == column) else {
            return Err(no_event_time(contract, column, &fields));
        };
        let data_type = field.data_type();
        if !can_be_event_time(contract, format, data_type) {
            return Err(Error::EventTimeNotATime {
                stream: contract.name.clone(),
                column: column.clone(),
                data_type: Box::new(data_type.clone()),
            });
        }
    }
    let normal = fields.into_iter().map(|field| {
        let is_event_time = contract.event_time.as_deref() == Some(field.name().as_str());
        let data_type = match field.data_type() {
            _ if is_event_time => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            DataType::Null => DataType::Utf8View,
            text if is_text(text) => DataType::Utf8View,
            other => other.clone(),
        };
        field.with_data_type(data_type).with_nullable(true)
    });
    Ok(Arc::new(Schema::new(normal.collect::<Vec<_>>())))
}

fn can_be_event_time(contract: &StreamContract, format: Format, data_type: &DataType) -> bool {
    // A number in text is read as it is written, so that it does not matter what it looked like in the sample.
    let counts = is_whole(data_type) || format.is_text() && data_type.is_numeric();
    let counts = counts && contract.event_time_unit.is_some();
    counts || is_time(data_type) || is_text(data_type) || data_type == &DataType::Null
}

fn no_event_time(contract: &StreamContract, column: &str, fields: &[Field]) -> Error {
    let names = || fields.iter().map(|f| f.name().as_str());
    let mut times = fields.iter().filter(|f| is_time(f.data_type()));
    let only_time = match (times.next(), times.next()) {
        (Some(only), None) => Some(only.name().clone()),
        _ => None,
    };
    Error::NoEventTime {
        stream: contract.name.clone(),
        column: column.to_string(),
        available: names().map(str::to_string).collect(),
        suggestion: suggest::closest(column, names()).or(only_time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widening_never_loses_a_value() {
        use DataType::*;
        let check = |first: DataType, last: DataType, expected: DataType| {
            assert_eq!(widen(&first, &last), expected, "{first} then {last}");
        };
        check(Int32, Int64, Int64);
        check(Int64, Int8, Int64);
        check(Float32, Float64, Float64);
        check(Int32, Int32, Int32);
        check(Int64, Float64, Int64);
        check(UInt64, Int64, UInt64);
        check(Utf8, Int64, Utf8);
        check(Null, Boolean, Boolean);
        check(Boolean, Null, Boolean);
    }

    #[test]
    fn a_union_adds_columns_at_the_end() {
        let field = |name: &str, data_type| Field::new(name, data_type, false);
        let mut fields = vec![field("a", DataType::Int32), field("b", DataType::Utf8)];
        union(&mut fields, vec![field("c", DataType::Boolean), field("a", DataType::Int64)]);
        assert_eq!(fields, [field("a", DataType::Int64), field("b", DataType::Utf8), field("c", DataType::Boolean)]);
    }
}
