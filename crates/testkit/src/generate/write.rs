//! Which files lie where after writing?
//!
//! One file for each slice of a day and stream, so that file names order as event times do. A file appears
//! whole or not at all, and one that is there already with the same bytes is left alone: writing twice
//! changes nothing. Files that an earlier configuration left behind are not looked for.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use arrow::array::{ArrayRef, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::temporal_conversions::date32_to_datetime;

use super::Generator;
use super::config::{Format, Layout};
use super::error::{Error, Result};

/// What lies on disk after writing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Files, of decisions and of labels.
    pub files: usize,
    /// Of these, files that were there already with the same bytes.
    pub unchanged: usize,
    /// Decision rows in them.
    pub rows: u64,
    /// Label rows in them.
    pub labels: u64,
    /// Bytes of them all.
    pub bytes: u64,
}

/// How far writing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Chunks written.
    pub chunks_done: usize,
    /// Chunks to write.
    pub chunks: usize,
    /// What lies on disk so far.
    pub written: Written,
}

/// A stream and the folder of its files.
#[derive(Clone, Copy)]
enum Stream {
    Decisions,
    Labels,
}

impl Generator {
    /// Writes every chunk under `dir` with `threads` threads (at least one), and calls `progress` after
    /// each chunk on the caller's thread.
    ///
    /// # Guarantee
    /// The bytes depend on the configuration alone, not on `threads` nor on what lies in `dir`. Held by
    /// `tests/it/write.rs`.
    ///
    /// # Errors
    /// The first file that cannot be written; chunks not yet begun are then left out.
    pub fn write(&self, dir: &Path, threads: usize, mut progress: impl FnMut(Progress)) -> Result<Written> {
        let chunks = self.chunks();
        let mut written = Written::default();
        let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
        thread::scope(|scope| {
            let (done, finished) = mpsc::sync_channel(threads.max(1));
            for _ in 0..threads.max(1) {
                let done = done.clone();
                let (next, stop) = (&next, &stop);
                scope.spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let chunk = next.fetch_add(1, Ordering::Relaxed);
                        if chunk >= chunks || done.send(self.write_chunk(dir, chunk)).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(done);
            for (index, chunk) in finished.into_iter().enumerate() {
                match chunk {
                    Ok(chunk) => written.add(chunk),
                    Err(error) => {
                        stop.store(true, Ordering::Relaxed);
                        return Err(error);
                    }
                }
                progress(Progress { chunks_done: index + 1, chunks, written });
            }
            Ok(written)
        })
    }

    fn write_chunk(&self, dir: &Path, chunk: usize) -> Result<Written> {
        let mut written = self.write_stream(dir, chunk, Stream::Decisions)?;
        written.add(self.write_stream(dir, chunk, Stream::Labels)?);
        Ok(written)
    }

    fn write_stream(&self, dir: &Path, chunk: usize, stream: Stream) -> Result<Written> {
        let (batch, folder) = match stream {
            Stream::Decisions => (self.decisions(chunk)?, "decisions"),
            Stream::Labels => (self.labels(chunk)?, "labels"),
        };
        let (day, part) = self.place(chunk);
        let format = self.config().format;
        let name = format!("part-{part:04}.{}", format.extension());
        let date = format!("date={}", date(day));
        let mut written = Written::default();
        match self.config().layout {
            _ if batch.num_rows() == 0 => {}
            Layout::ByDay => {
                let path = dir.join(folder).join(&date);
                written.add(put(&path, &name, format, &batch)?);
            }
            Layout::Hive => {
                for (tenant, batch) in by_tenant(&batch)? {
                    let path = dir.join(folder).join(format!("tenant_id={tenant}")).join(&date);
                    written.add(put(&path, &name, format, &batch)?);
                }
            }
        }
        match stream {
            Stream::Decisions => written.rows = batch.num_rows() as u64,
            Stream::Labels => written.labels = batch.num_rows() as u64,
        }
        Ok(written)
    }
}

impl Written {
    fn add(&mut self, more: Self) {
        self.files += more.files;
        self.unchanged += more.unchanged;
        self.rows += more.rows;
        self.labels += more.labels;
        self.bytes += more.bytes;
    }
}

/// The rows of each tenant, in their order, without the column that the folder names.
fn by_tenant(batch: &RecordBatch) -> Result<Vec<(String, RecordBatch)>> {
    let schema = batch.schema();
    let column = schema.index_of("tenant_id")?;
    let tenants: &ArrayRef = batch.column(column);
    let tenants = tenants.as_string::<i32>();
    let mut order: Vec<u32> = (0..batch.num_rows() as u32).collect();
    order.sort_by_key(|row| tenants.value(*row as usize));
    let kept: Vec<usize> = (0..batch.num_columns()).filter(|index| *index != column).collect();
    let without = batch.project(&kept)?;
    let parts = order.chunk_by(|a, b| tenants.value(*a as usize) == tenants.value(*b as usize));
    parts
        .map(|rows| {
            let tenant = tenants.value(rows[0] as usize).to_owned();
            Ok((tenant, take_record_batch(&without, &UInt32Array::from(rows.to_vec()))?))
        })
        .collect()
}

/// Puts a file in place: written under another name first, then renamed unless the same is there.
fn put(dir: &Path, name: &str, format: Format, batch: &RecordBatch) -> Result<Written> {
    fs::create_dir_all(dir).map_err(Error::io(dir))?;
    let (path, draft) = (dir.join(name), dir.join(format!(".{name}.tmp")));
    let file = File::create(&draft).map_err(Error::io(&draft))?;
    let mut out = BufWriter::new(file);
    format.encode(batch, &mut out)?;
    out.flush().map_err(Error::io(&draft))?;
    drop(out);
    let bytes = fs::metadata(&draft).map_err(Error::io(&draft))?.len();
    let unchanged = path.exists() && same_bytes(&path, &draft)?;
    let settle = if unchanged { fs::remove_file(&draft) } else { fs::rename(&draft, &path) };
    settle.map_err(Error::io(&path))?;
    Ok(Written { files: 1, unchanged: unchanged.into(), bytes, ..Written::default() })
}

fn same_bytes(left: &PathBuf, right: &PathBuf) -> Result<bool> {
    let open = |path: &PathBuf| File::open(path).map(BufReader::new).map_err(Error::io(path));
    let (mut a, mut b) = (open(left)?, open(right)?);
    let (mut a_part, mut b_part) = (Vec::new(), Vec::new());
    loop {
        let read = |from: &mut BufReader<File>, part: &mut Vec<u8>| {
            part.clear();
            from.take(1 << 16).read_to_end(part)
        };
        read(&mut a, &mut a_part).map_err(Error::io(left))?;
        read(&mut b, &mut b_part).map_err(Error::io(right))?;
        if a_part != b_part {
            return Ok(false);
        }
        if a_part.is_empty() {
            return Ok(true);
        }
    }
}

/// `2026-01-05` for a day counted from the epoch.
fn date(day: i64) -> String {
    match i32::try_from(day).ok().and_then(date32_to_datetime) {
        Some(date) => date.format("%Y-%m-%d").to_string(),
        None => day.to_string(),
    }
}
