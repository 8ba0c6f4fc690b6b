//! Which rows make the next epoch?
//!
//! A reader task runs ahead of the epochs: it opens the next files early, so that they decode side by
//! side, and hands over one micro-batch at a time. At most one finished micro-batch waits, so memory
//! holds three at most: one being read, one waiting, one being aggregated.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use futures::StreamExt;
use futures::stream::BoxStream;
use tidegate_contract::Tally;
use tidegate_contract::stream::StreamContract;
use tidegate_source::{Delivery, FileColumns, Item, Reason, Rejection, Source};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::columns::BegunFile;
use crate::commit::FilePosition;
use crate::epoch::Limits;
use crate::error::{Error, Result};
use crate::history::FirstRead;
use crate::rows::{Positions, Rows};
use crate::stop::Stop;
use crate::work::WorkItem;

/// The rows of one epoch.
#[derive(Debug)]
pub(crate) struct MicroBatch {
    pub(crate) schema: SchemaRef,
    pub(crate) rows: Vec<Rows>,
    pub(crate) files: Vec<FilePosition>,
    pub(crate) signals: BTreeSet<String>,
    pub(crate) rejected: Vec<Rejection>,
    /// What the files say of their columns that are read for the first time and from the beginning, in their order.
    pub(crate) begun: Vec<BegunFile>,
    /// How good the rows are, where the stream has a contract.
    pub(crate) quality: Option<Tally>,
    pub(crate) rows_read: u64,
    /// The stream had read the rows before: nothing about it is learned.
    pub(crate) again: bool,
    /// The listing is read whole.
    pub(crate) last: bool,
    bytes: usize,
}

impl MicroBatch {
    fn new(schema: SchemaRef, item: &WorkItem) -> Self {
        Self {
            schema,
            rows: Vec::new(),
            files: Vec::new(),
            signals: item.signals.clone(),
            rejected: Vec::new(),
            begun: Vec::new(),
            quality: None,
            rows_read: 0,
            again: item.again.is_some(),
            last: false,
            bytes: 0,
        }
    }

    /// Rows on their own, without the files they came from.
    pub(crate) fn of(rows: Rows) -> Self {
        Self {
            schema: rows.batch.schema(),
            files: Vec::new(),
            signals: BTreeSet::new(),
            rejected: Vec::new(),
            begun: Vec::new(),
            quality: None,
            rows_read: rows.batch.num_rows() as u64,
            again: false,
            last: false,
            bytes: 0,
            rows: vec![rows],
        }
    }

    pub(crate) fn files_rejected(&self) -> u64 {
        self.rejected.iter().filter(|rejection| rejection.row.is_none()).count() as u64
    }

    fn is_full(&self, limits: &Limits) -> bool {
        self.bytes >= limits.max_bytes || self.files.len() >= limits.max_files
    }
}

/// Reads `work` in order and sends micro-batches until the receiver is dropped.
pub(crate) struct Reader {
    pub(crate) contract: StreamContract,
    pub(crate) source: Arc<Source>,
    pub(crate) columns: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) stop: Stop,
}

/// A file whose rows are being decoded.
struct Opened {
    item: WorkItem,
    rows: BoxStream<'static, Item>,
    /// What it says of its columns, where anybody asks.
    columns: Option<JoinHandle<Option<FileColumns>>>,
}

impl Reader {
    pub(crate) async fn run(self, work: Vec<WorkItem>, batches: mpsc::Sender<Result<MicroBatch>>) {
        if let Err(error) = self.read(work, &batches).await {
            // A dropped receiver means that nobody waits for the error either.
            let _ = batches.send(Err(error)).await;
        }
    }

    async fn read(&self, work: Vec<WorkItem>, batches: &mpsc::Sender<Result<MicroBatch>>) -> Result<()> {
        let mut waiting = VecDeque::from(work);
        let mut opened = VecDeque::new();
        let mut current: Option<MicroBatch> = None;
        loop {
            while opened.len() < self.limits.threads.max(1)
                && !self.stop.is_asked()
                && let Some(item) = waiting.pop_front()
            {
                opened.push_back(self.open(item)?);
            }
            let Some(file) = opened.pop_front() else { break };
            let item = &file.item;
            let is_over = |batch: &mut MicroBatch| {
                batch.is_full(&self.limits) || batch.signals != item.signals || batch.again != item.again.is_some()
            };
            if let Some(batch) = current.take_if(is_over)
                && batches.send(Ok(batch)).await.is_err()
            {
                return Ok(());
            }
            if !self.read_file(file, &mut current, batches).await? {
                return Ok(());
            }
            if self.stop.is_asked() {
                break;
            }
        }
        if let Some(mut batch) = current {
            batch.last = waiting.is_empty() && opened.is_empty();
            let _ = batches.send(Ok(batch)).await;
        }
        Ok(())
    }

    fn open(&self, item: WorkItem) -> Result<Opened> {
        let range = item.from_row..item.to_row.unwrap_or(u64::MAX);
        let rows = self.source.open(&item.file, &self.columns, range, self.limits.batch_rows);
        let rows = rows.map_err(|source| Error::Source { stream: self.contract.name.clone(), source })?;
        let columns = self.tells_columns(&item).then(|| {
            let (source, file) = (Arc::clone(&self.source), item.file.clone());
            spawn_blocking(move || source.columns_of(&file))
        });
        Ok(Opened { item, rows, columns })
    }

    /// Whether the columns of a file are news. Of somebody protected no name is told that may be a value.
    fn tells_columns(&self, item: &WorkItem) -> bool {
        let is_closed = self.contract.is_protected() && self.source.is_text();
        item.again.is_none() && item.from_row == 0 && !is_closed
    }

