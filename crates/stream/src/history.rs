//! What has happened so far? A pure function of the commit log.

use std::collections::BTreeMap;

use tidegate_algebra::{Closed, Fingerprint};
use tidegate_ledger::Record;

use serde::{Deserialize, Serialize};
use tidegate_source::Columns;

use crate::columns::{ColumnChange, changes};
use crate::commit::{
    Commit, CompactCommit, EpochCommit, FirstEpoch, KeyFile, QuarantineFile, ReleaseCommit, ReleaseEntry, ReplayCommit,
    SettledCommit, SignalEpoch, StateFile,
};
use crate::quality::EpochQuality;
use crate::revision::Restatement;

/// Everything the log says, in the form in which decisions need it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Per stream, how far its event time has come.
    pub streams: BTreeMap<String, StreamHistory>,
    /// Per signal and plan, what was read and which state it has.
    pub signals: BTreeMap<(String, Fingerprint), SignalHistory>,
    /// How many runs committed something.
    pub generation: u64,
    /// Per signal and day, the newest release.
    pub released: BTreeMap<(String, Option<i32>), ReleaseEntry>,
    /// Per signal over released ones, the digest of what it was last computed from.
    pub derived: BTreeMap<String, String>,
    /// What happened to columns of streams, in the order in which it was read.
    pub column_changes: Vec<ColumnChange>,
    /// How good the rows of each epoch were.
    pub quality: Vec<EpochQuality>,
}

/// How far a stream has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamHistory {
    /// The greatest event time seen.
    pub latest_us: Option<i64>,
    /// How far its windows are closed.
    pub closed: Closed,
    /// Per split, how far it has come.
    pub splits: BTreeMap<String, SplitHistory>,
    /// What was read of its files.
    pub files: BTreeMap<String, FileHistory>,
    /// Files of keys by which rows that are delivered again are known.
    pub keys: Vec<KeyFile>,
    /// What was set aside, in order of the records.
    pub quarantine: Vec<SetAsideFile>,
    /// Per split, the columns of its newest file.
    pub columns: BTreeMap<String, Columns>,
}

/// A quarantine file, and what was taken out of it since.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetAsideFile {
    /// Where it lies under the root.
    pub path: String,
    /// How many rows it has, by reason.
    pub rows: BTreeMap<String, u64>,
    /// The signals that took part, and their plans.
    pub(crate) signals: BTreeMap<String, Fingerprint>,
    /// Its rows that were replayed, as ranges.
    pub(crate) taken: Vec<(u64, u64)>,
}

impl SetAsideFile {
    /// True when its row at `index` was replayed.
    pub fn is_taken(&self, index: u64) -> bool {
        self.taken.iter().any(|&(from, to)| (from..to).contains(&index))
    }
}

/// How far one producer of a stream has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitHistory {
    /// The greatest event time it delivered.
    pub latest_us: i64,
    /// When it last delivered, by the machine's clock, in microseconds since 1970.
    pub delivered_at_us: i64,
}

/// What a stream has read of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileHistory {
    /// Its size in bytes.
    pub size: u64,
    /// Nothing is left.
    pub end: bool,
    /// The parts in which it was read, in order.
    pub reads: Vec<FirstRead>,
}

impl FileHistory {
    /// How many rows were read.
    pub(crate) fn rows(&self) -> u64 {
        self.reads.last().map_or(0, |read| read.to_row)
    }
}

impl StreamHistory {
    fn add_quarantine(&mut self, file: Option<&QuarantineFile>, signals: &BTreeMap<String, SignalEpoch>) {
        let plans = signals.iter().map(|(name, signal)| (name.clone(), signal.fingerprint.clone()));
        self.quarantine.extend(file.map(|file| SetAsideFile {
            path: file.path.clone(),
            rows: file.rows.clone(),
            signals: plans.collect(),
            taken: Vec::new(),
        }));
    }

    fn add_replay(&mut self, replay: &ReplayCommit) {
        for taken in &replay.taken {
            let file = self.quarantine.iter_mut().find(|file| file.path == taken.path);
            if let Some(file) = file {
                file.taken.extend(&taken.rows);
            }
        }
        self.latest_us = replay.latest_us.max(self.latest_us);
        self.keys.extend(replay.keys.clone());
        self.add_quarantine(replay.quarantine.as_ref(), &replay.signals);
    }

