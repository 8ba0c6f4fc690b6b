//! How do new labels become changes that signals read, each once, whenever a process dies?
//!
//! ```text
//! files that landed --+                        1. landing/label_changes/_staged/<n>-<digest>.parquet
//! log/labels ---------+--> changes, if any --> 2. log/labels/<n>.json, which names it: now it counts
//! changes so far -----+                        3. landing/label_changes/changes-<n>.parquet
//! ```
//!
//! Before its record a settlement is nothing: readers leave out what is below `_staged`. After it the file only has to be
//! put in its place, which the next settlement does if this one cannot. What is written follows from the log and the
//! files it names, so that it may be computed again at will.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tidegate_labels::{Account, CLOCK_SLACK_US, Changelog, ChangelogRules, Decisions, Resolver};
use tidegate_ledger::{Chain, Created, Record, Store};
use tidegate_source::{Location, Place as FilePlace, Source, SourceFile};

use super::{LabelStreams, Reading, Ruling, label_columns, listed};
use crate::cli::Place;
use crate::config::Config;
use crate::failure::{Failure, Result, Snippet};
use crate::project::defined;
use crate::storage::{self, landing_store};
use crate::words::counted;

/// Where changes lie in a project's folder.
pub(crate) const FOLDER: &str = "landing/label_changes";
/// The log of settlements.
const LOG: &str = "labels";
const DAY_US: i64 = 86_400_000_000;

/// What one settlement read and wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Settlement {
    /// Files that were new to it.
    decisions: Vec<ReadFile>,
    labels: Vec<ReadFile>,
    /// The digests of `labels.toml` and `label_quarantine.toml`.
    rules: String,
    quarantine: String,
    /// The newest event time of a decision so far, by which the next settlement knows what is too old.
    clock_us: Option<i64>,
    changes: Option<ChangesFile>,
}

/// A file that landed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ReadFile {
    file: String,
    size: u64,
    /// The newest event time of decisions, or `labeled_at` of labels; none where it has no rows.
    newest_us: Option<i64>,
}

/// A file of changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ChangesFile {
    staged: String,
    path: String,
    sha256: String,
    rows: u64,
    /// The newest event time in it.
    newest_us: Option<i64>,
}

/// What came of a settlement, for people.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Settled {
    /// Which one; none when there was nothing to settle.
    pub(crate) settlement: Option<u64>,
    pub(crate) files: u64,
    /// Signed rows that were written.
    pub(crate) changes: u64,
    pub(crate) path: Option<String>,
    /// Rows that stand within the horizon.
    pub(crate) standing: u64,
    /// Labels that do not count, because they are under suspicion, or because a column lacks or has an unknown word.
    pub(crate) quarantined: u64,
    pub(crate) unreadable: u64,
    /// Decisions that came too late to be counted.
    pub(crate) too_old: u64,
}

/// Settles a project's labels, if it has a change log.
pub(crate) async fn settle_if_declared(place: &Place) -> Result<()> {
    if Ruling::read(&place.project)?.rules.changelog.is_none() {
        return Ok(());
    }
    let settled = settle(place).await?;
    if settled.settlement.is_some() {
        eprint!("{}", settled.describe());
    }
    Ok(())
}

/// Settles a project's labels.
pub(crate) async fn settle(place: &Place) -> Result<Settled> {
    let streams = LabelStreams::connect(place).await?;
    let Some(rules) = streams.ruling.rules.changelog.clone() else {
        let cause = "labels.toml has no [changelog], so there is nothing to settle";
        return Err(Failure::usage("TG790", cause, "add [changelog] to labels.toml; see docs/labels.md"));
    };
    let config = Config::read(&place.project)?;
    guard(place, &config, &streams).await?;
    let root = storage::root_of(place, &config)?;
    root.create()?;
    let landing = landing_store(&place.project, &root, &config)?;
    let (mut chain, records) = Chain::open(storage::open(&root, &config)?, LOG).await?;
    publish(&landing, &records).await?;
    let work = Work::plan(&streams, &rules, &records)?;
    if !work.is_due {
        return Ok(Settled::default());
    }
    let Computed { body, bytes, account, too_old, standing } = work.compute(&landing, &records, chain.len()).await?;
    let settled = Settled {
        settlement: Some(chain.len()),
        files: (body.decisions.len() + body.labels.len()) as u64,
        changes: body.changes.as_ref().map_or(0, |file| file.rows),
        path: body.changes.as_ref().map(|file| file.path.clone()),
        standing,
        quarantined: account.quarantined,
        unreadable: account.unreadable,
        too_old,
    };
    if let Some(file) = &body.changes {
        stage(&landing, file, bytes).await?;
    }
    let record = chain.append(body).await?;
    publish(&landing, &[record]).await?;
    Ok(settled)
}

