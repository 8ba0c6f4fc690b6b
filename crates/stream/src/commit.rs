//! What does the commit log say? One record per epoch, and one per set of releases.
//!
//! A record is the whole truth about its epoch: positions, watermark, state files, row accounting.
//! Whatever no record names does not exist.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidegate_algebra::{Closed, Fingerprint};
use tidegate_source::Columns;

use crate::accounting::{RowAccount, StreamAccount};
use crate::quality::RuleOutcome;

/// One record of the commit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Commit {
    /// Rows were read and folded into state.
    Epoch(EpochCommit),
    /// Days were released.
    Release(ReleaseCommit),
    /// State files were merged into one.
    Compact(CompactCommit),
    /// Rows that had been set aside were taken in after all.
    Replay(ReplayCommit),
    /// Rows of two streams met.
    Join(SettledCommit),
    /// Windows were noised.
    Noise(SettledCommit),
}

impl Commit {
    /// The run that made it, counted among those that committed something.
    pub fn generation(&self) -> u64 {
        match self {
            Self::Epoch(epoch) => epoch.generation,
            Self::Release(release) => release.generation,
            Self::Compact(compact) => compact.generation,
            Self::Replay(replay) => replay.generation,
            Self::Join(settled) | Self::Noise(settled) => settled.generation,
        }
    }
}

/// One micro-batch of one stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochCommit {
    /// The run that made it.
    pub run_id: String,
    /// When, by the machine's clock, in microseconds since 1970.
    pub committed_at_us: i64,
    /// The stream that was read.
    pub stream: String,
    /// Counts the runs that committed something, this one included: a process that sees a greater one was overtaken.
    pub generation: u64,
    /// Which rows of which files.
    pub files: Vec<FilePosition>,
    /// What the stream learned; none when signals caught up on rows that it had read before.
    pub first: Option<FirstEpoch>,
    /// Rows and files set aside.
    pub quarantine: Option<QuarantineFile>,
    /// What each signal made of the rows.
    pub signals: BTreeMap<String, SignalEpoch>,
}

/// What a stream learned from rows that it read for the first time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FirstEpoch {
    /// The greatest event time per split.
    pub splits: BTreeMap<String, i64>,
    /// No earlier event is expected. Moves when a listing is read whole: files of one listing come in any order.
    pub watermark_us: Option<i64>,
    /// Rows behind the watermark as it stood before them, whether or not a window still took them.
    pub rows_behind: u64,
    /// What became of the rows before any signal saw them.
    pub rows: StreamAccount,
    /// Files given up, wholly or from some row on.
    pub files_rejected: u64,
    /// Which rows had been delivered before.
    pub duplicates: Option<String>,
    /// The keys of rows that are new.
    pub keys: Option<KeyFile>,
    /// Splits whose files have other columns than they had before, in the order of those files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<SplitColumns>,
    /// How good the rows were, by the rules of the stream's contract.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quality: Vec<RuleOutcome>,
}

/// The columns of a split from one file on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitColumns {
    /// The split; empty where a stream has none.
    pub split: String,
    /// When the file was written, in microseconds since 1970.
    pub written_at_us: i64,
    /// Names of columns and types; null where no file has said.
    pub columns: Columns,
}

/// A file of keys by which rows that are delivered again are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFile {
    /// Where it lies under the root.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// How many keys it has.
    pub keys: u64,
    /// The greatest event time of their rows.
    pub latest_us: i64,
}

/// A file of rows that were set aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineFile {
    /// Where it lies under the root.
    pub path: String,
    /// How many rows it has, by reason.
    pub rows: BTreeMap<String, u64>,
}

/// Rows of one stream that were taken in after they had been set aside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayCommit {
    /// The run that made it.
    pub run_id: String,
    /// As in [`EpochCommit::generation`].
    pub generation: u64,
    /// When, by the machine's clock, in microseconds since 1970.
    pub committed_at_us: i64,
    /// The stream they are from.
    pub stream: String,
    /// Which rows of which quarantine files were taken: they are not taken again.
    pub taken: Vec<TakenRows>,
    /// What became of those that had been rejected, judged anew.
    pub rows: StreamAccount,
    /// The greatest event time among those of them that were delivered. It moves no watermark.
    pub latest_us: Option<i64>,
    /// The keys of rows that are new.
    pub keys: Option<KeyFile>,
    /// Rows that are late now that they are no longer rejected.
    pub quarantine: Option<QuarantineFile>,
    /// What each signal made of the rows it got.
    pub signals: BTreeMap<String, SignalEpoch>,
}

/// Rows of a quarantine file that were taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenRows {
    /// The quarantine file.
    pub path: String,
    /// Its rows, from 0, as ranges: start and end.
    pub rows: Vec<(u64, u64)>,
}

