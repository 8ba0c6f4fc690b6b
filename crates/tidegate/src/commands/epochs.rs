//! `tidegate epochs`: what does the log say, record by record?

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::process::ExitCode;

use serde::Serialize;
use tidegate_ledger::Record;
use tidegate_stream::{
    Commit, CompactCommit, EpochCommit, QuarantineFile, ReleaseCommit, ReplayCommit, RowAccount, SettledCommit,
    SignalEpoch, StateFile, StreamAccount,
};

use crate::cli::{self, Place};
use crate::failure::{Failure, Result};
use crate::instants;
use crate::log::Log;
use crate::output::print;
use crate::words::{counted, signal_account, stream_account};

pub(crate) async fn run(place: &Place, options: &cli::Epochs) -> Result<ExitCode> {
    let records = Log::read(place).await?.records;
    let totals = Totals::of(&records);
    let from = records.len().saturating_sub(options.last.unwrap_or(usize::MAX));
    let shown = &records[from..];
    print(&if options.json { to_json(shown, &totals)? } else { describe(shown, &totals) })?;
    Ok(ExitCode::SUCCESS)
}

/// What all records together say.
#[derive(Debug, Default, Serialize)]
struct Totals {
    records: u64,
    epochs: u64,
    releases: u64,
    merges: u64,
    joins: u64,
    noises: u64,
    replays: u64,
    streams: BTreeMap<String, StreamTotals>,
    signals: BTreeMap<String, SignalTotals>,
    /// Per release record, the days that had been released before.
    #[serde(skip)]
    restated: BTreeMap<u64, u64>,
}

#[derive(Debug, Default, Serialize)]
struct StreamTotals {
    files: u64,
    rows: StreamAccount,
    rows_behind: u64,
    watermark_us: Option<i64>,
    quarantine: BTreeMap<String, u64>,
    replayed: u64,
}

#[derive(Debug, Default, Serialize)]
struct SignalTotals {
    rows: RowAccount,
    state_files: u64,
    state_bytes: u64,
    /// Bytes by path.
    #[serde(skip)]
    state: BTreeMap<String, u64>,
    days_released: u64,
    days_restated: u64,
}

impl Totals {
    fn of(records: &[Record<Commit>]) -> Self {
        let mut totals = Self { records: records.len() as u64, ..Self::default() };
        let mut released = BTreeSet::new();
        for record in records {
            match &record.body {
                Commit::Epoch(epoch) => totals.add_epoch(epoch),
                Commit::Release(release) => totals.add_release(record.seq, release, &mut released),
                Commit::Compact(compact) => totals.add_compact(compact),
                Commit::Replay(replay) => totals.add_replay(replay),
                Commit::Join(settled) => {
                    totals.joins += 1;
                    totals.add_settled(settled);
                }
                Commit::Noise(settled) => {
                    totals.noises += 1;
                    totals.add_settled(settled);
                }
            }
        }
        totals
    }

    fn add_epoch(&mut self, epoch: &EpochCommit) {
        self.epochs += 1;
        let stream = self.streams.entry(epoch.stream.clone()).or_default();
        if let Some(first) = &epoch.first {
            stream.files += epoch.files.iter().filter(|file| file.end).count() as u64;
            stream.rows += first.rows;
            stream.rows_behind += first.rows_behind;
            stream.watermark_us = first.watermark_us.max(stream.watermark_us);
        }
        stream.add_quarantine(epoch.quarantine.as_ref());
        self.add_signals(&epoch.signals);
    }

    fn add_compact(&mut self, compact: &CompactCommit) {
        self.merges += 1;
        let signal = self.signals.entry(compact.signal.clone()).or_default();
        for path in &compact.replaced {
            signal.remove_state(path);
        }
        signal.add_state(&compact.state);
    }

    /// Rows that are replayed were read before: a stream counts them once, each signal as often as it got them.
    fn add_replay(&mut self, replay: &ReplayCommit) {
        self.replays += 1;
        let stream = self.streams.entry(replay.stream.clone()).or_default();
        stream.replayed += taken(replay);
        stream.add_quarantine(replay.quarantine.as_ref());
        self.add_signals(&replay.signals);
    }

    fn add_settled(&mut self, settled: &SettledCommit) {
        let signal = self.signals.entry(settled.signal.clone()).or_default();
        for path in &settled.expired {
            signal.remove_state(path);
        }
        for state in settled.state.iter().chain(&settled.waiting) {
            signal.add_state(state);
        }
    }

    fn add_signals(&mut self, signals: &BTreeMap<String, SignalEpoch>) {
        for (name, signal) in signals {
            let total = self.signals.entry(name.clone()).or_default();
            total.rows += signal.rows;
            for state in signal.state.iter().chain(&signal.waiting) {
                total.add_state(state);
            }
        }
    }

