//! What does landing cost beside writing the same rows to Parquet? Prints both, measured in one run.
//!
//! `cargo run --release -p tidegate-land --example cost`
//!
//! Two kinds of rows: eight columns, and 58 as decisions of agents have them. Both are written in turn, three times, and
//! medians are printed. Processor time is that of all threads.

use std::error::Error;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use futures::future::try_join_all;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use tidegate_land::{Arrival, Landing, Options, Producer};
use tidegate_ledger::Store;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const BATCH_ROWS: i64 = 8192;
const ROUNDS: usize = 3;

/// How many columns there are of each kind. One more tells the time.
struct Shape {
    /// Text that is different in every row, 32 digits long.
    ids: usize,
    /// Text of few kinds.
    names: usize,
    integers: usize,
    scores: usize,
    flags: usize,
    rows: i64,
}

const NARROW: Shape = Shape { ids: 0, names: 4, integers: 2, scores: 1, flags: 0, rows: 4_000_000 };
const WIDE: Shape = Shape { ids: 8, names: 31, integers: 13, scores: 4, flags: 1, rows: 500_000 };

impl Shape {
    fn columns(&self) -> usize {
        1 + self.ids + self.names + self.integers + self.scores + self.flags
    }

    fn batches(&self) -> Result<Vec<RecordBatch>> {
        (0..self.rows / BATCH_ROWS).map(|number| self.batch(number)).collect()
    }

    fn batch(&self, number: i64) -> Result<RecordBatch> {
        let rows = || number * BATCH_ROWS..(number + 1) * BATCH_ROWS;
        // Spreads numbers as a hash would, and otherwise in each column.
        let spread =
            |row: i64, column: usize| (row + column as i64).wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64) >> 17;
        let among = |row, column, kinds: i64| spread(row, column).rem_euclid(kinds);
        let times = rows().map(|row| 1_700_000_000_000_000 + row * 250);
        let mut columns: Vec<ArrayRef> = vec![Arc::new(TimestampMicrosecondArray::from_iter_values(times))];
        for column in 0..self.ids {
            let id = |row| format!("{:016x}{row:016x}", spread(row, column));
            columns.push(Arc::new(StringArray::from_iter_values(rows().map(id))));
        }
        for column in 0..self.names {
            let name = |row| format!("name-{}", among(row, column, 5 << (column % 4)));
            columns.push(Arc::new(StringArray::from_iter_values(rows().map(name))));
        }
        for column in 0..self.integers {
            let kinds = if column % 2 == 0 { 5_000_000 } else { 4000 };
            columns.push(Arc::new(Int64Array::from_iter_values(rows().map(|row| among(row, column, kinds)))));
        }
        for column in 0..self.scores {
            let score = |row| among(row, column, 1000) as f64 / 1000.0;
            columns.push(Arc::new(Float64Array::from_iter_values(rows().map(score))));
        }
        for column in 0..self.flags {
            columns.push(Arc::new(BooleanArray::from_iter(rows().map(|row| Some(among(row, column, 8) == 0)))));
        }
        let named = columns.into_iter().enumerate().map(|(at, column)| (format!("column_{at}"), column));
        Ok(RecordBatch::try_from_iter(named)?)
    }
}

/// Processor time of this process so far, in all its threads.
fn processor_time() -> Result<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().ok_or("unexpected /proc/self/stat")?;
    let ticks =
        fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>).sum::<std::result::Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

/// Writes a file as [`Landing`] does, and nothing more.
fn write(batches: &[RecordBatch], file: &Path) -> Result<()> {
    let first = batches.first().ok_or("no rows")?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(1 << 20))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .build();
    let mut writer = ArrowWriter::try_new(File::create(file)?, first.schema(), Some(properties))?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    Ok(writer.into_inner()?.sync_all()?)
}

async fn land(batches: &[RecordBatch], folder: &Path) -> Result<()> {
    let schema = batches.first().ok_or("no rows")?.schema();
    let landing = Landing::open(Store::open_local(folder)?, "events", schema, Options::default())?;
    let producer = Producer::new("bench")?;
    let mut pending = Vec::new();
    for (batch, sequence) in batches.iter().cloned().zip(1..) {
        pending.push(landing.offer(Arrival { producer: producer.clone(), sequence, batch }).await?);
    }
    landing.flush().await;
    try_join_all(pending).await?;
    Ok(())
}

fn median(mut values: [Duration; ROUNDS]) -> f64 {
    values.sort_unstable();
    values[ROUNDS / 2].as_secs_f64()
}

async fn measure(shape: &Shape) -> Result<()> {
    let batches = shape.batches()?;
    let rows = batches.iter().map(RecordBatch::num_rows).sum::<usize>() as f64;
    let (mut written, mut landed) = ([Duration::ZERO; ROUNDS], [Duration::ZERO; ROUNDS]);
    for (written, landed) in written.iter_mut().zip(&mut landed) {
        let folder = tempfile::tempdir()?;
        let start = processor_time()?;
        write(&batches, &folder.path().join("written.parquet"))?;
        let between = processor_time()?;
        land(&batches, folder.path()).await?;
        (*written, *landed) = (between - start, processor_time()? - between);
    }
    let (written, landed) = (median(written), median(landed));
    let rate = |seconds: f64| (rows / seconds).round();
    writeln!(
        std::io::stdout(),
        "{} columns: ArrowWriter {} rows/s per core, Landing {} rows/s per core, ratio of processor time {:.2}",
        shape.columns(),
        rate(written),
        rate(landed),
        landed / written
    )?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    measure(&NARROW).await?;
    measure(&WIDE).await
}