    fn add_first_read(&mut self, epoch: &EpochCommit, first: &FirstEpoch) {
        let watermark_us = self.closed.watermark_us;
        for file in &epoch.files {
            let history = self.files.entry(file.id.clone()).or_default();
            history.size = file.size;
            history.end = file.end;
            let (from_row, to_row) = (file.from_row, file.to_row);
            if to_row > from_row {
                let duplicates = first.duplicates.clone();
                history.reads.push(FirstRead { from_row, to_row, watermark_us, duplicates });
            }
        }
        for (split, &latest_us) in &first.splits {
            let delivered_at_us = epoch.committed_at_us;
            let history = self.splits.entry(split.clone()).or_insert(SplitHistory { latest_us, delivered_at_us });
            history.latest_us = history.latest_us.max(latest_us);
            history.delivered_at_us = delivered_at_us;
        }
        self.latest_us = first.splits.values().copied().max().max(self.latest_us);
        self.closed.watermark_us = first.watermark_us.max(self.closed.watermark_us);
        self.keys.extend(first.keys.clone());
    }
}

/// Rows that a stream read together for the first time, and how they were judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstRead {
    /// The first row.
    pub from_row: u64,
    /// The row after the last.
    pub to_row: u64,
    /// The watermark before them: rows behind it may be late.
    pub watermark_us: Option<i64>,
    /// Which of them had been delivered before.
    pub duplicates: Option<String>,
}

/// What one plan of a signal has read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignalHistory {
    /// Per stream and file, how much of it was read.
    pub consumed: BTreeMap<String, BTreeMap<String, Consumed>>,
    /// Its state files.
    pub states: Vec<StateFile>,
    /// Rows that wait for those of another stream, and totals of units that wait to be noised.
    pub waiting: Vec<WaitingRows>,
    /// How far rows of two streams have met.
    pub joined: Closed,
    /// How far windows were noised.
    pub noised: Closed,
    /// What each record added to its state: that stays known when files are merged.
    pub(crate) touches: Vec<(u64, Touch)>,
    /// Per day, the releases that came after the first.
    pub(crate) restatements: BTreeMap<i32, Vec<Restatement>>,
}

impl SignalHistory {
    /// How many rows of a file it has read.
    pub(crate) fn rows_of(&self, stream: &str, file: &str) -> u64 {
        self.consumed.get(stream).and_then(|files| files.get(file)).map_or(0, |consumed| consumed.rows)
    }

    /// True when the stream has read rows that this signal has not.
    pub(crate) fn is_behind(&self, name: &str, stream: &StreamHistory) -> bool {
        stream.files.iter().any(|(id, file)| self.rows_of(name, id) < file.rows())
    }

    fn add_signal(&mut self, record: u64, stream: &str, signal: &SignalEpoch) {
        self.add_state(record, signal.state.as_ref());
        let waiting = signal.waiting.iter();
        self.waiting.extend(waiting.map(|file| WaitingRows { stream: stream.to_owned(), file: file.clone() }));
    }

    fn add_state(&mut self, record: u64, state: Option<&StateFile>) {
        if let Some(state) = state {
            self.touches.push((record, Touch { days: state.days.clone(), covered: state.covered.clone() }));
            self.states.push(state.clone());
        }
    }

    /// What was added to the state after a record.
    pub(crate) fn touched_after(&self, record: u64) -> impl Iterator<Item = &Touch> {
        self.touches.iter().filter(move |(committed, _)| *committed > record).map(|(_, touch)| touch)
    }

    /// The last record that added to the state.
    pub(crate) fn last_record(&self) -> u64 {
        self.touches.last().map_or(0, |(record, _)| *record)
    }

    /// What releasing anew the day of `before` restates.
    pub(crate) fn restatement(&self, before: &ReleaseEntry) -> Restatement {
        let covered = self.touched_after(before.through_record).flat_map(|touch| touch.covered.iter().copied());
        Restatement::of(before.closed, covered)
    }
}

/// What waits of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRows {
    /// Whose they are; empty where rows of two streams have met.
    pub stream: String,
    /// Where they lie; it covers their event times.
    pub file: StateFile,
}

/// Which windows an epoch added to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Touch {
    /// The days under which they are filed.
    pub(crate) days: Vec<i32>,
    /// The time that their panes cover, start and end.
    pub(crate) covered: Vec<(i64, i64)>,
}

/// How much of a file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumed {
    /// The row to read next.
    pub rows: u64,
}

