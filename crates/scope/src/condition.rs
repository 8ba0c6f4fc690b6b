//! Which rows does a condition match?
//!
//! A null matches nothing but `is_null = true`. A number that is none (NaN) matches every bound: it could be anything,
//! and a rule names what is risky.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use arrow::record_batch::RecordBatch;

use crate::column::{is_text, judge_text, required, wrong};
use crate::error::Result;

/// A condition over the columns of one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Column { column: String, test: Test },
}

/// What a column's value must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Test {
    Words(BTreeSet<String>),
    Numbers(Vec<Number>),
    Truth(bool),
    Bound(Bound, Number),
    Null(bool),
}

/// A number as the file writes it: whole numbers are compared exactly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Whole(i64),
    Real(f64),
}

/// A side of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    AtLeast,
    AtMost,
    Above,
    Below,
}

impl Condition {
    /// The rows that match.
    pub(crate) fn matches(&self, batch: &RecordBatch, reader: &str) -> Result<BooleanBuffer> {
        let none = BooleanBuffer::new_unset(batch.num_rows());
        match self {
            Self::All(parts) => {
                parts.iter().try_fold(!&none, |matched, part| Ok(&matched & &part.matches(batch, reader)?))
            }
            Self::Any(parts) => {
                parts.iter().try_fold(none, |matched, part| Ok(&matched | &part.matches(batch, reader)?))
            }
            Self::Column { column, test } => {
                let values = required(batch, column, reader)?;
                match test.matches(values)? {
                    Some(matched) => Ok(matched),
                    None => Err(wrong(column, reader, test.kind(), values.data_type())),
                }
            }
        }
    }
}

impl Test {
    fn kind(&self) -> &'static str {
        match self {
            Self::Words(_) => "text",
            Self::Numbers(_) | Self::Bound(..) => "numbers",
            Self::Truth(_) => "truth values",
            Self::Null(_) => "anything",
        }
    }

    fn reads(&self, data_type: &DataType) -> bool {
        match self {
            Self::Words(_) => is_text(data_type),
            Self::Numbers(_) | Self::Bound(..) => *data_type == DataType::Null || data_type.is_numeric(),
            Self::Truth(_) => matches!(data_type, DataType::Null | DataType::Boolean),
            Self::Null(_) => true,
        }
    }

    /// The rows that match; `None` if the column is of another kind.
    fn matches(&self, column: &dyn Array) -> Result<Option<BooleanBuffer>> {
        if !self.reads(column.data_type()) {
            return Ok(None);
        }
        if let Self::Null(wanted) = self {
            return Ok(Some(present(column, !wanted)));
        }
        if *column.data_type() == DataType::Null {
            return Ok(Some(BooleanBuffer::new_unset(column.len())));
        }
        Ok(match self {
            Self::Words(words) => {
                judge_text(column, false, |text| words.contains(text)).map(|rows| BooleanBuffer::from(rows.as_slice()))
            }
            Self::Truth(wanted) => {
                let values = column.as_boolean().values();
                let equal = if *wanted { values.clone() } else { !values };
                Some(&equal & &present(column, true))
            }
            Self::Numbers(numbers) => Some(equal_to_any(column, numbers)?),
            Self::Bound(bound, limit) => Some(compare(column, *limit, |order| bound.holds(order))?),
            Self::Null(_) => None,
        })
    }
}

impl Bound {
    /// Whether a value in this `order` to the limit lies on the bound's side of it.
    fn holds(self, order: Option<Ordering>) -> bool {
        let Some(order) = order else { return true };
        match self {
            Self::AtLeast => order.is_ge(),
            Self::AtMost => order.is_le(),
            Self::Above => order.is_gt(),
            Self::Below => order.is_lt(),
        }
    }
}

/// The rows whose number is one of `numbers`.
fn equal_to_any(column: &dyn Array, numbers: &[Number]) -> Result<BooleanBuffer> {
    numbers.iter().try_fold(BooleanBuffer::new_unset(column.len()), |matched, number| {
        Ok(&matched | &compare(column, *number, |order| order.is_some_and(Ordering::is_eq))?)
    })
}

/// The rows whose number stands to `limit` in an order that `holds`.
fn compare(column: &dyn Array, limit: Number, holds: impl Fn(Option<Ordering>) -> bool) -> Result<BooleanBuffer> {
    // A UInt64 above the greatest Int64 would become null, and match nothing, if it were read as whole.
    let whole = column.data_type().is_integer() && *column.data_type() != DataType::UInt64;
    let matched = match limit {
        Number::Whole(limit) if whole => {
            let column = cast(column, &DataType::Int64)?;
            let values = column.as_primitive::<Int64Type>().values();
            BooleanBuffer::collect_bool(values.len(), |row| holds(Some(values[row].cmp(&limit))))
        }
        _ => {
            let limit = limit.as_f64();
            let column = cast(column, &DataType::Float64)?;
            let values = column.as_primitive::<Float64Type>().values();
            BooleanBuffer::collect_bool(values.len(), |row| holds(values[row].partial_cmp(&limit)))
        }
    };
    Ok(&matched & &present(column, true))
}

impl Number {
    fn as_f64(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }
}

/// The rows whose value is there, or with `false` those whose value is not.
fn present(column: &dyn Array, there: bool) -> BooleanBuffer {
    match column.logical_nulls() {
        Some(nulls) if there => nulls.inner().clone(),
        Some(nulls) => !nulls.inner(),
        None if there => BooleanBuffer::new_set(column.len()),
        None => BooleanBuffer::new_unset(column.len()),
    }
}
