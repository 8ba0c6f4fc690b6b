//! Which rows make the next epoch?
//!
//! A reader task runs ahead of the epochs: it opens the next files early, so that they decode side by
//! side, and hands over one micro-batch at a time. At most one finished micro-batch waits, so memory
//! holds three at most: one being read, one waiting, one being aggregated.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{SchemaRef, TimestampMicrosecondType};
use futures::StreamExt;
use futures::stream::BoxStream;
use tidegate_source::{Item, Reason, Rejection, Source};
use tokio::sync::mpsc;

use crate::commit::FilePosition;
use crate::epoch::Limits;
use crate::error::{Error, Result};
use crate::work::WorkItem;

/// The rows of one epoch.
#[derive(Debug)]
pub(crate) struct MicroBatch {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) files: Vec<FilePosition>,
    pub(crate) signals: BTreeSet<String>,
    pub(crate) rejected: Vec<Rejection>,
    pub(crate) rows_read: u64,
    /// The greatest event time in the batches.
    pub(crate) latest_us: Option<i64>,
    bytes: usize,
}

impl MicroBatch {
    fn new(schema: SchemaRef, signals: BTreeSet<String>) -> Self {
        Self {
            schema,
            batches: Vec::new(),
            files: Vec::new(),
            signals,
            rejected: Vec::new(),
            rows_read: 0,
            latest_us: None,
            bytes: 0,
        }
    }

    pub(crate) fn rows_rejected(&self) -> u64 {
        self.rejected.iter().filter(|rejection| rejection.row.is_some()).count() as u64
    }

    pub(crate) fn files_rejected(&self) -> u64 {
        self.rejected.iter().filter(|rejection| rejection.row.is_none()).count() as u64
    }

    /// The batches dealt out to at most `threads` partitions, none of them tiny.
    pub(crate) fn partitions(&self, threads: usize) -> Vec<Vec<RecordBatch>> {
        const LEAST_ROWS: u64 = 65_536;
        let rows = self.rows_read;
        let wanted = usize::try_from(rows / LEAST_ROWS).unwrap_or(threads).clamp(1, threads.max(1));
        let per_partition = self.batches.len().div_ceil(wanted).max(1);
        let parts = self.batches.chunks(per_partition).map(<[RecordBatch]>::to_vec).collect::<Vec<_>>();
        if parts.is_empty() { vec![Vec::new()] } else { parts }
    }

    fn is_full(&self, limits: &Limits) -> bool {
        self.bytes >= limits.max_bytes || self.files.len() >= limits.max_files
    }
}

/// Reads `work` in order and sends micro-batches until the receiver is dropped.
pub(crate) struct Reader {
    pub(crate) stream: String,
    pub(crate) source: Arc<Source>,
    pub(crate) columns: Vec<String>,
    pub(crate) event_time: Option<String>,
    pub(crate) limits: Limits,
}

type Opened = (WorkItem, BoxStream<'static, Item>);

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
                && let Some(item) = waiting.pop_front()
            {
                opened.push_back(self.open(item)?);
            }
            let Some((item, rows)) = opened.pop_front() else { break };
            if let Some(batch) = current.take_if(|batch| batch.signals != item.signals)
                && batches.send(Ok(batch)).await.is_err()
            {
                return Ok(());
            }
            if !self.read_file(&item, rows, &mut current, batches).await? {
                return Ok(());
            }
        }
        if let Some(batch) = current {
            let _ = batches.send(Ok(batch)).await;
        }
        Ok(())
    }

    fn open(&self, item: WorkItem) -> Result<Opened> {
        let rows = self.source.open(&item.file, &self.columns, item.from_row.., self.limits.batch_rows);
        let rows = rows.map_err(|source| Error::Source { stream: self.stream.clone(), source })?;
        Ok((item, rows))
    }

    /// Reads one file into `current`, sending it on whenever it is full. False when nobody listens.
    async fn read_file(
        &self,
        item: &WorkItem,
        mut rows: BoxStream<'static, Item>,
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
        // A file that cannot be read now is not done: the next run tries again.
        let mut retry = false;
        while let Some(read) = rows.next().await {
            let batch = current.get_or_insert_with(|| self.empty(item));
            match read {
                Item::Rows(delivery) => {
                    position.to_row += delivery.rows_read;
                    batch.rows_read += delivery.rows_read;
                    batch.rejected.extend(delivery.rejected);
                    self.add_rows(batch, &delivery.batch)?;
                }
                Item::FileRejected(rejection) => {
                    retry |= rejection.reason == Reason::FileUnreadable;
                    batch.rejected.push(rejection);
                }
            }
            if batch.bytes >= self.limits.max_bytes {
                batch.files.push(position.clone());
                position.from_row = position.to_row;
                if let Some(full) = current.take()
                    && batches.send(Ok(full)).await.is_err()
                {
                    return Ok(false);
                }
            }
        }
        position.end = !retry;
        let batch = current.get_or_insert_with(|| self.empty(item));
        if position.end || position.to_row > position.from_row {
            batch.files.push(position);
        }
        if let Some(full) = current.take_if(|batch| batch.is_full(&self.limits)) {
            return Ok(batches.send(Ok(full)).await.is_ok());
        }
        Ok(true)
    }

    fn empty(&self, item: &WorkItem) -> MicroBatch {
        let schema = self.source.schema();
        let fields = self.columns.iter().filter_map(|column| schema.field_with_name(column).ok().cloned());
        let schema = Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()));
        MicroBatch::new(schema, item.signals.clone())
    }

    fn add_rows(&self, batch: &mut MicroBatch, rows: &RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        if let Some(event_time) = &self.event_time
            && let Some(times) = rows.column_by_name(event_time)
        {
            let times = times.as_primitive::<TimestampMicrosecondType>();
            batch.latest_us = arrow::compute::max(times).max(batch.latest_us);
        }
        batch.bytes += rows.get_array_memory_size();
        let rows = RecordBatch::try_new_with_options(
            Arc::clone(&batch.schema),
            rows.columns().to_vec(),
            &arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows())),
        )?;
        batch.batches.push(rows);
        Ok(())
    }
}
