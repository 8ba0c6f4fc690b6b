//! What are the rows of a Parquet file?
//!
//! Text is decoded as views from the start, because casting it afterwards costs a second pass.

use std::sync::Arc;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use ::parquet::errors::ParquetError;
use arrow::datatypes::{DataType, Fields, Schema};

use tidegate_contract::LANDED;

use super::{Job, Stop};
use crate::place::Opened;
use tidegate_contract::is_text;

pub(super) fn columns(file: &Opened) -> Option<Fields> {
    let metadata = ArrowReaderMetadata::load(file, ArrowReaderOptions::new()).ok()?;
    Some(metadata.schema().fields().clone())
}

pub(super) fn read(job: &mut Job) -> Result<(), Stop> {
    let file = job.open()?;
    let metadata = load(&file).map_err(|_| job.corrupt())?;
    let said = metadata.metadata().file_metadata().key_value_metadata();
    job.landed = said.is_some_and(|said| said.iter().any(|pair| pair.key == LANDED));
    let shape = job.bind(metadata.schema().fields())?;
    file.read_at(shape.reads().len());
    let from_row = usize::try_from(job.from_row).unwrap_or(usize::MAX);
    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
    let limit = usize::try_from(job.rows_left().min(rows)).unwrap_or(usize::MAX);
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let projection = ProjectionMask::roots(builder.parquet_schema(), shape.reads().iter().copied());
    let batches = builder
        .with_projection(projection)
        .with_batch_size(job.batch_rows)
        .with_offset(from_row)
        .with_limit(limit)
        .build()
        .map_err(|_| job.corrupt())?;
    for batch in batches {
        let batch = batch.map_err(|_| job.corrupt())?;
        job.deliver(&shape, &batch)?;
    }
    Ok(())
}

/// Reads the footer and asks for views wherever the file has text.
fn load(file: &Opened) -> Result<ArrowReaderMetadata, ParquetError> {
    let plain = ArrowReaderMetadata::load(file, ArrowReaderOptions::new())?;
    let fields = plain.schema().fields().iter().map(|field| match field.data_type() {
        text if is_text(text) => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8View)),
        _ => Arc::clone(field),
    });
    let views = Schema::new_with_metadata(fields.collect::<Fields>(), plain.schema().metadata().clone());
    let options = ArrowReaderOptions::new().with_schema(Arc::new(views));
    // A file whose columns cannot be asked for this way is read as it is, and cast.
    Ok(ArrowReaderMetadata::try_new(Arc::clone(plain.metadata()), options).unwrap_or(plain))
}