/// Rows `from_row..to_row` of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePosition {
    /// The file, relative to its stream's path.
    pub id: String,
    /// Its size in bytes when it was read: files are append-only as a set, never changed.
    pub size: u64,
    /// The first row read.
    pub from_row: u64,
    /// The row after the last one read.
    pub to_row: u64,
    /// Nothing is left to read.
    pub end: bool,
}

/// What one signal made of an epoch's rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SignalEpoch {
    /// The plan that made the state.
    pub fingerprint: Fingerprint,
    /// What became of the rows.
    pub rows: RowAccount,
    /// The state, unless it is empty.
    pub state: Option<StateFile>,
    /// What waits: rows, for those of another stream; totals of units, to be noised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<StateFile>,
}

/// What waited and does no longer: rows of two streams that met, or windows that were noised. It stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettledCommit {
    /// The run that made it.
    pub run_id: String,
    /// As in [`EpochCommit::generation`].
    pub generation: u64,
    /// When, by the machine's clock, in microseconds since 1970.
    pub committed_at_us: i64,
    /// The signal.
    pub signal: String,
    /// The plan that made the state.
    pub fingerprint: Fingerprint,
    /// How far it has come: leading rows before the watermark have met their partners, closed windows were noised.
    pub closed: Closed,
    /// What became of the rows.
    pub rows: JoinedRows,
    /// The state that came of it, unless it is empty.
    pub state: Option<StateFile>,
    /// Totals of units that came of it and wait to be noised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<StateFile>,
    /// Files of what waited that nothing needs any more.
    pub expired: Vec<String>,
}

/// What became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinedRows {
    /// Rows of the leading stream of a join. Each meets its partners once.
    pub leading: u64,
    /// Rows that came of them and passed the query's filters; groups that were noised and may be shown.
    pub aggregated: u64,
}

/// One immutable state file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateFile {
    /// Where it lies under the root.
    pub path: String,
    /// How often its rows were merged: 0 as an epoch writes it.
    pub level: u32,
    /// Its size.
    pub bytes: u64,
    /// State rows in it.
    pub rows: u64,
    /// Its sections, one after the other.
    pub sections: Vec<Section>,
    /// Days under which its windows are filed, counted from 1970-01-01; empty for a signal without windows.
    pub days: Vec<i32>,
    /// The time that its panes cover, start and end.
    pub covered: Vec<(i64, i64)>,
}

/// One part of a state file: all groups whose keys hash into its range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Its size.
    pub bytes: u64,
    /// The first 16 bytes of the SHA-256 of its stream.
    pub sha256: String,
}

/// Days that were released together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReleaseCommit {
    /// The run that made it.
    pub run_id: String,
    /// As in [`EpochCommit::generation`].
    pub generation: u64,
    /// When, by the machine's clock, in microseconds since 1970.
    pub committed_at_us: i64,
    /// Streams whose input was declared ended, with the greatest event time at that moment.
    pub sealed: BTreeMap<String, i64>,
    /// What was released.
    pub releases: Vec<ReleaseEntry>,
    /// Per signal, the groups below its threshold in the days that were released. For the operator only.
    pub withheld: BTreeMap<String, u64>,
    /// Files that are no longer released.
    pub removed: Vec<String>,
    /// Per signal that was computed from released ones, the digest of what it was computed from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub derived: BTreeMap<String, String>,
}

/// State files of one signal that became one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CompactCommit {
    /// The run that made it.
    pub run_id: String,
    /// As in [`EpochCommit::generation`].
    pub generation: u64,
    /// When, by the machine's clock, in microseconds since 1970.
    pub committed_at_us: i64,
    /// The signal.
    pub signal: String,
    /// The plan that made the state.
    pub fingerprint: Fingerprint,
    /// The paths of the files that were merged.
    pub replaced: Vec<String>,
    /// The file that stands for them.
    pub state: StateFile,
}

/// One released day of one signal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseEntry {
    /// The signal.
    pub signal: String,
    /// The day, counted from 1970-01-01; none for a signal without windows.
    pub day: Option<i32>,
    /// The name of these rows: equal rows have equal ids.
    pub release_id: String,
    /// The definition's version.
    pub version: String,
    /// The definition's hash.
    pub code_hash: String,
    /// The plan that made the state.
    pub fingerprint: Fingerprint,
    /// The last log record whose state is in it.
    pub through_record: u64,
    /// How far windows were closed: those are in it.
    pub closed: Closed,
    /// The first watermark at which the day changes by itself: an open window closes, or a shown one settles.
    pub pending_us: Option<i64>,
    /// Released rows; none means that no file exists.
    pub rows: u64,
    /// The file's size.
    pub bytes: u64,
    /// SHA-256 of the file's bytes.
    pub sha256: String,
    /// Where its bytes wait until they are published.
    pub staged: String,
    /// Where it is published.
    pub path: String,
}
