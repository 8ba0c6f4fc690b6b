//! Does an engine release the truth over a store that has bad days, and beside another engine?
//!
//! `TIDEGATE_FAULTS=<seed>` tries one seed alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use object_store::memory::InMemory;
use tidegate_ledger::Store;
use tidegate_stream::{InputEnd, Limits, Result};
use tidegate_testkit::faulty::{Fault, Faults, Faulty};

use crate::lab::{Accounts, Dice, Lab, files, first_difference};

const SEEDS: u64 = 200;
/// Processes after which a seed counts as hopeless.
const PROCESSES: u64 = 300;

const SQL: &str = "
CREATE STREAM d (id BIGINT, at TIMESTAMP, area VARCHAR, x DOUBLE) WITH (path = 'landing', format = 'parquet',
  event_time = 'at', watermark = INTERVAL '2 days', dedupe_key = 'id');
CREATE SIGNAL hourly AS
SELECT window_start, window_end, area, COUNT(*) AS n, SUM(x) AS total
FROM TUMBLE(d, at, INTERVAL '6 hours') GROUP BY window_start, window_end, area;
CREATE SIGNAL guarded AS
SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold = 2, privacy_unit_column = id) area, AVG(x) AS mean
FROM d GROUP BY area;
CREATE STREAM e (id BIGINT, at TIMESTAMP, area VARCHAR, x DOUBLE) WITH (path = 'landing', format = 'parquet',
  event_time = 'at', watermark = INTERVAL '2 days', dedupe_key = 'id');
CREATE SIGNAL met AS
SELECT window_start, window_end, COUNT(*) AS rows, SUM(e.x) AS total FROM TUMBLE(d, at, INTERVAL '6 hours') AS d
LEFT JOIN e ON d.area = e.area AND e.at BETWEEN d.at AND d.at + INTERVAL '3 hours' GROUP BY window_start, window_end;
";

const ROWS: u64 = 60;
const DUPLICATES: u64 = 6;

/// Three files over two days; the second brings some rows of the first again.
async fn lab() -> Lab {
    let lab = Lab::new(SQL).await;
    for (name, ids) in [("a", 0..20_i64), ("b", 14..40), ("c", 40..60)] {
        lab.land(&format!("landing/{name}.parquet"), &batch(ids));
    }
    lab
}

fn batch(ids: std::ops::Range<i64>) -> RecordBatch {
    const HOUR_US: i64 = 3_600_000_000;
    let start_us = 1_767_571_200_000_000; // 2026-01-05
    let times = ids.clone().map(|id| start_us + id * 7 % 48 * HOUR_US + id);
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(Int64Array::from_iter_values(ids.clone()))),
        ("at", Arc::new(TimestampMicrosecondArray::from_iter_values(times))),
        (
            "area",
            Arc::new(ids.clone().map(|id| (id % 4 != 0).then(|| format!("a{}", id % 3))).collect::<StringArray>()),
        ),
        ("x", Arc::new(Float64Array::from_iter_values(ids.map(|id| id as f64 / 7.0)))),
    ];
    RecordBatch::try_from_iter(columns).expect("a batch")
}

/// Small enough for several epochs.
fn limits() -> Limits {
    Limits { max_files: 1, threads: 2, ..Limits::default() }
}

/// What a process does: it opens the project, reads what is there, and then hears that nothing more comes.
async fn process(lab: &Lab, store: Store, run: &str) -> Result<()> {
    let mut engine = lab.open(store, limits(), run, |_| true).await?;
    engine.drain(InputEnd::Pause, &|_| {}).await?;
    engine.drain(InputEnd::End, &|_| {}).await?;
    Ok(())
}

async fn undisturbed(lab: &Lab) -> BTreeMap<String, Vec<u8>> {
    let objects = Arc::new(InMemory::new());
    let store = Store::new(Arc::clone(&objects) as Arc<_>);
    process(lab, store, "undisturbed").await.expect("the run ends well");
    assert_eq!(Accounts::of(&objects).await.fault(ROWS, DUPLICATES, &["met"]), None);
    files(&objects, "released").await
}

/// The store as a process sees it that has bad luck.
fn connect(objects: &Arc<InMemory>, seed: u64, faults: Faults) -> (Arc<Faulty<Arc<InMemory>>>, Store) {
    let faulty = Arc::new(Faulty::new(Arc::clone(objects), seed, faults));
    let clock = faulty.clock();
    let store = Store::new(Arc::clone(&faulty) as Arc<_>).with_pause(move |how_long| clock.clone().pass(how_long));
    (faulty, store)
}