    fn add_release(
        &mut self,
        record: u64,
        release: &ReleaseCommit,
        released: &mut BTreeSet<(String, Option<i32>, String)>,
    ) {
        self.releases += 1;
        for entry in &release.releases {
            let day = (entry.signal.clone(), entry.day, entry.fingerprint.to_string());
            let restated = u64::from(!released.insert(day));
            *self.restated.entry(record).or_default() += restated;
            let signal = self.signals.entry(entry.signal.clone()).or_default();
            signal.days_released += 1;
            signal.days_restated += restated;
        }
    }
}

impl SignalTotals {
    fn add_state(&mut self, file: &StateFile) {
        self.state_files += 1;
        self.state_bytes += file.bytes;
        self.state.insert(file.path.clone(), file.bytes);
    }

    fn remove_state(&mut self, path: &str) {
        if let Some(bytes) = self.state.remove(path) {
            self.state_files -= 1;
            self.state_bytes -= bytes;
        }
    }
}

impl StreamTotals {
    fn add_quarantine(&mut self, file: Option<&QuarantineFile>) {
        for (reason, rows) in file.iter().flat_map(|file| &file.rows) {
            *self.quarantine.entry(reason.clone()).or_default() += rows;
        }
    }
}

fn describe(records: &[Record<Commit>], totals: &Totals) -> String {
    if totals.records == 0 {
        return "no epochs yet\n".to_owned();
    }
    let mut text = String::new();
    let mut line = |part: String| {
        let _ = writeln!(text, "{part}");
    };
    for record in records {
        let parts = match &record.body {
            Commit::Epoch(epoch) => describe_epoch(epoch),
            Commit::Release(release) => {
                describe_release(release, totals.restated.get(&record.seq).copied().unwrap_or_default())
            }
            Commit::Compact(compact) => describe_compact(compact),
            Commit::Replay(replay) => describe_replay(replay),
            Commit::Join(settled) => describe_join(settled),
            Commit::Noise(settled) => describe_noise(settled),
        };
        line(format!("{} {}", record.seq, parts.join("; ")));
    }
    let (epochs, releases) = (counted(totals.epochs, "epoch"), counted(totals.releases, "release"));
    let (replays, merges) = (counted(totals.replays, "replay"), counted(totals.merges, "merge"));
    let named = |count, what| if count > 0 { format!(" + {}", counted(count, what)) } else { String::new() };
    let settled = named(totals.joins, "join") + &named(totals.noises, "noise record");
    line(format!(
        "total: {} = {epochs} + {releases} + {replays} + {merges}{settled}",
        counted(totals.records, "record")
    ));
    for (name, stream) in &totals.streams {
        let mut parts = vec![
            format!("{name}: {}", counted(stream.files, "file")),
            stream_account(&stream.rows),
            format!("{} behind the watermark", stream.rows_behind),
        ];
        parts.extend(watermark(stream.watermark_us));
        parts.extend(quarantine(&stream.quarantine));
        parts.extend((stream.replayed > 0).then(|| format!("{} replayed", stream.replayed)));
        line(format!("  {}", parts.join("; ")));
    }
    for (name, signal) in &totals.signals {
        let days = counted(signal.days_released, "day");
        line(format!(
            "  {name}: {}; {}; released {days}, {} restated",
            signal_account(&signal.rows),
            state(signal.state_files, signal.state_bytes),
            signal.days_restated
        ));
    }
    text
}

fn describe_compact(compact: &CompactCommit) -> Vec<String> {
    vec![
        head("merge", &compact.run_id, compact.generation, compact.committed_at_us),
        format!("{}: {} became one", compact.signal, counted(compact.replaced.len() as u64, "state file")),
        state(1, compact.state.bytes),
    ]
}

fn describe_join(join: &SettledCommit) -> Vec<String> {
    let (leading, aggregated) = (counted(join.rows.leading, "row"), counted(join.rows.aggregated, "row"));
    describe_settled("join", join, format!("{}: {leading} met, {aggregated} of it aggregated", join.signal))
}

fn describe_noise(noise: &SettledCommit) -> Vec<String> {
    describe_settled(
        "noise",
        noise,
        format!("{}: {} shown", noise.signal, counted(noise.rows.aggregated, "noised group")),
    )
}

fn describe_settled(kind: &str, settled: &SettledCommit, what: String) -> Vec<String> {
    let mut parts = vec![head(kind, &settled.run_id, settled.generation, settled.committed_at_us), what];
    parts.extend(watermark(settled.closed.watermark_us));
    let states = settled.state.iter().chain(&settled.waiting);
    let (files, bytes) = states.fold((0, 0), |(files, bytes), state| (files + 1, bytes + state.bytes));
    parts.push(state(files, bytes));
    parts
}

