//! What did a run do? Counts for the operator; never a value.

use std::collections::BTreeMap;

use tidegate_source::Rejection;

use crate::RowAccount;

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
    /// Rows in quarantine.
    pub rows_rejected: u64,
    /// Files given up.
    pub files_rejected: u64,
    /// The first few rejections, for the operator to look at.
    pub examples: Vec<Rejection>,
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
    /// Paths published.
    pub paths: Vec<String>,
    /// Paths taken back because an earlier definition had made them.
    pub removed: Vec<String>,
}

impl Summary {
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
