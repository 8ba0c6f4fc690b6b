//! When did a verdict turn? For each turn of each series there is one event file, for whoever waits to act on it.
//!
//! A series is what the text columns of a signal tell apart. Its verdict is a column `verdict` or `<what>_verdict`, or the
//! field `verdict` of a struct.
//! Words that decide nothing (`insufficient`, `uninformative`, `missing`, null) are passed over: a verdict turns when the
//! next word that decides is another, and also when the first one is an alarm. The event's id follows from what turned, so
//! the same turn found again is the same file.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, TimestampMicrosecondArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use bytes::Bytes;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tidegate_ledger::Store;
use tidegate_signal::{Derived, Scope};

use crate::error::{Error, Result};

/// Where a verdict stands.
const VERDICT: &str = "verdict";

/// True for the name of a column of verdicts.
fn is_verdict(name: &str) -> bool {
    name.strip_suffix(VERDICT).is_some_and(|what| what.is_empty() || what.ends_with('_'))
}

/// Verdicts that decide nothing.
const UNDECIDED: [&str; 3] = ["insufficient", "missing", "uninformative"];

/// Verdicts that are news even when they are the first.
const ALARMS: [&str; 3] = ["alarm", "anomaly", "drift"];

/// A verdict that turned, as a [CloudEvent](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md).
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Event {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: &'static str,
    subject: String,
    time: String,
    datacontenttype: &'static str,
    data: Turn,
}

/// What turned.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Turn {
    signal: String,
    version: String,
    /// The column of the verdict.
    column: String,
    /// What tells the series apart.
    series: BTreeMap<String, Option<String>>,
    window_start: String,
    /// The verdict before; none where this is the first.
    from: Option<String>,
    to: String,
    /// What stands beside the verdict in its struct, as text.
    evidence: BTreeMap<String, String>,
}

/// Writes the event of each turn in `rows`, which are all rows of `signal` in order of their windows, unless it is there.
/// How many are new.
pub(crate) async fn write(store: &Store, signal: &Derived, rows: &RecordBatch) -> Result<u64> {
    let Some(time) = signal.filed_by.filter(|_| signal.definition.scope == Scope::Global) else { return Ok(0) };
    let columns = verdicts_of(rows);
    if columns.is_empty() {
        return Ok(0);
    }
    let folder = format!("events/signal={}", signal.name());
    let known = store.list(&folder).await?;
    let mut new = 0;
    for (column, words) in columns {
        for turn in turns(signal, rows, time, &column, &words)? {
            let event = event(turn);
            let path = format!("{folder}/{}.json", event.id);
            if known.contains(&path) {
                continue;
            }
            let unencodable = |source| tidegate_ledger::Error::Unencodable { log: folder.clone(), source };
            let bytes = serde_json::to_vec_pretty(&event).map_err(unencodable)?;
            let _ = store.create(&path, Bytes::from(bytes)).await?;
            new += 1;
        }
    }
    Ok(new)
}

fn event(turn: Turn) -> Event {
    let mut digest = Sha256::new();
    for part in [&turn.signal, &turn.column, &format!("{:?}", turn.series), &turn.window_start, &turn.to] {
        digest.update(part);
        digest.update([0]);
    }
    digest.update(turn.from.as_deref().unwrap_or_default());
    let series = turn.series.iter().map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("null")));
    Event {
        specversion: "1.0",
        id: digest.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect(),
        source: format!("tidegate/signals/{}", turn.signal),
        kind: "dev.tidegate.verdict.turned",
        subject: series.chain([turn.column.clone()]).collect::<Vec<_>>().join("/"),
        time: turn.window_start.clone(),
        datacontenttype: "application/json",
        data: turn,
    }
}

/// The columns that hold verdicts, by name: text, or a struct with such a field.
fn verdicts_of(rows: &RecordBatch) -> Vec<(String, ArrayRef)> {
    let mut found = Vec::new();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        let words = match column.data_type() {
            DataType::Struct(_) => column.as_struct().column_by_name(VERDICT).cloned(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View if is_verdict(field.name()) => {
                Some(ArrayRef::clone(column))
            }
            _ => None,
        };
        let words = words.and_then(|words| cast(&words, &DataType::Utf8).ok());
        found.extend(words.map(|words| (field.name().clone(), words)));
    }
    found
}

fn turns(signal: &Derived, rows: &RecordBatch, time: usize, column: &str, words: &ArrayRef) -> Result<Vec<Turn>> {
    let is_series = |data_type: &DataType| match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean | DataType::Date32 => true,
        DataType::Dictionary(_, value) => value.is_string(),
        _ => false,
    };
    let schema = rows.schema();
    let fields = schema.fields().iter().enumerate();
    let series = fields.filter(|(_, field)| !is_verdict(field.name()) && is_series(field.data_type()));
    let series = series.map(|(at, field)| Ok((field.name(), shown(rows.column(at))?))).collect::<Result<Vec<_>>>()?;
    let evidence = match rows.column_by_name(column).map(|column| (column, column.data_type())) {
        Some((column, DataType::Struct(fields))) => {
            let beside = fields.iter().zip(column.as_struct().columns()).filter(|(field, _)| field.name() != VERDICT);
            beside.map(|(field, column)| Ok((field.name(), shown(column)?))).collect::<Result<Vec<_>>>()?
        }
        _ => Vec::new(),
    };
    let times = cast(rows.column(time), &DataType::Int64)?;
    let (times, words) = (times.as_primitive::<Int64Type>(), words.as_string::<i32>());
    let mut last: BTreeMap<Vec<Option<String>>, String> = BTreeMap::new();
    let mut turns = Vec::new();
    for row in 0..rows.num_rows() {
        let word = if words.is_null(row) { continue } else { words.value(row) };
        if UNDECIDED.contains(&word) || times.is_null(row) {
            continue;
        }
        let key = series.iter().map(|(_, values)| values[row].clone()).collect::<Vec<_>>();
        let before = last.insert(key.clone(), word.to_owned());
        let is_turn = before.as_deref().map_or(ALARMS.contains(&word), |before| before != word);
        if !is_turn {
            continue;
        }
        let names = series.iter().map(|(name, _)| (*name).clone());
        let beside = evidence.iter().filter_map(|(name, values)| Some(((*name).clone(), values[row].clone()?)));
        turns.push(Turn {
            signal: signal.name().to_owned(),
            version: signal.definition.version.clone(),
            column: column.to_owned(),
            series: names.zip(key).collect(),
            window_start: instant(times.value(row))?,
            from: before,
            to: word.to_owned(),
            evidence: beside.collect(),
        });
    }
    Ok(turns)
}

/// An instant as RFC 3339 writes it.
fn instant(us: i64) -> Result<String> {
    let column = TimestampMicrosecondArray::from(vec![us]);
    let options = FormatOptions::default().with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"));
    let formatter = ArrayFormatter::try_new(&column, &options).map_err(Error::from)?;
    Ok(formatter.value(0).to_string())
}

/// Every value of a column as text; none for null.
fn shown(column: &ArrayRef) -> Result<Vec<Option<String>>> {
    let formatter = ArrayFormatter::try_new(column, &FormatOptions::default()).map_err(Error::from)?;
    Ok((0..column.len()).map(|row| column.is_valid(row).then(|| formatter.value(row).to_string())).collect())
}
