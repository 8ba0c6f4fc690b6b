//! How does one micro-batch become part of the truth?
//!
//! State files first, each under a name of its own; then one create-only record that names them. A
//! crash before the record leaves files that nothing refers to; after it, nothing is missing.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use sha2::{Digest, Sha256};
use tidegate_algebra::{Partial, Side};
use tidegate_contract::stream::StreamContract;
use tidegate_ledger::Store;
use tidegate_signal::Signal;

use crate::accounting::{RowAccount, StreamAccount};
use crate::admission::{Admitted, Duplicates, Judge};
use crate::clock::now_us;
use crate::commit::{EpochCommit, FirstEpoch, SignalEpoch, StateFile};
use crate::dedupe::{Keys, read_duplicates, write_duplicates};
use crate::engine::Run;
use crate::error::{Error, Result};
use crate::history::StreamHistory;
use crate::microbatch::{MicroBatch, latest_by_split};
use crate::quality::outcomes;
use crate::state::Shelf;
use crate::{columns, layout, quarantine, watermark};

/// How large a micro-batch may grow, and on how many threads it is read and aggregated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of Arrow memory after which an epoch ends.
    pub max_bytes: usize,
    /// Files after which an epoch ends.
    pub max_files: usize,
    /// Rows per record batch.
    pub batch_rows: usize,
    /// Threads for reading and for aggregating.
    pub threads: usize,
    /// Bytes of rows that are decoded and wait.
    pub waiting_bytes: usize,
    /// Bytes that aggregations may take together.
    pub pool_bytes: usize,
    /// Bytes of state that are merged at a time.
    pub state_bytes: usize,
    /// Bytes of state files that are merged into one.
    pub compacted_bytes: usize,
    /// Bytes that the keys by which a stream knows duplicates may take.
    pub key_bytes: usize,
}

impl Limits {
    /// Limits by which a run keeps to about `memory_bytes`, shared out among what it holds at the same time.
    pub fn within(memory_bytes: usize) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            max_bytes: memory_bytes / 16,
            max_files: 1_000,
            batch_rows: 8_192,
            threads,
            waiting_bytes: memory_bytes / 64,
            pool_bytes: memory_bytes / 4,
            state_bytes: memory_bytes / 16,
            compacted_bytes: memory_bytes / 8,
            key_bytes: memory_bytes / 4,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::within(1 << 30)
    }
}

/// What an epoch is made in: the run, the record it will become, and the stream it reads.
pub(crate) struct EpochContext<'a> {
    pub(crate) store: &'a Store,
    pub(crate) run: &'a Run,
    pub(crate) record: u64,
    pub(crate) contract: &'a StreamContract,
    pub(crate) before: &'a StreamHistory,
    pub(crate) threads: usize,
    /// As in [`Judge::settled_us`].
    pub(crate) settled_us: &'a BTreeMap<String, i64>,
}

/// An epoch ready to commit, and the signals that could not take part.
pub(crate) struct Made {
    pub(crate) commit: EpochCommit,
    pub(crate) failed: BTreeMap<String, Error>,
}