/// Puts the changes of the last record in their place, if they are not there, and removes what was staged up to it.
async fn publish(landing: &Store, records: &[Record<Settlement>]) -> Result<()> {
    let Some(last) = records.last() else { return Ok(()) };
    if let Some(file) = &last.body.changes {
        put_in_place(landing, file).await?;
    }
    // What is staged for a later record may be about to be named by another process.
    for staged in landing.list(&format!("{FOLDER}/_staged")).await? {
        let name = staged.rsplit_once('/').map_or(staged.as_str(), |(_, name)| name);
        let number = name.split_once('-').and_then(|(number, _)| number.parse::<u64>().ok());
        if number.is_some_and(|number| number <= last.seq) {
            landing.delete(&staged).await?;
        }
    }
    Ok(())
}

async fn put_in_place(landing: &Store, file: &ChangesFile) -> Result<()> {
    if landing.get(&file.path).await?.is_some() {
        return Ok(());
    }
    let Some(bytes) = landing.get(&file.staged).await? else {
        // Another process may have put it there, and removed what was staged, in between.
        return if landing.get(&file.path).await?.is_some() { Ok(()) } else { Err(damaged(&file.path)) };
    };
    match landing.create(&file.path, bytes).await? {
        // Whoever found it missing wrote the same bytes.
        Created::New | Created::AlreadyExists => Ok(()),
    }
}

async fn stage(landing: &Store, file: &ChangesFile, bytes: Bytes) -> Result<()> {
    match landing.create(&file.staged, bytes).await? {
        // Its name is its digest: what is there is the same.
        Created::New | Created::AlreadyExists => Ok(()),
    }
}

/// What a settlement has to look at.
struct Work<'a> {
    streams: &'a LabelStreams,
    decisions: &'a Source,
    rules: &'a ChangelogRules,
    /// Decisions before this are too old to change.
    from_us: Option<i64>,
    decision_files: Files,
    label_files: Files,
    digests: [String; 2],
    clock_us: Option<i64>,
    is_due: bool,
}

/// The files of a stream that matter.
#[derive(Debug, Default)]
struct Files {
    /// Those to read, and whether they are new.
    read: Vec<(SourceFile, bool)>,
}

impl<'a> Work<'a> {
    fn plan(streams: &'a LabelStreams, rules: &'a ChangelogRules, records: &[Record<Settlement>]) -> Result<Self> {
        let Some((_, decisions)) = &streams.decisions else {
            let cause = format!("the project has no stream `{}`, whose labels are to be settled", rules.decisions);
            let fix = "declare it with CREATE STREAM, or name another: [changelog] decisions in labels.toml";
            return Err(Failure::usage("TG790", cause, fix));
        };
        let last = records.last().map(|record| &record.body);
        let clock_us = last.and_then(|last| last.clock_us);
        let from_us = clock_us.map(|clock_us| clock_us.saturating_sub(rules.horizon_us));
        let floor_us = from_us.map(floor);
        let known = |of: fn(&Settlement) -> &Vec<ReadFile>| records.iter().flat_map(move |record| of(&record.body));
        let decision_files = Files::of(decisions, known(|body| &body.decisions), from_us)?;
        let label_files = Files::of(&streams.labels_source, known(|body| &body.labels), floor_us)?;
        let digests = streams.ruling.texts.each_ref().map(|text| format!("{:x}", Sha256::digest(text)));
        let is_new = decision_files.has_new() || label_files.has_new();
        let is_ruled = last.is_some_and(|last| [&last.rules, &last.quarantine] == digests.each_ref());
        let is_due = is_new || !is_ruled;
        Ok(Self { streams, decisions, rules, from_us, decision_files, label_files, digests, clock_us, is_due })
    }