/// From no faults to so many that five tries are often not enough. Some processes die, and some stores tear what they
/// replace.
fn faults(seed: u64, process: u64) -> Faults {
    let mut dice = Dice::new(seed * PROCESSES + process);
    let die_at = (process < 4 && dice.chance(50)).then(|| 1 + dice.below(90) as u64);
    let torn_replace = if dice.chance(30) { 0.1 } else { 0.0 };
    Faults { die_at, torn_replace, ..Faults::of_chance((seed % 5) as f64 * 0.04) }
}

/// What is wrong with a project when all processes are done.
async fn fault(objects: &Arc<InMemory>, expected: &BTreeMap<String, Vec<u8>>) -> Option<String> {
    let released = files(objects, "released").await;
    let difference = first_difference(&released, expected).map(|path| format!("{path} differs"));
    difference.or(Accounts::of(objects).await.fault(ROWS, DUPLICATES, &["met"]))
}

fn seeds() -> std::ops::Range<u64> {
    let seed = std::env::var("TIDEGATE_FAULTS").ok().and_then(|seed| seed.parse::<u64>().ok());
    seed.map_or(0..SEEDS, |seed| seed..seed + 1)
}

#[tokio::test]
async fn a_drain_that_is_tried_until_it_succeeds_releases_the_truth() {
    let lab = lab().await;
    let expected = undisturbed(&lab).await;
    let (mut tally, mut errors) = (BTreeMap::<Fault, u64>::new(), 0);
    for seed in seeds() {
        let objects = Arc::new(InMemory::new());
        for number in 0.. {
            assert!(number < PROCESSES, "TIDEGATE_FAULTS={seed}: no process gets done");
            let (connection, store) = connect(&objects, seed * PROCESSES + number, faults(seed, number));
            let done = process(&lab, store, &format!("run{number}")).await;
            for (fault, times) in connection.tally() {
                *tally.entry(fault).or_default() += times;
            }
            match done {
                Ok(()) => break,
                // Nobody else writes, and what is on the store is whole wherever the log names it.
                Err(error) => {
                    let passes = matches!(&error, tidegate_stream::Error::Ledger(tidegate_ledger::Error::Store { .. }));
                    assert!(passes, "TIDEGATE_FAULTS={seed}, process {number}: {error}");
                    errors += 1;
                }
            }
        }
        assert_eq!(fault(&objects, &expected).await, None, "TIDEGATE_FAULTS={seed}");
        let staged = files(&objects, "staging").await;
        assert!(staged.is_empty(), "TIDEGATE_FAULTS={seed}: left in staging: {:?}", staged.keys());
    }
    if seeds().count() > 1 {
        // The worst did happen.
        assert!(errors > 100, "{errors} errors");
        for fault in [Fault::Timeout, Fault::LostAnswer, Fault::Busy, Fault::DeniedCreate, Fault::Torn, Fault::Dead] {
            assert!(tally.get(&fault).is_some_and(|times| *times > 50), "{fault:?} in {tally:?}");
        }
    }
}

/// Opens anew until a run ends well, and says how often another process was first.
async fn run_until_done(lab: &Lab, objects: &Arc<InMemory>, name: &str, seed: u64) -> Result<u64> {
    let mut conflicts = 0;
    for number in 0..PROCESSES {
        let faults = Faults { die_at: None, torn_replace: 0.0, ..faults(seed, number) };
        let (_, store) = connect(objects, seed * PROCESSES + number, faults);
        match process(lab, store, &format!("{name}{number}")).await {
            Ok(()) => return Ok(conflicts),
            Err(tidegate_stream::Error::Ledger(tidegate_ledger::Error::Conflict { .. })) => conflicts += 1,
            Err(tidegate_stream::Error::Ledger(tidegate_ledger::Error::Store { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    panic!("{name} of seed {seed} does not get done");
}

#[tokio::test]
async fn two_engines_race_for_one_truth() {
    let lab = lab().await;
    let expected = undisturbed(&lab).await;
    let mut conflicts = 0;
    for seed in seeds() {
        let objects = Arc::new(InMemory::new());
        let one = run_until_done(&lab, &objects, "one", seed * 2);
        let two = run_until_done(&lab, &objects, "two", seed * 2 + 1);
        for done in <[_; 2]>::from(futures::join!(one, two)) {
            conflicts += done.unwrap_or_else(|error| panic!("TIDEGATE_FAULTS={seed}: {error}"));
        }
        assert_eq!(fault(&objects, &expected).await, None, "TIDEGATE_FAULTS={seed}");
    }
    assert!(conflicts > 0 || seeds().count() == 1, "nobody was in anybody's way");
}
