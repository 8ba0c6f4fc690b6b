//! Which rows that were set aside are taken in after all?
//!
//! The operator asks for it. Rows are read again from landing, by the positions that quarantine files say. Late rows go
//! to the signal they were late for; rejected ones are judged anew, under the definitions of now, for every signal that
//! read them when they were rejected. One record says what was taken, so that nothing is taken twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch};
use tidegate_signal::Signal;
use tidegate_source::SourceFile;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::accounting::{RowAccount, StreamAccount};
use crate::admission::{Admitted, CONFLICT, Judge, LATE, SetAside};
use crate::clock::now_us;
use crate::commit::{ReplayCommit, SignalEpoch, TakenRows};
use crate::dedupe::Keys;
use crate::epoch::EpochContext;
use crate::error::Result;
use crate::history::{FileHistory, SetAsideFile};
use crate::layout;
use crate::microbatch::{MicroBatch, Reader};
use crate::quarantine::{self, Position};
use crate::rows::Rows;
use crate::work::WorkItem;

/// What a replay did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Rows that no longer count as set aside.
    pub taken: u64,
    /// What became of rows that had been rejected.
    pub rejected: StreamAccount,
    /// What each signal made of the rows it got.
    pub signals: BTreeMap<String, RowAccount>,
    /// Rows that were left where they are, by why.
    pub skipped: BTreeMap<Skipped, u64>,
}

impl Replayed {
    pub(crate) fn add(&mut self, other: Self) {
        self.taken += other.taken;
        self.rejected += other.rejected;
        for (name, rows) in other.signals {
            *self.signals.entry(name).or_default() += rows;
        }
        for (why, rows) in other.skipped {
            *self.skipped.entry(why).or_default() += rows;
        }
    }
}

/// Why a row cannot be replayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skipped {
    /// Its file is no longer listed, or cannot be read.
    FileGone,
    /// Its file is another than the one that was read.
    FileChanged,
    /// It stands for the rest of a file, which has no rows that could be named.
    WholeFile,
    /// The signals that read it then are defined otherwise now, and have judged it themselves since.
    OtherDefinition,
    /// The signal takes nothing back.
    Settled,
    /// Another row of its key counts.
    Conflict,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::FileGone => "the landing file is gone or cannot be read",
            Self::FileChanged => "the landing file is another than the one that was read",
            Self::WholeFile => "the rest of a file was given up: land its rows in a new file",
            Self::OtherDefinition => "the signals changed since, and have judged these rows themselves",
            Self::Conflict => "another row of the same key counts, and stands",
            Self::Settled => "their signal takes nothing back: what was joined or noised stands",
        })
    }
}

/// A replay of some of a stream's quarantine files.
pub(crate) struct Replay<'a> {
    pub(crate) epoch: EpochContext<'a>,
    /// What reads the stream's rows.
    pub(crate) reader: Reader,
    /// The stream's files, by id.
    pub(crate) listing: &'a BTreeMap<String, SourceFile>,
    /// The signals that read the stream.
    pub(crate) signals: &'a [&'a Signal],
    /// Only rows that were set aside for this reason.
    pub(crate) reason: Option<&'a str>,
}

/// A row that is wanted.
#[derive(Debug)]
struct Wanted {
    /// Which of the quarantine files names it, and at what index.
    from: (usize, u64),
    /// Who gets it: the signal it was late for, or all that read it when it was rejected.
    takers: Arc<BTreeSet<String>>,
    was_late: bool,
}

/// The rows that are wanted of each file.
type Plan = BTreeMap<String, BTreeMap<u64, Vec<Wanted>>>;

/// What each signal gets.
#[derive(Default)]
struct Share {
    batches: Vec<RecordBatch>,
    rows: StreamAccount,
}

/// What was gathered so far.
#[derive(Default)]
struct Gathered {
    shares: BTreeMap<String, Share>,
    late: Vec<SetAside>,
    rejected: StreamAccount,
    latest_us: Option<i64>,
    /// Per quarantine file, the rows that were taken.
    taken: BTreeMap<usize, BTreeSet<u64>>,
    /// How many of the wanted rows were seen.
    seen: u64,
}

