//! However many append at once: every entry stands, once.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

/// Lets `writers` append `each` entries of their own at once, each through a handle of its own.
async fn append_at_once(store: &Store, writers: usize, each: usize) {
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut log = open(&store).await;
                let mut places = Vec::new();
                for number in writer * each..(writer + 1) * each {
                    places.push((log.append(&envelope(number)).await.unwrap(), number));
                }
                places
            })
        })
        .collect();
    let mut places = Vec::new();
    for task in tasks {
        places.extend(task.await.unwrap());
    }
    places.sort_unstable();

    let numbers: BTreeSet<usize> = places.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, (0..writers * each).collect());
    let found = entries(store).await;
    assert_eq!(found.len(), places.len());
    for (index, number) in places {
        assert_eq!(found[index as usize], envelope(number), "{index}");
    }
    let checkpoint = reader(store).verify(&keys()).await.unwrap();
    assert_eq!(checkpoint.size, found.len() as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_appenders_on_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    append_at_once(&Store::open_local(folder.path()).unwrap(), 20, 3).await;
}

/// Beyond a full bundle.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn twenty_appenders_in_memory() {
    append_at_once(&in_memory(), 20, 15).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_to_stand_once_stands_once_whoever_appends_it() {
    let store = in_memory();
    let tasks: Vec<_> = (0..8)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut log = open(&store).await;
                let mut places = Vec::new();
                for number in 0..10 {
                    let number = (number + writer) % 10;
                    places.push((number, log.append_once(&envelope(number)).await.unwrap()));
                }
                places
            })
        })
        .collect();
    let mut places = BTreeSet::new();
    for task in tasks {
        places.extend(task.await.unwrap());
    }
    assert_eq!((places.len(), entries(&store).await.len()), (10, 10));
    assert_eq!(damage(&store).await, None);
}

/// A writer that slept while others filled its bundle and deleted what it is about to create.
#[tokio::test]
async fn a_writer_that_slept_appends_at_the_end() {
    let store = lay(&written(250).await, in_memory()).await;
    let (mut sleeper, mut other) = (open(&store).await, open(&store).await);
    for number in 250..MANY {
        other.append(&envelope(number)).await.unwrap();
    }
    assert_eq!(store.get("audit/tile/entries/000.p/251").await.unwrap(), None);
    assert_eq!(sleeper.append(&envelope(MANY)).await.unwrap(), MANY as u64);
    assert_eq!(entries(&store).await.len(), MANY + 1);
    assert_eq!(damage(&store).await, None);
}

/// Its checkpoint went back, its entries did not.
#[tokio::test]
async fn an_older_checkpoint_is_brought_up_to_date() {
    let older = written(2).await["audit/checkpoint"].clone();
    let store = lay(&written(MANY).await, in_memory()).await;
    store.replace("audit/checkpoint", older).await.unwrap();
    assert!(damage(&store).await.is_some());
    assert_eq!(open(&store).await.size(), MANY as u64);
    assert_eq!(damage(&store).await, None);
}

#[tokio::test]
async fn an_entry_that_stands_is_found_by_a_writer_that_did_not_write_it() {
    let store = lay(&written(MANY).await, in_memory()).await;
    let mut log = open(&store).await;
    for number in [0, 100, 255, 256, MANY - 1] {
        assert_eq!(log.append_once(&envelope(number)).await.unwrap(), number as u64);
    }
    assert_eq!(log.append_once(&envelope(MANY)).await.unwrap(), MANY as u64);
    assert_eq!(log.append(&envelope(0)).await.unwrap(), MANY as u64 + 1);
    assert_eq!(damage(&store).await, None);
}

#[tokio::test]
async fn what_is_no_envelope_or_too_long_is_refused_and_nothing_is_written() {
    let store = in_memory();
    let mut log = open(&store).await;
    let before = files(&store).await;
    assert!(matches!(log.append(b"{}").await, Err(Error::Envelope { .. })));
    let predicate = [("text".to_owned(), "x".repeat(60_000).into())];
    let statement = Statement::new(vec![Subject::of("s", b"")], "https://example.com/p/v1", predicate).unwrap();
    let long = Envelope::sign(statement, &log_key()).encode();
    assert!(matches!(log.append_once(&long).await, Err(Error::TooLong { .. })));
    assert_eq!(files(&store).await, before);
}

#[tokio::test]
async fn another_key_or_origin_does_not_open_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let opened = async |folder: &Path, origin: &str, key: PrivateKey| {
        AuditLog::open(Store::open_local(folder).unwrap(), FOLDER, origin, key).await
    };
    opened(folder.path(), ORIGIN, log_key()).await.unwrap();
    let other = opened(folder.path(), ORIGIN, PrivateKey::from_seed(&[9; 32])).await;
    assert!(matches!(other, Err(Error::Checkpoint { .. })), "{other:?}");
    let other = opened(folder.path(), "example.com/other", log_key()).await;
    assert!(matches!(other, Err(Error::Checkpoint { .. })), "{other:?}");
}
