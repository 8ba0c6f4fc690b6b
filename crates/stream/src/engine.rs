//! How does a project drain what its sources have?

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidegate_ledger::{Chain, Store};
use tidegate_signal::Signal;
use tidegate_source::Source;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::clock::now_us;
use crate::commit::{Commit, ReleaseCommit};
use crate::epoch::{EpochContext, Limits, Made};
use crate::error::{Error, Result};
use crate::history::History;
use crate::layout::LOG;
use crate::microbatch::{MicroBatch, Reader};
use crate::summary::{Progress, Summary};
use crate::{publish, work};

/// Rejections kept for the summary, per stream.
const EXAMPLES: usize = 5;

/// A stream that can be read.
#[derive(Debug)]
pub struct StreamInput {
    /// Its name.
    pub name: String,
    /// Where its rows come from.
    pub source: Arc<Source>,
    /// The column of event times.
    pub event_time: Option<String>,
    /// How far the watermark stays behind the latest event.
    pub watermark_us: i64,
}

/// What it means that a source has no more files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputEnd {
    /// More may come: windows close by the watermark alone.
    Pause,
    /// Nothing more will come: every window is closed.
    End,
}

/// A project at work: its log, its streams and its signals.
pub struct Engine {
    store: Store,
    chain: Chain<Commit>,
    history: History,
    streams: Vec<StreamInput>,
    signals: Vec<Signal>,
    limits: Limits,
    run_id: String,
    /// Signals that failed on a row in this drain, and why: they stay where they are.
    failed: BTreeMap<String, Error>,
}

impl Engine {
    /// Opens the project's log, verifies it, and finishes what a crash left undone.
    ///
    /// # Errors
    /// [`Error::Ledger`] when the log is damaged or the store cannot be used.
    pub async fn open(
        store: Store,
        streams: Vec<StreamInput>,
        signals: Vec<Signal>,
        limits: Limits,
        run_id: String,
    ) -> Result<Self> {
        let (chain, records) = Chain::open(store.clone(), LOG).await?;
        let mut history = History::of(&records);
        publish::recover(&store, &mut history).await?;
        Ok(Self { store, chain, history, streams, signals, limits, run_id, failed: BTreeMap::new() })
    }

    /// What has happened so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Reads all that the sources have, then releases every window that is closed.
    ///
    /// # Errors
    /// Any [`Error`]; epochs committed before it stand.
    pub async fn drain(&mut self, end: InputEnd, progress: &(dyn Fn(Progress) + Sync)) -> Result<Summary> {
        let mut summary = Summary::default();
        for signal in &self.signals {
            summary.signals.entry(signal.name().to_owned()).or_default();
        }
        for stream in 0..self.streams.len() {
            self.drain_stream(stream, &mut summary, progress).await?;
        }
        self.release(end, &mut summary, progress).await?;
        match std::mem::take(&mut self.failed).into_values().next() {
            Some(error) => Err(error),
            None => Ok(summary),
        }
    }