impl Replay<'_> {
    /// Takes what can be taken of `files`, and gives the record to commit, if there is anything to say.
    pub(crate) async fn make(
        self,
        files: &[SetAsideFile],
        mut keys: Option<&mut Keys>,
    ) -> Result<(Option<ReplayCommit>, Replayed)> {
        let mut replayed = Replayed::default();
        let plan = self.plan(files, &mut replayed.skipped).await?;
        let wanted = plan.values().flat_map(BTreeMap::values).map(|wanted| wanted.len() as u64).sum::<u64>();
        let mut gathered = Gathered::default();
        let Self { epoch, reader, listing, signals, .. } = self;
        let work = work_of(&plan, listing, &epoch.before.files);
        let (sender, mut batches) = mpsc::channel(1);
        let mut readers = JoinSet::new();
        let schema = reader.schema();
        readers.spawn(reader.run(work, sender));
        while let Some(batch) = batches.recv().await {
            gather(&epoch, signals, &batch?, &plan, keys.as_deref_mut(), &mut gathered)?;
        }
        if gathered.seen < wanted {
            *replayed.skipped.entry(Skipped::FileGone).or_default() += wanted - gathered.seen;
        }
        replayed.rejected = gathered.rejected;
        replayed.taken = gathered.taken.values().map(|rows| rows.len() as u64).sum();
        if replayed.taken == 0 {
            return Ok((None, replayed));
        }
        let mut results: BTreeMap<String, SignalEpoch> = BTreeMap::new();
        for signal in signals {
            if let Some(Share { batches, rows }) = gathered.shares.remove(signal.name()) {
                let result = epoch.aggregate(signal, &schema, batches, rows).await?;
                replayed.signals.insert(signal.name().to_owned(), result.rows);
                results.insert(signal.name().to_owned(), result);
            }
        }
        let EpochContext { store, run, record, contract, .. } = epoch;
        let path = layout::quarantine_file(&contract.name, record, &run.id);
        let quarantine = quarantine::write(store, path, contract, &[], &gathered.late).await?;
        let keys = match keys {
            Some(keys) => keys.write_new(store, layout::keys_file(&contract.name, record, &run.id)).await?,
            None => None,
        };
        let taken = gathered.taken.into_iter();
        let commit = ReplayCommit {
            run_id: run.id.clone(),
            generation: run.generation,
            committed_at_us: now_us(),
            stream: contract.name.clone(),
            taken: taken
                .map(|(file, rows)| TakenRows { path: files[file].path.clone(), rows: ranges(&rows) })
                .collect(),
            rows: gathered.rejected,
            latest_us: gathered.latest_us,
            keys,
            quarantine,
            signals: results,
        };
        Ok((Some(commit), replayed))
    }

    /// Which rows are wanted, for whom; the others are counted in `skipped`.
    async fn plan(&self, files: &[SetAsideFile], skipped: &mut BTreeMap<Skipped, u64>) -> Result<Plan> {
        let mut plan = Plan::new();
        for (number, file) in files.iter().enumerate() {
            let takers = Takers::of(file, self.signals);
            for position in quarantine::positions(self.epoch.store, &file.path).await? {
                let is_asked = self.reason.is_none_or(|reason| reason == position.reason);
                if !is_asked || file.is_taken(position.index) {
                    continue;
                }
                match self.judge(&position, &takers) {
                    Err(why) => *skipped.entry(why).or_default() += 1,
                    Ok((row, takers)) => {
                        let was_late = position.reason == LATE;
                        let wanted = Wanted { from: (number, position.index), takers, was_late };
                        plan.entry(position.file).or_default().entry(row).or_default().push(wanted);
                    }
                }
            }
        }
        Ok(plan)
    }

    fn judge(&self, position: &Position, takers: &Takers) -> Result<(u64, Arc<BTreeSet<String>>), Skipped> {
        let row = position.row.ok_or(Skipped::WholeFile)?;
        if position.reason == CONFLICT {
            return Err(Skipped::Conflict);
        }
        let takers = takers.for_row(position).ok_or(Skipped::OtherDefinition)?;
        if position.signal.as_ref().is_some_and(|signal| self.epoch.settled_us.contains_key(signal)) {
            return Err(Skipped::Settled);
        }
        let now = self.listing.get(&position.file).ok_or(Skipped::FileGone)?;
        let then = self.epoch.before.files.get(&position.file).ok_or(Skipped::FileGone)?;
        if now.size == then.size { Ok((row, takers)) } else { Err(Skipped::FileChanged) }
    }
}

/// Which signals may take the rows of a quarantine file.
struct Takers {
    all: Arc<BTreeSet<String>>,
    each: BTreeMap<String, Arc<BTreeSet<String>>>,
}

