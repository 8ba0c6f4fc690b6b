//! A folder of files to test with, and how to write and read them.

use std::fs::{self, File};
use std::ops::RangeBounds;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::compute::concat_batches;
use arrow::datatypes::TimestampMicrosecondType;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;
use tidegate_contract::stream::StreamContract;
use tidegate_source::{Item, Rejection, Result, Source};

/// A folder that goes away with the test.
pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    pub(crate) contract: StreamContract,
}

/// All that reading a file gave.
pub(crate) struct Outcome {
    pub(crate) batch: RecordBatch,
    pub(crate) rows_read: u64,
    pub(crate) rejected: Vec<Rejection>,
    /// Why the rest of the file was given up.
    pub(crate) given_up: Option<Rejection>,
    pub(crate) largest_batch: usize,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { folder, contract: StreamContract::new("decisions") }
    }

    pub(crate) fn with_event_time(column: &str) -> Self {
        let mut stage = Self::new();
        stage.contract.event_time = Some(column.to_string());
        stage
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub(crate) fn text(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn parquet(&self, name: &str, batch: &RecordBatch) {
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1000)).build();
        let file = File::create(self.path(name)).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
        writer.write(batch).unwrap();
        writer.close().unwrap();
    }

    pub(crate) fn ipc(&self, name: &str, batch: &RecordBatch) {
        let file = File::create(self.path(name)).unwrap();
        let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
        for start in (0..batch.num_rows()).step_by(1000) {
            writer.write(&batch.slice(start, 1000.min(batch.num_rows() - start))).unwrap();
        }
        writer.finish().unwrap();
    }

    pub(crate) fn ipc_stream(&self, name: &str, batch: &RecordBatch) {
        let file = File::create(self.path(name)).unwrap();
        let mut writer = arrow::ipc::writer::StreamWriter::try_new(file, &batch.schema()).unwrap();
        writer.write(batch).unwrap();
        writer.finish().unwrap();
    }

    pub(crate) fn ndjson(&self, name: &str, batch: &RecordBatch) {
        let mut writer = arrow::json::LineDelimitedWriter::new(File::create(self.path(name)).unwrap());
        writer.write(&with_offset(batch)).unwrap();
        writer.finish().unwrap();
    }

    pub(crate) fn csv(&self, name: &str, batch: &RecordBatch) {
        let mut writer = arrow::csv::Writer::new(File::create(self.path(name)).unwrap());
        writer.write(&with_offset(batch)).unwrap();
    }

    /// The stream of all files of a format in the folder.
    pub(crate) fn source(&self, format: &str) -> Source {
        self.connect(".", Some(format)).unwrap()
    }

    pub(crate) fn connect(&self, path: &str, format: Option<&str>) -> Result<Source> {
        Source::connect(&self.contract, path, format, self.folder.path())
    }
}

/// Reads some columns of the file with this id.
pub(crate) async fn read(
    source: &Source,
    id: &str,
    columns: &[&str],
    rows: impl RangeBounds<u64>,
    batch_rows: usize,
) -> Outcome {
    let files = source.discover().unwrap();
    let file = files.iter().find(|file| file.id == id).unwrap();
    let columns: Vec<String> = columns.iter().map(|c| c.to_string()).collect();
    let mut items = source.open(file, &columns, rows, batch_rows).unwrap();
    let mut batches = Vec::new();
    let (mut rows_read, mut rejected, mut given_up) = (0, Vec::new(), None);
    while let Some(item) = items.next().await {
        assert!(given_up.is_none(), "nothing follows a rejected file");
        match item {
            Item::Rows(delivery) => {
                assert_eq!(delivery.rows_read, (delivery.batch.num_rows() + delivery.rejected.len()) as u64);
                assert!(delivery.rejected.is_sorted_by_key(|r| r.row));
                rows_read += delivery.rows_read;
                rejected.extend(delivery.rejected);
                batches.push(delivery.batch);
            }
            Item::FileRejected(rejection) => given_up = Some(rejection),
        }
    }
    let largest_batch = batches.iter().map(RecordBatch::num_rows).max().unwrap_or(0);
    let schema = batches.first().map(RecordBatch::schema).unwrap_or_else(|| Arc::clone(source.schema()));
    let batch = if schema.fields().is_empty() {
        let rows = batches.iter().map(RecordBatch::num_rows).sum();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(schema, vec![], &options).unwrap()
    } else {
        concat_batches(&schema, &batches).unwrap()
    };
    Outcome { batch, rows_read, rejected, given_up, largest_batch }
}

/// Reads every column of a file.
pub(crate) async fn read_all(source: &Source, id: &str) -> Outcome {
    let schema = Arc::clone(source.schema());
    let columns: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    read(source, id, &columns, 0.., 1024).await
}

impl Outcome {
    pub(crate) fn column(&self, name: &str) -> &ArrayRef {
        self.batch.column_by_name(name).unwrap()
    }

    /// The rejections without their file and words: (row, reason).
    pub(crate) fn reasons(&self) -> Vec<(u64, &'static str)> {
        self.rejected.iter().map(|r| (r.row.unwrap(), r.reason.as_str())).collect()
    }
}

/// Some telemetry: event times a second apart, text, numbers, truth and nulls.
pub(crate) fn decisions(rows: usize) -> RecordBatch {
    let at = |row: usize| 1_769_860_800_000_000 + row as i64 * 1_000_000;
    let times = TimestampMicrosecondArray::from_iter_values((0..rows).map(at)).with_timezone("UTC");
    let class: StringArray =
        (0..rows).map(|row| (row % 7 != 0).then(|| format!("class of telemetry {}", row % 5))).collect();
    let cost: Int64Array = (0..rows).map(|row| (row % 11 != 0).then_some(row as i64 * 1_000_003)).collect();
    let score = Float64Array::from_iter_values((0..rows).map(|row| row as f64 / 8.0));
    let edited = BooleanArray::from_iter((0..rows).map(|row| Some(row % 3 == 0)));
    RecordBatch::try_from_iter_with_nullable([
        ("event_time", Arc::new(times) as ArrayRef, true),
        ("task_class", Arc::new(class) as ArrayRef, true),
        ("cost_nanousd", Arc::new(cost) as ArrayRef, true),
        ("score", Arc::new(score) as ArrayRef, true),
        ("edited", Arc::new(edited) as ArrayRef, true),
    ])
    .unwrap()
}

/// The same rows with `+00:00` for `UTC`, since Arrow's text writers know zones by name only with a zone database.
fn with_offset(batch: &RecordBatch) -> RecordBatch {
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
        let column: ArrayRef = match column.as_primitive_opt::<TimestampMicrosecondType>() {
            Some(times) => Arc::new(times.clone().with_timezone("+00:00")),
            None => Arc::clone(column),
        };
        (field.name().clone(), column, true)
    });
    RecordBatch::try_from_iter_with_nullable(columns.collect::<Vec<_>>()).unwrap()
}
