//! Do the released bytes depend on the rows alone, whatever the schedule?
//!
//! A schedule says how the same rows come: in which order and how many files, in which format, read by what epochs and
//! by how many processes, for which signals at a time, and some of them twice.
//!
//! ```text
//! rows of a seed --+--> one file, one run ------------------------------+--> the same released bytes
//!                  +--> landings --> runs, cut short, opened anew ------+
//! ```
//!
//! `TIDEGATE_SCHEDULE=<seed>` runs one schedule alone, `TIDEGATE_SCHEDULES=<n>` more or fewer of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use object_store::memory::InMemory;
use tidegate_ledger::Store;
use tidegate_stream::{Engine, History, InputEnd, Limits, Progress, Result, WaitingRows};

use crate::lab::{Accounts, Dice, Lab, files, first_difference, log};

/// Schedules that are tried unless the environment says otherwise.
const SCHEDULES: u64 = 200;
/// Schedules that share their rows, and so the undisturbed run that they are held against.
const PER_ROWS: u64 = 5;

const MINUTE_US: i64 = 60_000_000;
const HOUR_US: i64 = 60 * MINUTE_US;

/// All kinds of windows, and every aggregate whose result could show an order. Berlin changes its clocks, and a month
/// ends, within the rows.
const SIGNALS: &str = "
CREATE SIGNAL tumbling AS
SELECT window_start, window_end, area, COUNT(*) AS n, SUM(x) AS total, AVG(x) AS mean, MIN(x) AS least, MAX(i) AS most
FROM TUMBLE(d, at, INTERVAL '1 hour') GROUP BY window_start, window_end, area;
CREATE SIGNAL hopping AS
SELECT window_start, window_end, SUM(x) AS total, COUNT(DISTINCT u) AS people
FROM HOP(d, at, INTERVAL '6 hours', INTERVAL '15 hours') GROUP BY window_start, window_end;
CREATE SIGNAL cumulating AS
SELECT window_start, window_end, AVG(x) AS mean, COUNT(DISTINCT area) AS keys
FROM CUMULATE(d, at, INTERVAL '6 hours', INTERVAL '1 day') GROUP BY window_start, window_end;
CREATE SIGNAL sessions AS
SELECT window_start, window_end, area, COUNT(*) AS n, SUM(x) AS total, MAX(x) AS most
FROM SESSION(d, at, INTERVAL '40 minutes') GROUP BY window_start, window_end, area;
CREATE SIGNAL days WITH (time_zone = 'Europe/Berlin') AS
SELECT window_start, window_end, COUNT(*) AS n, SUM(i) AS total
FROM TUMBLE(d, at, INTERVAL '1 day') GROUP BY window_start, window_end;
CREATE SIGNAL months WITH (time_zone = 'Europe/Berlin') AS
SELECT window_start, window_end, area, SUM(x) AS total, MIN(at) AS first
FROM TUMBLE(d, at, INTERVAL '1 month') GROUP BY window_start, window_end, area;
CREATE SIGNAL totals AS
SELECT area, COUNT(x) AS n, SUM(x) AS total, AVG(i) AS mean, COUNT(DISTINCT u) AS people FROM d WHERE i > 3 GROUP BY area;
CREATE SIGNAL guarded AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 3, privacy_unit_column = u)
  window_start, window_end, area, COUNT(*) AS n, SUM(x) AS total, COUNT(DISTINCT u) AS people
FROM TUMBLE(d, at, INTERVAL '1 day') GROUP BY window_start, window_end, area;
CREATE SIGNAL carried AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = u, below_threshold = CARRY)
  window_start, window_end, area, COUNT(*) AS n, SUM(x) AS total, COUNT(DISTINCT u) AS people
FROM TUMBLE(d, at, INTERVAL '30 minutes') GROUP BY window_start, window_end, area;
CREATE SIGNAL met AS
SELECT window_start, window_end, d.area, COUNT(*) AS pairs, SUM(e.x) AS total, COUNT(DISTINCT e.id) AS partners
FROM TUMBLE(d, at, INTERVAL '1 hour') AS d
JOIN e ON d.u = e.u AND e.at BETWEEN d.at - INTERVAL '20 minutes' AND d.at + INTERVAL '3 hours'
GROUP BY window_start, window_end, d.area;
CREATE SIGNAL met_or_not AS
SELECT window_start, window_end, COUNT(*) AS rows, COUNT(e.id) AS pairs, MIN(e.at) AS first
FROM HOP(d, at, INTERVAL '2 hours', INTERVAL '6 hours') AS d
LEFT JOIN (SELECT * FROM e WHERE i > 3) AS e ON d.area = e.area AND e.at < d.at AND e.at >= d.at - INTERVAL '90 minutes'
GROUP BY window_start, window_end;
";

