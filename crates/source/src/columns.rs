//! Which columns does one file say it has?
//!
//! In words that can be compared from file to file: how a writer encodes text is left out, and so is what stands inside
//! nested values. JSON is judged by what most of its first rows hold, so that a bad row is no other type; CSV has names and
//! no types. Absent: columns that only folders give.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;

use crate::{Format, SourceFile, read};
use tidegate_contract::is_text;

/// Names of columns, each with its type; none where the file does not say: it has no value there, or is CSV.
pub type Columns = BTreeMap<String, Option<String>>;

/// The columns of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileColumns {
    /// Their names and types.
    pub columns: Columns,
    /// A column that is not among them may be there all the same: a JSON object leaves out what is null.
    pub is_partial: bool,
}

/// What `file` says of itself; none when it cannot be opened or has no columns.
pub(crate) fn of(format: Format, file: &SourceFile) -> Option<FileColumns> {
    let columns: Columns = match format {
        Format::Parquet | Format::Ipc => {
            let fields = read::columns(format, file).ok().flatten()?;
            fields.iter().map(|field| (field.name().clone(), name_of(field.data_type()))).collect()
        }
        Format::OtlpJson | Format::OtlpProto => return None,
        Format::Ndjson => read::kinds(file)?,
        Format::Csv => read::header(file)?.into_iter().map(|name| (name, None)).collect(),
    };
    (!columns.is_empty()).then_some(FileColumns { columns, is_partial: format == Format::Ndjson })
}

/// The name of a type.
fn name_of(data_type: &DataType) -> Option<String> {
    use DataType::{Dictionary, FixedSizeList, LargeList, LargeListView, List, ListView};
    use DataType::{Map, Null, RunEndEncoded, Struct};
    let name = match data_type {
        Null => return None,
        text if is_text(text) => "Utf8".to_owned(),
        Dictionary(_, values) => return name_of(values),
        RunEndEncoded(_, values) => return name_of(values.data_type()),
        List(_) | LargeList(_) | ListView(_) | LargeListView(_) | FixedSizeList(..) => "List".to_owned(),
        Struct(_) => "Struct".to_owned(),
        Map(..) => "Map".to_owned(),
        other => other.to_string(),
    };
    Some(name)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{Field, TimeUnit};

    use super::*;

    #[test]
    fn a_type_has_one_name_however_it_is_encoded() {
        let check = |data_type: DataType, expected: Option<&str>| {
            assert_eq!(name_of(&data_type).as_deref(), expected, "{data_type}");
        };
        let words = DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
        for text in [DataType::Utf8, DataType::LargeUtf8, DataType::Utf8View, words] {
            check(text, Some("Utf8"));
        }
        check(DataType::Null, None);
        check(DataType::Int64, Some("Int64"));
        check(DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), Some("Timestamp(µs, \"UTC\")"));
        let secret = Field::new("a key that may be data", DataType::Utf8, true);
        check(DataType::Struct(vec![secret.clone()].into()), Some("Struct"));
        check(DataType::List(Arc::new(secret)), Some("List"));
    }
}
