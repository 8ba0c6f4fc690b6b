//! What stands in a released file?
//!
//! The query's columns, then those that say where the rows come from. Nothing in a file differs
//! between two runs over the same rows: run ids, clocks and inputs stand in the log under the
//! `release_id`, which is a hash of the rows and of the definition that made them.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef};
use arrow::row::{RowConverter, SortField};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};
use tidegate_algebra::{Panes, Windows, utc_day};
use tidegate_signal::{Derived, Policy, Scope, Signal, SignalDefinition};

use crate::error::{Error, Result};
use crate::layout::date_of;
use crate::noise;
use crate::revision::{Restatement, revision};

/// A released day: its id, and its file's bytes.
#[derive(Debug)]
pub(crate) struct ReleasedDay {
    pub(crate) release_id: String,
    pub(crate) rows: u64,
    pub(crate) bytes: Vec<u8>,
}

/// The columns of a signal's released files.
///
/// # Errors
/// When a column has no type that readers know.
pub fn released_schema(signal: &Signal) -> Result<SchemaRef> {
    let rows = readable(&RecordBatch::new_empty(signal.cut.output_schema()))?;
    let rows = with_standing(signal, &rows, &Standing { panes: &Panes::default(), restatements: &[] })?;
    Ok(with_origin(&Origin::of(&signal.definition), &rows, "", terms_of(signal, 0))?.schema())
}

/// The columns of the released files of a signal that is computed from others'.
///
/// # Errors
/// When a column has no type that readers know.
pub fn derived_schema(signal: &Derived) -> Result<SchemaRef> {
    origin_schema(
        &Origin::of(&signal.definition),
        &readable(&RecordBatch::new_empty(Arc::clone(signal.view.schema())))?,
    )
}

/// The columns of `rows`, and those that say where they come from.
pub(crate) fn origin_schema(origin: &Origin<'_>, rows: &RecordBatch) -> Result<SchemaRef> {
    Ok(with_origin(origin, rows, "", Vec::new())?.schema())
}

/// Which signal shows rows, and who may read them.
pub(crate) struct Origin<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) scope: Scope,
    pub(crate) code_hash: &'a str,
}

impl<'a> Origin<'a> {
    fn of(definition: &'a SignalDefinition) -> Self {
        let SignalDefinition { name, version, scope, code_hash, .. } = definition;
        Self { name: &name.value, version, scope: *scope, code_hash }
    }
}

/// What a day's release says about its windows.
pub(crate) struct Standing<'a> {
    /// Which windows are shown.
    pub(crate) panes: &'a Panes,
    /// How the day was restated.
    pub(crate) restatements: &'a [Restatement],
}

/// Writes the sorted `rows` of one day as the file that readers see.
pub(crate) fn file_of(
    signal: &Signal,
    day: Option<i32>,
    rows: &RecordBatch,
    standing: &Standing<'_>,
) -> Result<ReleasedDay> {
    let rows = with_standing(signal, &readable(rows)?, standing)?;
    written(&Origin::of(&signal.definition), day, &rows, |count| terms_of(signal, count))
}

/// Writes the sorted `rows` of one day of a signal that is computed from others' as the file that readers see.
pub(crate) fn derived_file(signal: &Derived, day: Option<i32>, rows: &RecordBatch) -> Result<ReleasedDay> {
    written(&Origin::of(&signal.definition), day, &readable(rows)?, |_| Vec::new())
}

/// The file of one day; `terms` gives the columns that say under which terms so many rows are shown.
pub(crate) fn written(
    origin: &Origin<'_>,
    day: Option<i32>,
    rows: &RecordBatch,
    terms: impl Fn(usize) -> Vec<Term>,
) -> Result<ReleasedDay> {
    let release_id = release_id(origin, day, rows)?;
    let parts = slices(rows).map(|slice| with_origin(origin, &slice, &release_id, terms(slice.num_rows())));
    Ok(ReleasedDay { rows: rows.num_rows() as u64, bytes: write_parquet(parts)?, release_id })
}

/// The rows a few at a time, at least once: what is added to each takes memory.
fn slices(rows: &RecordBatch) -> impl Iterator<Item = RecordBatch> {
    const ROWS: usize = 65_536;
    let count = rows.num_rows();
    (0..count.max(1)).step_by(ROWS).map(move |from| rows.slice(from, ROWS.min(count - from)))
}