/// The signals that read two streams.
const JOINS: [&str; 2] = ["met", "met_or_not"];
/// How much older than a row of theirs a partner may be, at most.
const JOIN_BEFORE_US: i64 = 90 * MINUTE_US;

fn sql(format: &str, delay_us: i64, dedupe: bool) -> String {
    let dedupe = if dedupe { ", dedupe_key = 'id'" } else { "" };
    let delay = delay_us / MINUTE_US;
    let stream = |name| {
        format!(
            "CREATE STREAM {name} (id BIGINT, at TIMESTAMP, area VARCHAR, u VARCHAR, i BIGINT, x DOUBLE)
  WITH (path = 'landing', format = '{format}', event_time = 'at', watermark = INTERVAL '{delay} minutes'{dedupe});"
        )
    };
    // Two streams of the same rows, each with a time of its own.
    format!("{}\n{}\n{SIGNALS}", stream("d"), stream("e"))
}

/// One row. Its id is its place among the rows of its seed.
#[derive(Debug, Clone, Copy)]
struct Row {
    id: i64,
    at_us: i64,
    area: Option<&'static str>,
    u: Option<&'static str>,
    i: Option<i64>,
    x: Option<f64>,
}

/// A few dozen rows within two days, with ties in time and nulls in everything but time.
fn rows(dice: &mut Dice) -> Vec<Row> {
    // Clocks go forward, clocks go back, a month ends in a leap year, and time before 1970.
    const STARTS: [i64; 4] = [1_743_271_200, 1_761_422_400, 1_709_164_800, -100_000];
    let start_us = dice.pick(&STARTS) * 1_000_000;
    let mut at_us = start_us;
    let count = 1 + dice.below(60);
    let row = |id: usize| {
        at_us = match dice.below(10) {
            0..3 => at_us,
            3 => start_us + dice.below(48 * 60) as i64 * MINUTE_US,
            _ => start_us + dice.below(48 * 3600) as i64 * 1_000_000 + dice.below(1_000_000) as i64,
        };
        Row {
            id: id as i64,
            at_us,
            area: dice.pick(&[None, Some("a"), Some("b"), Some("c")]),
            u: dice.pick(&[None, Some("ann"), Some("bob"), Some("cid"), Some("dot"), Some("eve")]),
            i: (!dice.chance(10)).then(|| dice.below(20) as i64 - 5),
            // Sums of these differ in their last bits with the order in which they are added.
            x: (!dice.chance(10)).then(|| (dice.below(2_000_000) as f64 - 1e6) / 1e3 * dice.pick(&[1e-9, 1.0, 1e12])),
        }
    };
    (0..count).map(row).collect()
}

fn batch(rows: &[Row]) -> RecordBatch {
    let columns: [(&str, ArrayRef); 6] = [
        ("id", Arc::new(rows.iter().map(|row| Some(row.id)).collect::<Int64Array>())),
        ("at", Arc::new(rows.iter().map(|row| Some(row.at_us)).collect::<TimestampMicrosecondArray>())),
        ("area", Arc::new(rows.iter().map(|row| row.area).collect::<StringArray>())),
        ("u", Arc::new(rows.iter().map(|row| row.u).collect::<StringArray>())),
        ("i", Arc::new(rows.iter().map(|row| row.i).collect::<Int64Array>())),
        ("x", Arc::new(rows.iter().map(|row| row.x).collect::<Float64Array>())),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).expect("a batch")
}

/// How the rows come.
#[derive(Debug)]
struct Schedule {
    format: &'static str,
    delay_us: i64,
    dedupe: bool,
    duplicates: u64,
    /// What lands before each run: files, by their names.
    landings: Vec<BTreeMap<String, Vec<Row>>>,
}