    async fn drain_stream(
        &mut self,
        stream: usize,
        summary: &mut Summary,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<()> {
        let input = &self.streams[stream];
        let name = input.name.clone();
        summary.streams.entry(name.clone()).or_default();
        let fail = |source| Error::Source { stream: name.clone(), source };
        let files = input.source.discover().map_err(fail)?;
        let readers = self.signals.iter().filter(|signal| signal.stream == name);
        let histories = readers.map(|signal| {
            let key = (signal.name().to_owned(), signal.cut.fingerprint().clone());
            (signal.name().to_owned(), self.history.signals.get(&key).cloned().unwrap_or_default())
        });
        let work = work::plan(&files, &histories.collect()).map_err(|changed| Error::FileChanged {
            stream: name.clone(),
            file: changed.id,
            size_before: changed.size_before,
            size_now: changed.size_now,
        })?;
        if work.is_empty() {
            return Ok(());
        }
        let bytes = work.iter().map(|item| item.file.size).sum();
        progress(Progress::Planned { stream: name.clone(), files: work.len() as u64, bytes });

        let reader = Reader {
            stream: name.clone(),
            source: Arc::clone(&input.source),
            columns: self.columns_of(input)?,
            event_time: input.event_time.clone(),
            limits: self.limits.clone(),
        };
        let (sender, mut batches) = mpsc::channel(1);
        // Dropping the set stops the reader, so that no task outlives its run.
        let mut readers = JoinSet::new();
        readers.spawn(reader.run(work, sender));
        while let Some(batch) = batches.recv().await {
            self.commit_epoch(stream, batch?, summary, progress).await?;
        }
        Ok(())
    }

    /// The columns that any signal reads of a stream, and its event time.
    fn columns_of(&self, input: &StreamInput) -> Result<Vec<String>> {
        let mut wanted = BTreeSet::new();
        for signal in self.signals.iter().filter(|signal| signal.stream == input.name) {
            let columns = signal.cut.source_columns();
            let columns = columns.map_err(|source| Error::Signal { signal: signal.name().to_owned(), source })?;
            wanted.extend(columns);
        }
        wanted.extend(input.event_time.clone());
        let all = input.source.schema().fields().iter().map(|field| field.name().clone());
        Ok(all.filter(|column| wanted.contains(column)).collect())
    }

    async fn commit_epoch(
        &mut self,
        stream: usize,
        batch: MicroBatch,
        summary: &mut Summary,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<()> {
        let input = &self.streams[stream];
        let takes_part =
            |signal: &&Signal| batch.signals.contains(signal.name()) && !self.failed.contains_key(signal.name());
        let signals = self.signals.iter().filter(takes_part).collect::<Vec<_>>();
        let epoch = EpochContext {
            store: &self.store,
            run_id: &self.run_id,
            record: self.chain.len(),
            stream: &input.name,
            watermark_us: input.watermark_us,
            before: self.history.streams.get(&input.name).cloned().unwrap_or_default(),
            threads: self.limits.threads,
        };
        let Made { commit, failed } = epoch.make(&batch, &signals).await?;
        self.failed.extend(failed);
        if commit.signals.is_empty() {
            return Ok(());
        }
        let finished = commit.files.iter().filter(|file| file.end);
        let bytes = finished.clone().map(|file| file.size).sum();
        let files = finished.count() as u64;
        let rows = batch.rows_read;
        tracing::debug!(stream = %commit.stream, record = self.chain.len(), rows, files, "epoch");
        progress(Progress::Committed { stream: input.name.clone(), files, bytes, rows });

        let total = summary.streams.entry(input.name.clone()).or_default();
        total.files += files;
        total.rows += rows;
        total.rows_rejected += batch.rows_rejected();
        total.files_rejected += batch.files_rejected();
        let room = EXAMPLES.saturating_sub(total.examples.len());
        total.examples.extend(batch.rejected.into_iter().take(room));
        total.quarantine.extend(commit.quarantine.clone());
        total.watermark_us = commit.watermark_us;
        for (name, signal) in &commit.signals {
            summary.signals.entry(name.clone()).or_default().rows += signal.rows;
        }
        summary.epochs += 1;
        self.commit(Commit::Epoch(commit)).await
    }

    async fn commit(&mut self, commit: Commit) -> Result<()> {
        let record = self.chain.append(commit).await?;
        self.history.add(record.seq, &record.body);
        Ok(())
    }

    async fn release(
        &mut self,
        end: InputEnd,
        summary: &mut Summary,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<()> {
        let sealed = self.newly_sealed(end);
        let mut commit = ReleaseCommit {
            run_id: self.run_id.clone(),
            committed_at_us: now_us(),
            sealed: sealed.clone(),
            releases: Vec::new(),
            withheld: BTreeMap::new(),
            removed: Vec::new(),
        };
        for signal in &self.signals {
            progress(Progress::Releasing { signal: signal.name().to_owned() });
            let stream = self.history.streams.get(&signal.stream).cloned().unwrap_or_default();
            let mut closed = stream.closed;
            closed.sealed_us = closed.sealed_us.max(sealed.get(&signal.stream).copied());
            let due = match publish::stage(&self.store, &self.history, signal, closed).await {
                Ok(due) => due,
                // One signal that cannot be finished keeps no other from its readers.
                Err(error) => {
                    self.failed.entry(signal.name().to_owned()).or_insert(error);
                    continue;
                }
            };
            let total = summary.signals.entry(signal.name().to_owned()).or_default();
            total.days = due.entries.len() as u64;
            total.rows_released = due.entries.iter().map(|entry| entry.rows).sum();
            total.withheld = due.withheld;
            total.paths = due.entries.iter().filter(|entry| entry.rows > 0).map(|entry| entry.path.clone()).collect();
            total.removed.clone_from(&due.removed);
            if due.withheld > 0 {
                commit.withheld.insert(signal.name().to_owned(), due.withheld);
            }
            commit.releases.extend(due.entries);
            commit.removed.extend(due.removed);
        }
        if commit.releases.is_empty() && commit.removed.is_empty() && commit.sealed.is_empty() {
            return Ok(());
        }
        let (entries, removed) = (commit.releases.clone(), commit.removed.clone());
        self.commit(Commit::Release(commit)).await?;
        publish::publish(&self.store, &entries, &removed).await
    }

    /// Streams whose input ends now, later than it ended before.
    fn newly_sealed(&self, end: InputEnd) -> BTreeMap<String, i64> {
        if end == InputEnd::Pause {
            return BTreeMap::new();
        }
        let streams = self.history.streams.iter().filter(|(_, stream)| stream.latest_us > stream.closed.sealed_us);
        streams.filter_map(|(name, stream)| Some((name.clone(), stream.latest_us?))).collect()
    }
}
