//! Under faults of every kind and any seed: what was acknowledged stands in the log, once and in order.

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::memory::InMemory;
use tidegate_ledger::{Chain, Error, Store};
use tidegate_testkit::faulty::{Fault, Faults, Faulty};

const SEEDS: u64 = 500;
const RECORDS: usize = 6;

/// A project's store in memory, and what happened to those who used it.
#[derive(Default)]
pub(crate) struct Project {
    files: Arc<InMemory>,
    tally: BTreeMap<Fault, u64>,
}

pub(crate) type Connection = Arc<Faulty<Arc<InMemory>>>;

impl Project {
    /// The store as a process sees it that has bad luck.
    pub(crate) fn connect(&self, seed: u64, faults: Faults) -> (Connection, Store) {
        let faulty = Arc::new(Faulty::new(Arc::clone(&self.files), seed, faults));
        let clock = faulty.clock();
        let objects: Connection = Arc::clone(&faulty);
        (faulty, Store::new(objects).with_pause(move |how_long| clock.clone().pass(how_long)))
    }

    fn count(&mut self, connection: &Connection) {
        for (fault, times) in connection.tally() {
            *self.tally.entry(fault).or_default() += times;
        }
    }

    /// The store as somebody sees it without any faults.
    pub(crate) fn store(&self) -> Store {
        Store::new(Arc::clone(&self.files) as Arc<_>)
    }

    /// What the log says to somebody without any faults.
    async fn log(&self) -> Vec<String> {
        bodies(Chain::open(self.store(), "commits").await.unwrap().1)
    }
}

fn bodies(records: Vec<tidegate_ledger::Record<String>>) -> Vec<String> {
    records.into_iter().map(|record| record.body).collect()
}

/// The chance of each fault: from none to so many that five tries are often not enough. In some projects the first
/// processes die.
pub(crate) fn faults(seed: u64, process: u64) -> Faults {
    let die_at = (seed.is_multiple_of(3) && process < 3).then_some(2 + (seed + process) % 17);
    Faults { die_at, ..Faults::of_chance((seed % 5) as f64 * 0.06) }
}

/// Appends `record 0`, `record 1` and so on, from where the log ends. After an error it asks again or gives up; a new
/// process then goes on.
async fn run(store: Store, seed: u64, acknowledged: &mut Vec<String>) -> Result<(), Error> {
    let (mut chain, found) = Chain::<String>::open(store, "commits").await?;
    for number in found.len()..RECORDS {
        let record = format!("record {number}");
        let mut appended = chain.append(record.clone()).await;
        if appended.is_err() && seed.is_multiple_of(2) {
            appended = chain.append(record.clone()).await;
        }
        appended?;
        acknowledged.push(record);
    }
    Ok(())
}

#[tokio::test]
async fn what_was_acknowledged_stands_once_and_in_order() {
    let (mut tally, mut errors) = (BTreeMap::new(), 0);
    for seed in 0..SEEDS {
        let mut project = Project { tally, ..Project::default() };
        let mut acknowledged = Vec::new();
        for process in 0.. {
            assert!(process < 100, "seed {seed}: no process gets done");
            let (connection, store) = project.connect(seed * 1000 + process, faults(seed, process));
            let done = run(store, seed, &mut acknowledged).await;
            project.count(&connection);

            let log = project.log().await;
            let all: Vec<String> = (0..RECORDS).map(|number| format!("record {number}")).collect();
            assert_eq!(log, all[..log.len()], "seed {seed}, process {process}");
            // A record may have been written without an acknowledgement; then the next process finds it and goes on.
            assert!(acknowledged.is_sorted(), "seed {seed}, process {process}: {acknowledged:?}");
            let stands = acknowledged.iter().all(|record| log.contains(record));
            assert!(stands, "seed {seed}, process {process}: {acknowledged:?} but {log:?}");
            match done {
                Ok(()) => break,
                // Nobody else writes: a conflict would mean that it did not know its own record.
                Err(Error::Conflict { seq, .. }) => panic!("seed {seed}, process {process}: conflict at {seq}"),
                Err(_) => errors += 1,
            }
        }
        assert_eq!(project.log().await.len(), RECORDS, "seed {seed}");
        tally = project.tally;
    }
    // The worst did happen.
    assert!(errors > 50, "{errors} errors");
    for fault in [Fault::Timeout, Fault::LostAnswer, Fault::Busy, Fault::DeniedCreate, Fault::Slow, Fault::Dead] {
        assert!(tally.get(&fault).is_some_and(|times| *times > 50), "{fault:?} in {tally:?}");
    }
}

/// One of two writers: appends three records of its own, each on top of the log as it finds it. Says where they went.
async fn write(store: Store, name: &str, seed: u64) -> (Vec<(u64, String)>, u64) {
    let (mut acknowledged, mut conflicts) = (Vec::new(), 0);
    for number in 0..3 {
        let record = format!("{name} {number} of seed {seed}");
        for _ in 0..200 {
            let Ok((mut chain, found)) = Chain::<String>::open(store.clone(), "commits").await else { continue };
            // It may stand there by a try that seemed to fail.
            if let Some(found) = found.iter().find(|found| found.body == record) {
                acknowledged.push((found.seq, record.clone()));
                break;
            }
            match chain.append(record.clone()).await {
                Ok(appended) => {
                    acknowledged.push((appended.seq, record.clone()));
                    break;
                }
                Err(Error::Conflict { .. }) => conflicts += 1,
                Err(_) => {}
            }
        }
    }
    (acknowledged, conflicts)
}

#[tokio::test]
async fn two_writers_never_both_commit_the_same_number() {
    let mut all_conflicts = 0;
    for seed in 0..SEEDS {
        let project = Project::default();
        let chance = Faults::of_chance((seed % 5) as f64 * 0.06);
        let (one, two) = (project.connect(seed * 2, chance).1, project.connect(seed * 2 + 1, chance).1);
        let ((one, some), (two, others)) = futures::join!(write(one, "one", seed), write(two, "two", seed));
        all_conflicts += some + others;

        let mut acknowledged = [one, two].concat();
        acknowledged.sort();
        assert_eq!(acknowledged.len(), 6, "seed {seed}: a writer did not get done");
        let log = project.log().await;
        let expected: Vec<(u64, String)> = (0..).zip(log).collect();
        assert_eq!(acknowledged, expected, "seed {seed}");
    }
    assert!(all_conflicts > SEEDS, "{all_conflicts} conflicts");
}

#[tokio::test]
async fn a_torn_record_is_never_taken_for_a_whole_one() {
    let project = Project::default();
    let (_, store) = project.connect(1, Faults { torn: 1.0, ..Faults::default() });
    let (mut chain, _) = Chain::<String>::open(store.clone(), "commits").await.unwrap();
    let error = chain.append("record 0".to_string()).await.unwrap_err();
    assert!(matches!(error, Error::Conflict { seq: 0, .. }), "{error}");
    let error = Chain::<String>::open(store, "commits").await.unwrap_err();
    assert!(matches!(error, Error::Damaged { .. }), "{error}");
}