impl Schedule {
    /// A schedule under which no row comes later than the watermark allows.
    fn of(dice: &mut Dice, rows: &[Row]) -> Self {
        let format = dice.pick(&["parquet", "arrow", "ndjson", "csv"]);
        let delay_us = dice.pick(&[0, MINUTE_US, 30 * MINUTE_US, 5 * HOUR_US, 72 * HOUR_US]);
        let dedupe = dice.chance(50);
        // Who arrives at most the delay after it happened is never behind one who arrived before.
        let delay_minutes = (delay_us / MINUTE_US) as usize;
        let mut arriving = rows.iter().map(|row| (row.at_us + dice.below(delay_minutes + 1) as i64 * MINUTE_US, *row));
        let mut arriving = arriving.by_ref().collect::<Vec<_>>();
        arriving.sort_by_key(|(arrival_us, _)| *arrival_us);

        let (mut landings, mut duplicates, mut landed) = (Vec::new(), 0, Vec::new());
        let mut rest = arriving.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(1 + dice.below(rest.len()));
            rest = later;
            let mut now = now.iter().map(|(_, row)| *row).collect::<Vec<_>>();
            landed.extend(now.iter().copied());
            if dedupe {
                let again = (0..dice.below(8)).map(|_| dice.pick(&landed)).collect::<Vec<_>>();
                duplicates += again.len() as u64;
                now.extend(again);
            }
            dice.shuffle(&mut now);
            let mut files = BTreeMap::<String, Vec<Row>>::new();
            let parts = 1 + dice.below(4);
            // Names begin with anything, so that later files stand between earlier ones.
            let names = (0..parts).map(|part| format!("{:03}-{}-{part}", dice.below(1000), landings.len()));
            let names = names.map(|name| format!("landing/{name}.{format}")).collect::<Vec<_>>();
            for row in now {
                files.entry(names[dice.below(parts)].clone()).or_default().push(row);
            }
            landings.push(files);
        }
        Self { format, delay_us, dedupe, duplicates, landings }
    }
}

fn limits(dice: &mut Dice) -> Limits {
    Limits {
        max_files: 1 + dice.below(4),
        max_bytes: dice.pick(&[1, 2_000, 1 << 20]),
        batch_rows: dice.pick(&[1, 3, 10, 8_192]),
        threads: 1 + dice.below(4),
        state_bytes: dice.pick(&[2_000, 1 << 20, 1 << 20, 1 << 20]),
        compacted_bytes: dice.pick(&[1, 50_000, 1 << 20]),
        ..Limits::default()
    }
}

/// The released files after one run over one file.
async fn undisturbed(rows: &[Row]) -> Result<BTreeMap<String, Vec<u8>>> {
    let lab = Lab::new(&sql("parquet", 0, false)).await;
    lab.land("landing/all.parquet", &batch(rows));
    let objects = Arc::new(InMemory::new());
    let store = Store::new(Arc::clone(&objects) as Arc<_>);
    let mut engine = lab.open(store, Limits::default(), "undisturbed", |_| true).await?;
    engine.drain(InputEnd::End, &|_| {}).await?;
    Ok(files(&objects, "released").await)
}

/// Carries a schedule out, and says what is wrong with what it released.
async fn fault(
    schedule: &Schedule,
    dice: Dice,
    rows: &[Row],
    expected: &BTreeMap<String, Vec<u8>>,
) -> Result<Option<String>> {
    let lab = Lab::new(&sql(schedule.format, schedule.delay_us, schedule.dedupe)).await;
    let objects = Arc::new(InMemory::new());
    let mut runs = Runs { lab: &lab, objects: &objects, dice, opened: 0 };
    let mut engine = None;
    for landing in &schedule.landings {
        for (name, rows) in landing {
            lab.land(name, &batch(rows));
        }
        engine = runs.drain(engine).await?;
    }
    drop(engine);
    runs.open(|_| true).await?.drain(InputEnd::End, &|_| {}).await?;
    let mut released = files(&objects, "released").await;
    // What it tells is of files, which are others in every schedule.
    released.retain(|path, _| !path.contains("/signal=schema_drift/"));
    let difference = first_difference(&released, expected).map(|path| format!("{path} differs"));
    let staged = files(&objects, "staging").await;
    let staged = (!staged.is_empty()).then(|| format!("left in staging: {:?}", staged.keys()));
    let account = Accounts::of(&objects).await.fault(rows.len() as u64, schedule.duplicates, &JOINS);
    Ok(difference.or(account).or(staged).or(waits_in_vain(&objects).await))
}

