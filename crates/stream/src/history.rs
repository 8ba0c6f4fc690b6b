//! What has happened so far? A pure function of the commit log.

use std::collections::BTreeMap;

use tidegate_algebra::{Closed, Fingerprint};
use tidegate_ledger::Record;

use crate::commit::{Commit, EpochCommit, ReleaseCommit, ReleaseEntry, StateFile};
use crate::revision::Restatement;

/// Everything the log says, in the form in which decisions need it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Per stream, how far its event time has come.
    pub streams: BTreeMap<String, StreamHistory>,
    /// Per signal and plan, what was read and which state it has.
    pub signals: BTreeMap<(String, Fingerprint), SignalHistory>,
    /// Per signal and day, the newest release.
    pub released: BTreeMap<(String, Option<i32>), ReleaseEntry>,
}

/// How far a stream has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamHistory {
    /// The greatest event time seen.
    pub latest_us: Option<i64>,
    /// How far its windows are closed.
    pub closed: Closed,
}

/// What one plan of a signal has read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SignalHistory {
    /// Per file, how much of it was read.
    pub consumed: BTreeMap<String, Consumed>,
    /// Its state files, with the record that committed each.
    pub states: Vec<(u64, StateFile)>,
    /// Per day, the releases that came after the first.
    pub(crate) restatements: BTreeMap<i32, Vec<Restatement>>,
}

impl SignalHistory {
    /// The state that was committed after a record.
    pub(crate) fn states_after(&self, record: u64) -> impl Iterator<Item = &StateFile> {
        self.states.iter().filter(move |(committed, _)| *committed > record).map(|(_, state)| state)
    }

    /// The last record that committed state.
    pub(crate) fn last_record(&self) -> u64 {
        self.states.last().map_or(0, |(record, _)| *record)
    }

    /// What releasing anew the day of `before` restates.
    pub(crate) fn restatement(&self, before: &ReleaseEntry) -> Restatement {
        let covered = self.states_after(before.through_record).flat_map(|state| state.covered.iter().copied());
        Restatement::of(before.closed, covered)
    }
}

/// How much of a file was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Consumed {
    /// The row to read next.
    pub rows: u64,
    /// Nothing is left.
    pub end: bool,
    /// The file's size when it was read.
    pub size: u64,
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
        }
    }

    fn add_epoch(&mut self, seq: u64, epoch: &EpochCommit) {
        let stream = self.streams.entry(epoch.stream.clone()).or_default();
        stream.latest_us = epoch.latest_us.max(stream.latest_us);
        stream.closed.watermark_us = epoch.watermark_us.max(stream.closed.watermark_us);
        for (name, signal) in &epoch.signals {
            let history = self.signals.entry((name.clone(), signal.fingerprint.clone())).or_default();
            for file in &epoch.files {
                let consumed = Consumed { rows: file.to_row, end: file.end, size: file.size };
                history.consumed.insert(file.id.clone(), consumed);
            }
            history.states.extend(signal.state.clone().map(|state| (seq, state)));
        }
    }

    fn add_release(&mut self, release: &ReleaseCommit) {
        for (stream, &latest_us) in &release.sealed {
            let stream = self.streams.entry(stream.clone()).or_default();
            stream.closed.sealed_us = Some(latest_us).max(stream.closed.sealed_us);
        }
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