fn describe_epoch(epoch: &EpochCommit) -> Vec<String> {
    let mut parts = vec![
        head("epoch", &epoch.run_id, epoch.generation, epoch.committed_at_us),
        format!("{}: {}", epoch.stream, counted(epoch.files.len() as u64, "file")),
    ];
    match &epoch.first {
        Some(first) => {
            parts.push(stream_account(&first.rows));
            parts.push(format!("{} behind the watermark", first.rows_behind));
            parts.extend(watermark(first.watermark_us));
        }
        None => parts.push("read again".to_owned()),
    }
    parts.extend(describe_signals(&epoch.signals));
    parts.extend(epoch.quarantine.as_ref().and_then(|file| quarantine(&file.rows)));
    parts
}

fn describe_replay(replay: &ReplayCommit) -> Vec<String> {
    let rows = counted(taken(replay), "row");
    let files = counted(replay.taken.len() as u64, "file");
    let mut parts = vec![
        head("replay", &replay.run_id, replay.generation, replay.committed_at_us),
        format!("{}: {rows} taken out of {files} in quarantine", replay.stream),
    ];
    if replay.rows.read > 0 {
        parts.push(format!("judged anew: {}", stream_account(&replay.rows)));
    }
    parts.extend(describe_signals(&replay.signals));
    parts.extend(replay.quarantine.as_ref().and_then(|file| quarantine(&file.rows)));
    parts
}

fn taken(replay: &ReplayCommit) -> u64 {
    replay.taken.iter().flat_map(|file| &file.rows).map(|(from, to)| to - from).sum()
}

/// What each signal made of the rows, and the state of all of them.
fn describe_signals(signals: &BTreeMap<String, SignalEpoch>) -> Vec<String> {
    let accounts = signals.iter().map(|(name, signal)| format!("{name}: {}", signal_account(&signal.rows)));
    let states = signals.values().flat_map(|signal| signal.state.iter().chain(&signal.waiting));
    let (files, bytes) = states.fold((0, 0), |(files, bytes), state| (files + 1, bytes + state.bytes));
    accounts.chain([state(files, bytes)]).collect()
}

fn describe_release(release: &ReleaseCommit, restated: u64) -> Vec<String> {
    let rows = release.releases.iter().map(|entry| entry.rows).sum();
    let days = counted(release.releases.len() as u64, "day");
    let mut parts = vec![
        head("release", &release.run_id, release.generation, release.committed_at_us),
        format!("{days}, {}, {restated} restated", counted(rows, "row")),
    ];
    let mut signals: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for entry in &release.releases {
        let (days, rows) = signals.entry(&entry.signal).or_default();
        *days += 1;
        *rows += entry.rows;
    }
    for (name, (days, rows)) in signals {
        let withheld = release.withheld.get(name).map(|groups| format!(", {} withheld", counted(*groups, "group")));
        let (days, rows) = (counted(days, "day"), counted(rows, "row"));
        parts.push(format!("{name}: {days}, {rows}{}", withheld.unwrap_or_default()));
    }
    let sealed = release.sealed.iter();
    parts.extend(sealed.map(|(stream, &latest_us)| format!("{stream}: ended at {}", instants::show(latest_us))));
    parts.extend(release.removed.iter().map(|path| format!("removed {path}")));
    parts
}

fn head(kind: &str, run_id: &str, generation: u64, committed_at_us: i64) -> String {
    format!("{kind} {} run {run_id} generation {generation}", instants::show(committed_at_us))
}

fn watermark(watermark_us: Option<i64>) -> Option<String> {
    watermark_us.map(|watermark_us| format!("watermark {}", instants::show(watermark_us)))
}

fn state(files: u64, bytes: u64) -> String {
    format!("state {}, {}", counted(files, "file"), counted(bytes, "byte"))
}

fn quarantine(rows: &BTreeMap<String, u64>) -> Option<String> {
    let reasons = rows.iter().map(|(reason, rows)| format!("{rows} {reason}")).collect::<Vec<_>>();
    (!reasons.is_empty()).then(|| format!("quarantine: {}", reasons.join(", ")))
}

#[derive(Serialize)]
struct Report<'a> {
    records: Vec<RecordReport<'a>>,
    totals: &'a Totals,
}

/// A record as it stands in the log, with its number.
#[derive(Serialize)]
struct RecordReport<'a> {
    record: u64,
    #[serde(flatten)]
    body: &'a Commit,
}

fn to_json(records: &[Record<Commit>], totals: &Totals) -> Result<String> {
    let records = records.iter().map(|record| RecordReport { record: record.seq, body: &record.body }).collect();
    let text = serde_json::to_string_pretty(&Report { records, totals });
    let text = text.map_err(|error| Failure::infrastructure("TG500", error.to_string(), "report this as a bug"))?;
    Ok(text + "\n")
}
