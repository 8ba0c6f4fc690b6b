//! What did a run do? Counts for the operator; never a value.

use std::collections::BTreeMap;

use tidegate_source::Rejection;

use crate::accounting::{RowAccount, StreamAccount};
use crate::commit::EpochCommit;
use crate::publish::Due;

/// What a run did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Epochs committed.
    pub epochs: u64,
    /// Per stream.
    pub streams: BTreeMap<String, StreamSummary>,
    /// Per signal.
    pub signals: BTreeMap<String, SignalSummary>,
}

/// What a run read from a stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StreamSummary {
    /// Files read to their end.
    pub files: u64,
    /// Rows read, counted once for all signals that shared the read.
    pub rows: u64,
    /// What became of those that were read for the first time; the others were read again.
    pub account: StreamAccount,
    /// Rows behind the watermark, whether or not their windows still took them.
    pub rows_behind: u64,
    /// Files given up.
    pub files_rejected: u64,
    /// The first few rejections, for the operator to look at.
    pub examples: Vec<Rejection>,
    /// Rows and files in quarantine, by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Where the quarantine files of this run lie.
    pub quarantine: Vec<String>,
    /// The watermark after the run.
    pub watermark_us: Option<i64>,
}

/// What a run did for a signal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SignalSummary {
    /// What became of the rows.
    pub rows: RowAccount,
    /// Days released or restated.
    pub days: u64,
    /// Rows in those days.
    pub rows_released: u64,
    /// Groups below the threshold in those days.
    pub withheld: u64,
    /// Verdicts that turned, each of which has an event.
    pub turned: u64,
    /// Paths published.
    pub paths: Vec<String>,
    /// Paths taken back because an earlier definition had made them.
    pub removed: Vec<String>,
}

impl Summary {
    /// Adds an epoch of `rows` rows that read `files` files to their end; of what was rejected it keeps `examples`.
    pub(crate) fn add_epoch(
        &mut self,
        epoch: &EpochCommit,
        rows: u64,
        files: u64,
        rejected: Vec<Rejection>,
        examples: usize,
    ) {
        self.epochs += 1;
        let stream = self.streams.entry(epoch.stream.clone()).or_default();
        stream.files += files;
        stream.rows += rows;
        if let Some(first) = &epoch.first {
            stream.account += first.rows;
            stream.rows_behind += first.rows_behind;
            stream.files_rejected += first.files_rejected;
            stream.watermark_us = first.watermark_us.max(stream.watermark_us);
            let room = examples.saturating_sub(stream.examples.len());
            stream.examples.extend(rejected.into_iter().take(room));
        }
        if let Some(file) = &epoch.quarantine {
            stream.quarantine.push(file.path.clone());
            for (reason, rows) in &file.rows {
                *stream.reasons.entry(reason.clone()).or_default() += rows;
            }
        }
        for (name, signal) in &epoch.signals {
            self.signals.entry(name.clone()).or_default().rows += signal.rows;
        }
    }

    /// Adds what was released of a signal.
    pub(crate) fn add_release(&mut self, signal: &str, due: &Due) {
        let total = self.signals.entry(signal.to_owned()).or_default();
        total.days = due.entries.len() as u64;
        total.rows_released = due.entries.iter().map(|entry| entry.rows).sum();
        total.withheld = due.withheld;
        total.turned = due.turned;
        total.paths = due.entries.iter().filter(|entry| entry.rows > 0).map(|entry| entry.path.clone()).collect();
        total.removed.clone_from(&due.removed);
    }

    /// True when the run found nothing to do.
    pub fn is_idle(&self) -> bool {
        self.epochs == 0 && self.signals.values().all(|signal| signal.days == 0 && signal.removed.is_empty())
    }
}

/// How far a run has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// A stream's work was planned.
    Planned {
        /// The stream.
        stream: String,
        /// Files to read.
        files: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// An epoch was committed.
    Committed {
        /// The stream.
        stream: String,
        /// Files read to their end.
        files: u64,
        /// Their bytes.
        bytes: u64,
        /// Rows read.
        rows: u64,
    },
    /// A signal is being released.
    Releasing {
        /// The signal.
        signal: String,
    },
}