    async fn compute(self, landing: &Store, records: &[Record<Settlement>], number: u64) -> Result<Computed> {
        let mut reading = Reading::default();
        let unit = self.streams.decisions.as_ref().and_then(|(stream, _)| stream.contract.privacy_unit.clone());
        let named =
            self.rules.columns.clone().map(|columns| columns.into_iter().chain(unit.clone()).collect::<Vec<_>>());
        let mut decisions = Decisions::new(self.decisions.schema(), named.as_deref(), self.from_us)?;
        if let Some(unit) = unit.filter(|unit| decisions.carried().field_with_name(unit).is_err()) {
            let cause = format!("changes would not carry `{unit}`, whom the stream of decisions protects");
            let fix = format!("name it in labels.toml: [changelog] columns = [..., \"{unit}\"]");
            return Err(Failure::privacy("TG791", cause, fix));
        }
        let (mut new_decisions, mut new_labels) = (Vec::new(), Vec::new());
        let columns = decisions.columns();
        for (file, is_new) in &self.decision_files.read {
            let mut newest_us = None;
            let take = |batch: &RecordBatch| {
                newest_us = newest_us.max(newest(batch, "event_time"));
                Ok(decisions.add(batch)?)
            };
            reading.file(self.decisions, file, &columns, take).await?;
            new_decisions.extend(is_new.then(|| ReadFile { file: file.id.clone(), size: file.size, newest_us }));
        }
        let ruling = &self.streams.ruling;
        let mut resolver = Resolver::new(Arc::clone(&ruling.rules), Arc::clone(&ruling.quarantine), None);
        if let Some(from_us) = self.from_us {
            resolver = resolver.with_floor(floor(from_us));
        }
        let columns = label_columns(&self.streams.labels_source);
        for (file, is_new) in &self.label_files.read {
            let mut newest_us = None;
            let take = |batch: &RecordBatch| {
                newest_us = newest_us.max(newest(batch, "labeled_at"));
                Ok(resolver.add(batch)?)
            };
            reading.file(&self.streams.labels_source, file, &columns, take).await?;
            new_labels.extend(is_new.then(|| ReadFile { file: file.id.clone(), size: file.size, newest_us }));
        }
        reading.warn();
        let mut log = Changelog::new(&decisions, self.from_us)?;
        for file in records.iter().filter_map(|record| record.body.changes.as_ref()) {
            if file.newest_us >= self.from_us || self.from_us.is_none() {
                decode(landing, file).await?.iter().try_for_each(|batch| log.replay(batch))?;
            }
        }
        let state = log.state(&decisions, &resolver)?;
        let changes = log.changes(&state, number)?;
        let [rules, quarantine] = self.digests;
        let mut body = Settlement {
            decisions: new_decisions,
            labels: new_labels,
            rules,
            quarantine,
            clock_us: self.clock_us.max(decisions.clock_us()),
            changes: None,
        };
        let bytes = encode(&changes)?;
        // The first file is written even when it is empty: the stream of changes has its columns from it.
        if changes.num_rows() > 0 || number == 0 {
            let sha256 = format!("{:x}", Sha256::digest(&bytes));
            body.changes = Some(ChangesFile {
                staged: format!("{FOLDER}/_staged/{number:020}-{}.parquet", &sha256[..16]),
                path: format!("{FOLDER}/changes-{number:020}.parquet"),
                sha256,
                rows: changes.num_rows() as u64,
                newest_us: newest(&changes, "event_time"),
            });
        }
        let standing = state.num_rows() as u64;
        Ok(Computed { body, bytes, account: resolver.account(), too_old: decisions.too_old(), standing })
    }
}

/// What a settlement comes to.
struct Computed {
    body: Settlement,
    /// The changes as they are written.
    bytes: Bytes,
    account: Account,
    too_old: u64,
    standing: u64,
}

impl Files {
    /// New files, and those read before that have something newer than `from_us`.
    fn of<'r>(source: &Source, known: impl Iterator<Item = &'r ReadFile>, from_us: Option<i64>) -> Result<Self> {
        let mut known = known.map(|file| (file.file.as_str(), file)).collect::<BTreeMap<_, _>>();
        let mut read = Vec::new();
        for file in listed(source)? {
            let Some(before) = known.remove(file.id.as_str()) else {
                read.push((file, true));
                continue;
            };
            if before.size != file.size {
                let cause =
                    format!("file {} had {} bytes when it was read, and has {} now", file.id, before.size, file.size);
                let fix = "landed files are never changed: put new rows into a new file and restore this one";
                return Err(Failure::infrastructure("TG401", cause, fix));
            }
            if before.matters(from_us) {
                read.push((file, false));
            }
        }
        match known.values().find(|file| file.matters(from_us)) {
            None => Ok(Self { read }),
            Some(gone) => {
                let cause = format!("file {} was read and is gone, and its decisions can still change", gone.file);
                let fix = "restore it: landing is kept for as long as [changelog] horizon says";
                Err(Failure::infrastructure("TG792", cause, fix))
            }
        }
    }

    fn has_new(&self) -> bool {
        self.read.iter().any(|(_, is_new)| *is_new)
    }
}

