//! What do the folders of a file say about its rows?
//!
//! A folder named `key=value` gives every file below it a column `key` (a hive partition).

use std::collections::BTreeMap;

use arrow::datatypes::{DataType, Field};

use crate::SourceFile;

/// What Hive and Spark write where the value is null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The partitions in a file's id; where a key occurs twice the inner folder wins.
pub(crate) fn parse(id: &str) -> BTreeMap<String, Option<String>> {
    let (folders, _) = id.rsplit_once('/').unwrap_or_default();
    folders
        .split('/')
        .filter_map(|folder| folder.split_once('='))
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (decode(key), (value != NULL).then(|| decode(value))))
        .collect()
}

/// The columns that the partitions of all files make: whole numbers, dates, or else text.
///
/// A number that would be written differently (`007`) is text, so that nothing of it is lost.
pub(crate) fn columns(files: &[SourceFile]) -> Vec<Field> {
    let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for file in files {
        for (key, value) in &file.partitions {
            values.entry(key).or_default().extend(value.as_deref());
        }
    }
    let columns = values.into_iter().map(|(key, values)| {
        let data_type = if values.is_empty() {
            DataType::Utf8
        } else if values.iter().all(|v| is_whole_number(v)) {
            DataType::Int64
        } else if values.iter().all(|v| is_date(v)) {
            DataType::Date32
        } else {
            DataType::Utf8
        };
        Field::new(key, data_type, true)
    });
    columns.collect()
}

fn is_whole_number(value: &str) -> bool {
    value.parse::<i64>().is_ok_and(|number| number.to_string() == value)
}

fn is_date(value: &str) -> bool {
    use arrow::compute::kernels::cast_utils::Parser;
    value.len() == 10 && arrow::datatypes::Date32Type::parse(value).is_some()
}

/// Undoes percent-encoding; what is not a valid encoding stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let byte = match tail {
            [high, low, ..] if first == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        match byte {
            Some((high, low)) => {
                bytes.push(high * 16 + low);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_string())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_become_values() {
        let partitions = parse("tenant=a%20b/date=2026-01-31/risk=__HIVE_DEFAULT_PARTITION__/x=1.parquet");
        assert_eq!(partitions["tenant"].as_deref(), Some("a b"));
        assert_eq!(partitions["date"].as_deref(), Some("2026-01-31"));
        assert_eq!(partitions["risk"], None);
        assert_eq!(partitions.len(), 3, "the file's own name gives nothing");
    }

    #[test]
    fn a_bad_encoding_stays() {
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%zz%4"), "%zz%4");
        assert_eq!(decode("%FF"), "%FF");
        assert_eq!(decode("%C3%A9%2F"), "é/");
    }

    #[test]
    fn types_hold_for_all_files() {
        let check = |values: &[&str], expected: DataType| {
            let file = |value: &&str| SourceFile {
                id: String::new(),
                path: "".into(),
                size: 0,
                modified_us: 0,
                partitions: parse(&format!("k={value}/f")),
            };
            let files: Vec<_> = values.iter().map(file).collect();
            assert_eq!(columns(&files)[0].data_type(), &expected, "{values:?}");
        };
        check(&["1", "-20"], DataType::Int64);
        check(&["1", NULL], DataType::Int64);
        check(&["007"], DataType::Utf8);
        check(&["2026-01-31", "2026-02-01"], DataType::Date32);
        check(&["2026-01-31", "1"], DataType::Utf8);
        check(&["2026-02-31"], DataType::Utf8);
        check(&[NULL], DataType::Utf8);
    }
}
