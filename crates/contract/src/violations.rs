//! Which rows of a column break a rule?
//!
//! Column by column: a dictionary is asked about its few values and not about its rows, a column of numbers first about
//! its least and its greatest, and a column without nulls is not looked at for nulls.

use arrow::array::{Array, ArrayAccessor, AsArray, BooleanArray};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{max, min, take};
use arrow::datatypes::{ArrowNumericType, DataType, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type};

use crate::{Metric, Range, Valid};

/// The rows that break the metric's rule; `None` if none does.
pub(crate) fn violations(metric: &Metric, array: &dyn Array) -> Option<BooleanBuffer> {
    match metric {
        Metric::NullValues => nulls(array),
        Metric::MissingValues { values, null } => {
            let absent = if *null { nulls(array) } else { None };
            let missing = texts(array, |text| values.has_text(text)).or_else(|| {
                numbers(array, |number| matches!(number, Number::Whole(number) if values.has_whole(number)))
            });
            either(absent, missing)
        }
        Metric::InvalidValues(valid) if lies_within(valid, array) => None,
        Metric::InvalidValues(valid) => texts(array, |text| !is_valid_text(valid, text))
            .or_else(|| numbers(array, |number| !is_valid_number(valid, number))),
        Metric::DuplicateValues(_) | Metric::RowCount => None,
    }
}

fn nulls(array: &dyn Array) -> Option<BooleanBuffer> {
    array.logical_nulls().filter(|nulls| nulls.null_count() > 0).map(|nulls| !nulls.inner())
}

fn either(one: Option<BooleanBuffer>, other: Option<BooleanBuffer>) -> Option<BooleanBuffer> {
    match (one, other) {
        (Some(one), Some(other)) => Some(&one | &other),
        (one, other) => one.or(other),
    }
}

fn is_valid_text(valid: &Valid, text: &str) -> bool {
    valid.values.as_ref().is_none_or(|values| values.has_text(text))
        && valid.pattern.as_ref().is_none_or(|pattern| pattern.matches(text))
        && valid.length.is_none_or(|length| has_length(length, text))
}

/// Whether a text has so many characters. They are counted only where its bytes do not tell: a character has one to four of
/// them, and a range has no holes.
fn has_length(length: Range, text: &str) -> bool {
    let (least, most) = (text.len().div_ceil(4), text.len());
    (length.has(least as f64) && length.has(most as f64)) || length.has(text.chars().count() as f64)
}

#[derive(Clone, Copy)]
enum Number {
    Whole(i64),
    Other(f64),
}

impl From<i16> for Number {
    fn from(number: i16) -> Self {
        Self::Whole(number.into())
    }
}

impl From<i32> for Number {
    fn from(number: i32) -> Self {
        Self::Whole(number.into())
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Self {
        Self::Whole(number)
    }
}

impl From<f32> for Number {
    fn from(number: f32) -> Self {
        Self::Other(number.into())
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Self {
        Self::Other(number)
    }
}

fn is_valid_number(valid: &Valid, number: Number) -> bool {
    let (whole, number) = match number {
        Number::Whole(whole) => (Some(whole), whole as f64),
        Number::Other(number) => (None, number),
    };
    valid.range.is_none_or(|range| range.has(number))
        && valid.values.as_ref().is_none_or(|values| whole.is_some_and(|whole| values.has_whole(whole)))
}

/// Whether the least and the greatest number of a column are valid, and with them all between: a range has no holes.
fn lies_within(valid: &Valid, array: &dyn Array) -> bool {
    let ends = match array.data_type() {
        _ if valid.values.is_some() => return false,
        DataType::Int16 => ends::<Int16Type>(array),
        DataType::Int32 => ends::<Int32Type>(array),
        DataType::Int64 => ends::<Int64Type>(array),
        // NaN, which lies nowhere, counts as the least or as the greatest.
        DataType::Float32 => ends::<Float32Type>(array),
        DataType::Float64 => ends::<Float64Type>(array),
        _ => return false,
    };
    ends.into_iter().flatten().all(|number| is_valid_number(valid, number))
}

fn ends<T: ArrowNumericType<Native: Into<Number>>>(array: &dyn Array) -> [Option<Number>; 2] {
    let array = array.as_primitive::<T>();
    [min(array).map(Into::into), max(array).map(Into::into)]
}

/// The rows of a text column that are hit; `None` if none is, or if it is no text column.
fn texts(array: &dyn Array, is_hit: impl Fn(&str) -> bool) -> Option<BooleanBuffer> {
    match array.data_type() {
        DataType::Utf8 => hits(array.as_string::<i32>(), is_hit),
        DataType::LargeUtf8 => hits(array.as_string::<i64>(), is_hit),
        DataType::Utf8View => hits(array.as_string_view(), is_hit),
        DataType::Dictionary(_, _) => {
            let dictionary = array.as_any_dictionary();
            let of_values = BooleanArray::new(texts(dictionary.values(), is_hit)?, None);
            let hits = take(&of_values, dictionary.keys(), None).expect("a dictionary's keys are places of its values");
            let (hits, nulls) = hits.as_boolean().clone().into_parts();
            some(nulls.map_or_else(|| hits.clone(), |nulls| &hits & nulls.inner()))
        }
        _ => None,
    }
}

/// The rows of a column of numbers that are hit; `None` if none is, or if it is none.
fn numbers(array: &dyn Array, is_hit: impl Fn(Number) -> bool) -> Option<BooleanBuffer> {
    match array.data_type() {
        DataType::Int16 => of_type::<Int16Type>(array, is_hit),
        DataType::Int32 => of_type::<Int32Type>(array, is_hit),
        DataType::Int64 => of_type::<Int64Type>(array, is_hit),
        DataType::Float32 => of_type::<Float32Type>(array, is_hit),
        DataType::Float64 => of_type::<Float64Type>(array, is_hit),
        _ => None,
    }
}

fn of_type<T: ArrowNumericType<Native: Into<Number>>>(
    array: &dyn Array,
    is_hit: impl Fn(Number) -> bool,
) -> Option<BooleanBuffer> {
    hits(array.as_primitive::<T>(), |number| is_hit(number.into()))
}

fn hits<A: ArrayAccessor + Copy>(array: A, is_hit: impl Fn(A::Item) -> bool) -> Option<BooleanBuffer> {
    let hits = match array.nulls() {
        None => BooleanBuffer::collect_bool(array.len(), |row| is_hit(array.value(row))),
        Some(nulls) => BooleanBuffer::collect_bool(array.len(), |row| nulls.is_valid(row) && is_hit(array.value(row))),
    };
    some(hits)
}

fn some(hits: BooleanBuffer) -> Option<BooleanBuffer> {
    (hits.count_set_bits() > 0).then_some(hits)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, DictionaryArray, Float64Array, Int64Array, LargeStringArray, StringArray};
    use arrow::array::{Int8Array, StringViewArray};
    use arrow::datatypes::Int32Type;

