//! When is a signal over released signals computed anew, and what comes of it? When one that it reads was released anew: then
//! the whole query runs, and of its days those are released whose rows are others.
//!
//! The log keeps, for each such signal, a digest of what it was computed from. So a run that died between a release and
//! what follows from it is made up for by the next.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{Field, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sha2::{Digest, Sha256};
use tidegate_algebra::Released;
use tidegate_ledger::Store;
use tidegate_signal::Derived;

use crate::commit::ReleaseEntry;
use crate::epoch::sha256_hex;
use crate::error::{Error, Result};
use crate::history::History;
use crate::layout;
use crate::publish::{Due, moved, released_by};
use crate::released::{by_instant, derived_file};
use crate::turns;

/// What a signal is computed from: the rows of each signal that it reads, by their names, and its own definition.
pub(crate) fn digest(history: &History, signal: &Derived) -> String {
    let mut digest = Sha256::new();
    digest.update(format!("{} {}\n", signal.definition.code_hash, signal.view.fingerprint()));
    for name in signal.reads().collect::<BTreeSet<_>>() {
        for (day, entry) in released_by(history, name) {
            digest.update(format!("{name} {day:?} {}\n", entry.release_id));
        }
    }
    digest.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Computes `signal`, and stages the days whose rows are others than those that are released. `schemas` are the columns of
/// the tables that it reads.
pub(crate) async fn stage(
    store: &Store,
    history: &History,
    signal: &Derived,
    schemas: &BTreeMap<String, SchemaRef>,
    record: u64,
) -> Result<Due> {
    let name = signal.name();
    let explain = |source| Error::Signal { signal: name.to_owned(), source };
    let mut tables = BTreeMap::new();
    for read in signal.reads() {
        if let Some(schema) = schemas.get(read) {
            tables.insert(read.to_owned(), rows_of(store, history, read, schema).await?);
        }
    }
    let rows = signal.view.run(&tables).await.map_err(explain)?;
    let rows = Released { rows, withheld: 0, groups: 0, pending: BTreeMap::new() };
    let rows = rows.sorted_by(&signal.sort_order).map_err(explain)?;
    let before = released_by(history, name);
    // Before the record: a run that dies in between finds the same turns again, and their files.
    let turned = turns::write(store, signal, &rows).await?;
    let mut due = Due { turned, ..Due::default() };
    let mut days = by_instant(&rows, signal.filed_by)?;
    days.retain(|_, rows| rows.num_rows() > 0);
    for (&day, rows) in &days {
        let file = derived_file(signal, day, rows)?;
        let entry = ReleaseEntry {
            signal: name.to_owned(),
            day,
            release_id: file.release_id.clone(),
            version: signal.definition.version.clone(),
            code_hash: signal.definition.code_hash.clone(),
            fingerprint: signal.view.fingerprint().clone(),
            rows: file.rows,
            bytes: file.bytes.len() as u64,
            sha256: sha256_hex(&file.bytes),
            staged: layout::staging_file(record, &file.release_id),
            path: layout::published_file(signal.definition.scope, name, day),
            ..ReleaseEntry::default()
        };
        if before.get(&day).is_none_or(|before| before.release_id != entry.release_id) {
            store.replace(&entry.staged, file.bytes.into()).await?;
            due.entries.push(entry);
        }
    }
    let gone = before.iter().filter(|(day, entry)| entry.rows > 0 && !days.contains_key(day));
    due.removed = gone.map(|(_, entry)| entry.path.clone()).collect();
    due.removed.extend(moved(&due.entries, &before));
    Ok(due)
}

/// All released rows of a signal, with the `date` that they are filed under.
async fn rows_of(store: &Store, history: &History, name: &str, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut batches = Vec::new();
    for (day, entry) in released_by(history, name) {
        if entry.rows == 0 {
            continue;
        }
        let damaged = || Error::DamagedFile { path: entry.path.clone() };
        let bytes = store.get(&entry.path).await?.ok_or_else(damaged)?;
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(|builder| builder.build());
        for batch in reader.map_err(|_| damaged())? {
            let batch = batch.map_err(|_| damaged())?;
            batches.push(in_columns(&batch, day.unwrap_or_default(), schema).map_err(|_| damaged())?);
        }
    }
    Ok(concat_batches(schema, &batches)?)
}

/// The rows in the columns of `schema`, which has `date` beside those of the file.
fn in_columns(batch: &RecordBatch, day: i32, schema: &SchemaRef) -> Result<RecordBatch, arrow::error::ArrowError> {
    let column = |field: &Arc<Field>| match batch.column_by_name(field.name()) {
        Some(column) => cast(column, field.data_type()),
        None => Ok(Arc::new(Date32Array::from(vec![day; batch.num_rows()])) as ArrayRef),
    };
    RecordBatch::try_new(Arc::clone(schema), schema.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?)
}

/// The columns that a table of released rows has: those of its files, and `date`.
pub fn table_schema(released: &SchemaRef) -> SchemaRef {
    let date = Field::new("date", arrow::datatypes::DataType::Date32, false);
    let fields = released.fields().iter().cloned().chain([Arc::new(date)]);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
