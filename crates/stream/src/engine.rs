//! How does a project drain what its sources have?

mod derive;
mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tidegate_contract::stream::{Dedupe, StreamContract};
use tidegate_ledger::{Budget, Chain, Spend, Store};
use tidegate_signal::{DQ_RESULTS, Derived, SCHEMA_DRIFT, Signal};
use tidegate_source::Source;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::backlog::{Backlog, Unread};
use crate::clock::now_us;
use crate::commit::{Commit, CompactCommit, ReleaseCommit, ReplayCommit};
use crate::dedupe::Keys;
use crate::epoch::{EpochContext, Limits, Made};
use crate::error::{Error, Result};
use crate::history::{History, SetAsideFile, SignalHistory, StreamHistory};
use crate::layout::{self, LOG};
use crate::microbatch::{MicroBatch, Reader};
use crate::replay::{Replay, Replayed};
use crate::stop::Stop;
use crate::summary::{Progress, Summary};
use crate::work::WorkItem;
use crate::{compact, garbage, publish, quality, schema_drift, watermark, work};

/// Rejections kept for the summary, per stream.
const EXAMPLES: usize = 5;

/// A stream that can be read.
#[derive(Debug, Clone)]
pub struct StreamInput {
    /// What it promises.
    pub contract: StreamContract,
    /// Where its rows come from.
    pub source: Arc<Source>,
    /// What may be spent of the privacy of one of its units on one day.
    pub budget: Spend,
}

/// What it means that a source has no more files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputEnd {
    /// More may come: windows close by the watermark alone.
    Pause,
    /// Nothing more will come: every window is closed.
    End,
}

/// Who writes the log.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// Tells this process from every other.
    pub(crate) id: String,
    /// Counts the runs that committed something.
    pub(crate) generation: u64,
}

/// A project at work: its log, its streams and its signals.
pub struct Engine {
    store: Store,
    chain: Chain<Commit>,
    history: History,
    streams: Vec<StreamInput>,
    signals: Vec<Signal>,
    /// Signals over what those release, each after the ones that it reads.
    derived: Vec<Derived>,
    limits: Limits,
    run: Run,
    stop: Stop,
    /// Per stream, the keys by which it knows rows that are delivered again.
    keys: BTreeMap<String, Keys>,
    /// What crashes left behind was removed.
    swept: bool,
    /// Signals that failed on a row in this drain, and why: they stay where they are.
    failed: BTreeMap<String, Error>,
    /// What was spent of whose privacy; none where nothing is noised.
    budget: Option<Budget>,
    /// A stream that cannot be listed is passed over.
    patient: bool,
}

