//! Writes the events of the Nexmark benchmark as Parquet files: `person/`, `auction/` and `bid/` in a folder.
//!
//! Events come from the crate `nexmark` with its defaults (46 bids to 3 auctions to 1 person, 10,000 events a second),
//! but from a fixed time on. It draws every event from its number, so the same number of events gives the same rows.

use std::fs::{File, create_dir_all};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use clap::Parser;
use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::{Auction, Bid, Event, Person};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

/// 2026-01-05 07:55 UTC: a Monday, and a run of five minutes or more crosses the hour at which query 14 calls it day.
const BASE_TIME_MS: u64 = 1_767_599_700_000;
/// From here on the generator's times, computed in `f32`, are no longer exact to the millisecond.
const EVENTS_MAX: usize = 16_000_000;
const ROWS_PER_BATCH: usize = 65_536;

/// Writes the events of the Nexmark benchmark as Parquet files.
#[derive(Parser)]
struct Arguments {
    /// The folder to write to; `person`, `auction` and `bid` below it must not exist.
    folder: PathBuf,
    /// Events of all three kinds together.
    #[arg(long, default_value_t = 10_000_000)]
    events: usize,
    /// Files for each kind, following each other in time.
    #[arg(long, default_value_t = 8)]
    files: usize,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    ensure!(arguments.events <= EVENTS_MAX, "at most {EVENTS_MAX} events");
    for kind in ["person", "auction", "bid"] {
        let folder = arguments.folder.join(kind);
        ensure!(!folder.exists(), "{} is there already", folder.display());
        create_dir_all(folder)?;
    }
    let config = NexmarkConfig { base_time: BASE_TIME_MS, ..NexmarkConfig::default() };
    let mut events = EventGenerator::new(config);
    for file in 0..arguments.files {
        let first = arguments.events * file / arguments.files;
        let last = arguments.events * (file + 1) / arguments.files;
        write_file(&arguments.folder, file, events.by_ref().take(last - first))?;
    }
    Ok(())
}

/// Writes one file of each kind.
fn write_file(folder: &Path, file: usize, events: impl Iterator<Item = Event>) -> Result<()> {
    let path = |kind: &str| folder.join(kind).join(format!("part-{file:04}.parquet"));
    let mut persons = Table::new(path("person"), person_batch);
    let mut auctions = Table::new(path("auction"), auction_batch);
    let mut bids = Table::new(path("bid"), bid_batch);
    for event in events {
        match event {
            Event::Person(person) => persons.push(person)?,
            Event::Auction(auction) => auctions.push(auction)?,
            Event::Bid(bid) => bids.push(bid)?,
        }
    }
    persons.finish()?;
    auctions.finish()?;
    bids.finish()
}

/// One file being written, a batch at a time.
struct Table<T> {
    path: PathBuf,
    to_batch: fn(&[T]) -> Result<RecordBatch>,
    rows: Vec<T>,
    writer: Option<ArrowWriter<File>>,
}

impl<T> Table<T> {
    fn new(path: PathBuf, to_batch: fn(&[T]) -> Result<RecordBatch>) -> Self {
        Self { path, to_batch, rows: Vec::new(), writer: None }
    }

    fn push(&mut self, row: T) -> Result<()> {
        self.rows.push(row);
        if self.rows.len() == ROWS_PER_BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let batch = (self.to_batch)(&self.rows)?;
        self.rows.clear();
        let writer = match &mut self.writer {
            Some(writer) => writer,
            slot => {
                let file = File::create(&self.path).with_context(|| self.path.display().to_string())?;
                let properties =
                    WriterProperties::builder().set_compression(Compression::ZSTD(ZstdLevel::default())).build();
                slot.insert(ArrowWriter::try_new(file, batch.schema(), Some(properties))?)
            }
        };
        Ok(writer.write(&batch)?)
    }

    /// Writes what is left; a table without rows is a file without rows.
    fn finish(mut self) -> Result<()> {
        self.flush()?;
        self.writer.context("a flushed table has a writer")?.close()?;
        Ok(())
    }
}

fn person_batch(rows: &[Person]) -> Result<RecordBatch> {
    Ok(RecordBatch::try_from_iter([
        ("id", integers(rows, |row| row.id)?),
        ("name", texts(rows, |row| &row.name)),
        ("email_address", texts(rows, |row| &row.email_address)),
        ("credit_card", texts(rows, |row| &row.credit_card)),
        ("city", texts(rows, |row| &row.city)),
        ("state", texts(rows, |row| &row.state)),
        ("date_time", times(rows, |row| row.date_time)?),
        ("extra", texts(rows, |row| &row.extra)),
    ])?)
}

fn auction_batch(rows: &[Auction]) -> Result<RecordBatch> {
    Ok(RecordBatch::try_from_iter([
        ("id", integers(rows, |row| row.id)?),
        ("item_name", texts(rows, |row| &row.item_name)),
        ("description", texts(rows, |row| &row.description)),
        ("initial_bid", integers(rows, |row| row.initial_bid)?),
        ("reserve", integers(rows, |row| row.reserve)?),
        ("date_time", times(rows, |row| row.date_time)?),
        ("expires", times(rows, |row| row.expires)?),
        ("seller", integers(rows, |row| row.seller)?),
        ("category", integers(rows, |row| row.category)?),
        ("extra", texts(rows, |row| &row.extra)),
    ])?)
}

fn bid_batch(rows: &[Bid]) -> Result<RecordBatch> {
    Ok(RecordBatch::try_from_iter([
        ("auction", integers(rows, |row| row.auction)?),
        ("bidder", integers(rows, |row| row.bidder)?),
        ("price", integers(rows, |row| row.price)?),
        ("channel", texts(rows, |row| &row.channel)),
        ("url", texts(rows, |row| &row.url)),
        ("date_time", times(rows, |row| row.date_time)?),
        ("extra", texts(rows, |row| &row.extra)),
    ])?)
}

fn integers<T>(rows: &[T], of: impl Fn(&T) -> usize) -> Result<ArrayRef> {
    let values = rows.iter().map(|row| i64::try_from(of(row))).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(Int64Array::from(values)))
}

fn texts<T>(rows: &[T], of: impl Fn(&T) -> &String) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
}

fn times<T>(rows: &[T], of_ms: impl Fn(&T) -> u64) -> Result<ArrayRef> {
    let values = rows.iter().map(|row| i64::try_from(of_ms(row) * 1_000)).collect::<Result<Vec<_>, _>>()?;
    Ok(Arc::new(TimestampMicrosecondArray::from(values).with_timezone("UTC")))
}
