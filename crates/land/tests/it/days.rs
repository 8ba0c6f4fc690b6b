//! A chain goes on in the folder of the next day, and a process whose clock is behind cannot go on in the old one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use object_store::memory::InMemory;
use tidegate_land::Error;

use super::*;

const DAY: u64 = 86_400;

fn on(day: &Arc<AtomicU64>) -> Options {
    let day = Arc::clone(day);
    let clock = move || UNIX_EPOCH + Duration::from_secs(day.load(Ordering::SeqCst) * DAY);
    Options { clock: Arc::new(clock), ..quick() }
}

#[tokio::test(start_paused = true)]
async fn a_new_day_is_a_new_folder() {
    let store = Store::new(Arc::new(InMemory::new()));
    let day = Arc::new(AtomicU64::new(0));
    let landing = open(&store, on(&day));
    for (sequence, today) in [(1, 0), (2, 1), (3, 1), (4, 9), (5, 2)] {
        day.store(today, Ordering::SeqCst);
        landing.put(arrival("p", sequence)).await.unwrap();
    }
    let files = store.list("landing/clicks").await.unwrap();
    let shown: Vec<String> = files.iter().map(|f| f[20..].replace("000000000000", "")).collect();
    let expected = [
        "1970-01-01/p-00000001.parquet",
        "1970-01-01/p-00000002.parquet",
        "1970-01-02/p-00000002.parquet",
        "1970-01-02/p-00000003.parquet",
        "1970-01-02/p-00000004.parquet",
        // The clock went back on the fifth.
        "1970-01-10/p-00000004.parquet",
        "1970-01-10/p-00000005.parquet",
    ];
    assert_eq!(shown, expected);
    let (_, marks) = landed(&store).await;
    assert_eq!(marks[1].moved_to.as_deref(), Some("1970-01-02"));
    let closing = ParquetRecordBatchReaderBuilder::try_new(store.get(&files[1]).await.unwrap().unwrap()).unwrap();
    assert_eq!(closing.schema().fields(), schema().fields());
    assert_eq!(closing.build().unwrap().count(), 0);
    assert_once(&store, "p", 5).await;
}

#[tokio::test(start_paused = true)]
async fn two_processes_around_midnight_do_not_land_the_same_twice() {
    let store = Store::new(Arc::new(InMemory::new()));
    let (today, tomorrow) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(1)));
    let (slow, fast) = (open(&store, on(&today)), open(&store, on(&tomorrow)));
    slow.put(arrival("p", 1)).await.unwrap();
    fast.put(arrival("p", 2)).await.unwrap();
    // It was there already, as the slow one finds out by trying.
    assert!(slow.put(arrival("p", 2)).await.unwrap().duplicate);
    slow.put(arrival("p", 3)).await.unwrap();
    let overtaken = fast.put(arrival("p", 3)).await;
    // The same rows in the same file: nobody can tell whose it is.
    assert!(overtaken.is_ok(), "{overtaken:?}");
    let together = futures::join!(slow.put(arrival("p", 4)), fast.put(arrival("p", 4)), fast.put(arrival("p", 5)));
    for answer in [together.0, together.1, together.2] {
        assert!(matches!(answer, Ok(_) | Err(Error::Overtaken { .. })), "{answer:?}");
    }
    let last = slow.position(&producer("p")).await.unwrap();
    assert_once(&store, "p", last).await;
}

/// What DuckDB and pyarrow make of a folder with a file that has no rows. `TIDEGATE_PYTHON` names an interpreter that has
/// both; without it there is nothing to do.
#[tokio::test]
async fn other_readers_read_over_the_end_of_a_day() {
    const READ: &str = "
import sys, duckdb, pyarrow.dataset as dataset
files = sys.argv[1] + '/landing/**/*.parquet'
print(duckdb.sql(f\"select count(*) from read_parquet('{files}', hive_partitioning = true)\").fetchall()[0][0])
print(dataset.dataset(sys.argv[1] + '/landing', partitioning='hive').to_table().num_rows)";
    let Ok(python) = std::env::var("TIDEGATE_PYTHON") else { return };
    let folder = tempfile::tempdir().unwrap();
    let day = Arc::new(AtomicU64::new(0));
    let landing = open(&Store::open_local(&folder).unwrap(), on(&day));
    landing.put(arrival("p", 1)).await.unwrap();
    day.store(1, Ordering::SeqCst);
    landing.put(arrival("p", 2)).await.unwrap();
    let read = std::process::Command::new(python).args(["-c", READ]).arg(folder.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&read.stdout), "6\n6\n", "{}", String::from_utf8_lossy(&read.stderr));
}
