//! What was put is there, in files that many arrivals share.

use std::sync::Arc;

use futures::future::join_all;
use object_store::memory::InMemory;
use tidegate_land::{Error, Receipt};

use super::*;

fn memory() -> Store {
    Store::new(Arc::new(InMemory::new()))
}

#[tokio::test(start_paused = true)]
async fn arrivals_of_a_while_share_a_file() {
    let store = memory();
    let landing = open(&store, Options::default());
    let receipts = join_all((1..=20).map(|sequence| landing.put(arrival("p", sequence)))).await;
    for (receipt, sequence) in receipts.into_iter().zip(1..) {
        assert_eq!(receipt.unwrap(), Receipt { sequence, duplicate: false });
    }
    let (_, marks) = landed(&store).await;
    assert_eq!(marks.len(), 1);
    assert_eq!((marks[0].first, marks[0].last), (1, 20));
    assert_once(&store, "p", 20).await;
    let metrics = landing.metrics();
    assert_eq!((metrics.rows, metrics.arrivals, metrics.files), (60, 20, 1));
    assert_eq!((metrics.waiting, metrics.waiting_bytes), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_file_is_named_by_its_first_number_in_the_folder_of_the_day() {
    let store = memory();
    let options = Options { clock: Arc::new(|| std::time::UNIX_EPOCH), ..Options::default() };
    let landing = open(&store, options);
    landing.put(arrival("p", 1)).await.unwrap();
    landing.put(arrival("p", 2)).await.unwrap();
    let expected = ["00000000000000000001", "00000000000000000002"]
        .map(|number| format!("landing/clicks/date=1970-01-01/p-{number}.parquet"));
    assert_eq!(store.list("landing").await.unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_full_file_is_not_waited_for() {
    let store = memory();
    let options = Options { file_bytes: 1, flush_after: Duration::MAX, ..Options::default() };
    let landing = open(&store, options);
    for sequence in 1..=5 {
        landing.put(arrival("p", sequence)).await.unwrap();
    }
    assert_once(&store, "p", 5).await;
}

#[tokio::test(start_paused = true)]
async fn flush_lands_what_was_taken_before() {
    let store = memory();
    let landing = open(&store, Options { flush_after: Duration::MAX, ..Options::default() });
    let pending = landing.offer(arrival("p", 1)).await.unwrap();
    let other = landing.offer(arrival("q", 1)).await.unwrap();
    landing.flush().await;
    assert!(!pending.await.unwrap().duplicate && !other.await.unwrap().duplicate);
    assert_eq!(landing.position(&producer("p")).await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn close_lands_what_was_taken_and_takes_no_more() {
    let store = memory();
    let landing = open(&store, Options { flush_after: Duration::MAX, ..Options::default() });
    let pending = landing.offer(arrival("p", 1)).await.unwrap();
    landing.close().await;
    assert!(pending.await.is_ok());
    assert!(matches!(landing.put(arrival("p", 2)).await, Err(Error::Closed)));
    assert_once(&store, "p", 1).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_landed_is_acknowledged_again_and_not_landed_again() {
    let store = memory();
    let landing = open(&store, quick());
    for sequence in [1, 1, 2, 1, 2] {
        landing.put(arrival("p", sequence)).await.unwrap();
    }
    drop(landing);
    let landing = open(&store, quick());
    for (sequence, duplicate) in [(2, true), (3, false), (1, true)] {
        assert_eq!(landing.put(arrival("p", sequence)).await.unwrap(), Receipt { sequence, duplicate });
    }
    assert_once(&store, "p", 3).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_again_before_it_is_landed_waits_for_it() {
    let store = memory();
    let landing = open(&store, Options::default());
    let sent = [1, 2, 1, 2, 3, 2];
    let receipts = join_all(sent.map(|sequence| landing.put(arrival("p", sequence)))).await;
    let duplicates: Vec<bool> = receipts.into_iter().map(|receipt| receipt.unwrap().duplicate).collect();
    assert_eq!(duplicates, [false, false, true, true, false, true]);
    assert_once(&store, "p", 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_number_that_leaves_one_out_is_refused() {
    let store = memory();
    let landing = open(&store, quick());
    let gap = |expected: u64| move |error: Error| matches!(error, Error::Gap { expected: e, .. } if e == expected);
    assert!(landing.put(arrival("p", 2)).await.is_err_and(gap(1)));
    landing.put(arrival("p", 1)).await.unwrap();
    assert!(landing.put(arrival("p", 3)).await.is_err_and(gap(2)));
    assert!(landing.put(arrival("p", u64::MAX)).await.is_err_and(gap(2)));
    assert!(landing.put(arrival("p", 0)).await.is_err_and(gap(1)), "numbers begin with 1");
    assert_once(&store, "p", 1).await;
}

#[tokio::test(start_paused = true)]
async fn arrivals_without_rows_count() {
    let store = memory();
    let landing = open(&store, quick());
    let empty = Arrival { batch: rows(1).slice(0, 0), ..arrival("p", 1) };
    landing.put(empty).await.unwrap();
    drop(landing);
    let landing = open(&store, quick());
    assert_eq!(landing.position(&producer("p")).await.unwrap(), 1);
    landing.put(arrival("p", 2)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_producer_that_is_silent_for_long_goes_on() {
    let store = memory();
    let landing = open(&store, Options { producers: 1, ..quick() });
    landing.put(arrival("p", 1)).await.unwrap();
    assert!(matches!(landing.put(arrival("q", 1)).await, Err(Error::Busy { .. })));
    tokio::time::advance(Duration::from_secs(120)).await;
    tokio::task::yield_now().await;
    landing.put(arrival("q", 1)).await.unwrap();
    tokio::time::advance(Duration::from_secs(120)).await;
    tokio::task::yield_now().await;
    landing.put(arrival("p", 2)).await.unwrap();
    assert_once(&store, "p", 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_changed_is_named() {
    let store = memory();
    let landing = open(&store, quick());
    landing.put(arrival("p", 1)).await.unwrap();
    drop(landing);
    store.replace("positions/clicks/p.json", bytes::Bytes::from_static(b"{}")).await.unwrap();
    let landing = open(&store, quick());
    let error = landing.put(arrival("p", 2)).await.unwrap_err();
    assert!(matches!(&error, Error::Damaged { file, .. } if file == "positions/clicks/p.json"), "{error}");
}

#[tokio::test]
async fn names_of_streams_are_checked() {
    for name in ["", "A", "a/b", "../a", "1a", &"a".repeat(65)] {
        let opened = Landing::open(memory(), name, schema(), Options::default());
        assert!(matches!(opened, Err(Error::InvalidStream { .. })), "{name}");
    }
}
