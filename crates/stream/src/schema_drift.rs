//! What stands in `released.schema_drift`? A row for each column that a stream gained, lost or found with another type.
//!
//! A signal that nobody defines. Its rows are a pure function of the log, so that they are released as those of other
//! signals are, once, and made again when a file is lost. Names of columns and types stand in it, and never a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{Field, Schema, SchemaRef};
use tidegate_algebra::{Fingerprint, utc_day};
use tidegate_ledger::Store;
use tidegate_signal::{SCHEMA_DRIFT, Scope};

use crate::columns::ColumnChange;
use crate::commit::ReleaseEntry;
use crate::epoch::sha256_hex;
use crate::error::Result;
use crate::history::History;
use crate::layout;
use crate::publish::{Due, released_by};
use crate::released::{Origin, origin_schema, written};

/// Changes with the meaning of its rows.
const VERSION: &str = "1.0.0";

/// The columns of its files.
///
/// # Errors
/// Only when Arrow cannot build them.
pub fn schema_drift_schema() -> Result<SchemaRef> {
    origin_schema(&origin(&code_hash()), &rows_of(&[])?)
}

/// Stages the days whose rows are others than those that are released.
pub(crate) async fn stage(store: &Store, history: &History, record: u64) -> Result<Due> {
    let before = released_by(history, SCHEMA_DRIFT);
    let code_hash = code_hash();
    let mut due = Due::default();
    for (day, changes) in by_day(&history.column_changes) {
        let day = Some(day);
        // The log only grows, and so does every day: as many rows are the same rows.
        let is_same = |before: &&ReleaseEntry| before.rows == changes.len() as u64 && before.code_hash == code_hash;
        if before.get(&day).is_some_and(is_same) {
            continue;
        }
        let file = written(&origin(&code_hash), day, &rows_of(&changes)?, |_| Vec::new())?;
        let entry = ReleaseEntry {
            signal: SCHEMA_DRIFT.to_owned(),
            day,
            release_id: file.release_id.clone(),
            version: VERSION.to_owned(),
            code_hash: code_hash.clone(),
            fingerprint: Fingerprint::default(),
            rows: file.rows,
            bytes: file.bytes.len() as u64,
            sha256: sha256_hex(&file.bytes),
            staged: layout::staging_file(record, &file.release_id),
            path: layout::published_file(Scope::Global, SCHEMA_DRIFT, day),
            ..ReleaseEntry::default()
        };
        store.replace(&entry.staged, file.bytes.into()).await?;
        due.entries.push(entry);
    }
    Ok(due)
}

/// Nobody wrote a definition: its name and version stand for it.
fn code_hash() -> String {
    sha256_hex(format!("{SCHEMA_DRIFT} {VERSION}").as_bytes())
}

fn origin(code_hash: &str) -> Origin<'_> {
    Origin { name: SCHEMA_DRIFT, version: VERSION, scope: Scope::Global, code_hash }
}

/// Changes in order, by the day of UTC on which the file was written that showed them.
fn by_day(changes: &[ColumnChange]) -> BTreeMap<i32, Vec<&ColumnChange>> {
    let mut days: BTreeMap<i32, Vec<_>> = BTreeMap::new();
    for change in changes {
        days.entry(utc_day(change.detected_at_us)).or_default().push(change);
    }
    for changes in days.values_mut() {
        changes.sort();
    }
    days
}

fn rows_of(changes: &[&ColumnChange]) -> Result<RecordBatch> {
    let texts = |of: fn(&ColumnChange) -> Option<&str>| -> ArrayRef {
        Arc::new(changes.iter().map(|change| of(change)).collect::<StringArray>())
    };
    let instants = changes.iter().map(|change| change.detected_at_us).collect::<Vec<_>>();
    let columns: Vec<(&str, bool, ArrayRef)> = vec![
        ("detected_at", false, Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC"))),
        ("stream", false, texts(|change| Some(&change.stream))),
        ("column_name", false, texts(|change| Some(&change.column))),
        ("change", false, texts(|change| Some(change.kind.name()))),
        ("from_type", true, texts(|change| change.from.as_deref())),
        ("to_type", true, texts(|change| change.to.as_deref())),
    ];
    let fields =
        columns.iter().map(|(name, nullable, column)| Field::new(*name, column.data_type().clone(), *nullable));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(RecordBatch::try_new(schema, columns.into_iter().map(|(_, _, column)| column).collect())?)
}
