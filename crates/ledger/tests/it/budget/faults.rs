//! Under faults of every kind and any seed: what was acknowledged stands, nothing is charged twice, no cap is passed.

use std::collections::BTreeSet;

use tidegate_ledger::{Budget, Error, Store};

use super::{block, cap, charge, ids, open, rho};
use crate::faults::{Project, faults};

const SEEDS: u64 = 500;
const RELEASES: u64 = 9;

/// Every number is a release with its own days and cost; 3, 4 and 5 do not fit, whatever was charged before.
fn days_and_cost(number: u64) -> ([i32; 2], u64) {
    let day = (number % 3) as i32;
    ([day, day + 1], if (3..6).contains(&number) { 101 } else { 23 })
}

#[derive(Default)]
struct Outcome {
    paid: BTreeSet<String>,
    refused: BTreeSet<String>,
    errors: u64,
    conflicts: u64,
}

/// One process: charges all releases in its own order. After an error of the store it asks again or dies.
async fn run(store: Store, process: u64, asks_again: bool, outcome: &mut Outcome) -> Result<(), Error> {
    let mut budget = Budget::open(store).await?;
    for step in 0..RELEASES {
        let number = (step * 2 + process * 5) % RELEASES;
        let (days, cost) = days_and_cost(number);
        let id = number.to_string();
        let mut wanted = charge(&id, days, rho(cost));
        wanted.run_id = format!("process {process}");
        let mut charged = budget.charge(wanted.clone(), &cap).await;
        if asks_again && matches!(charged, Err(Error::Store { .. })) {
            outcome.errors += 1;
            // Time has passed: its bytes are others now.
            wanted.charged_at_us += 1;
            charged = budget.charge(wanted, &cap).await;
        }
        match charged {
            Ok(paid) => {
                assert_eq!((paid.id(), paid.spend()), (id.as_str(), rho(cost)));
                outcome.paid.insert(id);
            }
            Err(Error::OverBudget { .. }) => drop(outcome.refused.insert(id)),
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// What must hold at any time, for somebody without any faults.
async fn check(project: &Project, outcome: &Outcome, context: &str) {
    let budget = open(&project.store()).await;
    let ids = ids(&budget);
    let once: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(once.len(), ids.len(), "{context}: charged twice: {ids:?}");
    for id in &outcome.paid {
        assert!(once.contains(id.as_str()), "{context}: {id} was acknowledged, but there is {ids:?}");
    }
    for day in 0..4 {
        let in_log = budget.charges().iter().filter(|record| record.body.blocks.contains(&block(day)));
        let sum: u64 = in_log.map(|record| record.body.spend.rho_nano).sum();
        assert_eq!(budget.spent(&block(day)), rho(sum), "{context}");
        assert!(sum <= 100, "{context}: day {day} paid {sum}");
    }
    for number in 0..RELEASES {
        let (days, cost) = days_and_cost(number);
        let fits = days.iter().all(|day| budget.spent(&block(*day)).rho_nano + cost <= 100);
        let id = number.to_string();
        assert!(!(outcome.refused.contains(&id) && fits), "{context}: {id} was refused, and fits in {ids:?}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_stands_and_nothing_is_charged_twice() {
    let (mut errors, mut crashes) = (0, 0);
    for seed in 0..SEEDS {
        let project = Project::default();
        let mut outcome = Outcome::default();
        for process in 0.. {
            assert!(process < 100, "seed {seed}: no process gets done");
            let (_, store) = project.connect(seed * 1000 + process, faults(seed, process));
            let done = run(store, process, seed.is_multiple_of(2), &mut outcome).await;
            check(&project, &outcome, &format!("seed {seed}, process {process}")).await;
            match done {
                Ok(()) => break,
                Err(Error::Store { .. }) => crashes += 1,
                Err(e) => panic!("seed {seed}, process {process}: {e}"),
            }
        }
        errors += outcome.errors;
        assert!(!outcome.paid.is_empty() && outcome.refused.len() >= 3, "seed {seed}");
    }
    assert!(errors > 50 && crashes > 50, "{errors} errors, {crashes} crashes");
}

#[tokio::test]
async fn processes_that_run_at_once_never_pass_a_cap() {
    let mut shared = 0;
    for seed in 0..SEEDS {
        let project = Project::default();
        let forever = async |process: u64| {
            let mut outcome = Outcome::default();
            // The faults of one that runs again are others.
            for attempt in 0..200 {
                let (_, store) = project.connect(seed * 1000 + process * 200 + attempt, faults(seed, 3));
                match run(store, process, seed.is_multiple_of(2), &mut outcome).await {
                    Ok(()) => return outcome,
                    Err(Error::Store { .. }) => {}
                    Err(Error::Conflict { .. }) => outcome.conflicts += 1,
                    Err(e) => panic!("seed {seed}, process {process}: {e}"),
                }
            }
            panic!("seed {seed}, process {process}: it does not get done")
        };
        let (one, two, three) = futures::join!(forever(0), forever(1), forever(2));
        let (paid, refused) = (one.paid.clone(), one.refused.clone());
        for (process, outcome) in [one, two, three].into_iter().enumerate() {
            assert_eq!(outcome.conflicts, 0, "seed {seed}, process {process}: a crowd of three is no crowd");
            check(&project, &outcome, &format!("seed {seed}, process {process}")).await;
            assert_eq!((&outcome.paid, &outcome.refused), (&paid, &refused), "seed {seed}, process {process}");
        }
        let budget = open(&project.store()).await;
        let writers: BTreeSet<&str> = budget.charges().iter().map(|record| record.body.run_id.as_str()).collect();
        shared += u64::from(writers.len() > 1);
    }
    // They did meet.
    assert!(shared > SEEDS / 2, "in {shared} projects more than one process was paid");
}
