//! What are the rows of one file?
//!
//! Each format has a room of its own with two functions: `columns` says what columns a file has, `read` hands its rows
//! to a [`Job`]. They run on a blocking thread and know nothing of channels; the job cares for counting, shaping and
//! sending.

mod adapted;
mod csv;
mod ipc;
mod ndjson;
mod parquet;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ::arrow::array::RecordBatch;
use ::arrow::datatypes::{Field, Fields};
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::budget::{Account, Budget};
use crate::place::{Fault, Opened};
use crate::shape::{Misfit, Request, Shape, Unshaped};
use crate::{Adapt, Admit, Delivery, Format, Item, Reason, Rejection, SourceFile};

/// How many batches of one file wait for the reader at most.
pub const BATCHES_IN_FLIGHT: usize = 16;

/// How many rows tell the types of a text file's columns.
const SAMPLE_ROWS: usize = 1000;

/// After how many bytes of text a batch ends, however few rows it has.
const BATCH_BYTES: usize = 16 << 20;

/// The columns of a file, or nothing when it cannot be opened or has none.
///
/// # Errors
/// When the store that it lies in fails: then nobody knows what columns it has.
pub(crate) fn columns(format: Format, file: &SourceFile) -> io::Result<Option<Vec<Field>>> {
    let Some(opened) = open_to_look(file) else { return Ok(None) };
    let fault = opened.fault();
    let columns = || match format {
        Format::OtlpJson | Format::OtlpProto => None,
        Format::Parquet => parquet::columns(&opened),
        Format::Ipc => ipc::columns(opened),
        Format::Ndjson => ndjson::columns(opened),
        Format::Csv => csv::columns(opened),
    };
    // Decoders can panic on damaged bytes; such a file is as unreadable as one they refuse.
    let fields = catch_unwind(AssertUnwindSafe(columns)).ok().flatten();
    match fault.kind() {
        // A file that is gone has no columns, as on a disk.
        Some(kind) if kind != io::ErrorKind::NotFound => Err(kind.into()),
        _ => Ok(fields.filter(|f| !f.is_empty()).map(|fields| fields.iter().map(|f| bare(f)).collect())),
    }
}

/// A file to learn something about, if it can be opened.
fn open_to_look(file: &SourceFile) -> Option<Opened> {
    file.path.open(file.size).ok()
}

pub(crate) use csv::header;
pub(crate) use ndjson::kinds;

/// What becomes of rows between a file and its readers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refinement {
    pub(crate) adapt: Option<Arc<dyn Adapt>>,
    pub(crate) admit: Option<Arc<dyn Admit>>,
}

/// Reads some rows of a file on a blocking thread.
pub(crate) fn open(
    format: Format,
    file: SourceFile,
    request: Request,
    rows: Range<u64>,
    batch_rows: usize,
    budget: &Arc<Budget>,
    refinement: Refinement,
) -> BoxStream<'static, Item> {
    let (items, received) = mpsc::channel(BATCHES_IN_FLIGHT);
    let account = Arc::new(Account::open(budget));
    let id = file.id.clone();
    let job = Job {
        file,
        format,
        request,
        refinement,
        landed: false,
        from_row: rows.start,
        to_row: rows.end,
        batch_rows,
        rows_read: 0,
        account: Arc::clone(&account),
        items,
        fault: Fault::default(),
    };
    let thread = Some(spawn_blocking(|| job.run()));
    let reading = Reading { received, account, batches: 0, thread, id, format, rows_read: 0 };
    stream::unfold(reading, |mut reading| async { Some((reading.next().await?, reading)) }).boxed()
}

/// The receiving end of a [`Job`].
struct Reading {
    received: mpsc::Receiver<Item>,
    account: Arc<Account>,
    /// How many batches were received.
    batches: u64,
    /// The thread that reads; gone once it is known how it ended.
    thread: Option<JoinHandle<()>>,
    id: String,
    format: Format,
    rows_read: u64,
}

impl Reading {
    async fn next(&mut self) -> Option<Item> {
        self.account.ask(self.batches + 1);
        if let Some(item) = self.received.recv().await {
            if let Item::Rows(delivery) = &item {
                self.batches += 1;
                self.rows_read += delivery.rows_read;
            }
            return Some(item);
        }
        let panicked = self.thread.take()?.await.is_err();
        panicked.then(|| {
            Item::FileRejected(Rejection {
                file: std::mem::take(&mut self.id),
                row: None,
                reason: Reason::FileCorrupt,
                detail: corrupt(self.format, self.rows_read),
            })
        })
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.account.close();
    }
}

/// One file on its way to somebody.
struct Job {
    file: SourceFile,
    format: Format,
    request: Request,
    refinement: Refinement,
    /// Tidegate wrote the file, and admitted its rows when they came.
    landed: bool,
    from_row: u64,
    /// The first row that is not read any more; the file may end before it.
    to_row: u64,
    batch_rows: usize,
    /// How many rows were handed on, the rejected ones included.
    rows_read: u64,
    account: Arc<Account>,
    items: mpsc::Sender<Item>,
    /// What went wrong with the store that the file lies in.
    fault: Fault,
}

/// Why reading ends before the end of the file.
enum Stop {
    /// Nobody listens any more.
    Unheard,
    /// The rest of the file cannot be used.
    Rejected(Misfit),
}

impl From<Misfit> for Stop {
    fn from(misfit: Misfit) -> Self {
        Self::Rejected(misfit)
    }
}

