//! Which types hold the same kind of values, and which of them fit into others?
//!
//! Text is text in each of Arrow's layouts: DataFusion reads Parquet's as views, others deliver dictionaries.

use arrow::datatypes::{DataType, TimeUnit};

/// How a type of rows fits the type that is promised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// The same values in perhaps another layout.
    Same,
    /// Every value has its like in the promised type.
    Widened,
    /// Not at all.
    No,
}

/// Whether values of the type `found` are values of the type `promised`.
pub(crate) fn fit(promised: &DataType, found: &DataType) -> Fit {
    use DataType::{Float32, Float64, Int8, Int16, Int32, Int64, List, Null, Struct, Timestamp};
    if promised == found || (is_text(promised) && is_text(found)) {
        return Fit::Same;
    }
    match (promised, found) {
        (_, Null) | (Int16, Int8) | (Int32, Int8 | Int16) | (Int64, Int8 | Int16 | Int32) | (Float64, Float32) => {
            Fit::Widened
        }
        (Int32, DataType::UInt8 | DataType::UInt16)
        | (Int64, DataType::UInt8 | DataType::UInt16 | DataType::UInt32) => Fit::Widened,
        (Timestamp(TimeUnit::Microsecond, Some(_)), Timestamp(_, Some(zone))) if is_utc(zone) => Fit::Widened,
        (List(promised), List(found)) => nested(fit(promised.data_type(), found.data_type())),
        (Struct(promised), Struct(found)) if promised.len() == found.len() => {
            let same = promised.iter().zip(found).all(|(promised, found)| {
                promised.name() == found.name() && fit(promised.data_type(), found.data_type()) == Fit::Same
            });
            if same { Fit::Same } else { Fit::No }
        }
        _ => Fit::No,
    }
}

/// Parts of nested columns are not widened.
fn nested(fit: Fit) -> Fit {
    if fit == Fit::Same { Fit::Same } else { Fit::No }
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "Etc/UTC" | "Z" | "+00:00" | "+00" | "+0000")
}

/// Whether values of this type are text, however they are laid out: as offsets, views or behind a dictionary.
pub fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

pub(crate) fn is_whole(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Int16 | DataType::Int32 | DataType::Int64)
}

pub(crate) fn is_number(data_type: &DataType) -> bool {
    is_whole(data_type) || matches!(data_type, DataType::Float32 | DataType::Float64)
}

/// The type in SQL's words.
pub(crate) fn sql(data_type: &DataType) -> String {
    match data_type {
        DataType::Int16 => "SMALLINT".into(),
        DataType::Int32 => "INT".into(),
        DataType::Int64 => "BIGINT".into(),
        DataType::Float32 => "REAL".into(),
        DataType::Float64 => "DOUBLE".into(),
        DataType::Boolean => "BOOLEAN".into(),
        DataType::Date32 => "DATE".into(),
        DataType::Time64(_) => "TIME".into(),
        DataType::Timestamp(_, Some(_)) => "TIMESTAMP WITH TIME ZONE".into(),
        DataType::Timestamp(_, None) => "TIMESTAMP".into(),
        text if is_text(text) => "VARCHAR".into(),
        DataType::List(item) => format!("{}[]", sql(item.data_type())),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| format!("\"{}\" {}", field.name(), sql(field.data_type())));
            format!("STRUCT({})", fields.collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}
