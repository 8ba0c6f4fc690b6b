//! Where do rows and files go that no window could take?
//!
//! One Parquet file per epoch says which row of which file, why, and for which signal. Rows that could be read stand
//! there with the columns that signals read, as JSON; in a stream that protects people without its text and without the
//! privacy unit. Reasons name columns and types, never values.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt64Array};
use arrow::datatypes::{DataType, UInt64Type};
use arrow::json::LineDelimitedWriter;
use tidegate_contract::stream::StreamContract;
use tidegate_ledger::Store;
use tidegate_source::Rejection;

use crate::admission::{SetAside, times};
use crate::commit::QuarantineFile;
use crate::dedupe::batches;
use crate::error::{Error, Result};
use crate::released::to_parquet;

/// One row, or one file, that was set aside.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Entry {
    file: String,
    row: Option<u64>,
    reason: String,
    signal: Option<String>,
    detail: String,
    event_time_us: Option<i64>,
    payload: Option<String>,
}

/// Writes what an epoch set aside, if anything, and says where.
pub(crate) async fn write(
    store: &Store,
    path: String,
    contract: &StreamContract,
    rejected: &[Rejection],
    set_aside: &[SetAside],
) -> Result<Option<QuarantineFile>> {
    let mut entries = rejected.iter().map(of_rejection).collect::<Vec<_>>();
    for rows in set_aside {
        entries.extend(of_rows(rows, contract)?);
    }
    if entries.is_empty() {
        return Ok(None);
    }
    let mut rows = BTreeMap::new();
    for entry in &entries {
        *rows.entry(entry.reason.clone()).or_default() += 1;
    }
    store.replace(&path, to_parquet(&table(&contract.name, &entries)?)?.into()).await?;
    Ok(Some(QuarantineFile { path, rows }))
}

/// Where a row that was set aside stands, as its quarantine file says.
#[derive(Debug)]
pub(crate) struct Position {
    /// Its place in the quarantine file.
    pub(crate) index: u64,
    pub(crate) file: String,
    /// None for the rest of a file.
    pub(crate) row: Option<u64>,
    pub(crate) reason: String,
    pub(crate) signal: Option<String>,
}

/// The rows that a quarantine file names.
pub(crate) async fn positions(store: &Store, path: &str) -> Result<Vec<Position>> {
    let mut positions = Vec::new();
    for batch in read(store, path).await? {
        let text = |name| batch.column_by_name(name).and_then(|column| column.as_string_opt::<i32>());
        let rows = batch.column_by_name("row").and_then(|column| column.as_primitive_opt::<UInt64Type>());
        let (Some(files), Some(rows), Some(reasons), Some(signals)) =
            (text("file"), rows, text("reason"), text("signal"))
        else {
            return Err(Error::DamagedFile { path: path.to_owned() });
        };
        for index in 0..batch.num_rows() {
            positions.push(Position {
                index: positions.len() as u64,
                file: files.value(index).to_owned(),
                row: rows.is_valid(index).then(|| rows.value(index)),
                reason: reasons.value(index).to_owned(),
                signal: signals.is_valid(index).then(|| signals.value(index).to_owned()),
            });
        }
    }
    Ok(positions)
}

/// The rows of a quarantine file.
///
/// # Errors
/// [`Error::DamagedFile`] when it is gone or no Parquet file.
pub async fn read(store: &Store, path: &str) -> Result<Vec<RecordBatch>> {
    let bytes = store.get(path).await?.ok_or_else(|| Error::DamagedFile { path: path.to_owned() })?;
    batches(bytes, path)
}

fn of_rejection(rejection: &Rejection) -> Entry {
    Entry {
        file: rejection.file.clone(),
        row: rejection.row,
        reason: rejection.reason.to_string(),
        detail: rejection.detail.clone(),
        ..Entry::default()
    }
}