impl Job {
    fn run(mut self) {
        let adapt = self.refinement.adapt.clone();
        let end = match (adapt, self.format) {
            (Some(adapt), _) => adapted::read(&mut self, &adapt),
            (None, Format::Parquet) => parquet::read(&mut self),
            (None, Format::Ipc) => ipc::read(&mut self),
            (None, Format::Ndjson) => ndjson::read(&mut self),
            (None, Format::Csv) => csv::read(&mut self),
            // Nobody said what rows they make.
            (None, Format::OtlpJson | Format::OtlpProto) => Err(self.corrupt()),
        };
        if let Err(Stop::Rejected(misfit)) = end {
            let rejection = self.rejection(None, misfit);
            // Nobody may be listening any more, and then nobody misses it.
            let _ = self.items.blocking_send(Item::FileRejected(rejection));
        }
    }

    /// How many rows are still to be read, if the file has so many.
    fn rows_left(&self) -> u64 {
        self.to_row.saturating_sub(self.from_row + self.rows_read)
    }

    /// How many rows the next batch has at most.
    fn next_batch_rows(&self) -> usize {
        usize::try_from(self.rows_left()).map_or(self.batch_rows, |left| left.min(self.batch_rows))
    }

    fn open(&mut self) -> Result<Opened, Stop> {
        let opened = self.file.path.open(self.file.size).map_err(|e| self.unreadable(&e))?;
        self.fault = opened.fault();
        Ok(opened)
    }

    fn bind(&self, available: &Fields) -> Result<Shape, Stop> {
        Ok(Shape::bind(&self.request, &self.file, available, self.format.is_text())?)
    }

    /// Hands on the next rows of a file in which no row is bad by itself.
    fn deliver(&mut self, shape: &Shape, raw: &RecordBatch) -> Result<(), Stop> {
        let first = self.from_row + self.rows_read;
        let rows = (0..raw.num_rows() as u64).map(|row| first + row);
        self.deliver_rows(shape, raw, rows, BTreeMap::new())
    }

    /// Hands on the next rows: `raw` holds those that could be decoded, `rows` gives their places in the file, and
    /// `bad` the places of the others.
    fn deliver_rows(
        &mut self,
        shape: &Shape,
        raw: &RecordBatch,
        rows: impl Iterator<Item = u64>,
        mut bad: BTreeMap<u64, Misfit>,
    ) -> Result<(), Stop> {
        let rows_read = (raw.num_rows() + bad.len()) as u64;
        if rows_read == 0 {
            return Ok(());
        }
        let admit = self.refinement.admit.as_ref().map(|admit| (admit.as_ref(), self.landed));
        let shaped = match shape.apply(raw, admit) {
            Ok(shaped) => shaped,
            Err(Unshaped::Unfit) => return Err(self.unfit()),
            Err(Unshaped::Stopped(detail)) => return Err(Stop::Rejected(Misfit { reason: Reason::Stopped, detail })),
        };
        if !shaped.bad.is_empty() {
            let rows: Vec<u64> = rows.collect();
            bad.extend(shaped.bad.into_iter().map(|(at, misfit)| (rows[at], misfit)));
        }
        let rejected: Vec<_> = bad.into_iter().map(|(row, misfit)| self.rejection(Some(row), misfit)).collect();
        let bytes = memory(&shaped.good, &rejected);
        let hold = self.account.admit(bytes).ok_or(Stop::Unheard)?;
        let delivery = Delivery { batch: shaped.good, rows_read, rejected, quality: shaped.quality, hold };
        debug_assert_eq!(delivery.rows_read, (delivery.batch.num_rows() + delivery.rejected.len()) as u64);
        self.rows_read += rows_read;
        self.items.blocking_send(Item::Rows(delivery)).map_err(|_| Stop::Unheard)
    }

    fn rejection(&self, row: Option<u64>, misfit: Misfit) -> Rejection {
        let file = self.file.id.clone();
        Rejection { file, row, reason: misfit.reason, detail: misfit.detail }
    }

    /// The file cannot be opened or read on.
    fn unreadable(&self, error: &io::Error) -> Stop {
        let detail = format!("cannot be read: {}; {}", error.kind(), standing(self.rows_read));
        Stop::Rejected(Misfit { reason: Reason::FileUnreadable, detail })
    }

    /// The bytes are not what the format says. What the decoder says is dropped, since it may quote the data.
    fn corrupt(&self) -> Stop {
        if let Some(kind) = self.fault.kind() {
            return self.unreadable(&kind.into());
        }
        let detail = corrupt(self.format, self.rows_read);
        Stop::Rejected(Misfit { reason: Reason::FileCorrupt, detail })
    }

    /// A column cannot be converted although its type looked fit.
    fn unfit(&self) -> Stop {
        let detail = format!("a column does not fit the stream; {}", standing(self.rows_read));
        Stop::Rejected(Misfit { reason: Reason::SchemaMismatch, detail })
    }
}

/// How much memory a delivery keeps. A batch that was cut from a larger one keeps all of it.
fn memory(batch: &RecordBatch, rejected: &[Rejection]) -> u64 {
    let said: usize = rejected.iter().map(|r| size_of::<Rejection>() + r.file.len() + r.detail.len()).sum();
    (batch.get_array_memory_size() + said) as u64
}

fn corrupt(format: Format, rows_read: u64) -> String {
    format!("not a whole {format} file; {}", standing(rows_read))
}

/// What became of the rows before the file was given up.
fn standing(rows_read: u64) -> String {
    match rows_read {
        0 => "no row was delivered".to_string(),
        rows => format!("{rows} rows were delivered before and stand"),
    }
}

/// A field without what its file says about it besides name and type.
fn bare(field: &Field) -> Field {
    Field::new(field.name(), field.data_type().clone(), true)
}