impl Takers {
    /// Those that took part in the epoch that wrote it, with the plan they have now.
    fn of(file: &SetAsideFile, signals: &[&Signal]) -> Self {
        let is_same = |signal: &&&Signal| file.signals.get(signal.name()) == Some(signal.cut.fingerprint());
        let names = signals.iter().filter(is_same).map(|signal| signal.name().to_owned()).collect::<BTreeSet<_>>();
        let each = names.iter().map(|name| (name.clone(), Arc::new(BTreeSet::from([name.clone()])))).collect();
        Self { all: Arc::new(names), each }
    }

    fn for_row(&self, position: &Position) -> Option<Arc<BTreeSet<String>>> {
        let takers = match &position.signal {
            Some(signal) => self.each.get(signal)?,
            None => &self.all,
        };
        (!takers.is_empty()).then(|| Arc::clone(takers))
    }
}

/// The reads that bring the wanted rows: of each part in which a file was first read, from the first wanted to the last.
fn work_of(
    plan: &Plan,
    listing: &BTreeMap<String, SourceFile>,
    files: &BTreeMap<String, FileHistory>,
) -> Vec<WorkItem> {
    let mut work = Vec::new();
    for (id, rows) in plan {
        let (Some(file), Some(history)) = (listing.get(id), files.get(id)) else { continue };
        for read in &history.reads {
            let mut wanted = rows.range(read.from_row..read.to_row).map(|(row, _)| *row);
            let Some(first) = wanted.next() else { continue };
            work.push(WorkItem {
                file: file.clone(),
                from_row: first,
                to_row: Some(wanted.next_back().unwrap_or(first) + 1),
                signals: BTreeSet::new(),
                again: Some(read.clone()),
            });
        }
    }
    work
}

/// Shares out the rows of a micro-batch that are wanted.
fn gather(
    epoch: &EpochContext<'_>,
    signals: &[&Signal],
    batch: &MicroBatch,
    plan: &Plan,
    mut keys: Option<&mut Keys>,
    gathered: &mut Gathered,
) -> Result<()> {
    let known = BTreeMap::new();
    let judge = Judge {
        contract: epoch.contract,
        watermark_us: epoch.before.closed.watermark_us,
        latest_us: epoch.before.latest_us,
        settled_us: epoch.settled_us,
        known: &known,
    };
    let nothing = BTreeMap::new();
    for rows in &batch.rows {
        let wanted = plan.get(rows.file.as_ref()).unwrap_or(&nothing);
        for signal in signals {
            let (late, taken) =
                select(rows, wanted, |wanted| wanted.was_late && wanted.takers.contains(signal.name()))?;
            gathered.seen += taken.len() as u64;
            gathered.take(&taken);
            let share = gathered.shares.entry(signal.name().to_owned()).or_default();
            let count = late.batch.num_rows() as u64;
            share.rows += StreamAccount { read: count, delivered: count, ..StreamAccount::default() };
            share.batches.push(late.batch);
        }
        let (rejected, judged) = select(rows, wanted, |wanted| !wanted.was_late)?;
        gathered.seen += judged.len() as u64;
        gather_rejected(&judge, signals, &rejected, wanted, keys.as_deref_mut(), gathered)?;
    }
    // What the source rejects again stays where it is.
    for rejection in &batch.rejected {
        let row = rejection.row.and_then(|row| plan.get(&rejection.file)?.get(&row));
        for wanted in row.into_iter().flatten() {
            gathered.seen += 1;
            gathered.account(&wanted.takers, StreamAccount { read: 1, rejected: 1, ..StreamAccount::default() });
        }
    }
    gathered.shares.retain(|_, share| share.rows.read > 0);
    Ok(())
}

/// Judges rows that had been rejected as rows that are read for the first time, but by the watermark of then.
fn gather_rejected(
    judge: &Judge<'_>,
    signals: &[&Signal],
    rows: &Rows,
    wanted: &BTreeMap<u64, Vec<Wanted>>,
    mut keys: Option<&mut Keys>,
    gathered: &mut Gathered,
) -> Result<()> {
    let again = rows.again.clone();
    for takers in takers_of(rows, wanted) {
        let (rows, judged) = select(rows, wanted, |wanted| !wanted.was_late && wanted.takers == takers)?;
        let batch = MicroBatch::of(Rows { again: None, ..rows });
        let mut admitted = judge.admit(&batch, keys.as_deref_mut())?;
        let stays = stays(&admitted);
        gathered.take(&judged.into_iter().filter(|(row, _)| !stays.contains(row)).collect::<Vec<_>>());
        gathered.account(&takers, admitted.account);
        for rows in &mut admitted.rows {
            rows.again.clone_from(&again);
            gathered.latest_us = gathered.latest_us.max(rows.latest_us.filter(|_| rows.batch.num_rows() > 0));
        }
        for signal in signals.iter().filter(|signal| takers.contains(signal.name())) {
            let (timely, late) = judge.timely(&admitted.rows, signal)?;
            gathered.shares.entry(signal.name().to_owned()).or_default().batches.extend(timely);
            gathered.late.extend(late);
        }
    }
    Ok(())
}

