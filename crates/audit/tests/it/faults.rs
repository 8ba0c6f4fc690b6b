//! Over a store that fails in every way: what was acknowledged stands once, and the log is in order in the end.

use tidegate_testkit::faulty::{Faults, Faulty};

use super::*;

const SEEDS: u64 = 60;
const ENTRIES: usize = 6;

/// Appends what is still to be appended, as a process does that may die.
async fn run(store: Store) -> Result<(), Error> {
    let mut log = AuditLog::open(store, FOLDER, ORIGIN, log_key()).await?;
    for number in 0..ENTRIES {
        let appended = log.append_once(&envelope(number)).await;
        // A call that failed may be made again.
        if appended.is_err() {
            log.append_once(&envelope(number)).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn what_is_tried_until_it_succeeds_stands_once() {
    let mut errors = 0;
    for seed in 0..SEEDS {
        let files = Arc::new(InMemory::new());
        for process in 0.. {
            assert!(process < 100, "seed {seed}: no process gets done");
            let die_at = (seed.is_multiple_of(3) && process < 3).then_some(2 + (seed + process) % 17);
            let faults = Faults { die_at, ..Faults::of_chance((seed % 5) as f64 * 0.06) };
            let faulty = Arc::new(Faulty::new(Arc::clone(&files), seed * 1000 + process, faults));
            let clock = faulty.clock();
            let store = Store::new(faulty).with_pause(move |how_long| clock.clone().pass(how_long));
            match run(store).await {
                Ok(()) => break,
                Err(Error::Store(_)) => errors += 1,
                Err(error) => panic!("seed {seed}, process {process}: {error}"),
            }
        }
        let store = Store::new(files);
        let expected: Vec<_> = (0..ENTRIES).map(envelope).collect();
        assert_eq!(entries(&store).await, expected, "seed {seed}");
        assert_eq!(damage(&store).await, None, "seed {seed}");
    }
    assert!(errors > 10, "{errors} errors");
}