impl EpochContext<'_> {
    /// Judges the rows of `batch`, aggregates them for each of `signals`, writes their state, and gives the record to
    /// commit. `keys` are those that the stream remembers.
    ///
    /// A signal that fails on a row is left out of the record, so that it reads the same rows again next time while the
    /// others go on.
    ///
    /// # Errors
    /// [`Error::Unbalanced`] when a row is unaccounted for; nothing is committed then.
    pub(crate) async fn make(
        &self,
        batch: &MicroBatch,
        signals: &[&Signal],
        mut keys: Option<&mut Keys>,
    ) -> Result<Made> {
        let known = self.known_duplicates(batch).await?;
        let judge = Judge {
            contract: self.contract,
            watermark_us: self.before.closed.watermark_us,
            latest_us: self.before.latest_us,
            settled_us: self.settled_us,
            known: &known,
        };
        let mut admitted = judge.admit(batch, keys.as_deref_mut())?;
        if !admitted.account.balances() {
            return Err(self.unbalanced("(before any signal)", format!("{:?}", admitted.account)));
        }
        let mut results = BTreeMap::new();
        let mut failed = BTreeMap::new();
        for signal in signals {
            let name = signal.name().to_owned();
            let (timely, late) = judge.timely(&admitted.rows, signal)?;
            match self.aggregate(signal, &batch.schema, timely, admitted.account).await {
                Ok(result) => {
                    admitted.set_aside.extend(late);
                    results.insert(name, result);
                }
                Err(error) if error.is_the_signals_own() => {
                    failed.insert(name, error);
                }
                Err(error) => return Err(error),
            }
        }
        let first = if batch.again { None } else { Some(self.first(batch, &admitted, keys).await?) };
        // Rows that are read again were rejected when they were first read.
        let rejected = if batch.again { &[] } else { batch.rejected.as_slice() };
        admitted.set_aside.retain(|rows| !batch.again || rows.signal.is_some());
        let path = layout::quarantine_file(&self.contract.name, self.record, &self.run.id);
        let quarantine = quarantine::write(self.store, path, self.contract, rejected, &admitted.set_aside).await?;
        let commit = EpochCommit {
            run_id: self.run.id.clone(),
            generation: self.run.generation,
            committed_at_us: now_us(),
            stream: self.contract.name.clone(),
            files: batch.files.clone(),
            first,
            quarantine,
            signals: results,
        };
        Ok(Made { commit, failed })
    }

    /// The files of duplicates that earlier reads of these rows wrote.
    async fn known_duplicates(&self, batch: &MicroBatch) -> Result<BTreeMap<String, Duplicates>> {
        let paths = batch.rows.iter().filter_map(|rows| rows.again.as_ref()?.duplicates.clone());
        let mut known = BTreeMap::new();
        for path in paths.collect::<BTreeSet<_>>() {
            let duplicates = read_duplicates(self.store, &path).await?;
            known.insert(path, duplicates);
        }
        Ok(known)
    }

    /// What the stream learns from rows that it reads for the first time.
    async fn first(&self, batch: &MicroBatch, admitted: &Admitted, keys: Option<&mut Keys>) -> Result<FirstEpoch> {
        let name = &self.contract.name;
        let splits = latest_by_split(&admitted.rows);
        let watermark_us = if batch.last {
            watermark::advance(self.contract, self.before, &splits, now_us())
        } else {
            self.before.closed.watermark_us
        };
        let path = layout::duplicates_file(name, self.record, &self.run.id);
        let duplicates = write_duplicates(self.store, path, &admitted.duplicates).await?;
        let keys = match keys {
            Some(keys) => keys.write_new(self.store, layout::keys_file(name, self.record, &self.run.id)).await?,
            None => None,
        };
        Ok(FirstEpoch {
            splits,
            watermark_us,
            rows_behind: admitted.rows_behind,
            rows: admitted.account,
            files_rejected: batch.files_rejected(),
            duplicates,
            keys,
            columns: columns::learned(&self.before.columns, &batch.begun),
            quality: batch
                .quality
                .as_ref()
                .map(|tally| outcomes(tally, self.contract.is_protected()))
                .unwrap_or_default(),
        })
    }

    /// Folds `timely` rows into a state of `signal` and writes it; `stream` says what became of all rows it wanted.
    pub(crate) async fn aggregate(
        &self,
        signal: &Signal,
        schema: &SchemaRef,
        timely: Vec<RecordBatch>,
        stream: StreamAccount,
    ) -> Result<SignalEpoch> {
        let explain = |source| Error::Signal { signal: signal.name().to_owned(), source };
        let taken = timely.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
        let partitions = partitions(&timely, self.threads);
        let side = signal.cut.side(&self.contract.name);
        let partial = match side {
            Some(side) => side.partial(schema, &partitions).await,
            None => signal.cut.partial(schema, &partitions).await,
        };
        let partial = partial.map_err(explain)?;
        let rows = RowAccount {
            read: stream.read,
            aggregated: partial.rows_aggregated,
            filtered: taken.saturating_sub(partial.rows_aggregated),
            late: stream.delivered - taken,
            rejected: stream.rejected,
            duplicate: stream.duplicate,
        };
        if !rows.balances() {
            return Err(self.unbalanced(signal.name(), format!("{rows:?}")));
        }
        self.refuse_too_many_groups(signal, partial.state.rows() as u64)?;
        let fingerprint = signal.cut.fingerprint().clone();
        if partial.state.is_empty() {
            return Ok(SignalEpoch { fingerprint, rows, state: None, waiting: None });
        }
        let layout = side.map_or(signal.cut.layout(), Side::layout);
        let file =
            Some(self.write_state(Shelf { store: self.store, signal: signal.name(), layout }, signal, partial).await?);
        Ok(match side {
            Some(_) => SignalEpoch { fingerprint, rows, state: None, waiting: file },
            None => SignalEpoch { fingerprint, rows, state: file, waiting: None },
        })
    }

    /// State rows are at least as many as groups, and at most one per group and thread.
    fn refuse_too_many_groups(&self, signal: &Signal, rows: u64) -> Result<()> {
        match signal.definition.max_groups {
            Some(most) if rows > most.saturating_mul(self.threads as u64) => {
                Err(Error::TooManyGroups { signal: signal.name().to_owned(), most })
            }
            _ => Ok(()),
        }
    }

    async fn write_state(&self, shelf: Shelf<'_>, signal: &Signal, partial: Partial) -> Result<StateFile> {
        let path = layout::state_file(signal.name(), signal.cut.fingerprint(), self.record, &self.run.id);
        let file = shelf.write(path, partial.state).await?;
        Ok(StateFile { days: partial.days.into_iter().collect(), covered: partial.covered, ..file })
    }

    fn unbalanced(&self, signal: &str, rows: String) -> Error {
        Error::Unbalanced { record: self.record, signal: signal.to_owned(), rows }
    }
}

/// The batches dealt out to at most `threads` partitions, none of them tiny.
fn partitions(batches: &[RecordBatch], threads: usize) -> Vec<Vec<RecordBatch>> {
    const LEAST_ROWS: usize = 65_536;
    let rows = batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    let wanted = (rows / LEAST_ROWS).clamp(1, threads.max(1));
    let per_partition = batches.len().div_ceil(wanted).max(1);
    let parts = batches.chunks(per_partition).map(<[RecordBatch]>::to_vec).collect::<Vec<_>>();
    if parts.is_empty() { vec![Vec::new()] } else { parts }
}

/// SHA-256 as 64 lower-case hex digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