fn of_rows(set_aside: &SetAside, contract: &StreamContract) -> Result<Vec<Entry>> {
    let SetAside { rows, reason, signal, detail } = set_aside;
    let payloads = payloads(&rows.batch, contract)?;
    let times = times(&rows.batch, contract);
    let entry = |(index, payload)| Entry {
        file: rows.file.to_string(),
        row: Some(rows.positions.at(index)),
        reason: (*reason).to_owned(),
        signal: signal.clone(),
        detail: detail.clone(),
        event_time_us: times.and_then(|times| times.get(index).copied()),
        payload,
    };
    Ok(payloads.into_iter().enumerate().map(entry).collect())
}

fn table(stream: &str, entries: &[Entry]) -> Result<RecordBatch> {
    let text = |part: &dyn Fn(&Entry) -> Option<String>| {
        Arc::new(entries.iter().map(part).collect::<StringArray>()) as ArrayRef
    };
    let rows = entries.iter().map(|entry| entry.row).collect::<UInt64Array>();
    let times = entries.iter().map(|entry| entry.event_time_us).collect::<TimestampMicrosecondArray>();
    let columns = vec![
        ("stream", text(&|_| Some(stream.to_owned())), false),
        ("file", text(&|entry| Some(entry.file.clone())), false),
        ("row", Arc::new(rows) as ArrayRef, true),
        ("reason", text(&|entry| Some(entry.reason.clone())), false),
        ("signal", text(&|entry| entry.signal.clone()), true),
        ("detail", text(&|entry| Some(entry.detail.clone())), false),
        ("event_time", Arc::new(times.with_timezone("UTC")) as ArrayRef, true),
        ("payload", text(&|entry| entry.payload.clone()), true),
    ];
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}

/// Each row as a JSON object of what may be kept of it.
fn payloads(rows: &RecordBatch, contract: &StreamContract) -> Result<Vec<Option<String>>> {
    let kept = (0..rows.num_columns()).filter(|&column| may_be_kept(rows, column, contract)).collect::<Vec<_>>();
    let rows_kept = rows.project(&kept)?;
    if kept.is_empty() {
        return Ok(vec![None; rows.num_rows()]);
    }
    let mut lines = Vec::new();
    let mut writer = LineDelimitedWriter::new(&mut lines);
    writer.write(&rows_kept)?;
    writer.finish()?;
    let text = String::from_utf8_lossy(&lines);
    // A row of nulls is an empty object, which is a line too.
    Ok(text.lines().map(|line| Some(line.to_owned())).collect())
}

/// Text can hold anything, names of people included: a stream that protects somebody keeps none of it.
fn may_be_kept(rows: &RecordBatch, column: usize, contract: &StreamContract) -> bool {
    let schema = rows.schema();
    let field = schema.field(column);
    !contract.is_protected() || (contract.privacy_unit.as_ref() != Some(field.name()) && !holds_text(field.data_type()))
}

fn holds_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => true,
        other => other.is_nested() || matches!(other, DataType::Dictionary(_, _)),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int64Array, StructArray};

    use super::*;

    fn rows() -> RecordBatch {
        let nested = StructArray::from(vec![(
            Arc::new(arrow::datatypes::Field::new("a", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec!["b"])) as ArrayRef,
        )]);
        RecordBatch::try_from_iter([
            ("u", Arc::new(Int64Array::from(vec![7])) as ArrayRef),
            ("text", Arc::new(StringArray::from(vec!["mail me"])) as ArrayRef),
            ("n", Arc::new(Int64Array::from(vec![3])) as ArrayRef),
            ("nested", Arc::new(nested) as ArrayRef),
        ])
        .unwrap()
    }

    #[test]
    fn an_open_stream_keeps_its_rows() {
        let payloads = payloads(&rows(), &StreamContract::new("s")).unwrap();
        assert_eq!(payloads, [Some(r#"{"u":7,"text":"mail me","n":3,"nested":{"a":"b"}}"#.to_owned())]);
    }

    #[test]
    fn a_protected_stream_keeps_neither_text_nor_its_unit() {
        let mut contract = StreamContract::new("s");
        contract.privacy_unit = Some("u".to_owned());
        assert_eq!(payloads(&rows(), &contract).unwrap(), [Some(r#"{"n":3}"#.to_owned())]);
    }
}
