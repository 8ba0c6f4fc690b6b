//! How are rows printed? Data goes to stdout, as it comes.

use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::pretty::pretty_format_batches_with_schema;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};
use parquet::arrow::ArrowWriter;

use crate::cli::OutputFormat;
use crate::failure::{Failure, Result};

/// Prints text on stdout; a closed pipe is no failure.
pub(crate) fn print(text: &str) -> Result<()> {
    finish(io::stdout().write_all(text.as_bytes()))
}

/// Prints all rows of a query in the format asked for.
pub(crate) async fn print_rows(rows: SendableRecordBatchStream, format: OutputFormat) -> Result<()> {
    let schema = rows.schema();
    match format {
        OutputFormat::Table => {
            let rows = rows.try_collect::<Vec<_>>().await?;
            let count = rows.iter().map(RecordBatch::num_rows).sum::<usize>();
            let table = pretty_format_batches_with_schema(schema, &rows).map_err(encode)?;
            print(&format!("{table}\n{count} row{}\n", if count == 1 { "" } else { "s" }))
        }
        OutputFormat::Json => {
            let mut writer = arrow::json::ArrayWriter::new(io::stdout().lock());
            let rows = collect_lazily(rows).await?;
            let written = rows.iter().try_for_each(|batch| writer.write(batch)).and_then(|()| writer.finish());
            written.map_err(encode)?;
            print("\n")
        }
        OutputFormat::Csv => {
            let mut writer = arrow::csv::Writer::new(io::stdout().lock());
            let rows = collect_lazily(rows).await?;
            let empty = RecordBatch::new_empty(schema);
            let rows = if rows.is_empty() { vec![empty] } else { rows };
            rows.iter().try_for_each(|batch| writer.write(batch)).map_err(encode)
        }
        OutputFormat::Jsonl => {
            let rows = collect_lazily(rows).await?;
            let mut writer = arrow::json::LineDelimitedWriter::new(io::stdout().lock());
            rows.iter().try_for_each(|batch| writer.write(batch)).and_then(|()| writer.finish()).map_err(encode)
        }
        OutputFormat::Parquet => {
            let rows = collect_lazily(rows).await?;
            let bytes = parquet_bytes(&schema, &rows).map_err(encode)?;
            finish(io::stdout().write_all(&bytes))
        }
    }
}

/// Prints rows that are there.
pub(crate) fn print_batch(rows: &RecordBatch, format: OutputFormat) -> Result<()> {
    let schema = rows.schema();
    let rows = futures::stream::iter([Ok(rows.clone())]);
    let rows = Box::pin(RecordBatchStreamAdapter::new(schema, rows));
    futures::executor::block_on(print_rows(rows, format))
}

/// Output locks stdout across writes, so rows are gathered before it is taken.
async fn collect_lazily(mut rows: SendableRecordBatchStream) -> Result<Vec<RecordBatch>> {
    let mut batches = Vec::new();
    while let Some(batch) = rows.next().await {
        batches.push(batch?);
    }
    Ok(batches)
}

fn parquet_bytes(schema: &SchemaRef, rows: &[RecordBatch]) -> parquet::errors::Result<Vec<u8>> {
    let mut writer = ArrowWriter::try_new(Vec::new(), SchemaRef::clone(schema), None)?;
    for batch in rows {
        writer.write(batch)?;
    }
    writer.into_inner()
}

fn encode(error: impl std::fmt::Display) -> Failure {
    Failure::usage(
        "TG114",
        format!("the result cannot be printed: {error}"),
        "choose another --format, or CAST the column",
    )
}

fn finish(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| Failure::io("write to", "stdout", &error)),
    }
}
