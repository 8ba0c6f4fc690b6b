//! How is one column read, whatever its encoding?
//!
//! Text may come as `Utf8`, `LargeUtf8`, `Utf8View` or a dictionary of one of them; a column of type `Null` is a column
//! of nulls. A dictionary's values are judged once each, plain text once for each run of equal neighbours.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::DataType;

use crate::error::{Error, Result};

/// The column called `name`, which `reader` needs.
pub(crate) fn required<'a>(batch: &'a RecordBatch, name: &str, reader: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| missing(name, reader))
}

/// `column` is read by `reader` and is not there.
pub(crate) fn missing(column: &str, reader: &str) -> Error {
    Error::MissingColumn { column: column.to_owned(), reader: reader.to_owned() }
}

/// `column` is of another kind than `reader` expects.
pub(crate) fn wrong(column: &str, reader: &str, expected: &'static str, found: &DataType) -> Error {
    Error::WrongColumn { column: column.to_owned(), reader: reader.to_owned(), expected, found: found.clone() }
}

/// Whether [`judge_text`] takes a column of this type.
pub(crate) fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Null => true,
        DataType::Dictionary(_, values) => values.is_string(),
        plain => plain.is_string(),
    }
}

/// What `judge` says of the text in each row, and `absent` where there is none; `None` if the column is not text.
pub(crate) fn judge_text<T: Copy>(column: &dyn Array, absent: T, judge: impl FnMut(&str) -> T) -> Option<Vec<T>> {
    let DataType::Dictionary(_, _) = column.data_type() else {
        return judge_plain(column, absent, judge);
    };
    let dictionary = column.as_any_dictionary();
    let of_value = judge_plain(dictionary.values().as_ref(), absent, judge)?;
    if of_value.is_empty() {
        return Some(vec![absent; column.len()]);
    }
    let keys = dictionary.normalized_keys();
    let nulls = dictionary.keys().nulls();
    let of_row = |(row, &key): (usize, &usize)| match nulls {
        Some(nulls) if nulls.is_null(row) => absent,
        _ => of_value[key],
    };
    Some(keys.iter().enumerate().map(of_row).collect())
}

fn judge_plain<T: Copy>(column: &dyn Array, absent: T, judge: impl FnMut(&str) -> T) -> Option<Vec<T>> {
    match column.data_type() {
        DataType::Null => Some(vec![absent; column.len()]),
        DataType::Utf8 => Some(judge_runs(column.as_string::<i32>().iter(), absent, judge)),
        DataType::LargeUtf8 => Some(judge_runs(column.as_string::<i64>().iter(), absent, judge)),
        DataType::Utf8View => Some(judge_runs(column.as_string_view().iter(), absent, judge)),
        _ => None,
    }
}

fn judge_runs<'a, T: Copy>(
    texts: impl Iterator<Item = Option<&'a str>>,
    absent: T,
    mut judge: impl FnMut(&str) -> T,
) -> Vec<T> {
    let mut last: Option<(&str, T)> = None;
    let judge_one = |text: Option<&'a str>| match (text, last) {
        (None, _) => absent,
        (Some(text), Some((same, judged))) if text == same => judged,
        (Some(text), _) => {
            let judged = judge(text);
            last = Some((text, judged));
            judged
        }
    };
    texts.map(judge_one).collect()
}