impl Gathered {
    fn take(&mut self, rows: &[Placed]) {
        for &(_, (file, index)) in rows {
            self.taken.entry(file).or_default().insert(index);
        }
    }

    fn account(&mut self, takers: &BTreeSet<String>, rows: StreamAccount) {
        self.rejected += rows;
        for name in takers {
            self.shares.entry(name.clone()).or_default().rows += rows;
        }
    }
}

/// A row of a landed file, and its place in quarantine: the file and the entry in it.
type Placed = (u64, (usize, u64));

/// The rows that are wanted as `is` says, and where each stands: its row, and its place in quarantine.
fn select(
    rows: &Rows,
    wanted: &BTreeMap<u64, Vec<Wanted>>,
    is: impl Fn(&Wanted) -> bool,
) -> Result<(Rows, Vec<Placed>)> {
    let mut places = Vec::new();
    let mut mark = |index: usize| {
        let row = rows.positions.at(index);
        let found = wanted.get(&row).into_iter().flatten().filter(|wanted| is(wanted));
        let before = places.len();
        places.extend(found.map(|wanted| (row, wanted.from)));
        Some(places.len() > before)
    };
    let keep = (0..rows.batch.num_rows()).map(&mut mark).collect::<BooleanArray>();
    Ok((rows.split(&keep)?.0, places))
}

fn takers_of(rows: &Rows, wanted: &BTreeMap<u64, Vec<Wanted>>) -> BTreeSet<Arc<BTreeSet<String>>> {
    let positions = (0..rows.batch.num_rows()).map(|index| rows.positions.at(index));
    let wanted = positions.filter_map(|row| wanted.get(&row)).flatten();
    wanted.filter(|wanted| !wanted.was_late).map(|wanted| Arc::clone(&wanted.takers)).collect()
}

/// The rows that are set aside again.
fn stays(admitted: &Admitted) -> BTreeSet<u64> {
    let rows = admitted.set_aside.iter().map(|set_aside| &set_aside.rows);
    rows.flat_map(|rows| (0..rows.batch.num_rows()).map(|index| rows.positions.at(index))).collect()
}

/// Ascending numbers as ranges, start and end.
fn ranges(numbers: &BTreeSet<u64>) -> Vec<(u64, u64)> {
    let mut ranges: Vec<(u64, u64)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, end)) if *end == number => *end += 1,
            _ => ranges.push((number, number + 1)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::FirstRead;

    #[test]
    fn rows_that_follow_each_other_are_one_range() {
        assert_eq!(ranges(&BTreeSet::from([0, 1, 2, 7, 9, 10])), [(0, 3), (7, 8), (9, 11)]);
        assert_eq!(ranges(&BTreeSet::new()), []);
    }

    #[test]
    fn each_part_of_a_file_is_read_from_its_first_wanted_row_to_its_last() {
        let read = |from_row, to_row| FirstRead { from_row, to_row, watermark_us: None, duplicates: None };
        let history = FileHistory { size: 10, end: true, reads: vec![read(0, 5), read(5, 9), read(9, 20)] };
        let file = SourceFile {
            id: "a".to_owned(),
            path: "a".into(),
            size: 10,
            modified_us: 0,
            partitions: BTreeMap::default(),
        };
        let rows = [1, 3, 12].into_iter().map(|row| (row, Vec::new())).collect();
        let id = || "a".to_owned();
        let work = work_of(
            &BTreeMap::from([(id(), rows)]),
            &BTreeMap::from([(id(), file)]),
            &BTreeMap::from([(id(), history)]),
        );
        let parts = work.iter().map(|item| (item.from_row, item.to_row)).collect::<Vec<_>>();
        assert_eq!(parts, [(1, Some(4)), (12, Some(13))]);
    }
}
