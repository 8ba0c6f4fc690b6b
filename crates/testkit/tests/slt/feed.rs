//! How are the fed rows delivered: in how many files, and with what between them?

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, UInt64Array};
use arrow::compute::{CastOptions, cast_with_options, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;

use crate::answer::{Failure, Result};

/// A feed of more rows than this is cut into as many pieces where it should be cut row by row: a drain restates
/// windows from every state of their day, and thousands of them would only take longer.
const MOST_FILES: usize = 64;

/// Parts for a stream that names no tenant.
const PARTS: usize = 3;

/// A way of delivering the same rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Whole,
    ByRow,
    ByTenant,
    Restarted,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [Self::Whole, Self::ByRow, Self::ByTenant, Self::Restarted];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::ByRow => "by_row",
            Self::ByTenant => "by_tenant",
            Self::Restarted => "restarted",
        }
    }

    /// Cuts `rows` into the files of this mode. No row is lost: no rows are one empty file.
    pub(crate) fn files(self, rows: &RecordBatch, tenant: Option<&str>) -> Result<Vec<RecordBatch>> {
        match self {
            Self::Whole => Ok(vec![rows.clone()]),
            Self::ByRow | Self::Restarted => {
                let files = rows.num_rows().clamp(1, MOST_FILES);
                let start = |file: usize| rows.num_rows() * file / files;
                Ok((0..files).map(|file| rows.slice(start(file), start(file + 1) - start(file))).collect())
            }
            Self::ByTenant => by_tenant(rows, tenant),
        }
    }
}

/// One part for each value of the tenant's column; without one, rows are dealt out in turn.
fn by_tenant(rows: &RecordBatch, tenant: Option<&str>) -> Result<Vec<RecordBatch>> {
    let options = FormatOptions::default();
    let column = tenant.and_then(|tenant| rows.column_by_name(tenant));
    let names = column.map(|column| ArrayFormatter::try_new(column, &options)).transpose().map_err(Failure::of)?;
    let mut parts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for row in 0..rows.num_rows() {
        let part = match &names {
            Some(names) => names.value(row).to_string(),
            None => (row % PARTS).to_string(),
        };
        parts.entry(part).or_default().push(row as u64);
    }
    let take = |rows_of: Vec<u64>| take_record_batch(rows, &UInt64Array::from(rows_of)).map_err(Failure::of);
    parts.into_values().map(take).collect()
}

/// `rows` in the types of the columns of `stream` that they name.
///
/// Instants lose their zone on the way, as in the files of people who think in UTC.
pub(crate) fn cast_to(rows: &RecordBatch, stream: &Schema) -> Result<RecordBatch> {
    let mut fields = Vec::new();
    let mut columns = Vec::new();
    for (field, column) in rows.schema().fields().iter().zip(rows.columns()) {
        let column = match stream.field_with_name(field.name()).map(Field::data_type) {
            Err(_) => Arc::clone(column),
            Ok(DataType::Timestamp(unit, _)) => cast(column, &DataType::Timestamp(*unit, None))?,
            Ok(data_type) => cast(column, data_type)?,
        };
        fields.push(Field::new(field.name(), column.data_type().clone(), true));
        columns.push(column);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).map_err(Failure::of)
}

fn cast(column: &ArrayRef, data_type: &DataType) -> Result<ArrayRef> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    // Whoever declares nanoseconds means instants of any century.
    let data_type = match data_type {
        DataType::Timestamp(TimeUnit::Nanosecond, None) => &DataType::Timestamp(TimeUnit::Microsecond, None),
        other => other,
    };
    cast_with_options(column, data_type, &strict).map_err(Failure::of)
}

/// Writes `rows` in the format that a stream declares.
pub(crate) fn write(path: &Path, format: &str, rows: &RecordBatch) -> Result<()> {
    let file = File::create(path).map_err(Failure::of)?;
    match format {
        "parquet" => {
            let mut writer = ArrowWriter::try_new(file, rows.schema(), None).map_err(Failure::of)?;
            writer.write(rows).map_err(Failure::of)?;
            writer.close().map_err(Failure::of)?;
        }
        "ndjson" => {
            let mut writer = arrow::json::LineDelimitedWriter::new(file);
            writer.write(rows).map_err(Failure::of)?;
            writer.finish().map_err(Failure::of)?;
        }
        other => return Err(Failure::new(format!("FEED writes parquet and ndjson, not {other}"))),
    }
    Ok(())
}
