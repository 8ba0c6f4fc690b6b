//! What instant does a number stand for?
//!
//! A stream may say in which unit its event time counts the time since 1970. Then whole numbers are instants, and so is
//! text that is a number, as JSON and CSV give it; other text and other types are times in their own right. A number
//! may have a fraction as far as it is a whole number of nanoseconds. Instants are then cut to microseconds, as those of
//! every other time are.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray};
use arrow::compute::is_not_null;
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use arrow::error::ArrowError;
use tidegate_contract::EpochUnit;

use tidegate_contract::is_text;

use crate::convert::{Converted, cast, convert, lost_rows};

type Instants = PrimitiveArray<TimestampMicrosecondType>;

/// Whether values of this type are whole numbers, however they are laid out.
pub(crate) fn is_whole(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_whole(values),
        other => other.is_integer(),
    }
}

/// Brings a column that may hold numbers into the type of instants; a number that is no instant is lost.
pub(crate) fn convert_epoch(from: &ArrayRef, to: &DataType, unit: EpochUnit) -> Result<Converted, ArrowError> {
    let array = if is_whole(from.data_type()) {
        of_numbers(from, to, unit)?
    } else if is_text(from.data_type()) {
        of_text(from, to, unit)?
    } else {
        return convert(from, to);
    };
    let lost = lost_rows(from, &array);
    Ok(Converted { array, lost })
}

fn of_numbers(from: &ArrayRef, to: &DataType, unit: EpochUnit) -> Result<ArrayRef, ArrowError> {
    let numbers = cast(from, &DataType::Int64)?;
    let instants: Instants =
        numbers.as_primitive::<Int64Type>().unary_opt(|number| micros(i128::from(number) * i128::from(unit.nanos())));
    cast(&(Arc::new(instants) as ArrayRef), to)
}

fn of_text(from: &ArrayRef, to: &DataType, unit: EpochUnit) -> Result<ArrayRef, ArrowError> {
    let text = cast(from, &DataType::Utf8View)?;
    let instant = |text: &str| micros(nanos(text, unit)?);
    let numbers: Instants = text.as_string_view().iter().map(|text| instant(text?)).collect();
    let instants = cast(&(Arc::new(numbers) as ArrayRef), to)?;
    if instants.null_count() == text.null_count() {
        return Ok(instants);
    }
    let times = cast(&text, to)?;
    zip(&is_not_null(&instants)?, &instants, &times)
}

fn micros(nanos: i128) -> Option<i64> {
    i64::try_from(nanos.div_euclid(1_000)).ok()
}

/// Reads a decimal number exactly; nothing when it is none, or no whole number of nanoseconds.
fn nanos(text: &str, unit: EpochUnit) -> Option<i128> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(i128::from(whole) * i128::from(unit.nanos()));
    }
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // The number without its point, and by which power of ten it is then too large.
    let number: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    let nanos = number.checked_mul(i128::from(unit.nanos()))?;
    let power = 10_i128.checked_pow(shift.unsigned_abs())?;
    match shift {
        ..=0 => nanos.checked_mul(power),
        _ => (nanos % power == 0).then(|| nanos / power),
    }
}

#[cfg(test)]
mod tests;