    /// Reads one file into `current`, sending it on whenever it holds enough bytes. False when nobody listens.
    async fn read_file(
        &self,
        Opened { item, mut rows, columns }: Opened,
        current: &mut Option<MicroBatch>,
        batches: &mpsc::Sender<Result<MicroBatch>>,
    ) -> Result<bool> {
        let mut position = FilePosition {
            id: item.file.id.clone(),
            size: item.file.size,
            from_row: item.from_row,
            to_row: item.from_row,
            end: false,
        };
        let item = &item;
        let origin = Origin::of(item, &self.contract);
        // Whoever cannot say it is no news; what is wrong with the file its rows will tell.
        let columns = match columns {
            Some(columns) => columns.await.ok().flatten(),
            None => None,
        };
        let mut begun = columns.map(|columns| BegunFile {
            split: origin.split.to_string(),
            written_at_us: item.file.modified_us,
            columns,
        });
        // A file that cannot be read now is not done: the next run tries again.
        let mut retry = false;
        while let Some(read) = rows.next().await {
            if let Some(full) = current.take_if(|batch| batch.bytes >= self.limits.max_bytes) {
                if !self.send_part(full, &mut position, &mut begun, batches).await {
                    return Ok(false);
                }
                if self.stop.is_asked() {
                    return Ok(true);
                }
            }
            let batch = current.get_or_insert_with(|| self.empty(item));
            match read {
                Item::Rows(delivery) => {
                    batch.rows_read += delivery.rows_read;
                    self.add_rows(batch, &origin, position.to_row, delivery)?;
                    position.to_row = batch.rows.last().map_or(position.to_row, |rows| rows.end);
                }
                Item::FileRejected(rejection) if rejection.reason == Reason::Stopped => {
                    return Err(Error::Stopped { stream: self.contract.name.clone(), rejection: Box::new(rejection) });
                }
                Item::FileRejected(rejection) => {
                    retry |= rejection.reason == Reason::FileUnreadable;
                    batch.rejected.push(rejection);
                }
            }
        }
        position.end = !retry && item.to_row.is_none();
        let batch = current.get_or_insert_with(|| self.empty(item));
        if position.end || position.to_row > position.from_row {
            batch.files.push(position);
            batch.begun.extend(begun);
        }
        Ok(true)
    }

    /// Sends a micro-batch that ends within a file. False when nobody listens.
    async fn send_part(
        &self,
        mut full: MicroBatch,
        position: &mut FilePosition,
        begun: &mut Option<BegunFile>,
        batches: &mpsc::Sender<Result<MicroBatch>>,
    ) -> bool {
        if position.to_row > position.from_row {
            full.files.push(position.clone());
            full.begun.extend(begun.take());
            position.from_row = position.to_row;
        }
        batches.send(Ok(full)).await.is_ok()
    }

    fn empty(&self, item: &WorkItem) -> MicroBatch {
        MicroBatch::new(self.schema(), item)
    }

    /// The columns that are read.
    pub(crate) fn schema(&self) -> SchemaRef {
        let schema = self.source.schema();
        let fields = self.columns.iter().filter_map(|column| schema.field_with_name(column).ok().cloned());
        Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()))
    }

    fn add_rows(&self, batch: &mut MicroBatch, origin: &Origin, first: u64, delivery: Delivery) -> Result<()> {
        let end = first + delivery.rows_read;
        let rejected = delivery.rejected.iter().filter_map(|rejection| rejection.row).collect::<Vec<_>>();
        let rows = &delivery.batch;
        batch.bytes += rows.get_array_memory_size();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(&batch.schema), rows.columns().to_vec(), &options)?;
        let times = self.contract.event_time.as_ref().and_then(|column| rows.column_by_name(column));
        let times = times.map(|times| times.as_primitive::<TimestampMicrosecondType>());
        let (earliest_us, latest_us) = (times.and_then(arrow::compute::min), times.and_then(arrow::compute::max));
        batch.rows.push(Rows {
            file: Arc::clone(&origin.file),
            split: Arc::clone(&origin.split),
            again: origin.again.clone(),
            newest_us: origin.newest_us,
            positions: Positions::of(first, end, &rejected),
            end,
            earliest_us,
            latest_us,
            batch: rows,
        });
        batch.rejected.extend(delivery.rejected);
        match (&mut batch.quality, delivery.quality) {
            (Some(all), Some(these)) => all
                .merge(these)
                .map_err(|source| Error::Quality { stream: self.contract.name.clone(), source: Box::new(source) })?,
            (all, these) => *all = all.take().or(these),
        }
        Ok(())
    }
}

/// What all rows of a file have in common.
struct Origin {
    file: Arc<str>,
    split: Arc<str>,
    again: Option<Arc<FirstRead>>,
    newest_us: i64,
}

impl Origin {
    fn of(item: &WorkItem, contract: &StreamContract) -> Self {
        let partition = contract.split_by.as_ref().and_then(|name| item.file.partitions.get(name));
        Self {
            file: item.file.id.as_str().into(),
            split: partition.cloned().flatten().unwrap_or_default().into(),
            again: item.again.clone().map(Arc::new),
            newest_us: item.file.modified_us.saturating_add(contract.max_future_skew_us),
        }
    }
}

/// The greatest event time that each split delivered.
pub(crate) fn latest_by_split(rows: &[Rows]) -> BTreeMap<String, i64> {
    let mut splits = BTreeMap::new();
    for rows in rows {
        if let Some(latest_us) = rows.latest_us {
            splits
                .entry(rows.split.to_string())
                .and_modify(|known| *known = latest_us.max(*known))
                .or_insert(latest_us);
        }
    }
    splits
}
