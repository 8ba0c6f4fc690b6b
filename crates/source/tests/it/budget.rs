//! What waits for its reader is bounded in bytes, and nobody waits forever for that.

use futures::StreamExt;
use futures::stream::BoxStream;
use tidegate_source::{Delivery, Item, Source};

use crate::stage::{Stage, decisions};

const FILES: usize = 6;
const ROWS: usize = 4_000;
const BATCH_ROWS: usize = 100;

fn stage() -> Stage {
    let stage = Stage::with_event_time("event_time");
    for file in 0..FILES {
        stage.csv(&format!("{file}.csv"), &decisions(ROWS));
    }
    stage
}

fn open_all(source: &Source) -> Vec<BoxStream<'static, Item>> {
    let columns: Vec<String> = source.schema().fields().iter().map(|field| field.name().clone()).collect();
    let files = source.discover().unwrap();
    files.iter().map(|file| source.open(file, &columns, 0.., BATCH_ROWS).unwrap()).collect()
}

fn delivery(item: Item) -> Delivery {
    match item {
        Item::Rows(delivery) => delivery,
        Item::FileRejected(rejection) => panic!("{rejection}"),
    }
}

/// Gives the threads that read time to do too much.
async fn dawdle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
}

/// How many bytes the largest delivery of a file is.
async fn largest(source: &Source) -> u64 {
    let mut items = open_all(source).swap_remove(0);
    let mut largest = 0;
    // With a budget of nothing, only the batch that is waited for is in flight.
    while let Some(item) = items.next().await {
        largest = largest.max(source.bytes_in_flight());
        drop(item);
    }
    largest
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_of_many_files_meets_no_more_than_the_budget() {
    let stage = stage();
    let batch = largest(&stage.source("csv").with_budget(0)).await;
    assert!(batch > 0);
    for budget in [0, 1, batch, 5 * batch, 20 * batch] {
        let source = stage.source("csv").with_budget(budget);
        let mut most = 0;
        for mut items in open_all(&source) {
            let mut rows = 0;
            while let Some(item) = items.next().await {
                dawdle().await;
                most = most.max(source.bytes_in_flight());
                rows += delivery(item).rows_read;
            }
            assert_eq!(rows, ROWS as u64);
        }
        assert!(most <= budget + batch, "{most} bytes in flight with a budget of {budget}");
        assert!(most + batch >= budget.min(4 * batch), "{most} bytes in flight: the budget of {budget} is not used");
        assert_eq!(source.bytes_in_flight(), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_can_be_read_in_any_order() {
    let stage = stage();
    let source = stage.source("csv").with_budget(1);
    let mut streams = open_all(&source);
    let mut rows = 0;
    // Last first, then in turns.
    let mut last = streams.pop().unwrap();
    while let Some(item) = last.next().await {
        rows += delivery(item).rows_read;
    }
    while !streams.is_empty() {
        let mut open = Vec::new();
        for mut items in streams {
            if let Some(item) = items.next().await {
                rows += delivery(item).rows_read;
                open.push(items);
            }
        }
        streams = open;
    }
    assert_eq!(rows, (FILES * ROWS) as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_keeps_all_that_was_delivered_gets_more() {
    let stage = stage();
    let source = stage.source("csv").with_budget(1);
    let mut kept = Vec::new();
    for mut items in open_all(&source) {
        while let Some(item) = items.next().await {
            kept.push(delivery(item));
        }
    }
    assert_eq!(kept.iter().map(|delivery| delivery.rows_read).sum::<u64>(), (FILES * ROWS) as u64);
    assert!(source.bytes_in_flight() > 0);
    // Taken apart, a delivery is no longer in flight.
    let batches: Vec<_> = kept.into_iter().map(|delivery| delivery.batch).collect();
    assert_eq!((source.bytes_in_flight(), batches.len()), (0, FILES * ROWS / BATCH_ROWS));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_given_up_give_their_bytes_back() {
    let stage = stage();
    let source = stage.source("csv").with_budget(100_000);
    let mut streams = open_all(&source);
    let first = streams[0].next().await.unwrap();
    dawdle().await;
    drop((first, streams));
    // The threads notice by themselves.
    while source.bytes_in_flight() > 0 {
        dawdle().await;
    }
}
