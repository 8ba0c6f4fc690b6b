//! What stands in `released.schema_drift`? A row for each column that a stream gained, lost or found with another type.
//!
//! Names of columns and types stand in it, and never a value.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::SchemaRef;
use tidegate_algebra::utc_day;
use tidegate_ledger::Store;
use tidegate_signal::SCHEMA_DRIFT;

use crate::columns::ColumnChange;
use crate::error::Result;
use crate::history::History;
use crate::own::{OwnSignal, rows_of};
use crate::publish::Due;

const SIGNAL: OwnSignal = OwnSignal { name: SCHEMA_DRIFT, version: "1.0.0" };

/// The columns of its files.
///
/// # Errors
/// Only when Arrow cannot build them.
pub fn schema_drift_schema() -> Result<SchemaRef> {
    SIGNAL.schema(&rows(&[])?)
}

/// Stages the days that have changes which are not released.
pub(crate) async fn stage(store: &Store, history: &History, record: u64) -> Result<Due> {
    let days = by_day(&history.column_changes).into_iter();
    let days = days.map(|(day, changes)| Ok((day, rows(&changes)?))).collect::<Result<_>>()?;
    SIGNAL.stage(store, history, record, days).await
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

fn rows(changes: &[&ColumnChange]) -> Result<RecordBatch> {
    let texts = |of: fn(&ColumnChange) -> Option<&str>| -> ArrayRef {
        Arc::new(changes.iter().map(|change| of(change)).collect::<StringArray>())
    };
    let instants = changes.iter().map(|change| change.detected_at_us).collect::<Vec<_>>();
    rows_of(vec![
        ("detected_at", false, Arc::new(TimestampMicrosecondArray::from(instants).with_timezone("UTC"))),
        ("stream", false, texts(|change| Some(&change.stream))),
        ("column_name", false, texts(|change| Some(&change.column))),
        ("change", false, texts(|change| Some(change.kind.name()))),
        ("from_type", true, texts(|change| change.from.as_deref())),
        ("to_type", true, texts(|change| change.to.as_deref())),
    ])
}
