//! How does one micro-batch become part of the truth?
//!
//! State files first, each under a name of its own; then one create-only record that names them. A
//! crash before the record leaves files that nothing refers to; after it, nothing is missing.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use tidegate_algebra::Partial;
use tidegate_ledger::Store;
use tidegate_signal::Signal;

use crate::accounting::RowAccount;
use crate::clock::now_us;
use crate::commit::{EpochCommit, SignalEpoch, StateFile};
use crate::error::{Error, Result};
use crate::history::StreamHistory;
use crate::microbatch::MicroBatch;
use crate::{layout, quarantine};

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
}

impl Default for Limits {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { max_bytes: 64 << 20, max_files: 1_000, batch_rows: 8_192, threads }
    }
}

/// What an epoch is made in: the run, the record it will become, and the stream it reads.
pub(crate) struct EpochContext<'a> {
    pub(crate) store: &'a Store,
    pub(crate) run_id: &'a str,
    pub(crate) record: u64,
    pub(crate) stream: &'a str,
    pub(crate) watermark_us: i64,
    pub(crate) before: StreamHistory,
    pub(crate) threads: usize,
}

/// An epoch ready to commit, and the signals that could not take part.
pub(crate) struct Made {
    pub(crate) commit: EpochCommit,
    pub(crate) failed: BTreeMap<String, Error>,
}

impl EpochContext<'_> {
    /// Aggregates `batch` for each of `signals`, writes their state, and gives the record to commit.
    ///
    /// A signal that fails on a row is left out of the record, so that it reads the same rows again next time while the
    /// others go on.
    ///
    /// # Errors
    /// [`Error::Unbalanced`] when a row is unaccounted for; nothing is committed then.
    pub(crate) async fn make(&self, batch: &MicroBatch, signals: &[&Signal]) -> Result<Made> {
        let partitions = batch.partitions(self.threads);
        let mut results = BTreeMap::new();
        let mut failed = BTreeMap::new();
        for signal in signals {
            let name = signal.name().to_owned();
            match signal.cut.partial(&batch.schema, &partitions).await {
                Ok(partial) => {
                    results.insert(name, self.commit_state(signal, batch, partial).await?);
                }
                Err(source @ tidegate_algebra::Error::RowFailed { .. }) => {
                    failed.insert(name.clone(), Error::Signal { signal: name, source });
                }
                Err(source) => return Err(Error::Signal { signal: name, source }),
            }
        }
        let latest_us = batch.latest_us.max(self.before.latest_us);
        let quarantine = quarantine::write(self, &batch.rejected).await?;
        let commit = EpochCommit {
            run_id: self.run_id.to_owned(),
            committed_at_us: now_us(),
            stream: self.stream.to_owned(),
            files: batch.files.clone(),
            latest_us,
            watermark_us: latest_us.map(|latest| latest.saturating_sub(self.watermark_us)),
            quarantine,
            files_rejected: batch.files_rejected(),
            signals: results,
        };
        Ok(Made { commit, failed })
    }

    async fn commit_state(&self, signal: &Signal, batch: &MicroBatch, partial: Partial) -> Result<SignalEpoch> {
        let rejected = batch.rows_rejected();
        let filtered = (batch.rows_read - rejected).saturating_sub(partial.rows_aggregated);
        let rows = RowAccount {
            read: batch.rows_read,
            aggregated: partial.rows_aggregated,
            filtered,
            rejected,
            ..RowAccount::default()
        };
        if !rows.balances() {
            return Err(Error::Unbalanced { record: self.record, signal: signal.name().to_owned(), rows });
        }
        let fingerprint = signal.cut.fingerprint().clone();
        let state = if partial.state.is_empty() { None } else { Some(self.write_state(signal, partial).await?) };
        Ok(SignalEpoch { fingerprint, rows, state })
    }

    async fn write_state(&self, signal: &Signal, partial: Partial) -> Result<StateFile> {
        let encoded = signal.cut.encode(&partial.state);
        let encoded = encoded.map_err(|source| Error::Signal { signal: signal.name().to_owned(), source })?;
        let path = layout::state_file(signal.name(), signal.cut.fingerprint(), self.record, self.run_id);
        let file = StateFile {
            path: path.clone(),
            sha256: sha256_hex(&encoded),
            bytes: encoded.len() as u64,
            rows: partial.state.rows() as u64,
            days: partial.days.into_iter().collect(),
            covered: partial.covered,
        };
        self.store.replace(&path, encoded.into()).await?;
        Ok(file)
    }
}

/// SHA-256 as 64 lower-case hex digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
