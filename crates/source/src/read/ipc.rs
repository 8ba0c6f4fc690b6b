//! What are the rows of an Arrow IPC file?
//!
//! Both the file format (also called Feather V2) and the stream format are read; the first bytes tell them apart.

use std::io::{BufReader, Read, Seek};

use arrow::array::RecordBatchReader;
use arrow::datatypes::Fields;
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};

use super::{Job, Stop};
use crate::place::Opened;

const FILE_MAGIC: &[u8; 6] = b"ARROW1";

pub(super) fn columns(file: Opened) -> Option<Fields> {
    let batches = batches(file, None).ok()?;
    Some(batches.schema().fields().clone())
}

pub(super) fn read(job: &mut Job) -> Result<(), Stop> {
    let available = batches(job.open()?, None).map_err(|_| job.corrupt())?.schema();
    let shape = job.bind(available.fields())?;
    let mut batches = batches(job.open()?, Some(shape.reads().to_vec())).map_err(|_| job.corrupt())?;
    let mut to_skip = job.from_row;
    while job.rows_left() > 0
        && let Some(batch) = batches.next()
    {
        let batch = batch.map_err(|_| job.corrupt())?;
        let rows = batch.num_rows();
        let mut at = usize::try_from(to_skip).map_or(rows, |skip| skip.min(rows));
        to_skip -= at as u64;
        while at < rows && job.rows_left() > 0 {
            let piece = batch.slice(at, job.next_batch_rows().min(rows - at));
            job.deliver(&shape, &piece)?;
            at += piece.num_rows();
        }
    }
    Ok(())
}

fn batches(mut file: Opened, projection: Option<Vec<usize>>) -> Result<Box<dyn RecordBatchReader>, ArrowError> {
    let mut magic = Vec::with_capacity(FILE_MAGIC.len());
    (&mut file).take(FILE_MAGIC.len() as u64).read_to_end(&mut magic)?;
    file.rewind()?;
    let file = BufReader::new(file);
    if magic == FILE_MAGIC {
        return Ok(Box::new(FileReader::try_new(file, projection)?));
    }
    Ok(Box::new(StreamReader::try_new(file, projection)?))
}