/// A column that says under which terms rows are shown.
pub(crate) type Term = (&'static str, ArrayRef);

/// Adds the columns that say where rows come from.
fn with_origin(origin: &Origin<'_>, rows: &RecordBatch, release_id: &str, terms: Vec<Term>) -> Result<RecordBatch> {
    let mut fields = rows.schema().fields().to_vec();
    let mut columns = rows.columns().to_vec();
    let count = rows.num_rows();
    let before = [("signal_version", constant(origin.version, count)), ("scope", constant(origin.scope.name(), count))];
    let after = [("code_hash", constant(origin.code_hash, count)), ("release_id", constant(release_id, count))];
    for (name, column) in before.into_iter().chain(terms).chain(after) {
        fields.push(Arc::new(Field::new(name, column.data_type().clone(), false)));
        columns.push(column);
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The threshold or the noise under which `count` rows of `signal` are shown.
fn terms_of(signal: &Signal, count: usize) -> Vec<Term> {
    let mut terms = Vec::new();
    if let Some(k) = signal.policy.threshold().and_then(|k| i32::try_from(k).ok()) {
        terms.push(("k", Arc::new(Int32Array::from(vec![k; count])) as ArrayRef));
    }
    if signal.policy.carries() {
        terms.push(("below_threshold", constant("CARRY", count)));
    }
    if let (Some(spec), Policy::Differential { unit, .. }) = (signal.cut.private_spec(), &signal.policy) {
        let number = |value: f64| Arc::new(Float64Array::from(vec![value; count])) as ArrayRef;
        terms.push(("dp_mechanism", constant(&spec.mechanism.to_string(), count)));
        terms.push(("dp_epsilon", number(spec.epsilon)));
        terms.push(("dp_delta", number(spec.delta)));
        terms.push(("dp_unit", constant(&format!("{unit}, {}", block_of(signal)), count)));
        terms.push(("dp_bounds", constant(&spec.bounds(), count)));
        terms.push(("dp_clause", constant(&noise::clause(signal), count)));
    }
    terms
}

fn constant(text: &str, count: usize) -> ArrayRef {
    Arc::new(StringArray::from(vec![text; count]))
}

/// Over what epsilon holds: a day of event time, where no window touches two; or an epoch.
fn block_of(signal: &Signal) -> &'static str {
    if signal.cut.private_spec().is_some_and(|spec| spec.max_days.is_some()) {
        return "28 days";
    }
    // Four weeks have a day of every kind.
    let divides = |windows: Windows| (0..28).all(|day| windows.utc_days_of(day) == (day..=day));
    if signal.panes().is_some_and(divides) { "day" } else { "all panes that start on one day" }
}

/// One Parquet file, zstd, with statistics of exactly the rows in it.
pub(crate) fn to_parquet(batch: &RecordBatch) -> Result<Vec<u8>> {
    write_parquet(std::iter::once(Ok(batch.clone())))
}

fn write_parquet(mut batches: impl Iterator<Item = Result<RecordBatch>>) -> Result<Vec<u8>> {
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
    let encode = |source| Error::Encode { what: "a Parquet file", source };
    let Some(first) = batches.next().transpose()? else { return Ok(Vec::new()) };
    let mut writer = ArrowWriter::try_new(Vec::new(), first.schema(), Some(properties)).map_err(encode)?;
    writer.write(&first).map_err(encode)?;
    for batch in batches {
        writer.write(&batch?).map_err(encode)?;
    }
    writer.into_inner().map_err(encode)
}

/// The rows in types that every reader knows: plain strings instead of views and dictionaries.
fn readable(rows: &RecordBatch) -> Result<RecordBatch> {
    let schema = rows.schema();
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in schema.fields().iter().zip(rows.columns()) {
        let data_type = readable_type(field.data_type());
        columns.push(if data_type == *field.data_type() { Arc::clone(column) } else { cast(column, &data_type)? });
        fields.push(Arc::new(Field::new(field.name(), data_type, field.is_nullable())));
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

fn readable_type(data_type: &DataType) -> DataType {
    let inner = |field: &FieldRef| Arc::new(field.as_ref().clone().with_data_type(readable_type(field.data_type())));
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => readable_type(value),
        DataType::List(field) | DataType::ListView(field) => DataType::List(inner(field)),
        other => other.clone(),
    }
}

/// The first 128 bits of a SHA-256 over the definition and the rows' values.
fn release_id(origin: &Origin<'_>, day: Option<i32>, rows: &RecordBatch) -> Result<String> {
    let mut digest = Sha256::new();
    let day = day.map_or_else(String::new, date_of);
    for part in [origin.name, origin.version, origin.code_hash, day.as_str()] {
        digest.update(part);
        digest.update([0]);
    }
    for field in rows.schema().fields() {
        digest.update(format!("{} {}\n", field.name(), field.data_type()));
    }
    if rows.num_columns() > 0 {
        let fields = rows.schema().fields().iter().map(|field| SortField::new(field.data_type().clone())).collect();
        let converter = RowConverter::new(fields)?;
        for slice in slices(rows) {
            for row in &converter.convert_columns(slice.columns())? {
                digest.update((row.as_ref().len() as u64).to_le_bytes());
                digest.update(row.as_ref());
            }
        }
    }
    Ok(digest.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Adds, to rows that have windows, how often each was restated and whether it can be restated still.
fn with_standing(signal: &Signal, rows: &RecordBatch, standing: &Standing<'_>) -> Result<RecordBatch> {
    let Some(windows) = signal.windows else {
        return Ok(rows.clone());
    };
    let starts = instants(rows, "window_start")?;
    let ends = match windows.end_of(0) {
        Some(_) => starts.iter().map(|&start| windows.end_of(start).unwrap_or(start)).collect(),
        None => instants(rows, "window_end")?,
    };
    let of =
        |(start, end)| (revision(standing.restatements, start, end), standing.panes.is_final(&windows, start, end));
    let (mut revisions, mut finals) = (Vec::with_capacity(starts.len()), Vec::with_capacity(starts.len()));
    // Rows are sorted by window, so that neighbours mostly share one.
    let mut last = None;
    for window in starts.into_iter().zip(ends) {
        let (revision, is_final) = match last {
            Some((known, standing)) if known == window => standing,
            _ => of(window),
        };
        last = Some((window, (revision, is_final)));
        revisions.push(revision);
        finals.push(is_final);
    }
    let mut fields = rows.schema().fields().to_vec();
    fields.push(Arc::new(Field::new("revision", DataType::Int32, false)));
    fields.push(Arc::new(Field::new("is_final", DataType::Boolean, false)));
    let mut columns = rows.columns().to_vec();
    columns.push(Arc::new(Int32Array::from(revisions)));
    columns.push(Arc::new(BooleanArray::from(finals)));
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The column `window_start` or `window_end`.
fn instants(rows: &RecordBatch, name: &str) -> Result<Vec<i64>> {
    rows.column_by_name(name).map_or(Ok(Vec::new()), instants_of)
}

/// Instants in microseconds since 1970; none of them is null, since they tell windows or days apart.
fn instants_of(column: &ArrayRef) -> Result<Vec<i64>> {
    Ok(cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec())
}

/// Cuts rows sorted by window, or by the instant under whose day they are filed, into days. Rows that have neither are
/// one part.
pub(crate) fn by_day(signal: &Signal, rows: &RecordBatch) -> Result<BTreeMap<Option<i32>, RecordBatch>> {
    let days = match (signal.windows, signal.filed_by) {
        (Some(windows), _) => {
            let starts = instants(rows, "window_start")?;
            starts.into_iter().map(|start| windows.day_of(start)).collect::<Vec<_>>()
        }
        (None, filed_by) => return by_instant(rows, filed_by),
    };
    Ok(parts_of(rows, &days))
}

/// Cuts rows sorted by the instant in a column into its days; without one they are one part.
pub(crate) fn by_instant(rows: &RecordBatch, filed_by: Option<usize>) -> Result<BTreeMap<Option<i32>, RecordBatch>> {
    let Some(column) = filed_by else { return Ok(BTreeMap::from([(None, rows.clone())])) };
    let days = instants_of(rows.column(column))?.into_iter().map(utc_day).collect::<Vec<_>>();
    Ok(parts_of(rows, &days))
}

/// Cuts rows into the stretches of equal days.
fn parts_of(rows: &RecordBatch, days: &[i32]) -> BTreeMap<Option<i32>, RecordBatch> {
    let mut parts = BTreeMap::new();
    let mut from = 0;
    for chunk in days.chunk_by(|left, right| left == right) {
        parts.insert(Some(chunk[0]), rows.slice(from, chunk.len()));
        from += chunk.len();
    }
    parts
}