impl Engine {
    /// Opens the project's log, verifies it, and finishes what a crash left undone. A new project first makes sure that
    /// its store honours create-if-absent, on which everything rests.
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
        // Behind the same URL there may be another server today.
        if records.is_empty() || store.url().is_some() {
            store.probe().await?;
        }
        let mut history = History::of(&records);
        publish::recover(&store, &mut history).await?;
        let mut keys = BTreeMap::new();
        for StreamInput { contract, .. } in &streams {
            let stream = history.streams.get(&contract.name).cloned().unwrap_or_default();
            let known = Keys::load(&store, contract, &stream, limits.key_bytes).await?;
            keys.extend(known.map(|known| (contract.name.clone(), known)));
        }
        let is_noised = signals.iter().any(|signal| signal.cut.private_spec().is_some());
        let budget = if is_noised { Some(Budget::open(store.clone()).await?) } else { None };
        let run = Run { id: run_id, generation: history.generation + 1 };
        let (stop, failed) = (Stop::default(), BTreeMap::new());
        let (swept, patient, derived) = (false, false, Vec::new());
        Ok(Self {
            store,
            chain,
            history,
            streams,
            signals,
            derived,
            limits,
            run,
            stop,
            keys,
            swept,
            failed,
            budget,
            patient,
        })
    }

    /// What has happened so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What asks this engine to end after the epoch in memory.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// From now on a stream whose folder cannot be listed is passed over, instead of ending the drain.
    pub fn skip_unlistable(&mut self) {
        self.patient = true;
    }

    /// What a drain would find now.
    ///
    /// # Errors
    /// [`Error::FileChanged`] when a landed file is another than the one that was read.
    pub async fn backlog(&self) -> Result<Backlog> {
        let ended = self.newly_sealed(InputEnd::Pause).into_keys().collect();
        let mut backlog = Backlog { ended, ..Backlog::default() };
        for input in &self.streams {
            let name = input.contract.name.clone();
            match self.plan_work(input).await {
                Ok(work) => {
                    backlog.streams.insert(name, Unread::of(&work));
                }
                Err(Error::Source { source, .. }) => {
                    backlog.unlisted.insert(name, source.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        Ok(backlog)
    }

    /// Reads all that the sources have, then releases every window that is closed.
    ///
    /// # Errors
    /// Any [`Error`]; epochs committed before it stand.
    pub async fn drain(&mut self, end: InputEnd, progress: &(dyn Fn(Progress) + Sync)) -> Result<Summary> {
        let mut summary = Summary::default();
        let derived = self.derived.iter().map(Derived::name);
        for signal in self.signals.iter().map(Signal::name).chain(derived) {
            summary.signals.entry(signal.to_owned()).or_default();
        }
        if let Err(error) = self.drain_all(end, &mut summary, progress).await {
            // Files that another process merged are gone: that is no damage, it is the other's turn.
            if error.is_damage() {
                self.chain.check().await?;
            }
            return Err(error);
        }
        match std::mem::take(&mut self.failed).into_values().next() {
            Some(error) => Err(error),
            None => Ok(summary),
        }
    }

    async fn drain_all(
        &mut self,
        end: InputEnd,
        summary: &mut Summary,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<()> {
        for stream in 0..self.streams.len() {
            self.drain_stream(stream, summary, progress).await?;
        }
        self.settle(end).await?;
        self.release(end, summary, progress).await?;
        self.derive(summary, progress).await
    }

    /// Takes rows of a stream that were set aside, all or those with one `reason`, into their windows after all, and
    /// releases what they change. Duplicates are never taken.
    ///
    /// # Errors
    /// [`Error::UnknownStream`], or any other [`Error`]; what was committed before it stands.
    pub async fn replay(
        &mut self,
        stream: &str,
        reason: Option<&str>,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<(Replayed, Summary)> {
        let input = self.streams.iter().find(|input| input.contract.name == stream).cloned();
        let input = input.ok_or_else(|| Error::UnknownStream { stream: stream.to_owned() })?;
        let (mut replayed, mut summary) = (Replayed::default(), Summary::default());
        for files in in_parts(self.stream_history(stream).quarantine) {
            let (commit, part) = self.replay_part(&input, &files, reason).await?;
            replayed.add(part);
            if let Some(commit) = commit {
                self.commit(Commit::Replay(commit)).await?;
            }
        }
        if replayed.taken > 0 {
            self.release(InputEnd::Pause, &mut summary, progress).await?;
            self.derive(&mut summary, progress).await?;
        }
        match std::mem::take(&mut self.failed).into_values().next() {
            Some(error) => Err(error),
            None => Ok((replayed, summary)),
        }
    }

    async fn replay_part(
        &mut self,
        input: &StreamInput,
        files: &[SetAsideFile],
        reason: Option<&str>,
    ) -> Result<(Option<ReplayCommit>, Replayed)> {
        let contract = &input.contract;
        let listing = input.source.list().await;
        let listing = listing.map_err(|source| Error::Source { stream: contract.name.clone(), source })?;
        let before = self.stream_history(&contract.name);
        let reader = self.reader(input)?;
        let readers = self.signals.iter().filter(|signal| signal.reads(&contract.name)).collect::<Vec<_>>();
        let replay = Replay {
            epoch: EpochContext {
                store: &self.store,
                run: &self.run,
                record: self.chain.len(),
                contract,
                before: &before,
                threads: self.limits.threads,
                settled_us: &self.settled_us(&contract.name),
            },
            reader,
            listing: &listing.into_iter().map(|file| (file.id.clone(), file)).collect(),
            signals: &readers,
            reason,
        };
        replay.make(files, self.keys.get_mut(&contract.name)).await
    }

    fn reader(&self, input: &StreamInput) -> Result<Reader> {
        Ok(Reader {
            source: Arc::clone(&input.source),
            columns: self.columns_of(input)?,
            contract: input.contract.clone(),
            limits: self.limits.clone(),
            stop: self.stop.clone(),
        })
    }

    async fn drain_stream(
        &mut self,
        stream: usize,
        summary: &mut Summary,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<()> {
        let input = self.streams[stream].clone();
        let name = input.contract.name.clone();
        summary.streams.entry(name.clone()).or_default();
        let work = match self.plan_work(&input).await {
            Err(Error::Source { .. }) if self.patient => return Ok(()),
            work => work?,
        };
        if work.is_empty() {
            return Ok(());
        }
        let bytes = work.iter().map(|item| item.file.size).sum();
        progress(Progress::Planned { stream: name, files: work.len() as u64, bytes });

        let reader = self.reader(&input)?;
        let (sender, mut batches) = mpsc::channel(1);
        // Dropping the set stops the reader, so that no task outlives its run.
        let mut readers = JoinSet::new();
        readers.spawn(reader.run(work, sender));
        while let Some(batch) = batches.recv().await {
            let span =
                tracing::info_span!("epoch", stream = %self.streams[stream].contract.name, record = self.chain.len());
            self.commit_epoch(stream, batch?, summary, progress).instrument(span).await?;
        }
        Ok(())
    }

    async fn plan_work(&self, input: &StreamInput) -> Result<Vec<WorkItem>> {
        let name = &input.contract.name;
        let files = input.source.list().await.map_err(|source| Error::Source { stream: name.clone(), source })?;
        let readers = self.signals.iter().filter(|signal| signal.reads(name));
        let histories = readers.map(|signal| (signal.name().to_owned(), self.signal_history(signal)));
        let work = work::plan(name, &files, &self.stream_history(name), &histories.collect());
        work.map_err(|changed| Error::FileChanged {
            stream: name.clone(),
            file: changed.id,
            size_before: changed.size_before,
            size_now: changed.size_now,
        })
    }

    fn signal_history(&self, signal: &Signal) -> SignalHistory {
        let key = (signal.name().to_owned(), signal.cut.fingerprint().clone());
        self.history.signals.get(&key).cloned().unwrap_or_default()
    }

    fn stream_history(&self, name: &str) -> StreamHistory {
        self.history.streams.get(name).cloned().unwrap_or_default()
    }

    /// The columns that any signal reads of a stream, and those by which rows are judged.
    fn columns_of(&self, input: &StreamInput) -> Result<Vec<String>> {
        let mut wanted = BTreeSet::new();
        for signal in self.signals.iter().filter(|signal| signal.reads(&input.contract.name)) {
            let columns = signal.cut.source_columns(&input.contract.name);
            let columns = columns.map_err(|source| Error::Signal { signal: signal.name().to_owned(), source })?;
            wanted.extend(columns);
        }
        wanted.extend(input.contract.event_time.clone());
        let told_apart = |dedupe: &Dedupe| dedupe.columns.iter().chain(&dedupe.seal).cloned().collect::<Vec<_>>();
        wanted.extend(input.contract.dedupe.iter().flat_map(told_apart));
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
        let contract = &self.streams[stream].contract;
        let takes_part =
            |signal: &&Signal| batch.signals.contains(signal.name()) && !self.failed.contains_key(signal.name());
        let signals = self.signals.iter().filter(takes_part).collect::<Vec<_>>();
        let nothing = StreamHistory::default();
        let before = self.history.streams.get(&contract.name).unwrap_or(&nothing);
        let epoch = EpochContext {
            store: &self.store,
            run: &self.run,
            record: self.chain.len(),
            contract,
            before,
            threads: self.limits.threads,
            settled_us: &self.settled_us(&contract.name),
        };
        let Made { commit, failed } = epoch.make(&batch, &signals, self.keys.get_mut(&contract.name)).await?;
        self.failed.extend(failed);
        if commit.signals.is_empty() {
            return Ok(());
        }
        let finished = commit.files.iter().filter(|file| file.end);
        let bytes = finished.clone().map(|file| file.size).sum();
        let files = finished.count() as u64;
        let rows = batch.rows_read;
        tracing::debug!(rows, files, signals = commit.signals.len(), again = batch.again, "committing");
        progress(Progress::Committed { stream: contract.name.clone(), files, bytes, rows });
        summary.add_epoch(&commit, rows, files, batch.rejected, EXAMPLES);
        let signals = commit.signals.keys().cloned().collect::<Vec<_>>();
        self.commit(Commit::Epoch(commit)).await?;
        for signal in signals {
            self.compact(&signal).await?;
        }
        Ok(())
    }

    async fn commit(&mut self, commit: Commit) -> Result<()> {
        let record = self.chain.append(commit).await?;
        self.history.add(record.seq, &record.body);
        if !self.swept {
            garbage::collect(&self.store, &self.history, record.seq).await?;
            self.swept = true;
        }
        Ok(())
    }

    /// Merges state files of a signal as long as a level is full.
    async fn compact(&mut self, name: &str) -> Result<()> {
        loop {
            let Some(signal) = self.signals.iter().find(|signal| signal.name() == name) else { return Ok(()) };
            let fingerprint = signal.cut.fingerprint().clone();
            let key = (name.to_owned(), fingerprint.clone());
            let files = self.history.signals.get(&key).map_or(&[][..], |signal| signal.states.as_slice());
            let Some(files) = compact::due(files, self.limits.compacted_bytes) else { return Ok(()) };
            let path = layout::state_file(name, &fingerprint, self.chain.len(), &self.run.id);
            let state = compact::merge(&self.store, signal, &files, path, self.limits.state_bytes).await?;
            let replaced = files.into_iter().map(|file| file.path).collect::<Vec<_>>();
            self.commit(Commit::Compact(CompactCommit {
                run_id: self.run.id.clone(),
                generation: self.run.generation,
                committed_at_us: now_us(),
                signal: name.to_owned(),
                fingerprint,
                replaced: replaced.clone(),
                state,
            }))
            .await?;
            for path in replaced {
                self.store.delete(&path).await?;
            }
        }
    }

    async fn release(
        &mut self,
        end: InputEnd,
        summary: &mut Summary,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<()> {
        let sealed = self.newly_sealed(end);
        let mut commit = ReleaseCommit {
            run_id: self.run.id.clone(),
            generation: self.run.generation,
            committed_at_us: now_us(),
            sealed: sealed.clone(),
            releases: Vec::new(),
            withheld: BTreeMap::new(),
            removed: Vec::new(),
            derived: BTreeMap::new(),
        };
        for signal in &self.signals {
            // Windows that are closed for the stream may lack rows that this signal has yet to read.
            if signal.streams().any(|name| self.signal_history(signal).is_behind(name, &self.stream_history(name))) {
                continue;
            }
            progress(Progress::Releasing { signal: signal.name().to_owned() });
            let closed = self.closed_for(signal, &sealed);
            let due = match publish::stage(&self.store, &self.history, signal, closed, &self.limits, self.chain.len())
                .await
            {
                Ok(due) => due,
                Err(error) if error.is_damage() => return Err(error),
                // One signal that cannot be finished keeps no other from its readers.
                Err(error) => {
                    self.failed.entry(signal.name().to_owned()).or_insert(error);
                    continue;
                }
            };
            summary.add_release(signal.name(), &due);
            if due.withheld > 0 {
                commit.withheld.insert(signal.name().to_owned(), due.withheld);
            }
            commit.releases.extend(due.entries);
            commit.removed.extend(due.removed);
        }
        let drift = schema_drift::stage(&self.store, &self.history, self.chain.len()).await?;
        let quality = quality::stage(&self.store, &self.history, self.chain.len()).await?;
        for (name, due) in [(SCHEMA_DRIFT, drift), (DQ_RESULTS, quality)] {
            if !due.entries.is_empty() {
                summary.add_release(name, &due);
                commit.releases.extend(due.entries);
            }
        }
        if commit.releases.is_empty() && commit.removed.is_empty() && commit.sealed.is_empty() {
            return Ok(());
        }
        let (entries, removed) = (commit.releases.clone(), commit.removed.clone());
        self.commit(Commit::Release(commit)).await?;
        // A process that was overtaken meanwhile must not put older rows over newer ones.
        self.chain.check().await?;
        publish::publish(&self.store, &entries, &removed).await
    }

    /// Streams whose input ends now, later than it ended before: all when the caller says so, else those that were
    /// silent for longer than they may be.
    fn newly_sealed(&self, end: InputEnd) -> BTreeMap<String, i64> {
        let now_us = now_us();
        let ends = |input: &&StreamInput| {
            let stream = self.history.streams.get(&input.contract.name);
            end == InputEnd::End || stream.is_some_and(|stream| watermark::is_idle(&input.contract, stream, now_us))
        };
        let ended = self.streams.iter().filter(ends).filter_map(|input| {
            let stream = self.history.streams.get(&input.contract.name)?;
            let latest_us = stream.latest_us.filter(|&latest_us| Some(latest_us) > stream.closed.sealed_us)?;
            Some((input.contract.name.clone(), latest_us))
        });
        ended.collect()
    }
}

/// Quarantine files in parts of few enough rows to hold them in memory.
fn in_parts(files: Vec<SetAsideFile>) -> Vec<Vec<SetAsideFile>> {
    const ROWS: u64 = 500_000;
    let mut parts: Vec<Vec<SetAsideFile>> = Vec::new();
    let mut room = 0;
    for file in files {
        let rows = file.rows.values().sum::<u64>();
        match parts.last_mut() {
            Some(part) if rows <= room => part.push(file),
            _ => {
                room = ROWS;
                parts.push(vec![file]);
            }
        }
        room = room.saturating_sub(rows);
    }
    parts
}