/// Rows that wait although all that they could meet has come.
async fn waits_in_vain(objects: &Arc<InMemory>) -> Option<String> {
    for ((name, _), signal) in History::of(&log(objects).await).signals {
        let reached_us = signal.joined.watermark_us.unwrap_or(i64::MAX);
        let is_needed = |file: &WaitingRows| {
            let needed_us = if file.stream == "d" { reached_us } else { reached_us - JOIN_BEFORE_US };
            file.file.covered.iter().any(|&(_, end)| end > needed_us)
        };
        if let Some(file) = signal.waiting.iter().find(|file| !is_needed(file)) {
            return Some(format!("{name}: {} waits in vain", file.file.path));
        }
    }
    None
}

/// The processes of a schedule.
struct Runs<'a> {
    lab: &'a Lab,
    objects: &'a Arc<InMemory>,
    dice: Dice,
    opened: u32,
}

impl Runs<'_> {
    async fn open(&mut self, has: impl Fn(&str) -> bool) -> Result<Engine> {
        self.opened += 1;
        let store = Store::new(Arc::clone(self.objects) as Arc<_>);
        self.lab.open(store, limits(&mut self.dice), &format!("run{}", self.opened), has).await
    }

    /// Reads what landed: not at all, in full, or until somebody stops it; by the process that is there or by a new one,
    /// which may know other signals.
    async fn drain(&mut self, engine: Option<Engine>) -> Result<Option<Engine>> {
        if self.dice.chance(25) {
            return Ok(engine);
        }
        let mut engine = match engine {
            Some(engine) if self.dice.chance(40) => engine,
            _ => {
                let mut known = self.lab.signals();
                known.retain(|_| self.dice.chance(80));
                let known = known.into_iter().collect::<BTreeSet<_>>();
                self.open(|signal| known.contains(signal)).await?
            }
        };
        let stops = self.dice.chance(40);
        let (stop, epochs) = (engine.stop(), AtomicU64::new(self.dice.below(3) as u64));
        let stop_soon = |progress: Progress| {
            if let Progress::Committed { .. } = progress
                && stops
                && epochs.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err()
            {
                stop.ask();
            }
        };
        engine.drain(InputEnd::Pause, &stop_soon).await?;
        // A process that was asked to end does no more.
        Ok((!stop.is_asked()).then_some(engine))
    }
}

/// Tries some schedules of one set of rows, and tells the first that goes wrong.
async fn first_fault(rows_seed: u64, seeds: impl Iterator<Item = u64>) -> Option<String> {
    let rows = rows(&mut Dice::new(u64::MAX - rows_seed));
    let expected = undisturbed(&rows).await.expect("the undisturbed run ends well");
    for seed in seeds {
        let mut dice = Dice::new(seed);
        let schedule = Schedule::of(&mut dice, &rows);
        let fault = match fault(&schedule, dice, &rows, &expected).await {
            Ok(None) => continue,
            Ok(Some(fault)) => fault,
            Err(error) => error.to_string(),
        };
        return Some(format!("TIDEGATE_SCHEDULE={seed}: {fault}\n{schedule:#?}"));
    }
    None
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
fn every_schedule_releases_the_same_bytes() {
    let seeds = match number("TIDEGATE_SCHEDULE") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TIDEGATE_SCHEDULES").unwrap_or(SCHEDULES),
    };
    let next = AtomicU64::new(seeds.start / PER_ROWS);
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        loop {
            let rows_seed = next.fetch_add(1, Ordering::Relaxed);
            let first = rows_seed * PER_ROWS;
            if first >= seeds.end {
                return None;
            }
            let own = (first..first + PER_ROWS).filter(|seed| seeds.contains(seed));
            if let Some(fault) = runtime.block_on(first_fault(rows_seed, own)) {
                return Some(fault);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let found = std::thread::scope(|scope| {
        let workers = (0..threads).map(|_| scope.spawn(work)).collect::<Vec<_>>();
        workers.into_iter().filter_map(|worker| worker.join().expect("a worker ends")).next()
    });
    if let Some(fault) = found {
        panic!("{fault}");
    }
}
