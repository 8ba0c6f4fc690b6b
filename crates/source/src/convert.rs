//! Which values fit a column of the stream without loss, and how are they brought into its type?
//!
//! Times are the one place where the unit may shrink: a stream counts in microseconds whatever the file counts in. A
//! time without a zone is taken as UTC.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, StringViewArray, new_null_array};
use arrow::compute::{CastOptions, can_cast_types, cast_with_options};
use arrow::datatypes::{
    ArrowTimestampType, DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType,
};
use arrow::error::ArrowError;
use tidegate_contract::is_text;

/// Whether values of this type are points in time.
pub(crate) fn is_time(data_type: &DataType) -> bool {
    use DataType::{Date32, Date64, Dictionary, Timestamp};
    match data_type {
        Timestamp(_, _) | Date32 | Date64 => true,
        Dictionary(_, values) => is_time(values),
        _ => false,
    }
}

/// Whether text can be parsed into this type.
pub(crate) fn is_parsable(data_type: &DataType) -> bool {
    !data_type.is_nested() && can_cast_types(&DataType::Utf8View, data_type)
}

/// Whether a typed column can become `to` with no value changed.
pub(crate) fn is_lossless(from: &DataType, to: &DataType) -> bool {
    use DataType::*;
    match (from, to) {
        (a, b) if a == b => true,
        (Null, _) => true,
        (text, Utf8View | Timestamp(_, _)) if is_text(text) => true,
        (Dictionary(_, values), to) => is_lossless(values, to),
        (Timestamp(_, _) | Date32 | Date64, Timestamp(_, _)) => true,
        (Date32, Date64) => true,
        (Int8 | UInt8, Int16 | Int32 | Int64 | Float16 | Float32 | Float64) => true,
        (UInt8, UInt16 | UInt32 | UInt64) => true,
        (Int16 | UInt16, Int32 | Int64 | Float32 | Float64) => true,
        (UInt16, UInt32 | UInt64) => true,
        (Int32 | UInt32, Int64 | Float64) => true,
        (UInt32, UInt64) => true,
        (Float16, Float32 | Float64) => true,
        (Float32, Float64) => true,
        (Decimal32(p, s) | Decimal64(p, s) | Decimal128(p, s) | Decimal256(p, s), to) => match to {
            Decimal32(q, t) | Decimal64(q, t) | Decimal128(q, t) | Decimal256(q, t) => {
                let whole = |precision: &u8, scale: &i8| i16::from(*precision) - i16::from(*scale);
                t >= s && whole(q, t) >= whole(p, s)
            }
            _ => false,
        },
        (Binary, LargeBinary | BinaryView) | (LargeBinary, BinaryView) => true,
        (List(a) | LargeList(a), LargeList(b)) | (List(a), List(b)) => is_lossless(a.data_type(), b.data_type()),
        (Struct(a), Struct(b)) => {
            let same = |(x, y): (&Arc<_>, &Arc<_>)| field_is_lossless(x, y);
            a.len() == b.len() && a.iter().zip(b).all(same)
        }
        _ => false,
    }
}

fn field_is_lossless(from: &arrow::datatypes::Field, to: &arrow::datatypes::Field) -> bool {
    from.name() == to.name() && is_lossless(from.data_type(), to.data_type())
}

/// A column in its new type, and the rows whose value did not survive; those are null in `array`.
pub(crate) struct Converted {
    pub(crate) array: ArrayRef,
    pub(crate) lost: Vec<usize>,
}

/// Brings a column into the type `to`.
///
/// # Errors
/// Only when no value of the one type could ever become the other.
pub(crate) fn convert(from: &ArrayRef, to: &DataType) -> Result<Converted, ArrowError> {
    if from.data_type() == to {
        let array = Arc::clone(from);
        return Ok(Converted { array, lost: Vec::new() });
    }
    let array = cast(from, to)?;
    let lost = lost_rows(from, &array);
    if lost.is_empty() || !to.is_integer() {
        return Ok(Converted { array, lost });
    }
    let Some(text) = from.as_string_view_opt() else {
        return Ok(Converted { array, lost });
    };
    let whole: StringViewArray = text.iter().map(|value| value.map(as_whole_number)).collect();
    let array = cast(&(Arc::new(whole) as ArrayRef), to)?;
    let lost = lost_rows(from, &array);
    Ok(Converted { array, lost })
}

/// Casts with null in place of every value that does not fit.
pub(crate) fn cast(from: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    match (from.data_type(), to) {
        (DataType::Null, _) => Ok(new_null_array(to, from.len())),
        (DataType::Dictionary(_, values), _) if values.as_ref() != to => cast(&cast(from, values)?, to),
        // A zone is only a label on an instant. It is taken off before and put on after, because Arrow would read a
        // time without a zone as local time, and needs a time zone database even for `UTC`.
        (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(_, _)) => cast(&label(from, *unit, None), to),
        // Arrow rounds towards 1970, which moves instants before it into the next microsecond.
        (DataType::Timestamp(TimeUnit::Nanosecond, None), DataType::Timestamp(TimeUnit::Microsecond, zone)) => {
            let micros = from.as_primitive::<TimestampNanosecondType>().unary(|nanos: i64| nanos.div_euclid(1_000));
            let micros: PrimitiveArray<TimestampMicrosecondType> = micros;
            Ok(label(&(Arc::new(micros) as ArrayRef), TimeUnit::Microsecond, zone.as_ref()))
        }
        (_, DataType::Timestamp(unit, Some(zone))) => {
            let bare = cast_with_options(from, &DataType::Timestamp(*unit, None), &options)?;
            Ok(label(&bare, *unit, Some(zone)))
        }
        _ => cast_with_options(from, to, &options),
    }
}

fn label(array: &ArrayRef, unit: TimeUnit, zone: Option<&Arc<str>>) -> ArrayRef {
    fn of<T: ArrowTimestampType>(array: &ArrayRef, zone: Option<&Arc<str>>) -> ArrayRef {
        let array = array.as_primitive::<T>().clone();
        Arc::new(array.with_timezone_opt(zone.map(Arc::clone)))
    }
    match unit {
        TimeUnit::Second => of::<TimestampSecondType>(array, zone),
        TimeUnit::Millisecond => of::<TimestampMillisecondType>(array, zone),
        TimeUnit::Microsecond => of::<TimestampMicrosecondType>(array, zone),
        TimeUnit::Nanosecond => of::<TimestampNanosecondType>(array, zone),
    }
}

/// The rows that had a value before and have none after.
pub(crate) fn lost_rows(before: &ArrayRef, after: &ArrayRef) -> Vec<usize> {
    let had = before.logical_nulls();
    let nulls_before = had.as_ref().map_or(0, |nulls| nulls.null_count());
    if after.null_count() == nulls_before {
        return Vec::new();
    }
    let had_value = |row: usize| had.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    (0..after.len()).filter(|row| after.is_null(*row) && had_value(*row)).collect()
}

/// Rewrites `1.0` and `1e3` as whole numbers; anything else stays and will not parse.
fn as_whole_number(text: &str) -> Cow<'_, str> {
    /// Above this, a float no longer names one whole number.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match text.parse::<f64>() {
        Ok(number) if number.fract() == 0.0 && number.abs() < EXACT && text.contains(['.', 'e', 'E']) => {
            Cow::Owned(format!("{number:.0}"))
        }
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests;