    use super::*;
    use crate::Values;

    fn check(metric: &Metric, array: &dyn Array, expected: &[bool]) {
        let hits = violations(metric, array);
        let rows = hits.map_or_else(|| vec![false; array.len()], |hits| hits.iter().collect());
        assert_eq!(rows, expected, "{metric:?} of {}", array.data_type());
    }

    fn valid(words: &[&str]) -> Metric {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Metric::InvalidValues(Valid { values: Some(Values::Text(words)), ..Valid::default() })
    }

    /// One column in every layout of text.
    fn layouts(texts: &[Option<&str>]) -> Vec<ArrayRef> {
        vec![
            Arc::new(StringArray::from(texts.to_vec())),
            Arc::new(LargeStringArray::from(texts.to_vec())),
            Arc::new(StringViewArray::from(texts.to_vec())),
            Arc::new(texts.iter().copied().collect::<DictionaryArray<Int32Type>>()),
        ]
    }

    #[test]
    fn text_is_text_in_every_layout() {
        for array in layouts(&[Some("a"), None, Some("c"), Some("b"), Some("")]) {
            check(&valid(&["a", "b"]), &array, &[false, false, true, false, true]);
            check(&valid(&["", "a", "b", "c"]), &array, &[false; 5]);
            check(&Metric::NullValues, &array, &[false, true, false, false, false]);
            let missing = Metric::MissingValues { values: Values::Text(vec![String::new()]), null: true };
            check(&missing, &array, &[false, true, false, false, true]);
            let length = Range { from: Some((1.0, true)), to: None };
            let long = Metric::InvalidValues(Valid { length: Some(length), ..Valid::default() });
            check(&long, &array, &[false, false, false, false, true]);
        }
    }

    #[test]
    fn a_length_counts_characters_and_not_bytes() {
        let length = Range { from: Some((2.0, true)), to: Some((3.0, true)) };
        let long = Metric::InvalidValues(Valid { length: Some(length), ..Valid::default() });
        let texts =
            [Some("é"), Some("éé"), Some("😀😀😀"), Some("😀😀😀😀"), Some("aaa"), Some("a"), Some("aaaaaaaaaaaaa")];
        for array in layouts(&texts) {
            check(&long, &array, &[true, false, false, true, false, true, true]);
        }
    }

    #[test]
    fn a_value_that_no_row_has_breaks_nothing() {
        let (keys, values) = (Int8Array::from(vec![Some(0), None]), StringArray::from(vec!["a", "b"]));
        check(&valid(&["a"]), &DictionaryArray::new(keys, Arc::new(values)), &[false, false]);
    }

    #[test]
    fn a_null_among_a_dictionary_s_values_is_null() {
        let (keys, values) = (Int8Array::from(vec![0, 1, 0]), StringArray::from(vec![Some("a"), None]));
        let array = DictionaryArray::new(keys, Arc::new(values));
        check(&Metric::NullValues, &array, &[false, true, false]);
        check(&valid(&["b"]), &array, &[true, false, true]);
    }

    #[test]
    fn an_empty_dictionary_breaks_nothing() {
        let array = DictionaryArray::new(Int8Array::from(vec![None, None]), Arc::new(StringArray::new_null(0)));
        check(&valid(&["b"]), &array, &[false, false]);
        check(&Metric::NullValues, &array, &[true, true]);
    }

    #[test]
    fn ranges_have_ends_and_nan_lies_in_none() {
        let range = |from, to| Metric::InvalidValues(Valid { range: Some(Range { from, to }), ..Valid::default() });
        let array = Float64Array::from(vec![Some(0.0), Some(1.0), Some(f64::NAN), None]);
        check(&range(Some((0.0, true)), Some((1.0, true))), &array, &[false, false, true, false]);
        check(&range(Some((0.0, false)), Some((1.0, false))), &array, &[true, true, true, false]);
        let array = Float64Array::from(vec![-f64::NAN, 0.5]);
        check(&range(Some((0.0, true)), Some((1.0, true))), &array, &[true, false]);
        let array = Float64Array::from(vec![Some(f64::NEG_INFINITY), Some(1.0), None]);
        check(&range(None, Some((1.0, true))), &array, &[false, false, false]);
        let array = Int64Array::from(vec![Some(-1), Some(0), None]);
        check(&range(Some((0.0, true)), None), &array, &[true, false, false]);
        let some = Metric::InvalidValues(Valid { values: Some(Values::Whole(vec![-1, 7])), ..Valid::default() });
        check(&some, &array, &[false, true, false]);
    }
}
