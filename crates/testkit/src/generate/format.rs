//! How does a batch become a file?

use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit, TimestampMicrosecondType};
use arrow::{csv, ipc, json};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use tidegate_contract::SCHEMA_VERSION;

use super::config::Format;
use super::error::Result;

/// Ids differ in every row, so a dictionary of them only costs.
const IDS: [&str; 6] = ["decision_id", "trace_id", "span_id", "parent_decision_id", "envelope_hash", "label_id"];

impl Format {
    /// How names of such files end.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::ArrowIpc => "arrow",
        }
    }

    /// Writes `batch` as a whole file to `out`.
    pub(super) fn encode(self, batch: &RecordBatch, out: &mut (impl Write + Send)) -> Result<()> {
        match self {
            Self::Parquet => {
                let mut writer = ArrowWriter::try_new(out, batch.schema(), Some(properties()))?;
                writer.write(batch)?;
                writer.close()?;
            }
            Self::Ndjson => {
                let mut writer = json::LineDelimitedWriter::new(out);
                writer.write(&for_text(batch)?)?;
                writer.finish()?;
            }
            Self::Csv => csv::Writer::new(out).write(&flat(&for_text(batch)?)?)?,
            Self::ArrowIpc => {
                let mut writer = ipc::writer::FileWriter::try_new(out, &batch.schema())?;
                writer.write(batch)?;
                writer.finish()?;
            }
        }
        Ok(())
    }
}

fn properties() -> WriterProperties {
    let version = KeyValue::new("schema_version".to_owned(), SCHEMA_VERSION.to_owned());
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_key_value_metadata(Some(vec![version]));
    let without_dictionary = IDS
        .into_iter()
        .fold(properties, |properties, id| properties.set_column_dictionary_enabled(ColumnPath::from(id), false));
    without_dictionary.build()
}

/// Text writers know time zones by offset only.
fn for_text(batch: &RecordBatch) -> Result<RecordBatch> {
    let zone: Arc<str> = "+00:00".into();
    let (mut fields, mut columns): (Vec<Field>, Vec<ArrayRef>) = (Vec::new(), Vec::new());
    for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
        if matches!(field.data_type(), DataType::Timestamp(TimeUnit::Microsecond, _)) {
            let times = column.as_primitive::<TimestampMicrosecondType>().clone();
            columns.push(Arc::new(times.with_timezone(Arc::clone(&zone))));
        } else {
            columns.push(Arc::clone(column));
        }
        let data_type = columns[columns.len() - 1].data_type().clone();
        fields.push(field.as_ref().clone().with_data_type(data_type));
    }
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// The columns that a line of text can hold.
fn flat(batch: &RecordBatch) -> Result<RecordBatch> {
    let is_flat = |column: &usize| !batch.column(*column).data_type().is_nested();
    let columns: Vec<usize> = (0..batch.num_columns()).filter(is_flat).collect();
    Ok(batch.project(&columns)?)
}
