//! What does it cost to write batches to Parquet, and nothing else?
//!
//! `plain-parquet IN.arrow TIMES OUT.parquet`: the batches of an Arrow stream are read once and written so many times, as
//! `tidegate serve` lands them. Prints the processor seconds of writing: the baseline of `ingest/run.py`.

use std::fs::File;
use std::io::Write;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::{EnabledStatistics, WriterProperties};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(times), Some(out)) = (arguments.next(), arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: plain-parquet IN.arrow TIMES OUT.parquet");
    };
    let reader = StreamReader::try_new_buffered(File::open(input)?, None)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<RecordBatch>, _>>()?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(1 << 20))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .build();
    let before = processor_seconds()?;
    let mut writer = ArrowWriter::try_new(File::create(out)?, schema, Some(properties))?;
    for _ in 0..times.parse()? {
        batches.iter().try_for_each(|batch| writer.write(batch))?;
    }
    writer.into_inner()?.sync_all()?;
    writeln!(std::io::stdout(), "{}", processor_seconds()? - before)?;
    Ok(())
}

/// Processor time of this process so far, in all its threads.
fn processor_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    Ok(fields.map(str::parse::<f64>).sum::<Result<f64, _>>()? / 100.0)
}