impl ReadFile {
    fn matters(&self, from_us: Option<i64>) -> bool {
        self.newest_us.is_some() && (from_us.is_none() || self.newest_us >= from_us)
    }
}

impl Settled {
    /// In words.
    pub(crate) fn describe(&self) -> String {
        let Some(settlement) = self.settlement else { return "labels: nothing new to settle\n".to_owned() };
        let (files, changes) = (counted(self.files, "new file"), counted(self.changes, "change"));
        let mut text = format!("labels: settlement {settlement}: {changes} from {files}, {} stand\n", self.standing);
        for (count, what) in [
            (self.quarantined, "labels do not count: they are in quarantine"),
            (self.unreadable, "labels do not count: a column is missing, or has an unknown word"),
            (self.too_old, "decisions came later than [changelog] horizon allows"),
        ] {
            if count > 0 {
                text.push_str(&format!("  {count} {what}\n"));
            }
        }
        text
    }
}

/// Changes show whom the decisions are about, so they must be protected as these are.
async fn guard(place: &Place, config: &Config, streams: &LabelStreams) -> Result<()> {
    let unit = streams.decisions.as_ref().and_then(|(stream, _)| stream.contract.privacy_unit.clone());
    if unit.is_none() && streams.labels.contract.is_protected() {
        let cause = "the stream of labels is protected, and that of decisions is not: changes would show its rows";
        return Err(Failure::privacy("TG791", cause, "declare the privacy_unit of the stream of decisions"));
    }
    let Some(unit) = unit else { return Ok(()) };
    let definitions = defined(place, config).await?;
    let folder = place.project.join(FOLDER);
    for stream in &definitions.streams {
        let reads = match Location::expect(&stream.path.value, &place.project).map(|location| location.root().clone()) {
            Ok(FilePlace::Local(read)) => overlaps(&read, &folder),
            // In a bucket, where paths have one spelling.
            _ => stream.path.value.contains(FOLDER) || FOLDER.starts_with(stream.path.value.trim_end_matches('/')),
        };
        let is_source = [streams.ruling.labels(), streams.ruling.decisions()].contains(&stream.name.value.as_str());
        if reads && !is_source && stream.contract.privacy_unit.as_ref() != Some(&unit) {
            let name = &stream.name.value;
            let cause =
                format!("stream `{name}` reads label changes, and does not protect `{unit}` as the decisions do");
            let failure = Failure::privacy("TG791", cause, format!("add privacy_unit = '{unit}' to `{name}`"));
            return Err(failure.at(Snippet::of(&stream.name.place)));
        }
    }
    Ok(())
}

fn overlaps(left: &Path, right: &Path) -> bool {
    let absolute = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path)).unwrap_or_default();
    let (left, right) = (absolute(left), absolute(right));
    left.starts_with(&right) || right.starts_with(&left)
}

/// Labels are kept from the beginning of the day before the oldest decision that can change: a day's bounds need the whole day.
fn floor(from_us: i64) -> i64 {
    let earliest = from_us.saturating_sub(CLOCK_SLACK_US);
    earliest.saturating_sub(earliest.rem_euclid(DAY_US))
}

/// The newest instant of a column.
fn newest(batch: &RecordBatch, column: &str) -> Option<i64> {
    let instants = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let column = cast(batch.column_by_name(column)?, &instants).ok()?;
    arrow::compute::max(column.as_primitive::<TimestampMicrosecondType>())
}

fn encode(changes: &RecordBatch) -> Result<Bytes> {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let write = || {
        let mut writer = ArrowWriter::try_new(Vec::new(), changes.schema(), Some(properties))?;
        writer.write(changes)?;
        writer.into_inner()
    };
    let written = write().map_err(|error: parquet::errors::ParquetError| {
        Failure::infrastructure("TG500", format!("changes cannot be written: {error}"), "report this as a bug")
    });
    written.map(Bytes::from)
}

async fn decode(landing: &Store, file: &ChangesFile) -> Result<Vec<RecordBatch>> {
    let bytes = landing.get(&file.path).await?.ok_or_else(|| damaged(&file.path))?;
    if format!("{:x}", Sha256::digest(&bytes)) != file.sha256 {
        return Err(damaged(&file.path));
    }
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).and_then(ParquetRecordBatchReaderBuilder::build);
    let reader = reader.map_err(|_| damaged(&file.path))?;
    reader.collect::<Result<Vec<_>, _>>().map_err(|_| damaged(&file.path))
}

fn damaged(path: &str) -> Failure {
    Failure::infrastructure("TG503", format!("{path} is missing or damaged"), "restore the file from a backup")
}
