//! What are the rows of a file that holds something else, such as spans?
//!
//! The whole file is taken at once, because what belongs together may stand far apart in it. Rows are counted as the
//! mapping gives them, those that it could not make last.

use std::io::Read;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::{Job, Stop};
use crate::shape::Misfit;
use crate::{Adapt, Adapted, Format, Reason};

/// How large such a file may be: it is held in memory.
const FILE_BYTES: u64 = 512 << 20;

pub(super) fn read(job: &mut Job, adapt: &Arc<dyn Adapt>) -> Result<(), Stop> {
    if job.file.size > FILE_BYTES {
        let detail = format!("a file of more than {} MiB is not mapped: write smaller ones", FILE_BYTES >> 20);
        return Err(Stop::Rejected(Misfit { reason: Reason::FileUnreadable, detail }));
    }
    let adapted = match job.format {
        Format::Parquet => adapt.table(&table(job)?, &job.file),
        _ => adapt.content(&content(job)?, &job.file),
    };
    let adapted = adapted.map_err(|detail| Stop::Rejected(Misfit { reason: Reason::FileCorrupt, detail }))?;
    deliver(job, &adapted)
}

fn content(job: &mut Job) -> Result<Vec<u8>, Stop> {
    let mut bytes = Vec::new();
    job.open()?.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| job.unreadable(&error))?;
    Ok(bytes)
}

fn table(job: &mut Job) -> Result<RecordBatch, Stop> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(job.open()?).map_err(|_| job.corrupt())?;
    let schema = Arc::clone(builder.schema());
    let batches = builder.build().and_then(|batches| Ok(batches.collect::<Result<Vec<_>, _>>()?));
    let batches = batches.map_err(|_| job.corrupt())?;
    concat_batches(&schema, &batches).map_err(|_| job.corrupt())
}

fn deliver(job: &mut Job, adapted: &Adapted) -> Result<(), Stop> {
    let rows = adapted.rows.num_rows();
    let shape = job.bind(adapted.rows.schema().fields())?;
    let raw = adapted.rows.project(shape.reads()).map_err(|_| job.corrupt())?;
    let mut at = usize::try_from(job.from_row).map_or(rows, |from| from.min(rows));
    while at < rows && job.rows_left() > 0 {
        let piece = raw.slice(at, job.next_batch_rows().min(rows - at));
        job.deliver(&shape, &piece)?;
        at += piece.num_rows();
    }
    let next = job.from_row + job.rows_read;
    let refused = adapted.refused.iter().zip(rows as u64..).filter(|(_, row)| (next..job.to_row).contains(row));
    let bad = refused.map(|(detail, row)| (row, Misfit { reason: Reason::RowUnmapped, detail: detail.clone() }));
    job.deliver_rows(&shape, &raw.slice(0, 0), std::iter::empty(), bad.collect())
}