impl History {
    /// Reads the whole log.
    pub fn of(records: &[Record<Commit>]) -> Self {
        let mut history = Self::default();
        for record in records {
            history.add(record.seq, &record.body);
        }
        history
    }

    /// Adds the record numbered `seq`.
    pub fn add(&mut self, seq: u64, commit: &Commit) {
        match commit {
            Commit::Epoch(epoch) => self.add_epoch(seq, epoch),
            Commit::Release(release) => self.add_release(release),
            Commit::Compact(compact) => self.add_compact(compact),
            Commit::Replay(replay) => self.add_replay(seq, replay),
            Commit::Join(settled) => self.add_join(seq, settled),
            Commit::Noise(settled) => self.add_noise(seq, settled),
        }
        self.generation = self.generation.max(commit.generation());
    }

    fn add_epoch(&mut self, seq: u64, epoch: &EpochCommit) {
        let stream = self.streams.entry(epoch.stream.clone()).or_default();
        if let Some(first) = &epoch.first {
            stream.add_first_read(epoch, first);
            if !first.quality.is_empty() {
                self.quality.push(EpochQuality {
                    record: seq,
                    checked_at_us: epoch.committed_at_us,
                    stream: epoch.stream.clone(),
                    outcomes: first.quality.clone(),
                });
            }
            for new in &first.columns {
                self.column_changes.extend(changes(&epoch.stream, &stream.columns, new));
                stream.columns.insert(new.split.clone(), new.columns.clone());
            }
        }
        stream.add_quarantine(epoch.quarantine.as_ref(), &epoch.signals);
        for (name, signal) in &epoch.signals {
            let history = self.signals.entry((name.clone(), signal.fingerprint.clone())).or_default();
            let consumed = history.consumed.entry(epoch.stream.clone()).or_default();
            for file in &epoch.files {
                consumed.insert(file.id.clone(), Consumed { rows: file.to_row });
            }
            history.add_signal(seq, &epoch.stream, signal);
        }
    }

    fn add_compact(&mut self, compact: &CompactCommit) {
        let signal = self.signals.entry((compact.signal.clone(), compact.fingerprint.clone())).or_default();
        signal.states.retain(|file| !compact.replaced.contains(&file.path));
        signal.states.push(compact.state.clone());
    }

    /// A replay adds state, and leaves alone how far its signals have read.
    fn add_replay(&mut self, seq: u64, replay: &ReplayCommit) {
        self.streams.entry(replay.stream.clone()).or_default().add_replay(replay);
        for (name, signal) in &replay.signals {
            let history = self.signals.entry((name.clone(), signal.fingerprint.clone())).or_default();
            history.add_signal(seq, &replay.stream, signal);
        }
    }

    fn add_join(&mut self, seq: u64, settled: &SettledCommit) {
        self.add_settled(seq, settled).joined = settled.closed;
    }

    fn add_noise(&mut self, seq: u64, settled: &SettledCommit) {
        self.add_settled(seq, settled).noised = settled.closed;
    }

    fn add_settled(&mut self, seq: u64, settled: &SettledCommit) -> &mut SignalHistory {
        let signal = self.signals.entry((settled.signal.clone(), settled.fingerprint.clone())).or_default();
        signal.waiting.retain(|waiting| !settled.expired.contains(&waiting.file.path));
        // It waits of no stream alone.
        let met = settled.waiting.iter().map(|file| WaitingRows { stream: String::new(), file: file.clone() });
        signal.waiting.extend(met);
        signal.add_state(seq, settled.state.as_ref());
        signal
    }

    fn add_release(&mut self, release: &ReleaseCommit) {
        for (stream, &latest_us) in &release.sealed {
            let stream = self.streams.entry(stream.clone()).or_default();
            stream.closed.sealed_us = Some(latest_us).max(stream.closed.sealed_us);
        }
        self.derived.extend(release.derived.clone());
        self.released.retain(|_, entry| !release.removed.contains(&entry.path));
        for entry in &release.releases {
            let before = self.released.insert((entry.signal.clone(), entry.day), entry.clone());
            let signal = self.signals.get_mut(&(entry.signal.clone(), entry.fingerprint.clone()));
            if let (Some(before), Some(signal), Some(day)) = (before, signal, entry.day)
                && before.fingerprint == entry.fingerprint
            {
                let restatement = signal.restatement(&before);
                signal.restatements.entry(day).or_default().push(restatement);
            }
        }
    }
}
