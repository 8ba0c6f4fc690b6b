//! What are the rows of a CSV file?
//!
//! A record is split into fields first; a record with the wrong number of them, or one that is not UTF-8, is set aside
//! alone. The fields of the others are gathered as text, column by column, and parsed when the batch is shaped. An
//! empty field is null.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use ::csv::{ByteRecord, Reader, ReaderBuilder};
use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, StringViewBuilder};
use arrow::csv::reader::Format;
use arrow::datatypes::{DataType, Field, Fields, Schema};

use super::{BATCH_BYTES, Job, SAMPLE_ROWS, Stop, open_to_look};
use crate::place::Opened;
use crate::shape::Misfit;
use crate::{Reason, SourceFile};

pub(super) fn columns(file: Opened) -> Option<Fields> {
    let format = Format::default().with_header(true).with_truncated_rows(true);
    let (schema, _) = format.infer_schema(file, Some(SAMPLE_ROWS)).ok()?;
    Some(schema.fields)
}

/// The names in the first line.
pub(crate) fn header(file: &SourceFile) -> Option<Vec<String>> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(open_to_look(file)?);
    Some(reader.byte_headers().ok()?.iter().map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

pub(super) fn read(job: &mut Job) -> Result<(), Stop> {
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(job.open()?);
    let header = reader.byte_headers().map_err(|e| csv_error(job, e))?.clone();
    if header.is_empty() {
        return Ok(());
    }
    let available: Fields =
        header.iter().map(|name| Field::new(String::from_utf8_lossy(name), DataType::Utf8View, true)).collect();
    let shape = job.bind(&available)?;
    let mut record = ByteRecord::new();
    for _ in 0..job.from_row {
        if !next(job, &mut reader, &mut record)? {
            return Ok(());
        }
    }
    let mut rows = Rows::new(&available, shape.reads());
    while rows.len() < job.next_batch_rows() && next(job, &mut reader, &mut record)? {
        rows.push(job.from_row + job.rows_read, &record);
        if rows.len() == job.next_batch_rows() || rows.bytes >= BATCH_BYTES {
            rows.deliver(job, &shape)?;
        }
    }
    rows.deliver(job, &shape)
}

fn next(job: &Job, reader: &mut Reader<impl Read>, record: &mut ByteRecord) -> Result<bool, Stop> {
    reader.read_byte_record(record).map_err(|e| csv_error(job, e))
}

fn csv_error(job: &Job, error: ::csv::Error) -> Stop {
    match error.into_kind() {
        ::csv::ErrorKind::Io(e) => job.unreadable(&e),
        _ => job.corrupt(),
    }
}

/// The rows of the next batch.
struct Rows {
    fields_expected: usize,
    /// The columns to keep, by their place in the file.
    reads: Vec<usize>,
    schema: Arc<Schema>,
    columns: Vec<StringViewBuilder>,
    good: Vec<u64>,
    bad: BTreeMap<u64, Misfit>,
    bytes: usize,
}

impl Rows {
    fn new(available: &Fields, reads: &[usize]) -> Self {
        let kept: Fields = reads.iter().map(|column| Arc::clone(&available[*column])).collect();
        Self {
            fields_expected: available.len(),
            reads: reads.to_vec(),
            schema: Arc::new(Schema::new(kept)),
            columns: reads.iter().map(|_| StringViewBuilder::new()).collect(),
            good: Vec::new(),
            bad: BTreeMap::new(),
            bytes: 0,
        }
    }

    fn len(&self) -> usize {
        self.good.len() + self.bad.len()
    }

    /// Adds the record that follows the `first` rows of the file that were handed on and those that are here.
    fn push(&mut self, first: u64, record: &ByteRecord) {
        let row = first + self.len() as u64;
        self.bytes += record.as_slice().len();
        if let Some(misfit) = self.malformed(record) {
            self.bad.insert(row, misfit);
            return;
        }
        for (column, field) in self.columns.iter_mut().zip(&self.reads) {
            match std::str::from_utf8(&record[*field]) {
                Ok("") | Err(_) => column.append_null(),
                Ok(text) => column.append_value(text),
            }
        }
        self.good.push(row);
    }

    fn malformed(&self, record: &ByteRecord) -> Option<Misfit> {
        let malformed = |detail| Some(Misfit { reason: Reason::RowMalformed, detail });
        if record.len() != self.fields_expected {
            return malformed(format!("{} fields instead of {}", record.len(), self.fields_expected));
        }
        let not_text = |field: &&usize| std::str::from_utf8(&record[**field]).is_err();
        let at = self.reads.iter().position(|field| not_text(&field))?;
        malformed(format!("column `{}` is not UTF-8", self.schema.field(at).name()))
    }

    fn deliver(&mut self, job: &mut Job, shape: &crate::shape::Shape) -> Result<(), Stop> {
        let good = std::mem::take(&mut self.good);
        let bad = std::mem::take(&mut self.bad);
        self.bytes = 0;
        let columns = self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(good.len()));
        let raw =
            RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(|_| job.unfit())?;
        job.deliver_rows(shape, &raw, good.into_iter(), bad)
    }
}
